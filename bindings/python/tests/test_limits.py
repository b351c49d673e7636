"""Slow consumers: bounded subscriptions, and what happens beyond the bound."""

from __future__ import annotations

from typing import Any

import nats_ffi as nats
import pytest
from nats_ffi import errors
from support import WAIT, Events, Latch, behaviour, dial, fails


async def publish_numbers(nc: nats.NATS, subject: str, numbers: range) -> None:
    """Publishes them and waits until they have arrived."""
    for number in numbers:
        await nc.publish(subject, b"%d" % number)
    await nc.flush()


async def receive_numbers(sub: Any, numbers: range) -> None:
    """Exactly these are there."""
    got: list[int] = []
    while len(got) < len(numbers):
        got += [int(msg.data) for msg in await sub.take(1000, timeout=WAIT)]
    assert got == list(numbers)
    assert sub.pending_msgs == 0


@behaviour("limits-01")
@pytest.mark.parametrize("options", [{}, {"overflow": "drop_newest"}])
async def test_drop_newest(url: str, options: dict[str, Any]) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.limits.1", pending_msgs_limit=4, **options)
        await publish_numbers(nc, "py.limits.1", range(10))
        assert (sub.dropped, sub.pending_msgs) == (6, 4)
        await receive_numbers(sub, range(4))
        await publish_numbers(nc, "py.limits.1", range(10, 12))
        await receive_numbers(sub, range(10, 12))


@behaviour("limits-02")
async def test_one_event_per_episode(url: str, events: Events) -> None:
    async with dial(url, **events.options) as nc:
        sub = await nc.subscribe("py.limits.2", pending_msgs_limit=4)
        for episode in (1, 2, 3):
            await publish_numbers(nc, "py.limits.2", range(20))
            error = await events.wait_error("SLOW_CONSUMER", episode)
            assert isinstance(error, errors.SlowConsumerError)
            assert (error.subject, error.reply) == ("py.limits.2", "")
            assert error.sub is sub and isinstance(error.sid, int)
            await receive_numbers(sub, range(4))
    assert len(events.of("slow_consumer")) == 3
    assert len([e for e in events.errors if isinstance(e, errors.SlowConsumerError)]) == 3


@behaviour("limits-03")
async def test_drop_oldest(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.limits.3", pending_msgs_limit=4, overflow="drop_oldest")
        await publish_numbers(nc, "py.limits.3", range(10))
        assert sub.dropped == 6
        await receive_numbers(sub, range(6, 10))


@behaviour("limits-04")
async def test_policy_error(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.limits.4", pending_msgs_limit=4, overflow="error")
        await publish_numbers(nc, "py.limits.4", range(10))
        for number in range(4):
            assert int((await sub.next_msg(WAIT)).data) == number
        for _ in range(2):
            with fails("SLOW_CONSUMER"):
                await sub.next_msg(WAIT)
        with fails("SLOW_CONSUMER"):
            async for _ in sub.messages:
                pass
        again = await nc.subscribe("py.limits.4")
        await publish_numbers(nc, "py.limits.4", range(1))
        await receive_numbers(again, range(1))


@behaviour("limits-05")
async def test_bytes_are_bounded_too(url: str) -> None:
    async with dial(url, pending_messages=4) as nc:
        sub = await nc.subscribe("py.limits.5", pending_msgs_limit=100, pending_bytes_limit=3000)
        for _ in range(10):
            await nc.publish("py.limits.5", bytes(1000))
        await nc.flush()
        assert sub.dropped >= 7 and sub.dropped + sub.pending_msgs == 10
        assert sub.pending_msgs >= 1 and sub.pending_bytes <= 3000
        await sub.unsubscribe()
        own = await nc.subscribe("py.limits.5")  # the connection's own bound
        await publish_numbers(nc, "py.limits.5", range(10))
        assert own.dropped == 6
        await own.unsubscribe()
        unbounded = await nc.subscribe("py.limits.5", pending_msgs_limit=0, pending_bytes_limit=0)
        await publish_numbers(nc, "py.limits.5", range(100_000))
        assert (unbounded.pending_msgs, unbounded.dropped) == (100_000, 0)


@behaviour("limits-06")
async def test_a_slow_subscription_does_not_delay_another(url: str) -> None:
    async with dial(url) as nc:
        slow = await nc.subscribe("py.limits.6", pending_msgs_limit=2)
        quick = await nc.subscribe("py.limits.6")
        await publish_numbers(nc, "py.limits.6", range(1000))
        await receive_numbers(quick, range(1000))
        assert slow.pending_msgs == 2


async def test_a_slow_callback_is_seen_by_the_bound(url: str, events: Events) -> None:
    async with dial(url, **events.options) as nc:
        entered, leave = Latch(), Latch()

        async def slow(_: Any) -> None:
            entered.add()
            await leave.wait(1)

        sub = await nc.subscribe("py.limits.cb", cb=slow, pending_msgs_limit=4)
        await nc.publish("py.limits.cb")
        await entered.wait(1)
        await publish_numbers(nc, "py.limits.cb", range(1000))
        error = await events.wait_error("SLOW_CONSUMER")
        assert isinstance(error, errors.SlowConsumerError) and error.sub is sub
        assert entered.count == 1 and sub.dropped >= 900
        leave.add()
        await entered.wait(1 + 1000 - sub.dropped)
        await nc.drain()
        assert entered.count == 1 + 1000 - sub.dropped


async def test_a_slow_iterator_is_seen_by_the_bound(url: str, events: Events) -> None:
    async with dial(url, **events.options) as nc:
        sub = await nc.subscribe("py.limits.it", pending_msgs_limit=4)
        got = 0
        await nc.publish("py.limits.it")
        async for _ in sub:
            got += 1
            if got == 1:
                await publish_numbers(nc, "py.limits.it", range(1000))
                await events.wait_error("SLOW_CONSUMER")
                await sub.unsubscribe(limit=1)
        assert sub.dropped >= 900


async def test_a_bound_that_is_none(url: str) -> None:
    async with dial(url) as nc:
        for wrong in (-1, 1.5, "4"):
            with pytest.raises((TypeError, errors.Error), match="pending"):
                await nc.subscribe("py.limits.wrong", pending_msgs_limit=wrong)
        with pytest.raises(errors.Error, match="drop_newest"):
            await nc.subscribe("py.limits.wrong", overflow="nothing")
