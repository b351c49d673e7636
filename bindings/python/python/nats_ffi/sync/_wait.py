"""Waiting for results: every thread has a queue of its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .. import _native, errors
from .._object import Progress
from .._process import run_in_child

_FAILED: Final = 1


class Waiter(threading.local):
    """The calling thread's queue. Waiting lets other threads run and ends at once by Ctrl-C."""

    def __init__(self) -> None:
        self.queue = _native.Queue()
        self._tokens = itertools.count(1)
        self._expected: set[int] = set()
        self._results: dict[int, tuple[int, Any]] = {}
        self._told: dict[int, Callable[[], None]] = {}

    def expect(self) -> int:
        """A token for an operation whose result is to be waited for."""
        token = next(self._tokens)
        self._expected.add(token)
        return token

    def forget(self, token: int) -> None:
        """The operation's result is of no interest any more."""
        self._expected.discard(token)
        self._results.pop(token, None)

    def result(self, token: int, seconds: float | None = None) -> Any:
        """Waits for the result of an operation; `TimeoutError` after `seconds`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while token not in self._results:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not self.queue.wait(left):
                raise errors.TimeoutError
            # A signal handler may wait, too, and take what this one waits for: hence the results.
            told = []
            for kind, arrived, value in self.queue.drain():
                if arrived in self._expected:
                    self._results[arrived] = (kind, value)
                elif arrived in self._told:
                    told.append(self._told[arrived])
            for tell in told:
                tell()
        kind, value = self._results[token]
        self.forget(token)
        if kind == _FAILED:
            raise value
        return value

    def call(
        self,
        start: Callable[..., _native.Operation],
        *arguments: Any,
        seconds: float | None = None,
    ) -> Any:
        """Starts an operation and waits for its result; given up, the operation is given up."""
        token = self.expect()
        try:
            operation = start(self.queue, token, *arguments)
            try:
                return self.result(token, seconds)
            except BaseException:
                # Without effect on one that has failed by itself.
                operation.abort()
                raise
        finally:
            self.forget(token)

    def telling(
        self,
        progress: Progress | None,
        start: Callable[..., _native.Operation],
        *arguments: Any,
    ) -> Any:
        """`call` for an operation that tells how far it is. What `progress` raises ends it."""
        if progress is None:
            return self.call(start, *arguments, None)
        token = next(self._tokens)
        native = _native.Progress(token)
        self._told[token] = lambda: progress(*native.told())
        try:
            return self.call(start, *arguments, native)
        finally:
            del self._told[token]


class _Holder:
    waiter = Waiter()

    @classmethod
    def renew(cls) -> None:
        cls.waiter = Waiter()


def waiter() -> Waiter:
    """The waiter of the process; what it holds belongs to the calling thread."""
    return _Holder.waiter


run_in_child(_Holder.renew)
