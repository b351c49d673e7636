"""What the tests share: the behaviour mark, errors by name, events, waiting, measuring."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nats_ffi as nats
import pytest
from nats_ffi import errors

#: Seconds within which everything happens that has to happen.
WAIT = 20.0

#: Reconnects at once and for ever, so that a test waits for the server and not for the client.
EAGER: Mapping[str, Any] = {
    "reconnect_delay_min": 0.005,
    "reconnect_delay_max": 0.02,
    "max_reconnects": -1,
}

#: Of the configuration `users`: may use `public.>` only.
LIMITED: Mapping[str, Any] = {"user": "bob", "password": "secret"}

TESTS = Path(__file__).parent


def behaviour(id: str) -> Callable[[Any], Any]:
    """Says which behaviour of tests/conformance/behaviours.toml a test proves."""
    return pytest.mark.behaviour(id)


@contextlib.contextmanager
def fails(name: str, *texts: str) -> Iterator[pytest.ExceptionInfo[errors.Error]]:
    """The block raises the error with this code's name, and its text contains `texts`."""
    with pytest.raises(errors.Error) as caught:
        yield caught
    assert caught.value.name == name, caught.value
    for text in texts:
        assert text in str(caught.value)


@contextlib.contextmanager
def taking(at_least: float = 0.0) -> Iterator[None]:
    """The block takes so many seconds, and not for ever."""
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert at_least - 0.002 <= took < WAIT, took


class Latch:
    """Counts, and lets a task wait for the count."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()

    def add(self) -> None:
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(WAIT):
            while self.count < count:
                await self._changed.wait()


class Events:
    """Everything that a connection made with `options` tells by its callbacks."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self.errors: list[Exception] = []
        self.calls: list[str] = []
        self._latch = Latch()

    @property
    def options(self) -> dict[str, Any]:
        names = ("disconnected", "reconnected", "closed", "discovered_server", "lame_duck_mode")
        calls = {f"{name}_cb": self._call(name) for name in names}
        return {"event_cb": self._event, "error_cb": self._error, **calls}

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.all]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.all if event["event"] == kind]

    async def wait(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Waits for the event of this kind; returns it."""
        await self._until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    async def wait_call(self, name: str, count: int = 1) -> None:
        """Waits for the callback `name`_cb."""
        await self._until(lambda: self.calls.count(name) >= count)

    async def wait_error(self, name: str, count: int = 1) -> errors.Error:
        """Waits for the error with this name at error_cb; returns it."""

        def found() -> list[errors.Error]:
            ours = [error for error in self.errors if isinstance(error, errors.Error)]
            return [error for error in ours if error.name == name]

        await self._until(lambda: len(found()) >= count)
        return found()[count - 1]

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._latch.wait(self._latch.count + 1)

    async def _event(self, event: dict[str, Any]) -> None:
        self.all.append(event)
        self._latch.add()

    async def _error(self, error: Exception) -> None:
        self.errors.append(error)
        self._latch.add()

    def _call(self, name: str) -> Callable[[], Any]:
        async def callback() -> None:
            self.calls.append(name)
            self._latch.add()

        return callback


@contextlib.asynccontextmanager
async def dial(url: Any, **options: Any) -> AsyncIterator[nats.NATS]:
    """A connection for as long as the block lasts."""
    nc = await nats.connect(url, **options)
    try:
        yield nc
    finally:
        await nc.close()


async def lose(server: Any, events: Events, times: int = 1) -> None:
    """Kills the server and waits until the connection knows."""
    server.tell("kill")
    await events.wait("disconnected", times)


async def regain(server: Any, events: Events, times: int = 1) -> None:
    """Restarts the server and waits for the connection."""
    server.tell("restart")
    await events.wait("reconnected", times)


async def works(nc: nats.NATS) -> None:
    """The connection carries a message to itself."""
    subject = f"py.works.{os.getpid()}.{id(nc)}"
    sub = await nc.subscribe(subject)
    await nc.publish(subject, b"works")
    assert (await sub.next_msg(WAIT)).data == b"works"
    await sub.unsubscribe()


async def answering(nc: nats.NATS, subject: str) -> Any:
    """Answers requests on `subject` with their own payload."""

    async def answer(msg: Any) -> None:
        await msg.respond(msg.data)

    sub = await nc.subscribe(subject, cb=answer)
    await nc.flush()
    return sub


def run_child(code: str, *arguments: str, **fields: Any) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own, which must end by itself."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=fields.pop("timeout", 60),
        cwd=TESTS,
        **fields,
    )


def expect_exit(child: subprocess.CompletedProcess[str], code: int) -> None:
    """The process ended with this code and complained about nothing."""
    assert (child.returncode, child.stderr) == (code, ""), child


def descriptors() -> int:
    """Open file descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    """Threads of this process, those of the library too."""
    return len(os.listdir("/proc/self/task"))


def resident_kb() -> int:
    """Memory that this process occupies."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1024
