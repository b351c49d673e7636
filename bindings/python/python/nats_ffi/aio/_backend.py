"""What the client needs of an event loop, for asyncio (with uvloop) and for trio."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
import time
import weakref
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Run = Callable[[], Coroutine[Any, Any, None]]


class Future(Protocol):
    """Something that will have a result; on the loop's own thread."""

    def done(self) -> bool:
        """Whether it has one."""

    def set_result(self, result: Any, /) -> None:
        """Gives it the result."""

    def set_exception(self, error: Any, /) -> None:
        """Gives it an exception instead."""

    def add_done_callback(self, call: Callable[[Any], Any], /) -> None:
        """Calls `call` once it is done, which it is not yet."""

    def __await__(self) -> Generator[Any, Any, Any]:
        """Waits for the result."""


class Backend(Protocol):
    """An event loop."""

    def future(self) -> Future:
        """A new future."""

    def runs_on(self, loop: Any) -> bool:
        """Whether this is its loop."""

    def spawn(self, run: Run) -> None:
        """Runs a task in the background."""

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Calls `call` whenever `fd` is readable, as long as the loop runs."""

    async def wait(self, future: Future, seconds: float | None) -> None:
        """Waits until the future is done, or the time is over."""

    async def checkpoint(self) -> None:
        """Lets other tasks run."""


class AsyncioBackend:
    """The running asyncio loop. The loop keeps this object, by the reader, and not vice versa."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = weakref.ref(asyncio.get_running_loop())

    def future(self) -> Future:
        """See `Backend`."""
        loop = self._loop()
        assert loop is not None
        return loop.create_future()

    def runs_on(self, loop: Any) -> bool:
        """See `Backend`."""
        return self._loop() is loop

    def spawn(self, run: Run) -> None:
        """See `Backend`."""
        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """See `Backend`."""
        asyncio.get_running_loop().add_reader(fd, call)

    async def wait(self, future: Future, seconds: float | None) -> None:
        """See `Backend`."""
        if seconds is None:
            await future
            return
        timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), _finish, future)
        try:
            await future
        finally:
            timer.cancel()

    async def checkpoint(self) -> None:
        """See `Backend`."""
        await asyncio.sleep(0)


class TrioBackend:
    """The running trio loop."""

    def __init__(self) -> None:
        self._trio: Any = sys.modules["trio"]

    def future(self) -> Future:
        """See `Backend`."""
        return _TrioFuture(self._trio.Event())

    def runs_on(self, loop: Any) -> bool:
        """See `Backend`."""
        return False

    def spawn(self, run: Run) -> None:
        """See `Backend`."""
        context = contextvars.copy_context()
        self._trio.lowlevel.spawn_system_task(run, context=context)

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """See `Backend`."""

        async def read() -> None:
            while True:
                await self._trio.lowlevel.wait_readable(fd)
                call()

        self.spawn(read)

    async def wait(self, future: Future, seconds: float | None) -> None:
        """See `Backend`."""
        if seconds is None:
            await future
            return
        with self._trio.move_on_after(max(seconds, 0.0)):
            await future

    async def checkpoint(self) -> None:
        """See `Backend`."""
        await self._trio.lowlevel.checkpoint()


class _TrioFuture:
    def __init__(self, event: Any) -> None:
        self._event = event
        self._result: Any = None
        self._error: BaseException | None = None
        self._calls: list[Callable[[Any], Any]] = []

    def done(self) -> bool:
        return bool(self._event.is_set())

    def set_result(self, result: Any, /) -> None:
        self._result = result
        self._finish()

    def set_exception(self, error: Any, /) -> None:
        self._error = error
        self._finish()

    def add_done_callback(self, call: Callable[[Any], Any], /) -> None:
        self._calls.append(call)

    def _finish(self) -> None:
        self._event.set()
        for call in self._calls:
            call(self)

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from self._event.wait().__await__()
        if self._error is not None:
            raise self._error
        return self._result


def finished_at_once(function: F) -> F:
    """Marks a function that returns a coroutine as what `async def` makes, for whoever inspects."""
    mark = getattr(inspect, "markcoroutinefunction", None)
    if mark is None:  # Before Python 3.12.
        function.__dict__["_is_coroutine"] = getattr(asyncio.coroutines, "_is_coroutine", True)
        return function
    marked: F = mark(function)
    return marked


def now() -> float:
    """The time by which deadlines are reckoned, in seconds."""
    return time.monotonic()


def _finish(future: Future) -> None:
    if not future.done():
        future.set_result(None)
