#!/usr/bin/env python3
"""Publishes three messages and waits until the server has them: publish [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats


async def main(url: str) -> None:
    nc = await nats.connect(url)
    for update in (b"one", b"two", b"three"):
        await nc.publish("updates.count", update)
    # A publish returns when the message is buffered; a drain when the server has everything.
    await nc.drain()
    print("published 3 messages")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
