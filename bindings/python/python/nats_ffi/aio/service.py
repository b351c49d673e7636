"""Services of the asynchronous API (ADR-32)."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from .. import _native, errors
from .._client import check_callback
from .._config import ask_document, endpoint_document, service_document
from .._jetstream import named_as_in
from .._native import Headers, Msg
from .._options import AskOptions, EndpointOptions
from .._service import (
    READERS,
    EndpointInfo,
    EndpointStats,
    ServiceError,
    ServiceInfo,
    ServicePing,
    ServiceStats,
    error_headers,
    failure,
    own_stats,
    service_info,
    service_stats,
)
from ._hub import current

if TYPE_CHECKING:
    from .client import Client
    from .subscription import Subscription

__all__ = [
    "Answers",
    "EndpointInfo",
    "EndpointStats",
    "Group",
    "Request",
    "Service",
    "ServiceError",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
]

Payload = bytes | bytearray | memoryview


class Request:
    """A request to an endpoint. It is answered once."""

    def __init__(self, msg: Msg) -> None:
        self.msg = msg
        self.error: ServiceError | None = None
        """The error that it was answered with."""

    @property
    def subject(self) -> str:
        """The subject that it was sent to."""
        return self.msg.subject

    @property
    def headers(self) -> Headers | None:
        """Its headers."""
        return self.msg.headers

    @property
    def data(self) -> bytes:
        """Its payload."""
        return self.msg.data

    async def respond(self, data: Payload = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answers.

        Raises what `Msg.respond` raises.
        """
        await self.msg.respond(data, headers=headers)

    async def respond_error(
        self,
        code: int | str,
        description: str,
        data: Payload = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answers with an error, which is counted as one.

        Raises `InvalidArgumentError` for a code that is no number and for an empty description,
        `BadHeaderError`, and what `respond` raises.
        """
        error = ServiceError(code, description)
        await self.msg.respond(data, headers=error_headers(error, headers))
        self.error = error


Handler = Callable[[Request], Awaitable[None] | None]


class Group:
    """Endpoints whose subjects begin alike, made by `add_group`."""

    def __init__(self, service: Service, name: str, queue_group: str | None) -> None:
        self._service = service
        self._name = name
        self._queue_group = queue_group

    def add_group(self, name: str, queue_group: str | None = None) -> Group:
        """A group in this one."""
        return Group(self._service, f"{self._name}.{name}", queue_group or self._queue_group)

    async def add_endpoint(
        self, name: str, handler: Handler, **options: Unpack[EndpointOptions]
    ) -> Endpoint:
        """Adds an endpoint in the group; see `Service.add_endpoint`."""
        given: Any = {"group": self._name, **options}
        if not options.get("queue_group_disabled"):
            given.setdefault("queue_group", self._queue_group)
        return await self._service.add_endpoint(name, handler, **given)


class Endpoint:
    """An endpoint of a service, made by `Service.add_endpoint`."""

    def __init__(self, native: _native.Endpoint, handler: Handler) -> None:
        self._native = native
        self._handler = handler

    async def _serve(self, msg: Msg) -> None:
        began = time.perf_counter_ns()
        request = Request(msg)
        error: ServiceError | None = None
        try:
            try:
                done = self._handler(request)
                if inspect.isawaitable(done):
                    await done
                error = request.error
            except Exception as raised:
                error = failure(raised)
                await msg.respond(error.data, headers=error_headers(error, None))
        except Exception as unsent:
            error = failure(unsent)
        finally:
            text = None if error is None else str(error)
            self._native.handled(time.perf_counter_ns() - began, text)


class Service:
    """A service: requests answered under a name, with statistics, found by whoever asks. Made by
    `Client.add_service`; as a context manager it is stopped at the end of the block."""

    def __init__(self, client: Client, native: _native.Service) -> None:
        self._client = client
        self._native = native

    @property
    def id(self) -> str:
        """The id of this instance."""
        return self._native.id

    @property
    def stopped(self) -> bool:
        """Whether it has stopped."""
        return self._native.is_stopped

    def info(self) -> ServiceInfo:
        """What it is."""
        return service_info(self._native.info())

    def stats(self) -> ServiceStats:
        """What it has done."""
        return service_stats(self._native.stats())

    def reset(self) -> None:
        """Its statistics begin anew."""
        self._native.reset()

    def add_group(self, name: str, queue_group: str | None = None) -> Group:
        """Endpoints whose subjects begin with `name` and a dot."""
        return Group(self, name, queue_group)

    async def add_endpoint(
        self, name: str, handler: Handler, **options: Unpack[EndpointOptions]
    ) -> Endpoint:
        """Adds an endpoint, whose requests are handed to `handler`, a function or coroutine function, one
        after the other. One that raises answers with the error 500, or with what a `ServiceError` says.

        Raises `InvalidNameError`, `BadSubjectError`, `InvalidQueueGroupError`, `InvalidOptionError`;
        `BadSubscriptionError` when the service has stopped; `ConnectionDrainingError`,
        `ConnectionClosedError`.
        """
        check_callback("handler", handler, plain=False)
        given: Any = {"name": name, **options}
        with named_as_in("endpoint", given):
            native = self._native.endpoint(endpoint_document(given))
        endpoint = Endpoint(native, handler)
        self._client._opened(native.subscription(), endpoint._serve)
        return endpoint

    async def stop(self, timeout: float | None = None) -> None:
        """Stops: requests that have come are still handled, for at most so many seconds, or the option
        `drain_timeout`.

        Raises `TimeoutError` when some were not by then; it has stopped all the same.
        """
        await current(self._client._hub).call(self._native.stop, timeout)

    async def wait_stopped(self) -> None:
        """Waits until it has stopped.

        Raises why, when it was not asked to: `ConnectionClosedError`, `PermissionsError`,
        `SlowConsumerError`.
        """
        await current(self._client._hub).call(self._native.stopped)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.stopped:
            await self.stop()

    def _answer_stats(self, handler: Callable[[EndpointStats], Any]) -> None:
        async def answer(msg: Msg) -> None:
            await msg.respond(own_stats(self._native.stats(), handler))

        self._client._kept(self._native.stats_requests(), answer)


class Answers:
    """What services answer, as they do; made by `Client.discover`. Iterating yields `ServicePing`,
    `ServiceInfo` or `ServiceStats`, and leaves out what is none."""

    def __init__(self, sub: Subscription, what: str) -> None:
        self._sub: Any = sub
        self._read: Callable[[bytes], Any] = READERS[what]

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for msg in self._sub.messages:
                try:
                    yield self._read(msg.data)
                except errors.JsonParseError:
                    continue
        except errors.NoRespondersError:
            return
        finally:
            if not self._sub._native.ended:
                await self._sub.unsubscribe()

    async def all(self) -> list[Any]:
        """All that come."""
        return [answer async for answer in self]


def add_service(client: Client, options: Mapping[str, Any]) -> Service:
    """Adds a service; see `Client.add_service`."""
    given = dict(options)
    stats_handler = given.pop("stats_handler", None)
    if stats_handler is not None:
        check_callback("stats_handler", stats_handler, plain=True)
        given["own_stats"] = True
    with named_as_in("service", given):
        native = client._link().add_service(service_document(given))
    service = Service(client, native)
    if stats_handler is not None:
        service._answer_stats(stats_handler)
    return service


async def discover(client: Client, what: str, options: AskOptions) -> Answers:
    """Asks services; see `Client.discover`."""
    if what not in READERS:
        raise errors.InvalidArgumentError("what: expected 'ping', 'info' or 'stats'")
    given: Any = options
    with named_as_in("ask", given):
        start = client._link().ask_services
        native = await current(client._hub).call(start, what, ask_document(given))
    return Answers(client._kept(native, None), what)
