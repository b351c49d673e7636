"""Batches, and publishers with many messages under way, in the blocking API."""

from __future__ import annotations

from typing import Any

import pytest
from blocking import dial, running
from nats_ffi import errors
from streams import layout
from support import WAIT, expect_exit, fails, run_child, taking


def test_batches(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        js.stream_create(**layout("SBATCH"), allow_atomic=True, allow_batched=True)
        batch = js.batch()
        for number in range(9):
            batch.add("SBATCH.a", b"%d" % number, {"Own": "kept"})
        assert batch.state() == {"kind": "atomic", "added": 9}
        ack = batch.commit("SBATCH.a", b"9", msg_id="last")
        assert (ack.seq, ack.batch_count) == (10, 10)
        for call in (lambda: batch.add("SBATCH.a"), batch.close):
            with fails("BATCH_OVER"):
                call()
        fast = js.batch(kind="fast", flow=10)

        def add() -> None:
            for _ in range(50):
                fast.add("SBATCH.a")

        with running(add) as first, running(add) as second:
            add()
        assert (first, second) == ([], [])
        assert fast.state()["added"] == 150
        assert fast.close().batch_count == 150
        assert js.stream_info(stream="SBATCH")["state"]["messages"] == 160
        with fails("INVALID_OPTION", "'kind'"):
            js.batch(kind="slow")  # type: ignore[arg-type]
        nc.subscribe("SBATCHLESS")
        with taking(0.05), fails("TIMEOUT"):
            js.batch(timeout=0.05).add("SBATCHLESS")


def test_what_becomes_of_messages_is_told_by_their_tokens(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        js.stream_create(**layout("TOLD"))
        publisher = js.publisher(window=100)
        told: dict[int, Any] = {}
        for token in range(1000):
            publisher.publish("TOLD.n", b"%d" % token, {"Own": "kept"}, token=token)
            if publisher.in_flight > 50:
                told.update(publisher.take(64, WAIT))
        while len(told) < 1000:
            told.update(publisher.take(timeout=WAIT))
        assert [told[token].seq for token in range(1000)] == list(range(1, 1001))
        assert publisher.in_flight == 0
        with taking(0.02), fails("TIMEOUT"):
            publisher.take(timeout=0.02)
        publisher.publish("TOLD.n", expected_last_sequence=7, token=2**64 - 1)
        ((token, error),) = publisher.take(timeout=None)
        assert token == 2**64 - 1 and isinstance(error, errors.WrongLastSequenceError)
        assert error.err_code == 10071
        publisher.complete()


def test_messages_without_a_token(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        js.stream_create(**layout("UNTOLD"))
        with js.publisher() as publisher:
            for _ in range(5000):
                publisher.publish("UNTOLD.n", b"x")
        assert js.stream_info(stream="UNTOLD")["state"]["messages"] == 5000
        for _ in range(2):
            publisher.publish("UNTOLD.n", expected_last_sequence=7)
        with fails("WRONG_LAST_SEQUENCE", "2 messages were not stored"):
            publisher.complete(WAIT)
        publisher.complete(WAIT)
        with fails("NO_RESPONDERS"), js.publisher() as publisher:
            publisher.publish("UNTOLDLESS", retries=0)


def test_a_window_that_stays_full(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        nc.subscribe("FULL.silent")
        publisher = js.publisher(window=2, stall=0.03, ack_timeout=0.5)
        for token in range(2):
            publisher.publish("FULL.silent", token=token)
        with taking(0.03), fails("PUBLISHER_STALLED"):
            publisher.publish("FULL.silent")
        with taking(0.03), fails("TIMEOUT", "2 messages"):
            publisher.complete(0.03)
        outcomes = publisher.take(1, WAIT) + publisher.take(1, WAIT)
        assert sorted(token for token, _ in outcomes) == [0, 1]
        assert all(isinstance(error, errors.TimeoutError) for _, error in outcomes)
        bad: Any = publisher
        for call, kind, text in (
            (lambda: bad.publish(7), TypeError, "subject: expected a str"),
            (lambda: bad.publish("a b"), errors.BadSubjectError, "a b"),
            (lambda: bad.publish("a", mgs_id="x"), errors.InvalidOptionError, "msg_id"),
            (lambda: bad.publish("a", token="x"), TypeError, "str"),
            (lambda: bad.publish("a", token=-1), OverflowError, "negative"),
            (lambda: bad.take("x"), TypeError, "max_outcomes"),
            (lambda: bad.take(0), errors.InvalidArgumentError, "max_outcomes"),
            (lambda: bad.take(1, -1), errors.BadTimeoutError, "timeout"),
            (lambda: bad.complete(None), TypeError, "timeout"),
            (lambda: js.publisher(window=0), errors.InvalidOptionError, "'window'"),
            (lambda: js.publisher(stall="x"), errors.InvalidOptionError, "'stall'"),  # type: ignore[arg-type]
        ):
            with pytest.raises(kind, match=text):
                call()
    for call in (lambda: bad.take(1), lambda: bad.publish("a"), js.publisher):
        with fails("CONNECTION_CLOSED"):
            call()


FORK = """
import os, sys
from nats_ffi import sync
from support import fails

nc = sync.connect(sys.argv[1])
js = nc.jetstream()
publisher, batch = js.publisher(), js.batch()
pid = os.fork()
if pid == 0:
    for call in (lambda: publisher.publish("a"), publisher.take, publisher.complete,
                 lambda: batch.add("a"), batch.state, js.publisher, js.batch):
        with fails("FORKED"):
            call()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
publisher.complete()
nc.close()
"""


def test_fork(js_url: str) -> None:
    expect_exit(run_child(FORK, js_url), 0)
