#!/usr/bin/env python3
"""A service with two endpoints: asked, answering an error, found, and stopped: service [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats
from nats_ffi.aio.service import Request, ServiceError


async def twice(request: Request) -> None:
    await request.respond(b"%d" % (int(request.data) * 2))


async def half(request: Request) -> None:
    number = int(request.data)
    if number % 2:
        # What else it raises is answered for with the error 500.
        raise ServiceError(400, f"{number} is odd")
    await request.respond(b"%d" % (number // 2))


async def ask(nc: nats.NATS, subject: str, number: int) -> None:
    answer = await nc.request(subject, b"%d" % number, timeout=5)
    error = ServiceError.of(answer)
    if error is not None:
        print(f"{subject} of {number}: error {error.code}: {error.description}")
    else:
        print(f"{subject} of {number}: {answer.data.decode()}")


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        async with await nc.add_service(name="calculator", version="1.0.0") as service:
            numbers = service.add_group(name="numbers")
            await numbers.add_endpoint(name="double", handler=twice)
            await numbers.add_endpoint(name="half", handler=half)

            await ask(nc, "numbers.double", 21)
            await ask(nc, "numbers.half", 7)

            async for info in await nc.discover("info", name="calculator"):
                subjects = " and ".join(endpoint.subject for endpoint in info.endpoints)
                print(f"found {info.name} {info.version} at {subjects}")
        for stats in service.stats().endpoints:
            print(f"requests: {stats.num_requests}, errors: {stats.num_errors}")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
