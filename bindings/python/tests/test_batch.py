"""Batches of messages to a stream, and many messages under way at once."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import nats_ffi as nats
import pytest
from anyloop import gather, give_up
from harness import Harness
from nats_ffi import errors
from streams import layout
from support import WAIT, dial, fails, taking


async def count(js: Any, name: str) -> int:
    """How many messages the stream has."""
    messages: int = (await js.stream_info(stream=name))["state"]["messages"]
    return messages


@pytest.mark.loops
async def test_an_atomic_batch(js_url: str, loop: str) -> None:
    name = f"ATOMIC_{loop}"
    async with dial(js_url, inject_cb=inject) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout(name), allow_atomic=True)
        batch = js.batch()
        for number in range(9):
            await batch.add(f"{name}.a", b"%d" % number, {"Own": "kept"})
        assert await batch.state() == {"kind": "atomic", "added": 9}
        assert await count(js, name) == 0
        ack = await batch.commit(f"{name}.last", b"9")
        assert (ack.stream, ack.seq, ack.batch_count) == (name, 10, 10)
        assert ack.batch_id is not None
        got = await js.stream_get_message(stream=name, seq=4)
        assert got["hdrs"]["Own"] == ["kept"] and got["hdrs"]["Traceparent"] == ["00-1"]
        assert await batch.state() == {"kind": "over"}
        for call in (lambda: batch.add(f"{name}.a"), lambda: batch.commit("a"), batch.close):
            with fails("BATCH_OVER"):
                await call()
        closed = js.batch(ack_every=2)
        await gather(*[lambda: closed.add(f"{name}.a")] * 5)
        assert (await closed.close()).batch_count == 5
        js.batch()
        left = js.batch(timeout=WAIT)
        await left.add(f"{name}.a")
        assert await count(js, name) == 15


def inject(headers: nats.Headers) -> None:
    headers["Traceparent"] = "00-1"


async def test_a_fast_batch(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout("FAST"), allow_batched=True)
        batch = js.batch(kind="fast", flow=10)
        for number in range(100):
            await batch.add("FAST.a", b"%d" % number)
        state = await batch.state()
        assert (state["kind"], state["added"], state["events"]) == ("fast", 100, [])
        assert 80 <= state["acknowledged"] <= 100
        ack = await batch.commit("FAST.a", b"100")
        assert (ack.seq, ack.batch_count) == (101, 101)
        patient = js.batch(kind="fast", gaps=True)
        await patient.add("FAST.a")
        await patient.add("FAST.a", b"", None, expected_last_sequence=7)
        assert (await patient.close()).batch_count == 2
        assert await count(js, "FAST") == 102


async def test_what_a_batch_refuses(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout("REFUSE"))
        with fails("JETSTREAM") as caught:
            await js.batch().add("REFUSE.a")
        assert isinstance(caught.value, errors.JetStreamError) and caught.value.err_code == 10174
        with fails("NO_RESPONDERS"):
            await js.batch().add("REFUSELESS.a")
        with fails("INVALID_ARGUMENT", "at least one"):
            await js.batch().close()
        await js.stream_update(**layout("REFUSE"), allow_atomic=True)
        batch, bad = js.batch(), Any
        bad = batch
        for arguments, options, kind, text in (
            ((1,), {}, TypeError, "subject: expected a str"),
            (("a", "text"), {}, TypeError, "payload: expected bytes"),
            (("a b",), {}, errors.BadSubjectError, "a b"),
            (("a",), {"mgs_id": "x"}, errors.InvalidOptionError, "msg_id"),
            (("a",), {"ttl": 0.5}, errors.InvalidOptionError, "'ttl'"),
        ):
            with pytest.raises(kind, match=re.escape(text)):
                await bad.add(*arguments, **options)
        # None of these was added.
        await batch.add("REFUSE.a")
        assert (await batch.commit("REFUSE.a")).batch_count == 2
        wrong: Any = js.batch
        for options, text in (
            ({"kind": "slow"}, "'kind'"),
            ({"timeout": 0}, "'timeout'"),
            ({"flwo": 1}, "'flow'"),
        ):
            with fails("INVALID_OPTION", text):
                wrong(**options)
    for call in (lambda: batch.add("a"), batch.close):
        with fails("BATCH_OVER"):
            await call()


@pytest.mark.loops
async def test_a_batch_may_be_given_up(js_url: str, loop: str) -> None:
    async with dial(js_url) as nc:
        await nc.subscribe(f"silent.{loop}")
        batch = nc.jetstream().batch(timeout=60)
        assert await give_up(lambda: batch.add(f"silent.{loop}"), 0.02)
        with fails("BATCH_OVER"):
            await batch.add(f"silent.{loop}")
        late = nc.jetstream().batch(timeout=0.05)
        with taking(0.05), fails("TIMEOUT"):
            await late.add(f"silent.{loop}")


@pytest.mark.loops
async def test_many_publishes_at_once(js_url: str, loop: str) -> None:
    name, seqs = f"MANY_{loop}", list[int]()
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout(name))

        async def publish() -> None:
            seqs.append((await js.publish(f"{name}.n", bytes(100))).seq)

        for _ in range(4):
            await gather(*[publish] * 256)
        assert sorted(seqs) == list(range(1, 1025))


@pytest.mark.loops
async def test_publishes_without_waiting(js_url: str, loop: str) -> None:
    name = f"AHEAD_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout(name))
        assert js.publish_async_pending() == 0
        await js.publish_async_completed()
        # More than may be under way.
        futures = [await js.publish_async(f"{name}.n", b"%d" % n) for n in range(10_000)]
        assert js.publish_async_pending() <= 4000
        await js.publish_async_completed()
        assert js.publish_async_pending() == 0
        acks = [await future for future in futures]
        assert [ack.seq for ack in acks] == list(range(1, 10_001))
        future = await js.publish_async(f"{name}.n", b"", None, expected_last_sequence=7)
        with fails("WRONG_LAST_SEQUENCE"):
            await future
        bad: Any = js.publish_async
        for arguments, kind in ((("a b",), errors.BadSubjectError), ((7,), TypeError)):
            with pytest.raises(kind):
                await bad(*arguments)
        with fails("INVALID_OPTION", "'msg_id'"):
            await bad("a", mgs_id="x")
        assert js.publish_async_pending() == 0


async def test_waiting_for_room_may_be_given_up(js_url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("nats_ffi.aio._flight.MOST", 2)
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await nc.subscribe("nowhere.silent")
        lost = [await js.publish_async("nowhere.silent", b"", timeout=0.2) for _ in range(2)]
        waiting = [asyncio.create_task(js.publish_async("nowhere.silent", timeout=0.01)) for _ in "123"]
        await asyncio.sleep(0)
        waiting[0].cancel()
        async with asyncio.timeout(WAIT):
            lost += [await task for task in waiting[1:]]
            assert waiting[0].cancelled()
            await js.publish_async_completed()
        for future in lost:
            with fails("TIMEOUT"):
                await future


async def test_publishes_that_a_connection_loses(harness: Harness) -> None:
    server = harness.server("jetstream")
    async with dial(server.url, allow_reconnect=False) as nc:
        js = nc.jetstream()
        await nc.subscribe("silent")
        futures = [await js.publish_async("silent", timeout=60) for _ in range(10)]
        await nc.flush()
        server.tell("kill")
        async with asyncio.timeout(WAIT):
            await js.publish_async_completed()
        for future in futures:
            with pytest.raises((errors.ConnectionLostError, errors.ConnectionClosedError)):
                await future
