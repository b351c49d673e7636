"""Faults of the program around the library: cancelled waits, closed loops, garbage, threads."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import (
    WAIT,
    Latch,
    answering,
    behaviour,
    descriptors,
    dial,
    expect_exit,
    fails,
    resident_kb,
    run_child,
    threads,
    works,
)


async def cancel(call: Any, turns: int) -> None:
    """Starts to await `call` and gives it up after some turns of the loop."""
    task = asyncio.create_task(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_waits_leave_nothing_behind(harness: Harness) -> None:
    fake = harness.fake("handshake", "silence")  # nothing is ever answered
    nc = await nats.connect(fake.url)
    sub = await nc.subscribe("a")

    async def all_kinds(times: int) -> None:
        for _ in range(times):
            for call in (
                nc.request("b", b"x", timeout=600),
                nc.request("b", b"x", timeout=600, old_style=True),
                nc.flush(600),
                nc.rtt(600),
                sub.next_msg(600),
                sub.take(1, timeout=600),
                anext(aiter(sub.messages)),
                anext(aiter(nc.request_many("b", max_wait=600))),
            ):
                await cancel(call, 2)

    await all_kinds(300)
    gc.collect()
    objects, before = len(gc.get_objects()), resident_kb()
    await all_kinds(1500)
    gc.collect()
    assert len(gc.get_objects()) - objects < 200
    assert resident_kb() - before < 4096
    assert len(asyncio.all_tasks()) <= 3
    await nc.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_wait_loses_no_message(url: str, turns: int) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.cancel")
        for number in range(200):
            await nc.publish("py.cancel", b"%d" % number)
            task = asyncio.create_task(sub.next_msg(WAIT))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                msg = await task
            except asyncio.CancelledError:
                msg = await sub.next_msg(WAIT)
            assert int(msg.data) == number


async def test_wait_for_gives_up_at_once(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.wait_for")
        for call in (sub.next_msg(60), nc.request("py.wait_for", timeout=60)):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.02)
        await works(nc)


async def test_a_cancelled_connect(harness: Harness) -> None:
    fake = harness.fake("silence")
    for turns in range(20):
        await cancel(nats.connect(fake.url, connect_timeout=60), turns)
    for _ in range(10):
        dialled = fake.tell("connections")["connections"]
        connecting = asyncio.create_task(nats.connect(fake.url, connect_timeout=60))
        await asyncio.to_thread(fake.tell, "wait_connections", count=dialled + 1)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
    for number in range(fake.tell("connections")["connections"]):
        await asyncio.to_thread(fake.tell, "wait_closed", connection=number)


def test_a_loop_that_is_closed_with_a_live_connection(url: str) -> None:
    kept: list[Any] = []

    async def leave_open() -> None:
        nc = await nats.connect(url)

        async def ignore(_: Any) -> None:
            pass

        sub = await nc.subscribe("py.closed-loop", cb=ignore)
        kept.extend((nc, sub, await nc.subscribe("py.closed-loop")))

    async def close_them() -> None:
        async with dial(url) as other:
            await other.publish("py.closed-loop", b"x")
            await other.flush()
        for nc in kept[::3]:
            await nc.close()
            assert nc.is_closed

    before = descriptors()
    for _ in range(5):
        asyncio.run(leave_open())
    for nc in kept[::3]:
        # Whatever it answers, it answers at once.
        with pytest.raises((errors.Error, RuntimeError)):
            asyncio.run(kept[kept.index(nc) + 2].next_msg(0.05))
    asyncio.run(close_them())
    kept.clear()
    gc.collect()
    assert descriptors() <= before + 4


BUSY = """
import asyncio, sys, threading, time
import nats_ffi as nats

async def leave_open():
    nc = await nats.connect(sys.argv[1], ping_interval=0.02)
    return nc, await nc.subscribe("py.busy")

async def publish():
    nc = await nats.connect(sys.argv[1])
    for _ in range(100):
        await nc.publish("py.busy", b"x")
    await nc.close()

