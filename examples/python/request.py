#!/usr/bin/env python3
"""Asks the service of reply.py and prints the answer: request [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        # With nobody listening this fails at once with NoRespondersError.
        answer = await nc.request("service.upper", b"hello", timeout=2)
        print(answer.data.decode())


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    try:
        asyncio.run(main(given[0]))
    except nats.errors.Error as error:
        sys.exit(str(error))
