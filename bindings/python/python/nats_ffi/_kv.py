"""What the buckets of both APIs share: configurations, statuses, codecs and entries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from . import errors
from ._native import Entry
from ._subscription import checked_wait

__all__ = ["KV_DEL", "KV_PURGE", "BucketStatus", "Entry", "KeyCodec", "ValueCodec"]

KV_DEL: Final = "DEL"
"""The operation of an entry whose key was deleted."""
KV_PURGE: Final = "PURGE"
"""The operation of an entry whose key was deleted with all it had, or has come to the end of its time."""

_SECONDS: Final = ("ttl", "limit_marker_ttl")
_ALIASES: Final = {"replicas": "num_replicas"}


class KeyCodec(Protocol):
    """The form in which keys are stored (ADR-54). With a method `encode_filter(filter)`, too, wildcards can
    be used."""

    def encode(self, key: str, /) -> str:
        """The key as it is stored, which has to be a valid one."""

    def decode(self, stored: str, /) -> str:
        """The key of one that is stored. Raises `ValueError` for one that this codec has not made."""


class ValueCodec(Protocol):
    """The form in which values are stored (ADR-54)."""

    def encode(self, value: bytes, /) -> bytes:
        """The value as it is stored."""

    def decode(self, stored: bytes, /) -> bytes:
        """The value of one that is stored. Raises `ValueError` for one that this codec has not made."""


@dataclass(frozen=True)
class BucketStatus:
    """A bucket as it is."""

    bucket: str
    values: int
    """Values, older ones and markers included."""
    bytes: int
    history: int
    """How many values a key has."""
    ttl: float
    """How long a value is kept, in seconds; 0: for ever."""
    limit_marker_ttl: float
    """For how long markers tell of keys whose time is over, in seconds; 0: there are none."""
    config: Mapping[str, Any] = field(repr=False)
    """All of the configuration, as `kv_bucket_status` tells it."""
    stream_info: Mapping[str, Any] = field(repr=False)
    """The stream that keeps it, as `stream_info` tells it."""


class Codecs:
    """What keys and values are encoded with, where the program has codecs of its own."""

    def __init__(self, keys: KeyCodec | None = None, values: ValueCodec | None = None) -> None:
        self._keys = keys
        self._values = values

    def key(self, key: str) -> str:
        """The key as it is stored."""
        return key if self._keys is None else self._keys.encode(key)

    def filters(self, filters: Any) -> Any:
        """Keys with wildcards as they are stored."""
        if self._keys is None or filters is None:
            return filters
        listed = [filters] if isinstance(filters, str) else list(filters)
        return [self._filter(self._keys, one) for one in listed]

    def value(self, value: Any) -> Any:
        """The value as it is stored."""
        return value if self._values is None else self._values.encode(bytes(value))

    def entry(self, told: Entry) -> Entry:
        """The entry as the program knows it.

        Raises `InvalidArgumentError` when the codecs cannot decode it.
        """
        if self._keys is None and self._values is None:
            return told
        try:
            key = told.key if self._keys is None else self._keys.decode(told.key)
            value = told.value
            # A marker has no value, nor has an entry without its payload.
            if self._values is not None and value:
                value = self._values.decode(value)
        except ValueError as error:
            text = f"bucket {told.bucket}: an entry that cannot be decoded: {error}"
            raise errors.InvalidArgumentError(text) from error
        return told.decoded(key, value)

    def readable(self, told: Entry) -> Entry | None:
        """The same; `None` for what the codecs have not made, which is left out of what is listed."""
        try:
            return self.entry(told)
        except errors.InvalidArgumentError:
            return None

    def updates(self, told: Entry) -> tuple[Entry | None, ...]:
        """What a watch tells the program by an entry: nothing by what the codecs have not made."""
        if told.is_mark:
            return (None,)
        entry = self.readable(told)
        return () if entry is None else (entry,)

    def known_keys(self, stored: list[str]) -> list[str]:
        """The keys of those that are stored, but for those that the codec has not made."""
        if self._keys is None:
            return stored
        keys = []
        for one in stored:
            try:
                keys.append(self._keys.decode(one))
            except ValueError:
                continue
        return keys

    @staticmethod
    def _filter(codec: KeyCodec, filters: str) -> str:
        if not any(word in ("*", ">") for word in filters.replace("/", ".").split(".")):
            return codec.encode(filters)
        encode = getattr(codec, "encode_filter", None)
        if encode is None:
            raise errors.UnsupportedError("the codec of the keys has no wildcards")
        encoded: str = encode(filters)
        return encoded


def bucket_config(config: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a bucket's configuration: times are seconds in Python."""
    document: dict[str, Any] = {}
    for name, value in {**(config or {}), **more}.items():
        if value is None:
            continue
        if name in _SECONDS:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                kind = type(value).__name__
                raise TypeError(f"{name}: expected seconds as a number, found {kind}")
            value = round(value * 1e9)
        document[_ALIASES.get(name, name)] = value
    return document


def bucket_status(told: dict[str, Any]) -> BucketStatus:
    """What an operation tells of a bucket."""
    config = dict(told)
    values, size, stream = (config.pop(name) for name in ("values", "bytes", "stream"))
    seconds = {name: config[name] / 1e9 for name in _SECONDS}
    return BucketStatus(
        bucket=config["bucket"],
        values=values,
        bytes=size,
        history=config["history"],
        config=config,
        stream_info=stream,
        **seconds,
    )


def change_options(
    last: int | None = None, msg_ttl: float | None = None
) -> dict[str, int | float]:
    """The options of what is done to a key."""
    given: dict[str, int | float | None] = {"last": last, "msg_ttl": msg_ttl}
    return {name: value for name, value in given.items() if value is not None}


def checked_revision(revision: object) -> int:
    """A revision that a key may have had."""
    if isinstance(revision, bool) or not isinstance(revision, int):
        raise TypeError(f"revision: expected an int, found {type(revision).__name__}")
    if not 0 < revision < 1 << 64:
        raise errors.InvalidArgumentError(f"revision: expected at least 1, found {revision}")
    return revision


def remaining(timeout: float | None) -> Callable[[], float | None]:
    """How many of the seconds are left, each time it is called."""
    seconds = checked_wait(timeout)
    if seconds is None:
        return lambda: None
    end = time.monotonic() + seconds
    return lambda: max(end - time.monotonic(), 0.0)


def telling(codecs: Codecs, callback: Callable[[Entry | None], Any]) -> Callable[[Any], Any]:
    """What hands the entries of a watch to a callback."""

    def tell(told: Entry) -> Any:
        for update in codecs.updates(told):
            return callback(update)
        return None

    return tell
