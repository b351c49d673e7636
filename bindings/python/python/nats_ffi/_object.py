"""What the buckets of objects of both APIs share: what is said of objects, and what is known of
them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from . import errors
from ._kv import bucket_config

__all__ = [
    "ObjectInfo",
    "ObjectLink",
    "ObjectMeta",
    "ObjectResult",
    "ObjectStoreStatus",
]

_BLOCK: Final = 1 << 20
_CHUNK: Final = 128 << 10

Progress = Callable[[int, int | None], None]
"""Told how many bytes have gone over so far, and how many there are in all; `None`: nobody
knows."""


@dataclass
class ObjectMeta:
    """What is said of an object that is put."""

    name: str | None = None
    """Its name, where it is not given otherwise."""
    description: str | None = None
    headers: Mapping[str, str | Sequence[str]] | None = None
    metadata: Mapping[str, str] | None = None
    max_chunk_size: int | None = None
    """Bytes of a chunk; 128 KiB by default."""


class ObjectLink(NamedTuple):
    """Where a link leads."""

    bucket: str
    name: str
    """Empty: to the bucket as a whole."""


@dataclass(frozen=True)
class ObjectInfo:
    """What is known of an object, or of a link."""

    name: str
    bucket: str
    nuid: str
    """The id of its content: another one with each put."""
    size: int
    """Bytes."""
    chunks: int
    digest: str
    """`SHA-256=` and the digest of its content; empty of a link."""
    mtime: str
    """When it was put or changed, in RFC 3339."""
    revision: int
    """Another one with each change: what a compare-and-set expects."""
    deleted: bool
    description: str
    headers: Mapping[str, list[str]]
    metadata: Mapping[str, str]
    max_chunk_size: int
    link: ObjectLink | None

    def is_link(self) -> bool:
        """Whether it is no object but a link."""
        return self.link is not None


class ObjectResult(NamedTuple):
    """An object, with what is known of it."""

    info: ObjectInfo
    data: bytes
    """Empty, when it was written elsewhere."""


@dataclass(frozen=True)
class ObjectStoreStatus:
    """A bucket of objects as it is."""

    bucket: str
    description: str
    size: int
    """Bytes, with what is known of the objects."""
    sealed: bool
    """Nothing can be changed any more."""
    ttl: float
    """How long an object is kept, in seconds; 0: for ever."""
    storage: str
    replicas: int
    metadata: Mapping[str, str]
    config: Mapping[str, Any] = field(repr=False)
    """All of the configuration, as `object_store_status` tells it."""
    stream_info: Mapping[str, Any] = field(repr=False)
    """The stream that keeps it, as `stream_info` tells it."""


def object_info(document: str | Mapping[str, Any]) -> ObjectInfo:
    """What a document tells of an object."""
    told: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    options = told.get("options") or {}
    link = options.get("link")
    return ObjectInfo(
        name=told["name"],
        bucket=told.get("bucket", ""),
        nuid=told.get("nuid", ""),
        size=told.get("size", 0),
        chunks=told.get("chunks", 0),
        digest=told.get("digest", ""),
        mtime=told.get("mtime", ""),
        revision=told.get("revision", 0),
        deleted=told.get("deleted", False),
        description=told.get("description", ""),
        headers=told.get("headers") or {},
        metadata=told.get("metadata") or {},
        max_chunk_size=options.get("max_chunk_size", 0),
        link=ObjectLink(link.get("bucket", ""), link.get("name", "")) if link else None,
    )


def meta_members(meta: ObjectMeta | None) -> dict[str, Any]:
    """What is said of an object, as a document's members."""
    if meta is None:
        return {}
    if not isinstance(meta, ObjectMeta):
        raise TypeError(f"meta: expected an ObjectMeta, found {type(meta).__name__}")
    headers = {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in (meta.headers or {}).items()
    }
    options = None if meta.max_chunk_size is None else {"max_chunk_size": meta.max_chunk_size}
    members = {
        "name": meta.name,
        "description": meta.description,
        "headers": headers or None,
        "metadata": None if meta.metadata is None else dict(meta.metadata),
        "options": options,
    }
    return {name: value for name, value in members.items() if value is not None}


def meta_document(meta: ObjectMeta | None) -> str:
    """The document of what is said of an object that has its name already."""
    members = meta_members(meta)
    members.pop("name", None)
    return json.dumps(members) if members else ""


def named(name: str | None, meta: ObjectMeta | None) -> Any:
    """The name of an object."""
    return meta.name if name is None and meta is not None else name


def object_store_status(told: dict[str, Any]) -> ObjectStoreStatus:
    """What an operation tells of a bucket of objects."""
    config = dict(told)
    size, sealed, stream = (config.pop(name) for name in ("size", "sealed", "stream"))
    return ObjectStoreStatus(
        bucket=config["bucket"],
        description=config["description"],
        size=size,
        sealed=sealed,
        ttl=config["ttl"] / 1e9,
        storage=config["storage"],
        replicas=config["num_replicas"],
        metadata=config["metadata"],
        config=config,
        stream_info=stream,
    )


def span(info: ObjectInfo, offset: int | None, length: int | None) -> int:
    """How many bytes of an object are read."""
    left = max(info.size - (offset or 0), 0)
    return left if length is None else min(left, length)


def link_target(to: ObjectInfo | str) -> tuple[str | None, str]:
    """The bucket and the name that a link leads to; no bucket: its own."""
    if isinstance(to, str):
        return None, to
    if to.deleted:
        raise errors.InvalidLinkError(f"to: the object {to.name!r} was deleted")
    return to.bucket, to.name


def store_config(
    bucket: str | None, config: Mapping[str, Any] | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """The configuration of a bucket of objects."""
    own = {} if bucket is None else {"bucket": bucket}
    return bucket_config(config, {**own, **params})


def whole_bytes(data: object) -> bytes | bytearray | memoryview | None:
    """What is put, if it is in memory; `None`: it has to be read."""
    if isinstance(data, str):
        return data.encode()
    if data is None:
        return b""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return data
    if not hasattr(data, "read"):
        kind = type(data).__name__
        raise TypeError(f"data: expected bytes, a str or something to read from, found {kind}")
    return None


def block_size(meta: ObjectMeta | None, progress: Progress | None) -> int:
    """How much of what is read from elsewhere is put at once: a chunk, where each is told."""
    if progress is None:
        return _BLOCK
    return (meta.max_chunk_size if meta is not None else None) or _CHUNK


def checked_block(block: object) -> bytes | bytearray | memoryview:
    """A block of what is read."""
    if isinstance(block, str):
        return block.encode()
    if not isinstance(block, (bytes, bytearray, memoryview)):
        kind = type(block).__name__
        raise TypeError(f"data: expected read() to return bytes, found {kind}")
    return block
