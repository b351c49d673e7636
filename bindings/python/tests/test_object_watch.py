"""Buckets of objects: watches."""

from __future__ import annotations

import asyncio
from typing import Any

from harness import Harness
from objects import made
from support import EAGER, WAIT, Events, behaviour, dial, fails


@behaviour("object-20")
async def test_a_watch(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o20")
        told: list[Any] = []

        async def seen(info: Any) -> None:
            told.append(info)

        watcher, other = await store.watch(), await store.watch(seen)
        assert await watcher.updates(WAIT) is None

        names: list[Any] = [None]

        async def tells(*expected: Any) -> None:
            info = await watcher.updates(timeout=WAIT)
            assert info and (info.name, info.size, info.deleted) == expected
            names.append(info.name)
            while len(told) < len(names):
                await asyncio.sleep(0.01)

        # What is replaced before it was sent is not told any more, so each is awaited.
        for name, content in (("x", b"1"), ("x", b"two"), ("y", b"y")):
            await store.put(name, content)
            await tells(name, len(content), False)
        await store.delete("y")
        await tells("y", 0, True)
        with fails("TIMEOUT"):
            await watcher.updates(0.02)
        await other._sub.drain()
        assert [info and info.name for info in told] == names


@behaviour("object-21")
async def test_what_is_watched(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o21")
        for name in ("x", "y", "x"):
            await store.put(name, b"content")
        await store.delete("y")
        every: list[tuple[dict[str, Any], list[str]]] = [
            ({}, ["x", "-y", ".", "-x", "z"]),
            ({"ignore_deletes": True}, ["x", ".", "z"]),
            ({"include_history": True}, ["x", "-y", ".", "-x", "z"]),
            ({"updates_only": True}, [".", "-x", "z"]),
        ]
        watchers = [await store.watch(**options) for options, _ in every]
        await store.delete("x")
        await store.put("z", b"")
        for watcher, (options, expected) in zip(watchers, every, strict=True):
            seen = []
            for _ in expected:
                info = await watcher.updates(WAIT)
                seen.append("." if info is None else "-" * info.deleted + info.name)
            assert sorted(seen) == sorted(expected), options
            assert seen[-2:] == expected[-2:]
        with fails("INVALID_ARGUMENT"):
            await store.watch(updates_only=True, include_history=True)
        with fails("INVALID_OPTION", "'meta_only'"):
            await store.watch(meta_only=True)  # type: ignore[call-arg]


@behaviour("object-22")
async def test_what_is_no_object(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store = await made(js, "o22")
        watcher = await store.watch()
        assert await watcher.updates(WAIT) is None
        await js.publish("$O.o22.M.YQ==", b"{")
        await store.put("z", b"")
        with fails("PROTOCOL"):
            await watcher.updates(WAIT)
        info = await watcher.updates(WAIT)
        assert info and info.name == "z", "it goes on"


@behaviour("object-23")
async def test_the_end_of_a_watch(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store = await made(js, "o23")
        stopped, kept = await store.watch(), await store.watch()
        for watcher in (stopped, kept):
            assert await anext(watcher) is None
        await stopped.stop()
        assert [info async for info in stopped] == []
        await js.delete_object_store("o23")
        with fails("BUCKET_NOT_FOUND"):
            await anext(kept)


@behaviour("object-24")
async def test_a_watch_goes_on(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    proxy = harness.proxy(server)
    async with dial(server.url) as direct, dial(proxy.url, **EAGER, **events.options) as nc:
        store = await made(direct.jetstream(), "b")
        watcher = await (await nc.jetstream().object_store("b")).watch()
        assert await watcher.updates(WAIT) is None
        for round in range(3):
            await store.put(f"before {round}", b"")
            info = await watcher.updates(WAIT)
            assert info and info.name == f"before {round}"
            proxy.tell("cut_now")
            for number in range(10):
                await store.put(f"{round} {number}", b"")
            await events.wait("reconnected", round + 1)
            for number in range(10):
                info = await watcher.updates(WAIT)
                assert info and info.name == f"{round} {number}"
