"""Callbacks of the blocking API, which run on delivery threads."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import pytest
from blocking import Told, dial
from nats_ffi import errors
from support import WAIT, behaviour, fails


@behaviour("drain-02")
def test_drain_waits_for_callbacks(url: str) -> None:
    told = Told()

    def slow(msg: Any) -> None:
        time.sleep(0.0005)
        told(msg)

    with dial(url) as nc:
        nc.subscribe("py.sync.drain", cb=slow)
        for _ in range(200):
            nc.publish("py.sync.drain", b"x")
        nc.flush()
        nc.drain()
        assert nc.is_closed and len(told.all) == 200
        with fails("CONNECTION_CLOSED"):
            nc.publish("a")


@behaviour("callbacks-01")
def test_a_callback_may_do_everything(url: str) -> None:
    told = Told()
    with dial(url) as nc:
        nc.subscribe("py.sync.echo", cb=lambda msg: msg.respond(msg.data))

        def everything(_: Any) -> None:
            nc.flush()
            assert nc.rtt() > 0
            told(nc.request("py.sync.echo", b"x", timeout=WAIT).data)

        for _ in range(16):
            nc.subscribe("py.sync.call", cb=everything)
        for _ in range(3):
            nc.publish("py.sync.call")
        assert told.wait(48) == [b"x"] * 48


@behaviour("callbacks-02")
@pytest.mark.parametrize("end", ["unsubscribe", "drain"])
def test_a_callback_may_end_its_subscription(url: str, end: str) -> None:
    told = Told()
    with dial(url) as nc:

        def end_it(msg: Any) -> None:
            getattr(sub, end)()
            told(msg)

        sub = nc.subscribe("py.sync.end", cb=end_it)
        nc.publish("py.sync.end")
        told.wait(1)
        with contextlib.suppress(errors.BadSubscriptionError):  # it has ended already
            sub.drain()
        nc.publish("py.sync.end")
        nc.flush()
        nc.drain()
        assert len(told.all) == 1


@behaviour("callbacks-03")
@pytest.mark.parametrize("end", ["close", "drain"])
def test_a_callback_may_close_its_connection(url: str, end: str) -> None:
    told, closed = Told(), Told()
    with dial(url, closed_cb=closed) as nc:

        def end_it(msg: Any) -> None:
            getattr(nc, end)()
            told(msg)

        nc.subscribe("py.sync.close", cb=end_it)
        nc.publish("py.sync.close")
        told.wait(1)
        closed.wait(1)
        assert nc.is_closed


@behaviour("callbacks-04")
def test_callbacks_that_block_stall_their_own_subscriptions(url: str) -> None:
    entered, other, gate = Told(), Told(), threading.Event()
    with dial(url) as nc:

        def block(msg: Any) -> None:
            entered(msg)
            gate.wait(WAIT)

        for _ in range(16):
            nc.subscribe("py.sync.block", cb=block)
        nc.subscribe("py.sync.block.other", cb=other)
        nc.publish("py.sync.block")
        entered.wait(16)
        nc.publish("py.sync.block.other")
        other.wait(1)
        nc.flush()
        gate.set()
        nc.drain()


def test_a_callback_that_throws(url: str) -> None:
    told, failed = Told(), Told()
    with dial(url, error_cb=failed) as nc:

        def fail_on_odd(msg: Any) -> None:
            if int(msg.data) % 2:
                raise ValueError(msg.data.decode())
            told(msg)

        nc.subscribe("py.sync.throw", cb=fail_on_odd)
        for number in range(10):
            nc.publish("py.sync.throw", b"%d" % number)
        told.wait(5)
        assert [str(error) for error in failed.wait(5)] == ["1", "3", "5", "7", "9"]


@behaviour("limits-01")
def test_a_slow_callback_is_seen_by_the_bound(url: str) -> None:
    entered, failed, gate = Told(), Told(), threading.Event()
    with dial(url, error_cb=failed) as nc:

        def block(msg: Any) -> None:
            entered(msg)
            gate.wait(WAIT)

        sub = nc.subscribe("py.sync.slow", cb=block, pending_msgs_limit=4)
        nc.publish("py.sync.slow")
        entered.wait(1)
        for _ in range(500):
            nc.publish("py.sync.slow")
        nc.flush()
        assert isinstance(failed.wait(1)[0], errors.SlowConsumerError)
        assert sub.dropped >= 400
        gate.set()
        nc.drain()
