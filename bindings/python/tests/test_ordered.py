"""Messages of a stream in order, of consumers that push, and of groups of consumers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from anyloop import give_up
from blocking import Told
from blocking import dial as dial_now
from harness import Harness
from nats_ffi import Msg, errors, sync
from streams import layout, numbers, stored, stored_now
from support import EAGER, WAIT, Events, Latch, dial, fails, lose, regain

PUSHES = {"durable_name": "pusher", "deliver_subject": "to.PUSH", "ack_policy": "explicit"}


@pytest.mark.loops
async def test_messages_in_order(js_url: str, loop: str) -> None:
    name, got = f"ORDER_{loop}", list[int]()
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, name, 300)
        sub = await js.consume_ordered(name, max_messages=50)
        async for msg in sub:
            got += numbers([msg])
            if len(got) == 300:
                break
        assert got == list(range(300))
        await sub.unsubscribe()
        pushed = await js.consume_ordered(
            name, push=True, deliver_policy="by_start_sequence", opt_start_seq=291
        )
        assert numbers([await pushed.next_msg(WAIT) for _ in range(10)]) == list(range(290, 300))
        await pushed.unsubscribe()


async def test_messages_in_order_are_handed_to_a_callback(js_url: str) -> None:
    latch, got = Latch(), list[int]()

    async def note(msg: Msg) -> None:
        got.append(int(msg.data))
        latch.add()

    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, "NOTE", 1)
        sub = await js.consume_ordered(
            "NOTE", note, filter_subjects="NOTE.m", name_prefix="mine", metadata={"own": "kept"}
        )
        await js.publish("NOTE.n", b"1")
        await js.publish("NOTE.m", b"2")
        await latch.wait(1)
        assert got == [2]
        names = (await js.consumer_names(stream="NOTE"))["consumers"]
        assert any(made.startswith("mine") for made in names)
        await sub.drain()


async def test_order_outlives_its_consumer_and_the_server(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    async with dial(server.url, **EAGER, **events.options) as nc:
        js = nc.jetstream()
        await js.stream_create(**{**layout("KEEP"), "storage": "file"})
        sub = await js.consume_ordered("KEEP", heartbeat=0.5, expires=1)
        await js.publish("KEEP.n", b"0")
        assert numbers([await sub.next_msg(WAIT)]) == [0]
        await lose(server, events)
        await regain(server, events)
        await js.publish("KEEP.n", b"1", retries=1000, retry_wait=0.02)
        assert numbers([await sub.next_msg(WAIT)]) == [1]
        told = await events.wait("consumer")
        assert told["consumer"].startswith("KEEP") and told["what"] in ("disconnected", "reset")
        assert told["error"] and told["code"] == errors.from_code(told["code"], "").code
        await js.stream_delete(stream="KEEP")
        with fails("STREAM_NOT_FOUND"):
            await sub.next_msg(WAIT)


async def test_the_loop_goes_on_while_the_server_is_asked(js_url: str) -> None:
    async with dial(js_url) as nc:
        await nc.subscribe("deaf.api.>")
        js = nc.jetstream(api_prefix="deaf.api", timeout=60)
        for call in (
            lambda: js.consume_ordered("S"),
            lambda: js.consume_pushed("S", "c"),
            lambda: js.consume_group("S", "g", "m"),
        ):
            assert await give_up(call, 0.02)
        hasty = nc.jetstream(api_prefix="deaf.api", timeout=0.02)
        with fails("TIMEOUT"):
            await hasty.consume_pushed("S", "c")


@pytest.mark.loops
async def test_messages_that_are_pushed(js_url: str, loop: str) -> None:
    name = f"PUSH_{loop}"
    config = {**PUSHES, "deliver_subject": f"to.{name}", "flow_control": True}
    config |= {"idle_heartbeat": 500_000_000, "deliver_group": "workers"}
    async with dial(js_url) as nc:
        js = nc.jetstream()
        await stored(js, name, 100)
        await js.consumer_create(stream=name, config=config)
        sub = await js.consume_pushed(name, "pusher", pending_messages=1000)
        other = await js.consume_pushed(name, "pusher")
        await js.publish(f"{name}.n", b"100")
        got = list[int]()
        while len(got) < 101:
            for one in (sub, other):
                try:
                    messages = await one.take(101, timeout=0.02)
                except errors.TimeoutError:
                    continue
                await js.ack_all(messages)
                got += numbers(messages)
        assert sorted(got) == list(range(101))
        with fails("INVALID_ARGUMENT", "pushes"):
            await js.consume_pushed(name, "worker")
        await js.consumer_delete(stream=name, consumer="pusher")
        with fails("CONSUMER_NOT_FOUND"):
            await sub.next_msg(WAIT)


async def partitioned(js: Any, name: str) -> None:
    """A stream whose messages go to four partitions, and a group of two members."""
    dest = "{{Partition(4,1)}}." + name + ".{{wildcard(1)}}"
    await js.stream_create(
        name=name,
        subjects=[f"{name}.*"],
        storage="memory",
        subject_transform={"src": f"{name}.*", "dest": dest},
    )
    await js.group_create(stream=name, group="g", config={"max_members": 4, "members": ["a", "b"]})


async def test_a_group(js_url: str) -> None:
    async with dial(js_url, **EAGER) as nc:
        js = nc.jetstream()
        await partitioned(js, "GROUP")
        latch, got = Latch(), list[str]()

        async def handle(msg: Msg) -> None:
            await msg.ack()
            got.append(msg.subject)
            latch.add()

        subs = [await js.consume_group("GROUP", "g", member, handle) for member in ("a", "b")]
        for number in range(60):
            await js.publish(f"GROUP.{number}")
        await latch.wait(60)
        keys = {subject.split(".", 1)[1] for subject in got}
        assert keys == {f"GROUP.{number}" for number in range(60)}
        assert {subject[0] for subject in got} == set("0123")
        # Both are drained with the connection, although neither has a number of its own.
        assert [sub.sid for sub in subs] == [0, 0]
        await nc.drain()
        for sub in subs:
            with pytest.raises(errors.Error):
                await sub.unsubscribe()


async def test_bad_arguments_are_named(js_url: str) -> None:
    async with dial(js_url) as nc:
        js: Any = nc.jetstream()
        await stored(js, "NAMED", 0)
        for call, kind, text in (
            (lambda: js.consume_ordered(7), TypeError, "stream: expected a str"),
            (lambda: js.consume_ordered("a.b"), errors.InvalidNameError, "a.b"),
            (lambda: js.consume_ordered("NOBODY"), errors.StreamNotFoundError, "NOBODY"),
            (lambda: js.consume_ordered("NAMED", 7), errors.InvalidCallbackTypeError, "callback"),
            (
                lambda: js.consume_ordered("NAMED", deliver_policy="x"),
                errors.InvalidOptionError,
                "'deliver_policy'",
            ),
            (
                lambda: js.consume_ordered("NAMED", inactive_threshold="x"),
                errors.InvalidOptionError,
                "'inactive_threshold'",
            ),
            (lambda: js.consume_pushed("NAMED", 7), TypeError, "consumer: expected a str"),
            (lambda: js.consume_pushed("NAMED", "x"), errors.ConsumerNotFoundError, "x"),
            (
                lambda: js.consume_pushed("NAMED", "x", pending_mesages=1),
                errors.InvalidOptionError,
                "'pending_messages'",
            ),
            (lambda: js.consume_group("NAMED", "g", 7), TypeError, "member: expected a str"),
            (lambda: js.consume_group("NAMED", "g", "m"), errors.NotFoundError, "group g"),
            (
                lambda: js.consume_group("NAMED", "g", "m", expires=0.1),
                errors.InvalidOptionError,
                "'expires'",
            ),
        ):
            with pytest.raises(kind, match=re.escape(text)):
                await call()


def test_blocking(js_url: str) -> None:
    with dial_now(js_url) as nc:
        js = nc.jetstream()
        stored_now(js, "SORDER", 20)
        told = Told()
        with_callback = js.consume_ordered("SORDER", lambda msg: told(int(msg.data)))
        assert told.wait(20) == list(range(20))
        with_callback.drain()
        sub = js.consume_ordered("SORDER", deliver_policy="last")
        assert numbers(sub.take(5, WAIT)) == [19]
        sub.unsubscribe()
        js.consumer_create(stream="SORDER", config={**PUSHES, "deliver_subject": "to.SORDER"})
        pushed = js.consume_pushed("SORDER", "pusher")
        got: list[int] = []
        for msg in pushed:
            assert type(msg) is sync.Msg
            msg.ack_sync(timeout=WAIT)
            got += numbers([msg])
            if len(got) == 20:
                break
        assert got == list(range(20))
        with fails("NOT_FOUND", "group g"):
            js.consume_group("SORDER", "g", "m")
        with fails("STREAM_NOT_FOUND"):
            js.consume_ordered("NOBODY")
        transform = {"src": "SGROUP.*", "dest": "{{Partition(2,1)}}.SGROUP.{{wildcard(1)}}"}
        js.stream_create(
            name="SGROUP", subjects=["SGROUP.*"], storage="memory", subject_transform=transform
        )
        js.group_create(stream="SGROUP", group="g", config={"max_members": 2, "members": ["a"]})
        member = js.consume_group("SGROUP", "g", "a")
        for number in range(10):
            js.publish(f"SGROUP.{number}", b"%d" % number)
        got = []
        while len(got) < 10:
            messages = member.take(10, WAIT)
            js.ack_all(messages)
            got += numbers(messages)
        assert sorted(got) == list(range(10))
        member.unsubscribe()
