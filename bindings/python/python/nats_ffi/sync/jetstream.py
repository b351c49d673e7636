"""JetStream in the blocking API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

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
from .._native import BlockingMsg, Headers
from .._object import store_config
from .._options import (
    BatchOptions,
    BucketOptions,
    ConsumeOptions,
    FetchOptions,
    JetStreamOptions,
    MemberOptions,
    OrderedOptions,
    PublisherOptions,
    PublishOptions,
    PushedOptions,
)
from .._tracing import injected
from ._operations import Operations
from ._wait import waiter
from .batch import Batch
from .kv import KeyValue
from .object import ObjectStore
from .publisher import Publisher

if TYPE_CHECKING:
    from .client import Client
    from .subscription import Subscription

__all__ = ["Batch", "JetStream", "Metadata", "PubAck", "Publisher"]

Payload = bytes | bytearray | memoryview
HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)


class JetStream(Operations):
    """The JetStream of an account, made by `Client.jetstream`. For every thread.

    Operations take the members of their documents as keyword arguments and return dicts, both under
    the server's own names and in its units (times are nanoseconds there).
    """

    def __init__(self, client: Client, options: JetStreamOptions) -> None:
        self._client = client
        with named_as_in("jetstream", options):
            self._native = client._link().jetstream(jetstream_document(options))

    @property
    def api_prefix(self) -> str:
        """The prefix of the API's subjects, with a dot at its end."""
        return self._native.api_prefix

    def publish(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[PublishOptions],
    ) -> PubAck:
        """Publishes a message and waits until a stream has stored it; see the asynchronous API."""
        headers = injected(headers, self._client._inject)
        with named_as_in("publish", options):
            ack: PubAck = waiter().call(
                self._native.publish, subject, payload, headers, stored_document(options)
            )
        return ack

    def fetch(
        self,
        stream: str,
        consumer: str,
        max_messages: int = 100,
        **options: Unpack[FetchOptions],
    ) -> list[BlockingMsg]:
        """Asks a consumer once for messages; see the asynchronous API."""
        given = {"max_messages": max_messages, **options}
        with named_as_in("fetch", given):
            messages: list[BlockingMsg] = waiter().call(
                self._native.fetch, self._client, stream, consumer, fetch_document(given)
            )
        return messages

    def consume(
        self,
        stream: str,
        consumer: str,
        callback: Callable[[BlockingMsg], None] | None = None,
        **options: Unpack[ConsumeOptions],
    ) -> Subscription:
        """Takes messages of a consumer without end; see the asynchronous API. With `callback`, they are
        handed to it on a delivery thread, one after the other."""
        check_callback("callback", callback, plain=True)
        with named_as_in("consume", options):
            native = self._native.consume(stream, consumer, consume_document(options))
        return self._client._opened(native, callback)

    def consume_ordered(
        self,
        stream: str,
        callback: Callable[[BlockingMsg], None] | None = None,
        **options: Unpack[OrderedOptions],
    ) -> Subscription:
        """Takes the messages of a stream in order and without gaps; see the asynchronous API."""
        check_callback("callback", callback, plain=True)
        with named_as_in("ordered", options):
            native = waiter().call(
                self._native.consume_ordered, stream, ordered_document(options)
            )
        return self._client._opened(native, callback)

    def consume_pushed(
        self,
        stream: str,
        consumer: str,
        callback: Callable[[BlockingMsg], None] | None = None,
        **options: Unpack[PushedOptions],
    ) -> Subscription:
        """Takes what a consumer with a `deliver_subject` pushes; see the asynchronous API."""
        check_callback("callback", callback, plain=True)
        with named_as_in("pushed", options):
            native = waiter().call(
                self._native.consume_pushed, stream, consumer, pushed_document(options)
            )
        return self._client._opened(native, callback)

    def consume_group(
        self,
        stream: str,
        group: str,
        member: str,
        callback: Callable[[BlockingMsg], None] | None = None,
        **options: Unpack[MemberOptions],
    ) -> Subscription:
        """Takes the messages of the partitions that a member of a group has; see the asynchronous
        API."""
        check_callback("callback", callback, plain=True)
        with named_as_in("member", options):
            native = waiter().call(
                self._native.consume_group, stream, group, member, member_document(options)
            )
        return self._client._opened(native, callback)

    def key_value(self, bucket: str, **options: Unpack[BucketOptions]) -> KeyValue:
        """The bucket of keys with values that has this name; see the asynchronous API."""
        with named_as_in("bucket", options):
            native = waiter().call(self._native.key_value, bucket, bucket_document(options))
        return KeyValue(self, native)

    def create_key_value(
        self, config: Mapping[str, Any] | None = None, **params: Any
    ) -> KeyValue:
        """Makes a bucket; see the asynchronous API."""
        told = self.kv_bucket_create(**bucket_config(config, params))
        return self.key_value(told["bucket"])

    def update_key_value(
        self, config: Mapping[str, Any] | None = None, **params: Any
    ) -> KeyValue:
        """Changes the configuration of a bucket; see the asynchronous API."""
        told = self.kv_bucket_update(**bucket_config(config, params))
        return self.key_value(told["bucket"])

    def delete_key_value(self, bucket: str) -> bool:
        """Removes a bucket with all it has; see the asynchronous API."""
        self.kv_bucket_delete(bucket=bucket)
        return True

    def object_store(self, bucket: str) -> ObjectStore:
        """The bucket of objects that has this name; see the asynchronous API."""
        return ObjectStore(self, waiter().call(self._native.object_store, bucket))

    def create_object_store(
        self, bucket: str | None = None, config: Mapping[str, Any] | None = None, **params: Any
    ) -> ObjectStore:
        """Makes a bucket of objects; see the asynchronous API."""
        document = store_config(bucket, config, params)
        told = self.object_store_create(**document)
        return self.object_store(told["bucket"])

    def update_object_store(
        self, bucket: str | None = None, config: Mapping[str, Any] | None = None, **params: Any
    ) -> ObjectStore:
        """Changes the configuration of a bucket of objects; see the asynchronous API."""
        document = store_config(bucket, config, params)
        told = self.object_store_update(**document)
        return self.object_store(told["bucket"])

    def delete_object_store(self, bucket: str) -> bool:
        """Removes a bucket of objects with all it has; see the asynchronous API."""
        self.object_store_delete(bucket=bucket)
        return True

    def batch(self, **options: Unpack[BatchOptions]) -> Batch:
        """A batch of messages to a stream; see the asynchronous API."""
        return Batch(self, options)

    def publisher(self, **options: Unpack[PublisherOptions]) -> Publisher:
        """Publishes with many messages under way at once: keep one, rather than making one for each
        message.

        Raises `InvalidOptionError`, `ConnectionClosedError`.
        """
        return Publisher(self, options)

    def ack_all(self, messages: Iterable[BlockingMsg]) -> None:
        """Says that all of these were handled, in one go; see the asynchronous API."""
        listed, waiting = message_list(messages), _native.ack_all
        position = waiting(listed, 0)
        while position is not None:
            listed[position].ack()
            position = waiting(listed, position + 1)

    def _operate(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        document = operation_document(members)
        answer: dict[str, Any] = json.loads(waiter().call(self._native.operate, name, document))
        return answer
