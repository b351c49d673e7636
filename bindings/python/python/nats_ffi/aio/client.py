"""The client of the asynchronous API."""

from __future__ import annotations

import inspect
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, Final, Literal, Self, Unpack, overload

from .. import _native, errors
from .._client import (
    CALLBACKS,
    DEFAULT_FLUSH_TIMEOUT,
    DEFAULT_REQUEST_TIMEOUT,
    DEFAULT_SERVER,
    ClientBase,
    check_callback,
    log_error,
)
from .._config import (
    checked_timeout,
    connect_document,
    in_python_names,
    many_document,
    subscribe_document,
)
from .._native import Headers, Msg
from .._questions import Questions
from .._service import ServiceConfig, ServiceInfo, ServicePing, ServiceStats, StatsHandler
from .._tracing import Extract, Inject, extracting, injected, injecting
from .._jetstream import saying
from .._options import (
    CONNECT,
    MANY,
    SUBSCRIBE,
    AskOptions,
    ConnectOptions,
    JetStreamOptions,
    ManyOptions,
    ServiceOptions,
    SubscribeOptions,
)
from .._version import ServerVersion
from ._backend import Future, finished_at_once, now
from ._events import EventIterator
from ._hub import Gate, Hub, current
from .jetstream import JetStream
from .service import Answers, Service, add_service, discover
from .subscription import (
    DEFAULT_SUB_PENDING_BYTES_LIMIT,
    DEFAULT_SUB_PENDING_MSGS_LIMIT,
    Subscription,
    running_callback,
)

__all__ = ["Callback", "Client", "ErrorCallback", "Msg", "ServerVersion", "Subscription"]

Callback = Callable[[], Awaitable[None] | None]
ErrorCallback = Callable[[Exception], Awaitable[None] | None]
EventCallback = Callable[[dict[str, Any]], Awaitable[None] | None]
DelayCallback = Callable[[int], Awaitable[float | None] | float | None]
Payload = bytes | bytearray | memoryview
HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)

_telling: Final[ContextVar[object]] = ContextVar("nats_ffi_event", default=None)
"""The client in one of whose event callbacks the current task is."""


