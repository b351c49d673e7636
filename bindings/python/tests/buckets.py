"""What the tests of buckets share: buckets in memory, entries in short, watches read."""

from __future__ import annotations

from typing import Any

from nats_ffi.aio.jetstream import JetStream
from nats_ffi.aio.kv import Entry, KeyValue, KeyWatcher
from support import WAIT


def in_memory(bucket: str, **config: Any) -> dict[str, Any]:
    """The configuration of a bucket that keeps five values of a key."""
    return {"bucket": bucket, "history": 5, "storage": "memory", **config}


async def made(js: JetStream, bucket: str, **config: Any) -> KeyValue:
    """A bucket that a test has for itself."""
    return await js.create_key_value(in_memory(bucket, **config))


def short(entry: Entry | None) -> str:
    """Key and value, or what was done to the key; "-" for the mark."""
    if entry is None:
        return "-"
    if entry.operation is None:
        return f"{entry.key}={entry.value.decode()}"
    return f"{entry.key} {entry.operation}"


async def expect(watcher: KeyWatcher, *expected: str) -> None:
    """The watch tells this next."""
    for told in expected:
        assert short(await watcher.updates(WAIT)) == told


async def put(kv: KeyValue, *keys: str) -> None:
    """Gives keys their own names as values."""
    for key in keys:
        await kv.put(key, key.encode())
