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
        kv = await js.create_key_value(bucket="settings", history=5, storage="memory")
        first = await kv.put("color", b"red")
        show("got", await kv.get("color"))
        try:
            await kv.create("color", b"blue")
        except nats.errors.KeyExistsError as error:
            print("create:", error.name)

        watcher = await kv.watchall()
        show("watched", await watcher.updates())
        show("watched", await watcher.updates())
        # Only while nobody else has changed it.
        await kv.update("color", b"green", last=first)
        show("watched", await watcher.updates())
        await watcher.stop()

        await kv.put("size", b"large")
        print("keys:", *await kv.keys())
        await kv.delete("color")
        for entry in await kv.history("color"):
            show("history", entry)
        await js.delete_key_value("settings")
        print("bucket deleted")


def show(how: str, entry: Entry | None) -> None:
    if entry is None:
        print(f"{how}: this was all")
    elif entry.operation is None:
        print(f"{how}: {entry.key} is {entry.value.decode()} (revision {entry.revision})")
    else:
        print(f"{how}: {entry.key} is deleted")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
