"""What the tests of objects share: buckets in memory, contents, what is left of them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from nats_ffi.aio.jetstream import JetStream
from nats_ffi.aio.object import ObjectInfo, ObjectMeta, ObjectStore
from support import WAIT


def in_memory(bucket: str, **config: Any) -> dict[str, Any]:
    """The configuration of a bucket in memory."""
    return {"bucket": bucket, "storage": "memory", **config}


async def made(js: JetStream, bucket: str, **config: Any) -> ObjectStore:
    """A bucket that a test has for itself."""
    return await js.create_object_store(config=in_memory(bucket, **config))


def content(size: int) -> bytes:
    """Bytes that are nowhere the same."""
    return random.Random(size).randbytes(size)


def chunked(size: int, **meta: Any) -> ObjectMeta:
    """What is said of an object in chunks of this size."""
    return ObjectMeta(max_chunk_size=size, **meta)


async def messages(store: ObjectStore) -> int:
    """How many messages the bucket has."""
    return int((await store.status()).stream_info["state"]["messages"])


async def settles(store: ObjectStore, *objects: ObjectInfo) -> None:
    """The bucket gets to have nothing but these, each whole."""
    expected = sum(info.chunks + 1 for info in objects)
    async with asyncio.timeout(WAIT):
        while await messages(store) != expected:
            await asyncio.sleep(0.005)
    for info in objects:
        assert (await store.get_info(info.name)).nuid == info.nuid
