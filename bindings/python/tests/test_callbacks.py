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
from anyloop import sleep
from nats_ffi import errors
from support import WAIT, Events, Latch, answering, behaviour, dial, run_child


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


@pytest.mark.loops
async def test_callbacks_that_wait_keep_the_order(url: str) -> None:
    async with dial(url) as nc:
        seen: list[bytes] = []

        async def wait_sometimes(msg: Any) -> None:
            seen.append(msg.data)
            number = int(msg.data)
            for _ in range(number % 3):
                await sleep(0)
            if number % 7 == 0:
                await sleep(0.001)
            seen.append(msg.data)

        await nc.subscribe("py.call.wait", cb=wait_sometimes)
        for number in range(300):
            await nc.publish("py.call.wait", b"%d" % number)
        await nc.flush()
        await nc.drain()
        assert seen == [b"%d" % number for number in range(300) for _ in range(2)]


async def test_a_callback_that_waits_may_fail(url: str, events: Events) -> None:
    async with dial(url, **events.options) as nc:
        entered, ended = Latch(), Latch()

        async def fail_later(msg: Any) -> None:
            entered.add()
            try:
                await asyncio.sleep(0)
                if msg.data == b"fail":
                    raise ValueError("on purpose")
                if msg.data == b"catch":
                    with contextlib.suppress(errors.TimeoutError):
                        await nc.request("py.call.nobody.answers", timeout=0.01)
            finally:
                ended.add()

        await nc.subscribe("py.call.nobody.answers")
        await nc.subscribe("py.call.later", cb=fail_later)
        for word in (b"fail", b"catch", b"good"):
            await nc.publish("py.call.later", word)
        await ended.wait(3)
        assert entered.count == 3
        assert [type(error) for error in events.errors] == [ValueError]


async def test_a_callback_may_return_something_to_await(url: str) -> None:
    async with dial(url) as nc:
        done = Latch()
        loop = asyncio.get_running_loop()

        def later(_: Any) -> Any:
            future = loop.create_future()
            loop.call_later(0.001, future.set_result, None)
            future.add_done_callback(lambda _: done.add())
            return future

        await nc.subscribe("py.call.future", cb=later)
        await nc.subscribe("py.call.future", cb=lambda _: "nothing to await")
        for _ in range(5):
            await nc.publish("py.call.future")
        await done.wait(5)


async def test_the_task_of_a_callback(url: str) -> None:
    async with dial(url) as nc:
        tasks: list[Any] = []
        done = Latch()

        async def remember(_: Any) -> None:
            tasks.append(asyncio.current_task())
            await asyncio.sleep(0)
            tasks.append(asyncio.current_task())
            done.add()

        await nc.subscribe("py.call.task", cb=remember)
        for _ in range(3):
            await nc.publish("py.call.task")
        await done.wait(3)
        assert len(set(tasks)) == 1 and tasks[0] not in (None, asyncio.current_task())


async def test_a_callback_that_waits_may_be_cancelled(url: str) -> None:
    async with dial(url) as nc:
        done = Latch()

        async def cancel(_: Any) -> None:
            task = asyncio.current_task()
            assert task is not None and task.cancel()
            try:
                await asyncio.sleep(WAIT)
            except asyncio.CancelledError:
                done.add()
                raise

        sub = await nc.subscribe("py.call.cancel", cb=cancel)
        await nc.publish("py.call.cancel")
        await done.wait(1)
        await sub.drain()


def test_exit_while_a_daemon_thread_runs_callbacks(url: str) -> None:
    code = (
        "import asyncio, sys, threading\n"
        "import nats_ffi as nats\n"
        "busy = threading.Event()\n"
        "async def main():\n"
        "    nc = await nats.connect(sys.argv[1])\n"
        "    async def again(msg):\n"
        "        busy.set()\n"
        "        await nc.publish('py.call.exit')\n"
        "    await nc.subscribe('py.call.exit', cb=again)\n"
        "    for _ in range(100):\n"
        "        await nc.publish('py.call.exit')\n"
        "    await asyncio.sleep(60)\n"
        "threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()\n"
        "busy.wait()\n"
        "sys.exit(7)\n"
    )
    for _ in range(20):
        assert run_child(code, url).returncode == 7
