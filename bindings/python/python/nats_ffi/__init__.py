"""A NATS client with the API of nats-py, on a core written in Rust.

`import nats_ffi as nats` is all that a program for nats-py needs to change. The blocking API is
`nats_ffi.sync`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _process as _process
from . import aio, errors, jwt, nkeys, nuid
from ._client import DEFAULT_SERVER
from ._log import set_log_level
from ._native import Headers, __version__
from ._questions import RawCredentials, Server
from ._tracing import trace_headers
from .aio.client import Client as NATS
from .aio.msg import Msg

__all__ = [
    "NATS",
    "Headers",
    "Msg",
    "RawCredentials",
    "Server",
    "__version__",
    "aio",
    "connect",
    "errors",
    "jwt",
    "nkeys",
    "nuid",
    "set_log_level",
    "trace_headers",
]


async def connect(servers: str | Sequence[str] = DEFAULT_SERVER, **options: Any) -> NATS:
    """A connected client. `options` are the keyword arguments of `NATS.connect`."""
    client = NATS()
    await client.connect(servers, **options)
    return client
