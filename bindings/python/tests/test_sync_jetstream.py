"""JetStream in the blocking API."""

from __future__ import annotations

import os
import re
import signal
import threading
from typing import Any

import pytest
from blocking import Told, dial, running
from harness import Harness
from nats_ffi import Headers, errors, sync
from streams import layout, numbers, stored_now, worker
from support import EAGER, WAIT, expect_exit, fails, run_child, taking


def left(js: Any, name: str) -> tuple[int, int]:
    info = js.consumer_info(stream=name, consumer="worker")
    return info["num_ack_pending"], info["num_pending"]


def test_streams_and_consumers(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        info = js.stream_create(**layout("SYNC"))
        config = {**info["config"], "max_msgs": 5}
        assert js.stream_update(**config)["config"]["max_msgs"] == 5
        assert js.stream_names(subject="SYNC.x") == {"streams": ["SYNC"]}
        js.consumer_create(stream="SYNC", config=worker())
        assert js.consumer_names(stream="SYNC") == {"consumers": ["worker"]}
        assert js.account_info()["streams"] > 0
        assert js.stream_delete(stream="SYNC") == {}
        with fails("STREAM_NOT_FOUND", "10059") as caught:
            js.stream_info(stream="SYNC")
        assert (caught.value.api_code, caught.value.err_code) == (404, 10059)  # type: ignore[attr-defined]
        with fails("INVALID_JSON", "max_msgs"):
            js.stream_create(name="SYNC", max_msgs="many")
        with pytest.raises(TypeError, match="subjects: "):
            js.stream_create(name="SYNC", subjects={"a"})
        with fails("INVALID_OPTION", "'domain'"):
            nc.jetstream(domian="x")
        assert nc.jetstream(domain="hub", timeout=2).api_prefix == "$JS.hub.API."
    with fails("CONNECTION_CLOSED"):
        sync.NATS().jetstream()


def test_publish(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        js.stream_create(**layout("SPUB"))
        assert (js.publish("SPUB.a", b"1").stream, js.publish("SPUB.a").seq) == ("SPUB", 2)
        twice = [js.publish("SPUB.a", b"3", Headers({"A": "b"}), msg_id="m") for _ in range(2)]
        assert [(ack.seq, ack.duplicate) for ack in twice] == [(3, False), (3, True)]
        with fails("WRONG_LAST_SEQUENCE"):
            js.publish("SPUB.a", expected_last_sequence=7)
        with taking(0.02), fails("NO_RESPONDERS"):
            js.publish("SPUBLESS", retries=1, retry_wait=0.02)
        nc.subscribe("SPUBLESS")
        with taking(0.02), fails("TIMEOUT"):
            js.publish("SPUBLESS", timeout=0.02)
        bad: Any = js.publish
        for arguments, options, kind, text in (
            ((7,), {}, TypeError, "subject: expected a str"),
            (("a", 7), {}, TypeError, "payload: expected bytes"),
            (("a b",), {}, errors.BadSubjectError, "a b"),
            (("a",), {"mgs_id": "x"}, errors.InvalidOptionError, "msg_id"),
            (("a",), {"retry_wait": "x"}, errors.InvalidOptionError, "'retry_wait'"),
        ):
            with pytest.raises(kind, match=text):
                bad(*arguments, **options)

        def publish() -> None:
            for _ in range(50):
                js.publish("SPUB.threads")

        with running(publish) as first, running(publish) as second:
            publish()
        assert (first, second) == ([], [])
        assert js.stream_info(stream="SPUB")["state"]["messages"] == 153


def test_fetch_and_acknowledge(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        stored_now(js, "SFETCH", 12)
        messages = js.fetch("SFETCH", "worker", 7)
        assert numbers(messages) == list(range(7))
        assert all(type(msg) is sync.Msg for msg in messages)
        assert messages[6].metadata.stream_sequence == 7
        nak, late, term, acked, *others = messages
        for _ in range(2):
            nak.in_progress()
        assert nak.nak() is None and late.nak(delay=0.05) is None and term.term("never") is None
        assert acked.ack() is None and others[0].ack_sync(timeout=WAIT) is None
        js.ack_all(msg for msg in others[1:])
        with fails("ALREADY_ACKED", "message 0"):
            js.ack_all(messages)
        for again in (acked.ack, term.nak, nak.term, late.in_progress, others[0].ack_sync):
            with fails("ALREADY_ACKED"):
                again()
        back = [js.fetch("SFETCH", "worker", 1)[0] for _ in range(7)]
        assert sorted(numbers(back)) == [0, 1, 7, 8, 9, 10, 11]
        for msg in back:
            msg.ack_sync()
        assert left(js, "SFETCH") == (0, 0)
        assert js.fetch("SFETCH", "worker", no_wait=True) == []
        with taking(0.05):
            assert js.fetch("SFETCH", "worker", expires=0.05) == []
        with taking(), fails("NO_RESPONDERS", "SFETCH.nobody"):
            js.fetch("SFETCH", "nobody")
        bad: Any = js
        for call, kind, text in (
            (lambda: bad.fetch("S", 7), TypeError, "consumer: expected a str"),
            (lambda: bad.fetch("a.b", "c"), errors.InvalidNameError, "a.b"),
            (lambda: bad.fetch("S", "c", 0), errors.InvalidOptionError, "'max_messages'"),
            (lambda: bad.ack_all(7), TypeError, "messages"),
            (lambda: bad.ack_all([None]), TypeError, "messages: .* at 0"),
            (lambda: messages[0].nak(delay=-1), errors.InvalidArgumentError, "delay"),
            (lambda: messages[0].ack_sync(timeout=-1), errors.BadTimeoutError, "timeout"),
        ):
            with pytest.raises(kind, match=text):
                call()
        sub = nc.subscribe("py.sync.plain")
        nc.publish("py.sync.plain", reply="an.answer")
        plain = sub.next_msg(WAIT)
        for call in (plain.ack, plain.ack_sync, plain.nak, plain.term, plain.in_progress):
            with fails("NOT_JETSTREAM"):
                call()
        with fails("NOT_JETSTREAM"):
            _ = plain.metadata
    for call in (js.account_info, lambda: js.publish("a"), lambda: js.fetch("S", "c")):
        with fails("CONNECTION_CLOSED"):
            call()


def test_an_acknowledgement_waits_for_room(harness: Harness) -> None:
    server = harness.server("jetstream")
    told = Told()
    options = {**EAGER, "outbound_bytes": 10_000, "publish_timeout": 0.05}
    with dial(server.url, **options, event_cb=lambda event: told(event["event"])) as nc:
        js = nc.jetstream()
        js.stream_create(**{**layout("SROOM"), "storage": "file"})
        js.consumer_create(stream="SROOM", config=worker())
        js.publish("SROOM.n", b"0")
        (msg,) = js.fetch("SROOM", "worker", 1)
        server.tell("kill")
        while "disconnected" not in told.all:
            told.wait(len(told.all) + 1)
        with fails("OUTBOUND_FULL"):
            while True:
                nc.publish("room")
        for say in (msg.ack, lambda: js.ack_all([msg])):
            with taking(0.05), fails("OUTBOUND_FULL"):
                say()
            assert not msg.is_acked
        server.tell("restart")
        while "reconnected" not in told.all:
            told.wait(len(told.all) + 1)
        msg.ack_sync(timeout=WAIT)
        assert left(js, "SROOM") == (0, 0)


def test_messages_without_end(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        stored_now(js, "SCONS", 20)
        got: list[int] = []
        sub = js.consume("SCONS", "worker", max_messages=4)
        for msg in sub:
            got += numbers([msg])
            msg.ack()
            if len(got) == 10:
                break
        while len(got) < 20:
            messages = sub.take(8, timeout=WAIT)
            js.ack_all(messages)
            got += numbers(messages)
        assert got == list(range(20))
        with fails("TIMEOUT"):
            sub.next_msg(timeout=0.01)
        sub.unsubscribe()
        told = Told()

        def handle(msg: sync.Msg) -> None:
            msg.ack()
            told(int(msg.data), threading.current_thread())

        sub = js.consume("SCONS", "worker", handle)
        for number in range(20, 40):
            js.publish("SCONS.n", b"%d" % number)
        assert told.wait(20) == list(range(20, 40))
        sub.drain()
        assert left(js, "SCONS") == (0, 0)
        sub = js.consume("SCONS", "worker")
        # A request that the consumer has not seen yet would be lost with it.
        while js.consumer_info(stream="SCONS", consumer="worker")["num_waiting"] == 0:
            pass
        js.consumer_delete(stream="SCONS", consumer="worker")
        with fails("CONSUMER_NOT_FOUND"):
            sub.next_msg(WAIT)
        bad: Any = js.consume
        with pytest.raises(errors.InvalidCallbackTypeError, match="callback"):
            bad("S", "c", 7)
        with pytest.raises(errors.InvalidNameError, match=re.escape("a.b")):
            bad("a.b", "c")
        with pytest.raises(errors.InvalidOptionError, match="'threshold'"):
            bad("S", "c", threshold=-1)


def test_ctrl_c_ends_a_fetch(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        stored_now(js, "SINT", 0)
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with taking(), pytest.raises(KeyboardInterrupt):
            js.fetch("SINT", "worker")
        timer.join()
        js.publish("SINT.n", b"0")
        assert numbers(js.fetch("SINT", "worker", 1)) == [0]


FORK = """
import os, sys
from nats_ffi import sync
from streams import stored_now
from support import fails

nc = sync.connect(sys.argv[1])
js = nc.jetstream()
stored_now(js, "SFORK", 1)
messages = js.fetch("SFORK", "worker", 1)
pid = os.fork()
if pid == 0:
    for call in (js.account_info, lambda: js.publish("a"), lambda: js.fetch("S", "c"),
                 messages[0].ack, lambda: js.ack_all(messages), lambda: messages[0].metadata,
                 lambda: js.consume("S", "c"), nc.jetstream):
        with fails("FORKED"):
            call()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
messages[0].ack_sync()
nc.close()
"""


def test_fork(js_url: str) -> None:
    expect_exit(run_child(FORK, js_url), 0)
