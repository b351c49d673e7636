"""Callbacks: what they may do, and what happens when they fail, close, or take their time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import weakref
from typing import Any

import nats_ffi as nats
import pytest
from nats_ffi import errors
from support import WAIT, Events, Latch, answering, behaviour, dial


@behaviour("callbacks-01")
async def test_a_callback_may_do_everything(url: str) -> None:
    async with dial(url) as nc:
        done = await nc.subscribe("py.call.1.done")
        await answering(nc, "py.call.1.echo")

        async def everything(_: Any) -> None:
            await nc.flush()
            assert await nc.rtt() > 0
            assert (await nc.request("py.call.1.echo", b"x", timeout=WAIT)).data == b"x"
            await nc.publish("py.call.1.done", b"y")

        for _ in range(16):
            await nc.subscribe("py.call.1", cb=everything)
        for _ in range(5):
            await nc.publish("py.call.1", b"x")
        for _ in range(80):
            assert (await done.next_msg(WAIT)).data == b"y"


@behaviour("callbacks-02")
@pytest.mark.parametrize("end", ["unsubscribe", "drain"])
async def test_a_callback_may_end_its_subscription(url: str, end: str) -> None:
    async with dial(url) as nc:
        called = Latch()

        async def end_it(_: Any) -> None:
            await getattr(sub, end)()
            called.add()

        sub = await nc.subscribe("py.call.2", cb=end_it)
        await nc.publish("py.call.2", b"x")
        await called.wait(1)
        with contextlib.suppress(errors.BadSubscriptionError):  # it has ended already
            await sub.drain()
        await nc.publish("py.call.2", b"y")
        await nc.flush()
        await nc.drain()
        assert called.count == 1


@behaviour("callbacks-03")
@pytest.mark.parametrize("end", ["close", "drain"])
async def test_a_callback_may_close_its_connection(url: str, events: Events, end: str) -> None:
    async with dial(url, **events.options) as nc:
        called = Latch()

        async def end_it(_: Any) -> None:
            called.add()
            await getattr(nc, end)()
            called.add()

        await nc.subscribe("py.call.3", cb=end_it)
        await nc.publish("py.call.3", b"x")
        await called.wait(1)
        await events.wait_call("closed")
        assert nc.is_closed
        if end == "drain":
            await called.wait(2)
    assert [error for error in events.errors if not isinstance(error, errors.Error)] == []


@behaviour("callbacks-03")
async def test_a_life_cycle_callback_may_close_its_connection(url: str) -> None:
    closed = Latch()
    nc = nats.NATS()

    async def close(*_: Any) -> None:
        await nc.close()

    async def note_closed() -> None:
        await nc.close()
        closed.add()

    await nc.connect(url, disconnected_cb=close, error_cb=close, closed_cb=note_closed)
    await nc.force_reconnect()
    await closed.wait(1)
    assert nc.is_closed


@behaviour("callbacks-04")
async def test_a_callback_that_waits_stalls_its_own_subscription_only(url: str) -> None:
    async with dial(url) as nc:
        entered, gate, other = Latch(), Latch(), Latch()

        async def wait(_: Any) -> None:
            entered.add()
            await gate.wait(1)

        async def count(_: Any) -> None:
            other.add()

        for _ in range(16):
            await nc.subscribe("py.call.4", cb=wait)
        await nc.subscribe("py.call.4.other", cb=count)
        for _ in range(2):
            await nc.publish("py.call.4", b"x")
        await entered.wait(16)
        await nc.publish("py.call.4.other", b"y")
        await other.wait(1)
        await nc.flush()
        assert entered.count == 16  # one message of a subscription at a time
        gate.add()
        await nc.drain()
        assert entered.count == 32


@behaviour("callbacks-05")
async def test_no_callback_after_its_subscription(url: str) -> None:
    async with dial(url) as nc, dial(url) as other:
        enough = asyncio.Event()

        async def publish() -> None:
            while not enough.is_set():
                for _ in range(50):
                    await other.publish("py.call.5", b"x")
                await other.flush()

        publishing = asyncio.create_task(publish())
        callbacks = []
        for rounds in range(100):
            ended: list[bool] = []
            late: list[bool] = []

            async def note(_: Any, ended: list[bool], late: list[bool]) -> None:
                late += ended

            callback = functools.partial(note, ended=ended, late=late)
            sub = await nc.subscribe("py.call.5", cb=callback)
            await nc.flush()
            await (sub.unsubscribe() if rounds % 2 else sub.drain())
            ended.append(True)
            callbacks.append((weakref.ref(callback), late))
            del sub, callback
        enough.set()
        await publishing
        await nc.flush()
    gc.collect()
    # The binding holds no callback any more, and none came late.
    assert [late for reference, late in callbacks if late or reference()] == []


async def test_a_callback_that_throws(url: str, events: Events) -> None:
    async with dial(url, **events.options) as nc:
        got: list[int] = []

        async def fail_on_odd(msg: Any) -> None:
            number = int(msg.data)
            if number % 2:
                raise ValueError(f"odd: {number}")
            got.append(number)

        await nc.subscribe("py.call.throw", cb=fail_on_odd)
        for number in range(10):
            await nc.publish("py.call.throw", b"%d" % number)
        await nc.flush()
        await nc.drain()
        assert got == [0, 2, 4, 6, 8]
        assert [str(error) for error in events.errors] == [f"odd: {n}" for n in (1, 3, 5, 7, 9)]
        assert all(isinstance(error, ValueError) for error in events.errors)


async def test_a_callback_that_is_no_function(url: str) -> None:
    async with dial(url) as nc:
        got = Latch()

        class Handler:
            async def __call__(self, _: Any) -> None:
                got.add()

            async def method(self, _: Any) -> None:
                got.add()

        handler = Handler()
        for cb in (handler.method, functools.partial(Handler.method, handler), handler):
            await nc.subscribe("py.call.object", cb=cb)
        await nc.subscribe("py.call.object", cb=lambda _: got.add())
        await nc.publish("py.call.object")
        await got.wait(4)


async def test_callbacks_see_messages_in_order(url: str) -> None:
    async with dial(url) as nc:
        got: list[int] = []

        async def note(msg: Any) -> None:
            if int(msg.data) % 7 == 0:
                await asyncio.sleep(0)
            got.append(int(msg.data))

        await nc.subscribe("py.call.order", cb=note)
        for number in range(5000):
            await nc.publish("py.call.order", b"%d" % number)
        await nc.flush()
        await nc.drain()
        assert got == list(range(5000))
