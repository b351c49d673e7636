"""A callback that is too slow for its pending limit is told to error_cb."""

import asyncio
import sys

from client import nats


async def main() -> None:
    told = asyncio.get_running_loop().create_future()

    async def error_cb(error):
        if not told.done():
            told.set_result(error)

    nc = await nats.connect(sys.argv[1], error_cb=error_cb)
    gate = asyncio.Event()
    got = []

    async def slow(msg):
        await gate.wait()
        got.append(msg)

    sub = await nc.subscribe("slow.x", cb=slow, pending_msgs_limit=5)
    for number in range(100):
        await nc.publish("slow.x", b"%d" % number)
    error = await asyncio.wait_for(told, 5)
    print(type(error).__name__, error.subject, error.reply == "", error.sub is sub)
    print(isinstance(error, nats.errors.SlowConsumerError), type(error.sid).__name__)
    gate.set()
    await nc.drain()
    print(0 < len(got) < 100)


if __name__ == "__main__":
    asyncio.run(main())
