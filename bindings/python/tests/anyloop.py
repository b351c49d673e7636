"""The event libraries that tests run on, and the few things that they need from each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import sniffio
import trio
import uvloop

Work = Callable[[], Awaitable[Any]]


def on_trio() -> bool:
    """Whether trio runs the present task."""
    return sniffio.current_async_library() == "trio"


async def gather(*works: Work) -> None:
    """Does all of them at the same time; fails when one fails."""
    if on_trio():
        async with trio.open_nursery() as nursery:
            for work in works:
                nursery.start_soon(work)
    else:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(_run(work))


async def _run(work: Work) -> None:
    await work()


async def sleep(seconds: float) -> None:
    """Lets others run, for so many seconds at least."""
    await (trio.sleep(seconds) if on_trio() else asyncio.sleep(seconds))


async def in_thread(work: Callable[[], Any]) -> Any:
    """Does what blocks in another thread."""
    if on_trio():
        return await trio.to_thread.run_sync(work)
    return await asyncio.to_thread(work)


async def give_up(work: Work, after: float) -> bool:
    """Cancels the work after so many seconds; whether it had to."""
    if on_trio():
        with trio.move_on_after(after) as scope:
            await work()
        return scope.cancelled_caught
    try:
        async with asyncio.timeout(after):
            await work()
    except TimeoutError:
        return True
    return False


class Event:
    """Set by one task, waited for, and reset, by another."""

    def __init__(self) -> None:
        self._event: Any = None

    def set(self) -> None:
        self._made().set()

    async def wait(self, timeout: float) -> None:
        event = self._made()
        assert not await give_up(event.wait, timeout)
        self._event = None

    def _made(self) -> Any:
        if self._event is None:
            self._event = trio.Event() if on_trio() else asyncio.Event()
        return self._event


def _run_trio(test: Work) -> None:
    trio.run(test)


def _run_asyncio(test: Work) -> None:
    with asyncio.Runner() as runner:
        runner.run(_run(test))


def _run_uvloop(test: Work) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(test))


#: Each runs a coroutine function to its end on a loop of its own.
RUNNERS = {"asyncio": _run_asyncio, "uvloop": _run_uvloop, "trio": _run_trio}
