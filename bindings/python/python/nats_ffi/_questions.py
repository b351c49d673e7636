"""What a connection asks the program, and what the program's callbacks make of it.

Each question is a generator: it yields what a callback has returned, and is sent the value of it,
which the asynchronous API may have to await.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import ParseResult, urlparse

from . import errors

Pairs = list[tuple[str, bytes]]
Steps = Generator[Any, Any, Pairs]

CALLBACKS: Final = (
    "reconnect_delay_cb",
    "reconnect_to_server_handler",
    "login_cb",
    "signature_cb",
    "user_jwt_cb",
    "certificate_cb",
    "ws_headers_cb",
)
"""The callbacks that answer questions."""

_LOGIN_VALUES: Final = ("user", "password", "token")
"""Options that may be functions."""


class RawCredentials(str):
    """The content of a credentials file, for `user_credentials`."""


@dataclass(frozen=True)
class Server:
    """A server of the pool."""

    uri: ParseResult
    """Its URL, without credentials."""
    reconnects: int = 0
    """Attempts to connect to it that have failed since one succeeded."""
    discovered: bool = False
    """The cluster told of it."""


class Questions:
    """The answers to the questions of one client."""

    def __init__(self, callbacks: Mapping[str, Any], options: dict[str, Any]) -> None:
        """Takes out of `options` what is not the library's."""
        given = {name: callbacks[name] for name in CALLBACKS if callbacks[name] is not None}
        for name in _LOGIN_VALUES:
            if callable(options.get(name)):
                given[name] = options.pop(name)
        self._files = _credentials(options)
        self._callbacks: dict[str, Callable[..., Any]] = given
        login = {"login_cb", "signature_cb", "user_jwt_cb", *_LOGIN_VALUES}
        if login & given.keys() and "login_cb" not in given:
            # What is not a function goes with what is.
            self._values = {
                name: options.pop(name) for name in _LOGIN_VALUES if options.get(name) is not None
            }
        else:
            self._values = {}
        answers: dict[str, tuple[bool, Callable[[dict[str, Any]], Steps]]] = {
            "reconnect_delay": ("reconnect_delay_cb" in given, self._delay),
            "pick_server": ("reconnect_to_server_handler" in given, self._pick),
            "login": (bool(login & given.keys()) or self._files is not None, self._login),
            "certificate": ("certificate_cb" in given, self._certificate),
            "ws_headers": ("ws_headers_cb" in given, self._ws_headers),
        }
        self._answers = {ask: steps for ask, (asked, steps) in answers.items() if asked}

    @property
    def asks(self) -> list[str]:
        """What is to be asked."""
        return list(self._answers)

    def steps(self, ask: str, about: str) -> Steps:
        """The answer to a question."""
        return self._answers[ask](json.loads(about))

    def _delay(self, about: dict[str, Any]) -> Steps:
        seconds = yield self._callbacks["reconnect_delay_cb"](about["attempts"])
        return [] if seconds is None else [_delay("reconnect_delay_cb", seconds)]

    def _pick(self, about: dict[str, Any]) -> Steps:
        servers = [
            Server(urlparse(server["url"]), server["failures"], server["discovered"])
            for server in about["servers"]
        ]
        picked = yield self._callbacks["reconnect_to_server_handler"](servers, about["info"])
        server, seconds = picked if isinstance(picked, tuple) else (picked, 0)
        if server is None:
            return []
        uri = server.uri if isinstance(server, Server) else server
        url = uri.geturl() if isinstance(uri, ParseResult) else str(uri)
        return [("url", url.encode()), _delay("reconnect_to_server_handler", seconds or 0)]

    def _login(self, about: dict[str, Any]) -> Steps:
        callbacks, nonce = self._callbacks, about["nonce"]
        if "login_cb" in callbacks:
            login = yield callbacks["login_cb"](about)
            return _pairs("login_cb", login)
        answer: dict[str, Any] = dict(self._values)
        if self._files is not None:
            jwt, seed = self._files
            answer |= {"jwt": jwt.read_bytes().strip(), "seed": seed.read_bytes().strip()}
        for name in _LOGIN_VALUES:
            if name in callbacks:
                answer[name] = yield callbacks[name]()
        if "user_jwt_cb" in callbacks:
            answer["jwt"] = yield callbacks["user_jwt_cb"]()
        if "signature_cb" in callbacks and nonce is not None:
            answer["signature"] = yield callbacks["signature_cb"](nonce)
        return _pairs("signature_cb, user_jwt_cb, user, password or token", answer)

    def _certificate(self, about: dict[str, Any]) -> Steps:
        certificate, key = yield self._callbacks["certificate_cb"]()
        return _pairs("certificate_cb", {"cert": certificate, "key": key})

    def _ws_headers(self, about: dict[str, Any]) -> Steps:
        headers = yield self._callbacks["ws_headers_cb"](about["url"])
        return _pairs("ws_headers_cb", headers or {})


def _credentials(options: dict[str, Any]) -> tuple[Path, Path] | None:
    """nats-py's `user_credentials`: a path, the content, or the files of JWT and seed, of which the
    last two are no options of the library."""
    given = options.get("user_credentials")
    if isinstance(given, RawCredentials):
        options["creds"] = str(options.pop("user_credentials"))
    elif isinstance(given, tuple) and len(given) == 2:
        jwt, seed = options.pop("user_credentials")
        return Path(jwt), Path(seed)
    elif isinstance(given, Path):
        options["user_credentials"] = str(given)
    return None


def _delay(name: str, seconds: float) -> tuple[str, bytes]:
    if not isinstance(seconds, (int, float)) or not math.isfinite(seconds) or seconds < 0:
        raise errors.InvalidArgumentError(f"{name}: expected seconds, found {seconds!r}")
    return "delay_ms", str(math.ceil(seconds * 1000)).encode()


def _pairs(name: str, answer: object) -> Pairs:
    # No value is shown: it may be a secret.
    if not isinstance(answer, Mapping):
        kind = type(answer).__name__
        raise errors.InvalidArgumentError(f"{name}: expected a mapping, found {kind}")
    return [(str(key), _bytes(name, value)) for key, value in answer.items() if value is not None]


def _bytes(name: str, value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise errors.InvalidArgumentError(
        f"{name}: expected str or bytes, found {type(value).__name__}"
    )

