"""What the services of both APIs share: what they are told to be, and what is known of them (ADR-32)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import errors

__all__ = [
    "EndpointInfo",
    "EndpointStats",
    "ServiceError",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
]

ERROR: Final = "Nats-Service-Error"
CODE: Final = "Nats-Service-Error-Code"


class ServiceError(Exception):
    """What a handler raises to answer with an error of its own; every other exception is the error 500."""

    def __init__(self, code: int | str, description: str, data: bytes = b"") -> None:
        super().__init__(f"{code}:{description}")
        self.code = code
        self.description = description
        self.data = data


@dataclass(frozen=True)
class ServicePing:
    """A service that is there."""

    name: str
    id: str
    version: str
    metadata: Mapping[str, str]
    type: str


@dataclass(frozen=True)
class EndpointInfo:
    """An endpoint of a service."""

    name: str
    subject: str
    queue_group: str
    """Empty: it is in none."""
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class ServiceInfo:
    """What a service is."""

    name: str
    id: str
    version: str
    description: str
    metadata: Mapping[str, str]
    endpoints: list[EndpointInfo]
    type: str


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
    data: Any
    """What its program has added."""


@dataclass(frozen=True)
class ServiceStats:
    """What a service has done."""

    name: str
    id: str
    version: str
    metadata: Mapping[str, str]
    endpoints: list[EndpointStats]
    started: str
    """When it was added or its counters were reset, in RFC 3339."""
    type: str


def service_ping(text: str | bytes) -> ServicePing:
    """What the answer to PING tells."""
    return ServicePing(**_identity(_read(text)))


def service_info(text: str | bytes) -> ServiceInfo:
    """What the answer to INFO tells."""
    told = _read(text)
    endpoints = [
        EndpointInfo(
            name=one["name"],
            subject=one.get("subject", ""),
            queue_group=one.get("queue_group") or "",
            metadata=one.get("metadata") or {},
        )
        for one in told.get("endpoints") or []
    ]
    description = told.get("description") or ""
    return ServiceInfo(**_identity(told), description=description, endpoints=endpoints)


def service_stats(text: str | bytes) -> ServiceStats:
    """What the answer to STATS tells."""
    told = _read(text)
    endpoints = [
        EndpointStats(
            name=one["name"],
            subject=one.get("subject", ""),
            queue_group=one.get("queue_group") or "",
            num_requests=one.get("num_requests", 0),
            num_errors=one.get("num_errors", 0),
            last_error=one.get("last_error") or "",
            processing_time=one.get("processing_time", 0),
            average_processing_time=one.get("average_processing_time", 0),
            data=one.get("data"),
        )
        for one in told.get("endpoints") or []
    ]
    return ServiceStats(**_identity(told), started=told.get("started", ""), endpoints=endpoints)


READERS: Final = {"ping": service_ping, "info": service_info, "stats": service_stats}


def own_stats(stats: str, data: Any) -> bytes:
    """The answer to those who ask for statistics, with what the program adds to each endpoint."""
    told = json.loads(stats)
    for document, endpoint in zip(told["endpoints"], service_stats(stats).endpoints, strict=True):
        added = data(endpoint)
        if added is not None:
            document["data"] = added
    return json.dumps(told).encode()


def failure(error: BaseException) -> ServiceError:
    """What a handler that has raised answers with."""
    if isinstance(error, ServiceError):
        return error
    text = " ".join(str(error).split()) or type(error).__name__
    return ServiceError(500, text)


def error_of(headers: Mapping[str, str] | None) -> ServiceError | None:
    """The error that the answer of a service is, if it is one."""
    if not headers or ERROR not in headers:
        return None
    return ServiceError(headers.get(CODE, ""), headers[ERROR])


def error_headers(error: ServiceError, more: Mapping[str, Any] | None) -> dict[str, Any]:
    """The headers of an answer that is an error."""
    code = str(error.code)
    if not code.isascii() or not code.isdigit():
        raise errors.InvalidArgumentError(f"code: expected a number, found {error.code!r}")
    if not error.description:
        raise errors.InvalidArgumentError("description: expected a text that is not empty")
    return {**(more or {}), ERROR: error.description, CODE: code}


def _identity(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": told["name"],
        "id": told["id"],
        "version": told["version"],
        "metadata": told.get("metadata") or {},
        "type": told.get("type", ""),
    }


def _read(text: str | bytes) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise errors.JsonParseError(f"the answer of a service: {error}") from None
    if not isinstance(told, dict) or not {"name", "id", "version"} <= told.keys():
        raise errors.JsonParseError("the answer of a service: it does not say who it is of")
    return told
