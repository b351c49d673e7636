"""The meeting point of an event loop and the library: one queue, one descriptor, one reader."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

from .. import _native, errors
from .._process import run_in_child
from ._backend import AsyncioBackend, Backend, Future, TrioBackend

_COMPLETED: Final = 0
_FAILED: Final = 1

_hubs: WeakKeyDictionary[Any, Hub] = WeakKeyDictionary()


class Source(Protocol):
    """Whoever is told of readiness or events."""

    def _on_signal(self, value: Any) -> None:
        """Something is ready (`None`), this has happened (JSON), or this is asked."""


class Hub:
    """What one event loop has waiting. To be used on the loop's thread only."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.queue = _native.Queue()
        self._tokens = itertools.count(1)
        self._sources: WeakValueDictionary[int, Source] = WeakValueDictionary()
        backend.watch(self.queue.fileno(), self._dispatch)

    def expect(self) -> tuple[int, Future]:
        """A token for an operation, and the future that will have its result."""
        future = self.backend.future()
        return self.queue.expect(future), future

    def forget(self, token: int) -> None:
        """The operation's result is of no interest any more."""
        self.queue.forget(token)

    async def call(self, start: Callable[..., _native.Operation], *arguments: Any) -> Any:
        """Starts an operation and waits for its result; given up, the operation is given up."""
        token, future = self.expect()
        try:
            operation = start(self.queue, token, *arguments)
        except BaseException:
            self.forget(token)
            raise
        try:
            return await future
        except BaseException:
            # Without effect on one that has failed by itself.
            operation.abort()
            raise
        finally:
            # It has the error, whose traceback has this frame: a circle would keep what the frames
            # hold, objects that are being put among it, until it is collected.
            del future

    def check_current(self) -> None:
        """Raises on another event loop."""
        if current() is not self:
            raise errors.Error("nats: to be awaited on the event loop on which it was made")

    def register(self, source: Source) -> int:
        """A token for a source, which is kept by others."""
        token = next(self._tokens)
        self._sources[token] = source
        return token

    def unregister(self, token: int) -> None:
        """The source is not told any more."""
        self._sources.pop(token, None)

    def _dispatch(self) -> None:
        for kind, target, value in self.queue.drain():
            if kind > _FAILED:
                source = self._sources.get(target)
                if source is not None:
                    source._on_signal(value)
            elif target.done():
                continue
            elif kind == _COMPLETED:
                target.set_result(value)
            else:
                target.set_exception(value)


class Gate:
    """Where tasks wait until something may have changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiters: list[Future] = []

    async def wait(self, seconds: float | None = None) -> None:
        """Waits for the next `wake`, or until the time is over."""
        self._hub.check_current()
        backend = self._hub.backend
        future = backend.future()
        self._waiters.append(future)
        try:
            await backend.wait(future, seconds)
        finally:
            self._waiters.remove(future)

    def wake(self) -> None:
        """Lets everybody look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


def current(home: Hub | None = None) -> Hub:
    """The hub of the running event loop, made at the first call; found faster when it is `home`."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return _of(trio.lowlevel.current_trio_token(), TrioBackend)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("nats_ffi.aio needs a running event loop: asyncio or trio") from None
    if home is not None and home.backend.runs_on(loop):
        return home
    return _of(loop, AsyncioBackend)


def _of(loop: Any, backend: Callable[[], Backend]) -> Hub:
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub(backend())
    return hub


run_in_child(_hubs.clear)
