"""The blocking API: the same behaviours where it takes another path."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from blocking import Told, dial, running
from harness import Harness
from nats_ffi import errors, sync
from support import (
    EAGER,
    WAIT,
    behaviour,
    descriptors,
    expect_exit,
    fails,
    resident_kb,
    run_child,
    taking,
    threads,
)


@behaviour("pubsub-01")
def test_publish_and_next_msg(url: str) -> None:
    with dial(url) as nc:
        sub = nc.subscribe("py.sync.1")
        for payload in (b"", b"a\0b\r\n", bytes(65536), bytearray(b"x"), memoryview(b"y")):
            nc.publish("py.sync.1", payload)
            msg = sub.next_msg(WAIT)
            assert msg.data == bytes(payload) and msg.subject == "py.sync.1"
        nc.publish("py.sync.1", b"x", reply="a.b", headers={"A": "b"})
        msg = sub.next_msg()
        assert (msg.reply, msg.headers) == ("a.b", {"A": "b"})


@behaviour("pubsub-02")
def test_iteration_keeps_the_order(url: str) -> None:
    with dial(url) as nc, dial(url) as other:
        sub = nc.subscribe("py.sync.2", pending_msgs_limit=0, max_msgs=20_000)
        nc.flush()

        def publish() -> None:
            for number in range(20_000):
                other.publish("py.sync.2", b"%d" % number)

        with running(publish) as failures:
            assert [int(msg.data) for msg in sub] == list(range(20_000))
        assert failures == []


@behaviour("pubsub-12")
def test_next_msg_waits_as_long_as_told(url: str) -> None:
    with dial(url) as nc:
        sub = nc.subscribe("py.sync.12")
        with taking(0.05), fails("TIMEOUT") as caught:
            sub.next_msg(timeout=0.05)
        assert isinstance(caught.value, TimeoutError | errors.TimeoutError)
        before = time.process_time()
        with fails("TIMEOUT"):
            sub.next_msg(timeout=0.5)
        assert time.process_time() - before < 0.2  # it does not wait busily
        nc.publish("py.sync.12", b"x")
        assert sub.next_msg(timeout=None).data == b"x"


@behaviour("pubsub-13")
def test_take(url: str) -> None:
    with dial(url) as nc:
        sub = nc.subscribe("py.sync.13")
        for number in range(10):
            nc.publish("py.sync.13", b"%d" % number)
        nc.flush()
        assert [int(msg.data) for msg in sub.take(8)] == list(range(8))
        assert [int(msg.data) for msg in sub.take(8)] == [8, 9]
        with fails("TIMEOUT"):
            sub.take(8, timeout=0.01)


@behaviour("pubsub-14")
def test_threads_take_from_one_subscription(url: str) -> None:
    with dial(url) as nc:
        sub = nc.subscribe("py.sync.14", max_msgs=1000)
        seen: list[int] = []

        def take() -> None:
            with fails("SUBSCRIPTION_ENDED"):
                while True:
                    seen.append(int(sub.next_msg(WAIT).data))

        with contextlib.ExitStack() as stack:
            failures = [stack.enter_context(running(take)) for _ in range(8)]
            for number in range(1000):
                nc.publish("py.sync.14", b"%d" % number)
        assert failures == [[]] * 8 and sorted(seen) == list(range(1000))


@behaviour("pubsub-15")
def test_threads_publish_over_one_connection(url: str) -> None:
    with dial(url) as nc:
        sub = nc.subscribe("py.sync.15", max_msgs=8000)

        def publish(letter: bytes) -> Callable[[], None]:
            return lambda: [nc.publish("py.sync.15", letter * (n % 200)) for n in range(1000)][0]

        with contextlib.ExitStack() as stack:
            failures = [stack.enter_context(running(publish(b"%c" % n))) for n in range(65, 73)]
            following = dict.fromkeys(range(65, 73), 0)
            empty = 0
            for msg in sub:
                if not msg.data:
                    empty += 1
                    continue
                number = msg.data[0]
                expected = following[number] + 1
                assert msg.data == bytes([number]) * expected
                following[number] = expected % 199
        assert failures == [[]] * 8 and empty == 8 * 5


@behaviour("request-01")
def test_requests(url: str) -> None:
    with dial(url) as nc:
        nc.subscribe("py.sync.r", cb=lambda msg: msg.respond(msg.data, headers=msg.headers))
        for _ in range(100):
            msg = nc.request("py.sync.r", b"x", timeout=WAIT, headers={"A": "b"})
            assert (msg.data, msg.headers) == (b"x", {"A": "b"})
        assert nc.request("py.sync.r", b"own", timeout=WAIT, old_style=True).data == b"own"
        with taking(), fails("NO_RESPONDERS"):
            nc.request("py.sync.nobody", timeout=60)
        nc.subscribe("py.sync.silent")
        with taking(0.05), fails("TIMEOUT"):
            nc.request("py.sync.silent", timeout=0.05)


@behaviour("request-06")
def test_many_answers(url: str) -> None:
    with dial(url) as nc:
        for _ in range(3):
            nc.subscribe("py.sync.many", cb=lambda msg: msg.respond(msg.data))
        nc.flush()
        answers = nc.request_many("py.sync.many", b"x", max_messages=2)
        assert [msg.data for msg in answers] == [b"x", b"x"]
        with fails("NO_RESPONDERS"):
            list(nc.request_many("py.sync.nobody"))


@behaviour("drain-05")
def test_close_from_another_thread(harness: Harness) -> None:
    fake = harness.fake("handshake", "silence")
    nc = sync.connect(fake.url)
    sub = nc.subscribe("a")
    calls: list[Callable[[], Any]] = [
        lambda: sub.next_msg(60),
        lambda: sub.take(1, timeout=60),
        lambda: nc.request("b", timeout=60),
        lambda: nc.flush(60),
        lambda: nc.rtt(60),
    ]
    with contextlib.ExitStack() as stack:
        ended = [stack.enter_context(running(call)) for call in calls]
        fake.tell("wait_text", connection=0, text="PUB b")
        with taking():
            nc.close()
            nc.close()
    names = [[getattr(error, "name", error) for error in errors] for errors in ended]
    assert names == [["CONNECTION_CLOSED"]] * 5


@behaviour("reconnect-01")
def test_reconnect(harness: Harness) -> None:
    server = harness.server()
    lost, found = Told(), Told()
    with dial(server.url, disconnected_cb=lost, reconnected_cb=found, **EAGER) as nc:
        sub = nc.subscribe("py.sync.rec")
        server.tell("kill")
        lost.wait(1)
        nc.publish("py.sync.rec", b"meanwhile")
        server.tell("restart")
        found.wait(1)
        assert sub.next_msg(WAIT).data == b"meanwhile"


@behaviour("reconnect-03")
def test_a_publish_waits_for_room_by_its_deadline(harness: Harness) -> None:
    server = harness.server()
    lost = Told()
    options = {**EAGER, "outbound_bytes": 10_000, "publish_timeout": 0.1}
    with dial(server.url, disconnected_cb=lost, **options) as nc:
        server.tell("kill")
        lost.wait(1)
        with taking(0.1), fails("OUTBOUND_FULL"):
            for _ in range(100):
                nc.publish("a", bytes(1000))


@behaviour("arguments-03")
def test_everything_after_close(url: str) -> None:
    nc = sync.connect(url)
    sub = nc.subscribe("py.sync.closed")
    nc.close()
    for call in (
        lambda: nc.publish("a"),
        lambda: nc.request("a"),
        lambda: nc.subscribe("a"),
        lambda: nc.flush(),
        lambda: nc.drain(),
        lambda: sub.next_msg(1),
        lambda: sub.unsubscribe(),
        lambda: list(nc.request_many("a")),
    ):
        with fails("CONNECTION_CLOSED"):
            call()
    assert list(sub) == [] and nc.is_closed


@pytest.mark.parametrize("call", ["next_msg", "request", "flush", "for", "connect"])
def test_ctrl_c_ends_a_wait_at_once(harness: Harness, call: str) -> None:
    fake = harness.fake("handshake", "silence")
    mute = harness.fake("silence")
    nc = sync.connect(fake.url)
    sub = nc.subscribe("a")
    calls: dict[str, Callable[[], Any]] = {
        "next_msg": lambda: sub.next_msg(60),
        "request": lambda: nc.request("b", timeout=60),
        "flush": lambda: nc.flush(60),
        "for": lambda: list(sub),
        "connect": lambda: sync.connect(mute.url, connect_timeout=60),
    }
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with taking(), pytest.raises(KeyboardInterrupt):
        calls[call]()
    timer.join()
    nc.close()


FORK = """
import os, sys
from nats_ffi import sync
from support import fails

