"""The native module: what the library does, without an event loop."""

from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, final

from typing_extensions import disjoint_base

from . import errors

__all__ = [
    "BlockingMsg",
    "Bucket",
    "Cache",
    "Connection",
    "Done",
    "Endpoint",
    "Entry",
    "Headers",
    "JetStream",
    "KeyPair",
    "Metadata",
    "Msg",
    "MsgBase",
    "ObjectReader",
    "ObjectWriter",
    "Objects",
    "Operation",
    "Progress",
    "PubAck",
    "Publisher",
    "Question",
    "Queue",
    "Service",
    "StreamBatch",
    "Subscription",
    "__version__",
    "ack_all",
    "connect",
    "decode_jwt",
    "encode_account",
    "encode_user",
    "entered_child",
    "format_creds",
    "parse_creds",
    "set_log",
    "shutdown",
]

__version__: str
"""The version of the package."""

_Data = bytes | bytearray | memoryview
_HeadersLike = (
    Headers | Mapping[str, str] | Mapping[str, Sequence[str]] | Sequence[tuple[str, str]]
)

@final
class Headers:
    """An ordered list of headers, in which a name may stand several times. Names are compared with
    their case. Methods that take a value raise `BadHeaderError`."""

    def __new__(cls, headers: _HeadersLike | None = None) -> Headers: ...
    def append(self, name: str, value: str) -> None:
        """Adds a header at the end."""

    def set(self, name: str, value: str) -> None:
        """Replaces all values of `name` by one."""

    def remove(self, name: str) -> int:
        """Removes all values of `name`; returns how many there were."""

    def get(
        self, name: str, default: str | None = None, ignore_case: bool = False
    ) -> str | None:
        """The first value of `name`."""

    def get_all(self, name: str) -> list[str]:
        """All values of `name`."""

    def keys(self) -> list[str]:
        """All names, repeated ones repeatedly."""

    def values(self) -> list[str]:
        """All values."""

    def items(self) -> list[tuple[str, str]]:
        """All names with their values."""

    def clear(self) -> None:
        """Removes everything."""

    def __getitem__(self, name: str, /) -> str: ...
    def __setitem__(self, name: str, value: str, /) -> None: ...
    def __delitem__(self, name: str, /) -> None: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class KeyPair:
    """An Ed25519 key pair in the spelling of NATS, or a public key alone. Its seed is wiped from
    memory with the last reference, or by `wipe`; copies that Python has got are not."""

    @staticmethod
    def generate(kind: str, /) -> KeyPair:
        """A new pair."""

    @staticmethod
    def from_seed(seed: _Data | str, /) -> KeyPair:
        """The pair of a seed."""

    @staticmethod
    def from_public_key(public_key: _Data | str, /) -> KeyPair:
        """A public key, which only verifies."""

    @property
    def kind(self) -> str:
        """The kind: "operator", "account", "user", "server" or "cluster"."""

    @property
    def public_key(self) -> bytes:
        """The public key. Raises `InvalidHandleError` when the key was wiped, as all that follow."""

    @property
    def seed(self) -> bytes:
        """The seed: whoever has it, has the key. Raises `InvalidKeyError` for a public key alone."""

    def sign(self, input: _Data) -> bytes:
        """The signature, 64 bytes. Raises `InvalidKeyError` for a public key alone."""

    def verify(self, input: _Data, sig: _Data) -> bool:
        """True when the signature is that of `input` by this key; otherwise raises
        `InvalidKeyError`."""

    def wipe(self) -> None:
        """Forgets the key, which is of no use from now on."""

@final
class Done(Coroutine[Any, Any, None]):
    """A coroutine that has ended: what a call returns that had nothing to wait for."""

    def __await__(self) -> Generator[Any, Any, None]: ...
    def send(self, value: Any, /) -> Any: ...
    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any: ...
    def close(self) -> None: ...

