"""The events of a connection as an iterator."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any, Self

Event = dict[str, Any]


class EventIterator:
    """Yields the events from when it was made on, waiting for them, and ends behind `closed`. It
    keeps all of them until they are taken."""

    def __init__(self, leave: Callable[[Any], None], *, closed: bool) -> None:
        self._waiting: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._leave = leave
        if closed:
            self._waiting.put(None)

    def put(self, event: Event) -> None:
        """The next event."""
        self._waiting.put(event)
        if event["event"] == "closed":
            self._waiting.put(None)

    def close(self) -> None:
        """Ends it before the connection is closed."""
        self._leave(self)
        self._waiting.put(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self._waiting.get()
        if event is None:
            self._leave(self)
            # For whoever else waits.
            self._waiting.put(None)
            raise StopIteration
        return event
