"""What the services of both APIs share: what they are told to be, and what is known of them
(ADR-32)."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Self, TypeVar

from . import _native, errors
from ._client import log_error

__all__ = [
    "EndpointConfig",
    "EndpointInfo",
    "EndpointStats",
    "GroupConfig",
    "ServiceConfig",
    "ServiceError",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
]

ERROR: Final = "Nats-Service-Error"
CODE: Final = "Nats-Service-Error-Code"

M = TypeVar("M", bound=_native.MsgBase)
A = TypeVar("A")

StatsHandler = Callable[["EndpointStats"], Any]
"""Returns what is to be told with the statistics of an endpoint, as JSON has it."""


class ServiceError(Exception):
    """The error that a request came to. A handler raises it to answer with an error of its own;
    every other exception is the error 500."""

    def __init__(self, code: int | str, description: str, data: bytes = b"") -> None:
        super().__init__(f"{code}:{description}")
        self.code = code
        """A number, in the manner of HTTP or the service's own."""
        self.description = description
        """What a user may be shown."""
        self.data = data

    @classmethod
    def of(cls, answer: _native.MsgBase) -> Self | None:
        """The error that an answer is, with 0 for a code that is no number; `None`: it is none."""
        headers = answer.headers
        if headers is None or not (ERROR in headers or CODE in headers):
            return None
        code = headers.get(CODE) or ""
        number = int(code) if code.isascii() and code.isdigit() else 0
        return cls(number, headers.get(ERROR) or "", answer.data)


@dataclass
class ServiceConfig:
    """What a service is to be like; what may be given is said of `Client.add_service`."""

    name: str
    version: str
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    queue_group: str | None = None
    stats_handler: StatsHandler | None = None


@dataclass
class GroupConfig:
    """What a group is to be like."""

    name: str
    queue_group: str | None = None


@dataclass
class EndpointConfig:
    """What an endpoint is to be like; what may be given is said of `Service.add_endpoint`."""

    name: str
    handler: Callable[[Any], Awaitable[None] | None]
    queue_group: str | None = None
    subject: str | None = None
    metadata: Mapping[str, str] | None = None


