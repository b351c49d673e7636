"""Services of the asynchronous API (ADR-32)."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from .. import _native, errors
from .._client import check_callback
from .._config import ask_document, endpoint_document, service_document
from .._jetstream import named_as_in
from .._native import Msg
from .._options import AskOptions, EndpointOptions
from .._service import (
    READERS,
    A,
    EndpointConfig,
    EndpointInfo,
    EndpointStats,
    GroupConfig,
    RequestBase,
    ServiceConfig,
    ServiceError,
    ServiceInfo,
    ServicePing,
    ServiceStats,
    StatsHandler,
    answer_of,
    configured,
    error_headers,
    failure,
    group_of,
    with_data,
    within,
)
from ._hub import current
from .subscription import Subscription

if TYPE_CHECKING:
    from .client import Client

__all__ = [
    "Answers",
    "Endpoint",
    "EndpointConfig",
    "EndpointInfo",
    "EndpointStats",
    "Group",
    "GroupConfig",
    "Request",
    "Service",
    "ServiceConfig",
    "ServiceError",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
    "Stopped",
]

Payload = bytes | bytearray | memoryview


class Request(RequestBase[Msg]):
    """A request to an endpoint. It may be answered later, when the handler has returned."""

    async def respond(self, data: Payload = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answers.

        Raises what `Msg.respond` raises.
        """
        with self._answering():
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
        with self._answering(error):
            await self.msg.respond(data, headers=error_headers(error, headers))


Handler = Callable[[Request], Awaitable[None] | None]


class Group:
    """Endpoints whose subjects begin alike, made by `add_group`."""

    def __init__(self, service: Service, name: str, queue: Mapping[str, Any]) -> None:
        self._service = service
        self._name = name
        self._queue = queue

    def add_group(
        self,
        config: GroupConfig | None = None,
        *,
        name: str | None = None,
        queue_group: str | None = None,
        queue_group_disabled: bool = False,
    ) -> Group:
        """A group in this one; see `Service.add_group`."""
        own, queue = group_of(config, name, queue_group, queue_group_disabled)
        return Group(self._service, within(self._name, own), queue or self._queue)

    async def add_endpoint(
        self,
        config: EndpointConfig | None = None,
        *,
        handler: Handler | None = None,
        **options: Unpack[EndpointOptions],
    ) -> Endpoint:
        """Adds an endpoint in the group; see `Service.add_endpoint`."""
        given = configured(config, options)
        if not {"queue_group", "queue_group_disabled"} & given.keys():
            given.update(self._queue)
        given["group"] = within(self._name, given.get("group") or "")
        return self._service._add_endpoint(handler, given)


class Endpoint:
    """An endpoint of a service, made by `Service.add_endpoint`."""

    subscription: Subscription
    """What its requests come by. When it is unsubscribed or drained, the endpoint is none of the
    service's any more, which goes on."""

    def __init__(self, service: Service, native: _native.Endpoint, handler: Handler) -> None:
        self._service = service
        self._native = native
        self._handler = handler

    async def _serve(self, msg: Msg) -> None:
        request = Request(msg, self._native)
        try:
            done = self._handler(request)
            if inspect.isawaitable(done):
                await done
        except Exception as raised:
            if request._counted:
                raise
            error = failure(raised)
            try:
                await request.respond_error(error.code, error.description, error.data)
            finally:
                request._give_up()


class Stopped:
    """The end of a service, in the shape of an event."""

    def __init__(self, client: Client, native: _native.Service) -> None:
        self._client = client
        self._native = native

    def is_set(self) -> bool:
        """Whether it has stopped."""
        return self._native.is_stopped

    async def wait(self) -> bool:
        """Waits until it has stopped.

        Raises why, when it was not asked to: `ConnectionClosedError`, `PermissionsError`,
        `SlowConsumerError`.
        """
        await current(self._client._hub).call(self._native.stopped)
        return True


