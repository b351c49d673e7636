"""What the clients of both APIs share: state, numbers and the meaning of events."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar
from urllib.parse import ParseResult, urlparse

from . import _native, _questions, errors
from ._process import is_ending
from ._subscription import SubscriptionBase
from ._version import ServerVersion

logger: Final = logging.getLogger("nats_ffi")
"""Takes the errors that no callback takes."""

DEFAULT_SERVER: Final = "nats://localhost:4222"

# Defaults that stand for the connection's option are recognised by identity, so that the same
# number given by a program counts as given.
DEFAULT_REQUEST_TIMEOUT: Final = float("0.5")
DEFAULT_FLUSH_TIMEOUT: Final = float("10")

CALLBACKS: Final = (
    "error_cb",
    "disconnected_cb",
    "closed_cb",
    "discovered_server_cb",
    "reconnected_cb",
    "lame_duck_mode_cb",
    "migrated_cb",
    "event_cb",
    *_questions.CALLBACKS,
)
"""The callbacks of a client."""

S = TypeVar("S", bound="SubscriptionBase[Any]")


class ClientBase(Generic[S]):
    """State, numbers and properties of a client."""

    DISCONNECTED: ClassVar[int] = 0
    CONNECTED: ClassVar[int] = 1
    CLOSED: ClassVar[int] = 2
    RECONNECTING: ClassVar[int] = 3
    CONNECTING: ClassVar[int] = 4
    DRAINING_SUBS: ClassVar[int] = 5
    DRAINING_PUBS: ClassVar[int] = 6

    def __init__(self) -> None:
        self._connection: _native.Connection | None = None
        self._connecting = False
        self._up = False
        self._subs: dict[int, S] = {}
        self._callbacks: dict[str, Callable[..., Any] | None] = {}

    def __repr__(self) -> str:
        return f"<nats_ffi client v{_native.__version__}>"

    @property
    def status(self) -> int:
        """One of the constants of the class, such as `CONNECTED`."""
        if self._connection is None:
            return self.CONNECTING if self._connecting else self.DISCONNECTED
        return _STATES[self._connection.state]

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed for good."""
        return self.status == self.CLOSED

    @property
    def is_reconnecting(self) -> bool:
        """Whether the connection was lost and is being made again."""
        return self.status == self.RECONNECTING

    @property
    def is_connected(self) -> bool:
        """Whether a server is connected, which it also is while draining."""
        return self.status in (self.CONNECTED, self.DRAINING_SUBS, self.DRAINING_PUBS)

    @property
    def is_connecting(self) -> bool:
        """Whether the first connection is being made."""
        return self.status == self.CONNECTING

    @property
    def is_draining(self) -> bool:
        """Whether the connection drains."""
        return self.status in (self.DRAINING_SUBS, self.DRAINING_PUBS)

    @property
    def is_draining_pubs(self) -> bool:
        """Whether the subscriptions are drained and what was published is being sent."""
        return self.status == self.DRAINING_PUBS

    @property
    def connected_url(self) -> ParseResult | None:
        """The URL of the connected server, without credentials."""
        url = self._connection.connected_url if self._connection else None
        return urlparse(url) if url else None

    @property
    def servers(self) -> list[ParseResult]:
        """The servers that may be connected to, without credentials."""
        return [urlparse(url) for url in self._connection.servers] if self._connection else []

    @property
    def discovered_servers(self) -> list[ParseResult]:
        """Those of them that the cluster told of."""
        known = self._connection.discovered_servers if self._connection else []
        return [urlparse(url) for url in known]

    @property
    def server_pool(self) -> list[_questions.Server]:
        """The servers that the connection knows, those first that are tried first."""
        if self._connection is None:
            return []
        return [
            _questions.Server(urlparse(server["url"]), server["failures"], server["discovered"])
            for server in json.loads(self._connection.server_pool)
        ]

    def set_server_pool(self, servers: str | Sequence[str]) -> None:
        """Replaces the servers that the connection knows, those that the cluster told of, too. It
        stays where it is: they count from the next reconnect on, and what the cluster tells from
        now on is added to them.

        Raises `InvalidUrlError`: then nothing has changed.
        """
        self._link().set_servers([servers] if isinstance(servers, str) else list(servers))

    @property
    def server_info(self) -> dict[str, Any]:
        """What the server tells of itself, under its own names; empty before connecting."""
        if self._connection is None:
            return {}
        info: dict[str, Any] = json.loads(self._connection.server_info)
        return info

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes, headers included, in bytes."""
        info = self.server_info
        return int(info["max_payload"]) if info else 1 << 20

    @property
    def client_id(self) -> int | None:
        """The number of the connection on the server."""
        return self.server_info.get("client_id") if self.is_connected else None

    @property
    def client_ip(self) -> str | None:
        """The address of this client as the server sees it."""
        return self.server_info.get("client_ip") if self.is_connected else None

    @property
    def connected_server_version(self) -> ServerVersion:
        """The version of the server."""
        return ServerVersion(self.server_info.get("version") or "0.0.0-unknown")

    @property
    def last_error(self) -> Exception | None:
        """Why the connection was lost, or what the server reported last."""
        return self._connection.last_error if self._connection else None

    @property
    def pending_data_size(self) -> int:
        """Bytes that are accepted and not yet written to the socket."""
        return self._connection.outbound_pending if self._connection else 0

    @property
    def stats(self) -> dict[str, int]:
        """Counters: in_msgs, out_msgs, in_bytes, out_bytes, reconnects, errors_received, and the
        messages dropped on either side, dropped_in and dropped_out."""
        if self._connection is None:
            return dict.fromkeys(_COUNTERS, 0)
        return self._connection.stats()

    def new_inbox(self) -> str:
        """A new unique subject for answers."""
        return self._link().new_inbox()

    def _link(self) -> _native.Connection:
        if self._connection is None:
            raise errors.ConnectionClosedError("not connected; call connect first")
        return self._connection

    def _set_callbacks(self, callbacks: dict[str, Any], *, plain: bool) -> None:
        for name, callback in callbacks.items():
            check_callback(name, callback, plain=plain)
        self._callbacks = callbacks

    def _calls(self, event: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The callbacks for an event, by name, with their arguments."""
        yield "event_cb", (event,)
        match event["event"]:
            case "connected":
                self._up = True
            case "disconnected":
                self._up = False
                if event["code"] != errors.ConnectionClosedError.code:
                    yield "error_cb", (errors.from_code(event["code"], event["error"]),)
                yield "disconnected_cb", ()
            case "reconnected":
                self._up = True
                yield "reconnected_cb", ()
            case "closed":
                self._subs.clear()
                if self._up:
                    self._up = False
                    yield "disconnected_cb", ()
                yield "closed_cb", ()
            case "lame_duck":
                yield "lame_duck_mode_cb", ()
            case "migrated":
                yield "migrated_cb", ()
            case "discovered_servers":
                yield "discovered_server_cb", ()
            case "server_error":
                yield "error_cb", (errors.from_code(event["code"], event["error"]),)
            case "slow_consumer":
                sid, subject = event["sid"], event["subject"]
                sub = self._subs.get(sid)
                yield "error_cb", (errors.SlowConsumerError(subject, "", sid, sub),)
            case "malformed_message":
                text = f"on the subscription to {event['subject']}"
                yield "error_cb", (errors.MalformedMessageError(text),)

    def _callback(self, name: str) -> Callable[..., Any] | None:
        callback = self._callbacks.get(name)
        return log_error if callback is None and name == "error_cb" else callback


