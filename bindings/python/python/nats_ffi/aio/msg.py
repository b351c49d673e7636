"""Messages of the asynchronous API."""

from __future__ import annotations

from .._native import Msg

__all__ = ["Msg"]
