"""Turns keyword arguments into the document of options that the library checks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from . import errors
from ._client import DEFAULT_SERVER
from ._options import (
    ASK,
    BATCH,
    BUCKET,
    CONNECT,
    CONNECT_DEFAULTS,
    CONSUME,
    ENDPOINT,
    FETCH,
    JETSTREAM,
    KEY,
    MANY,
    MEMBER,
    OBJECT_GET,
    OBJECT_PUT,
    OBJECT_WATCH,
    ORDERED,
    PUBLISH,
    PUBLISHER,
    PUSHED,
    SERVICE,
    SUBSCRIBE,
    WATCH,
)

Table = Mapping[str, tuple[str, str]]

_EXPECTED: Final = {
    "text": "a string",
    "texts": "a string or a list of strings",
    "pairs": "a dictionary of strings",
    "bool": "true or false",
    "negated": "true or false",
    "seconds": "a number of seconds",
    "moment": "seconds since 1970 or a datetime",
}

def connect_document(servers: object, options: Mapping[str, Any]) -> str:
    """The document of `connect`."""
    given = dict(options)
    if given.pop("tls", None) is not None:
        raise errors.InvalidOptionError(
            "option 'tls': the library cannot use an SSLContext; give the file with the "
            "certificate authorities as tls_ca_file, and your certificate as tls_cert_file"
        )
    elsewhere = given.get("context") is not None or given.get("environment")
    if not (elsewhere and servers is DEFAULT_SERVER):
        given = {"servers": servers, **given}
    return _document(CONNECT, given, CONNECT_DEFAULTS)


def subscribe_document(options: Mapping[str, Any]) -> str:
    """The document of `subscribe`."""
    return _document(SUBSCRIBE, options, {})


def many_document(options: Mapping[str, Any]) -> str:
    """The document of `request_many`."""
    return _document(MANY, options, {})


def jetstream_document(options: Mapping[str, Any]) -> str:
    """The document of `jetstream`."""
    return _document(JETSTREAM, options, {}) if options else ""


def stored_document(options: Mapping[str, Any]) -> str:
    """The document of a publish to a stream."""
    return _document(PUBLISH, options, {}) if options else ""


def fetch_document(options: Mapping[str, Any]) -> str:
    """The document of `fetch`."""
    return _document(FETCH, options, {})


def consume_document(options: Mapping[str, Any]) -> str:
    """The document of `consume`."""
    return _document(CONSUME, options, {}) if options else ""


def member_document(options: Mapping[str, Any]) -> str:
    """The document of `consume_group`."""
    return _document(MEMBER, options, {}) if options else ""


def ordered_document(options: Mapping[str, Any]) -> str:
    """The document of `consume_ordered`."""
    return _document(ORDERED, options, {}) if options else ""


def pushed_document(options: Mapping[str, Any]) -> str:
    """The document of `consume_pushed`."""
    return _document(PUSHED, options, {}) if options else ""


def batch_document(options: Mapping[str, Any]) -> str:
    """The document of `batch`."""
    return _document(BATCH, options, {}) if options else ""


def publisher_document(options: Mapping[str, Any]) -> str:
    """The document of `publisher`."""
    return _document(PUBLISHER, options, {}) if options else ""


def bucket_document(options: Mapping[str, Any]) -> str:
    """The document of `key_value`."""
    return _document(BUCKET, options, {}) if options else ""


def key_document(options: Mapping[str, Any]) -> str:
    """The document of what is done to a key."""
    return _document(KEY, options, {}) if options else ""


def watch_document(options: Mapping[str, Any]) -> str:
    """The document of `watch`."""
    return _document(WATCH, options, {})


def object_put_document(options: Mapping[str, Any]) -> str:
    """The document of an object that is put."""
    return _document(OBJECT_PUT, options, {}) if options else ""


def object_get_document(options: Mapping[str, Any]) -> str:
    """The document of an object that is read."""
    return _document(OBJECT_GET, options, {}) if options else ""


def object_watch_document(options: Mapping[str, Any]) -> str:
    """The document of a watch of objects."""
    return _document(OBJECT_WATCH, options, {}) if options else ""


def service_document(options: Mapping[str, Any]) -> str:
    """The document of `add_service`."""
    return _document(SERVICE, options, {})


def endpoint_document(options: Mapping[str, Any]) -> str:
    """The document of `add_endpoint`."""
    return _document(ENDPOINT, options, {})


def ask_document(options: Mapping[str, Any]) -> str:
    """The document of `discover`."""
    return _document(ASK, options, {}) if options else ""


def claims_document(table: Table, claims: Mapping[str, Any]) -> str:
    """The document of a JWT."""
    return _document(table, claims, {}, "claim")


def in_python_names(error: errors.Error, options: Mapping[str, Any], table: Table) -> errors.Error:
    """The same error about the names that the program has used."""
    names = {key: name for name, (key, _) in reversed(list(table.items())) if key}
    names.update({table[name][0]: name for name in options if name in table})
    text = ", ".join(str(argument) for argument in error.args)
    for key, name in names.items():
        text = text.replace(f"'{key}'", f"'{name}'")
    return type(error)(text)


def checked_timeout(timeout: float, name: str = "timeout") -> float:
    """Seconds of more than zero."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"{name}: expected seconds as a number, found {type(timeout).__name__}")
    if not timeout > 0:
        raise errors.BadTimeoutError(f"{name}: expected more than 0 seconds, found {timeout}")
    return timeout


