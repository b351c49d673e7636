"""Gentle and abrupt ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness import Harness
from nats_ffi import errors
from support import WAIT, Events, Latch, answering, behaviour, dial, fails, taking


@behaviour("drain-01")
async def test_drain_of_a_subscription(url: str) -> None:
    async with dial(url) as nc:
        got = Latch()

        async def count(_: Any) -> None:
            await asyncio.sleep(0)
            got.add()

        sub = await nc.subscribe("py.drain.1", cb=count)
        for _ in range(1000):
            await nc.publish("py.drain.1", b"x")
        await nc.flush()
        await sub.drain()
        assert got.count == 1000
        await nc.publish("py.drain.1", b"late")
        await nc.flush()
        assert got.count == 1000 and nc.is_connected and not nc.is_draining
        with fails("SUBSCRIPTION_CLOSED"):
            await sub.drain()


@behaviour("drain-02")
async def test_drain_of_the_connection(url: str) -> None:
    async with dial(url) as nc, dial(url) as other:
        answers = await other.subscribe("py.drain.2.answers")
        await other.flush()
        await answering(nc, "py.drain.2")
        for _ in range(500):
            await nc.publish("py.drain.2", b"x", reply="py.drain.2.answers")
        await nc.flush()
        await nc.drain()
        assert nc.is_closed
        for _ in range(500):
            assert (await answers.next_msg(WAIT)).data == b"x"


@behaviour("drain-03")
async def test_while_draining_and_afterwards(url: str, events: Events) -> None:
    async with dial(url, **events.options) as nc:
        sub = await nc.subscribe("py.drain.3")
        await nc.publish("py.drain.3", b"keeps the drain waiting")
        await nc.flush()
        draining = asyncio.create_task(nc.drain())
        await events.wait("draining")
        with fails("CONNECTION_DRAINING") as caught:
            await nc.subscribe("a")
        assert isinstance(caught.value, errors.ConnectionDrainingError)
        assert nc.is_draining and nc.is_connected and not nc.is_draining_pubs
        await nc.drain()  # a second one is no error and does nothing
        assert (await sub.next_msg(WAIT)).data == b"keeps the drain waiting"
        await draining
        for call in (nc.subscribe("a"), nc.publish("a"), nc.flush(), nc.request("a"), nc.drain()):
            with fails("CONNECTION_CLOSED") as caught:
                await call
            assert isinstance(caught.value, errors.ConnectionClosedError)
        await events.wait_call("closed")


@behaviour("drain-04")
async def test_a_drain_whose_consumer_does_not_take(url: str, events: Events) -> None:
    async with dial(url, drain_timeout=0.1, **events.options) as nc:
        await nc.subscribe("py.drain.4")
        await nc.publish("py.drain.4", b"x")
        await nc.flush()
        with taking(0.1):
            await nc.drain()  # tells error_cb, and raises nothing
        assert isinstance(await events.wait_error("TIMEOUT"), errors.DrainTimeoutError)
        assert nc.is_closed
        await events.wait_call("closed")


@behaviour("drain-05")
async def test_close_ends_everything_that_waits(harness: Harness) -> None:
    fake = harness.fake("handshake", "silence")  # answers no PING: all wait
    async with dial(fake.url) as nc:
        sub = await nc.subscribe("a")
        other = await nc.subscribe("a")

        async def iterate() -> None:
            async for _ in other.messages:
                pytest.fail("a message of nobody")

        calls = (sub.next_msg(60), sub.take(1, timeout=60), nc.request("b", timeout=60))
        waiting = [asyncio.create_task(call) for call in (*calls, nc.flush(60), nc.rtt(60))]
        iterating = asyncio.create_task(iterate())
        await asyncio.sleep(0)
        await asyncio.to_thread(fake.tell, "wait_text", connection=0, text="PUB b")
        with taking():
            await nc.close()
            await nc.close()
            for task in waiting:
                with fails("CONNECTION_CLOSED"):
                    await task
            await iterating


async def test_a_context_closes(url: str) -> None:
    async with dial(url) as nc:
        async with nc as same:
            assert same is nc and nc.is_connected
        assert nc.is_closed
