"""Buckets of keys with values in the blocking API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from .. import _kv, _native, errors
from .._client import check_callback
from .._config import key_document, watch_document
from .._jetstream import named_as_in
from .._kv import (
    KV_DEL,
    KV_PURGE,
    BucketStatus,
    Codecs,
    Entry,
    KeyCodec,
    ValueCodec,
    bucket_status,
    change_options,
    checked_revision,
    remaining,
    telling,
)
from .._options import WatchOptions
from ._wait import waiter

if TYPE_CHECKING:
    from .jetstream import JetStream
    from .subscription import Subscription

__all__ = [
    "KV_DEL",
    "KV_PURGE",
    "BucketStatus",
    "Entry",
    "KeyCodec",
    "KeyValue",
    "KeyWatcher",
    "KvCache",
    "ValueCodec",
]

Payload = bytes | bytearray | memoryview


class KeyWatcher:
    """What is done to keys, made by `KeyValue.watch`; `None` stands behind what there was when it began.
    Iterating ends when it is stopped, and raises why it has ended otherwise."""

    def __init__(self, sub: Subscription, codecs: Codecs) -> None:
        self._sub: Any = sub
        self._codecs = codecs

    def updates(self, timeout: float | None = 5.0) -> Entry | None:
        """What comes next; `None`: all that there was has come. Waits for at most `timeout` seconds;
        `None` waits on."""
        left = remaining(timeout)
        while True:
            for update in self._codecs.updates(self._sub.next_msg(left())):
                return update

    def __iter__(self) -> Iterator[Entry | None]:
        for told in self._sub.messages:
            yield from self._codecs.updates(told)

    def stop(self) -> None:
        """Ends the watch."""
        self._sub.unsubscribe()


class KeyValue:
    """A bucket of keys with values, made by `JetStream.key_value` and `JetStream.create_key_value`. For
    every thread; what its methods do and raise is said in the asynchronous API."""

    Entry: TypeAlias = _native.Entry
    BucketStatus: TypeAlias = _kv.BucketStatus
    KeyWatcher: TypeAlias = KeyWatcher

    def __init__(self, js: JetStream, native: _native.Bucket, codecs: Codecs | None = None) -> None:
        self._js = js
        self._native = native
        self._codecs = codecs or Codecs()

    @property
    def bucket(self) -> str:
        """Its name."""
        return self._native.name

    def with_codecs(
        self, keys: KeyCodec | None = None, values: ValueCodec | None = None
    ) -> KeyValue:
        """The same bucket with keys and values in another form (ADR-54)."""
        return KeyValue(self._js, self._native, Codecs(keys, values))

    def get(self, key: str, revision: int | None = None, validate_keys: bool = True) -> Entry:
        """The value of a key, or what it had at a revision of its own."""
        key = self._codecs.key(key)
        if revision is None:
            return self._codecs.entry(waiter().call(self._native.get, key))
        told = waiter().call(self._native.get_revision, key, checked_revision(revision))
        return self._codecs.entry(told)

    def get_entry(self, key: str) -> Entry | None:
        """What was done to a key last, be it that it was deleted; `None`: nothing is known of it."""
        try:
            told = waiter().call(self._native.get_revision, self._codecs.key(key), 0)
        except errors.KeyNotFoundError:
            return None
        return self._codecs.entry(told)

    def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """The values of many keys as they are at one moment, in their order, `None` for one that has
        none (server 2.11)."""
        encoded = [self._codecs.key(key) for key in keys]
        told = waiter().call(self._native.get_many, encoded)
        return [None if one is None else self._codecs.entry(one) for one in told]

    def put(
        self,
        key: str,
        value: Payload,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Gives a key a value; its new revision."""
        return self._change(self._native.put, key, value, change_options(msg_ttl=msg_ttl))

    def create(
        self,
        key: str,
        value: Payload,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Gives a key a value that has none, or was deleted; its revision."""
        return self._change(self._native.create, key, value, change_options(msg_ttl=msg_ttl))

    def update(
        self,
        key: str,
        value: Payload,
        last: int | None = None,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Gives a key that has the revision `last` another value; its new revision."""
        return self._change(self._native.put, key, value, change_options(last or 0, msg_ttl))

    def modify(self, key: str, make: Callable[[Entry | None], Payload | None]) -> int | None:
        """Gives a key the value that `make` makes of what it has, again and again until nobody else has
        changed it meanwhile; its new revision. `None`, when `make` returns that."""
        while True:
            entry = self.get_entry(key)
            value = make(entry if entry is not None and entry.operation is None else None)
            if value is None:
                return None
            try:
                return self.update(key, value, entry.revision if entry else 0)
            except errors.WrongLastSequenceError:
                continue

    def delete(
        self,
        key: str,
        last: int | None = None,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Deletes a key; what it had before stays in its history. The marker's revision."""
        return self._remove(self._native.delete, key, change_options(last, msg_ttl))

    def purge(self, key: str, msg_ttl: float | None = None, last: int | None = None) -> int:
        """Deletes a key with all it had before. The marker's revision."""
        return self._remove(self._native.purge, key, change_options(last, msg_ttl))

    def purge_deletes(self, olderthan: float = 30 * 60) -> int:
        """Removes what deleted keys have had, and markers that are older than so many seconds."""
        removed: int = waiter().call(self._native.purge_deletes, round(olderthan * 1000))
        return removed

    def status(self) -> BucketStatus:
        """The bucket as it is."""
        return bucket_status(self._js.kv_bucket_status(bucket=self.bucket))

    def keys(self, filters: str | Sequence[str] | None = None) -> list[str]:
        """The keys that have values: all, or those that one of the filters matches."""
        document = watch_document({"keys": self._codecs.filters(filters)})
        told = json.loads(waiter().call(self._native.keys, document))["keys"]
        return self._codecs.known_keys(told)

    def history(self, key: str) -> list[Entry]:
        """All that the bucket has of a key, the oldest first; empty: nothing."""
        told = waiter().call(self._native.history, self._codecs.key(key))
        entries = map(self._codecs.readable, told)
        return [entry for entry in entries if entry is not None]

    def watch(
        self,
        keys: str | Sequence[str] | None = None,
        callback: Callable[[Entry | None], None] | None = None,
        **options: Unpack[WatchOptions],
    ) -> KeyWatcher:
        """Watches keys, which may have wildcards: what was done to each of them last, then `None`, then
        what is done to them. With `callback`, they are handed to it on a delivery thread, one after the
        other."""
        check_callback("callback", callback, plain=True)
        given: Any = {**options, "keys": self._codecs.filters(keys)}
        with named_as_in("watch", given):
            native = waiter().call(self._native.watch, watch_document(given))
        told = None if callback is None else telling(self._codecs, callback)
        return KeyWatcher(self._js._client._kept(native, told), self._codecs)

    def watchall(self, **options: Unpack[WatchOptions]) -> KeyWatcher:
        """Watches all keys; see `watch`."""
        return self.watch(None, None, **options)

    def cache(self, keys: str | Sequence[str] | None = None) -> KvCache:
        """Takes the values of keys into memory, and follows the bucket from then on."""
        document = watch_document({"keys": self._codecs.filters(keys)})
        return KvCache(waiter().call(self._native.cache, document), self._codecs)

    def _change(
        self, start: Callable[..., _native.Operation], key: str, value: Payload, options: Any
    ) -> int:
        key, value = self._codecs.key(key), self._codecs.value(value)
        with named_as_in("key", options):
            revision: int = waiter().call(start, key, value, key_document(options))
        return revision

    def _remove(self, start: Callable[..., _native.Operation], key: str, options: Any) -> int:
        with named_as_in("key", options):
            revision: int = waiter().call(start, self._codecs.key(key), key_document(options))
        return revision


class KvCache:
    """The values of a bucket in memory, made by `KeyValue.cache`. For every thread; what its methods raise
    is said in the asynchronous API."""

    def __init__(self, native: _native.Cache, codecs: Codecs) -> None:
        self._native = native
        self._codecs = codecs

    def get(self, key: str) -> Entry | None:
        """The value of a key; `None`: it has none, or is not followed. Never waits."""
        told = self._native.get(self._codecs.key(key))
        return None if told is None else self._codecs.entry(told)

    def keys(self) -> list[str]:
        """The keys that have values, in no order."""
        return self._codecs.known_keys(self._native.keys())

    def wait(self, revision: int, timeout: float | None = None) -> None:
        """Waits until a revision of a key that is followed was seen.

        Raises `TimeoutError` after so many seconds.
        """
        waiter().call(self._native.wait, checked_revision(revision), seconds=timeout)
