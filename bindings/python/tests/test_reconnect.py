"""Losing servers and finding them again."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors, sync
from support import (
    EAGER,
    WAIT,
    Events,
    behaviour,
    dial,
    fails,
    lose,
    regain,
    resident_kb,
    taking,
)


@behaviour("reconnect-01")
async def test_subscriptions_work_again(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.rec.1")
        members = [await nc.subscribe("py.rec.1", "q") for _ in range(2)]
        for rounds in range(1, 6):
            await lose(server, events, rounds)
            await regain(server, events, rounds)
            await nc.publish("py.rec.1", b"x")
            assert (await sub.next_msg(WAIT)).data == b"x"
            await nc.flush()
            assert sum(member.pending_msgs for member in members) == rounds
        assert nc.stats["reconnects"] == 5
        await events.wait_call("reconnected", 5)
        assert events.calls.count("disconnected") == 5


@behaviour("reconnect-02")
async def test_published_while_disconnected(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.rec.2")
        await nc.flush()
        await lose(server, events)
        assert nc.is_reconnecting and not nc.is_connected and nc.connected_url is None
        for number in range(1000):
            await nc.publish("py.rec.2", b"%d" % number)
        await regain(server, events)
        for number in range(1000):
            assert int((await sub.next_msg(WAIT)).data) == number
        await nc.flush()
        assert sub.pending_msgs == 0


async def fill(nc: nats.NATS) -> int:
    """Publishes blocks until the buffer is full; how many were accepted."""
    for accepted in range(100):
        try:
            with taking():
                await nc.publish("py.rec.3", bytes(1000))
        except nats.errors.Error as error:
            assert error.name == "OUTBOUND_FULL", error
            assert isinstance(error, nats.errors.OutboundBufferLimitError)
            return accepted
    return 100


@behaviour("reconnect-03")
@pytest.mark.parametrize(
    ("options", "at_least"),
    [
        ({"outbound_bytes": 10_000, "outbound_policy": "error"}, 0.0),
        ({"pending_size": 10_000, "publish_timeout": 0.1}, 0.1),
    ],
)
async def test_the_outbound_buffer_is_bounded(
    harness: Harness, events: Events, options: dict[str, Any], at_least: float
) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **options, **events.options) as nc:
        await lose(server, events)
        with taking(at_least):
            assert 5 <= await fill(nc) <= 10


@behaviour("reconnect-03")
async def test_the_outbound_buffer_drops_the_oldest(harness: Harness, events: Events) -> None:
    server = harness.server()
    options = {"outbound_bytes": 10_000, "outbound_policy": "drop_oldest"}
    async with dial(server.url, **EAGER, **options, **events.options) as nc:
        sub = await nc.subscribe("py.rec.3")
        await nc.flush()
        await lose(server, events)
        for number in range(50):
            await nc.publish("py.rec.3", b"%-1000d" % number)
        dropped = nc.stats["dropped_out"]
        assert 40 <= dropped < 50
        await regain(server, events)
        for number in range(dropped, 50):
            assert int((await sub.next_msg(WAIT)).data) == number


@behaviour("reconnect-03")
async def test_waiting_for_room_does_not_block_the_loop(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, outbound_bytes=10_000, **events.options) as nc:
        await lose(server, events)

        async def publish() -> None:
            for _ in range(20):
                await nc.publish("py.rec.3", bytes(1000))

        publishing = asyncio.create_task(publish())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not publishing.done()
        await regain(server, events)
        async with asyncio.timeout(WAIT):
            await publishing


@behaviour("reconnect-04")
async def test_another_server_of_the_cluster(harness: Harness, events: Events) -> None:
    cluster = harness.server("cluster")
    cluster.tell("wait_ready")
    async with dial(cluster.url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.rec.4")
        await nc.flush()
        assert len(nc.discovered_servers) == 2 and len(nc.servers) == 3
        cluster.tell("kill", node=0)
        await events.wait("reconnected")
        assert nc.connected_url and nc.connected_url.netloc != cluster.address
        await nc.publish("py.rec.4", b"x")
        assert (await sub.next_msg(WAIT)).data == b"x"


@behaviour("reconnect-05")
@pytest.mark.parametrize(
    ("options", "attempts"),
    [
        ({"max_reconnect_attempts": 3, "reconnect_time_wait": 0.01}, 3),
        ({"allow_reconnect": False}, 0),
    ],
)
async def test_giving_up(
    harness: Harness, events: Events, options: dict[str, Any], attempts: int
) -> None:
    server = harness.server()
    async with dial(server.url, **options, **events.options) as nc:
        sub = await nc.subscribe("py.rec.5")
        await lose(server, events)
        await events.wait("closed")
        await events.wait_call("closed")
        assert events.kinds().count("reconnecting") == attempts
        assert nc.is_closed
        with fails("CONNECTION_CLOSED"):
            await nc.publish("a", b"x")
        with fails("CONNECTION_CLOSED"):
            await sub.next_msg(WAIT)


async def receive_until(sub: Any, seen: int, last: int) -> int:
    """Receives numbers up to `last`: some may lack, none may go back or come in pieces."""
    while seen < last:
        text = (await sub.next_msg(WAIT)).data
        number, again = text.removeprefix(b"<").removesuffix(b">").split(b"|")
        assert number == again and text == b"<%d|%d>" % (int(number), int(number))
        assert seen < int(number) <= last
        seen = int(number)
    return seen


@behaviour("reconnect-06")
@pytest.mark.parametrize("direction", ["to_server", "to_client"])
async def test_cut_at_any_byte(harness: Harness, events: Events, direction: str) -> None:
    server = harness.server()
    proxy = harness.proxy(server)
    async with dial(server.url) as direct, dial(proxy.url, **EAGER, **events.options) as nc:
        far, near = await direct.subscribe("py.rec.6"), await nc.subscribe("py.rec.6")
        await direct.flush()
        await nc.flush()
        number = far_seen = near_seen = 0

        async def publish() -> None:
            nonlocal number
            number += 1
            await nc.publish("py.rec.6", b"<%d|%d>" % (number, number))

        for at in range(1, 61):
            cut = "rst" if at % 2 else "fin"
            proxy.tell("cut_after", direction=direction, count=at, cut=cut)
            for _ in range(4):
                await publish()
            await events.wait("reconnected", at)
            await publish()
            far_seen = await receive_until(far, far_seen, number)
            near_seen = await receive_until(near, near_seen, number)


@behaviour("reconnect-07")
async def test_a_server_that_stops_answering_pings(harness: Harness, events: Events) -> None:
    proxy = harness.proxy(harness.server())
    options = {"ping_interval": 0.05, "max_outstanding_pings": 2, "connect_timeout": 0.5}
    async with dial(proxy.url, **EAGER, **options, **events.options) as nc:
        proxy.tell("stall", direction="to_client")
        event = await events.wait("disconnected")
        assert event["name"] == "STALE_CONNECTION"
        assert isinstance(nc.last_error, nats.errors.StaleConnectionError)
        proxy.tell("resume")
        await events.wait("reconnected")
        await nc.flush()


@behaviour("reconnect-08")
async def test_publishing_to_a_stopped_server(harness: Harness) -> None:
    server = harness.server()
    async with dial(server.url, outbound_bytes=1 << 20, publish_timeout=0.2) as nc:
        server.tell("pause")
        before = resident_kb()
        with taking(0.2), fails("OUTBOUND_FULL"):
            for _ in range(2000):
                await nc.publish("py.rec.8", bytes(65536))
        assert resident_kb() - before < 32 * 1024
        server.tell("resume")
        await nc.flush()


@behaviour("reconnect-09")
async def test_close_is_prompt(harness: Harness, events: Events) -> None:
    server = harness.server()
    slow = {"max_reconnects": -1, "reconnect_delay_min": 60, "reconnect_delay_max": 60}
    async with dial(server.url, **slow, **events.options) as nc:
        await lose(server, events)
        with taking():
            await nc.close()
    server.tell("restart")
    async with dial(server.url) as nc:
        server.tell("pause")
        with fails("TIMEOUT") as caught:
            await nc.flush(0.05)
        assert isinstance(caught.value, nats.errors.FlushTimeoutError)
        with taking():
            await nc.close()
    server.tell("resume")


@behaviour("reconnect-10")
async def test_a_forced_reconnect(url: str, events: Events) -> None:
    async with dial(url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.rec.10")
        await nc.flush()
        await nc.force_reconnect()
        await events.wait("reconnected")
        await nc.publish("py.rec.10", b"x")
        assert (await sub.next_msg(WAIT)).data == b"x"
        await nc.close()
        with fails("CONNECTION_CLOSED"):
            await nc.force_reconnect()


@behaviour("reconnect-11")
async def test_flush_and_the_loss_of_the_server(harness: Harness, events: Events) -> None:
    proxy = harness.proxy(harness.server())
    async with dial(proxy.url, **EAGER, **events.options) as nc:
        proxy.tell("refuse")
        proxy.tell("cut_now")
        await events.wait("disconnected")
        with fails("TIMEOUT"):
            await nc.flush(0.05)
        flushing = asyncio.create_task(nc.flush(60))
        await asyncio.sleep(0)
        proxy.tell("accept")
        async with asyncio.timeout(WAIT):
            await flushing

        sent = proxy.tell("stats")["bytes_to_server"]
        proxy.tell("stall", direction="to_client")
        flushing = asyncio.create_task(nc.flush(60))
        await asyncio.sleep(0)
        await asyncio.to_thread(
            proxy.tell, "wait_bytes", direction="to_server", count=sent + len("PING\r\n")
        )
        proxy.tell("cut_now")
        with taking(), fails("CONNECTION_LOST"):
            await flushing
        proxy.tell("resume")
        await nc.flush()


async def test_a_server_killed_and_restarted_under_load(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.rec.load", pending_msgs_limit=0)
        await nc.flush()
        stop = asyncio.Event()
        published = 0

        async def publish() -> None:
            nonlocal published
            while not stop.is_set():
                for _ in range(100):
                    published += 1
                    await nc.publish("py.rec.load", b"%d" % published)
                await asyncio.sleep(0)

        async def receive() -> int:
            seen = 0
            while seen < published or not stop.is_set():
                for msg in await sub.take(1000, timeout=WAIT):
                    assert seen < int(msg.data) <= published
                    seen = int(msg.data)
            return seen

        publishing, receiving = asyncio.create_task(publish()), asyncio.create_task(receive())
        for times in (1, 2, 3):
            await asyncio.to_thread(server.tell, "kill")
            await asyncio.to_thread(server.tell, "restart")
            await events.wait("reconnected", times)
        stop.set()
        await publishing
        async with asyncio.timeout(60):
            assert await receiving == published


# The usual back-off would take a hundred minutes.
SLOW = {"max_reconnects": 100, "reconnect_delay_min": 60, "reconnect_delay_max": 60}


@behaviour("reconnect-12")
async def test_a_function_decides_the_wait_between_rounds(
    harness: Harness, events: Events
) -> None:
    server = harness.server()
    asked: list[int] = []

    async def delay(attempts: int) -> float | None:
        asked.append(attempts)
        if attempts == 2:
            raise LookupError("on purpose")
        return 0.001 if attempts > 1 else None

    options = {**SLOW, **events.options}
    async with dial(server.url, reconnect_delay_cb=delay, **options) as nc:
        server.tell("kill")
        await events.wait("closed")
        assert nc.is_closed and asked == list(range(1, 100))
    assert any(isinstance(error, LookupError) for error in events.errors)


def test_a_function_decides_the_wait_between_rounds_blocking(harness: Harness) -> None:
    server = harness.server()
    asked: list[int] = []
    closed = threading.Event()

    def delay(attempts: int) -> float:
        asked.append(attempts)
        return 0.001

    nc = sync.connect(server.url, reconnect_delay_cb=delay, closed_cb=closed.set, **SLOW)
    server.tell("kill")
    assert closed.wait(WAIT) and asked == list(range(1, 100))
    nc.close()


async def test_the_delay_callback_is_a_function(harness: Harness) -> None:
    with pytest.raises(errors.InvalidCallbackTypeError, match="reconnect_delay_cb"):
        await nats.connect(harness.server().url, reconnect_delay_cb=5)  # type: ignore[arg-type]