@disjoint_base
class MsgBase:
    """A message. Received ones make each attribute when it is first asked for."""

    _client: Any
    subject: str
    """The subject. What is not UTF-8 in it is replaced; see `subject_bytes`."""
    reply: str
    """Where an answer goes; empty when none is expected."""
    data: bytes
    """The payload."""
    headers: dict[str, str] | None
    """The headers, the last value of each name; a status line is in it as "Status" and
    "Description". `None` without any. Raises `MalformedMessageError`."""

    @property
    def header(self) -> dict[str, str] | None:
        """The same as `headers`."""

    @property
    def all_headers(self) -> Headers:
        """A copy of all headers with their order. Raises `MalformedMessageError`."""

    @property
    def subject_bytes(self) -> bytes:
        """The subject as it was received."""

    @property
    def status(self) -> int | None:
        """The number in the status line of the headers."""

    @property
    def description(self) -> str | None:
        """The text in the status line of the headers."""

    @property
    def decode_error(self) -> errors.Error | None:
        """What is wrong with a subject or headers that cannot be decoded."""

    @property
    def sid(self) -> int:
        """The number of the subscription. Raises `NotFoundError` for messages made by the
        program."""

    @property
    def metadata(self) -> Metadata:
        """Where it stands in its stream and its consumer. Raises `NotJSMessageError`."""

    @property
    def is_acked(self) -> bool:
        """Whether it was said what became of it."""

    @property
    def _answerable(self) -> bool: ...
    def _claim(self, is_final: bool, /) -> str: ...
    def _release(self) -> None: ...
    def _respond_when_room(
        self, queue: Queue, token: int, data: _Data, headers: _HeadersLike | None, /
    ) -> Operation: ...

class Msg(MsgBase):
    """A message of the asynchronous API."""

    def __new__(
        cls,
        _client: Any = None,
        subject: str = "",
        reply: str = "",
        data: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        _sid: int | None = None,
    ) -> Msg: ...
    def respond(
        self, data: _Data = b"", headers: _HeadersLike | None = None
    ) -> Coroutine[Any, Any, None]:
        """Publishes an answer. Raises `NoReplyError` when none is expected, and what
        `Client.publish` raises."""

    def ack(self) -> Coroutine[Any, Any, None]:
        """Says that it was handled, without waiting for the server to have heard it.

        Raises `MsgAlreadyAckdError` when it was said before what became of it, whatever that was;
        `NotJSMessageError`; and what `Client.publish` raises: then it can be said again.
        """

    def ack_sync(self, timeout: float = 1.0) -> Coroutine[Any, Any, None]:
        """Says that it was handled, and waits for at most `timeout` seconds until the server has
        noted it. Raises what `ack` raises, and `TimeoutError`, `BadTimeoutError`."""

    def nak(self, delay: float | None = None) -> Coroutine[Any, Any, None]:
        """Says that it was not handled: it is delivered again, at once or after `delay` seconds.
        Raises what `ack` raises, and `InvalidArgumentError`."""

    def in_progress(self) -> Coroutine[Any, Any, None]:
        """Says that it is being handled: the time to acknowledge it begins anew. May be said again
        and again. Raises what `ack` raises."""

    def term(self, reason: str | None = None) -> Coroutine[Any, Any, None]:
        """Says that it will never be handled: it is not delivered again. The reason goes into an
        advisory (server 2.11). Raises what `ack` raises."""

class BlockingMsg(MsgBase):
    """A message of the blocking API."""

    def __new__(
        cls,
        _client: Any = None,
        subject: str = "",
        reply: str = "",
        data: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        _sid: int | None = None,
    ) -> BlockingMsg: ...
    def respond(self, data: _Data = b"", headers: _HeadersLike | None = None) -> None:
        """Publishes an answer. Raises `NoReplyError` when none is expected, and what
        `Client.publish` raises."""

    def ack(self) -> None:
        """Says that it was handled, without waiting for the server to have heard it.

        Raises `MsgAlreadyAckdError` when it was said before what became of it, whatever that was;
        `NotJSMessageError`; and what `Client.publish` raises: then it can be said again.
        """

    def ack_sync(self, timeout: float = 1.0) -> None:
        """Says that it was handled, and waits for at most `timeout` seconds until the server has
        noted it. Raises what `ack` raises, and `TimeoutError`, `BadTimeoutError`."""

    def nak(self, delay: float | None = None) -> None:
        """Says that it was not handled: it is delivered again, at once or after `delay` seconds.
        Raises what `ack` raises, and `InvalidArgumentError`."""

    def in_progress(self) -> None:
        """Says that it is being handled: the time to acknowledge it begins anew. May be said again
        and again. Raises what `ack` raises."""

    def term(self, reason: str | None = None) -> None:
        """Says that it will never be handled: it is not delivered again. The reason goes into an
        advisory (server 2.11). Raises what `ack` raises."""

