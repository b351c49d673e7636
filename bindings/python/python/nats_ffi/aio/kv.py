"""Buckets of keys with values in the asynchronous API."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Unpack

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
from ._backend import Future
from ._hub import current

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

    Iterating ends when it is stopped, and raises why it has ended otherwise: `BucketNotFoundError` when
    the bucket was deleted.
    """

    def __init__(self, sub: Subscription, codecs: Codecs) -> None:
        self._sub: Any = sub
        self._codecs = codecs

    async def updates(self, timeout: float | None = 5.0) -> Entry | None:
        """What comes next; `None`: all that there was has come. Waits for at most `timeout` seconds;
        `None` waits on.

        Raises `TimeoutError`; `BadSubscriptionError` once it was stopped; why it has ended.
        """
        left = remaining(timeout)
        while True:
            for update in self._codecs.updates(await self._sub.next_msg(left())):
                return update

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Entry | None:
        while True:
            for update in self._codecs.updates(await anext(self._messages)):
                return update

    async def stop(self) -> None:
        """Ends the watch."""
        await self._sub.unsubscribe()

    @cached_property
    def _messages(self) -> AsyncIterator[Any]:
        return self._sub.messages  # type: ignore[no-any-return]


class KeyValue:
    """A bucket of keys with values, made by `JetStream.key_value` and `JetStream.create_key_value`.

    A key is words of A-Z, a-z, 0-9, '-', '_', '/' and '=' with single dots between.
    """

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
        """The same bucket with keys and values in another form (ADR-54); `None` leaves them as they
        are. What was stored in another way cannot be got, and is left out of what is listed.

        Base64 and paths need no codecs of the program's: see `JetStream.key_value`.
        """
        return KeyValue(self._js, self._native, Codecs(keys, values))

    async def get(
        self, key: str, revision: int | None = None, validate_keys: bool = True
    ) -> Entry:
        """The value of a key, or what it had at a revision of its own, by any server that has it.
        Keys are always validated.

        Raises `KeyNotFoundError` when it has none, or was deleted; `InvalidNameError`;
        `BucketNotFoundError`; `TimeoutError`, `PermissionsError`, `ConnectionLostError`,
        `ConnectionClosedError`.
        """
        key = self._codecs.key(key)
        if revision is None:
            return self._codecs.entry(await self._answer(self._native.get, key))
        told = await self._call(self._native.get_revision, key, checked_revision(revision))
        return self._codecs.entry(told)

    async def get_entry(self, key: str) -> Entry | None:
        """What was done to a key last, be it that it was deleted; `None`: nothing is known of it."""
        try:
            told = await self._call(self._native.get_revision, self._codecs.key(key), 0)
        except errors.KeyNotFoundError:
            return None
        return self._codecs.entry(told)

    async def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """The values of many keys as they are at one moment, in their order, `None` for one that has
        none; with one request for each 1,024 of them (server 2.11).

        Raises `UnsupportedError`; otherwise as `get`.
        """
        encoded = [self._codecs.key(key) for key in keys]
        told = await self._call(self._native.get_many, encoded)
        return [None if one is None else self._codecs.entry(one) for one in told]

    async def put(
        self,
        key: str,
        value: Payload,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Gives a key a value; its new revision. Keys are always validated. `msg_ttl`: for how long it is kept, in whole seconds
        (server 2.11); the bucket must have a `limit_marker_ttl`.

        Raises, when it is not stored, `ReadOnlyError`, `InvalidNameError`, and what
        `JetStream.publish` raises. `TimeoutError` and `ConnectionLostError` leave open whether it is
        stored.
        """
        return await self._change(self._native.put, key, value, change_options(msg_ttl=msg_ttl))

    async def create(
        self,
        key: str,
        value: Payload,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Gives a key a value that has none, or was deleted; its revision.

        Raises `KeyExistsError`; otherwise as `put`.
        """
        return await self._change(self._native.create, key, value, change_options(msg_ttl=msg_ttl))

    async def update(
        self,
        key: str,
        value: Payload,
        last: int | None = None,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Gives a key that has the revision `last` another value; its new revision. 0 and `None`: it is
        to have had none.

        Raises `WrongLastSequenceError`; otherwise as `put`.
        """
        options = change_options(last or 0, msg_ttl)
        return await self._change(self._native.put, key, value, options)

    async def modify(
        self, key: str, make: Callable[[Entry | None], Payload | None | Awaitable[Payload | None]]
    ) -> int | None:
        """Gives a key the value that `make` makes of what it has (`None`: nothing), again and again until
        nobody else has changed it meanwhile; its new revision. `None`, when `make` returns that, which
        leaves it as it is.

        Raises as `get` and `put`, but for `KeyNotFoundError` and `WrongLastSequenceError`.
        """
        while True:
            entry = await self.get_entry(key)
            made = make(entry if entry is not None and entry.operation is None else None)
            value = await made if inspect.isawaitable(made) else made
            if value is None:
                return None
            try:
                return await self.update(key, value, entry.revision if entry else 0)
            except errors.WrongLastSequenceError:
                continue

    async def delete(
        self,
        key: str,
        last: int | None = None,
        validate_keys: bool = True,
        msg_ttl: float | None = None,
    ) -> int:
        """Deletes a key, if it has the revision `last`, if that is given; what it had before stays in its
        history. The marker's revision.

        Raises as `update`.
        """
        return await self._remove(self._native.delete, key, change_options(last, msg_ttl))

    async def purge(
        self, key: str, msg_ttl: float | None = None, last: int | None = None
    ) -> int:
        """Deletes a key with all it had before; `msg_ttl`: for how long the marker stays.

        Raises as `update`.
        """
        return await self._remove(self._native.purge, key, change_options(last, msg_ttl))

    async def purge_deletes(self, olderthan: float = 30 * 60) -> int:
        """Removes what deleted keys have had, and markers that are older than so many seconds; how many
        messages that were.

        Raises as `get`, and `ReadOnlyError`.
        """
        removed: int = await self._call(self._native.purge_deletes, round(olderthan * 1000))
        return removed

    async def status(self) -> BucketStatus:
        """The bucket as it is.

        Raises `BucketNotFoundError`, and what `JetStream.account_info` raises.
        """
        return bucket_status(await self._js.kv_bucket_status(bucket=self.bucket))

    async def keys(self, filters: str | Sequence[str] | None = None) -> list[str]:
        """The keys that have values: all, or those that one of the filters matches, which may have
        wildcards. Empty: none. `watch` with `meta_only` and `ignore_deletes` brings them one by one.

        Raises as `watch`.
        """
        document = watch_document({"keys": self._codecs.filters(filters)})
        told = json.loads(await self._call(self._native.keys, document))["keys"]
        return self._codecs.known_keys(told)

    async def history(self, key: str) -> list[Entry]:
        """All that the bucket has of a key, the oldest first; empty: nothing.

        Raises as `watch`.
        """
        told = await self._call(self._native.history, self._codecs.key(key))
        entries = map(self._codecs.readable, told)
        return [entry for entry in entries if entry is not None]

    async def watch(
        self,
        keys: str | Sequence[str] | None = None,
        callback: Callable[[Entry | None], Awaitable[None] | None] | None = None,
        **options: Unpack[WatchOptions],
    ) -> KeyWatcher:
        """Watches keys, which may have wildcards: what was done to each of them last, then `None`, then
        what is done to them, each once and in order. Handed to `callback`, a function or coroutine
        function, or, without it, read by `updates` and iterating.

        Whatever happens to consumers, servers and the connection, it goes on behind the last entry, and
        each time is an event of the connection ("consumer"). Raises `BucketNotFoundError`,
        `InvalidNameError`, `InvalidOptionError`; `InvalidArgumentError` for options that exclude each
        other; `UnsupportedError` for wildcards that a codec does not know; `TimeoutError`,
        `ConnectionClosedError`.
        """
        check_callback("callback", callback, plain=False)
        given: Any = {**options, "keys": self._codecs.filters(keys)}
        with named_as_in("watch", given):
            native = await self._call(self._native.watch, watch_document(given))
        told = None if callback is None else telling(self._codecs, callback)
        return KeyWatcher(self._js._client._kept(native, told), self._codecs)

    async def watchall(self, **options: Unpack[WatchOptions]) -> KeyWatcher:
        """Watches all keys; see `watch`."""
        return await self.watch(None, None, **options)

    async def cache(self, keys: str | Sequence[str] | None = None) -> KvCache:
        """Takes the values of keys into memory, and follows the bucket from then on. Waits until all that
        there is has come.

        Raises as `watch`.
        """
        document = watch_document({"keys": self._codecs.filters(keys)})
        return KvCache(await self._call(self._native.cache, document), self._codecs)

    async def _change(
        self, start: Callable[..., _native.Operation], key: str, value: Payload, options: Any
    ) -> int:
        key, value = self._codecs.key(key), self._codecs.value(value)
        with named_as_in("key", options):
            revision: int = await self._answer(start, key, value, key_document(options))
        return revision

    async def _remove(
        self, start: Callable[..., _native.Operation], key: str, options: Any
    ) -> int:
        with named_as_in("key", options):
            key = self._codecs.key(key)
            revision: int = await self._answer(start, key, key_document(options))
        return revision

    async def _answer(self, start: Callable[..., _native.Operation], *arguments: Any) -> Any:
        """Starts an operation that yields something to a future, and waits for it."""
        hub = current(self._js._client._hub)
        future: Future = hub.backend.future()
        operation = start(hub.queue, future, *arguments)
        try:
            return await future
        except BaseException:
            operation.abort()
            raise

    async def _call(self, start: Callable[..., _native.Operation], *arguments: Any) -> Any:
        return await current(self._js._client._hub).call(start, *arguments)


class KvCache:
    """The values of a bucket in memory, made by `KeyValue.cache`. Reads ask nobody, so they are behind the
    bucket by what is under way: `wait` waits for a revision."""

    def __init__(self, native: _native.Cache, codecs: Codecs) -> None:
        self._native = native
        self._codecs = codecs

    def get(self, key: str) -> Entry | None:
        """The value of a key; `None`: it has none, or is not followed. Never waits.

        Raises `InvalidNameError`, and why the bucket is followed no more: `BucketNotFoundError`,
        `PermissionsError`, `ConnectionClosedError`.
        """
        told = self._native.get(self._codecs.key(key))
        return None if told is None else self._codecs.entry(told)

    def keys(self) -> list[str]:
        """The keys that have values, in no order; raises as `get`."""
        return self._codecs.known_keys(self._native.keys())

    async def wait(self, revision: int) -> None:
        """Waits until a revision of a key that is followed was seen; raises as `get`."""
        await current().call(self._native.wait, checked_revision(revision))

