"""Events as iterators, and hooks for tracing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import Headers, sync
from support import EAGER, WAIT

trace: ContextVar[str] = ContextVar("trace", default="")


def inject(headers: Headers) -> None:
    headers["traceparent"] = "00-1"


@contextlib.contextmanager
def within(parent: str) -> Iterator[None]:
    token = trace.set(parent)
    try:
        yield
    finally:
        trace.reset(token)


def extract(msg: Any) -> Any:
    parent = msg.headers and msg.headers.get("traceparent")
    return within(parent) if parent else None


@pytest.mark.loops
async def test_events_are_iterated(harness: Harness) -> None:
    server = harness.server()
    nc = await nats.connect(server.url, **EAGER)
    events, short = nc.events(), nc.events()
    short.close()
    assert [event async for event in short] == []
    server.tell("restart")
    seen = []
    async for event in events:
        seen.append(event["event"])
        if event["event"] == "reconnected":
            await nc.close()
    # `connected` may still be told of.
    assert "disconnected" in seen[:2] and seen[-1] == "closed"
    assert [event async for event in nc.events()] == []


def test_events_are_iterated_without_a_loop(harness: Harness) -> None:
    server = harness.server()
    client = sync.connect(server.url, **EAGER)
    events = client.events()
    server.tell("restart")
    seen = []
    for event in events:
        seen.append(event["event"])
        if event["event"] == "reconnected":
            client.close()
    # `connected` may still be told of.
    assert "disconnected" in seen[:2] and seen[-1] == "closed"
    assert list(client.events()) == []


async def test_headers_are_injected_and_contexts_extracted(url: str) -> None:
    seen: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    async with await nats.connect(url, inject_cb=inject, extract_cb=extract) as nc:

        async def later(msg: nats.Msg) -> None:
            await asyncio.sleep(0)
            seen.put_nowait((trace.get(), msg.headers and dict(msg.headers)))
            await msg.respond(b"")

        def at_once(msg: nats.Msg) -> None:
            seen.put_nowait((trace.get(), msg.headers and dict(msg.headers)))

        await nc.subscribe("py.trace.later", cb=later)
        await nc.subscribe("py.trace.once", cb=at_once)
        await nc.publish("py.trace.once", b"")
        await nc.publish("py.trace.once", b"", headers={"a": "b"})
        await nc.request("py.trace.later", timeout=WAIT)
        expected = [{}, {"a": "b"}, {}]
        for own in expected:
            context, headers = await asyncio.wait_for(seen.get(), WAIT)
            assert context == "00-1" and headers == {**own, "traceparent": "00-1"}
    async with await nats.connect(url) as nc:
        sub = await nc.subscribe("py.trace.none")
        await nc.publish("py.trace.none")
        assert (await sub.next_msg(WAIT)).headers is None


def test_the_same_without_a_loop(url: str) -> None:
    seen: list[tuple[str, Any]] = []
    with sync.connect(url, inject_cb=inject, extract_cb=extract) as client:

        def handle(msg: Any) -> None:
            seen.append((trace.get(), msg.headers and dict(msg.headers)))
            msg.respond(b"")

        client.subscribe("py.trace.sync", cb=handle)
        client.request("py.trace.sync", timeout=WAIT)
        client.publish("py.trace.sync", reply="py.trace.nobody")
        client.drain()
    assert seen == [("00-1", {"traceparent": "00-1"})] * 2


async def test_servers_trace_a_message(url: str) -> None:
    async with await nats.connect(url) as nc:
        traces, sub = await nc.subscribe("py.trace.dest"), await nc.subscribe("py.traced")
        for only in (False, True):
            headers = nats.trace_headers("py.trace.dest", only=only, headers={"a": "b"})
            await nc.publish("py.traced", b"x", headers=headers)
            told = json.loads((await traces.next_msg(WAIT)).data)
            assert told["request"]["header"]["Nats-Trace-Dest"] == ["py.trace.dest"]
            kinds = [event["type"] for event in told["events"]]
            assert kinds[0] == "in" and "eg" in kinds
        assert (await sub.next_msg(WAIT)).data == b"x"
        await nc.flush()
        assert sub.pending_msgs == 0, "the second one was traced only"