@final
class Queue:
    """Where results arrive: (kind, token, value). Kinds are 0 completed, 1 failed, 2 ready, 3
    for an event as JSON, 4 for a `Question`, and 5 for a record of the log."""

    def __new__(cls) -> Queue: ...
    def fileno(self) -> int:
        """A descriptor that is readable while there are results."""

    def expect(self, future: Any, /) -> int:
        """A token for an operation whose result `future` is to have."""

    def forget(self, token: int, /) -> None:
        """No result will come for a token."""

    def drain(self, limit: int = 1024, /) -> list[tuple[int, Any, Any]]:
        """The results that are there. A future that waits for one stands for its token."""

    def wait(self, timeout: float | None = None, /) -> bool:
        """Waits for results; false when there were none in time."""

@final
class Operation:
    """An operation under way."""

    def abort(self) -> None:
        """Gives it up."""

    def handled(self) -> None:
        """Tells a drain that what was taken from the subscriptions has been handled."""

@final
class Question:
    """What a connection asks the program."""

    @property
    def ask(self) -> str:
        """What is asked: "reconnect_delay", "pick_server", "login", "certificate" or
        "ws_headers"."""

    @property
    def about(self) -> str:
        """What there is to know for it, as JSON."""

    def answer(self, pairs: Sequence[tuple[str, bytes]], /) -> None:
        """Answers, once, with names and values."""

    def refuse(self, why: str, /) -> None:
        """Fails what the question is for, once."""

@final
class Subscription:
    """A subscription; dropping it unsubscribes."""

    def watch(self, queue: Queue, token: int, /) -> None:
        """Puts marks into the queue from now on."""

    def pop(self, client: Any, /) -> Any:
        """The next message of those that have been taken; `None` when none is left."""

    def fill(self) -> bool:
        """Whether messages are there; takes what has come when none is left. When it says no, there
        will be a mark for more, unless it has ended."""

    def gather(self, client: Any, max: int, /) -> list[Any]:
        """Up to `max` messages that are there now."""

    def deliver(self, client: Any, callback: Callable[[Any], Any], /) -> Any:
        """Hands messages to a callback, a batch at most. Returns `None` when none is left; `True`
        when there are more; otherwise what one call has left to do: a coroutine and what its first
        step yielded, a result alone that may be awaitable, or an exception. Not for daemon threads,
        which may end in the callback."""

    def ready(self, queue: Queue, token: int, /) -> Operation:
        """Completes when there are messages, or the end has come."""

    def unsubscribe(self) -> None:
        """Ends it."""

    def unsubscribe_after(self, max: int, /) -> None:
        """Ends it after so many messages, counted from the beginning."""

    def drain(self, queue: Queue, token: int, /) -> Operation:
        """Ends it; completes when everything has been taken."""

    def stats(self) -> tuple[int, int, int, int]:
        """Messages and bytes that wait, messages that have arrived, dropped messages."""

    @property
    def holds(self) -> bool:
        """Whether some have been taken and not been handed over."""

    @property
    def ended(self) -> bool:
        """Whether all have been handed over, and no more will come."""

    @property
    def end_reason(self) -> Exception | None:
        """Why no more messages will come."""

    @property
    def sid(self) -> int:
        """Its number."""

    @property
    def subject(self) -> str:
        """Its subject."""

    @property
    def queue(self) -> str:
        """Its queue group."""

