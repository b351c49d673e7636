"""JetStream: the control plane, and publishing with acknowledgement."""

from __future__ import annotations

import asyncio
import base64
import inspect
import re
from pathlib import Path
from typing import Any

import nats_ffi as nats
import pytest
from anyloop import gather, give_up
from harness import Harness
from nats_ffi import errors, sync
from nats_ffi.aio.jetstream import JetStream
from streams import layout, numbers, stored, worker
from support import TESTS, WAIT, dial, fails, taking


def test_every_operation_is_a_method() -> None:
    page = (TESTS.parents[2] / "docs" / "ops.md").read_text()
    names = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    operations = names[names.index("account_info") :]
    assert len(operations) > 20
    for name in operations:
        awaited, blocking = getattr(JetStream, name), getattr(sync.jetstream.JetStream, name)
        assert inspect.iscoroutinefunction(awaited) and not inspect.iscoroutinefunction(blocking)
        assert inspect.getdoc(awaited) == inspect.getdoc(blocking)
        assert inspect.signature(awaited) == inspect.signature(blocking)


@pytest.mark.loops
async def test_streams(js_url: str, loop: str) -> None:
    name = f"STREAMS_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        info = await js.stream_create(**layout(name))
        assert info["config"]["name"] == name and info["config"]["retention"] == "limits"
        config = {**info["config"], "max_msgs": 5}
        assert (await js.stream_update(**config))["config"]["max_msgs"] == 5
        with fails("STREAM_EXISTS"):
            await js.stream_create(**layout(name))
        again = await js.stream_create_or_update(**config, description=None)
        assert again["config"] == {**info["config"], "max_msgs": 5}
        assert name in (await js.stream_names())["streams"]
        assert await js.stream_names(subject=f"{name}.x") == {"streams": [name]}
        listed = (await js.stream_list(subject=f"{name}.x"))["streams"]
        assert [stream["config"]["name"] for stream in listed] == [name]
        assert await js.stream_by_subject(subject=f"{name}.1") == {"stream": name}
        for subject in ("a", "b", "b"):
            await js.publish(f"{name}.{subject}", b"\x00\xff", {"Own": "kept"})
        counted = await js.stream_info(stream=name, subjects_filter=">")
        assert counted["state"]["subjects"] == {f"{name}.a": 1, f"{name}.b": 2}
        got = await js.stream_get_message(stream=name, last_by_subj=f"{name}.a")
        assert (got["seq"], base64.b64decode(got["data"])) == (1, b"\x00\xff")
        assert got["hdrs"] == {"Own": ["kept"]}
        assert await js.stream_delete_message(stream=name, seq=2) == {}
        gone = await js.stream_info(stream=name, deleted_details=True)
        assert gone["state"]["deleted"] == [2]
        assert await js.stream_purge(stream=name, filter=f"{name}.b") == {"purged": 1}
        assert (await js.account_info())["streams"] > 0
        assert await js.stream_delete(stream=name) == {}


async def test_consumers(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "CONS", 0)
        both = {"stream": "CONS", "consumer": "worker"}
        with fails("CONSUMER_EXISTS"):
            await js.consumer_create(stream="CONS", config=worker(ack_wait=1_000_000_000))
        updated = await js.consumer_update(stream="CONS", config=worker(description="d"))
        assert updated["config"]["description"] == "d"
        other = {"name": "other", "inactive_threshold": 60_000_000_000}
        assert (await js.consumer_create_or_update(stream="CONS", config=other))["name"] == "other"
        assert (await js.consumer_info(**both))["num_pending"] == 0
        assert set((await js.consumer_names(stream="CONS"))["consumers"]) == {"worker", "other"}
        assert len((await js.consumer_list(stream="CONS"))["consumers"]) == 2
        until = "2100-01-01T00:00:00Z"
        assert (await js.consumer_pause(**both, pause_until=until))["paused"]
        assert not (await js.consumer_resume(**both))["paused"]
        assert (await js.consumer_reset(**both))["name"] == "worker"
        assert await js.consumer_delete(**both) == {}
        with fails("CONSUMER_NOT_FOUND"):
            await js.consumer_info(**both)


