"""What the tests of services share: a service that echoes, what it has done, who is there."""

from __future__ import annotations

import asyncio
from typing import Any

from nats_ffi.aio.service import Endpoint, EndpointStats, Request, Service, ServiceError
from support import WAIT


async def echo(request: Request) -> None:
    """Answers a request with itself; "bad" with an error."""
    if request.data == b"bad":
        await request.respond_error(400, "no good")
    else:
        await request.respond(request.data)


async def serving(nc: Any, handler: Any = echo, **options: Any) -> tuple[Service, Endpoint]:
    """A service "s" with an endpoint "e"."""
    service = await nc.add_service(name="s", version="1.0.0")
    return service, await service.add_endpoint(name="e", handler=handler, **options)


async def counted(service: Service, requests: int) -> list[EndpointStats]:
    """What the endpoints have done, once they have so many requests."""
    async with asyncio.timeout(WAIT):
        while True:
            endpoints = service.stats().endpoints
            if sum(one.num_requests for one in endpoints) >= requests:
                return endpoints
            await asyncio.sleep(0)


async def asked(nc: Any, subject: str, data: bytes = b"") -> bytes:
    """The payload of an answer."""
    return bytes((await nc.request(subject, data, timeout=WAIT)).data)


async def error_of(nc: Any, subject: str, data: bytes) -> ServiceError:
    """The error that an answer is."""
    error = ServiceError.of(await nc.request(subject, data, timeout=WAIT))
    assert error is not None
    return error


async def found(nc: Any, what: str, **options: Any) -> list[str]:
    """The ids of those that answer."""
    answers = await nc.discover(what, **{"max_wait": WAIT, "stall": 0.2, **options})
    return sorted([one.id for one in await answers.all()])


class Held:
    """A handler that keeps requests, which the test answers."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[Request] = asyncio.Queue()

    async def __call__(self, request: Request) -> None:
        self._requests.put_nowait(request)

    async def next(self) -> Request:
        async with asyncio.timeout(WAIT):
            return await self._requests.get()