@final
class Connection:
    """A connection; dropping it closes it."""

    def publish(
        self, subject: str, data: _Data, reply: str | None, headers: _HeadersLike | None, /
    ) -> Done | None:
        """Publishes, if that can be done at once; otherwise `None`."""

    def publish_when_room(
        self,
        queue: Queue,
        token: int,
        subject: str,
        data: _Data,
        reply: str | None,
        headers: _HeadersLike | None,
        /,
    ) -> Operation:
        """Publishes once there is room."""

    def subscribe(self, subject: str, options: str, /) -> Subscription:
        """Subscribes."""

    def request(
        self,
        queue: Queue,
        target: Any,
        client: Any,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        seconds: float | None,
        own_inbox: bool,
        /,
    ) -> Operation:
        """Requests; yields a message, under a token or as `client`'s to a future."""

    def request_many(
        self,
        queue: Queue,
        token: int,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        options: str,
        /,
    ) -> Operation:
        """Requests; yields a subscription."""

    def jetstream(self, options: str, /) -> JetStream:
        """The JetStream of its account."""

    def add_service(self, config: str, /) -> Service:
        """Adds a service."""

    def ask_services(
        self, queue: Queue, token: int, what: str, options: str, /
    ) -> Operation:
        """Asks services; yields a `Subscription` of their answers."""

    def rtt(self, queue: Queue, token: int, seconds: float | None, /) -> Operation:
        """Flushes; yields the seconds that it took."""

    def drain(self, queue: Queue, token: int, emptied: int, /) -> Operation:
        """Drains; completes `emptied` when everything has been taken, then waits for `handled`."""

    def close(self, queue: Queue, token: int, /) -> Operation:
        """Closes."""

    def force_reconnect(self) -> None:
        """Connects anew."""

    def new_inbox(self) -> str:
        """A new inbox."""

    def stats(self) -> dict[str, int]:
        """Counters."""

    @property
    def state(self) -> str:
        """The name of the state."""

    @property
    def server_info(self) -> str:
        """The server's INFO as JSON."""

    @property
    def connected_url(self) -> str | None:
        """The URL of the connected server."""

    @property
    def servers(self) -> list[str]:
        """All servers."""

    @property
    def discovered_servers(self) -> list[str]:
        """Those that the cluster told of."""

    @property
    def server_pool(self) -> str:
        """The servers that it knows, as JSON."""

    def set_servers(self, urls: Sequence[str], /) -> None:
        """Replaces them."""

    @property
    def outbound_pending(self) -> int:
        """Bytes to be written."""

    @property
    def drain_timeout(self) -> float:
        """The option, in seconds."""

    @property
    def last_error(self) -> Exception | None:
        """The last error."""

@final
class JetStream:
    """The JetStream of an account."""

    def operate(self, queue: Queue, token: int, name: str, input: str, /) -> Operation:
        """Runs the operation of this name; yields a document."""

    def publish(
        self,
        queue: Queue,
        target: Any,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        options: str,
        /,
    ) -> Operation:
        """Publishes; yields a `PubAck`, under a token or to a future."""

    def fetch(
        self,
        queue: Queue,
        target: Any,
        client: Any,
        stream: str,
        consumer: str,
        options: str,
        /,
    ) -> Operation:
        """Asks once for messages; yields a list of them, under a token or to a future."""

    def consume(self, stream: str, consumer: str, options: str, /) -> Subscription:
        """Takes messages of a consumer without end."""

    def consume_ordered(
        self, queue: Queue, token: int, stream: str, options: str, /
    ) -> Operation:
        """Takes the messages of a stream in order; yields a `Subscription`."""

    def consume_pushed(
        self, queue: Queue, token: int, stream: str, consumer: str, options: str, /
    ) -> Operation:
        """Takes what a consumer pushes; yields a `Subscription`."""

    def consume_group(
        self, queue: Queue, token: int, stream: str, group: str, member: str, options: str, /
    ) -> Operation:
        """Takes the messages of a group's member; yields a `Subscription`."""

    def key_value(
        self, queue: Queue, token: int, bucket: str, options: str, /
    ) -> Operation:
        """A bucket that is there; yields a `Bucket`."""

    def object_store(self, queue: Queue, token: int, bucket: str, /) -> Operation:
        """A bucket of objects that is there; yields `Objects`."""

    def batch(self, options: str, /) -> StreamBatch:
        """A batch of messages."""

    def publisher(self, connection: Connection, options: str, /) -> Publisher:
        """A publisher, by way of the connection."""

    @property
    def api_prefix(self) -> str:
        """The prefix of the API's subjects, with a dot at its end."""