def check_callback(name: str, callback: Any, *, plain: bool) -> None:
    """Raises when `callback` is no function, or not a `plain` one although it has to be."""
    if callback is None:
        return
    if not callable(callback):
        raise errors.InvalidCallbackTypeError(f"{name}: found {type(callback).__name__}")
    if plain and inspect.iscoroutinefunction(callback):
        raise errors.InvalidCallbackTypeError(f"{name}: a coroutine function needs nats_ffi.aio")


def log_error(error: BaseException) -> None:
    """What happens to errors without an error callback."""
    if is_ending() and isinstance(error, errors.ConnectionClosedError):
        # A callback that was still running when the end of the process closed its connection.
        return
    logger.error("nats: encountered error", exc_info=error)


_STATES: Final = {
    "connecting": ClientBase.CONNECTING,
    "connected": ClientBase.CONNECTED,
    "reconnecting": ClientBase.RECONNECTING,
    "draining_subs": ClientBase.DRAINING_SUBS,
    "draining_pubs": ClientBase.DRAINING_PUBS,
    "closed": ClientBase.CLOSED,
}

_COUNTERS: Final = (
    "in_msgs",
    "out_msgs",
    "in_bytes",
    "out_bytes",
    "reconnects",
    "errors_received",
    "dropped_in",
    "dropped_out",
)

