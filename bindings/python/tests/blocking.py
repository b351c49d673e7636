"""What the tests of the blocking API share: connections, callbacks' tales, other threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from nats_ffi import sync
from support import WAIT


@contextlib.contextmanager
def dial(url: Any, **options: Any) -> Iterator[Any]:
    """A connection for as long as the block lasts."""
    nc = sync.connect(url, **options)
    try:
        yield nc
    finally:
        nc.close()


class Told:
    """What callbacks on the delivery threads told, for another thread to wait for."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, *arguments: Any) -> None:
        with self._changed:
            self.all.append(arguments[0] if arguments else None)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, WAIT), self.all
            return self.all


@contextlib.contextmanager
def running(work: Callable[[], Any]) -> Iterator[list[BaseException]]:
    """Another thread does `work`, which ends when the block has ended; its errors."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    yield failures
    thread.join(WAIT)
    assert not thread.is_alive()
