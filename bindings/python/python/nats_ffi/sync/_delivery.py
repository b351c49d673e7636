"""The threads that run callbacks.

All connections and subscriptions share them. There is always one thread more than callbacks that
run, up to a limit, so that a callback may block without stopping others; threads without work end.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from .. import _native
from .._client import log_error
from .._process import run_in_child

MAX_THREADS: Final = 64
IDLE_SECONDS: Final = 10.0


class Source(Protocol):
    """Whoever has callbacks to run."""

    def _on_signal(self, value: Any) -> None:
        """Something is ready (`None`), this has happened (JSON), or this is asked."""


class Delivery:
    """A queue and the threads that take from it."""

    def __init__(self) -> None:
        self.queue = _native.Queue()
        self._tokens = itertools.count(1)
        self._sources: WeakValueDictionary[int, Source] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def register(self, source: Source) -> int:
        """A token for a source, which is kept by others."""
        token = next(self._tokens)
        self._sources[token] = source
        with self._lock:
            if self._threads == 0:
                self._start_thread()
        return token

    def unregister(self, token: int) -> None:
        """The source is not told any more."""
        self._sources.pop(token, None)

    def _start_thread(self) -> None:
        self._threads += 1
        self._idle += 1
        threading.Thread(target=self._work, name="nats-delivery", daemon=True).start()

    def _work(self) -> None:
        while self.queue.wait(IDLE_SECONDS) or not self._may_end():
            for _, token, value in self.queue.drain(1):
                source = self._sources.get(token)
                if source is not None:
                    self._run(source, value)
                    # Otherwise it would live until the next event.
                    del source

    def _run(self, source: Source, value: Any) -> None:
        with self._lock:
            self._idle -= 1
            if self._idle == 0 and self._threads < MAX_THREADS:
                self._start_thread()
        try:
            source._on_signal(value)
        except BaseException as error:
            log_error(error)
        finally:
            with self._lock:
                self._idle += 1

    def _may_end(self) -> bool:
        with self._lock:
            if self._idle < 2:
                return False
            self._idle -= 1
            self._threads -= 1
            return True


class Serial:
    """Runs one piece of work at a time, again when it was asked for meanwhile."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._busy = False
        self._again = False

    def kick(self) -> None:
        """Runs the work now, or has the thread that runs it do so once more."""
        with self._lock:
            if self._busy:
                self._again = True
                return
            self._busy = True
        while True:
            try:
                self._work()
            except BaseException:
                with self._lock:
                    self._busy = self._again = False
                raise
            with self._lock:
                if not self._again:
                    self._busy = False
                    return
                self._again = False


class _Holder:
    delivery = Delivery()

    @classmethod
    def renew(cls) -> None:
        cls.delivery = Delivery()


def delivery() -> Delivery:
    """The delivery threads of the process."""
    return _Holder.delivery


run_in_child(_Holder.renew)
