"""Hooks for distributed tracing, and the server's own trace (ADR-41)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ._native import Headers

Inject = Callable[[Headers], None]
"""Adds headers, `traceparent` for instance, to what is about to be published."""

Extract = Callable[[Any], AbstractContextManager[Any] | None]
"""The context, if any, in which a message is to be handled."""


def injected(headers: Any, inject: Inject | None) -> Any:
    """The headers of a message with what is to be added."""
    if inject is None:
        return headers
    added = Headers() if headers is None else Headers(headers)
    inject(added)
    return added


def injecting(publish: Callable[..., Any], inject: Inject | None) -> Callable[..., Any]:
    """`publish` with headers added; itself where there are none to add."""
    if inject is None:
        return publish

    def publish_injected(subject: str, payload: Any, reply: str, headers: Any) -> Any:
        return publish(subject, payload, reply, injected(headers, inject))

    return publish_injected


def extracting(
    callback: Callable[[Any], Any] | None, extract: Extract | None
) -> Callable[[Any], Any] | None:
    """`callback` within the context of each message; itself where there is none."""
    if callback is None or extract is None:
        return callback
    if inspect.iscoroutinefunction(callback):

        @functools.wraps(callback)
        async def handle_within(msg: Any) -> None:
            context = extract(msg)
            if context is None:
                await callback(msg)
                return
            with context:
                await callback(msg)

        return handle_within

    @functools.wraps(callback)
    def call_within(msg: Any) -> Any:
        context = extract(msg)
        if context is None:
            return callback(msg)
        with context:
            return callback(msg)

    return call_within


def trace_headers(destination: str, *, only: bool = False, headers: Any = None) -> Headers:
    """Headers that have the servers, from 2.11 on, tell `destination` where a message goes
    (ADR-41); with `only` it is not delivered."""
    traced = Headers() if headers is None else Headers(headers)
    traced["Nats-Trace-Dest"] = destination
    if only:
        traced["Nats-Trace-Only"] = "true"
    return traced
