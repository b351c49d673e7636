"""Subscriptions of the asynchronous API."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from .. import errors
from .._native import Msg
from .._subscription import (
    DEFAULT_SUB_PENDING_BYTES_LIMIT,
    DEFAULT_SUB_PENDING_MSGS_LIMIT,
    SubscriptionBase,
    checked_wait,
)
from ._backend import now
from ._hub import Gate, Hub

if TYPE_CHECKING:
    from .. import _native
    from .client import Client

__all__ = ["DEFAULT_SUB_PENDING_BYTES_LIMIT", "DEFAULT_SUB_PENDING_MSGS_LIMIT", "Subscription"]

running_callback: Final[ContextVar[object]] = ContextVar("nats_ffi_callback", default=None)
"""The client in one of whose message callbacks the current task is."""


class Subscription(SubscriptionBase[Msg]):
    """Interest in a subject, made by `Client.subscribe`.

    Without a callback its messages are read by `next_msg` or `async for`; several tasks may do so,
    and each message goes to one of them. It belongs to the event loop on which it was made.
    """

    def __init__(
        self,
        client: Client,
        native: _native.Subscription,
        hub: Hub,
        callback: Callable[[Msg], Any] | None = None,
    ) -> None:
        super().__init__(client, native)
        self._hub = hub
        self._gate = Gate(hub)
        self._cb = callback
        self._running = callback is not None
        native.watch(hub.queue, hub.register(self))
        if callback is not None:
            hub.backend.spawn(self._run)

    @property
    def messages(self) -> AsyncIterator[Msg]:
        """The messages as an asynchronous iterator; not for subscriptions with a callback."""
        self._check_readable("iterate")
        return _Messages(self)

    def __aiter__(self) -> AsyncIterator[Msg]:
        return self.messages

    async def next_msg(self, timeout: float | None = 1.0) -> Msg:
        """The next message. Waits for at most `timeout` seconds; `None` waits on.

        Raises `TimeoutError`; `ConnectionClosedError`, `BadSubscriptionError` or
        `SubscriptionEndedError` when no more will come; `SlowConsumerError` or `PermissionsError`
        when that is why.
        """
        self._check_readable("use next_msg")
        msg = await self._next(checked_wait(timeout))
        if msg is None:
            raise self._reason()
        return msg

    async def take(self, max_msgs: int, timeout: float | None = 1.0) -> list[Msg]:
        """Up to `max_msgs` messages, at least one. Waits for the first only, as `next_msg` does,
        and raises what that raises."""
        self._check_count(max_msgs)
        messages = self._gather(await self.next_msg(timeout), max_msgs)
        if not self._batch:
            self._gate.wake()
        return messages

    async def unsubscribe(self, limit: int = 0) -> None:
        """Ends the subscription; what is pending is dropped. With a `limit` it ends after so many
        messages, counted from its beginning.

        Raises `ConnectionClosedError`, `ConnectionDrainingError`; `BadSubscriptionError` when it
        has ended and a limit is given.
        """
        self._stop(limit)
        self._gate.wake()

    async def drain(self) -> None:
        """Ends the subscription once everything that was under way has been handled. Inside a
        callback of the client it only begins to.

        Raises `DrainTimeoutError` after the connection's `drain_timeout`; `BadSubscriptionError`
        when it has ended; `ConnectionClosedError`, `ConnectionDrainingError`.
        """
        self._check_open()
        self._hub.check_current()
        if self._native.end_reason is not None:
            raise errors.BadSubscriptionError
        if running_callback.get() is self._client:
            self._hub.backend.spawn(self._drain_aside)
        else:
            await self._drain()

    async def _drain(self) -> None:
        deadline = now() + self._client._link().drain_timeout
        try:
            await self._hub.call(self._native.drain)
        except errors.TimeoutError as error:
            raise errors.DrainTimeoutError(*error.args) from None
        self._leave()
        if not await self._quiet(deadline):
            raise errors.DrainTimeoutError("a callback has not returned in time")

    async def _drain_aside(self) -> None:
        try:
            await self._drain()
        except errors.Error as error:
            await self._client._tell("error_cb", error)

    async def _quiet(self, deadline: float) -> bool:
        """Waits until what was taken has been handled; whether it was in time."""
        while self._running or self._batch:
            left = deadline - now()
            if left <= 0:
                return False
            await self._gate.wait(left)
        return True

    async def _next(self, seconds: float | None) -> Msg | None:
        """The next message, or `None` when no more will come."""
        deadline = None if seconds is None else now() + seconds
        waited = False
        while not self._batch:
            messages = self._take()
            if messages is None:
                return None
            if messages:
                self._batch.extend(messages)
                if not waited:
                    # A consumer that never has to wait must not keep the loop for itself.
                    await self._hub.backend.checkpoint()
                continue
            left = None if deadline is None else deadline - now()
            if left is not None and left <= 0:
                raise errors.TimeoutError
            await self._gate.wait(left)
            waited = True
        msg = self._batch.popleft()
        if not self._batch:
            self._gate.wake()
        return msg

    async def _run(self) -> None:
        """Hands the messages to the callback, one after the other."""
        running_callback.set(self._client)
        try:
            while (messages := self._take()) is not None:
                if not messages:
                    await self._gate.wait()
                    continue
                self._batch.extend(messages)
                await self._call()
                await self._hub.backend.checkpoint()
        finally:
            self._running = False
            self._gate.wake()

    async def _call(self) -> None:
        callback, batch = self._cb, self._batch
        assert callback is not None
        while batch:
            try:
                result = callback(batch.popleft())
                if result is not None and inspect.isawaitable(result):
                    await result
            except Exception as error:
                await self._client._tell("error_cb", error)

    def _check_readable(self, what: str) -> None:
        if self._cb is not None:
            raise errors.Error(f"nats: cannot {what} with a callback subscription")

    def _on_signal(self, value: str | None) -> None:
        self._gate.wake()


class _Messages:
    def __init__(self, sub: Subscription) -> None:
        self._sub = sub

    def __aiter__(self) -> AsyncIterator[Msg]:
        return self

    async def __anext__(self) -> Msg:
        msg = await self._sub._next(None)
        if msg is None:
            self._sub._check_end()
            raise StopAsyncIteration
        return msg
