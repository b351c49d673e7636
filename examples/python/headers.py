#!/usr/bin/env python3
"""Sends a message with headers and prints what arrives: headers [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        sub = await nc.subscribe("orders.new")
        # A name may have several values; order and case are kept.
        headers = {"Trace-Id": "4711", "Tag": ["express", "gift"]}
        await nc.publish("orders.new", b"a book", headers=headers)
        msg = await sub.next_msg(timeout=2)
        for name, value in msg.all_headers.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