@final
class Bucket:
    """A bucket of keys with values."""

    def put(
        self, queue: Queue, target: Any, key: str, data: _Data, options: str, /
    ) -> Operation:
        """Gives a key a value; yields its revision, under a token or to a future."""

    def create(
        self, queue: Queue, target: Any, key: str, data: _Data, options: str, /
    ) -> Operation:
        """Gives a key that has none a value; yields its revision, under a token or to a future."""

    def delete(self, queue: Queue, target: Any, key: str, options: str, /) -> Operation:
        """Deletes a key; yields its revision, under a token or to a future."""

    def purge(self, queue: Queue, target: Any, key: str, options: str, /) -> Operation:
        """Deletes a key with all it had; yields its revision, under a token or to a future."""

    def get(self, queue: Queue, target: Any, key: str, /) -> Operation:
        """The value of a key; yields an `Entry`, under a token or to a future."""

    def get_revision(
        self, queue: Queue, token: int, key: str, revision: int, /
    ) -> Operation:
        """What a key had at a revision; 0: what was done to it last. Yields an `Entry`."""

    def get_many(self, queue: Queue, token: int, keys: Sequence[str], /) -> Operation:
        """The values of many keys; yields a list with an `Entry` or `None` for each."""

    def history(self, queue: Queue, token: int, key: str, /) -> Operation:
        """All that the bucket has of a key; yields a list of `Entry`."""

    def keys(self, queue: Queue, token: int, options: str, /) -> Operation:
        """The keys that have values; yields a document."""

    def watch(self, queue: Queue, token: int, options: str, /) -> Operation:
        """Watches keys; yields a `Subscription` whose messages are entries."""

    def cache(self, queue: Queue, token: int, options: str, /) -> Operation:
        """Takes values into memory; yields a `Cache`."""

    def purge_deletes(self, queue: Queue, token: int, older_than_ms: int, /) -> Operation:
        """Removes what deleted keys have had, and markers that are older than so many
        milliseconds; yields how many messages that were."""

    @property
    def name(self) -> str:
        """Its name."""

@final
class Entry:
    """What a bucket has under a key, or had."""

    @property
    def bucket(self) -> str:
        """The bucket."""

    @property
    def key(self) -> str:
        """The key."""

    @property
    def value(self) -> bytes:
        """The value; of a deleted key it is empty."""

    @property
    def size(self) -> int:
        """How many bytes the value has in the bucket, also where a watch tells no values."""

    @property
    def revision(self) -> int:
        """It grows with whatever is done to any key of the bucket."""

    @property
    def delta(self) -> int:
        """How many entries of what was asked for are still to come."""

    @property
    def created(self) -> datetime:
        """When it was stored, in UTC, to the microsecond."""

    @property
    def created_ns(self) -> int:
        """The same in nanoseconds since 1970."""

    @property
    def operation(self) -> str | None:
        """"DEL": the key was deleted; "PURGE": with all it had before, or its time is over; `None`
        for a value."""

    @property
    def is_mark(self) -> bool:
        """Whether it is the mark behind what there was, which programs see as `None`."""

    def decoded(self, key: str, value: bytes, /) -> Entry:
        """The same with another key and another value."""

@final
class Cache:
    """The values of a bucket in memory."""

    def get(self, key: str, /) -> Entry | None:
        """The value of a key; `None` without one."""

    def keys(self) -> list[str]:
        """The keys that have values."""

    def wait(self, queue: Queue, token: int, revision: int, /) -> Operation:
        """Completes once a revision was seen."""

