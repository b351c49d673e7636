"""Buckets of objects in the asynchronous API."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from .. import _native, errors
from .._client import check_callback
from .._config import object_get_document, object_put_document, object_watch_document
from .._jetstream import named_as_in
from .._object import (
    ObjectInfo,
    ObjectLink,
    ObjectMeta,
    ObjectResult,
    ObjectStoreStatus,
    Progress,
    block_size,
    checked_block,
    link_target,
    meta_document,
    meta_members,
    named,
    object_info,
    object_store_status,
    span,
    whole_bytes,
)
from .._options import ObjectGetOptions, ObjectPutOptions, ObjectWatchOptions
from ._hub import current
from ._pieces import ObjectReader, ObjectWatcher, ObjectWriter, call, call_telling, update

if TYPE_CHECKING:
    from .jetstream import JetStream

__all__ = [
    "ObjectInfo",
    "ObjectLink",
    "ObjectMeta",
    "ObjectReader",
    "ObjectResult",
    "ObjectStore",
    "ObjectStoreStatus",
    "ObjectWatcher",
    "ObjectWriter",
]

Payload = bytes | bytearray | memoryview
Path = str | os.PathLike[str]


class ObjectStore:
    """A bucket of objects (ADR-20), made by `JetStream.object_store` and
    `JetStream.create_object_store`. An object has a name, which is any text of 1 to 2048 bytes, and
    any number of bytes."""

    def __init__(self, js: JetStream, native: _native.Objects) -> None:
        self._js = js
        self._native = native

    @property
    def bucket(self) -> str:
        """Its name."""
        return self._native.name

    async def put(
        self,
        name: str | None,
        data: Payload | str | Any = b"",
        meta: ObjectMeta | None = None,
        progress: Progress | None = None,
        **options: Unpack[ObjectPutOptions],
    ) -> ObjectInfo:
        """Puts an object: bytes, text, or what `data.read(size)` gives, a coroutine or not. Nobody
        sees anything of it before all is stored; then it takes the place of the one that was there.
        What fails leaves nothing behind. `progress` is told how many bytes have gone over, and of
        how many. `previous`: the revision that the object is to have; 0: there is to be none.

        Raises `InvalidNameError`, `InvalidOptionError`, `InvalidArgumentError`;
        `WrongLastSequenceError` when it has another revision; `BucketNotFoundError`;
        `JetStreamError` when the server refuses, as a bucket that is full or sealed does;
        `TimeoutError`, `ConnectionLostError`, `ConnectionClosedError`, `PermissionsError`; what
        reading raises.
        """
        whole = whole_bytes(data)
        if whole is not None and progress is None:
            arguments = (named(name, meta), meta_document(meta), whole)
            with named_as_in("object_put", options):
                document = object_put_document(options)
                return object_info(await self._call(self._native.put, *arguments, document))
        writer = await self.open_writer(name, meta, **options)
        source, total = (data, None) if whole is None else (whole, memoryview(whole).nbytes)
        so_far = 0
        try:
            async for block in _blocks(source, block_size(meta, progress)):
                await writer.write(block)
                so_far += len(block)
                if progress is not None:
                    progress(so_far, total)
            return await writer.finish()
        except Exception:
            await _taken_back(writer)
            raise
        except BaseException:
            # In the background: who was cancelled waits for nothing.
            current(self._js._client._hub).backend.spawn(partial(_taken_back, writer))
            raise

    async def put_file(
        self,
        name: str | None,
        path: Path,
        meta: ObjectMeta | None = None,
        progress: Progress | None = None,
        **options: Unpack[ObjectPutOptions],
    ) -> ObjectInfo:
        """Puts the content of a file, which the library reads; otherwise as `put`. `progress` is
        told where it is now and then, and at the end.

        Raises `IoError` when the file cannot be read, or is shorter by the end than it was;
        otherwise as `put`.
        """
        with named_as_in("object_put", options):
            arguments = (named(name, meta), meta_document(meta), os.fspath(path))
            document = object_put_document(options)
            start = self._native.put_file
            return object_info(await self._telling(progress, start, *arguments, document))

    async def open_writer(
        self,
        name: str | None,
        meta: ObjectMeta | None = None,
        **options: Unpack[ObjectPutOptions],
    ) -> ObjectWriter:
        """Begins to put an object piece by piece.

        Raises as `put`.
        """
        with named_as_in("object_put", options):
            arguments = (named(name, meta), meta_document(meta), object_put_document(options))
            return ObjectWriter(self._js, await self._call(self._native.writer, *arguments))

    async def get(
        self,
        name: str,
        writeinto: Any = None,
        progress: Progress | None = None,
        **options: Unpack[ObjectGetOptions],
    ) -> ObjectResult:
        """Gets an object, or the range of it that `offset` and `length` say; links are followed.
        With `writeinto` it is given to `writeinto.write(chunk)`, a coroutine or not, chunk by
        chunk, in bounded memory; what was written is right only when this returns. `show_deleted`:
        one that was deleted is an object without content. `nuid`: the content that a reading is
        gone on with.

        Raises `ObjectNotFoundError`; `DigestMismatchError` when what came is not what was put;
        `ObjectChangedError` when it was replaced meanwhile, or is not the one that `nuid` names;
        `InvalidLinkError` for a link to a link or to a bucket; `InvalidNameError`,
        `InvalidOptionError`, `InvalidArgumentError`; `BucketNotFoundError`, `TimeoutError`,
        `PermissionsError`, `ConnectionLostError`, `ConnectionClosedError`.
        """
        if writeinto is None and progress is None:
            with named_as_in("object_get", options):
                document = object_get_document(options)
                info, data = await self._call(self._native.get, name, document)
            return ObjectResult(object_info(info), data)
        reader = await self.open_reader(name, **options)
        total = span(reader.info, options.get("offset"), options.get("length"))
        chunks: list[bytes] = []
        so_far = 0
        async for chunk in reader:
            if writeinto is None:
                chunks.append(chunk)
            else:
                written = writeinto.write(chunk)
                if inspect.isawaitable(written):
                    await written
            so_far += len(chunk)
            if progress is not None:
                progress(so_far, total)
        return ObjectResult(reader.info, b"".join(chunks))

    async def get_file(
        self,
        name: str,
        path: Path,
        progress: Progress | None = None,
        **options: Unpack[ObjectGetOptions],
    ) -> ObjectInfo:
        """Gets an object into a file, which is there as a whole or not at all; otherwise as `get`.
        `progress` is told where it is now and then, and at the end.

        Raises `IoError` when the file cannot be written; otherwise as `get`.
        """
        with named_as_in("object_get", options):
            document = object_get_document(options)
            arguments = (self._native.get_file, name, os.fspath(path), document)
            told = await self._telling(progress, *arguments)
        return object_info(told)

    async def open_reader(self, name: str, **options: Unpack[ObjectGetOptions]) -> ObjectReader:
        """Begins to read an object, or a range of it. To go on where a reading was interrupted,
        `offset` says how much was read, and `nuid` is that of its `info`.

        Raises as `get`.
        """
        with named_as_in("object_get", options):
            document = object_get_document(options)
            return ObjectReader(self._js, await self._call(self._native.reader, name, document))

    async def get_info(self, name: str, show_deleted: bool = False) -> ObjectInfo:
        """What is known of an object, or of a link; with `show_deleted`, also when it was deleted.

        Raises `ObjectNotFoundError`, `InvalidNameError`, `BucketNotFoundError`, and what
        `JetStream.account_info` raises; so for all that follow.
        """
        told = await self._js.object_info(
            bucket=self.bucket, name=name, show_deleted=show_deleted
        )
        return object_info(told)

    async def list(self, ignore_deletes: bool = True) -> list[ObjectInfo]:
        """What is known of all objects and links, those that were deleted among them if they are
        not to be ignored."""
        told = await self._js.object_list(bucket=self.bucket, show_deleted=not ignore_deletes)
        return [object_info(one) for one in told["objects"]]

    async def delete(self, name: str) -> ObjectResult:
        """Deletes an object, or a link and not what it leads to; what is known of it then."""
        told = await self._js.object_delete(bucket=self.bucket, name=name)
        return ObjectResult(object_info(told), b"")

    async def update_meta(self, name: str, meta: ObjectMeta) -> ObjectInfo:
        """Gives an object, or a link, another description, headers, metadata and, if `meta` has
        one, name.

        Raises `ObjectExistsError` when another object has the new name, `ObjectChangedError` when
        somebody else has changed it while it was renamed.
        """
        members = meta_members(meta)
        members.pop("options", None)
        told = await self._js.object_update_meta(bucket=self.bucket, name=name, meta=members)
        return object_info(told)

    async def add_link(self, name: str, to: ObjectInfo | str) -> ObjectInfo:
        """Adds a link to an object, of this bucket by its name, or of any by what is known of it. A
        link that has the name leads there from now on.

        Raises `ObjectExistsError` when an object has the name; `InvalidLinkError` when `to` is a
        link.
        """
        to_bucket, target = link_target(to)
        told = await self._js.object_add_link(
            bucket=self.bucket, name=name, to=target, to_bucket=to_bucket
        )
        return object_info(told)

    async def add_bucket_link(self, name: str, to: ObjectStore | str) -> ObjectInfo:
        """Adds a link to a bucket of objects as a whole.

        Raises `ObjectExistsError` when an object has the name.
        """
        to_bucket = to if isinstance(to, str) else to.bucket
        told = await self._js.object_add_bucket_link(
            bucket=self.bucket, name=name, to_bucket=to_bucket
        )
        return object_info(told)

    async def status(self) -> ObjectStoreStatus:
        """The bucket as it is."""
        return object_store_status(await self._js.object_store_status(bucket=self.bucket))

    async def seal(self) -> ObjectStoreStatus:
        """Seals the bucket: nothing in it can be changed any more."""
        return object_store_status(await self._js.object_store_seal(bucket=self.bucket))

    async def watch(
        self,
        callback: Callable[[ObjectInfo | None], Awaitable[None] | None] | None = None,
        **options: Unpack[ObjectWatchOptions],
    ) -> ObjectWatcher:
        """Watches objects: what is known of each of them, then `None`, then what is done to them,
        each once and in order. Handed to `callback`, a function or coroutine function, or, without
        it, read by `updates` and iterating.

        Whatever happens to consumers, servers and the connection, it goes on behind the last
        change, and each time is an event of the connection ("consumer"). Raises
        `BucketNotFoundError`, `InvalidOptionError`, `InvalidArgumentError`, `TimeoutError`,
        `ConnectionClosedError`.
        """
        check_callback("callback", callback, plain=False)
        with named_as_in("object_watch", options):
            native = await self._call(self._native.watch, object_watch_document(options))
        told = None if callback is None else _telling(callback)
        return ObjectWatcher(self._js._client._kept(native, told))

    async def _call(self, start: Callable[..., _native.Operation], *arguments: Any) -> Any:
        return await call(self._js, start, *arguments)

    async def _telling(
        self,
        progress: Progress | None,
        start: Callable[..., _native.Operation],
        *arguments: Any,
    ) -> Any:
        return await call_telling(self._js, progress, start, *arguments)


async def _taken_back(writer: ObjectWriter) -> None:
    with contextlib.suppress(errors.Error):
        await writer.abort()


async def _blocks(data: Any, size: int) -> AsyncIterator[Payload]:
    if isinstance(data, (bytes, bytearray, memoryview)):
        view = memoryview(data).cast("B")
        for start in range(0, len(view), size):
            yield view[start : start + size]
        return
    while True:
        read = data.read(size)
        block = checked_block(await read if inspect.isawaitable(read) else read)
        if not block:
            return
        yield block


def _telling(callback: Callable[[ObjectInfo | None], Any]) -> Callable[[Any], Any]:
    return lambda told: callback(update(told))
