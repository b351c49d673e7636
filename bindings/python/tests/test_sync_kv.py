"""Buckets of keys in the blocking API."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest
from blocking import Told, dial, running
from buckets import in_memory, short
from harness import Harness
from nats_ffi import errors
from nats_ffi.sync.jetstream import JetStream
from nats_ffi.sync.kv import KV_DEL, KV_PURGE, Entry, KeyValue, KeyWatcher
from support import WAIT, fails
from test_kv_more import Loud, Marked


def made(js: JetStream, bucket: str, **config: Any) -> KeyValue:
    return js.create_key_value(in_memory(bucket, **config))


def put(kv: KeyValue, *keys: str) -> None:
    for key in keys:
        kv.put(key, key.encode())


def expect(watcher: KeyWatcher, *expected: str) -> None:
    for told in expected:
        assert short(watcher.updates(WAIT)) == told


def test_buckets(harness: Harness) -> None:
    with dial(harness.server("jetstream").url) as nc:
        js = nc.jetstream()
        for call in (js.key_value, js.delete_key_value):
            with fails("BUCKET_NOT_FOUND"):
                call("b")
        with fails("BUCKET_NOT_FOUND"):
            js.update_key_value(bucket="b")
        made(js, "b", ttl=60)
        with fails("BUCKET_EXISTS"):
            made(js, "b")
        kv = js.update_key_value(in_memory("b"), ttl=30, replicas=1)
        put(kv, "k")
        status = js.key_value("b").status()
        assert (kv.bucket, status.bucket, status.values, status.ttl) == ("b", "b", 1, 30)
        assert js.kv_bucket_names() == {"buckets": ["b"]}
        assert js.delete_key_value("b") is True
        with fails("BUCKET_NOT_FOUND"):
            kv.get("k")
    with fails("CONNECTION_CLOSED"):
        kv.get("k")
    with fails("CONNECTION_CLOSED"):
        kv.put("k", b"v")


def test_what_makes_no_sense_is_named(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        kv, sent = made(js, "sync_bad"), nc.stats["out_msgs"]
        bad: Any = kv
        for call, kind, text in (
            (lambda: js.key_value("a b"), errors.InvalidNameError, "a b"),
            (lambda: js.create_key_value(bucket="x", history=65), errors.Error, "history: "),
            (lambda: js.create_key_value(bucket="x", ttl="1"), TypeError, "ttl: "),
            (lambda: js.key_value("x", read_onyl=True), errors.InvalidOptionError, "read_onl"),
            (lambda: bad.put(7, b""), TypeError, "key: expected a str"),
            (lambda: bad.put("k", "text"), TypeError, "payload: expected bytes"),
            (lambda: bad.update("k", b"", "1"), errors.InvalidOptionError, "'last'"),
            (lambda: bad.get("k", "1"), TypeError, "revision: "),
            (lambda: bad.get("k", 0), errors.InvalidArgumentError, "revision: "),
            (lambda: bad.get("a b"), errors.InvalidNameError, "a b"),
            (lambda: bad.watch(resume_from=0), errors.InvalidOptionError, "'resume_from'"),
            (lambda: bad.watch("a b"), errors.InvalidNameError, "a b"),
            (lambda: bad.watch("a", 7), errors.InvalidCallbackTypeError, "callback"),
        ):
            with pytest.raises(kind, match=text):
                call()
        assert nc.stats["out_msgs"] == sent


def test_values(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_values")
        with fails("KEY_NOT_FOUND"):
            kv.get("k")
        assert kv.get_entry("k") is None
        assert (kv.put("k", b"one"), kv.put("k", bytearray(b"\0\r\n"))) == (1, 2)
        entry = kv.get("k")
        assert isinstance(entry, Entry)
        assert (entry.bucket, entry.key, entry.value) == ("sync_values", "k", b"\0\r\n")
        assert (entry.revision, entry.delta, entry.operation) == (2, 0, None)
        assert abs(time.time() - entry.created.timestamp()) < 60
        assert kv.get("k", revision=1).value == b"one"
        assert [one and one.revision for one in kv.get_many(["none", "k"])] == [None, 2]
        with fails("MAX_PAYLOAD"):
            kv.put("k", bytes(nc.max_payload + 1))


def test_changes(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_changes")
        assert kv.create("k", b"1") == 1
        with fails("KEY_EXISTS"):
            kv.create("k", b"2")
        with fails("WRONG_LAST_SEQUENCE"):
            kv.update("k", b"2")
        assert kv.update("k", b"2", last=1) == 2
        with fails("WRONG_LAST_SEQUENCE"):
            kv.delete("k", last=1)
        assert kv.delete("k", 2) == 3
        assert kv.get_entry("k").operation == KV_DEL  # type: ignore[union-attr]
        assert kv.create("k", b"4") == 4
        with fails("WRONG_LAST_SEQUENCE"):
            kv.purge("k", last=1)
        assert kv.purge("k") == 5
        assert kv.get_entry("k").operation == KV_PURGE  # type: ignore[union-attr]
        assert kv.status().values == 1


def test_many_threads_modify_one_value(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_modified")

        def work() -> None:
            for _ in range(25):
                kv.modify("n", lambda entry: b"%d" % (1 + int(entry.value if entry else 0)))

        with running(work) as first, running(work) as second:
            work()
        assert (first, second, kv.get("n").value) == ([], [], b"75")
        assert kv.modify("n", lambda entry: None) is None


def test_a_handle_for_reading_alone(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        put(made(js, "sync_reading"), "k")
        reader = js.key_value("sync_reading", read_only=True)
        assert reader.get("k").value == b"k"
        for call in (
            lambda: reader.put("k", b""),
            lambda: reader.create("n", b""),
            lambda: reader.delete("k"),
            lambda: reader.purge("k"),
            lambda: reader.purge_deletes(),
        ):
            with fails("READ_ONLY"):
                call()


def test_keys_have_a_time_of_their_own(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_aging", history=1, limit_marker_ttl=60)
        watcher = kv.watch()
        kv.create("k", b"x", msg_ttl=1)
        expect(watcher, "-", "k=x", "k PURGE")


def test_a_watch(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_watched")
        put(kv, "a", "b", "a")
        kv.delete("b")
        seen = []
        for entry in kv.watch():
            if entry is None:
                break
            seen.append(short(entry))
        assert seen == ["a=a", "b DEL"]
        watcher = kv.watch(["a", "c.*"], updates_only=True)
        expect(watcher, "-")
        put(kv, "b", "c.1")
        expect(watcher, "c.1=c.1")
        expect(kv.watch("a", include_history=True), "a=a", "a=a", "-")
        expect(kv.watchall(ignore_deletes=True, meta_only=True), "a=", "b=", "c.1=", "-")
        expect(kv.watch(resume_from=6), "c.1=c.1", "-")
        with fails("TIMEOUT"):
            watcher.updates(0.02)
        with pytest.raises(errors.BadTimeoutError):
            watcher.updates(-1)


def test_a_watch_calls_back(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_called")
        put(kv, "a")
        told = Told()
        watcher = kv.watch(callback=lambda entry: told(short(entry)))
        # A value that is purged before it was sent is not there any more.
        assert told.wait(2) == ["a=a", "-"]
        kv.purge("a")
        assert told.wait(3) == ["a=a", "-", "a PURGE"]
        with pytest.raises(errors.Error, match="callback"):
            watcher.updates()
        watcher.stop()


def test_a_watch_ends(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        kv = made(js, "sync_ended")
        watcher, stopped = kv.watch(heartbeat=0.3), kv.watch()
        expect(watcher, "-")
        with running(lambda: [*stopped]) as failures:
            stopped.stop()
        assert failures == []
        with pytest.raises(errors.BadSubscriptionError):
            stopped.updates()
        js.delete_key_value("sync_ended")
        with fails("BUCKET_NOT_FOUND"):
            next(iter(watcher))
        with fails("BUCKET_NOT_FOUND"):
            kv.watch()


def test_ctrl_c_ends_waiting(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_interrupted")
        watcher, cache = kv.watch(), kv.cache()
        expect(watcher, "-")
        for wait in (lambda: watcher.updates(None), lambda: cache.wait(99)):
            timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                wait()
            timer.join()
        put(kv, "k")
        expect(watcher, "k=k")


def test_keys_and_history(js_url: str) -> None:
    with dial(js_url) as nc:
        kv = made(nc.jetstream(), "sync_listed")
        assert (kv.keys(), kv.history("a")) == ([], [])
        put(kv, "a", "a", "b.1", "c")
        kv.delete("c")
        assert (kv.keys(), kv.keys("b.*")) == (["a", "b.1"], ["b.1"])
        assert [entry.revision for entry in kv.history("a")] == [1, 2]
        assert (kv.purge_deletes(), kv.purge_deletes(olderthan=0)) == (1, 1)


def test_codecs(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        plain = made(js, "sync_coded")
        base64 = js.key_value("sync_coded", key_codecs="base64", value_codecs="base64")
        base64.put("a b", b"1")
        assert short(plain.get("YSBi")) == "YSBi=MQ"
        kv = plain.with_codecs(Loud(), Marked())
        kv.put("a", b"2")
        assert (short(plain.get("A")), short(kv.get("a"))) == ("A=!2", "a=2")
        expect(kv.watch(), "a=2", "-")
        assert kv.keys() == ["a"]
        with fails("UNSUPPORTED"):
            kv.keys("a.*")


def test_a_cache(js_url: str) -> None:
    with dial(js_url) as nc:
        js = nc.jetstream()
        kv = made(js, "sync_cached")
        put(kv, "a.1", "b.1")
        cache = kv.cache("a.*")
        assert (cache.keys(), short(cache.get("a.1")), cache.get("b.1")) == (
            ["a.1"],
            "a.1=a.1",
            None,
        )
        cache.wait(kv.put("a.2", b"2"), timeout=WAIT)
        assert short(cache.get("a.2")) == "a.2=2"
        with fails("TIMEOUT"):
            cache.wait(99, timeout=0.02)
        js.delete_key_value("sync_cached")
        with fails("BUCKET_NOT_FOUND"):
            cache.wait(99, timeout=WAIT)
        with fails("BUCKET_NOT_FOUND"):
            cache.keys()
