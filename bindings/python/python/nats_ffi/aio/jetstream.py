"""JetStream in the asynchronous API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from .. import _native
from .._client import check_callback
from .._config import (
    bucket_document,
    consume_document,
    fetch_document,
    jetstream_document,
    member_document,
    ordered_document,
    pushed_document,
    stored_document,
)
from .._jetstream import (
    Metadata,
    PubAck,
    message_list,
    named_as_in,
    operation_document,
)
from .._kv import bucket_config
from .._native import Headers, Msg
from .._object import store_config
from .._options import (
    BatchOptions,
    BucketOptions,
    ConsumeOptions,
    FetchOptions,
    JetStreamOptions,
    MemberOptions,
    OrderedOptions,
    PublishOptions,
    PushedOptions,
)
from .._tracing import injected
from ._backend import Future
from ._flight import Flight
from ._hub import current
from ._operations import Operations
from .batch import Batch
from .kv import KeyValue
from .object import ObjectStore

if TYPE_CHECKING:
    from .client import Client
    from .subscription import Subscription

__all__ = ["Batch", "JetStream", "Metadata", "PubAck"]

Payload = bytes | bytearray | memoryview
HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)


class JetStream(Operations):
    """The JetStream of an account, made by `Client.jetstream`.

    Operations take the members of their documents as keyword arguments and return dicts, both under
    the server's own names and in its units (times are nanoseconds there).
    """

    def __init__(self, client: Client, options: JetStreamOptions) -> None:
        self._client = client
        self._flight: Flight | None = None
        with named_as_in("jetstream", options):
            self._native = client._link().jetstream(jetstream_document(options))

    @property
    def api_prefix(self) -> str:
        """The prefix of the API's subjects, with a dot at its end."""
        return self._native.api_prefix

    async def publish(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[PublishOptions],
    ) -> PubAck:
        """Publishes a message and waits until a stream has stored it.

        Options say what is expected of the stream (`expected_stream`, `expected_last_sequence`,
        `expected_last_msg_id`, `expected_last_subject_sequence`, `expected_last_subject`), by which
        id it knows the message when it comes again (`msg_id`), how long it keeps it (`ttl`), and how
        hard to try (`timeout`, `retries`, `retry_wait`); times are in seconds.

        Raises, when it is not stored, `NoRespondersError` when no stream has the subject,
        `WrongLastSequenceError` or `JetStreamError` when the stream refuses, `InvalidOptionError`,
        and what `Client.publish` raises. `TimeoutError` and `ConnectionLostError` leave open
        whether it is stored; with a `msg_id` it can be published again.
        """
        future, operation = self._begin(subject, payload, headers, options)
        try:
            ack: PubAck = await future
            return ack
        except BaseException:
            operation.abort()
            raise

    async def publish_async(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[PublishOptions],
    ) -> asyncio.Future[PubAck]:
        """Publishes a message and returns a future of what `publish` returns or raises. Waits only
        while 4000 of them are under way. With trio the future can be awaited, and no more.

        Raises `InvalidOptionError` and what `Client.publish` raises. For the loop on which it is
        called first.
        """
        flight = self._flight
        if flight is None:
            flight = self._flight = Flight(current(self._client._hub))
        await flight.room()
        future, _ = self._begin(subject, payload, headers, options)
        flight.add(future)
        return cast("asyncio.Future[PubAck]", future)

    def publish_async_pending(self) -> int:
        """How many messages of `publish_async` are under way."""
        return self._flight.count if self._flight else 0

    async def publish_async_completed(self) -> None:
        """Waits until no message of `publish_async` is under way, whatever has become of them."""
        if self._flight:
            await self._flight.over()

    async def fetch(
        self,
        stream: str,
        consumer: str,
        max_messages: int = 100,
        **options: Unpack[FetchOptions],
    ) -> list[Msg]:
        """Asks a consumer once for messages, and waits until `max_messages` have come, the time is over
        (`expires`, 30 seconds), or, with `no_wait`, no more are there. None is no error.

        Raises, when no message has come, `ConsumerNotFoundError` when the consumer was deleted
        meanwhile, `NoRespondersError` when there is none, `PullRefusedError` with what the server
        said, `HeartbeatMissedError`, `ConnectionLostError`, `ConnectionClosedError`,
        `PermissionsError`; and `InvalidNameError`, `InvalidOptionError`, `InvalidArgumentError`.
        
        Cancelled, it gives up the messages that are under way: they are delivered again once their
        time to be acknowledged is over.
        """
        hub = current(self._client._hub)
        future: Future = hub.backend.future()
        given = {"max_messages": max_messages, **options}
        with named_as_in("fetch", given):
            operation = self._native.fetch(
                hub.queue, future, self._client, stream, consumer, fetch_document(given)
            )
        try:
            messages: list[Msg] = await future
            return messages
        except BaseException:
            operation.abort()
            raise

    async def consume(
        self,
        stream: str,
        consumer: str,
        callback: Callable[[Msg], Awaitable[None] | None] | None = None,
        **options: Unpack[ConsumeOptions],
    ) -> Subscription:
        """Takes messages of a consumer without end, by requests that overlap.

        They come by a subscription like any other: handed to `callback`, a function or coroutine
        function, or, without it, read by `next_msg`, `take` and iterating. They are asked for as
        they are taken, so that never more than `max_messages` or `max_bytes` wait. Connections lost,
        changes of the leader and missed heartbeats are survived, and are events of the connection
        ("consumer"). `unsubscribe` stops at once: what has come and was not taken is delivered again
        once its time to be acknowledged is over; `drain` first hands out what has come.

        The subscription ends with `ConsumerNotFoundError` or `StreamNotFoundError` when they are not
        there or were deleted, with `PullRefusedError`, `PermissionsError` or
        `ConnectionClosedError`. Raises `InvalidNameError`, `InvalidOptionError`,
        `InvalidArgumentError`, `ConnectionClosedError`.
        """
        check_callback("callback", callback, plain=False)
        with named_as_in("consume", options):
            native = self._native.consume(stream, consumer, consume_document(options))
        return self._client._opened(native, callback)

    async def consume_ordered(
        self,
        stream: str,
        callback: Callable[[Msg], Awaitable[None] | None] | None = None,
        **options: Unpack[OrderedOptions],
    ) -> Subscription:
        """Takes the messages of a stream in order and without gaps, from where the options say, by a
        consumer that the library makes (ADR-17) and makes anew, behind the last message that was
        taken, whenever one was missed. They need no acknowledgement. Waits for the first consumer.

        The subscription is like that of `consume`, and ends with `StreamNotFoundError` when the
        stream is deleted. Raises `StreamNotFoundError`, `InvalidNameError`, `InvalidOptionError`,
        `InvalidArgumentError`, `TimeoutError`, `ConnectionClosedError`.
        """
        check_callback("callback", callback, plain=False)
        with named_as_in("ordered", options):
            native = await current(self._client._hub).call(
                self._native.consume_ordered, stream, ordered_document(options)
            )
        return self._client._opened(native, callback)

    async def consume_pushed(
        self,
        stream: str,
        consumer: str,
        callback: Callable[[Msg], Awaitable[None] | None] | None = None,
        **options: Unpack[PushedOptions],
    ) -> Subscription:
        """Takes what a consumer with a `deliver_subject` pushes, with its `deliver_group` where it has
        one; heartbeats and flow control are looked after.

        The subscription is like that of `consume`. Raises `ConsumerNotFoundError`,
        `InvalidArgumentError` when it is none that pushes, `InvalidNameError`,
        `InvalidOptionError`, `TimeoutError`, `ConnectionClosedError`.
        """
        check_callback("callback", callback, plain=False)
        with named_as_in("pushed", options):
            native = await current(self._client._hub).call(
                self._native.consume_pushed, stream, consumer, pushed_document(options)
            )
        return self._client._opened(native, callback)

    async def consume_group(
        self,
        stream: str,
        group: str,
        member: str,
        callback: Callable[[Msg], Awaitable[None] | None] | None = None,
        **options: Unpack[MemberOptions],
    ) -> Subscription:
        """Takes the messages of the partitions that a member of a group has, those with the same key in
        order; when members come and go, partitions move (see `group_create`).

        The subscription is like that of `consume`. Raises `NotFoundError` when there is no such
        group, `InvalidNameError`, `InvalidOptionError`, `InvalidArgumentError`, `TimeoutError`,
        `ConnectionClosedError`.
        """
        check_callback("callback", callback, plain=False)
        with named_as_in("member", options):
            native = await current(self._client._hub).call(
                self._native.consume_group, stream, group, member, member_document(options)
            )
        return self._client._opened(native, callback)

    async def key_value(self, bucket: str, **options: Unpack[BucketOptions]) -> KeyValue:
        """The bucket of keys with values that has this name. `read_only`: whatever writes is refused;
        `key_codecs`, `value_codecs`: in which form they are stored (ADR-54), "base64" and, of keys,
        "path"; codecs of the program's own are given to `KeyValue.with_codecs`.

        Raises `BucketNotFoundError`, `InvalidNameError`, `InvalidOptionError`, `TimeoutError`,
        `ConnectionLostError`, `ConnectionClosedError`.
        """
        with named_as_in("bucket", options):
            native = await current(self._client._hub).call(
                self._native.key_value, bucket, bucket_document(options)
            )
        return KeyValue(self, native)

    async def create_key_value(
        self, config: Mapping[str, Any] | None = None, **params: Any
    ) -> KeyValue:
        """Makes a bucket (ADR-8). One that is there with the same configuration is as good. The
        configuration, as a mapping or by keyword, has the members of `kv_bucket_create`, with `ttl` and
        `limit_marker_ttl` in seconds.

        Raises `BucketExistsError` when it is there with another configuration, `InvalidNameError`,
        `InvalidArgumentError`, `UnsupportedError`, and what `account_info` raises.
        """
        told = await self.kv_bucket_create(**bucket_config(config, params))
        return await self.key_value(told["bucket"])

    async def update_key_value(
        self, config: Mapping[str, Any] | None = None, **params: Any
    ) -> KeyValue:
        """Changes the configuration of a bucket; not everything can be changed. See
        `create_key_value`.

        Raises `BucketNotFoundError`; otherwise as `create_key_value`.
        """
        told = await self.kv_bucket_update(**bucket_config(config, params))
        return await self.key_value(told["bucket"])

    async def delete_key_value(self, bucket: str) -> bool:
        """Removes a bucket with all it has.

        Raises `BucketNotFoundError`, `InvalidNameError`, and what `account_info` raises.
        """
        await self.kv_bucket_delete(bucket=bucket)
        return True

    async def object_store(self, bucket: str) -> ObjectStore:
        """The bucket of objects that has this name.

        Raises `BucketNotFoundError`, `InvalidNameError`, `TimeoutError`, `ConnectionLostError`,
        `ConnectionClosedError`.
        """
        bind = self._native.object_store
        return ObjectStore(self, await current(self._client._hub).call(bind, bucket))

    async def create_object_store(
        self, bucket: str | None = None, config: Mapping[str, Any] | None = None, **params: Any
    ) -> ObjectStore:
        """Makes a bucket of objects (ADR-20). One that is there with the same configuration is as
        good. The configuration, as a mapping or by keyword, has the members of
        `object_store_create`, with `ttl` in seconds.

        Raises `BucketExistsError` when it is there with another configuration, `InvalidNameError`,
        `UnsupportedError`, and what `account_info` raises.
        """
        document = store_config(bucket, config, params)
        told = await self.object_store_create(**document)
        return await self.object_store(told["bucket"])

    async def update_object_store(
        self, bucket: str | None = None, config: Mapping[str, Any] | None = None, **params: Any
    ) -> ObjectStore:
        """Changes the configuration of a bucket of objects; not everything can be changed. See
        `create_object_store`.

        Raises `BucketNotFoundError`; otherwise as `create_object_store`.
        """
        document = store_config(bucket, config, params)
        told = await self.object_store_update(**document)
        return await self.object_store(told["bucket"])

    async def delete_object_store(self, bucket: str) -> bool:
        """Removes a bucket of objects with all it has.

        Raises `BucketNotFoundError`, `InvalidNameError`, and what `account_info` raises.
        """
        await self.object_store_delete(bucket=bucket)
        return True

    def batch(self, **options: Unpack[BatchOptions]) -> Batch:
        """A batch of messages to a stream. Nothing is asked of the server before its first message.

        Raises `UnsupportedError` when the server is too old for its `kind`, `InvalidOptionError`,
        `ConnectionClosedError`.
        """
        return Batch(self, options)

    async def ack_all(self, messages: Iterable[Msg]) -> None:
        """Says that all of these were handled, in one go.

        Raises what `Msg.ack` raises, with the number of the message: those before it are
        acknowledged, those behind it are not.
        """
        listed, waiting = message_list(messages), _native.ack_all
        position = waiting(listed, 0)
        while position is not None:
            await listed[position].ack()
            position = waiting(listed, position + 1)

    def _begin(
        self, subject: str, payload: Payload, headers: HeadersLike | None, options: PublishOptions
    ) -> tuple[Future, _native.Operation]:
        client = self._client
        hub = current(client._hub)
        future: Future = hub.backend.future()
        if client._inject is not None:
            headers = injected(headers, client._inject)
        publish = self._native.publish
        if not options:
            return future, publish(hub.queue, future, subject, payload, headers, "")
        with named_as_in("publish", options):
            said = stored_document(options)
            return future, publish(hub.queue, future, subject, payload, headers, said)

    async def _operate(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        document = operation_document(members)
        answer: dict[str, Any] = json.loads(
            await current(self._client._hub).call(self._native.operate, name, document)
        )
        return answer
