#!/usr/bin/env python3
# [quickstart]
import asyncio, sys
import nats_ffi as nats

async def main(url: str = "nats://127.0.0.1:4222") -> None:
    async with await nats.connect(url) as nc:
        sub = await nc.subscribe("greet.*")
        await nc.publish("greet.joe", b"hello")
        msg = await sub.next_msg()
        print(f"{msg.subject}: {msg.data.decode()}")
asyncio.run(main(*sys.argv[1:]))
# [/quickstart]
