"""Buckets that this client and nats-py use together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import nats as theirs
import nats_ffi as ours
import pytest
from buckets import expect, in_memory, short
from nats.js import errors as their_errors
from nats_ffi.aio.kv import KV_DEL, KV_PURGE
from support import WAIT, behaviour, fails


@contextlib.asynccontextmanager
async def both(url: str) -> AsyncIterator[tuple[Any, Any]]:
    """The JetStream of a connection of each client."""
    ncs: list[Any] = [await ours.connect(url), await theirs.connect(url)]
    try:
        yield ncs[0].jetstream(), ncs[1].jetstream()
    finally:
        for nc in ncs:
            await nc.close()


async def seen(watcher: Any, count: int) -> list[str]:
    """What a watch of either client tells next, in short."""
    return [short(await watcher.updates(timeout=WAIT)) for _ in range(count)]


@behaviour("kv-43")
async def test_a_bucket_of_nats_py_is_used_here(js_url: str) -> None:
    async with both(js_url) as (js, theirs_js):
        their = await theirs_js.create_key_value(bucket="theirs", history=5, storage="memory")
        await their.put("a", b"1")
        await their.put("a", b"2")
        await their.put("b.c", "ü\0".encode())
        await their.put("gone", b"3")
        await their.delete("gone")
        await their.put("purged", b"4")
        await their.purge("purged")

        kv = await js.key_value("theirs")
        status = await kv.status()
        assert (status.history, status.values) == (5, (await their.status()).values)
        entry = await kv.get("b.c")
        assert (entry.value, entry.revision) == ("ü\0".encode(), 3)
        assert (await kv.get("a", revision=1)).value == b"1"
        markers = [await kv.get_entry(key) for key in ("gone", "purged")]
        assert [marker and marker.operation for marker in markers] == [KV_DEL, KV_PURGE]
        for key in ("gone", "purged", "never"):
            with fails("KEY_NOT_FOUND"):
                await kv.get(key)
        assert sorted(await kv.keys()) == sorted(await their.keys()) == ["a", "b.c"]
        history = [short(entry) for entry in await kv.history("gone")]
        assert history == [short(entry) for entry in await their.history("gone")]
        assert history == ["gone=3", "gone DEL"]
        watcher = await kv.watch("a")
        await expect(watcher, "a=2", "-")
        # Each knows the revisions of the other.
        assert await their.update("a", b"5", last=2) == 8
        await expect(watcher, "a=5")
        assert await kv.update("a", b"6", last=8) == 9
        with pytest.raises(their_errors.KeyWrongLastSequenceError):
            await their.update("a", b"7", last=8)
        with fails("WRONG_LAST_SEQUENCE"):
            await kv.update("a", b"7", last=8)
        assert await kv.create("gone", b"8") == 10
        with fails("KEY_EXISTS"):
            await kv.create("b.c", b"9")
        await their.purge("a")
        await expect(watcher, "a=6", "a PURGE")
        # Theirs lets every value have a time of its own, and none be read from a replica.
        with fails("BUCKET_EXISTS"):
            await js.create_key_value(in_memory("theirs"))
        await js.delete_key_value("theirs")
        with pytest.raises(their_errors.BucketNotFoundError):
            await theirs_js.key_value("theirs")


@behaviour("kv-43")
async def test_a_bucket_of_ours_is_used_by_nats_py(js_url: str) -> None:
    async with both(js_url) as (js, theirs_js):
        kv = await js.create_key_value(in_memory("ours"))
        await kv.put("a", b"1")
        await kv.put("a", b"2")
        await kv.put("b.c", "ü\0".encode())
        await kv.put("gone", b"3")
        await kv.delete("gone")
        await kv.put("purged", b"4")
        await kv.purge("purged")

        their = await theirs_js.key_value("ours")
        status = await their.status()
        assert (status.history, status.values) == (5, (await kv.status()).values)
        entry = await their.get("b.c")
        assert (entry.value, entry.revision) == ("ü\0".encode(), 3)
        assert (await their.get("a", revision=1)).value == b"1"
        for key in ("gone", "purged", "never"):
            with pytest.raises(their_errors.KeyNotFoundError):
                await their.get(key)
        assert sorted(await their.keys()) == ["a", "b.c"]
        assert [short(entry) for entry in await their.history("gone")] == ["gone=3", "gone DEL"]
        watcher = await their.watch(">")
        assert await seen(watcher, 5) == [
            "a=2",
            "b.c=ü\0",
            "gone DEL",
            "purged PURGE",
            "-",
        ]
        assert await kv.update("a", b"5", last=2) == 8
        assert await their.update("a", b"6", last=8) == 9
        with pytest.raises(their_errors.KeyWrongLastSequenceError):
            await their.create("a", b"7")
        assert await their.create("gone", b"8") == 10
        await kv.delete("b.c")
        await kv.purge("a")
        assert await seen(watcher, 5) == ["a=5", "a=6", "gone=8", "b.c DEL", "a PURGE"]
        told, same = await seen_by(their, "gone"), await seen_by(kv, "gone")
        for name in ("bucket", "key", "value", "revision", "delta", "operation"):
            assert getattr(told, name) == getattr(same, name)
        # They reckon with floating point.
        assert abs((told.created - same.created).total_seconds()) <= 1e-6
        await watcher.stop()
        assert await theirs_js.delete_key_value("ours")
        with fails("BUCKET_NOT_FOUND"):
            await kv.get("a")


async def seen_by(kv: Any, key: str) -> Any:
    """What a watch of either client tells of a key first."""
    watcher = await kv.watch(key)
    entry = await watcher.updates(timeout=WAIT)
    await watcher.stop()
    return entry


@behaviour("kv-43")
async def test_times_of_their_own(js_url: str) -> None:
    async with both(js_url) as (js, theirs_js):
        config: Any = {"bucket": "short_both", "direct": True, "limit_marker_ttl": 60, "storage": "memory"}
        their = await theirs_js.create_key_value(**config)
        kv = await js.key_value("short_both")
        assert (await kv.status()).limit_marker_ttl == 60
        watchers = [await kv.watch(), await their.watch(">")]
        await their.create("theirs", b"1", msg_ttl=1)
        await kv.create("ours", b"2", msg_ttl=1)
        for watcher in watchers:
            told = await seen(watcher, 5)
            assert told[:3] == ["-", "theirs=1", "ours=2"]
            assert sorted(told[3:]) == ["ours PURGE", "theirs PURGE"]
        await watchers[1].stop()