def configured(config: object, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a configuration says, if there is one, and options say otherwise."""
    said = {} if config is None else vars(config)
    return {**{name: value for name, value in said.items() if value is not None}, **options}


def group_of(
    config: GroupConfig | None, name: str | None, queue_group: str | None, disabled: bool
) -> tuple[str, dict[str, Any]]:
    """The name of a group, and what it says of queue groups."""
    options = {"name": name, "queue_group": queue_group}
    given = configured(config, {key: value for key, value in options.items() if value is not None})
    own = given.pop("name", "")
    return own, {"queue_group_disabled": True} if disabled else given


def within(prefix: str, name: str) -> str:
    """The name of a group in another one, either of which may be nothing."""
    return f"{prefix}.{name}" if prefix and name else prefix or name


@dataclass(frozen=True)
class _Identity:
    name: str
    id: str
    version: str
    metadata: Mapping[str, str]
    type: str


@dataclass(frozen=True)
class ServicePing(_Identity):
    """A service that is there."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What the answer to PING tells."""
        return cls(**_identity(data))


@dataclass(frozen=True)
class EndpointInfo:
    """An endpoint of a service."""

    name: str
    subject: str
    queue_group: str
    """Empty: it is in none."""
    metadata: Mapping[str, str]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What the answer to INFO tells of it."""
        return cls(
            name=data["name"],
            subject=data.get("subject", ""),
            queue_group=data.get("queue_group") or "",
            metadata=data.get("metadata") or {},
        )


@dataclass(frozen=True)
class ServiceInfo(_Identity):
    """What a service is."""

    description: str
    endpoints: list[EndpointInfo]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What the answer to INFO tells."""
        endpoints = [EndpointInfo.from_dict(one) for one in data.get("endpoints") or []]
        description = data.get("description") or ""
        return cls(**_identity(data), description=description, endpoints=endpoints)


@dataclass(frozen=True)
class EndpointStats:
    """What an endpoint has done; times are in nanoseconds."""

    name: str
    subject: str
    queue_group: str
    num_requests: int
    num_errors: int
    last_error: str
    """As `code:description`; empty: there was none."""
    processing_time: int
    average_processing_time: int
    data: Any = field(default=None)
    """What its program has added."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What the answer to STATS tells of it."""
        return cls(
            name=data["name"],
            subject=data.get("subject", ""),
            queue_group=data.get("queue_group") or "",
            num_requests=data.get("num_requests", 0),
            num_errors=data.get("num_errors", 0),
            last_error=data.get("last_error") or "",
            processing_time=data.get("processing_time", 0),
            average_processing_time=data.get("average_processing_time", 0),
            data=data.get("data"),
        )


@dataclass(frozen=True)
class ServiceStats(_Identity):
    """What a service has done."""

    started: datetime
    """When it was added or its counters were reset."""
    endpoints: list[EndpointStats]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What the answer to STATS tells."""
        endpoints = [EndpointStats.from_dict(one) for one in data.get("endpoints") or []]
        started = datetime.fromisoformat(data["started"])
        return cls(**_identity(data), started=started, endpoints=endpoints)


Answer = ServicePing | ServiceInfo | ServiceStats
"""What a service answers to those who look for it."""

READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Answer]]] = {
    "ping": ServicePing.from_dict,
    "info": ServiceInfo.from_dict,
    "stats": ServiceStats.from_dict,
}
"""How the answers to each question are read."""


def answer_of(what: str, msg: _native.MsgBase) -> Answer:
    """What a service has answered; raises what is none."""
    refusal = ServiceError.of(msg)
    if refusal is not None:
        raise refusal
    try:
        told = json.loads(msg.data)
        if told["type"] != f"io.nats.micro.v1.{what}_response":
            raise ValueError(f"its type is {told['type']}")
        return READERS[what](told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"the answer of a service: {type(error).__name__}: {error}"
        raise errors.JsonParseError(said) from None


def with_data(stats: str, handler: StatsHandler | None) -> dict[str, Any]:
    """Statistics with what the program adds to each endpoint; nothing where it raises."""
    told: dict[str, Any] = json.loads(stats)
    if handler is None:
        return told
    for endpoint in told["endpoints"]:
        try:
            added = handler(EndpointStats.from_dict(endpoint))
        except Exception as error:
            log_error(error)
            continue
        if added is not None:
            endpoint["data"] = added
    return told


class RequestBase(Generic[M]):
    """What the requests of both APIs share. Each is counted once: when it is answered, or given
    up."""

    def __init__(self, msg: M, endpoint: _native.Endpoint) -> None:
        self.msg = msg
        """Its message."""
        self._endpoint = endpoint
        self._began = time.perf_counter_ns()
        self._counted = False
        self._unsent: str | None = None
        """Why it could not be answered."""

    @property
    def subject(self) -> str:
        """The subject that it was sent to."""
        return self.msg.subject

    @property
    def headers(self) -> Mapping[str, str] | None:
        """Its headers."""
        return self.msg.headers

    @property
    def data(self) -> bytes:
        """Its payload."""
        return self.msg.data

    @contextlib.contextmanager
    def _answering(self, error: ServiceError | None = None) -> Iterator[None]:
        """Counts the request once it is answered."""
        try:
            yield
        except errors.Error as failed:
            self._unsent = str(failed)
            raise
        self._count(None if error is None else str(error))

    def _count(self, error: str | None) -> None:
        if not self._counted:
            self._counted = True
            self._endpoint.handled(time.perf_counter_ns() - self._began, error)

    def _give_up(self) -> None:
        """It will not be answered any more."""
        self._count(self._unsent)

    def __del__(self) -> None:
        # The child of a fork has no part in the services of its parent.
        with contextlib.suppress(errors.Error):
            self._give_up()


def failure(raised: BaseException) -> ServiceError:
    """What a handler that has raised answers with; always fit for headers."""
    description = " ".join(str(raised).replace("\0", " ").split())
    if isinstance(raised, ServiceError) and _is_code(raised.code):
        description = " ".join(raised.description.replace("\0", " ").split())
        return ServiceError(raised.code, description or "error", raised.data)
    return ServiceError(500, description or type(raised).__name__)


def error_headers(
    error: ServiceError, more: Mapping[str, str] | None
) -> dict[str, Any]:
    """The headers of an answer that is an error."""
    if not _is_code(error.code):
        said = f"code: expected a number from 1 to 65535, found {error.code!r}"
        raise errors.InvalidArgumentError(said)
    if not error.description:
        raise errors.InvalidArgumentError("description: expected a text that is not empty")
    return {**(more or {}), ERROR: error.description, CODE: str(error.code)}


def _is_code(code: object) -> bool:
    text = str(code)
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536


def _identity(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": told["name"],
        "id": told["id"],
        "version": told["version"],
        "metadata": told.get("metadata") or {},
        "type": told.get("type", ""),
    }
