"""Buckets of keys: made, changed and read."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from anyloop import gather, give_up, sleep
from buckets import expect, in_memory, made, put, short
from harness import Harness
from nats_ffi import errors, sync
from nats_ffi.aio.kv import KV_DEL, KV_PURGE, Entry, KeyValue, KeyWatcher, KvCache
from streams import layout
from support import WAIT, behaviour, dial, fails


async def within(read: Callable[[], Awaitable[Any]], found: Callable[[Any], bool]) -> Any:
    """What is read, once it is what it has to become."""
    end = time.monotonic() + WAIT
    while not found(told := await read()):
        assert time.monotonic() < end, told
        await sleep(0.01)
    return told


async def copied(kv: KeyValue, key: str) -> bytes:
    """The value of a key, once it has one."""
    entry = await within(lambda: kv.get_entry(key), lambda entry: entry is not None)
    value: bytes = entry.value
    return value


def test_both_apis_have_the_same_methods() -> None:
    for awaited, blocking in (
        (KeyValue, sync.kv.KeyValue),
        (KeyWatcher, sync.kv.KeyWatcher),
        (KvCache, sync.kv.KvCache),
    ):
        names = {name for name in dir(awaited) if not name.startswith("_")}
        assert names == {name for name in dir(blocking) if not name.startswith("_")}
        for name in names:
            method, other = getattr(awaited, name), getattr(blocking, name)
            if inspect.isfunction(method) and name != "wait":
                assert [*inspect.signature(method).parameters] == [
                    *inspect.signature(other).parameters
                ]


@behaviour("kv-01")
async def test_buckets(harness: Harness) -> None:
    server = harness.server("jetstream")
    async with dial(server.url) as nc:
        js = nc.jetstream()
        for call in (js.key_value, js.delete_key_value):
            with fails("BUCKET_NOT_FOUND") as caught:
                await call("b")
        assert isinstance(caught.value, errors.BucketNotFoundError)
        with fails("BUCKET_NOT_FOUND"):
            await js.update_key_value(bucket="b")
        for _ in range(2):
            await js.create_key_value(bucket="b", storage="memory")
        with fails("BUCKET_EXISTS"):
            await js.create_key_value(bucket="b", storage="memory", history=3)
        kv = await js.update_key_value({"bucket": "b", "storage": "memory"}, history=3)
        assert kv.bucket == "b"
        told = await js.kv_bucket_create_or_update(bucket="b", storage="memory", history=4)
        assert told["history"] == 4
        await kv.put("k", b"v")
        status = await (await js.key_value("b")).status()
        assert (status.bucket, status.history, status.values) == ("b", 4, 1)
        assert status.stream_info["config"]["name"] == "KV_b" and status.bytes > 0
        assert (status.ttl, status.limit_marker_ttl, status.config["bucket"]) == (0, 0, "b")
        await js.create_key_value(bucket="c")
        await js.stream_create(**layout("PLAIN"))
        assert await js.kv_bucket_names() == {"buckets": ["b", "c"]}
        listed = (await js.kv_bucket_list())["buckets"]
        assert [bucket["bucket"] for bucket in listed] == ["b", "c"]
        assert await js.delete_key_value("b") is True
        with fails("BUCKET_NOT_FOUND"):
            await kv.get("k")
        with fails("BUCKET_NOT_FOUND"):
            await kv.status()


@behaviour("kv-02")
async def test_buckets_that_make_no_sense(js_url: str) -> None:
    async with dial(js_url) as nc:
        js, sent = nc.jetstream(), nc.stats["out_msgs"]
        for bad in ("", "a.b", "a b", "*", ">", "ä", "a\r\nb"):
            for call in (js.key_value, js.delete_key_value):
                with fails("INVALID_NAME"):
                    await call(bad)
            with fails("INVALID_NAME"):
                await js.create_key_value(bucket=bad)
        for config, member in (
            ({"history": 65}, "history"),
            ({"history": 0}, "history"),
            ({"limit_marker_ttl": 0.5}, "limit_marker_ttl"),
            ({"aggregate": True}, "aggregate"),
        ):
            with fails("INVALID_ARGUMENT", f"{member}: "):
                await js.create_key_value(bucket="BAD", **config)
        with pytest.raises(TypeError, match="ttl: expected seconds"):
            await js.create_key_value(bucket="BAD", ttl="1s")
        with fails("INVALID_JSON", "history"):
            await js.create_key_value(bucket="BAD", history="many")
        with pytest.raises(TypeError, match="bucket: expected a str"):
            await js.key_value(7)  # type: ignore[arg-type]
        for option in ("readonly", "key_codec"):
            with fails("INVALID_OPTION", option):
                await js.key_value("BAD", **{option: True})  # type: ignore[arg-type]
        with fails("INVALID_OPTION", "'key_codecs'", "rot13"):
            await js.key_value("BAD", key_codecs="rot13")
        assert nc.stats["out_msgs"] == sent


@behaviour("kv-03")
async def test_all_that_a_bucket_can_be_like(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        config = {
            "description": "what for",
            "history": 7,
            "ttl": 60.5,
            "max_value_size": 1000,
            "max_bytes": 1 << 20,
            "compression": True,
            "republish": {"src": "$KV.all.>", "dest": "copies.>"},
            "metadata": {"owner": "me"},
            "replicas": 1,
        }
        kv = await js.create_key_value(bucket="all", **config)
        status = await kv.status()
        assert (status.history, status.ttl) == (7, 60.5)
        for name in ("description", "max_value_size", "max_bytes", "compression"):
            assert status.config[name] == config[name]
        assert status.config["republish"]["dest"] == "copies.>"
        assert status.config["metadata"]["owner"] == "me"
        assert (status.config["num_replicas"], status.config["storage"]) == (1, "file")
        stream = status.stream_info["config"]
        assert (stream["name"], stream["subjects"]) == ("KV_all", ["$KV.all.>"])
        assert (stream["max_msgs_per_subject"], stream["max_age"]) == (7, 60_500_000_000)
        assert (stream["max_msg_size"], stream["max_bytes"]) == (1000, 1 << 20)
        assert (stream["duplicate_window"], stream["discard"]) == (60_500_000_000, "new")
        assert (stream["storage"], stream["compression"]) == ("file", "s2")
        for flag in ("allow_direct", "allow_rollup_hdrs", "deny_delete"):
            assert stream[flag]
        copies = await nc.subscribe("copies.>")
        await nc.flush()
        await kv.put("k", b"v")
        assert (await copies.next_msg(WAIT)).subject == "copies.k"


@pytest.mark.loops
@behaviour("kv-04")
async def test_values(js_url: str, loop: str) -> None:
    bucket = f"values_{loop}"
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), bucket)
        with fails("KEY_NOT_FOUND") as caught:
            await kv.get("k")
        assert isinstance(caught.value, errors.KeyNotFoundError)
        assert await kv.get_entry("k") is None
        assert await kv.put("k", b"one") == 1
        assert await kv.put("k", memoryview(b"two\r\n\0")) == 2
        entry = await kv.get("k")
        assert isinstance(entry, KeyValue.Entry)
        assert (entry.bucket, entry.key, entry.value) == (bucket, "k", b"two\r\n\0")
        assert (entry.revision, entry.delta, entry.operation) == (2, 0, None)
        assert 0 <= (datetime.now(UTC) - entry.created).total_seconds() < 60
        since = entry.created - datetime.fromtimestamp(0, UTC)
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        assert micros == entry.created_ns // 1000
        assert repr(entry) == f"Entry(bucket='{bucket}', key='k', revision=2)"
        await kv.put("empty", bytearray())
        assert (await kv.get("empty")).value == b""
        for value in ("text", None, 7):
            with pytest.raises(TypeError, match="payload: expected bytes"):
                await kv.put("k", value)  # type: ignore[arg-type]


@behaviour("kv-05")
async def test_revisions(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "revisions")
        await put(kv, "k", "k", "other")
        assert (await kv.get("k", revision=1)).revision == 1
        for key, revision in (("other", 1), ("k", 9)):
            with fails("KEY_NOT_FOUND"):
                await kv.get(key, revision)
        for bad in (0, -1, 1 << 64):
            with fails("INVALID_ARGUMENT", "revision: "):
                await kv.get("k", bad)
        with pytest.raises(TypeError, match="revision: expected an int"):
            await kv.get("k", "1")  # type: ignore[arg-type]


@behaviour("kv-06")
async def test_keys_are_deleted_and_purged(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "deleted")
        await kv.put("k", b"one")
        await kv.put("k", b"two")
        assert await kv.delete("k") == 3
        with fails("KEY_NOT_FOUND"):
            await kv.get("k")
        marker = await kv.get_entry("k")
        assert marker and (marker.operation, marker.revision, marker.value) == (KV_DEL, 3, b"")
        assert "operation='DEL'" in repr(marker)
        with fails("KEY_NOT_FOUND"):
            await kv.get("k", 3)
        assert (await kv.get("k", 1)).value == b"one"
        assert await kv.purge("k") == 4
        assert (await kv.get_entry("k")).operation == KV_PURGE  # type: ignore[union-attr]
        with fails("KEY_NOT_FOUND"):
            await kv.get("k", 1)
        assert (await kv.status()).values == 1


@behaviour("kv-07")
async def test_create(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "created")
        assert await kv.create("k", b"1") == 1
        with fails("KEY_EXISTS") as caught:
            await kv.create("k", b"2")
        assert isinstance(caught.value, errors.KeyExistsError)
        await kv.delete("k")
        assert await kv.create("k", b"3") == 3
        await kv.purge("k")
        assert await kv.create("k", b"5") == 5
        with fails("KEY_EXISTS"):
            await kv.create("k", b"6")
        assert (await kv.get("k")).value == b"5"


@behaviour("kv-08")
@behaviour("kv-09")
async def test_changes_expect_a_revision(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "expecting")
        assert await kv.update("k", b"1") == 1
        for last in (0, None, 7):
            with fails("WRONG_LAST_SEQUENCE"):
                await kv.update("k", b"2", last)
        assert await kv.update("k", b"2", last=1) == 2
        with fails("WRONG_LAST_SEQUENCE"):
            await kv.update("k", b"3", 1)
        assert (await kv.get("k")).value == b"2"
        with fails("WRONG_LAST_SEQUENCE"):
            await kv.delete("k", last=1)
        assert await kv.delete("k", 2) == 3
        with fails("WRONG_LAST_SEQUENCE"):
            await kv.purge("k", last=2)
        assert await kv.purge("k", last=3) == 4
        assert (await kv.status()).values == 1
        with fails("INVALID_OPTION", "'last'"):
            await kv.update("k", b"3", "1")  # type: ignore[arg-type]


@behaviour("kv-10")
async def test_keys_that_are_none(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "no_keys")
        sent = nc.stats["out_msgs"]
        for bad in ("", ".", "a.", ".a", "a..b", "a b", "*", "a.>", "ä", "a\r\nb"):
            for call in (
                lambda: kv.put(bad, b"x", validate_keys=False),
                lambda: kv.get(bad),
                lambda: kv.get_entry(bad),
                lambda: kv.create(bad, b"x"),
                lambda: kv.delete(bad),
                lambda: kv.purge(bad),
                lambda: kv.get_many(["a", bad]),
                lambda: kv.modify(bad, lambda entry: None),
                lambda: kv.history(bad),
            ):
                with fails("INVALID_NAME"):
                    await call()
        for call in (kv.get, kv.history, kv.delete):
            with pytest.raises(TypeError, match="key: expected a str"):
                await call(7)
        assert nc.stats["out_msgs"] == sent


@behaviour("kv-11")
async def test_values_that_are_too_large(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, "large", max_value_size=10)
        with fails("MAX_PAYLOAD"):
            await kv.put("k", bytes(nc.max_payload + 1))
        with fails("JETSTREAM", "maximum allowed"):
            await kv.put("k", bytes(100))
        assert await kv.put("k", b"fits") == 1


@behaviour("kv-12")
async def test_keys_have_a_time_of_their_own(js_url: str) -> None:
    async with dial(js_url) as nc:
        # With a longer history the server keeps all for as long as a marker.
        kv = await made(nc.jetstream(), "short_lived", limit_marker_ttl=60, history=1)
        assert (await kv.status()).limit_marker_ttl == 60
        await kv.create("k", b"x", msg_ttl=1)
        assert (await kv.get("k")).value == b"x"
        gone = await within(lambda: kv.get_entry("k"), lambda entry: entry.operation is not None)
        assert gone.operation == KV_PURGE
        await kv.create("k", b"y")
        await kv.purge("k", msg_ttl=1)
        await within(lambda: kv.get_entry("k"), lambda entry: entry is None)
        with fails("INVALID_OPTION", "'msg_ttl'"):
            await kv.create("k", b"x", msg_ttl=0.01)


@behaviour("kv-13")
async def test_the_end_of_a_time_is_told(js_url: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), "aging", ttl=1, limit_marker_ttl=60)
        watcher = await kv.watch()
        await kv.put("k", b"x")
        await expect(watcher, "-", "k=x", "k PURGE")
        with fails("KEY_NOT_FOUND"):
            await kv.get("k")
        assert await kv.create("k", b"y") == 3


@behaviour("kv-14")
async def test_many_keys_at_once(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, "many")
        for number in range(1500):
            await js.publish_async(f"$KV.many.k.{number}", b"%d" % number)
        await js.publish_async_completed()
        await kv.delete("k.7")
        keys = [f"k.{number}" for number in reversed(range(1501))]
        sent = nc.stats["out_msgs"]
        got = await kv.get_many(keys)
        assert nc.stats["out_msgs"] == sent + 2
        shown = [entry and short(entry) for entry in got]
        assert shown == [
            None if key in ("k.1500", "k.7") else f"{key}={key[2:]}" for key in keys
        ]
        assert await kv.get_many([]) == []


@pytest.mark.loops
@behaviour("kv-15")
async def test_many_modify_one_value(js_url: str, loop: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), f"modified_{loop}")

        def one_more(entry: Entry | None) -> bytes:
            return b"%d" % (1 + int(entry.value if entry else 0))

        async def later(entry: Entry | None) -> bytes:
            await sleep(0)
            return one_more(entry)

        async def work() -> None:
            for _ in range(20):
                assert await kv.modify("n", one_more)
                assert await kv.modify("n", later)

        await gather(*[work] * 4)
        assert (await kv.get("n")).value == b"160"
        asked: list[Entry | None] = []
        assert await kv.modify("n", asked.append) is None
        await kv.delete("n")
        assert await kv.modify("n", asked.append) is None
        assert [entry and entry.value for entry in asked] == [b"160", None]


@behaviour("kv-16")
async def test_a_handle_for_reading_alone(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, "reading")
        await kv.put("k", b"x")
        reader = await js.key_value("reading", read_only=True)
        assert (await reader.get("k")).value == b"x"
        sent = nc.stats["out_msgs"]
        for call in (
            lambda: reader.put("k", b"y"),
            lambda: reader.create("n", b"y"),
            lambda: reader.update("k", b"y", 1),
            lambda: reader.delete("k"),
            lambda: reader.purge("k"),
            lambda: reader.purge_deletes(),
        ):
            with fails("READ_ONLY"):
                await call()
        assert nc.stats["out_msgs"] == sent
        assert await kv.put("k", b"z") == 2


@behaviour("kv-17")
async def test_a_mirror(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        origin = await made(js, "mirrored")
        await put(origin, "eu.1")
        mirror = await made(js, "mirror", mirror={"name": "mirrored"})
        assert await copied(mirror, "eu.1") == b"eu.1"
        revision = await mirror.put("eu.2", b"three")
        assert (await origin.get("eu.2")).revision == revision
        assert await copied(mirror, "eu.2") == b"three"
        assert (await (await js.key_value("mirror")).get("eu.2")).bucket == "mirror"
        await expect(await mirror.watch("eu.2"), "eu.2=three", "-")


@behaviour("kv-18")
async def test_sources(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        origin = await made(js, "source")
        await put(origin, "eu.1", "us.1", "eu.2")
        eu = {"name": "KV_source", "filter_subject": "eu.>"}
        some = await made(js, "some", sources=[eu])
        assert [await copied(some, key) for key in ("eu.1", "eu.2")] == [b"eu.1", b"eu.2"]
        with fails("KEY_NOT_FOUND"):
            await some.get("us.1")
        await some.put("own", b"x")
        with fails("KEY_NOT_FOUND"):
            await origin.get("own")
        await js.stream_create(**layout("EVENTS"))
        await js.publish("EVENTS.a", b"told")
        transform = {"src": "EVENTS.>", "dest": "$KV.everything.events.>"}
        sources = [{"name": "source"}, {"name": "EVENTS", "subject_transforms": [transform]}]
        everything = await made(js, "everything", sources=sources, aggregate=True)
        assert await copied(everything, "us.1") == b"us.1"
        assert await copied(everything, "events.a") == b"told"
        with fails("READ_ONLY"):
            await everything.put("k", b"x")
        assert (await (await js.key_value("everything")).status()).config["aggregate"]


@behaviour("kv-19")
async def test_another_domain(harness: Harness) -> None:
    server = harness.server("plain", extra="jetstream {domain: hub}")
    async with dial(server.url) as nc:
        there = nc.jetstream(domain="hub")
        kv = await made(there, "b")
        await put(kv, "k")
        assert (await kv.get("k")).value == b"k"
        assert (await (await nc.jetstream().key_value("b")).get("k")).revision == 1
        await expect(await kv.watch(), "k=k", "-")
        assert await kv.keys() == ["k"]


@pytest.mark.loops
async def test_what_waits_may_be_given_up(js_url: str, loop: str) -> None:
    async with dial(js_url) as nc:
        kv = await made(nc.jetstream(), f"given_up_{loop}")
        watcher, cache = await kv.watch(), await kv.cache()
        await expect(watcher, "-")
        assert await give_up(lambda: watcher.updates(None), 0.02)
        assert await give_up(lambda: anext(watcher), 0.02)
        assert await give_up(lambda: cache.wait(9), 0.02)
        await put(kv, "k")
        await expect(watcher, "k=k")
        await nc.subscribe("deaf.api.>")
        deaf = nc.jetstream(api_prefix="deaf.api", timeout=60)
        for call in (
            lambda: deaf.key_value("b"),
            lambda: deaf.create_key_value(**in_memory("b")),
        ):
            assert await give_up(call, 0.02)
    with fails("CONNECTION_CLOSED"):
        await kv.put("k", b"late")
    with fails("CONNECTION_CLOSED"):
        await kv.get("k")
