#!/usr/bin/env python3
"""Two members of a queue group share the work, each job going to one of them: queue_group [URL]"""

import asyncio
import os
import sys
from collections import Counter

import nats_ffi as nats
from nats_ffi.aio.msg import Msg


async def main(url: str) -> int:
    nc = await nats.connect(url)
    done: Counter[str] = Counter()

    async def first(_: Msg) -> None:
        done["first"] += 1

    async def second(_: Msg) -> None:
        done["second"] += 1

    for member in (first, second):
        await nc.subscribe("jobs.*", queue="workers", cb=member)
    for _ in range(100):
        await nc.publish("jobs.clean")
    # When the drain returns, everything that was published has been handled.
    await nc.flush()
    await nc.drain()
    together = done.total()
    print(f"first: {done['first']}, second: {done['second']}, together: {together}")
    return 0 if together == 100 else 1


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    sys.exit(asyncio.run(main(given[0])))
