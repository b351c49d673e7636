#!/usr/bin/env python3
"""Stores ten messages in a stream, takes them from it and acknowledges them: jetstream [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        js = nc.jetstream()
        await js.stream_create(name="ORDERS", subjects=["orders.>"], storage="memory")
        await js.consumer_create(stream="ORDERS", config={"durable_name": "worker"})
        for number in range(1, 11):
            ack = await js.publish("orders.new", f"order {number}".encode())
            print(f"stored {number} as {ack.seq}")
        # Five, each acknowledged by itself; then what is left, acknowledged together.
        for msg in await js.fetch("ORDERS", "worker", 5):
            show(msg)
            await msg.ack()
        rest = await js.fetch("ORDERS", "worker", no_wait=True)
        for msg in rest:
            show(msg)
        await js.ack_all(rest)
        await js.stream_delete(stream="ORDERS")
        print("stream deleted")


def show(msg: nats.Msg) -> None:
    print(f"got {msg.subject}: {msg.data.decode()} (sequence {msg.metadata.stream_sequence})")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