@final
class Objects:
    """A bucket of objects."""

    def put(
        self, queue: Queue, token: int, name: str, meta: str, data: _Data, options: str, /
    ) -> Operation:
        """Puts an object; yields what is known of it, as a document."""

    def put_file(
        self,
        queue: Queue,
        token: int,
        name: str,
        meta: str,
        path: str,
        options: str,
        progress: Progress | None,
        /,
    ) -> Operation:
        """Puts a file; yields what is known of the object, as a document."""

    def writer(
        self, queue: Queue, token: int, name: str, meta: str, options: str, /
    ) -> Operation:
        """Begins to put an object; yields an `ObjectWriter`."""

    def get(self, queue: Queue, token: int, name: str, options: str, /) -> Operation:
        """Gets an object; yields what is known of it, as a document, and its bytes."""

    def get_file(
        self,
        queue: Queue,
        token: int,
        name: str,
        path: str,
        options: str,
        progress: Progress | None,
        /,
    ) -> Operation:
        """Gets an object into a file; yields what is known of it, as a document."""

    def reader(self, queue: Queue, token: int, name: str, options: str, /) -> Operation:
        """Begins to read an object; yields an `ObjectReader`."""

    def watch(self, queue: Queue, token: int, options: str, /) -> Operation:
        """Watches objects; yields a `Subscription` whose messages are documents, empty for the mark
        behind what there was."""

    @property
    def name(self) -> str:
        """Its name."""

@final
class Progress:
    """How far an operation is; its queue tells under the token that there is something new."""

    def __new__(cls, token: int, /) -> Progress: ...
    def told(self) -> tuple[int, int]:
        """The bytes so far, and all."""

@final
class ObjectWriter:
    """An object that is being put; dropping it takes back what was written."""

    def write(self, queue: Queue, token: int, data: _Data, /) -> Operation:
        """Writes the next bytes."""

    def finish(self, queue: Queue, token: int, /) -> Operation:
        """Makes the object visible; yields what is known of it, as a document."""

    def abort(self, queue: Queue, token: int, /) -> Operation:
        """Takes it back."""

@final
class ObjectReader:
    """An object that is being read."""

    def next(self, queue: Queue, token: int, /) -> Operation:
        """Yields the next chunk; `None`: that was all."""

    def read(self, queue: Queue, token: int, most: int, /) -> Operation:
        """Yields the next bytes, at most so many; `None`: that was all."""

    @property
    def info(self) -> str:
        """What is known of the object, as a document."""

@final
class Service:
    """A service; dropping it, and all of its endpoints, ends it."""

    def endpoint(self, config: str, /) -> Endpoint:
        """Adds an endpoint."""

    def stats_requests(self) -> Subscription:
        """Where those ask for statistics whom the program answers."""

    def info(self) -> str:
        """What it is, as a document."""

    def stats(self) -> str:
        """What it has done, as a document."""

    def reset(self) -> None:
        """Its statistics begin anew."""

    def stop(self, queue: Queue, token: int, timeout: float | None = None, /) -> Operation:
        """Stops, within so many seconds."""

    def stopped(self, queue: Queue, token: int, /) -> Operation:
        """Completes when it has stopped, or fails with why it has ended."""

    @property
    def is_stopped(self) -> bool:
        """Whether it has stopped."""

    @property
    def id(self) -> str:
        """Its id."""

@final
class Endpoint:
    """An endpoint of a service; dropping it, and its subscription, ends it."""

    def subscription(self) -> Subscription:
        """Its requests."""

    def handled(self, nanos: int, error: str | None, /) -> None:
        """Counts a request that was taken, once."""

@final
class StreamBatch:
    """Messages that a stream stores as one, or as they come."""

    def add(
        self,
        queue: Queue,
        token: int,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        options: str,
        /,
    ) -> Operation:
        """Adds a message."""

    def commit(
        self,
        queue: Queue,
        token: int,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        options: str,
        /,
    ) -> Operation:
        """Adds the last message; yields a `PubAck`."""

    def close(self, queue: Queue, token: int, /) -> Operation:
        """Ends with what was added; yields a `PubAck`."""

    def state(self, queue: Queue, token: int, /) -> Operation:
        """How far it is; yields a document."""

