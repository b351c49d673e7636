"""The client of the blocking API."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, Unpack, overload

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
from .._native import BlockingMsg, Headers
from .._questions import Questions
from .._service import ServiceConfig, ServiceInfo, ServicePing, ServiceStats, StatsHandler
from .._tracing import Extract, Inject, extracting, injected
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
from ._delivery import Serial, delivery
from ._events import EventIterator
from ._wait import waiter
from .jetstream import JetStream
from .service import Answers, Service, add_service, discover
from .subscription import (
    DEFAULT_SUB_PENDING_BYTES_LIMIT,
    DEFAULT_SUB_PENDING_MSGS_LIMIT,
    Subscription,
    inside,
)

__all__ = ["Callback", "Client", "ErrorCallback", "Subscription"]

Callback = Callable[[], None]
ErrorCallback = Callable[[Exception], None]
EventCallback = Callable[[dict[str, Any]], None]
DelayCallback = Callable[[int], float | None]
Payload = bytes | bytearray | memoryview
HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)


class Client(ClientBase[Subscription]):
    """A connection to a NATS server or cluster, which reconnects by itself.

    Every method may be called on every thread. Callbacks run on delivery threads and may call every
    method.
    """

    def __init__(self) -> None:
        super().__init__()
        self._questions = Questions(dict.fromkeys(CALLBACKS), {})
        self._inject: Inject | None = None
        self._extract: Extract | None = None
        self._listeners: set[EventIterator] = set()
        self._events: deque[str] = deque()
        self._serial = Serial(self._tell_events)
        self._ended = threading.Event()

    def connect(
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
        """Connects to one of `servers`. Arguments and errors are those of the asynchronous API;
        callbacks are plain functions."""
        if self._connecting or not (self._connection is None or self.is_closed):
            raise errors.Error("nats: the client is connected already")
        given = locals()
        self._set_callbacks({name: given[name] for name in CALLBACKS}, plain=True)
        wanted: dict[str, Any] = {**options}
        questions = Questions(self._callbacks, wanted)
        document = connect_document(servers, wanted)
        self._questions = questions
        self._inject, self._extract = inject_cb, extract_cb
        threads = delivery()
        events = threads.register(self)
        self._connecting = True
        self._ended.clear()
        try:
            self._connection = waiter().call(
                _native.connect,
                threads.queue,
                events,
                document,
                True,
                questions.asks,
            )
        except BaseException as error:
            threads.unregister(events)
            if isinstance(error, errors.InvalidOptionError):
                raise in_python_names(error, options, CONNECT) from None
            raise
        finally:
            self._connecting = False

    def publish(
        self,
        subject: str,
        payload: Payload = b"",
        reply: str = "",
        headers: HeadersLike | None = None,
    ) -> None:
        """Publishes a message; see the asynchronous API. Blocks only when the outbound buffer is
        full, for at most the option `publish_timeout`."""
        link = self._connection
        if self._inject is not None:
            headers = injected(headers, self._inject)
        if link is None or link.publish(subject, payload, reply, headers) is None:
            when_room = self._link().publish_when_room
            waiter().call(when_room, subject, payload, reply, headers)

    def subscribe(
        self,
        subject: str,
        queue: str = "",
        cb: Callable[[BlockingMsg], None] | None = None,
        max_msgs: int = 0,
        pending_msgs_limit: int = DEFAULT_SUB_PENDING_MSGS_LIMIT,
        pending_bytes_limit: int = DEFAULT_SUB_PENDING_BYTES_LIMIT,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription:
        """Subscribes to a subject; see the asynchronous API. With `cb`, messages are handed to it
        on a delivery thread, one after the other; otherwise they are read from the
        subscription."""
        check_callback("cb", cb, plain=True)
        given: dict[str, Any] = {"queue": queue or None, "max_msgs": max_msgs, **options}
        if pending_msgs_limit is not DEFAULT_SUB_PENDING_MSGS_LIMIT:
            given["pending_msgs_limit"] = pending_msgs_limit
        if pending_bytes_limit is not DEFAULT_SUB_PENDING_BYTES_LIMIT:
            given["pending_bytes_limit"] = pending_bytes_limit
        try:
            native = self._link().subscribe(subject, subscribe_document(given))
        except errors.InvalidOptionError as error:
            raise in_python_names(error, given, SUBSCRIBE) from None
        return self._opened(native, cb)

    def request(
        self,
        subject: str,
        payload: Payload = b"",
        timeout: float = DEFAULT_REQUEST_TIMEOUT,
        old_style: bool = False,
        headers: HeadersLike | None = None,
    ) -> BlockingMsg:
        """Sends a request and waits for its answer; see the asynchronous API."""
        seconds = None if timeout is DEFAULT_REQUEST_TIMEOUT else checked_timeout(timeout)
        headers = injected(headers, self._inject)
        request = self._link().request
        msg: BlockingMsg = waiter().call(
            request, self, subject, payload, headers, seconds, bool(old_style)
        )
        return msg

    def request_many(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[ManyOptions],
    ) -> Iterator[BlockingMsg]:
        """Sends a request and iterates over its answers; see the asynchronous API."""
        many, document = self._link().request_many, many_document(options)
        try:
            headers = injected(headers, self._inject)
            native = waiter().call(many, subject, payload, headers, document)
        except errors.InvalidOptionError as error:
            raise in_python_names(error, options, MANY) from None
        try:
            yield from Subscription(self, native)
        finally:
            native.unsubscribe()

    def jetstream(self, **options: Unpack[JetStreamOptions]) -> JetStream:
        """The JetStream of the connection's account; see the asynchronous API."""
        return JetStream(self, options)

    def add_service(
        self,
        config: ServiceConfig | None = None,
        *,
        stats_handler: StatsHandler | None = None,
        **options: Unpack[ServiceOptions],
    ) -> Service:
        """Adds a service; see the asynchronous API. Handlers run on delivery threads."""
        return add_service(self, config, stats_handler, options)

    @overload
    def discover(
        self, what: Literal["ping"] = ..., **options: Unpack[AskOptions]
    ) -> Answers[ServicePing]: ...

    @overload
    def discover(
        self, what: Literal["info"], **options: Unpack[AskOptions]
    ) -> Answers[ServiceInfo]: ...

    @overload
    def discover(
        self, what: Literal["stats"], **options: Unpack[AskOptions]
    ) -> Answers[ServiceStats]: ...

    def discover(self, what: str = "ping", **options: Unpack[AskOptions]) -> Answers[Any]:
        """Asks services; see the asynchronous API."""
        return discover(self, what, options)

    def flush(self, timeout: float = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Waits until the server has processed everything that was published before; see the
        asynchronous API."""
        try:
            self.rtt(timeout)
        except errors.TimeoutError as error:
            raise errors.FlushTimeoutError(*error.args) from None

    def rtt(self, timeout: float = DEFAULT_FLUSH_TIMEOUT) -> float:
        """The time that a message takes to the server and back, in seconds."""
        seconds = None if timeout is DEFAULT_FLUSH_TIMEOUT else checked_timeout(timeout)
        elapsed: float = waiter().call(self._link().rtt, seconds)
        return elapsed

    def drain(self) -> None:
        """Closes gently: ends the subscriptions once their messages have been handled, sends what
        was published, closes. Inside a callback of the client it only begins to.

        What is not handled within the option `drain_timeout` is given up, and `error_cb` is called
        with a `DrainTimeoutError`. Raises `ConnectionClosedError`.
        """
        if self.is_draining:
            return
        if self.is_closed:
            raise errors.ConnectionClosedError
        if inside.callback is self or inside.event is self:
            threading.Thread(target=self._drain, name="nats-drain", daemon=True).start()
        else:
            self._drain()

    def close(self) -> None:
        """Closes: whatever waits ends with `ConnectionClosedError`, what was published is still
        written. Returns when the socket is closed and the callbacks have been called. Closing
        twice is fine."""
        if self._connection is None:
            return
        waiter().call(self._connection.close)
        if inside.event is not self:
            self._ended.wait()

    def events(self) -> EventIterator:
        """The events from now on, as dicts like those of `event_cb`; it ends behind `closed`."""
        self._link()
        listener = EventIterator(self._listeners.discard, closed=self._ended.is_set())
        self._listeners.add(listener)
        return listener

    def force_reconnect(self) -> None:
        """Leaves the server and connects to another one; without effect while disconnected.
        Raises `ConnectionClosedError`."""
        self._link().force_reconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _opened(
        self, native: _native.Subscription, callback: Callable[[BlockingMsg], Any] | None
    ) -> Subscription:
        return self._kept(native, extracting(callback, self._extract))

    def _kept(
        self, native: _native.Subscription, callback: Callable[[BlockingMsg], Any] | None
    ) -> Subscription:
        sub = Subscription(self, native, callback)
        self._subs[sub._place] = sub
        return sub

    def _drain(self) -> None:
        own, connection = waiter(), self._link()
        deadline = time.monotonic() + connection.drain_timeout
        token, emptied = own.expect(), own.expect()
        operation = connection.drain(own.queue, token, emptied)
        try:
            if _succeeds(own.result, emptied):
                for sub in list(self._subs.values()):
                    sub._quiet(deadline)
            operation.handled()
            own.result(token)
        except errors.TimeoutError as error:
            self._tell("error_cb", errors.DrainTimeoutError(*error.args))
        finally:
            # Given up here, the drain still goes on.
            operation.handled()
            own.forget(token)
            own.forget(emptied)
        self.close()

    def _respond(self, msg: BlockingMsg, data: Payload, headers: HeadersLike | None) -> None:
        """Answers a message when there is room, or says what is wrong."""
        if msg._answerable:
            waiter().call(msg._respond_when_room, data, headers)
        else:
            self.publish(msg.reply, data, headers=headers)

    def _say(self, msg: BlockingMsg, said: bytes, final: bool) -> None:
        """Says what became of a message when there is room."""
        with saying(msg, final=final):
            waiter().call(msg._respond_when_room, said, None)

    def _ack_sync(self, msg: BlockingMsg, timeout: float) -> None:
        """Says that a message was handled, and waits for the server."""
        seconds = checked_timeout(timeout)
        with saying(msg) as reply:
            request = self._link().request
            waiter().call(request, self, reply, b"+ACK", None, seconds, False)

    def _tell(self, name: str, *arguments: Any) -> None:
        """Calls a callback; what it raises goes to the error callback."""
        callback = self._callback(name)
        if callback is None:
            return
        try:
            callback(*arguments)
        except BaseException as error:
            if name == "error_cb":
                log_error(error)
            else:
                self._tell("error_cb", error)

    def _tell_events(self) -> None:
        inside.event = self
        try:
            while self._events:
                event = json.loads(self._events.popleft())
                for listener in tuple(self._listeners):
                    listener.put(event)
                for name, arguments in self._calls(event):
                    self._tell(name, *arguments)
                if event["event"] == "closed":
                    self._ended.set()
        finally:
            inside.event = None

    def _answer(self, question: _native.Question) -> None:
        try:
            steps = self._questions.steps(question.ask, question.about)
            value = None
            while True:
                value = steps.send(value)
        except StopIteration as end:
            question.answer(end.value)
        except BaseException as error:
            # The text is the program's, and may be a secret.
            question.refuse(f"it raised {type(error).__name__}")
            self._tell("error_cb", error)

    def _on_signal(self, value: str | _native.Question | None) -> None:
        if isinstance(value, _native.Question):
            self._answer(value)
        elif value is not None:
            self._events.append(value)
            self._serial.kick()


def _succeeds(wait: Callable[[int], Any], token: int) -> bool:
    try:
        wait(token)
    except errors.CancelledError:
        return False
    return True
