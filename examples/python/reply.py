#!/usr/bin/env python3
"""Answers requests on service.upper until SIGINT or SIGTERM: reply [URL]"""

import asyncio
import os
import signal
import sys

import nats_ffi as nats
from nats_ffi.aio.msg import Msg


async def answer(msg: Msg) -> None:
    await msg.respond(msg.data.upper())


async def main(url: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    nc = await nats.connect(url)
    await nc.subscribe("service.upper", cb=answer)
    await nc.flush()
    print("answering on service.upper", flush=True)
    await stop.wait()
    await nc.drain()


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
