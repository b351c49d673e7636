"""Buckets of objects: what goes wrong while objects are put and read."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import io
import json
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Harness
from nats_ffi import errors
from objects import chunked, content, made, messages, settles
from support import behaviour, dial, expect_exit, fails, run_child

CHUNK = 10

Harm = Callable[[list[bytes]], Any]

HARMS: dict[str, Harm] = {
    "the first is missing": lambda chunks: chunks.pop(0),
    "one is missing": lambda chunks: chunks.pop(2),
    "the last is missing": lambda chunks: chunks.pop(),
    "all are missing": lambda chunks: chunks.clear(),
    "one is there twice": lambda chunks: chunks.insert(1, chunks[1]),
    "one more": lambda chunks: chunks.append(b"more"),
    "another order": lambda chunks: chunks.reverse(),
    "another byte": lambda chunks: chunks.__setitem__(4, b"other"),
    "one is shorter": lambda chunks: chunks.__setitem__(1, chunks[1][:9]),
}


@behaviour("object-32")
@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
async def test_chunks_that_are_wrong(js_url: str, tmp_path: Path, harm: Harm) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        bucket = "o32_" + str([*HARMS.values()].index(harm))
        store = await made(js, bucket)
        data = content(45)
        subject = f"$O.{bucket}.C.{(await store.put('x', data, chunked(CHUNK))).nuid}"
        chunks = [data[at : at + CHUNK] for at in range(0, 45, CHUNK)]
        harm(chunks)
        await js.stream_purge(stream=f"OBJ_{bucket}", filter=subject)
        for chunk in chunks:
            await js.publish(subject, chunk)
        for call in (
            lambda: store.get("x"),
            lambda: store.get("x", io.BytesIO()),
            lambda: store.get_file("x", tmp_path / "file"),
        ):
            with fails("DIGEST_MISMATCH"):
                await call()
        assert [*tmp_path.iterdir()] == []
        reader = await store.open_reader("x")
        for _ in range(2):
            with fails("DIGEST_MISMATCH"):
                await reader.read()


@behaviour("object-33")
async def test_what_is_known_is_wrong(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store = await made(js, "o33")
        info = await store.put("x", content(45), chunked(CHUNK))
        subject = "$O.o33.M." + base64.urlsafe_b64encode(b"x").decode()
        known = {
            "name": "x",
            "bucket": "o33",
            "nuid": info.nuid,
            "size": 45,
            "chunks": info.chunks,
            "digest": info.digest,
        }
        await js.publish(subject, json.dumps(known).encode())
        assert (await store.get("x")).data == content(45)
        for wrong in (
            {"digest": "SHA-512=abc"},
            {"digest": "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="},
            {"digest": ""},
            {"size": 46},
            {"size": 2**64 - 1},
        ):
            await js.publish(subject, json.dumps({**known, **wrong}).encode())
            with fails("DIGEST_MISMATCH"):
                await store.get("x")
        for bad in (b"", b"{", b"[]", b'{"size":"x"}', b'{"nuid":"*"}'):
            await js.publish("$O.o33.M.YQ==", bad)
            with fails("PROTOCOL"):
                await store.get_info("a")
            with fails("PROTOCOL"):
                await store.list()


@behaviour("object-34")
async def test_an_object_changes_while_it_is_read(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o34")
        # More than is asked for at once.
        data = content(2_000_000)
        for change in (lambda: store.put("x", b"other"), lambda: store.delete("x")):
            await store.put("x", data, chunked(1000))
            reader = await store.open_reader("x")
            assert await anext(reader) == data[:1000]
            await change()
            with fails("OBJECT_CHANGED"):
                await reader.read()


@behaviour("object-35")
async def test_an_object_is_out_of_sight_until_it_is_finished(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o35")
        data, later = content(100_500), content(300)
        old = await store.put("x", data, chunked(1000))
        writer = await store.open_writer("x", chunked(100))
        unseen = await store.open_writer("y", chunked(100))
        await writer.write(later)
        await unseen.write(later)
        await nc.flush()
        assert (await store.get("x")).data == data
        with fails("OBJECT_NOT_FOUND"):
            await store.get("y")
        assert len(await store.list(False)) == 1
        assert await messages(store) == old.chunks + 1 + 6, "they are there, but nobody knows"
        new = await writer.finish()
        assert (await store.get("x")).data == later
        other = await unseen.finish()
        await settles(store, new, other)


class Broken:
    """Gives some bytes, and then an error, or waits for ever."""

    def __init__(self, size: int, *, hangs: bool = False) -> None:
        self._left = size
        self._hangs = hangs

    async def read(self, size: int) -> bytes:
        if self._left == 0:
            if self._hangs:
                await asyncio.Event().wait()
            raise ConnectionError("no more")
        given = min(self._left, size, 40_000)
        self._left -= given
        return b"x" * given


@behaviour("object-36")
async def test_a_put_that_is_given_up(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o36")
        old = await store.put("x", b"old")
        for size in (0, 1, 131_072, 1_000_000, 3_000_000):
            with pytest.raises(ConnectionError, match="no more"):
                await store.put("x", Broken(size))
            assert await messages(store) == 2, size

        def refuse(so_far: int, total: int | None) -> None:
            raise ValueError(so_far)

        with pytest.raises(ValueError, match="131072"):
            await store.put("x", content(300_000), progress=refuse)
        assert await messages(store) == 2
        with pytest.raises(TypeError, match="data: "):
            await store.put("x", Numbers())
        with pytest.raises(RuntimeError):
            async with await store.open_writer("x", chunked(1000)) as writer:
                await writer.write(content(100_500))
                raise RuntimeError
        assert await messages(store) == 2, "at once"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store.put("x", Broken(1_000_000, hangs=True))
        writer = await store.open_writer("x", chunked(1000))
        await writer.write(content(100_500))
        del writer
        await settles(store, old)
        # A write that nobody waits for to its end.
        tight = await store.open_writer("x", chunked(1000), window_bytes=1)
        write = asyncio.create_task(tight.write(content(100_000)))
        await asyncio.sleep(0)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
        for call in (lambda: tight.write(b"more"), tight.finish):
            with pytest.raises(errors.CancelledError):
                await call()
        await settles(store, old)
        assert (await store.get("x")).data == b"old"


class Numbers:
    """Gives what are no bytes."""

    def read(self, size: int) -> int:
        return size


@behaviour("object-37")
async def test_what_the_server_refuses(harness: Harness) -> None:
    def user(name: str, denied: str) -> str:
        return f'{{user: {name}, password: p, permissions: {{publish: {{deny: ["{denied}"]}}}}}}'

    users = ", ".join(
        (user("every", "nothing"), user("none", "$O.b.C.>"), user("meta", "$O.b.M.>"))
    )
    server = harness.server("jetstream", extra=f"authorization {{users: [{users}]}}")
    async with dial(f"nats://every:p@{server.address}") as nc:
        js = nc.jetstream()
        store = await made(js, "b")
        for name in ("none", "meta"):
            async with dial(f"nats://{name}:p@{server.address}") as other:
                theirs = await other.jetstream().object_store("b")
                with fails("PERMISSION"):
                    await theirs.put("x", content(300_000))
                await settles(store)
        small = await made(js, "small", max_bytes=100_000)
        with fails("JETSTREAM"):
            await small.put("x", content(200_000), chunked(1000))
        await settles(small)
        await small.put("x", content(50_000), chunked(1000))


@behaviour("object-38")
@pytest.mark.parametrize("size", [1_000_000, 200 << 20])
async def test_a_file_that_changes(js_url: str, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), f"o38_{size}")
        # One chunk after the other, so that there is time.
        put = asyncio.create_task(store.put_file("x", path, window_bytes=1))
        while await messages(store) < 10:
            assert not put.done()
        with path.open("r+b") as file:
            file.truncate(size)
        with fails("IO"):
            await put
        await settles(store)
        with fails("IO"):
            await store.put_file("x", tmp_path)


@behaviour("object-39")
async def test_a_full_disk(js_url: str, tmp_path: Path) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o39")
        await store.put("x", content(3_000_000))
        (tmp_path / "file").write_text("old")
        child = run_child(
            "import resource, signal, sys\n"
            "from nats_ffi import errors, sync\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
            "with sync.connect(sys.argv[1]) as nc:\n"
            "    try:\n"
            "        nc.jetstream().object_store('o39').get_file('x', sys.argv[2])\n"
            "    except errors.IoError:\n"
            "        sys.exit(7)\n",
            js_url,
            str(tmp_path / "file"),
        )
        expect_exit(child, 7)
        assert (tmp_path / "file").read_text() == "old"
        assert len([*tmp_path.iterdir()]) == 1


@behaviour("object-40")
async def test_many_at_once(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        store = await made(js, "o40")

        async def put(number: int) -> None:
            for round in range(10):
                await store.put("x", bytes([number]) * (5000 + round), chunked(1000))

        puts = [asyncio.create_task(put(number)) for number in range(4)]
        while not all(task.done() for task in puts):
            try:
                data = (await store.get("x")).data
                assert len(data) >= 5000 and len(set(data)) == 1
            except (errors.ObjectChangedError, errors.ObjectNotFoundError):
                continue
        await asyncio.gather(*puts)
        info = await store.get_info("x")
        await settles(store, info)
        # Names that are wanted by many at once go to one of them.
        await store.put("a", b"a")
        await store.put("b", b"b")
        again = await js.object_store("o40")
        done = await asyncio.gather(
            store.update_meta("a", chunked(1000, name="c")),
            again.update_meta("b", chunked(1000, name="c")),
            return_exceptions=True,
        )
        (refused,) = [one for one in done if isinstance(one, Exception)]
        assert isinstance(refused, errors.ObjectExistsError)


async def test_an_error_keeps_nothing(js_url: str) -> None:
    async with dial(js_url) as nc:
        store = await made(nc.jetstream(), "o_error")
        kept = weakref.ref(store)
        gc.disable()
        try:
            with contextlib.suppress(errors.ObjectNotFoundError):
                await store.get("none")
            del store
            # The step of the loop that has told of it holds it to its end.
            await asyncio.sleep(0)
            assert kept() is None, "only a collection would free it"
        finally:
            gc.enable()
