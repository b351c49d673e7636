"""Subscriptions of the asynchronous API."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextvars import ContextVar
from functools import partial
from types import coroutine
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
        seconds = checked_wait(timeout)
        msg = self._pop(self._client)
        if msg is None:
            msg = await self._next(seconds)
            if msg is None:
                raise self._reason()
        if self._watchers:
            self._gate.wake()
        return msg

    async def take(self, max_msgs: int, timeout: float | None = 1.0) -> list[Msg]:
        """Up to `max_msgs` messages, at least one. Waits for the first only, as `next_msg` does,
        and raises what that raises."""
        self._check_count(max_msgs)
        first = await self.next_msg(timeout)
        messages: list[Msg] = self._native.gather(self._client, max_msgs - 1)
        messages.insert(0, first)
        if self._watchers:
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
        self._watchers += 1
        try:
            while self._running or self._native.holds:
                left = deadline - now()
                if left <= 0:
                    return False
                await self._gate.wait(left)
        finally:
            self._watchers -= 1
        return True

    async def _next(self, seconds: float | None) -> Msg | None:
        """The next message when none is at hand, or `None` when no more will come."""
        deadline = None if seconds is None else now() + seconds
        native, waited = self._native, False
        while True:
            if native.fill():
                if not waited:
                    # A consumer that never has to wait must not keep the loop for itself.
                    await self._hub.backend.checkpoint()
                msg = self._pop(self._client)
                if msg is not None:
                    return msg
            elif native.ended:
                self._leave()
                return None
            else:
                left = None if deadline is None else deadline - now()
                if left is not None and left <= 0:
                    raise errors.TimeoutError
                await self._gate.wait(left)
            waited = True

    async def _run(self) -> None:
        """Hands the messages to the callback, one after the other."""
        client, callback = self._client, self._cb
        assert callback is not None
        daemon = threading.current_thread().daemon
        deliver = self._deliver if daemon else self._native.deliver
        running_callback.set(client)
        try:
            while True:
                rest = deliver(client, callback)
                if rest is None:
                    if self._native.ended:
                        self._leave()
                        break
                    await self._gate.wait()
                elif rest is True:
                    await self._hub.backend.checkpoint()
                else:
                    await self._finish(rest)
        finally:
            self._running = False
            self._gate.wake()

    async def _finish(self, rest: Any) -> None:
        """Does what one call of the callback has left to do."""
        try:
            if isinstance(rest, BaseException):
                raise rest
            if len(rest) == 2:
                await _continue(*rest)
            elif inspect.isawaitable(rest[0]):
                await rest[0]
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
        sub = self._sub
        msg = sub._pop(sub._client)
        if msg is None:
            msg = await sub._next(None)
            if msg is None:
                sub._check_end()
                raise StopAsyncIteration
        if sub._watchers:
            sub._gate.wake()
        return msg


@coroutine
def _continue(started: Coroutine[Any, Any, Any], yielded: Any) -> Generator[Any, Any, None]:
    """Goes on with a coroutine whose first step has yielded something."""
    step: Callable[[], Any]
    while True:
        try:
            sent = yield yielded
        except GeneratorExit:
            started.close()
            raise
        except BaseException as error:
            step = partial(started.throw, error)
        else:
            step = partial(started.send, sent)
        try:
            yielded = step()
        except StopIteration:
            return