nc = sync.connect(sys.argv[1])
sub = nc.subscribe("py.sync.fork")
pid = os.fork()
if pid == 0:
    for call in (lambda: nc.publish("a"), lambda: nc.request("a"), lambda: sub.next_msg(1),
                 nc.flush, nc.close):
        with fails("FORKED"):
            call()
    del nc, sub
    own = sync.connect(sys.argv[1])
    mine = own.subscribe("py.sync.fork.child")
    own.publish("py.sync.fork.child", b"x")
    assert mine.next_msg(5).data == b"x"
    sys.exit(9)
_, status = os.waitpid(pid, 0)
nc.publish("py.sync.fork", b"still here")
assert sub.next_msg(5).data == b"still here"
sys.exit(os.waitstatus_to_exitcode(status))
"""


@behaviour("process-01")
def test_fork(url: str) -> None:
    expect_exit(run_child(FORK, url), 9)


@behaviour("process-02")
def test_exit_with_a_live_connection(url: str) -> None:
    code = (
        "import sys\n"
        "from nats_ffi import sync\n"
        "nc = sync.connect(sys.argv[1])\n"
        "nc.subscribe('py.sync.exit', cb=lambda msg: nc.publish('py.sync.exit'))\n"
        "nc.publish('py.sync.exit')\n"
        "nc.flush()\n"
        "sys.exit(7)\n"
    )
    for _ in range(5):
        expect_exit(run_child(code, url), 7)


def test_connects_and_closes_leave_nothing(url: str) -> None:
    def cycle(times: int) -> None:
        for _ in range(times):
            with dial(url) as nc:
                nc.subscribe("py.sync.cycle", cb=lambda msg: None)
                nc.flush()

    cycle(100)
    before = descriptors(), threads(), resident_kb()
    cycle(500)
    # The threads follow how many callbacks ran at the same time, not how many connections were.
    assert descriptors() <= before[0] + 4 and threads() <= before[1] + 4
    assert resident_kb() <= before[2] + 4096


def test_wrong_types(url: str) -> None:
    with dial(url) as nc:
        sub = nc.subscribe("py.sync.types")
        for call in (
            lambda: nc.publish(7),
            lambda: nc.publish("a", 7),
            lambda: nc.publish("a", headers=7),
            lambda: nc.request("a", timeout="1"),
            lambda: nc.subscribe(None),
            lambda: sub.next_msg("1"),
        ):
            with pytest.raises(TypeError):
                call()
        with pytest.raises((TypeError, errors.Error), match="cb|callback"):
            nc.subscribe("a", cb=7)
