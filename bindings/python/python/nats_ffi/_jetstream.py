"""What the JetStreams of both APIs share: documents of operations, and what is said of messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import errors
from ._config import in_python_names
from ._native import Metadata, MsgBase, PubAck
from ._options import (
    ASK,
    BATCH,
    BUCKET,
    CONSUME,
    ENDPOINT,
    FETCH,
    JETSTREAM,
    KEY,
    MEMBER,
    OBJECT_GET,
    OBJECT_PUT,
    OBJECT_WATCH,
    ORDERED,
    PUBLISH,
    PUBLISHER,
    PUSHED,
    SERVICE,
    WATCH,
)

__all__ = ["Metadata", "PubAck"]


def operation_document(members: Mapping[str, Any]) -> str:
    """The document of an operation; `None` stands for a member that is not given."""
    given = {name: value for name, value in members.items() if value is not None}
    if not given:
        return ""
    try:
        return json.dumps(given, allow_nan=False)
    except (TypeError, ValueError):
        for name, value in given.items():
            _check_json(name, value)
        raise


def message_list(messages: Iterable[MsgBase]) -> list[Any]:
    """The messages as a list that does not change."""
    try:
        return list(messages)
    except TypeError:
        kind = type(messages).__name__
        raise TypeError(f"messages: expected messages in a list or the like, found {kind}") from None


@contextmanager
def saying(msg: MsgBase, *, final: bool = True) -> Iterator[str]:
    """Nobody else says anything of the message meanwhile, nor afterwards if that is the last thing
    to say; what could not be said may be said again. Gives the subject to say it on."""
    reply = msg._claim(final)
    try:
        yield reply
    except BaseException:
        if final:
            msg._release()
        raise


@contextmanager
def named_as_in(table: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Errors about options are about the names that the program has used."""
    try:
        yield
    except errors.InvalidOptionError as error:
        raise in_python_names(error, options, _TABLES[table]) from None


def _check_json(name: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected what JSON has: {error}") from None


_TABLES = {
    "jetstream": JETSTREAM,
    "publish": PUBLISH,
    "publisher": PUBLISHER,
    "batch": BATCH,
    "fetch": FETCH,
    "consume": CONSUME,
    "member": MEMBER,
    "ordered": ORDERED,
    "pushed": PUSHED,
    "bucket": BUCKET,
    "key": KEY,
    "watch": WATCH,
    "service": SERVICE,
    "endpoint": ENDPOINT,
    "ask": ASK,
    "object_put": OBJECT_PUT,
    "object_get": OBJECT_GET,
    "object_watch": OBJECT_WATCH,
}
