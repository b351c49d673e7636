"""Publishers in the blocking API: many messages under way at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from .. import _native, errors
from .._config import checked_timeout, publisher_document, stored_document
from .._jetstream import PubAck, named_as_in
from .._native import Headers
from .._options import PublisherOptions, PublishOptions
from .._subscription import checked_wait
from .._tracing import injected
from ._wait import waiter

if TYPE_CHECKING:
    from .jetstream import JetStream

Payload = bytes | bytearray | memoryview
HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)


class Publisher:
    """Publishes to streams without waiting for each acknowledgement; made by `JetStream.publisher`.
    For every thread.

    What becomes of a message with a `token` is among what `take` returns; of the others only the
    failures are told, by `complete`. Left as a context manager, it completes.
    """

    def __init__(self, js: JetStream, options: PublisherOptions) -> None:
        self._client = js._client
        with named_as_in("publisher", options):
            self._native: _native.Publisher = js._native.publisher(
                js._client._link(), publisher_document(options)
            )

    def publish(
        self,
        subject: str,
        payload: Payload = b"",
        headers: HeadersLike | None = None,
        *,
        token: int | None = None,
        **options: Unpack[PublishOptions],
    ) -> None:
        """Publishes a message. Waits for room only: in the window for at most the option `stall`, and
        in the outbound buffer.

        `token` is a number of the program's own, from 0 to 2**64 - 1. Options are those of
        `JetStream.publish`; `timeout` has no meaning here, see the option `ack_timeout` of the
        publisher. A message that no stream has answered is published again, behind those that were
        published meanwhile.

        Raises `PublisherStalledError` when the window stays full, `InvalidOptionError`, and what
        `Client.publish` raises: then nothing was published.
        """
        headers = injected(headers, self._client._inject)
        with named_as_in("publish", options):
            said = stored_document(options)
            if not self._native.publish(subject, payload, headers, said, token):
                wait = self._native.publish_when_room
                waiter().call(wait, subject, payload, headers, said, token)

    def take(
        self, max_outcomes: int = 256, timeout: float | None = 1.0
    ) -> list[tuple[int, PubAck | errors.Error]]:
        """What became of messages with a token, in the order in which it was known: at most so many,
        each as its token and what the stream has said, or why it is not stored. Waits for the first
        one at most `timeout` seconds; `None` waits on.

        They count in the window until they are taken. Raises `TimeoutError`;
        `ConnectionClosedError` when no more will be known.
        """
        if isinstance(max_outcomes, bool) or not isinstance(max_outcomes, int):
            kind = type(max_outcomes).__name__
            raise TypeError(f"max_outcomes: expected an int, found {kind}")
        if max_outcomes < 1:
            text = f"max_outcomes: expected at least 1, found {max_outcomes}"
            raise errors.InvalidArgumentError(text)
        seconds = checked_wait(timeout)
        deadline = None if seconds is None else time.monotonic() + seconds
        while not (taken := self._native.outcomes(max_outcomes)):
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            waiter().call(self._native.ready, seconds=left)
        return taken

    def complete(self, timeout: float = 30.0) -> None:
        """Waits until it is known of every message what became of it.

        Raises the error of the first message without a token that was not stored since the last
        call, which says how many there were; `TimeoutError`, `ConnectionClosedError`.
        """
        waiter().call(self._native.complete, checked_timeout(timeout))

    @property
    def in_flight(self) -> int:
        """How many messages wait for their acknowledgement."""
        return self._native.in_flight

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Any:
        if kind is None:
            self.complete()
