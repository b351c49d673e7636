"""What the subscriptions of both APIs share: batches, limits and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from . import errors
from ._native import MsgBase

if TYPE_CHECKING:
    from . import _native
    from ._client import ClientBase

DEFAULT_SUB_PENDING_MSGS_LIMIT: Final = 512 * 1024
"""Stands for the connection's option `pending_messages`, and is its default."""
DEFAULT_SUB_PENDING_BYTES_LIMIT: Final = 128 * 1024 * 1024
"""Stands for the connection's option `pending_bytes`, and is its default."""

M = TypeVar("M", bound=MsgBase)

_GRACEFUL: Final = (errors.BadSubscriptionError, errors.ConnectionClosedError)


def checked_wait(seconds: float | None) -> float | None:
    """Seconds to wait for messages: at least 0, or `None` to wait on."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"timeout: expected seconds as a number, found {type(seconds).__name__}")
    if not seconds >= 0:
        raise errors.BadTimeoutError(f"timeout: expected at least 0 seconds, found {seconds}")
    return seconds


class SubscriptionBase(Generic[M]):
    """A subscription from which messages are taken a batch at a time.

    A batch is taken from the library only when the one before is used up, and it is small beside
    the pending limits, so these hold.
    """

    def __init__(self, client: ClientBase[Any], native: _native.Subscription) -> None:
        self._client: Any = client
        self._native = native
        self._pop: Callable[[Any], M | None] = native.pop
        # Those that no single subject of the server feeds have no number of their own.
        self._place = native.sid or -id(self)
        self._watchers = 0
        """How many wait until everything that was taken has been handled."""

    @property
    def subject(self) -> str:
        """The subject subscribed to."""
        return self._native.subject

    @property
    def queue(self) -> str:
        """The queue group; empty without one."""
        return self._native.queue

    @property
    def sid(self) -> int:
        """The number of the subscription on its connection; 0 when it has several there."""
        return self._native.sid

    @property
    def pending_msgs(self) -> int:
        """Messages that have arrived and wait for the program."""
        return self._native.stats()[0]

    @property
    def pending_bytes(self) -> int:
        """Their bytes: headers and payload."""
        return self._native.stats()[1]

    @property
    def delivered(self) -> int:
        """Messages that have arrived so far."""
        return self._native.stats()[2]

    @property
    def dropped(self) -> int:
        """Messages that were dropped because a pending limit was exceeded."""
        return self._native.stats()[3]

    def _deliver(self, client: Any, callback: Callable[[Any], Any]) -> Any:
        """Does what the native `deliver` does, for threads that may not."""
        native, pop = self._native, self._pop
        if not native.fill():
            return None
        while (msg := pop(client)) is not None:
            try:
                result = callback(msg)
            except BaseException as error:
                return error
            if result is not None:
                return (result,)
        return native.fill() or None

    def _leave(self) -> None:
        """The client need not keep it any more."""
        subs, place = self._client._subs, self._place
        if subs.get(place) is self:
            del subs[place]

    def _check_open(self) -> None:
        if self._client.is_closed:
            raise errors.ConnectionClosedError
        if self._client.is_draining:
            raise errors.ConnectionDrainingError

    def _stop(self, limit: int) -> None:
        """Ends the subscription, now or after `limit` messages counted from its beginning."""
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise TypeError(f"limit: expected an int, found {type(limit).__name__}")
        if limit < 0:
            raise errors.InvalidArgumentError(f"limit: expected at least 0, found {limit}")
        self._check_open()
        if limit == 0:
            self._native.unsubscribe()
            self._leave()
        else:
            self._native.unsubscribe_after(limit)

    @staticmethod
    def _check_count(max_msgs: int) -> None:
        if isinstance(max_msgs, bool) or not isinstance(max_msgs, int):
            raise TypeError(f"max_msgs: expected an int, found {type(max_msgs).__name__}")
        if max_msgs < 1:
            raise errors.InvalidArgumentError(f"max_msgs: expected at least 1, found {max_msgs}")

    def _reason(self) -> Exception:
        """Why no more messages come."""
        return self._native.end_reason or errors.SubscriptionEndedError()

    def _check_end(self) -> None:
        """Raises the reason of an end that the program did not ask for."""
        reason = self._reason()
        if not isinstance(reason, _GRACEFUL):
            raise reason
