"""Batches of messages in the asynchronous API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from .._config import batch_document, stored_document
from .._jetstream import PubAck, named_as_in
from .._native import Headers, StreamBatch
from .._options import BatchOptions, PublishOptions
from .._tracing import injected
from ._hub import current

if TYPE_CHECKING:
    from .jetstream import JetStream

Payload = bytes | bytearray | memoryview
HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)


class Batch:
    """Messages that a stream stores together or not at all, or, with `kind="fast"`, as they come and
    with one acknowledgement for many (ADR-50); made by `JetStream.batch`.

    Messages are added in the order of the calls. The server forgets a batch that is without a
    message for ten seconds; an atomic one that is not committed is not stored.
    """

    def __init__(self, js: JetStream, options: BatchOptions) -> None:
        self._client = js._client
        with named_as_in("batch", options):
            self._native: StreamBatch = js._native.batch(batch_document(options))

    async def add(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[PublishOptions],
    ) -> None:
        """Adds a message. Waits for the server's word at the first one, and where the options say so.

        Options are those of `JetStream.publish`; `retries`, `retry_wait` and `timeout` have no
        meaning here. Raises `BatchOverError`, whose text says how far it was stored;
        `JetStreamError`, `NoRespondersError` when the stream refuses; `TimeoutError`,
        `ConnectionLostError`: then the batch is over, as it is when the call is cancelled while the
        server is asked. `BadSubjectError`, `BadHeaderError`, `MaxPayloadError`,
        `InvalidOptionError`: then the message was not added.
        """
        await self._send(self._native.add, subject, payload, headers, options)

    async def commit(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        **options: Unpack[PublishOptions],
    ) -> PubAck:
        """Adds the last message and ends the batch; returns what the stream says of that message,
        with `batch_count`.

        Raises what `add` raises; nothing of an atomic batch is stored then, and of a fast one what
        was acknowledged. `TimeoutError` and `ConnectionLostError` leave open whether it is stored.
        """
        ack: PubAck = await self._send(self._native.commit, subject, payload, headers, options)
        return ack

    async def close(self) -> PubAck:
        """Ends the batch with the messages that were added (an atomic one: server 2.14).

        Raises `InvalidArgumentError` for a batch without messages, `UnsupportedError`, and what
        `commit` raises.
        """
        ack: PubAck = await current(self._client._hub).call(self._native.close)
        return ack

    async def state(self) -> dict[str, Any]:
        """How far it is: "kind" ("atomic", "fast", or "over" once it was ended by this side) and
        "added"; of a fast one also "acknowledged", and "events": what has happened since the last
        call, each {"event": "gap", "expected", "got"} or {"event": "refused", "sequence", "code",
        "name", "error"}."""
        document = await current(self._client._hub).call(self._native.state)
        state: dict[str, Any] = json.loads(document)
        return state

    async def _send(
        self, send: Any, subject: str, payload: Payload, headers: Any, options: PublishOptions
    ) -> Any:
        headers = injected(headers, self._client._inject)
        with named_as_in("publish", options):
            said = stored_document(options)
            return await current(self._client._hub).call(send, subject, payload, headers, said)
