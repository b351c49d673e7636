"""The same program on asyncio, uvloop and trio."""

from __future__ import annotations

import functools
import math
import threading
from typing import Any

import anyloop
import pytest
from anyloop import RUNNERS
from harness import Harness
from nats_ffi import errors
from support import EAGER, WAIT, behaviour, dial, fails, taking

pytestmark = pytest.mark.loops


@behaviour("pubsub-01")
async def test_publish_and_next_msg(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.loops.1")
        for payload in (b"", b"a\0b\r\n", bytes(65536)):
            await nc.publish("py.loops.1", payload, headers={"A": "b"})
            msg = await sub.next_msg(WAIT)
            assert (msg.data, msg.headers) == (payload, {"A": "b"})


@behaviour("pubsub-02")
async def test_order(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.loops.2", pending_msgs_limit=0, max_msgs=20_000)

        async def publish() -> None:
            for number in range(20_000):
                await nc.publish("py.loops.2", b"%d" % number)

        async def receive() -> None:
            got = [int(msg.data) async for msg in sub.messages]
            assert got == list(range(20_000))

        await anyloop.gather(publish, receive)


@behaviour("pubsub-12")
async def test_next_msg_times_out(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.loops.12")
        with taking(0.05), fails("TIMEOUT"):
            await sub.next_msg(0.05)


@behaviour("pubsub-14")
async def test_tasks_share_a_subscription(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.loops.14", max_msgs=300)
        seen: list[int] = []

        async def iterate() -> None:
            async for msg in sub.messages:
                seen.append(int(msg.data))

        async def publish() -> None:
            for number in range(300):
                await nc.publish("py.loops.14", b"%d" % number)

        await anyloop.gather(iterate, iterate, iterate, publish)
        assert sorted(seen) == list(range(300))


@behaviour("request-01")
async def test_requests(url: str) -> None:
    async with dial(url) as nc:

        async def answer(msg: Any) -> None:
            await msg.respond(msg.data)

        await nc.subscribe("py.loops.r", cb=answer)

        async def ask() -> None:
            for number in range(50):
                msg = await nc.request("py.loops.r", b"%d" % number, timeout=WAIT)
                assert int(msg.data) == number

        await anyloop.gather(*([ask] * 8))
        with taking(), fails("NO_RESPONDERS"):
            await nc.request("py.loops.nobody", timeout=60)
        await nc.subscribe("py.loops.silent")
        with taking(0.05), fails("TIMEOUT"):
            await nc.request("py.loops.silent", timeout=0.05)


@behaviour("request-06")
async def test_many_answers(url: str) -> None:
    async with dial(url) as nc:

        async def answer(msg: Any) -> None:
            await msg.respond(msg.data)

        for _ in range(3):
            await nc.subscribe("py.loops.many", cb=answer)
        answers = nc.request_many("py.loops.many", b"x", max_messages=2)
        assert [msg.data async for msg in answers] == [b"x", b"x"]


@behaviour("drain-02")
async def test_drain(url: str) -> None:
    got = 0
    async with dial(url) as nc:

        async def count(_: Any) -> None:
            nonlocal got
            await anyloop.sleep(0)
            got += 1

        await nc.subscribe("py.loops.drain", cb=count)
        for _ in range(200):
            await nc.publish("py.loops.drain")
        await nc.flush()
        await nc.drain()
        assert nc.is_closed and got == 200


@behaviour("drain-05")
async def test_close_ends_what_waits(harness: Harness) -> None:
    fake = harness.fake("handshake", "silence")
    async with dial(fake.url) as nc:
        sub = await nc.subscribe("a")
        ended: list[str] = []

        def ending(call: Any) -> Any:
            async def wait() -> None:
                try:
                    await call()
                except errors.Error as error:
                    ended.append(error.name)

            return wait

        async def close() -> None:
            await anyloop.in_thread(lambda: fake.tell("wait_text", connection=0, text="PUB b"))
            await nc.close()

        with taking():
            await anyloop.gather(
                ending(lambda: sub.next_msg(60)),
                ending(lambda: nc.request("b", timeout=60)),
                ending(lambda: nc.flush(60)),
                close,
            )
        assert ended == ["CONNECTION_CLOSED"] * 3


@behaviour("reconnect-01")
async def test_reconnect_and_life_cycle(harness: Harness) -> None:
    server = harness.server()
    calls: list[str] = []
    changed = anyloop.Event()

    def note(name: str) -> Any:
        async def callback(*_: Any) -> None:
            calls.append(name)
            changed.set()

        return callback

    names = ("disconnected", "reconnected", "closed")
    callbacks = {f"{name}_cb": note(name) for name in names}
    async with dial(server.url, **EAGER, **callbacks) as nc:
        sub = await nc.subscribe("py.loops.rec")
        await nc.flush()
        for kill, name in (("kill", "disconnected"), ("restart", "reconnected")):
            server.tell(kill)
            while name not in calls:
                await changed.wait(WAIT)
        await nc.publish("py.loops.rec", b"x")
        assert (await sub.next_msg(WAIT)).data == b"x"
    while "closed" not in calls:
        await changed.wait(WAIT)


@behaviour("callbacks-03")
async def test_a_callback_closes_its_connection(url: str) -> None:
    closed = anyloop.Event()

    async def note_closed() -> None:
        closed.set()

    async with dial(url, closed_cb=note_closed) as nc:

        async def close(_: Any) -> None:
            await nc.close()

        await nc.subscribe("py.loops.close", cb=close)
        await nc.publish("py.loops.close")
        await closed.wait(WAIT)
        assert nc.is_closed


async def test_a_callback_that_throws(url: str) -> None:
    failed: list[str] = []
    got: list[bytes] = []

    async def on_error(error: Exception) -> None:
        failed.append(str(error))

    async with dial(url, error_cb=on_error) as nc:

        async def fail_once(msg: Any) -> None:
            if not failed:
                raise ValueError("of the callback")
            got.append(msg.data)

        await nc.subscribe("py.loops.throw", cb=fail_once)
        for payload in (b"1", b"2", b"3"):
            await nc.publish("py.loops.throw", payload)
        await nc.flush()
        await nc.drain()
    assert (failed, got) == (["of the callback"], [b"2", b"3"])


async def test_a_wait_that_is_given_up(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.loops.cancel")
        silent = await nc.subscribe("py.loops.cancel.silent")
        for _ in range(100):
            assert await anyloop.give_up(lambda: sub.next_msg(60), 0.001)
            assert await anyloop.give_up(lambda: nc.request(silent.subject, timeout=60), 0.001)
        await nc.publish("py.loops.cancel", b"x")
        assert (await sub.next_msg(WAIT)).data == b"x"


async def test_a_full_buffer_is_waited_for(harness: Harness) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, outbound_bytes=10_000, publish_timeout=WAIT) as nc:
        sub = await nc.subscribe("py.loops.full")
        server.tell("pause")

        total, sent = 2000, 0

        async def publish() -> None:
            nonlocal sent
            for _ in range(total):
                await nc.publish("py.loops.full", bytes(10_000))
                sent += 1

        async def resume() -> None:
            # A publish that has room does not suspend, so this runs when one has none.
            while sent == 0:
                await anyloop.sleep(0)
            assert sent < total
            server.tell("resume")

        async def receive() -> None:
            for _ in range(total):
                await sub.next_msg(WAIT)

        await anyloop.gather(publish, resume, receive)


async def test_timeouts_that_are_immense(url: str) -> None:
    async with dial(url) as nc:
        await nc.flush(timeout=math.inf)
        assert await nc.rtt(timeout=1e300) > 0


def test_three_loops_in_one_process_talk_to_each_other(url: str) -> None:
    together = threading.Barrier(len(RUNNERS), timeout=WAIT)
    heard: dict[str, list[bytes]] = {}

    async def talk(name: str) -> None:
        async with dial(url) as nc:

            async def answer(msg: Any) -> None:
                await msg.respond(name.encode())

            await nc.subscribe(f"py.loops.three.{name}", cb=answer)
            await nc.flush()
            await anyloop.in_thread(together.wait)
            answers = [await nc.request(f"py.loops.three.{peer}", timeout=WAIT) for peer in RUNNERS]
            heard[name] = [msg.data for msg in answers]
            await anyloop.in_thread(together.wait)

    threads = [
        threading.Thread(target=runner, args=(functools.partial(talk, name),))
        for name, runner in RUNNERS.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert heard == {name: [peer.encode() for peer in RUNNERS] for name in RUNNERS}
