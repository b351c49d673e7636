"""Buckets of objects: made and changed; what is known of objects, and links."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from harness import Harness
from nats_ffi import sync
from nats_ffi.aio.object import (
    ObjectLink,
    ObjectMeta,
    ObjectReader,
    ObjectStore,
    ObjectWatcher,
    ObjectWriter,
)
from objects import chunked, made, messages, settles
from streams import layout
from support import behaviour, dial, fails


def test_both_apis_have_the_same_methods() -> None:
    for awaited, blocking in (
        (ObjectStore, sync.object.ObjectStore),
        (ObjectReader, sync.object.ObjectReader),
        (ObjectWriter, sync.object.ObjectWriter),
        (ObjectWatcher, sync.object.ObjectWatcher),
    ):
        names = {name for name in dir(awaited) if not name.startswith("_")}
        assert names == {name for name in dir(blocking) if not name.startswith("_")}
        for name in names:
            method, other = getattr(awaited, name), getattr(blocking, name)
            if inspect.isfunction(method):
                assert [*inspect.signature(method).parameters] == [
                    *inspect.signature(other).parameters
                ]


@behaviour("object-01")
async def test_buckets(harness: Harness) -> None:
    server = harness.server("jetstream")
    async with dial(server.url) as nc:
        js = nc.jetstream()
        for call in (js.object_store, js.delete_object_store, js.update_object_store):
            with fails("BUCKET_NOT_FOUND"):
                await call("c")
        for _ in range(2):
            await made(js, "b")
        with fails("BUCKET_EXISTS"):
            await made(js, "b", description="other")
        store = await js.update_object_store("b", storage="memory", description="other")
        assert (await store.status()).description == "other"
        await js.create_object_store("c", storage="memory")
        await js.stream_create(**layout("PLAIN"))
        assert (await js.object_store_names())["buckets"] == ["b", "c"]
        assert await js.delete_object_store("b")
        assert (await js.object_store_names())["buckets"] == ["c"]


@behaviour("object-02")
async def test_bucket_names(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        sent = nc.stats["out_msgs"]
        for bad in ("", "a.b", "a b", "*", ">", "ä", "a\r\nb"):
            for call in (
                js.object_store,
                js.delete_object_store,
                js.create_object_store,
                js.update_object_store,
            ):
                with fails("INVALID_NAME"):
                    await call(bad)
        assert nc.stats["out_msgs"] == sent, "nothing was sent"


@behaviour("object-03")
async def test_all_that_a_bucket_can_be_like(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        config: dict[str, Any] = {
            "description": "other",
            "max_bytes": 1 << 20,
            "compression": True,
            "metadata": {"owner": "infra"},
        }
        store = await made(js, "o03", ttl=3600, **config)
        await store.put("x", "content")
        status = await (await js.object_store("o03")).status()
        assert (status.bucket, status.ttl, status.storage, status.replicas) == (
            "o03",
            3600,
            "memory",
            1,
        )
        assert (status.description, status.sealed) == ("other", False)
        assert status.size > 7 and status.metadata["owner"] == "infra"
        assert {name: status.config[name] for name in ("max_bytes", "compression")} == {
            "max_bytes": 1 << 20,
            "compression": True,
        }
        stream = status.stream_info["config"]
        assert (stream["name"], stream["subjects"]) == ("OBJ_o03", ["$O.o03.C.>", "$O.o03.M.>"])
        assert stream["allow_rollup_hdrs"] and stream["allow_direct"]
        assert (stream["discard"], stream["compression"]) == ("new", "s2")
        assert stream["max_age"] == 3600 * 10**9


@behaviour("object-04")
async def test_a_bucket_that_was_deleted(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store = await made(js, "o04")
        await store.put("x", b"content")
        await js.delete_object_store("o04")
        for call in (
            store.status,
            store.list,
            store.seal,
            store.watch,
            lambda: store.get_info("x"),
            lambda: store.get("x"),
            lambda: store.put("x", b"content"),
            lambda: store.delete("x"),
        ):
            with fails("BUCKET_NOT_FOUND"):
                await call()


@behaviour("object-05")
async def test_a_sealed_bucket(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o05")
        await store.put("x", b"content")
        assert (await store.seal()).sealed and (await store.status()).sealed
        for call in (
            lambda: store.put("y", b"y"),
            lambda: store.delete("x"),
            lambda: store.add_link("y", "x"),
        ):
            with fails("JETSTREAM"):
                await call()
        assert (await store.get("x")).data == b"content"
        assert len(await store.list()) == 1


@behaviour("object-08")
async def test_what_is_known_of_an_object(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o08")
        with fails("OBJECT_NOT_FOUND"):
            await store.get_info("x")
        meta = ObjectMeta(
            name="x",
            description="letters",
            headers={"Kind": ["a", "b"], "One": "c"},
            metadata={"owner": "me"},
            max_chunk_size=2,
        )
        put = await store.put(None, b"abc", meta)
        info = await store.get_info("x")
        assert (info.bucket, info.name, info.size, info.chunks) == ("o08", "x", 3, 2)
        assert info.digest == "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="
        assert info.headers == {"Kind": ["a", "b"], "One": ["c"]}
        assert (info.description, info.metadata) == ("letters", {"owner": "me"})
        assert (info.revision, info.deleted, info.max_chunk_size) == (3, False, 2)
        assert info.link is None and not info.is_link()
        assert info.mtime[:16] == put.mtime[:16], "within this minute, or nearly"
        assert {**vars(info), "mtime": put.mtime} == vars(put)
        with pytest.raises(TypeError, match="meta: "):
            await store.put("x", b"", {"name": "x"})  # type: ignore[arg-type]


@behaviour("object-09")
async def test_objects_are_listed(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o09")
        assert await store.list(ignore_deletes=False) == []
        for name in ("x", "y"):
            await store.put(name, name)
        await store.delete("x")
        assert [info.name for info in await store.list()] == ["y"]
        assert [info.name for info in await store.list(False)] == ["y", "x"]
        await store.delete("y")
        for number in range(300):
            await store.put(f"n{number}", b"")
        await store.put("n0", b"changed")
        listed = await store.list()
        assert [info.name for info in listed] == [f"n{n}" for n in (*range(1, 300), 0)]
        assert listed[5] == await store.get_info("n6")


@behaviour("object-10")
async def test_objects_are_deleted(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o10")
        for name in ("x", "*"):
            for call in (store.get, store.delete, store.get_info):
                with fails("OBJECT_NOT_FOUND"):
                    await call(name)
        put = await store.put("x", b"abc", chunked(2))
        await store.put("y", b"y")
        gone = (await store.delete("x")).info
        assert (gone.deleted, gone.size, gone.nuid) == (True, 0, put.nuid)
        assert await messages(store) == 1 + 2, "no chunk of it is left"
        for call in (store.get, store.get_info):
            with fails("OBJECT_NOT_FOUND"):
                await call("x")
        assert (await store.get_info("x", show_deleted=True)).deleted
        assert (await store.delete("x")).info.revision == gone.revision, "again"
        shown = await store.get("x", show_deleted=True)
        assert (shown.info.deleted, shown.data) == (True, b"")
        await store.put("x", b"again")
        assert (await store.get("x")).data == b"again"


@behaviour("object-11")
async def test_names(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o11")
        names = ("a b", ".", "*.>", "a\r\nb\0", "weiß/?~", "../../etc", "x" * 2048)
        for name in names:
            await store.put(name, name)
            got = await store.get(name)
            assert (got.info.name, got.data) == (name, name.encode())
            await store.delete(name)


@behaviour("object-12")
async def test_names_that_are_none(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o12")
        sent = nc.stats["out_msgs"]
        for bad in ("", "x" * 2049, "x" * (1 << 20)):
            for call in (
                lambda bad=bad: store.put(bad, b"x"),
                lambda bad=bad: store.get(bad),
                lambda bad=bad: store.open_writer(bad),
            ):
                with fails("INVALID_NAME"):
                    await call()
        assert nc.stats["out_msgs"] == sent, "nothing was sent"
        for bad in ("", "x" * 2049):
            for call in (
                lambda bad=bad: store.delete(bad),
                lambda bad=bad: store.update_meta("x", ObjectMeta(name=bad)),
                lambda bad=bad: store.add_bucket_link(bad, store),
            ):
                with fails("INVALID_NAME"):
                    await call()
        with fails("INVALID_ARGUMENT"):
            await store.put("x", b"x", chunked(2**32 - 1))
        with fails("INVALID_OPTION", "'window_bytes'"):
            await store.put("x", b"x", window_bytes=0)
        with fails("INVALID_OPTION", "'privious'"):
            await store.put("x", b"x", privious=1)  # type: ignore[call-arg]
        for data in (1, ["x"]):
            with pytest.raises(TypeError, match="data: "):
                await store.put("x", data)
        with pytest.raises(TypeError, match="name: "):
            await store.put(None, b"x")


@behaviour("object-13")
async def test_an_object_is_described_anew(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o13")
        put = await store.put("x", b"abcde", chunked(2))
        info = await store.update_meta("x", ObjectMeta(description="new"))
        assert (info.description, info.nuid, info.size) == ("new", put.nuid, 5)
        assert (await store.get_info("x")).description == "new"
        assert (await store.get("x")).data == b"abcde"
        await store.delete("x")
        for name in ("x", "z"):
            with fails("OBJECT_NOT_FOUND"):
                await store.update_meta(name, ObjectMeta(description="new"))


@behaviour("object-14")
async def test_an_object_is_renamed(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o14")
        await store.put("x", b"abcde", chunked(2))
        other = await store.put("y", b"y")
        with fails("OBJECT_EXISTS"):
            await store.update_meta("x", ObjectMeta(name="y"))
        moved = await store.update_meta("x", ObjectMeta(name="z"))
        assert (moved.name, moved.description) == ("z", "")
        with fails("OBJECT_NOT_FOUND"):
            await store.get_info("x", show_deleted=True)
        assert (await store.get("z")).data == b"abcde"
        await settles(store, moved, other)
        await store.delete("y")
        await store.update_meta("z", ObjectMeta(name="y"))
        assert (await store.get("y")).data == b"abcde", "over one that was deleted"


@behaviour("object-15")
async def test_links(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store, other = await made(js, "o15"), await made(js, "o15_other")
        await store.put("near", b"near")
        far = await other.put("far", b"far")
        link = await store.add_link("link", "near")
        assert link.is_link() and link.link == ObjectLink("o15", "near")
        assert (await store.get("link")).data == b"near"
        await store.add_link("link", far)
        got = await store.get("link")
        assert (got.info.name, got.info.bucket, got.data) == ("far", "o15_other", b"far")
        renamed = await store.update_meta("link", ObjectMeta(name="renamed", description="d"))
        assert renamed.link == ObjectLink("o15_other", "far")
        assert (await store.get("renamed")).data == b"far"
        await store.delete("renamed")
        with fails("OBJECT_NOT_FOUND"):
            await store.get("renamed")
        assert (await other.get("far")).data == b"far"


@behaviour("object-16")
async def test_links_that_cannot_be(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store, other = await made(js, "o16"), await made(js, "o16_other")
        await store.put("near", b"near")
        far = await other.put("far", b"far")
        link = await store.add_link("link", far)
        with fails("OBJECT_EXISTS"):
            await store.add_link("near", far)
        with fails("OBJECT_EXISTS"):
            await store.add_bucket_link("near", other)
        gone = (await store.delete("near")).info
        for target in (link, gone):
            with fails("INVALID_LINK"):
                await store.add_link("again", target)
        await store.add_bucket_link("bucket", other)
        assert (await store.get_info("bucket")).link == ObjectLink("o16_other", "")
        with fails("INVALID_LINK"):
            await store.get("bucket")


@behaviour("object-17")
async def test_links_to_nothing(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store, other = await made(js, "o17"), await made(js, "o17_other")
        await store.add_link("link", await other.put("far", b"far"))
        # A loop, which is made of an object that becomes a link.
        await store.add_link("to", await store.put("from", b""))
        await store.delete("from")
        with fails("OBJECT_NOT_FOUND"):
            await store.get("to")
        await store.delete("to")
        await store.put("to", b"")
        await store.add_link("from", "to")
        await store.delete("to")
        await store.put("from2", b"")
        await store.add_link("to", "from2")
        with fails("INVALID_LINK"):
            await store.get("from")
        await js.delete_object_store("o17_other")
        with fails("BUCKET_NOT_FOUND"):
            await store.get("link")
