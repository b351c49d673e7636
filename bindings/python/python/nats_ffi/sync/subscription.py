"""Subscriptions of the blocking API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from .. import errors
from .._native import BlockingMsg
from .._subscription import (
    DEFAULT_SUB_PENDING_BYTES_LIMIT,
    DEFAULT_SUB_PENDING_MSGS_LIMIT,
    SubscriptionBase,
    checked_wait,
)
from ._delivery import Serial, delivery
from ._wait import waiter

if TYPE_CHECKING:
    from .. import _native
    from .client import Client

__all__ = ["DEFAULT_SUB_PENDING_BYTES_LIMIT", "DEFAULT_SUB_PENDING_MSGS_LIMIT", "Subscription"]

_kept: Final[set[Subscription]] = set()
"""Subscriptions with a callback live until they end."""


class Inside(threading.local):
    """In whose callbacks the calling thread is."""

    callback: object = None
    event: object = None


inside: Final = Inside()


class Subscription(SubscriptionBase[BlockingMsg]):
    """Interest in a subject, made by `Client.subscribe`.

    Without a callback its messages are read by `next_msg` or by iterating; several threads may do
    so, and each message goes to one of them. With a callback, that is called on a delivery thread,
    with one message after the other.
    """

    def __init__(
        self,
        client: Client,
        native: _native.Subscription,
        callback: Callable[[BlockingMsg], Any] | None = None,
    ) -> None:
        super().__init__(client, native)
        self._cb = callback
        # For those who wait until everything that was taken has been handled.
        self._changed = threading.Condition()
        self._running = callback is not None
        if callback is not None:
            _kept.add(self)
            self._serial = Serial(self._work)
            native.watch(delivery().queue, delivery().register(self))

    @property
    def messages(self) -> Iterator[BlockingMsg]:
        """The messages as an iterator; not for subscriptions with a callback."""
        self._check_readable("iterate")
        return self._iterate()

    def __iter__(self) -> Iterator[BlockingMsg]:
        return self.messages

    def next_msg(self, timeout: float | None = 1.0) -> BlockingMsg:
        """The next message. Waits for at most `timeout` seconds; `None` waits on.

        Raises `TimeoutError`; `ConnectionClosedError`, `BadSubscriptionError` or
        `SubscriptionEndedError` when no more will come; `SlowConsumerError` or `PermissionsError`
        when that is why.
        """
        self._check_readable("use next_msg")
        msg = self._next(checked_wait(timeout))
        if msg is None:
            raise self._reason()
        return msg

    def take(self, max_msgs: int, timeout: float | None = 1.0) -> list[BlockingMsg]:
        """Up to `max_msgs` messages, at least one. Waits for the first only, as `next_msg` does,
        and raises what that raises."""
        self._check_count(max_msgs)
        first = self.next_msg(timeout)
        messages: list[BlockingMsg] = self._native.gather(self._client, max_msgs - 1)
        messages.insert(0, first)
        self._notify()
        return messages

    def unsubscribe(self, limit: int = 0) -> None:
        """Ends the subscription; what is pending is dropped. With a `limit` it ends after so many
        messages, counted from its beginning.

        Raises `ConnectionClosedError`, `ConnectionDrainingError`; `BadSubscriptionError` when it
        has ended and a limit is given.
        """
        self._stop(limit)
        self._notify()

    def drain(self) -> None:
        """Ends the subscription once everything that was under way has been handled. Inside a
        callback of the client it only begins to.

        Raises `DrainTimeoutError` after the connection's `drain_timeout`; `BadSubscriptionError`
        when it has ended; `ConnectionClosedError`, `ConnectionDrainingError`.
        """
        self._check_open()
        if self._native.end_reason is not None:
            raise errors.BadSubscriptionError
        if inside.callback is self._client:
            threading.Thread(target=self._drain_aside, name="nats-drain", daemon=True).start()
        else:
            self._drain()

    def _drain(self) -> None:
        deadline = time.monotonic() + self._client._link().drain_timeout
        try:
            waiter().call(self._native.drain)
        except errors.TimeoutError as error:
            raise errors.DrainTimeoutError(*error.args) from None
        self._leave()
        if not self._quiet(deadline):
            raise errors.DrainTimeoutError("a callback has not returned in time")

    def _drain_aside(self) -> None:
        try:
            self._drain()
        except errors.Error as error:
            self._client._tell("error_cb", error)

    def _quiet(self, deadline: float) -> bool:
        """Waits until what was taken has been handled; whether it was in time."""
        with self._changed:
            self._watchers += 1
            try:
                return self._changed.wait_for(
                    lambda: not (self._running or self._native.holds), deadline - time.monotonic()
                )
            finally:
                self._watchers -= 1

    def _notify(self) -> None:
        if self._watchers:
            with self._changed:
                self._changed.notify_all()

    def _iterate(self) -> Iterator[BlockingMsg]:
        while (msg := self._next(None)) is not None:
            yield msg
        self._check_end()

    def _next(self, seconds: float | None) -> BlockingMsg | None:
        """The next message, or `None` when no more will come."""
        deadline = left = None
        # Other threads may be faster, and take what has just come.
        while (msg := self._pop(self._client)) is None:
            if self._native.fill():
                continue
            if self._native.ended:
                self._leave()
                return None
            if seconds is not None:
                deadline = deadline or time.monotonic() + seconds
                left = deadline - time.monotonic()
                if left <= 0:
                    raise errors.TimeoutError
            waiter().call(self._native.ready, seconds=left)
        if self._watchers:
            self._notify()
        return msg

    def _work(self) -> None:
        """Hands to the callback what is there."""
        client, callback = self._client, self._cb
        assert callback is not None
        inside.callback = client
        try:
            while (rest := self._deliver(client, callback)) is not None:
                if isinstance(rest, BaseException):
                    client._tell("error_cb", rest)
            if self._native.ended:
                self._leave()
                self._end()
        finally:
            inside.callback = None

    def _end(self) -> None:
        with self._changed:
            self._running = False
            self._changed.notify_all()
        _kept.discard(self)

    def _check_readable(self, what: str) -> None:
        if self._cb is not None:
            raise errors.Error(f"nats: cannot {what} with a callback subscription")

    def _on_signal(self, value: str | None) -> None:
        self._serial.kick()