kept = asyncio.run(leave_open())
asyncio.run(publish())
before = time.process_time()
time.sleep(0.5)  # idleness itself is what is measured here
assert time.process_time() - before < 0.1, time.process_time() - before
sys.exit(7)
"""


def test_a_loop_that_is_gone_keeps_nothing_busy(url: str) -> None:
    expect_exit(run_child(BUSY, url), 7)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("closed", [True, False])
async def test_garbage_in_any_order(url: str, order: tuple[int, ...], closed: bool) -> None:
    async def ignore(_: Any) -> None:
        pass

    nc = await nats.connect(url)
    sub = await nc.subscribe("py.garbage")
    await nc.subscribe("py.garbage", cb=ignore)
    await nc.publish("py.garbage", b"x", reply="a")
    msg = await sub.next_msg(WAIT)
    if closed:
        await nc.close()
    things: list[Any] = [nc, sub, msg]
    del nc, sub, msg
    for index in order:
        things[index] = None
        gc.collect()
        await asyncio.sleep(0)
    async with dial(url) as again:
        await works(again)


async def test_a_forgotten_client_is_collected(url: str) -> None:
    async def forget() -> weakref.ref[Any]:
        nc = await nats.connect(url)
        await nc.subscribe("py.forgotten")
        await works(nc)
        await nc.close()
        return weakref.ref(nc)

    before = descriptors()
    references = [await forget() for _ in range(20)]
    await asyncio.sleep(0)
    gc.collect()
    assert [reference for reference in references if reference()] == []
    assert descriptors() <= before + 4


async def test_two_tasks_iterate_one_subscription(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.two")
        shares: list[list[int]] = [[], []]

        async def iterate(share: list[int]) -> None:
            async for msg in sub:
                share.append(int(msg.data))
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(iterate(share)) for share in shares]
        for number in range(500):
            await nc.publish("py.two", b"%d" % number)
        await nc.flush()
        await sub.drain()
        async with asyncio.timeout(WAIT):
            await asyncio.gather(*tasks)
        assert sorted(shares[0] + shares[1]) == list(range(500))
        assert all(share == sorted(share) and share for share in shares)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert failures == [] and not any(worker.is_alive() for worker in workers)


def test_loops_in_several_threads(url: str) -> None:
    together = threading.Barrier(4, timeout=WAIT)

    async def talk(number: int) -> None:
        async with dial(url) as nc:
            await answering(nc, f"py.threads.{number}")
            await asyncio.to_thread(together.wait)
            for _ in range(50):
                for peer in range(4):
                    msg = await nc.request(f"py.threads.{peer}", b"%d" % number, timeout=WAIT)
                    assert int(msg.data) == number
            await asyncio.to_thread(together.wait)

    def work(number: int) -> None:
        for _ in range(3):
            asyncio.run(talk(number))

    before = threads()
    in_threads(4, work)
    assert threads() <= before + 8


async def test_an_object_belongs_to_its_loop(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.other-loop")

        def elsewhere(_: int) -> None:
            with pytest.raises((errors.Error, RuntimeError), match="loop"):
                asyncio.run(sub.next_msg(1))

        await asyncio.to_thread(in_threads, 1, elsewhere)
        await works(nc)


async def test_a_cycle_through_a_callback_is_collected(url: str) -> None:
    class Service:
        def __init__(self) -> None:
            self.got = Latch()

        async def start(self) -> None:
            self.nc = await nats.connect(url, error_cb=self.on_error)
            self.sub = await self.nc.subscribe("py.cycle.self", cb=self.on_message)

        async def on_message(self, _: Any) -> None:
            self.got.add()

        async def on_error(self, _: Exception) -> None:
            pass

    async def use() -> weakref.ref[Service]:
        service = Service()
        await service.start()
        await service.nc.publish("py.cycle.self")
        await service.got.wait(1)
        await service.nc.close()
        return weakref.ref(service)

    references = [await use() for _ in range(10)]
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert [reference for reference in references if reference()] == []


@pytest.mark.parametrize("style", ["callback", "iterator", "next_msg"])
async def test_a_flood_leaves_the_loop_to_others(url: str, style: str) -> None:
    count, got, ticks = 20_000, Latch(), 0

    async def note(_: Any) -> None:
        got.add()

    async def read() -> None:
        for _ in range(count):
            await note(await sub.next_msg(WAIT))

    async def iterate() -> None:
        async for msg in sub.messages:
            await note(msg)

    async def tick() -> None:
        nonlocal ticks
        while got.count < count:
            await asyncio.sleep(0)
            ticks += 1

    async with dial(url) as nc, dial(url) as other:
        cb = note if style == "callback" else None
        sub = await nc.subscribe("py.flood", cb=cb, max_msgs=count)
        await nc.flush()
        for _ in range(count):
            await other.publish("py.flood", b"x")
        readers = {"iterator": [iterate], "next_msg": [read], "callback": []}[style]
        async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
            for work in (*readers, tick):
                group.create_task(work())
    assert ticks >= 20


@behaviour("drain-05")
async def test_use_after_close_in_every_delivery_style(url: str) -> None:
    async with dial(url) as nc:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def ignore(_: Any) -> None:
            pass

        subs = [
            await nc.subscribe("py.after", cb=ignore),
            await nc.subscribe("py.after", future=future),
            await nc.subscribe("py.after"),
        ]
        await nc.close()
        for sub in subs:
            with fails("CONNECTION_CLOSED"):
                await sub.unsubscribe()
            with fails("CONNECTION_CLOSED"):
                await sub.drain()
        assert not future.done() or future.cancelled() or future.exception()
