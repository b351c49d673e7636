"""The blocking API: the same names as the asynchronous one, without `await`.

Every method may be called on every thread; waiting lets other threads run and ends at once by
Ctrl-C. Callbacks are plain functions and run on delivery threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _process as _process
from .._client import DEFAULT_SERVER
from .._native import Headers
from .client import Client
from .msg import Msg
from .subscription import Subscription

__all__ = ["NATS", "Client", "Headers", "Msg", "Subscription", "connect"]

NATS = Client


def connect(servers: str | Sequence[str] = DEFAULT_SERVER, **options: Any) -> Client:
    """A connected client. `options` are the keyword arguments of `Client.connect`."""
    client = Client()
    client.connect(servers, **options)
    return client