def _document(
    table: Table, options: Mapping[str, Any], defaults: Mapping[str, Any], noun: str = "option"
) -> str:
    document = dict(defaults)
    for name, value in options.items():
        if name not in table:
            # The library knows what to say about it.
            document[name] = None
            continue
        key, how = table[name]
        converted = None if value is None else _CONVERSIONS.get(how, _same)(value)
        if converted is not None and how != "ignored":
            document[key] = converted
    try:
        return json.dumps(document, allow_nan=False)
    except (TypeError, ValueError):
        raise _unusable(table, options, noun) from None


def _unusable(table: Table, options: Mapping[str, Any], noun: str) -> errors.InvalidOptionError:
    for name, value in options.items():
        how = table.get(name, ("", ""))[1]
        try:
            json.dumps(_CONVERSIONS.get(how, _same)(value), allow_nan=False)
        except (TypeError, ValueError):
            expected = _EXPECTED.get(how, "a number")
            kind = type(value).__name__
            return errors.InvalidOptionError(f"{noun} '{name}': expected {expected}, found {kind}")
    return errors.InvalidOptionError(f"{noun}s: one has a value of a wrong type")


def _same(value: object) -> object:
    return value


def _text(value: object) -> object:
    return bytes(value).decode() if isinstance(value, (bytes, bytearray)) else value


def _texts(value: object) -> object:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, Sequence) else value


def _pairs(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _seconds(value: object) -> object:
    if type(value) in (int, float) and math.isfinite(value):  # type: ignore[arg-type]
        return math.ceil(value * 1000)  # type: ignore[operator]
    return value


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        value = value.timestamp()
    return math.floor(value) if isinstance(value, float) and math.isfinite(value) else value


def _negated(value: object) -> object:
    return not value if isinstance(value, bool) else value


def _attempts(value: object) -> object:
    return -1 if type(value) is int and value <= 0 else value


def _unless_zero(value: object) -> object:
    return None if type(value) is int and value == 0 else value


_CONVERSIONS: Final[Mapping[str, Callable[[object], object]]] = {
    "text": _text,
    "texts": _texts,
    "pairs": _pairs,
    "seconds": _seconds,
    "moment": _moment,
    "negated": _negated,
    "attempts": _attempts,
    "unless_zero": _unless_zero,
}