class Client(ClientBase[Subscription]):
    """A connection to a NATS server or cluster, which reconnects by itself.

    It belongs to the event loop on which `connect` was awaited: its callbacks run there, one after
    the other. Publishing and requests may be awaited on any loop of any thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._questions = Questions(dict.fromkeys(CALLBACKS), {})
        self._inject: Inject | None = None
        self._extract: Extract | None = None
        self._listeners: set[EventIterator] = set()
        # Without a connection nothing is published at once.
        self._publish: Callable[..., _native.Done | None] = lambda *message: None
        self._hub: Hub | None = None
        self._gate: Gate | None = None
        self._events: deque[str] = deque()
        self._busy = False
        self._ended = False

    async def connect(
        self,
        servers: str | Sequence[str] = DEFAULT_SERVER,
        error_cb: ErrorCallback | None = None,
        disconnected_cb: Callback | None = None,
        closed_cb: Callback | None = None,
        discovered_server_cb: Callback | None = None,
        reconnected_cb: Callback | None = None,
        lame_duck_mode_cb: Callback | None = None,
        migrated_cb: Callback | None = None,
        event_cb: EventCallback | None = None,
        reconnect_delay_cb: DelayCallback | None = None,
        reconnect_to_server_handler: Callable[..., Any] | None = None,
        login_cb: Callable[..., Any] | None = None,
        signature_cb: Callable[..., Any] | None = None,
        user_jwt_cb: Callable[..., Any] | None = None,
        certificate_cb: Callable[..., Any] | None = None,
        ws_headers_cb: Callable[..., Any] | None = None,
        inject_cb: Inject | None = None,
        extract_cb: Extract | None = None,
        **options: Unpack[ConnectOptions],
    ) -> None:
        """Connects to one of `servers`.

        Callbacks are functions or coroutine functions. `error_cb` is called with every error that
        no call raises, those of message callbacks among them; without it they are logged to
        "nats_ffi". `event_cb` is called with every event of the connection as a dict, whose
        "event" is its name, among them "consumer" when messages without end were interrupted and go
        on: "what" is "heartbeat_missed", "refused", "disconnected" or "reset", "consumer" says whose
        they are, "code" and "error" say why. `reconnect_delay_cb` decides how many seconds to wait before another
        round over the servers, of which it is told how many have failed since the connection was
        lost; `None`, an error, or no answer within ten seconds stand for the usual back-off.
        `reconnect_to_server_handler` picks, of the servers that may be tried and with what the last
        one told of itself, the next one and the seconds to wait first.

        Who connects is asked anew for each attempt: `login_cb` is called with a dict of "url" and
        "nonce" and returns one with some of "user", "password", "token", "jwt", "nkey",
        "signature", "seed" and "creds"; or `user_jwt_cb` returns the JWT and `signature_cb` signs
        the nonce (64 bytes, or these in base64); or `user`, `password` and `token` are functions.
        `certificate_cb` returns the client certificate and its key, in PEM, `ws_headers_cb` headers
        for the URL of a WebSocket. What one of them raises fails the attempt.

        `inject_cb` is called with the headers of whatever is published or requested, to add some;
        `extract_cb` with each message before its callback, and may return the context in which that
        is called.

        Raises `NoServersError`, `AuthorizationError`, `SecureConnFailedError`, `InvalidUrlError`;
        `InvalidOptionError` for an unknown or unusable option.
        """
        if self._connecting or not (self._connection is None or self.is_closed):
            raise errors.Error("nats: the client is connected already")
        given = locals()
        self._set_callbacks({name: given[name] for name in CALLBACKS}, plain=False)
        wanted: dict[str, Any] = {**options}
        questions = Questions(self._callbacks, wanted)
        document = connect_document(servers, wanted)
        self._questions = questions
        self._inject, self._extract = inject_cb, extract_cb
        hub = current()
        self._hub, self._gate = hub, Gate(hub)
        self._connecting, self._ended = True, False
        events = hub.register(self)
        try:
            connect = _native.connect
            asks = questions.asks
            connection = await hub.call(connect, hub.queue, events, document, False, asks)
        except BaseException as error:
            hub.unregister(events)
            if isinstance(error, errors.InvalidOptionError):
                raise in_python_names(error, options, CONNECT) from None
            raise
        finally:
            self._connecting = False
        self._connection = connection
        self._publish = injecting(connection.publish, inject_cb)

    @finished_at_once
    def publish(
        self,
        subject: str,
        payload: Payload = b"",
        reply: str = "",
        headers: HeadersLike | None = None,
    ) -> Coroutine[Any, Any, None]:
        """Publishes a message.

        It is accepted when this is awaited, mostly with the call already, and is kept across
        reconnects until it is written. Waits only when the outbound buffer is full, for at most the
        option `publish_timeout`.

        Raises `BadSubjectError`, `BadHeaderError`, `MaxPayloadError`, `OutboundBufferLimitError`,
        `HeadersUnsupportedError`, `ConnectionDrainingError`, `ConnectionClosedError`.
        """
        # As an attribute it is found faster than as a method.
        publish = self._publish
        done = publish(subject, payload, reply, headers)
        return done or self._publish_later(subject, payload, reply, headers)

    async def subscribe(
        self,
        subject: str,
        queue: str = "",
        cb: Callable[[Msg], Awaitable[None] | None] | None = None,
        future: Any = None,
        max_msgs: int = 0,
        pending_msgs_limit: int = DEFAULT_SUB_PENDING_MSGS_LIMIT,
        pending_bytes_limit: int = DEFAULT_SUB_PENDING_BYTES_LIMIT,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription:
        """Subscribes to a subject, which may contain wildcards.

        With `cb`, a function or coroutine function, messages are handed to it one after the other;
        with `future`, the first message becomes its result; otherwise they are read from the
        subscription. `queue` is a queue group, `max_msgs` ends the subscription after so many
        messages, and the limits bound what may wait (0: no bound).

        Raises `BadSubjectError`, `InvalidOptionError`, `ConnectionDrainingError`,
        `ConnectionClosedError`.
        """
        check_callback("cb", cb, plain=False)
        given: dict[str, Any] = {"queue": queue or None, "max_msgs": max_msgs, **options}
        if pending_msgs_limit is not DEFAULT_SUB_PENDING_MSGS_LIMIT:
            given["pending_msgs_limit"] = pending_msgs_limit
        if pending_bytes_limit is not DEFAULT_SUB_PENDING_BYTES_LIMIT:
            given["pending_bytes_limit"] = pending_bytes_limit
        if future is not None:
            if cb is not None:
                raise errors.InvalidArgumentError("give either cb or future")
            cb = _resolver(future)
        try:
            native = self._link().subscribe(subject, subscribe_document(given))
        except errors.InvalidOptionError as error:
            raise in_python_names(error, given, SUBSCRIBE) from None
        return self._opened(native, cb)

    async def request(
        self,
        subject: str,
        payload: Payload = b"",
        timeout: float = DEFAULT_REQUEST_TIMEOUT,
        old_style: bool = False,
        headers: HeadersLike | None = None,
    ) -> Msg:
        """Sends a request and waits for its answer.

        `timeout` is in seconds; when it is not given, the option `request_timeout` counts.
        `old_style` uses an inbox of the request's own. Cancelled, the request is forgotten.

        Raises `NoRespondersError` at once when nobody is subscribed, `TimeoutError`,
        `BadTimeoutError`, `ConnectionLostError`, `PermissionsError`, and what `publish` raises.
        """
        seconds = None if timeout is DEFAULT_REQUEST_TIMEOUT else checked_timeout(timeout)
        hub = current(self._hub)
        future: Future = hub.backend.future()
        headers = injected(headers, self._inject)
        operation = self._link().request(
            hub.queue, future, self, subject, payload, headers, seconds, bool(old_style)
        )
        try:
            msg: Msg = await future
            return msg
        except BaseException:
            operation.abort()
            raise

    async def request_many(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[ManyOptions],
    ) -> AsyncIterator[Msg]:
        """Sends a request and iterates over its answers, until one of the options ends them:
        `max_messages`, `max_wait`, `stall` (seconds) or `sentinel` (ADR-47). It is sent when the
        iteration begins.

        Raises `NoRespondersError`, `InvalidOptionError`, `ConnectionLostError`, and what `publish`
        raises.
        """
        hub = current()
        many, document = self._link().request_many, many_document(options)
        try:
            headers = injected(headers, self._inject)
            native = await hub.call(many, subject, payload, headers, document)
        except errors.InvalidOptionError as error:
            raise in_python_names(error, options, MANY) from None
        answers = Subscription(self, native, hub)
        try:
            async for msg in answers:
                yield msg
        finally:
            native.unsubscribe()

    def jetstream(self, **options: Unpack[JetStreamOptions]) -> JetStream:
        """The JetStream of the connection's account. Nothing is asked of the server.

        Raises `InvalidOptionError`, `ConnectionClosedError` when the client was never connected.
        """
        return JetStream(self, options)

    async def add_service(
        self,
        config: ServiceConfig | None = None,
        *,
        stats_handler: StatsHandler | None = None,
        **options: Unpack[ServiceOptions],
    ) -> Service:
        """Adds a service: an instance with an id of its own, which answers those who look for
        services as long as it is not stopped, across reconnects. It has no endpoints yet.
        `stats_handler`: what it returns of an endpoint, as JSON has it, is told with its statistics.

        Raises `InvalidNameError`, `InvalidArgumentError` for the version, `InvalidQueueGroupError`,
        `InvalidOptionError`, `ConnectionDrainingError`, `ConnectionClosedError`. A refusal by the
        server comes later, as the end of the service (`Service.stopped`).
        """
        return add_service(self, config, stats_handler, options)

    @overload
    async def discover(
        self, what: Literal["ping"] = ..., **options: Unpack[AskOptions]
    ) -> Answers[ServicePing]: ...

    @overload
    async def discover(
        self, what: Literal["info"], **options: Unpack[AskOptions]
    ) -> Answers[ServiceInfo]: ...

    @overload
    async def discover(
        self, what: Literal["stats"], **options: Unpack[AskOptions]
    ) -> Answers[ServiceStats]: ...

    async def discover(self, what: str = "ping", **options: Unpack[AskOptions]) -> Answers[Any]:
        """Asks services whether they are there ("ping"), what they are ("info"), or what they have
        done ("stats"): all, those of a `name`, or the instance with an `id`.

        Raises `InvalidArgumentError`, also for an id without a name; `InvalidNameError`,
        `InvalidOptionError`, and what `Client.publish` raises.
        """
        return await discover(self, what, options)

    async def flush(self, timeout: float = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Waits until the server has processed everything that was published before.

        `timeout` is in seconds; when it is not given, the option `flush_timeout` counts. Raises
        `FlushTimeoutError`, `BadTimeoutError`, `ConnectionLostError`, `ConnectionClosedError`.
        """
        try:
            await self.rtt(timeout)
        except errors.TimeoutError as error:
            raise errors.FlushTimeoutError(*error.args) from None

    async def rtt(self, timeout: float = DEFAULT_FLUSH_TIMEOUT) -> float:
        """The time that a message takes to the server and back, in seconds. Raises `TimeoutError`;
        otherwise as `flush`."""
        seconds = None if timeout is DEFAULT_FLUSH_TIMEOUT else checked_timeout(timeout)
        elapsed: float = await current().call(self._link().rtt, seconds)
        return elapsed

    async def drain(self) -> None:
        """Closes gently: ends the subscriptions once their messages have been handled, sends what
        was published, closes. Inside a callback of the client it only begins to.

        What is not handled within the option `drain_timeout` is given up, and `error_cb` is called
        with a `DrainTimeoutError`. Raises `ConnectionClosedError`.
        """
        if self.is_draining:
            return
        if self.is_closed:
            raise errors.ConnectionClosedError
        if running_callback.get() is self or _telling.get() is self:
            current().backend.spawn(self._drain)
        else:
            await self._drain()

    async def close(self) -> None:
        """Closes: whatever waits ends with `ConnectionClosedError`, what was published is still
        written. Returns when the socket is closed and the callbacks have been called. Closing
        twice is fine."""
        if self._connection is None:
            return
        hub = current()
        await hub.call(self._connection.close)
        if hub is self._hub and _telling.get() is not self:
            assert self._gate is not None
            while not self._ended:
                await self._gate.wait()

    def events(self) -> EventIterator:
        """The events from now on, as dicts like those of `event_cb`, for `async for`; it ends
        behind `closed`. For the loop on which the client was connected."""
        self._link()
        hub = self._hub or current()
        listener = EventIterator(hub, self._listeners.discard, closed=self._ended)
        self._listeners.add(listener)
        return listener

    async def force_reconnect(self) -> None:
        """Leaves the server and connects to another one; without effect while disconnected.
        Raises `ConnectionClosedError`."""
        self._link().force_reconnect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _opened(
        self, native: _native.Subscription, callback: Callable[[Msg], Any] | None
    ) -> Subscription:
        return self._kept(native, extracting(callback, self._extract))

    def _kept(
        self, native: _native.Subscription, callback: Callable[[Msg], Any] | None
    ) -> Subscription:
        sub = Subscription(self, native, current(), callback)
        self._subs[sub._place] = sub
        return sub

    async def _drain(self) -> None:
        hub, connection = current(), self._link()
        deadline = now() + connection.drain_timeout
        token, done = hub.expect()
        emptied_token, emptied = hub.expect()
        try:
            operation = connection.drain(hub.queue, token, emptied_token)
            try:
                if await _succeeds(emptied) and hub is self._hub:
                    for sub in list(self._subs.values()):
                        await sub._quiet(deadline)
            finally:
                # Given up here, the drain still goes on.
                operation.handled()
            await done
        except errors.TimeoutError as error:
            await self._tell("error_cb", errors.DrainTimeoutError(*error.args))
        finally:
            hub.forget(token)
            hub.forget(emptied_token)
        if hub is self._hub and _telling.get() is not self:
            await self.close()

    async def _publish_later(self, *message: Any) -> None:
        """Publishes when there is room, or says what is wrong."""
        await current().call(self._link().publish_when_room, *message)

    async def _respond(self, msg: Msg, data: Payload, headers: HeadersLike | None) -> None:
        """Answers a message when there is room, or says what is wrong."""
        if msg._answerable:
            await current().call(msg._respond_when_room, data, headers)
        else:
            await self.publish(msg.reply, data, headers=headers)

    async def _say(self, msg: Msg, said: bytes, final: bool) -> None:
        """Says what became of a message when there is room."""
        with saying(msg, final=final):
            await current().call(msg._respond_when_room, said, None)

    async def _ack_sync(self, msg: Msg, timeout: float) -> None:
        """Says that a message was handled, and waits for the server."""
        seconds = checked_timeout(timeout)
        with saying(msg) as reply:
            request = self._link().request
            await current().call(request, self, reply, b"+ACK", None, seconds, False)

    async def _tell(self, name: str, *arguments: Any) -> None:
        """Calls a callback; what it raises goes to the error callback."""
        callback = self._callback(name)
        if callback is None:
            return
        try:
            result = callback(*arguments)
            if result is not None and inspect.isawaitable(result):
                await result
        except Exception as error:
            if name == "error_cb":
                log_error(error)
            else:
                await self._tell("error_cb", error)

    async def _tell_events(self) -> None:
        _telling.set(self)
        assert self._gate is not None
        try:
            while self._events:
                event = json.loads(self._events.popleft())
                for listener in tuple(self._listeners):
                    listener.put(event)
                for name, arguments in self._calls(event):
                    await self._tell(name, *arguments)
                self._ended |= event["event"] == "closed"
        finally:
            self._busy = False
            self._gate.wake()

    async def _answer(self, question: _native.Question) -> None:
        try:
            steps = self._questions.steps(question.ask, question.about)
            value = None
            while True:
                value = steps.send(value)
                value = await value if inspect.isawaitable(value) else value
        except StopIteration as end:
            question.answer(end.value)
        except Exception as error:
            # The text is the program's, and may be a secret.
            question.refuse(f"it raised {type(error).__name__}")
            await self._tell("error_cb", error)

    def _on_signal(self, value: str | _native.Question | None) -> None:
        if value is None or self._hub is None:
            return
        if isinstance(value, _native.Question):
            self._hub.backend.spawn(partial(self._answer, value))
            return
        self._events.append(value)
        if not self._busy:
            self._busy = True
            self._hub.backend.spawn(self._tell_events)


async def _succeeds(future: Awaitable[Any]) -> bool:
    try:
        await future
    except errors.CancelledError:
        return False
    return True


def _resolver(future: Any) -> Callable[[Msg], None]:
    if not (hasattr(future, "done") and hasattr(future, "set_result")):
        raise TypeError(f"future: expected a future, found {type(future).__name__}")

    def resolve(msg: Msg) -> None:
        if not future.done():
            future.set_result(msg)

    return resolve
