"""Buckets of keys: in other forms, and in memory."""

from __future__ import annotations

import pytest
from anyloop import sleep
from buckets import expect, made, put, short
from nats_ffi import errors
from support import EAGER, behaviour, dial, fails


class Loud:
    """Upper case in the bucket."""

    def encode(self, key: str) -> str:
        return key.upper()

    def decode(self, stored: str) -> str:
        if not stored.isupper():
            raise ValueError(stored)
        return stored.lower()


class Filtering(Loud):
    """The same with wildcards."""

    def encode_filter(self, filter: str) -> str:
        return filter.upper()


class Marked:
    """A sign before each value."""

    def encode(self, value: bytes) -> bytes:
        return b"!" + value

    def decode(self, stored: bytes) -> bytes:
        if not stored.startswith(b"!"):
            raise ValueError("no sign")
        return stored[1:]


@behaviour("kv-37")
async def test_base64(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        plain = await made(js, "base64")
        kv = await js.key_value("base64", key_codecs="base64", value_codecs=["base64"])
        assert await kv.put("Acme Inc.contact", b"info@acme.com") == 1
        stored = await plain.get("QWNtZSBJbmM.Y29udGFjdA")
        assert stored.value == b"aW5mb0BhY21lLmNvbQ"
        entry = await kv.get("Acme Inc.contact")
        assert short(entry) == "Acme Inc.contact=info@acme.com"
        assert (entry.revision, entry.bucket) == (1, "base64")
        assert short(await kv.get("Acme Inc.contact", 1)) == short(entry)
        await kv.update("Acme Inc.contact", b"2", 1)
        with fails("KEY_EXISTS"):
            await kv.create("Acme Inc.contact", b"3")
        await kv.put("Ünder.ä", b"4")
        watcher = await kv.watch(["Acme Inc.*", "Ünder.ä"])
        await expect(watcher, "Acme Inc.contact=2", "Ünder.ä=4", "-")
        many = await kv.get_many(["Ünder.ä", "none"])
        assert [one and short(one) for one in many] == ["Ünder.ä=4", None]
        await kv.delete("Ünder.ä")
        await expect(watcher, "Ünder.ä DEL")
        assert await kv.keys() == ["Acme Inc.contact"]
        history = await kv.history("Acme Inc.contact")
        assert [entry.value for entry in history] == [b"info@acme.com", b"2"]


@behaviour("kv-38")
async def test_paths(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        plain = await made(js, "paths")
        kv = await js.key_value("paths", key_codecs="path")
        await kv.put("/etc/hosts", b"1")
        await kv.put("home/me/", b"2")
        assert short(await plain.get("_root_.etc.hosts")) == "_root_.etc.hosts=1"
        assert short(await kv.get("/etc/hosts")) == "/etc/hosts=1"
        assert short(await kv.get("home/me")) == "home/me=2"
        await expect(await kv.watch("/etc/*"), "/etc/hosts=1", "-")
        assert await kv.keys(["home/>"]) == ["home/me"]


@behaviour("kv-39")
async def test_codecs_of_ones_own(js_url: str) -> None:
    async with dial(js_url) as nc:
        plain = await made(nc.jetstream(), "own")
        kv = plain.with_codecs(Loud(), Marked())
        await kv.put("a", memoryview(b"1"))
        assert short(await plain.get("A")) == "A=!1"
        entry = await kv.get("a")
        assert (short(entry), entry.revision, entry.bucket) == ("a=1", 1, "own")
        assert short(await kv.get("a", 1)) == short(await kv.get_entry("a")) == "a=1"
        await kv.update("a", b"2", 1)
        # They were stored in another way.
        await put(plain, "B", "small")
        with fails("INVALID_ARGUMENT", "own", "no sign") as caught:
            await kv.get("b")
        assert isinstance(caught.value.__cause__, ValueError)
        watcher = await kv.watch()
        await expect(watcher, "a=2", "-")
        await expect(await kv.watch("a", include_history=True), "a=1", "a=2", "-")
        assert await kv.keys() == ["a", "b"]
        assert [short(entry) for entry in await kv.history("a")] == ["a=1", "a=2"]
        with fails("INVALID_ARGUMENT"):
            await kv.get_many(["a", "b"])
        many = await kv.get_many(["a", "c"])
        assert [one and short(one) for one in many] == ["a=2", None]
        for call in (kv.watch, kv.keys, kv.cache):
            with fails("UNSUPPORTED", "wildcards"):
                await call(["a", "a.*"])
        with fails("INVALID_NAME"):
            await kv.put("a b", b"1")
        await kv.delete("a")
        await expect(watcher, "a DEL")
        # What is left out does not prolong the time that was given.
        await put(plain, "C", "c", "D")
        with fails("TIMEOUT"):
            await watcher.updates(0.05)
        other = plain.with_codecs(Filtering())
        await other.put("x.y", b"3")
        await expect(await other.watch("x.*"), "x.y=3", "-")
        assert sorted(await other.keys()) == ["b", "c", "d", "x.y"]


@pytest.mark.loops
@behaviour("kv-40")
async def test_a_cache(js_url: str, loop: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        kv = await made(js, f"cached_{loop}")
        await put(kv, "eu.1", "eu.2", "us.1")
        await kv.delete("eu.2")
        cache = await kv.cache("eu.>")
        sent = nc.stats["out_msgs"]
        entry = cache.get("eu.1")
        assert entry and (short(entry), entry.revision) == ("eu.1=eu.1", 1)
        assert cache.get("eu.2") is cache.get("us.1") is None
        assert cache.keys() == ["eu.1"]
        assert nc.stats["out_msgs"] == sent
        await cache.wait(await kv.put("eu.3", b"3"))
        assert short(cache.get("eu.3")) == "eu.3=3"
        await cache.wait(await kv.purge("eu.1"))
        assert cache.get("eu.1") is None
        with fails("INVALID_NAME"):
            cache.get("a b")
        with fails("INVALID_ARGUMENT", "revision: "):
            await cache.wait(0)
        with pytest.raises(TypeError, match="key: expected a str"):
            cache.get(7)  # type: ignore[arg-type]

        aging = await made(js, f"cached_short_{loop}", ttl=0.5)
        cache = await aging.cache()
        await cache.wait(await aging.put("k", b"x"))
        while cache.get("k"):
            await sleep(0.01)
        assert cache.keys() == []

        coded = (await made(js, f"cached_coded_{loop}")).with_codecs(Loud(), Marked())
        cache = await coded.cache()
        await cache.wait(await coded.put("k", b"x"))
        assert (short(cache.get("k")), cache.keys()) == ("k=x", ["k"])


@behaviour("kv-41")
async def test_a_cache_ends_with_its_bucket(js_url: str) -> None:
    async with dial(js_url, **EAGER) as nc:
        js = nc.jetstream()
        kv = await made(js, "cached_to_its_end")
        await kv.put("a", b"1")
        cache = await kv.cache()
        await nc.force_reconnect()
        while True:
            try:
                revision = await kv.put("a", b"2")
                break
            except errors.Error:
                await sleep(0.02)
        await cache.wait(revision)
        assert short(cache.get("a")) == "a=2"
        await js.delete_key_value("cached_to_its_end")
        with fails("BUCKET_NOT_FOUND"):
            await cache.wait((1 << 64) - 1)
        with fails("BUCKET_NOT_FOUND"):
            cache.get("a")
        with fails("BUCKET_NOT_FOUND"):
            cache.keys()
        with fails("BUCKET_NOT_FOUND"):
            await kv.cache()