async def test_refusals_have_names_and_numbers(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        with fails("STREAM_NOT_FOUND", "STREAM_NOT_FOUND", "10059") as caught:
            await js.stream_info(stream="NOBODY")
        assert isinstance(caught.value, errors.StreamNotFoundError)
        refused = (caught.value.api_code, caught.value.err_code, caught.value.description)
        assert refused == (404, 10059, "stream not found")
        # What the library does not know is the server's to judge.
        with fails("JETSTREAM", "not_known") as caught:
            await js.stream_create(name="REFUSED", not_known=1)
        assert isinstance(caught.value, errors.JetStreamError) and caught.value.err_code == 10025
        none = errors.StreamNotFoundError()
        assert (none.api_code, none.err_code, none.description) == (0, 0, "")


async def test_bad_documents_are_named(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        with fails("INVALID_NAME", "a.b"):
            await js.stream_info(stream="a.b")
        with fails("INVALID_JSON", "max_msgs"):
            await js.stream_create(name="BAD", max_msgs="many")
        with fails("INVALID_JSON", "placement.tags[0]"):
            await js.stream_create(name="BAD", placement={"tags": [1]})
        with fails("INVALID_JSON", "seq"):
            await js.stream_delete_message(stream="BAD")
        with pytest.raises(TypeError, match="subjects: .*set"):
            await js.stream_create(name="BAD", subjects={"a"})
        with pytest.raises(TypeError, match="max_age: "):
            await js.stream_create(name="BAD", max_age=float("nan"))
        unnamed: Any = js
        with pytest.raises(TypeError, match="strem"):
            await unnamed.stream_info(strem="BAD")
        with pytest.raises(TypeError, match="stream"):
            await unnamed.stream_info()
        with fails("INVALID_ARGUMENT", "stream_eat"):
            await unnamed._operate("stream_eat", {})
        with fails("INVALID_ARGUMENT", "connection_servers"):
            await unnamed._operate("connection_servers", {})


async def test_the_way_to_it(url: str, js_url: str) -> None:
    with fails("CONNECTION_CLOSED", "not connected"):
        nats.NATS().jetstream()
    async with dial(url) as nc:
        with fails("JETSTREAM_NOT_ENABLED"):
            await nc.jetstream().account_info()
    async with dial(js_url) as nc:
        assert nc.jetstream().api_prefix == "$JS.API."
        assert nc.jetstream(domain="hub").api_prefix == "$JS.hub.API."
        assert nc.jetstream(api_prefix="other.api").api_prefix == "other.api."
        with taking(), fails("JETSTREAM_NOT_ENABLED", "other.api"):
            await nc.jetstream(api_prefix="other.api").account_info()
        bad: Any = nc.jetstream
        for options, text in (
            ({"domian": "x"}, "'domain'"),
            ({"domain": 1}, "'domain': expected a string"),
            ({"domain": "a b"}, "domain"),
            ({"domain": "a", "api_prefix": "b"}, "api_prefix"),
            ({"timeout": 0}, "'timeout'"),
        ):
            with fails("INVALID_OPTION", text):
                bad(**options)
        await nc.subscribe("silent.api.>")
        with taking(0.05), fails("TIMEOUT"):
            await nc.jetstream(api_prefix="silent.api", timeout=0.05).account_info()


async def test_a_domain(harness: Harness, tmp_path: Path) -> None:
    store = f'jetstream {{domain: hub, store_dir: "{tmp_path}"}}'
    async with dial(harness.server("plain", extra=store).url) as nc:
        js = nc.jetstream(domain="hub")
        await stored(js, "DOMAIN", 1)
        assert (await js.publish("DOMAIN.n", b"1")).domain == "hub"
        assert numbers(await js.fetch("DOMAIN", "worker", 2)) == [0, 1]


@pytest.mark.loops
async def test_a_publish_is_stored(js_url: str, loop: str) -> None:
    name = f"PUB_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout(name))
        ack = await js.publish(f"{name}.a", b"one")
        assert (ack.stream, ack.seq, ack.duplicate) == (name, 1, False)
        assert (ack.domain, ack.value, ack.batch_id, ack.batch_count) == (None, None, None, 0)
        assert repr(ack) == f"PubAck(stream='{name}', seq=1)"
        twice = [await js.publish(f"{name}.a", b"two", msg_id="m") for _ in range(2)]
        assert [(ack.seq, ack.duplicate) for ack in twice] == [(2, False), (2, True)]
        await js.publish(f"{name}.h", bytearray(b"x"), {"Own": ["a", "b"]}, msg_id="h")
        got = await js.stream_get_message(stream=name, seq=3)
        assert got["hdrs"] == {"Own": ["a", "b"], "Nats-Msg-Id": ["h"]}

        async def publish() -> None:
            await js.publish(f"{name}.many", b"x")

        await gather(*[publish] * 50)
        assert (await js.stream_info(stream=name))["state"]["messages"] == 53


async def test_a_publish_says_what_it_expects(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout("EXPECT"))
        await js.publish("EXPECT.a", b"1", msg_id="first")
        for wrong, name in (
            ({"expected_last_sequence": 7}, "WRONG_LAST_SEQUENCE"),
            ({"expected_last_subject_sequence": 0}, "WRONG_LAST_SEQUENCE"),
            ({"expected_last_msg_id": "other"}, "JETSTREAM"),
            ({"expected_stream": "OTHER"}, "JETSTREAM"),
        ):
            with fails(name) as caught:
                await js.publish("EXPECT.a", b"x", None, **wrong)  # type: ignore[arg-type]
            assert isinstance(caught.value, errors.JetStreamError) and caught.value.err_code > 10000
        ack = await js.publish(
            "EXPECT.b",
            b"2",
            expected_stream="EXPECT",
            expected_last_sequence=1,
            expected_last_msg_id="first",
            expected_last_subject_sequence=1,
            expected_last_subject="EXPECT.a",
            timeout=WAIT,
        )
        assert ack.seq == 2


async def test_a_publish_may_expire_count_and_end_a_batch(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout("TTL"), allow_msg_ttl=True, allow_atomic=True)
        await js.publish("TTL.a", b"x", ttl=90)
        got = await js.stream_get_message(stream="TTL", seq=1)
        assert got["hdrs"]["Nats-TTL"] == ["90s"]
        batch = {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"}
        ack = await js.publish("TTL.b", b"x", headers=batch)
        assert (ack.batch_id, ack.batch_count) == ("b", 1)
        await js.stream_create(**layout("COUNT"), allow_msg_counter=True)
        for total in ("2", "4"):
            assert (await js.publish("COUNT.a", b"", {"Nats-Incr": "2"})).value == total


async def test_publishes_that_nobody_stores(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        with taking(), fails("NO_RESPONDERS", "NOWHERE.a"):
            await js.publish("NOWHERE.a", b"x", retries=0)
        with taking(0.04), fails("NO_RESPONDERS", "NOWHERE.a"):
            await js.publish("NOWHERE.a", b"x", retries=2, retry_wait=0.02)
        await nc.subscribe("NOWHERE.silent")
        with taking(0.05), fails("TIMEOUT"):
            await js.publish("NOWHERE.silent", b"x", timeout=0.05)

        async def chat(msg: nats.Msg) -> None:
            await msg.respond(b"+OK")

        await nc.subscribe("NOWHERE.talks", cb=chat)
        with fails("PROTOCOL", "NOWHERE.talks"):
            await js.publish("NOWHERE.talks", b"x")
        # One of the next attempts finds the stream that is made meanwhile.
        publishing = asyncio.create_task(
            js.publish("LATE.a", b"late", {"Own": "kept"}, retries=1000, retry_wait=0.01)
        )
        await asyncio.sleep(0)
        await js.account_info()
        await js.stream_create(**layout("LATE"))
        assert (await asyncio.wait_for(publishing, WAIT)).stream == "LATE"
        got = await js.stream_get_message(stream="LATE", last_by_subj="LATE.a")
        assert (base64.b64decode(got["data"]), got["hdrs"]) == (b"late", {"Own": ["kept"]})


@pytest.mark.loops
async def test_waiting_publishes_may_be_given_up(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await nc.subscribe("GIVEN.up")
        assert await give_up(lambda: js.publish("GIVEN.up", b"", timeout=60), 0.02)
        again = {"retries": 1000, "retry_wait": 0.01}
        assert await give_up(lambda: js.publish("GIVEN.none", b"", **again), 0.05)  # type: ignore[arg-type]


async def test_bad_publishes_are_named(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        bad: Any = js.publish
        for arguments, kind, text in (
            ((1, b""), TypeError, "subject: expected a str"),
            (("a", "text"), TypeError, "payload: expected bytes"),
            (("a", b"", 7), TypeError, "headers: expected"),
            (("a..b", b""), errors.BadSubjectError, "a..b"),
            (("a", b"", {"a b": "c"}), errors.BadHeaderError, "a b"),
            (("a", bytes(nc.max_payload + 1)), errors.MaxPayloadError, "maximum"),
        ):
            with pytest.raises(kind, match=re.escape(text)):
                await bad(*arguments)
        for options, text in (
            ({"mgs_id": "x"}, "did you mean 'msg_id'"),
            ({"msg_id": 7}, "'msg_id': expected a string"),
            ({"expected_last_sequence": -1}, "'expected_last_sequence'"),
            ({"ttl": 0.5}, "'ttl': "),
            ({"timeout": 0}, "'timeout': "),
            ({"timeout": object()}, "'timeout': "),
        ):
            with fails("INVALID_OPTION", text):
                await bad("a", b"", **options)
        with fails("INVALID_HEADER"):
            await js.publish("a", b"", msg_id="a\r\nb")
        await nc.close()
        for call in (
            lambda: js.publish("a", b""),
            lambda: js.account_info(),
            lambda: js.fetch("S", "c"),
            lambda: js.consume("S", "c"),
        ):
            with fails("CONNECTION_CLOSED"):
                await call()


def inject(headers: nats.Headers) -> None:
    headers["Traceparent"] = "00-1"


async def test_what_is_published_carries_the_context(js_url: str) -> None:
    async with dial(js_url, inject_cb=inject) as nc:
        js = nc.jetstream()
        await stored(js, "INJECT", 1)
        (msg,) = await js.fetch("INJECT", "worker", 1)
        assert msg.headers == {"Traceparent": "00-1"} and numbers([msg]) == [0]
