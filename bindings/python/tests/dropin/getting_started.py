"""A coroutine as subscriber, a limit, an iterator, a queue group, a request."""

import asyncio
import sys

from client import nats

TimeoutError = nats.errors.TimeoutError
ConnectionClosedError = nats.errors.ConnectionClosedError
NoServersError = nats.errors.NoServersError


async def main() -> None:
    nc = await nats.connect(sys.argv[1])
    arrived = asyncio.Event()

    async def show(msg):
        print(f"callback: {msg.subject!r} {msg.reply!r} {msg.data.decode()!r}")
        if msg.data == b"world":
            arrived.set()

    sub = await nc.subscribe("start.foo", cb=show)
    await sub.unsubscribe(limit=2)
    for word in (b"hello", b"world", b"never seen"):
        await nc.publish("start.foo", word)
    await asyncio.wait_for(arrived.wait(), 5)

    sub = await nc.subscribe("start.bar")
    await nc.publish("start.bar", b"first")
    await nc.publish("start.bar", b"second")
    async for msg in sub.messages:
        print(f"iterator: {msg.data.decode()}")
        if msg.data == b"second":
            await sub.unsubscribe()

    async def help_out(msg):
        print(f"asked: {msg.data.decode()}, with an inbox: {msg.reply.startswith('_INBOX.')}")
        await nc.publish(msg.reply, b"at your service")

    sub = await nc.subscribe("start.help", "workers", help_out)
    try:
        response = await nc.request("start.help", b"help", timeout=5)
        print(f"answer: {response.data.decode()}")
    except TimeoutError:
        print("timed out")
    await sub.unsubscribe()

    await nc.drain()
    print(f"closed: {nc.is_closed}")
    try:
        await nc.publish("start.foo", b"too late")
    except ConnectionClosedError as error:
        print(f"refused: {type(error).__name__}")


if __name__ == "__main__":
    asyncio.run(main())
