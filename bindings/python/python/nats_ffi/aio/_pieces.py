"""What objects are written, read and watched with in the asynchronous API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from .. import _native, errors
from .._object import ObjectInfo, Progress, object_info
from ._hub import current

if TYPE_CHECKING:
    from .jetstream import JetStream
    from .subscription import Subscription

Payload = bytes | bytearray | memoryview


class ObjectWriter:
    """An object that is being put, made by `ObjectStore.open_writer`. Nobody sees anything of it
    before `finish`; as a context manager it is finished at the end of the block, or taken back when
    that fails."""

    def __init__(self, js: JetStream, native: _native.ObjectWriter) -> None:
        self._js = js
        self._native = native

    async def write(self, data: Payload) -> None:
        """Writes the next bytes, any number of them. Waits for the server when too much is under
        way.

        Raises as `ObjectStore.put`; nothing more can be written then.
        """
        await call(self._js, self._native.write, data)

    async def finish(self) -> ObjectInfo:
        """Waits until all is stored, and makes the object visible.

        Raises as `ObjectStore.put`.
        """
        return object_info(await call(self._js, self._native.finish))

    async def abort(self) -> None:
        """Takes back what was written, and waits until nothing is left of it."""
        await call(self._js, self._native.abort)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await (self.finish() if kind is None else self.abort())


class ObjectReader:
    """An object that is being read, made by `ObjectStore.open_reader`. Iterating yields its chunks;
    the last one comes only when digest and length of the whole are right, of a range when its
    length is."""

    def __init__(self, js: JetStream, native: _native.ObjectReader) -> None:
        self._js = js
        self._native = native
        self._given_up = False
        self.info = object_info(native.info)
        """What is known of the object."""

    async def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`, empty at the end; all that is left without a size.

        Raises as `ObjectStore.get`; `CancelledError` once a read was given up, which may have taken
        bytes with it: another reader goes on behind what was read.
        """
        if size == 0:
            return b""
        if size > 0:
            return await self._take(self._native.read, size) or b""
        return b"".join([chunk async for chunk in self])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._take(self._native.next)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def _take(self, start: Callable[..., _native.Operation], *size: int) -> bytes | None:
        if self._given_up:
            raise errors.CancelledError("a read was given up")
        try:
            taken: bytes | None = await call(self._js, start, *size)
        except errors.Error:
            raise
        except BaseException:
            self._given_up = True
            raise
        return taken


class ObjectWatcher:
    """What is done to objects, made by `ObjectStore.watch`; `None` stands behind what there was
    when it began. Iterating ends when it is stopped, and raises why it has ended otherwise."""

    def __init__(self, sub: Subscription) -> None:
        self._sub: Any = sub

    async def updates(self, timeout: float | None = 5.0) -> ObjectInfo | None:
        """What comes next; `None`: all that there was has come. Waits for at most `timeout`
        seconds; `None` waits on.

        Raises `TimeoutError`; `BadSubscriptionError` once it was stopped; why it has ended.
        """
        return update(await self._sub.next_msg(timeout))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ObjectInfo | None:
        return update(await anext(self._messages))

    async def stop(self) -> None:
        """Ends the watch."""
        await self._sub.unsubscribe()

    @cached_property
    def _messages(self) -> AsyncIterator[Any]:
        return self._sub.messages  # type: ignore[no-any-return]


async def call(js: JetStream, start: Callable[..., _native.Operation], *arguments: Any) -> Any:
    """What an operation of the bucket yields."""
    return await current(js._client._hub).call(start, *arguments)


async def call_telling(
    js: JetStream,
    progress: Progress | None,
    start: Callable[..., _native.Operation],
    *arguments: Any,
) -> Any:
    """What an operation of the bucket yields, which tells how far it is. What `progress` raises
    ends it."""
    if progress is None:
        return await call(js, start, *arguments, None)
    hub = current(js._client._hub)
    telling = _Telling(progress)
    token = hub.register(telling)
    yielded = None
    try:
        yielded = await hub.call(telling.begin, start, _native.Progress(token), arguments)
    except errors.Error:
        if telling.raised is None:
            raise
    finally:
        hub.unregister(token)
    if telling.raised is not None:
        raise telling.raised
    return yielded


class _Telling:
    """Tells a program how far an operation is."""

    def __init__(self, progress: Progress) -> None:
        self.raised: BaseException | None = None
        self._progress = progress

    def begin(
        self,
        queue: _native.Queue,
        token: int,
        start: Callable[..., _native.Operation],
        native: _native.Progress,
        arguments: tuple[Any, ...],
    ) -> _native.Operation:
        """Starts the operation."""
        self._native = native
        self._operation = start(queue, token, *arguments, native)
        return self._operation

    def _on_signal(self, value: Any) -> None:
        if self.raised is None:
            try:
                self._progress(*self._native.told())
            except BaseException as raised:
                self.raised = raised
                self._operation.abort()


def update(told: str) -> ObjectInfo | None:
    """What a message of a watch tells; `None` for the mark."""
    return object_info(told) if told else None
