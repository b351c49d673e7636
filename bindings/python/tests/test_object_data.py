"""Buckets of objects: what is put comes back, whole, in part, in pieces, by files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi.aio.object import ObjectMeta
from objects import chunked, content, made, messages, settles
from support import behaviour, dial, fails, resident_kb


@behaviour("object-06")
async def test_every_size_in_pieces_of_every_size(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o06")
        for size in (0, 1, 99, 100, 101, 200, 250, 1000):
            data = content(1000)[:size]
            for piece in (1, 37, 100, 130, 1000):
                async with await store.open_writer("x", chunked(100)) as writer:
                    for at in range(0, size, piece):
                        await writer.write(data[at : at + piece])
                info = await store.get_info("x")
                assert (info.size, info.chunks) == (size, -(-size // 100))
                assert info.max_chunk_size == 100
                assert (await store.get("x")).data == data, piece
                assert await messages(store) == info.chunks + 1, "what it has replaced is gone"


@behaviour("object-07")
async def test_bytes_and_texts(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o07")
        info = await store.put("text", "ein Täxt")
        assert info.max_chunk_size == 128 << 10
        assert (await store.get("text")).data == "ein Täxt".encode()
        data = content(1000)
        for given in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
            await store.put("binary", given)
            assert (await store.get("binary")).data == data
        await store.put("empty")
        got = await store.get("empty")
        assert (got.info.size, got.data) == (0, b"")


@behaviour("object-18")
async def test_a_put_that_expects_a_revision(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o18")
        first = await store.put("x", b"1", previous=0)
        with fails("WRONG_LAST_SEQUENCE"):
            await store.put("x", b"2", previous=0)
        second = await store.put("x", b"2", previous=first.revision)
        with fails("WRONG_LAST_SEQUENCE"):
            await store.put("x", b"3", previous=first.revision)
        # It is replaced while another one is put.
        writer = await store.open_writer("x", previous=second.revision)
        await writer.write(b"late")
        third = await store.put("x", b"3")
        with fails("WRONG_LAST_SEQUENCE"):
            await writer.finish()
        await settles(store, third)
        assert (await store.get("x")).data == b"3"
        await store.delete("x")
        await store.put("x", b"4", previous=0)
        assert (await store.get("x")).data == b"4", "over one that was deleted"


@behaviour("object-19")
async def test_objects_as_others_write_them(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store = await made(js, "o19")
        for chunk in (b"ab", b"c"):
            await js.publish("$O.o19.C.theirs", chunk)
        told: dict[str, Any] = {
            "name": "t",
            "description": None,
            "headers": None,
            "metadata": None,
            "bucket": "o19",
            "options": {"link": None, "max_chunk_size": 131072},
            "nuid": "theirs",
            "size": 3,
            "chunks": 2,
            "digest": "sha-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
            "deleted": False,
            "mtime": "0001-01-01T00:00:00Z",
            "own": {"a": 1},
        }
        await js.publish("$O.o19.M.dA==", json.dumps(told).encode())
        got = await store.get("t")
        assert (got.data, got.info.headers, got.info.description) == (b"abc", {}, "")
        assert (await store.get("t", offset=2)).data == b"c"
        assert (await store.get_info("t")).mtime.startswith("20")
        await store.update_meta("t", ObjectMeta(description="d"))
        kept = json.loads((await js_message(js, "o19", "$O.o19.M.dA==")).decode())
        assert kept["own"] == {"a": 1}, "what is not known is kept"
        # An id that would match other objects is none.
        await js.publish("$O.o19.M.YQ==", json.dumps({**told, "nuid": ">"}).encode())
        with fails("PROTOCOL"):
            await store.delete("a")
        assert (await store.get("t")).data == b"abc"


async def js_message(js: Any, bucket: str, subject: str) -> bytes:
    """What a bucket's stream has under a subject."""
    sub = await js.consume_ordered(f"OBJ_{bucket}", filter_subjects=[subject])
    msg = await sub.next_msg(20)
    await sub.unsubscribe()
    return bytes(msg.data)


