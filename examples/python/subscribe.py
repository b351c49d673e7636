#!/usr/bin/env python3
"""Prints the next three messages on updates.>: subscribe [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        sub = await nc.subscribe("updates.>", max_msgs=3)
        await nc.flush()
        print("subscribed", flush=True)
        async for msg in sub.messages:
            print(f"{msg.subject}: {msg.data.decode()}")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
