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
from ._native import Headers, __version__
from .aio.client import Client as NATS
from .aio.msg import Msg

__all__ = [
    "NATS",
    "Headers",
    "Msg",
    "__version__",
    "aio",
    "connect",
    "errors",
    "jwt",
    "nkeys",
    "nuid",
]


async def connect(servers: str | Sequence[str] = DEFAULT_SERVER, **options: Any) -> NATS:
    """A connected client. `options` are the keyword arguments of `NATS.connect`."""
    client = NATS()
    await client.connect(servers, **options)
    return client
