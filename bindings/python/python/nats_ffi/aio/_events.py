"""The events of a connection as an asynchronous iterator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Self

from ._hub import Gate, Hub

Event = dict[str, Any]


class EventIterator:
    """Yields the events from when it was made on, and ends behind `closed`. It keeps all of them
    until they are taken."""

    def __init__(self, hub: Hub, leave: Callable[[Any], None], *, closed: bool) -> None:
        self._gate = Gate(hub)
        self._waiting: deque[Event] = deque()
        self._leave = leave
        self._ended = closed

    def put(self, event: Event) -> None:
        """The next event."""
        self._waiting.append(event)
        self._ended |= event["event"] == "closed"
        self._gate.wake()

    def close(self) -> None:
        """Ends it before the connection is closed."""
        self._leave(self)
        self._ended = True
        self._gate.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._ended:
                self._leave(self)
                raise StopAsyncIteration
            await self._gate.wait()
        return self._waiting.popleft()