class Service:
    """A service: requests answered under a name, with statistics, found by whoever asks. Made by
    `Client.add_service`; as a context manager it is stopped at the end of the block. It lives as
    long as the program keeps it, or has endpoints."""

    def __init__(
        self, client: Client, native: _native.Service, stats_handler: StatsHandler | None
    ) -> None:
        self._client = client
        self._native = native
        self._stats_handler = stats_handler

    @property
    def id(self) -> str:
        """The id of this instance."""
        return self._native.id

    @property
    def stopped(self) -> Stopped:
        """Its end, to look at and to wait for."""
        return Stopped(self._client, self._native)

    def info(self) -> ServiceInfo:
        """What it is."""
        return ServiceInfo.from_dict(json.loads(self._native.info()))

    def stats(self) -> ServiceStats:
        """What it has done."""
        return ServiceStats.from_dict(with_data(self._native.stats(), self._stats_handler))

    async def reset(self) -> None:
        """Its statistics begin anew."""
        self._native.reset()

    def add_group(
        self,
        config: GroupConfig | None = None,
        *,
        name: str | None = None,
        queue_group: str | None = None,
        queue_group_disabled: bool = False,
    ) -> Group:
        """Endpoints whose subjects begin with `name` and a dot, in a queue group of their own or in
        none unless they name one."""
        return Group(self, *group_of(config, name, queue_group, queue_group_disabled))

    async def add_endpoint(
        self,
        config: EndpointConfig | None = None,
        *,
        handler: Handler | None = None,
        **options: Unpack[EndpointOptions],
    ) -> Endpoint:
        """Adds an endpoint, whose requests are handed to `handler`, a function or coroutine
        function, one after the other. One that raises answers with the error 500, or with what a
        `ServiceError` says; what it raises behind its answer goes to `error_cb`.

        Raises `InvalidNameError`, `BadSubjectError`, `InvalidQueueGroupError`,
        `InvalidOptionError`; `BadSubscriptionError` when the service has stopped;
        `ConnectionDrainingError`, `ConnectionClosedError`.
        """
        return self._add_endpoint(handler, configured(config, options))

    async def stop(self, timeout: float | None = None) -> None:
        """Stops: requests that have come are still handled, for at most so many seconds, or the
        option `drain_timeout`.

        Raises `TimeoutError` when some were not by then; it has stopped all the same.
        """
        await current(self._client._hub).call(self._native.stop, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.stopped.is_set():
            await self.stop()

    def _add_endpoint(self, handler: Handler | None, given: dict[str, Any]) -> Endpoint:
        handler = given.pop("handler", None) if handler is None else handler
        if handler is None:
            raise errors.InvalidCallbackTypeError("handler: it is needed")
        check_callback("handler", handler, plain=False)
        with named_as_in("endpoint", given):
            native = self._native.endpoint(endpoint_document(given))
        endpoint = Endpoint(self, native, handler)
        endpoint.subscription = self._client._opened(native.subscription(), endpoint._serve)
        return endpoint

    async def _answer_stats(self, msg: Msg) -> None:
        told = with_data(self._native.stats(), self._stats_handler)
        await msg.respond(json.dumps(told).encode())


class Answers(AsyncIterator[A]):
    """What services answer, as they do; made by `Client.discover`. Iterating yields `ServicePing`,
    `ServiceInfo` or `ServiceStats`; what is none of them goes to `error_cb`."""

    def __init__(self, sub: Subscription, what: str) -> None:
        self._client = sub._client
        self._messages = sub.messages
        self._what = what

    async def __anext__(self) -> A:
        while True:
            try:
                msg = await anext(self._messages)
            except errors.NoRespondersError:
                raise StopAsyncIteration from None
            try:
                return cast(A, answer_of(self._what, msg))
            except (errors.JsonParseError, ServiceError) as error:
                await self._client._tell("error_cb", error)

    async def all(self) -> list[A]:
        """All that come."""
        return [answer async for answer in self]


def add_service(
    client: Client,
    config: ServiceConfig | None,
    stats_handler: StatsHandler | None,
    options: Mapping[str, Any],
) -> Service:
    """Adds a service; see `Client.add_service`."""
    given = configured(config, options)
    own_stats = given.pop("stats_handler", None) if stats_handler is None else stats_handler
    check_callback("stats_handler", own_stats, plain=True)
    if own_stats is not None:
        given["own_stats"] = True
    with named_as_in("service", given):
        native = client._link().add_service(service_document(given))
    service = Service(client, native, own_stats)
    if own_stats is not None:
        client._kept(native.stats_requests(), service._answer_stats)
    return service


async def discover(client: Client, what: str, options: AskOptions) -> Answers[Any]:
    """Asks services; see `Client.discover`."""
    if what not in READERS:
        raise errors.InvalidArgumentError("what: expected 'ping', 'info' or 'stats'")
    given: Any = options
    hub = current(client._hub)
    with named_as_in("ask", given):
        native = await hub.call(client._link().ask_services, what, ask_document(given))
    return Answers(Subscription(client, native, hub), what)
