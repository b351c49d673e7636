#!/usr/bin/env python3
"""Puts objects into a bucket and gets them, whole, in part and by files: object [URL]"""

import asyncio
import os
import sys
from pathlib import Path

import nats_ffi as nats
from nats_ffi.aio.object import ObjectMeta


def progress(so_far: int, total: int | None) -> None:
    print(f"{so_far} of {total} bytes")


async def main(url: str) -> None:
    async with await nats.connect(url) as nc:
        js = nc.jetstream()
        store = await js.create_object_store("FILES", storage="memory")

        letter = ObjectMeta(description="a letter")
        info = await store.put("letter", b"Dear all, hello!", letter)
        print(f"{info.name}: {info.size} bytes, {info.digest}")
        print((await store.get("letter")).data.decode())
        print((await store.get("letter", offset=10, length=5)).data.decode())

        path = Path("object.txt")
        path.write_text("x" * 200_000)
        await store.put("large", path.read_bytes(), progress=progress)
        # Chunk by chunk; put_file and get_file move files as a whole.
        with path.open("wb") as file:
            await store.get("large", file, progress=progress)
        path.unlink()

        await store.add_link("link", "letter")
        print("by the link:", (await store.get("link")).data.decode())

        await store.delete("large")
        for info in await store.list():
            print("there is", info.name)
        await js.delete_object_store("FILES")
        print("bucket deleted")


if __name__ == "__main__":
    given = sys.argv[1:] or [os.environ.get("NATS_URL", "nats://127.0.0.1:4222")]
    asyncio.run(main(given[0]))
