#!/usr/bin/env python3
"""Keeps settings in a bucket of keys, and watches them change: kv [URL]"""

import asyncio
import os
import sys

import nats_ffi as nats
from nats_ffi.aio.kv import Entry


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        js = nc.jetstream()
        kv = await js.create_key_value(bucket="SETTINGS", history=5, storage="memory")
        first = await kv.put("color", b"red")
        await kv.put("size", b"10")
        show("got", await kv.get("color"))
        try:
            await kv.create("color", b"green")
        except nats.errors.KeyExistsError:
            print("create: color has a value already")
        # Only if nobody else has changed it meanwhile.
        await kv.update("color", b"blue", last=first)

        watcher = await kv.watchall()
        async for entry in watcher:
            if entry is None:
                break
            show("there is", entry)
        print("that was all")
        await kv.delete("size")
        changed = await watcher.updates()
        if changed:
            print(f"{changed.key}: {changed.operation}")
        await watcher.stop()

        print("keys:", *await kv.keys())
        for entry in await kv.history("color"):
            show("was", entry)
        await js.delete_key_value("SETTINGS")
        print("bucket deleted")


def show(what: str, entry: Entry) -> None:
    print(f"{what} {entry.key}={entry.value.decode()} (revision {entry.revision})")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
