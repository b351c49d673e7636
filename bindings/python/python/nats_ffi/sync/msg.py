"""Messages of the blocking API."""

from __future__ import annotations

from .._native import BlockingMsg as Msg

__all__ = ["Msg"]
