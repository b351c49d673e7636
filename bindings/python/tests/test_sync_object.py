"""Buckets of objects in the blocking API."""

from __future__ import annotations

import io
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from blocking import Told, dial
from nats_ffi.sync.jetstream import JetStream
from nats_ffi.sync.object import ObjectLink, ObjectMeta, ObjectStore
from objects import chunked, content, in_memory
from support import WAIT, fails


def made(js: JetStream, bucket: str, **config: Any) -> ObjectStore:
    return js.create_object_store(config=in_memory(bucket, **config))


def messages(store: ObjectStore) -> int:
    return int(store.status().stream_info["state"]["messages"])


def test_buckets(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        for call in (js.object_store, js.delete_object_store, js.update_object_store):
            with fails("BUCKET_NOT_FOUND"):
                call("so1")
        made(js, "so1", ttl=60)
        with fails("BUCKET_EXISTS"):
            made(js, "so1")
        store = js.update_object_store("so1", storage="memory", ttl=30)
        status = js.object_store("so1").status()
        assert (store.bucket, status.bucket, status.ttl, status.sealed) == ("so1", "so1", 30, False)
        assert store.seal().sealed
        with fails("JETSTREAM"):
            store.put("x", b"x")
        assert js.delete_object_store("so1")
        with fails("BUCKET_NOT_FOUND"):
            store.get("x")


def test_objects(js_url: str) -> None:
    with dial(js_url) as nc:
        store = made(nc.jetstream(), "so2")
        meta = ObjectMeta(description="d", headers={"A": "1"}, metadata={"k": "v"})
        put = store.put("x", "content", meta)
        got = store.get("x")
        assert (got.data, got.info.nuid, got.info.headers) == (b"content", put.nuid, {"A": ["1"]})
        assert store.get("x", offset=3, length=2).data == b"te"
        assert store.update_meta("x", ObjectMeta(name="y")).name == "y"
        with fails("OBJECT_NOT_FOUND"):
            store.get_info("x")
        assert [info.name for info in store.list()] == ["y"]
        with fails("WRONG_LAST_SEQUENCE"):
            store.put("y", b"", previous=0)
        assert store.delete("y").info.deleted
        assert store.get_info("y", show_deleted=True).deleted
        assert (store.list(), len(store.list(ignore_deletes=False))) == ([], 1)


def test_links(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        store, other = made(js, "so3"), made(js, "so3_other")
        far = other.put("far", b"far")
        assert store.add_link("link", far).link == ObjectLink("so3_other", "far")
        assert store.get("link").data == b"far"
        store.add_bucket_link("bucket", other)
        with fails("INVALID_LINK"):
            store.get("bucket")
        with fails("INVALID_LINK"):
            store.add_link("again", other.delete("far").info)


def test_pieces(js_url: str) -> None:
    with dial(js_url) as nc:
        store = made(nc.jetstream(), "so4")
        data = content(1000)
        with store.open_writer("x", chunked(100)) as writer:
            for at in range(0, 1000, 130):
                writer.write(data[at : at + 130])
        reader = store.open_reader("x")
        assert reader.info.chunks == 10
        first = reader.read(30)
        assert first + b"".join(reader) == data and reader.read() == b""
        resumed = store.open_reader("x", offset=30, nuid=reader.info.nuid)
        assert resumed.read() == data[30:]
        with pytest.raises(ValueError), store.open_writer("y") as writer:
            writer.write(data)
            raise ValueError
        assert messages(store) == 10 + 1


def test_sources_sinks_and_progress(js_url: str) -> None:
    with dial(js_url) as nc:
        store = made(nc.jetstream(), "so5")
        data, told = content(300_000), []
        expected = [(131_072, 300_000), (262_144, 300_000), (300_000, 300_000)]
        store.put("x", data, progress=lambda *so_far: told.append(so_far))
        sink = io.BytesIO()
        store.get("x", sink, lambda *so_far: told.append(so_far))
        assert sink.getvalue() == data and told == expected * 2
        assert store.put("y", io.BytesIO(data)).size == 300_000

        class Broken:
            def read(self, size: int) -> bytes:
                raise OSError("no more")

        before = messages(store)
        with pytest.raises(OSError, match="no more"):
            store.put("y", Broken())
        assert messages(store) == before


def test_files(js_url: str, tmp_path: Path) -> None:
    with dial(js_url) as nc:
        store = made(nc.jetstream(), "so6")
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(content(300_000))
        store.put_file("x", source)
        assert store.get_file("x", target).size == 300_000
        assert target.read_bytes() == source.read_bytes()
        told: list[tuple[int, int | None]] = []

        def progress(so_far: int, total: int | None) -> None:
            told.append((so_far, total))
            # Another wait within this one.
            assert store.get_info("x").size == 300_000

        put, get = partial(store.put_file, "x", source, None), partial(store.get_file, "x", target)
        for move in (put, get):
            move(progress)
            assert told == sorted(told) and {total for _, total in told} == {300_000}
            assert told[-1] == (300_000, 300_000)
            told.clear()
        with pytest.raises(ZeroDivisionError):
            store.put_file("y", source, progress=lambda so_far, _: print(so_far // 0))
        with fails("IO"):
            store.put_file("y", tmp_path / "missing")


def test_a_watch(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        store = made(js, "so7")
        store.put("x", b"1")
        told = Told()
        watcher, calling = store.watch(), store.watch(told, updates_only=True)
        info = watcher.updates(WAIT)
        assert info and info.name == "x" and watcher.updates(WAIT) is None
        store.put("y", b"2")
        store.delete("x")
        assert next(watcher) == store.get_info("y")
        info = next(watcher)
        assert info and info.deleted
        assert [one and one.name for one in told.wait(3)] == [None, "y", "x"]
        with fails("TIMEOUT"):
            watcher.updates(0.02)
        calling.stop()
        js.delete_object_store("so7")
        with fails("BUCKET_NOT_FOUND"):
            next(watcher)


def test_ctrl_c_takes_back_what_was_put(js_url: str) -> None:
    class Interrupting:
        def __init__(self) -> None:
            self.reads = 0

        def read(self, size: int) -> bytes:
            self.reads += 1
            if self.reads == 3:
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait(WAIT)
            return b"x" * size

    with dial(js_url) as nc:
        store = made(nc.jetstream(), "so8")
        with pytest.raises(KeyboardInterrupt):
            store.put("x", Interrupting())
        assert messages(store) == 0
        store.put("x", b"x")
        assert store.get("x").data == b"x"