@final
class Publisher:
    """Publishes to streams without waiting for each acknowledgement."""

    def publish(
        self,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        options: str,
        own: int | None,
        /,
    ) -> bool:
        """Publishes; false when that has to wait for room."""

    def publish_when_room(
        self,
        queue: Queue,
        token: int,
        subject: str,
        data: _Data,
        headers: _HeadersLike | None,
        options: str,
        own: int | None,
        /,
    ) -> Operation:
        """Publishes once there is room."""

    def outcomes(self, max: int, /) -> list[tuple[int, PubAck | errors.Error]]:
        """What became of messages, by their numbers."""

    def ready(self, queue: Queue, token: int, /) -> Operation:
        """Completes when there are outcomes."""

    def complete(self, queue: Queue, token: int, seconds: float, /) -> Operation:
        """Completes when it is known of every message what became of it."""

    @property
    def in_flight(self) -> int:
        """How many messages wait for their acknowledgement."""

@final
class PubAck:
    """The word of a stream that it has stored a message."""

    @property
    def stream(self) -> str:
        """The stream."""

    @property
    def seq(self) -> int:
        """The message's sequence."""

    @property
    def duplicate(self) -> bool:
        """The message was there before, by its id: this is its sequence."""

    @property
    def domain(self) -> str | None:
        """The stream's domain, where the server tells one."""

    @property
    def value(self) -> str | None:
        """The counter's new value (ADR-49, server 2.12)."""

    @property
    def batch_id(self) -> str | None:
        """The batch that was stored (ADR-50, server 2.12)."""

    @property
    def batch_count(self) -> int:
        """How many messages it had; 0 when there was none."""

@final
class Metadata:
    """Where a message stands in its stream and its consumer."""

    @property
    def stream(self) -> str:
        """The stream."""

    @property
    def consumer(self) -> str:
        """The consumer."""

    @property
    def domain(self) -> str | None:
        """The domain, where the server tells one."""

    @property
    def delivered(self) -> int:
        """How often the message was delivered, this time included."""

    @property
    def stream_sequence(self) -> int:
        """Its sequence in the stream."""

    @property
    def consumer_sequence(self) -> int:
        """Its sequence among what the consumer has delivered."""

    @property
    def timestamp_ns(self) -> int:
        """When it was stored, in nanoseconds since 1970."""

    @property
    def pending(self) -> int:
        """Messages of the consumer that are still to come."""

def ack_all(messages: list[Any], first: int, /) -> int | None:
    """Acknowledges messages from the position `first` on, as long as that can be done at once.
    Returns the position of the one that has to wait for room; `None` when there is none."""

def encode_user(claims: str, user: str, signer: KeyPair, /) -> str:
    """The JWT of a user; `claims` is a JSON object."""

def encode_account(claims: str, account: str, signer: KeyPair, /) -> str:
    """The JWT of an account; `claims` is a JSON object."""

def decode_jwt(token: str, /) -> str:
    """What a JWT says, as JSON."""

def format_creds(jwt: str, key: KeyPair, /) -> str:
    """The content of a credentials file."""

def parse_creds(content: _Data | str, /) -> tuple[str, KeyPair]:
    """JWT and key of the content of a credentials file."""

def connect(
    queue: Queue,
    token: int,
    watcher: Queue,
    events: int,
    options: str,
    blocking: bool,
    asks: Sequence[str],
    /,
) -> Operation:
    """Connects; yields a connection, whose events arrive at `watcher`, and its questions when it
    its questions, of those that `asks` names."""

def set_log(queue: Queue | None, token: int, level: int, /) -> None:
    """Has records of the library's log up to `level` (1 error to 5 trace) arrive at `queue` under
    `token`, as (5, token, (level, text)); without a queue nowhere."""

def entered_child() -> None:
    """To be called in the child after fork."""

def shutdown(seconds: float) -> None:
    """To be called when the interpreter begins to shut down."""
