"""Messages to streams that are under way."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from ._backend import Future
from ._hub import Gate, Hub

MOST: Final = 4000
"""How many may be under way before another one has to wait."""


class Flight:
    """Counts the messages whose acknowledgement has not come yet. On the loop's own thread."""

    def __init__(self, hub: Hub) -> None:
        self.count = 0
        self._hub = hub
        self._landed = Gate(hub)
        self._waiting: deque[Future] = deque()

    async def room(self) -> None:
        """Waits until there is room for one more; it ends with the time that each of them has."""
        self._hub.check_current()
        while self.count >= MOST:
            future = self._hub.backend.future()
            self._waiting.append(future)
            try:
                await future
            except BaseException:
                # Its place is another one's.
                self._let_in()
                raise

    async def over(self) -> None:
        """Waits until none is under way."""
        while self.count:
            await self._landed.wait()

    def add(self, future: Future) -> None:
        """One more is under way, until the future is done."""
        self.count += 1
        future.add_done_callback(self._land)

    def _land(self, _: Any) -> None:
        self.count -= 1
        self._let_in()
        if self.count == 0:
            self._landed.wake()

    def _let_in(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
