"""JetStream: messages of consumers, fetched and consumed, and what is said of them."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import nats_ffi as nats
import pytest
from anyloop import give_up
from harness import Harness
from nats_ffi import Msg, errors
from streams import layout, numbers, stored, worker
from support import EAGER, WAIT, Events, Latch, dial, fails, lose, regain, taking

SECOND = 1_000_000_000


async def left(js: Any, name: str) -> tuple[int, int]:
    """How many messages wait for their acknowledgement, and how many are still to come."""
    info = await js.consumer_info(stream=name, consumer="worker")
    return info["num_ack_pending"], info["num_pending"]


@pytest.mark.loops
async def test_fetch(js_url: str, loop: str) -> None:
    name = f"FETCH_{loop}"
    async with dial(js_url) as nc:
        js, before = nc.jetstream(), time.time_ns()
        await stored(js, name, 12)
        messages = await js.fetch(name, "worker", 5)
        assert numbers(messages) == [0, 1, 2, 3, 4]
        assert all(type(msg) is Msg and msg.subject == f"{name}.n" for msg in messages)
        about = messages[4].metadata
        assert (about.stream, about.consumer, about.domain) == (name, "worker", None)
        assert (about.delivered, about.stream_sequence, about.consumer_sequence) == (1, 5, 5)
        assert about.pending == 7 and before <= about.timestamp_ns <= time.time_ns()
        assert repr(about).startswith(f"Metadata(stream='{name}', consumer='worker', ")
        assert numbers(await js.fetch(name, "worker", no_wait=True)) == list(range(5, 12))
        assert await js.fetch(name, "worker", no_wait=True) == []
        with taking(0.1):
            assert await js.fetch(name, "worker", 3, expires=0.1) == []
        await js.publish(f"{name}.n", b"12")
        with taking(0.1):
            assert numbers(await js.fetch(name, "worker", 3, expires=0.1, heartbeat=0.05)) == [12]


async def test_fetch_in_large(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await js.stream_create(**layout("LARGE"))
        for number in range(10_000):
            await nc.publish("LARGE.n", b"%d" % number, headers={"Number": str(number)})
        await nc.flush()
        await js.consumer_create(stream="LARGE", config=worker(ack_policy="none"))
        messages = await js.fetch("LARGE", "worker", 10_000)
        assert numbers(messages) == list(range(10_000)) and gc.isenabled()
        assert messages[7].headers == {"Number": "7"}
        await js.consumer_create(stream="LARGE", config={"durable_name": "bytes"})
        assert 1 <= len(await js.fetch("LARGE", "bytes", 10_000, max_bytes=10_000)) < 1000


async def test_fetches_that_fail(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "FAILS", 0)
        with taking(), fails("NO_RESPONDERS", "FAILS.nobody"):
            await js.fetch("FAILS", "nobody")
        waiting = asyncio.create_task(js.fetch("FAILS", "worker"))
        while (await js.consumer_info(stream="FAILS", consumer="worker"))["num_waiting"] == 0:
            pass
        await js.consumer_delete(stream="FAILS", consumer="worker")
        with fails("CONSUMER_NOT_FOUND", "FAILS.worker"):
            await asyncio.wait_for(waiting, WAIT)
        bad: Any = js.fetch
        for arguments, options, kind, text in (
            ((1, "c"), {}, TypeError, "stream: expected a str"),
            (("S", None), {}, TypeError, "consumer: expected a str"),
            (("a b", "c"), {}, errors.InvalidNameError, "a b"),
            (("S", "c.d"), {}, errors.InvalidNameError, "c.d"),
            (("S", "c", 0), {}, errors.InvalidOptionError, "'max_messages'"),
            (("S", "c", "x"), {}, errors.InvalidOptionError, "'max_messages'"),
            (("S", "c"), {"expire": 1}, errors.InvalidOptionError, "'expires"),
            (("S", "c"), {"expires": 1, "heartbeat": 1}, errors.InvalidArgumentError, "heartbeat"),
            (("S", "c"), {"priority": 10}, errors.InvalidOptionError, "'priority'"),
        ):
            with pytest.raises(kind, match=re.escape(text)):
                await bad(*arguments, **options)


@pytest.mark.loops
async def test_a_fetch_may_be_given_up(js_url: str, loop: str) -> None:
    name = f"CANCEL_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, name, 0)
        assert await give_up(lambda: js.fetch(name, "worker", 1), 0.05)
        await js.publish(f"{name}.n", b"0")
        assert numbers(await js.fetch(name, "worker", 1)) == [0]


async def test_what_is_said_of_messages(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "SAY", 6)
        messages = await js.fetch("SAY", "worker", 6)
        nak, late, term, noted, acked, slow = messages
        for _ in range(2):
            await nak.in_progress()
        assert not nak.is_acked
        await nak.nak()
        began = time.monotonic()
        await late.nak(delay=0.1)
        await term.term("never")
        await noted.ack_sync()
        await acked.ack()
        await slow.ack_sync(timeout=WAIT)
        assert all(msg.is_acked for msg in messages)
        for again in (acked.ack, term.term, nak.nak, late.in_progress, noted.ack_sync):
            with fails("ALREADY_ACKED") as caught:
                await again()
            assert isinstance(caught.value, errors.MsgAlreadyAckdError)
        back = [(await js.fetch("SAY", "worker", 1))[0] for _ in range(2)]
        assert time.monotonic() - began > 0.098
        assert [(int(msg.data), msg.metadata.delivered) for msg in back] == [(0, 2), (1, 2)]
        await back[0].term()
        await back[1].ack_sync()
        assert await left(js, "SAY") == (0, 0)


async def test_an_acknowledgement_that_is_not_heard(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    proxy = harness.proxy(server)
    async with dial(proxy.url, **events.options) as nc:
        js = nc.jetstream()
        await stored(js, "UNHEARD", 1)
        (msg,) = await js.fetch("UNHEARD", "worker", 1)
        proxy.tell("stall", direction="to_client")
        with taking(0.05), fails("TIMEOUT"):
            await msg.ack_sync(timeout=0.05)
        assert not msg.is_acked
        proxy.tell("resume")
        await msg.ack_sync(timeout=WAIT)


async def test_acknowledgements_wait_for_room(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    options = {**EAGER, "outbound_bytes": 10_000, "publish_timeout": WAIT}
    async with dial(server.url, **options, **events.options) as nc:
        js = nc.jetstream()
        await js.stream_create(**{**layout("ROOM"), "storage": "file"})
        await js.consumer_create(stream="ROOM", config=worker(ack_wait=60 * SECOND))
        for number in range(5):
            await js.publish("ROOM.n", b"%d" % number)
        messages = await js.fetch("ROOM", "worker", 5)
        await lose(server, events)
        filling = asyncio.create_task(fill(nc))
        await asyncio.sleep(0)
        assert not filling.done()
        saying = asyncio.create_task(messages[0].ack())
        many = asyncio.create_task(js.ack_all(messages[1:4]))
        naking = asyncio.create_task(messages[4].nak())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not (saying.done() or many.done() or naking.done())
        assert messages[0].is_acked and messages[1].is_acked and not messages[2].is_acked
        with fails("ALREADY_ACKED"):
            await messages[0].ack()
        await regain(server, events)
        async with asyncio.timeout(WAIT):
            await asyncio.gather(filling, saying, many, naking)
        assert all(msg.is_acked for msg in messages)
        # Deliveries that a server had not written when it was killed come again, too.
        back = []
        while numbers(back) != [4]:
            back = await js.fetch("ROOM", "worker", 1)
            await back[0].ack_sync(timeout=WAIT)
        assert await left(js, "ROOM") == (0, 0)


async def fill(nc: nats.NATS) -> None:
    for _ in range(2000):
        await nc.publish("room")


async def test_what_could_not_be_said_may_be_said_again(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    options = {**EAGER, "outbound_bytes": 10_000, "outbound_policy": "error"}
    async with dial(server.url, **options, **events.options) as nc:
        js = nc.jetstream()
        await stored(js, "FULL", 1)
        (msg,) = await js.fetch("FULL", "worker", 1)
        await lose(server, events)
        with fails("OUTBOUND_FULL"):
            while True:
                await nc.publish("room", bytes(100))
        for say in (msg.ack, msg.nak, msg.term, lambda: js.ack_all([msg])):
            with fails("OUTBOUND_FULL"):
                await say()
            assert not msg.is_acked
    with fails("CONNECTION_CLOSED"):
        await msg.ack()
    with fails("CONNECTION_CLOSED"):
        await msg.ack_sync()
    assert not msg.is_acked and msg.metadata.stream == "FULL"


async def test_many_are_acknowledged_at_once(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "ALL", 100)
        await js.ack_all([])
        messages = await js.fetch("ALL", "worker", 60)
        await js.ack_all(messages)
        assert all(msg.is_acked for msg in messages)
        with fails("ALREADY_ACKED", "message 0"):
            await js.ack_all(messages)
        messages = await js.fetch("ALL", "worker", 40)
        await messages[20].ack()
        with fails("ALREADY_ACKED", "message 20"):
            await js.ack_all(msg for msg in messages)
        assert [msg.is_acked for msg in messages] == [True] * 21 + [False] * 19
        await js.ack_all(tuple(messages[21:-1]))
        await messages[-1].ack_sync()
        assert await left(js, "ALL") == (0, 0)
        bad: Any = js.ack_all
        with pytest.raises(TypeError, match="messages: expected messages in a list"):
            await bad(7)
        with pytest.raises(TypeError, match="messages: expected messages, found int at 0"):
            await bad([7])


async def test_messages_that_are_not_from_a_consumer(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.consumers.plain")
        await nc.publish("py.consumers.plain", b"", reply="an.answer")
        received = await sub.next_msg(WAIT)
        for msg in (received, Msg(nc, "a", "$JS.ACK.S.C.1.1.1.1.1")):
            calls: list[Callable[[], Awaitable[None]]] = [
                msg.ack,
                msg.ack_sync,
                msg.nak,
                msg.in_progress,
                msg.term,
                lambda msg=msg: nc.jetstream().ack_all([msg]),  # type: ignore[misc]
            ]
            for call in calls:
                with fails("NOT_JETSTREAM") as caught:
                    await call()
                assert isinstance(caught.value, errors.NotJSMessageError)
            with fails("NOT_JETSTREAM"):
                _ = msg.metadata
            assert not msg.is_acked


async def test_the_longer_form_of_metadata(harness: Harness) -> None:
    # Servers of today have it behind a switch, and clients may not publish it.
    reply = "$JS.ACK.hub.HASH.S.C.2.10.5.1700000000000000001.7.more"
    sent = f"MSG w {{SUB.2}} {reply} 0\r\n\r\n"
    fake = harness.fake("handshake", {"expect": "SUB "}, {"reply": sent})
    async with dial(fake.url) as nc:
        sub = await nc.subscribe("w")
        about = (await sub.next_msg(WAIT)).metadata
        assert (about.domain, about.stream, about.consumer) == ("hub", "S", "C")
        assert (about.delivered, about.stream_sequence, about.consumer_sequence) == (2, 10, 5)
        assert (about.timestamp_ns, about.pending) == (1_700_000_000_000_000_001, 7)


async def test_bad_words_are_named(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "WORDS", 1)
        (msg,) = await js.fetch("WORDS", "worker", 1)
        bad: Any = msg
        for call, kind, text in (
            (lambda: bad.nak(delay="x"), TypeError, "delay"),
            (lambda: bad.nak(delay=-1), errors.InvalidArgumentError, "delay: expected seconds"),
            (lambda: bad.term(7), TypeError, "reason: expected a str"),
            (lambda: bad.ack_sync("x"), TypeError, "timeout"),
            (lambda: bad.ack_sync(timeout=0), errors.BadTimeoutError, "timeout"),
        ):
            with pytest.raises(kind, match=text):
                await call()
        assert not msg.is_acked
        await msg.ack_sync()


@pytest.mark.loops
async def test_messages_without_end_are_read(js_url: str, loop: str) -> None:
    name = f"READ_{loop}"
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, name, 20)
        sub = await js.consume(name, "worker", max_messages=5)
        got: list[int] = []
        async for msg in sub:
            got += numbers([msg])
            await msg.ack()
            if len(got) == 10:
                break
        while len(got) < 20:
            messages = await sub.take(8, timeout=WAIT)
            await js.ack_all(messages)
            got += numbers(messages)
        assert got == list(range(20))
        with fails("TIMEOUT"):
            await sub.next_msg(timeout=0.01)
        with fails("INVALID_ARGUMENT", "their own rules"):
            await sub.unsubscribe(3)
        await js.publish(f"{name}.n", b"20")
        last = await sub.next_msg(WAIT)
        assert numbers([last]) == [20] and last.metadata.consumer == "worker"
        await last.ack_sync()
        await sub.unsubscribe()
        with fails("SUBSCRIPTION_CLOSED"):
            await sub.next_msg()
        assert await left(js, name) == (0, 0)


def within(msg: Msg) -> AbstractContextManager[Any]:
    extracted.append(msg.subject)
    return nullcontext()


extracted: list[str] = []


@pytest.mark.parametrize("plain", [False, True])
async def test_messages_without_end_are_handed_to_a_callback(js_url: str, plain: bool) -> None:
    name, latch, got = f"CALL_{plain}", Latch(), list[int]()
    async with dial(js_url, extract_cb=within) as nc:
        js = nc.jetstream()
        await stored(js, name, 100)

        async def handle(msg: Msg) -> None:
            await msg.ack()
            note(msg)

        def note(msg: Msg) -> None:
            got.append(int(msg.data))
            latch.add()

        sub = await js.consume(name, "worker", note if plain else handle)
        await latch.wait(100)
        assert got == list(range(100)) and f"{name}.n" in extracted
        await sub.drain()
        assert await left(js, name) == ((100, 0) if plain else (0, 0))
        bad: Any = js.consume
        for arguments, options, kind, text in (
            ((name, "worker", 7), {}, errors.InvalidCallbackTypeError, "callback"),
            (("a.b", "worker"), {}, errors.InvalidNameError, "a.b"),
            ((name, 7), {}, TypeError, "consumer: expected a str"),
            ((name, "worker"), {"batch": 1}, errors.InvalidOptionError, "batch"),
            ((name, "worker"), {"expires": 0.1}, errors.InvalidOptionError, "'expires'"),
        ):
            with pytest.raises(kind, match=re.escape(text)):
                await bad(*arguments, **options)


async def test_messages_without_end_end_with_the_consumer(js_url: str) -> None:
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "ENDS", 1)
        sub = await js.consume("ENDS", "worker")
        assert numbers([await sub.next_msg(WAIT)]) == [0]
        await js.consumer_delete(stream="ENDS", consumer="worker")
        with fails("CONSUMER_NOT_FOUND", "ENDS.worker"):
            async with asyncio.timeout(WAIT):
                async for _ in sub:
                    pass
        none = await js.consume("ENDS", "nobody")
        with fails("CONSUMER_NOT_FOUND"):
            await none.next_msg(WAIT)


async def test_messages_without_end_outlive_a_server(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    async with dial(server.url, **EAGER, **events.options) as nc:
        js = nc.jetstream()
        await js.stream_create(**{**layout("OUTLIVE"), "storage": "file"})
        await js.consumer_create(stream="OUTLIVE", config=worker())
        sub = await js.consume("OUTLIVE", "worker")
        await js.publish("OUTLIVE.n", b"0")
        assert numbers([await sub.next_msg(WAIT)]) == [0]
        await lose(server, events)
        told = await events.wait("consumer")
        assert (told["consumer"], told["what"]) == ("OUTLIVE.worker", "disconnected")
        await regain(server, events)
        await js.publish("OUTLIVE.n", b"1", retries=1000, retry_wait=0.02)
        assert numbers([await sub.next_msg(WAIT)]) == [1]
