"""Buckets of keys: watched and listed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from anyloop import Event, sleep
from buckets import expect, in_memory, made, put, short
from harness import Harness
from nats_ffi import errors
from nats_ffi.aio.jetstream import JetStream
from nats_ffi.aio.kv import Entry, KeyValue
from support import EAGER, WAIT, Events, behaviour, dial, fails, lose, regain


async def consumers(js: JetStream, kv: KeyValue) -> list[str]:
    told = await js.consumer_names(stream=f"KV_{kv.bucket}")
    names: list[str] = told["consumers"]
    return names


async def stored(js: JetStream, kv: KeyValue, count: int) -> None:
    """Gives keys "n.0", "n.1"… values without waiting for each."""
    for number in range(count):
        await js.publish_async(f"$KV.{kv.bucket}.n.{number}", b"x")
    await js.publish_async_completed()


async def insistently(kv: KeyValue, key: str) -> int:
    """Puts until the server has answered; what was not answered may be stored, too."""
    while True:
        try:
            return await kv.put(key, key.encode())
        except errors.Error:
            await sleep(0.02)


@pytest.mark.loops
@behaviour("kv-20")
async def test_a_watch(js_url: str, loop: str) -> None:
    bucket = f"watched_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, bucket)
        await put(kv, "a", "b", "a", "c")
        await kv.delete("b")
        watcher = await kv.watch()
        assert isinstance(watcher, KeyValue.KeyWatcher)
        first = await watcher.updates()
        assert first and (first.bucket, short(first)) == (bucket, "a=a")
        assert (first.revision, first.delta) == (3, 2)
        await expect(watcher, "c=c", "b DEL", "-")
        await put(kv, "d", "a")
        await kv.purge("c")
        await expect(watcher, "d=d", "a=a", "c PURGE")
        await stored(js, kv, 5000)
        seen = []
        async for entry in await kv.watch("n.*"):
            if entry is None:
                break
            seen.append(entry.key)
        assert seen == [f"n.{number}" for number in range(5000)]


@pytest.mark.loops
@behaviour("kv-20")
async def test_a_watch_calls_back(js_url: str, loop: str) -> None:
    async with dial(js_url, extract_cb=refusing) as nc:
        kv = await made(nc.jetstream(), f"called_{loop}")
        await put(kv, "a", "b")
        told: list[str] = []
        plain: list[str] = []
        done = Event()

        async def later(entry: Entry | None) -> None:
            await sleep(0)
            told.append(short(entry))
            if len(told) == 4:
                done.set()

        watcher = await kv.watch(">", later)
        await kv.watchall(callback=lambda entry: plain.append(short(entry)))
        with pytest.raises(errors.Error, match="callback"):
            await watcher.updates()
        with pytest.raises(errors.Error, match="callback"):
            await anext(watcher)
        await kv.delete("a")
        await done.wait(WAIT)
        assert told == ["a=a", "b=b", "-", "a DEL"]
        while plain != told:
            await sleep(0.01)
        await watcher.stop()


def refusing(msg: Any) -> None:
    """Entries are no messages that a trace may be in."""
    raise AssertionError(msg)


@behaviour("kv-21")
async def test_a_watch_of_nothing(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "nothing")
        watcher = await kv.watch()
        await expect(watcher, "-")
        await put(kv, "a")
        await expect(await kv.watch("other"), "-")
        await expect(watcher, "a=a")
        start = time.monotonic()
        with fails("TIMEOUT"):
            await watcher.updates(0.05)
        with fails("TIMEOUT"):
            await watcher.updates(timeout=0)
        assert 0.045 < time.monotonic() - start < WAIT
        with pytest.raises(errors.BadTimeoutError, match="timeout: expected at least 0"):
            await watcher.updates(-1)
        with pytest.raises(TypeError, match="timeout: expected seconds"):
            await watcher.updates("1")  # type: ignore[arg-type]


@behaviour("kv-22")
async def test_a_watch_with_history(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "with_history")
        await kv.put("a", b"1")
        await put(kv, "b")
        await kv.put("a", b"2")
        await kv.delete("a")
        all_keys = await kv.watchall(include_history=True)
        await expect(all_keys, "a=1", "b=b", "a=2", "a DEL", "-")
        await expect(await kv.watch("a", include_history=True), "a=1", "a=2", "a DEL", "-")


@behaviour("kv-23")
async def test_a_watch_without_deletes(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "without_deletes")
        await put(kv, "a", "b", "c")
        await kv.delete("a")
        await kv.delete("c")
        watcher = await kv.watch(ignore_deletes=True)
        await expect(watcher, "b=b", "-")
        await kv.purge("b")
        await put(kv, "d")
        await expect(watcher, "d=d")
        await expect(await kv.watch("a", ignore_deletes=True), "-")


@behaviour("kv-24")
@pytest.mark.parametrize("option", ["meta_only", "headers_only"])
async def test_a_watch_without_values(js_url: str, option: Any) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), option)
        await kv.put("a", b"a value")
        await kv.delete("b")
        watcher = await kv.watch(inactive_threshold=300, **{option: True})
        value, marker = await watcher.updates(), await watcher.updates()
        assert value and marker and (short(value), short(marker)) == ("a=", "b DEL")
        assert (value.size, marker.size) == (7, 0)
        await expect(watcher, "-")
        assert (await kv.get("a")).size == 7


@behaviour("kv-25")
async def test_a_watch_of_updates_alone(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "updates_alone")
        await put(kv, "a", "b")
        watcher = await kv.watch(updates_only=True)
        await put(kv, "c", "a")
        await expect(watcher, "-", "c=c", "a=a")


@behaviour("kv-26")
async def test_a_watch_begins_with_a_revision(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "resumed")
        for value in (b"1", b"2", b"3", b"4"):
            await kv.put("a", value)
        watcher, later = await kv.watch(resume_from=3), await kv.watch(resume_from=5)
        await expect(watcher, "a=3", "a=4", "-")
        await expect(later, "-")
        await kv.put("a", b"5")
        await expect(later, "a=5")
        await expect(watcher, "a=5")


@behaviour("kv-27")
async def test_a_watch_of_several_keys(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "several")
        await put(kv, "eu.1", "eu.2.x", "us.1", "us.2", "asia")
        watcher = await kv.watch(["eu.>", "us.1", "af.*"])
        await expect(watcher, "eu.1=eu.1", "eu.2.x=eu.2.x", "us.1=us.1", "-")
        await put(kv, "us.2", "af.7")
        await expect(watcher, "af.7=af.7")
        for bad in ("", ".", "a..b", "a b", "a*", ">.a"):
            with fails("INVALID_NAME"):
                await kv.watch(bad)
            with fails("INVALID_NAME"):
                await kv.keys([bad])


@behaviour("kv-28")
async def test_options_that_exclude_each_other(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "excluded")
        wrong: Any
        for wrong in ({"include_history": True}, {"resume_from": 1}):
            with fails("INVALID_ARGUMENT", "updates_only"):
                await kv.watch(updates_only=True, **wrong)
        for wrong in ({"resume_from": 0}, {"heartbeat": 0}, {"meta_only": 1}):
            with fails("INVALID_OPTION", f"'{next(iter(wrong))}'"):
                await kv.watch(**wrong)
        with fails("INVALID_OPTION", "'ignore_deletes'"):
            await kv.watch(ignore_delete=True)  # type: ignore[call-arg]
        with pytest.raises(errors.InvalidCallbackTypeError, match="callback"):
            await kv.watch("a", 7)  # type: ignore[arg-type]


@behaviour("kv-29")
async def test_a_watch_outlives_its_consumer(js_url: str, events: Events) -> None:
    async with dial(js_url, **events.options) as nc:
        js = nc.jetstream()
        kv = await made(js, "outliving")
        await put(kv, "a", "b")
        watcher = await kv.watch(heartbeat=0.3)
        await expect(watcher, "a=a", "b=b", "-")
        for key in ("k.0", "k.1", "k.2"):
            (name,) = await consumers(js, kv)
            await js.consumer_delete(stream="KV_outliving", consumer=name)
            await put(kv, key)
            await expect(watcher, f"{key}={key}")
        while not any(told["what"] == "reset" for told in events.of("consumer")):
            await events.wait("consumer", len(events.of("consumer")) + 1)
        assert {told["consumer"] for told in events.of("consumer")} == {"KV_outliving"}


@behaviour("kv-30")
async def test_a_watch_outlives_a_server(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    async with dial(server.url, **EAGER, **events.options) as nc:
        kv = await nc.jetstream().create_key_value(bucket="b")
        await put(kv, "a", "b")
        # Nobody reads the second one while the server is away.
        read, unread = await kv.watch(), await kv.watch()
        await expect(read, "a=a", "b=b", "-")
        await lose(server, events)
        await regain(server, events)
        await insistently(kv, "c")
        last = await insistently(kv, "a")
        await expect(read, "c=c")
        while (entry := await read.updates(WAIT)) is None or entry.revision < last:
            pass
        assert short(entry) == "a=a"
        marks, revisions = 0, [0]
        while not (marks and revisions[-1] == last):
            told = await unread.updates(WAIT)
            if told is None:
                marks += 1
            else:
                assert told.revision > revisions[-1]
                revisions.append(told.revision)
        assert marks == 1 and {2, last - 1} <= set(revisions)


@behaviour("kv-31")
async def test_a_watch_outlives_a_connection(js_url: str) -> None:
    async with dial(js_url, **EAGER) as nc:
        js = nc.jetstream()
        kv = await made(js, "reconnected")
        await stored(js, kv, 3000)
        watcher = await kv.watch()
        for number in range(3000):
            if number == 100:
                await nc.force_reconnect()
            await expect(watcher, f"n.{number}=x")
        await expect(watcher, "-")
        await insistently(kv, "new")
        await expect(watcher, "new=new")


@pytest.mark.loops
@behaviour("kv-32")
async def test_a_watch_ends_with_its_bucket(js_url: str, loop: str) -> None:
    bucket = f"ended_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, bucket)
        await put(kv, "a")
        watcher, other = await kv.watch(heartbeat=0.3), await kv.watch(heartbeat=0.3)
        await expect(watcher, "a=a", "-")
        assert await js.delete_key_value(bucket)
        with fails("BUCKET_NOT_FOUND"):
            async for _ in watcher:
                raise AssertionError
        seen = []
        with fails("BUCKET_NOT_FOUND"):
            while True:
                seen.append(short(await other.updates(WAIT)))
        assert seen in (["a=a", "-"], ["a=a"], [])
        for call in (kv.watch, kv.keys, lambda: kv.history("a")):
            with fails("BUCKET_NOT_FOUND"):
                await call()


@pytest.mark.loops
@behaviour("kv-33")
async def test_a_watch_is_stopped(js_url: str, loop: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, f"stopped_{loop}")
        watcher = await kv.watch()
        await expect(watcher, "-")
        await watcher.stop()
        await put(kv, "a")
        assert [entry async for entry in watcher] == []
        with pytest.raises(errors.BadSubscriptionError):
            await watcher.updates(WAIT)
        while await consumers(js, kv):
            await sleep(0.01)


@behaviour("kv-34")
async def test_keys_are_listed(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "listed")
        assert await kv.keys() == []
        await put(kv, "eu.1", "eu.2", "us.1", "us.2")
        await kv.delete("eu.2")
        await kv.purge("us.2")
        assert await kv.keys() == ["eu.1", "us.1"]
        assert await kv.keys(filters=["eu.*", "asia"]) == await kv.keys("eu.>") == ["eu.1"]
        # As they come: what `keys` does, one by one.
        listing = await kv.watch("eu.*", ignore_deletes=True, meta_only=True)
        await expect(listing, "eu.1=", "-")


@behaviour("kv-35")
async def test_the_history_of_a_key(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "history")
        assert await kv.history("a") == []
        for value in (b"1", b"2", b"3"):
            await kv.put("a", value)
        await put(kv, "b")
        await kv.delete("a")
        history = await kv.history("a")
        assert [short(entry) for entry in history] == ["a=1", "a=2", "a=3", "a DEL"]
        assert [entry.revision for entry in history] == [1, 2, 3, 5]
        with fails("INVALID_NAME"):
            await kv.history("a.*")


@behaviour("kv-36")
async def test_old_markers_are_removed(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "markers")
        await put(kv, "a", "a", "b", "c")
        await kv.delete("a")
        await kv.delete("b")
        assert await kv.purge_deletes() == 3
        assert [short(entry) for entry in await kv.history("a")] == ["a DEL"]
        assert await kv.purge_deletes(olderthan=0) == 2
        assert await kv.history("a") == []
        assert await kv.keys() == ["c"]


@behaviour("kv-42")
async def test_a_watch_outlives_leaders(harness: Harness) -> None:
    cluster = harness.server("cluster-jetstream", nodes=3)
    async with dial(cluster.urls.split(","), **EAGER) as nc:
        js = nc.jetstream()
        kv = await js.create_key_value(in_memory("b"), replicas=3)
        watcher = await kv.watch(heartbeat=0.5)
        await expect(watcher, "-")
        for key in ("k.0", "k.1", "k.2"):
            await insistently(kv, key)
            await nc.request("$JS.API.STREAM.LEADER.STEPDOWN.KV_b", timeout=WAIT)
            # What was not answered may be there twice.
            while short(await watcher.updates(WAIT)) != f"{key}={key}":
                pass