@behaviour("object-25")
async def test_every_range(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o25")
        data = content(95)
        # Two at once, so that their chunks take turns.
        one = await store.open_writer("one", chunked(10))
        two = await store.open_writer("two", chunked(7))
        for at in range(0, 95, 10):
            await one.write(data[at : at + 10])
            await two.write(data[at : at + 10])
        await two.finish()
        await one.finish()
        for name in ("one", "two"):
            for offset in (0, 1, 9, 10, 11, 49, 50, 90, 94, 95):
                for length in (None, 0, 1, 10, 31, 2**40):
                    got = await store.get(name, offset=offset, length=length)
                    end = 95 if length is None else min(offset + length, 95)
                    assert got.data == data[offset:end], (name, offset, length)
        with fails("INVALID_ARGUMENT"):
            await store.get("one", offset=96)


@behaviour("object-26")
async def test_a_small_range_of_a_large_object(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o26")
        data = content(8 << 20)
        await store.put("x", data)
        before = nc.stats["in_bytes"]
        got = await store.get("x", offset=7_000_000, length=10)
        assert got.data == data[7_000_000:7_000_010]
        assert nc.stats["in_bytes"] - before < 3 << 20


@behaviour("object-27")
async def test_a_reading_is_resumed(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o27")
        data = content(100)
        await store.put("x", data, chunked(9))
        reader = await store.open_reader("x")
        first = await reader.read(5) + await reader.read(13)
        nuid = reader.info.nuid
        rest = await (await store.open_reader("x", offset=len(first), nuid=nuid)).read()
        assert first + rest == data
        await store.put("x", data, chunked(9))
        with fails("OBJECT_CHANGED"):
            await store.open_reader("x", offset=13, nuid=nuid)


@behaviour("object-28")
async def test_objects_are_put_as_they_are_produced(js_url: str) -> None:
    data = content(300_000)

    class Source:
        """Gives less than it is asked for, after a while."""

        def __init__(self) -> None:
            self._left = data

        async def read(self, size: int) -> bytes:
            await asyncio.sleep(0)
            given, self._left = self._left[: min(size, 7001)], self._left[7001:]
            return given

    class Sink(io.BytesIO):
        async def write(self, chunk: Any) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            super().write(chunk)

    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o28")
        info = await store.put("x", Source())
        assert (info.size, info.chunks) == (300_000, 3), "whole chunks"
        reader = await store.open_reader("x")
        got = await reader.read(1000)
        assert len(got) == 1000 and await reader.read(0) == b""
        # What is left of the chunk, and the rest.
        got += b"".join([chunk async for chunk in reader])
        assert got == data
        assert await reader.read() == await reader.read(5) == b"", "it stays at its end"
        with pytest.raises(StopAsyncIteration):
            await anext(reader)
        sink, plain = Sink(), io.BytesIO()
        assert (await store.get("x", sink)).data == b""
        await store.get("x", writeinto=plain)
        assert sink.getvalue() == plain.getvalue() == data


async def test_a_read_that_is_given_up_loses_nothing_unnoticed(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "given_up")
        data = content(300_000)
        await store.put("x", data)
        reader = await store.open_reader("x")
        first = await anext(reader)
        read = asyncio.create_task(reader.read(10))
        await asyncio.sleep(0)
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        for size in (-1, 5):
            with fails("CANCELLED"):
                await reader.read(size)
        other = await store.open_reader("x", offset=len(first), nuid=reader.info.nuid)
        assert first + await other.read() == data


@behaviour("object-29")
async def test_progress(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o29")
        data, told = content(300_000), []
        expected = [(131_072, 300_000), (262_144, 300_000), (300_000, 300_000)]
        await store.put("x", data, progress=lambda *so_far: told.append(so_far))
        assert told == expected
        told = []
        got = await store.get("x", progress=lambda *so_far: told.append(so_far))
        assert told == expected and got.data == data
        told = []
        source = io.BytesIO(data)
        await store.put("x", source, chunked(200_000), lambda *so_far: told.append(so_far))
        assert told == [(200_000, None), (300_000, None)]
        told = []
        await store.get(
            "x", None, lambda *so_far: told.append(so_far), offset=250_000, length=100
        )
        assert told == [(100, 100)]


@behaviour("object-30")
async def test_files(js_url: str, tmp_path: Path) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o30")
        source, target = tmp_path / "source", tmp_path / "target"
        data = content(300_000)
        source.write_bytes(data)
        target.write_text("old")
        put = await store.put_file("x", source, ObjectMeta(description="d"))
        got = await store.get_file("x", target)
        assert (got.nuid, got.description) == (put.nuid, "d")
        assert target.read_bytes() == data
        told: list[tuple[int, int | None]] = []

        def progress(so_far: int, total: int | None) -> None:
            told.append((so_far, total))

        put_again = store.put_file("x", source, None, progress)
        for moving in (put_again, store.get_file("x", target, progress)):
            await moving
            assert told == sorted(told) and {total for _, total in told} == {300_000}
            assert told[-1] == (300_000, 300_000)
            told.clear()
        with pytest.raises(ZeroDivisionError):
            await store.put_file("y", source, progress=lambda so_far, _: print(so_far // 0))
        await store.get_file("x", str(target), offset=299_990, length=5)
        assert target.read_bytes() == data[299_990:299_995]
        with fails("IO"):
            await store.put_file("y", tmp_path / "missing")
        for into in (tmp_path / "no folder" / "target", tmp_path):
            with fails("IO"):
                await store.get_file("x", into)
        assert sorted(tmp_path.iterdir()) == [source, target], "nothing else is left"


@behaviour("object-31")
async def test_a_large_object_in_little_memory(harness: Harness, tmp_path: Path) -> None:
    path, size = tmp_path / "large", 256 << 20
    with path.open("wb") as file:
        file.truncate(size)
    most = got = 0

    class Sink:
        def write(self, chunk: bytes) -> None:
            nonlocal most, got
            got += len(chunk)
            most = max(most, resident_kb())

    async with dial(harness.server("jetstream").url) as nc:
        store = await nc.jetstream().create_object_store("b")
        await store.put("warm", content(1_000_000))
        await store.get("warm", Sink())
        before, got = resident_kb(), 0
        with path.open("rb") as source:
            info = await store.put("x", source)
        assert info.size == size
        # What is not read on waits at the server.
        reader = await store.open_reader("x")
        await anext(reader)
        await asyncio.sleep(0.3)
        assert resident_kb() - before < 16 << 10
        del reader
        await store.get("x", Sink())
        assert got == size and most - before < 16 << 10, most - before


@pytest.mark.loops
async def test_on_every_loop(js_url: str, loop: str) -> None:
    async with await nats.connect(js_url) as nc:
        store = await made(nc.jetstream(), f"loop-{loop}")
        data = content(300_000)
        info = await store.put("x", io.BytesIO(data))
        digest = hashlib.sha256(data).digest()
        assert info.digest == "SHA-256=" + base64.urlsafe_b64encode(digest).decode()
        reader = await store.open_reader("x")
        assert await reader.read(10) + await reader.read() == data
        watcher = await store.watch()
        assert [await watcher.updates(), await watcher.updates()] == [
            await store.get_info("x"),
            None,
        ]
