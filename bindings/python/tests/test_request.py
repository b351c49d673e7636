"""Requests and answers."""

from __future__ import annotations

import asyncio
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import (
    EAGER,
    LIMITED,
    WAIT,
    Events,
    answering,
    behaviour,
    dial,
    fails,
    lose,
    regain,
    taking,
)


@behaviour("request-01")
async def test_a_request_is_answered(url: str) -> None:
    async with dial(url) as nc, dial(url) as other:

        async def answer(msg: nats.aio.msg.Msg) -> None:
            assert msg.headers
            await msg.respond(msg.data, headers={**msg.headers, "Answer": "yes"})

        await other.subscribe("py.request.1", cb=answer)
        await other.flush()
        for _ in range(100):
            msg = await nc.request("py.request.1", b"x", timeout=WAIT, headers={"Question": "why"})
            assert (msg.data, msg.headers) == (b"x", {"Question": "why", "Answer": "yes"})
        await answering(other, "py.request.1.plain")
        assert (await nc.request("py.request.1.plain", b"plain", WAIT)).data == b"plain"


@behaviour("request-02")
async def test_nobody_listens(url: str) -> None:
    async with dial(url) as nc:
        with taking(), fails("NO_RESPONDERS") as caught:
            await nc.request("py.request.2", timeout=60)
        assert isinstance(caught.value, errors.NoRespondersError)


@behaviour("request-03")
async def test_a_silent_responder(url: str) -> None:
    async with dial(url) as nc:
        silent = await nc.subscribe("py.request.3")
        await answering(nc, "py.request.3.quick")
        with taking(0.05), fails("TIMEOUT") as caught:
            await nc.request("py.request.3", b"slow", timeout=0.05)
        assert isinstance(caught.value, errors.TimeoutError)
        assert isinstance(caught.value, asyncio.TimeoutError)
        late = await silent.next_msg(WAIT)
        for _ in range(10):
            await late.respond(b"too late")
            msg = await nc.request("py.request.3.quick", b"quick", timeout=WAIT)
            assert msg.data == b"quick"
        with taking(0.5), fails("TIMEOUT"):  # by default as long as half a second
            await nc.request("py.request.3")


@behaviour("request-04")
async def test_an_inbox_of_its_own(url: str) -> None:
    async with dial(url) as nc:
        await answering(nc, "py.request.4")
        await nc.subscribe("py.request.4.silent")
        for _ in range(10):
            msg = await nc.request("py.request.4", b"own", timeout=WAIT, old_style=True)
            assert msg.data == b"own"
        with taking(), fails("NO_RESPONDERS"):
            await nc.request("py.nobody", timeout=60, old_style=True)
        with fails("TIMEOUT"):
            await nc.request("py.request.4.silent", timeout=0.03, old_style=True)


@behaviour("request-05")
async def test_64_in_flight(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.request.5")
        asking = [
            asyncio.create_task(nc.request("py.request.5", b"%d" % number, timeout=WAIT))
            for number in range(64)
        ]
        questions = [await sub.next_msg(WAIT) for _ in range(64)]
        for question in reversed(questions):
            await question.respond(question.data)
        answers = await asyncio.gather(*asking)
        assert [int(answer.data) for answer in answers] == list(range(64))


async def three(nc: nats.NATS, subject: str) -> None:
    for _ in range(3):
        await answering(nc, subject)


@behaviour("request-06")
async def test_many_answers_by_number(url: str) -> None:
    async with dial(url) as nc:
        await three(nc, "py.request.6")
        for number in (2, 3):
            answers = nc.request_many("py.request.6", b"x", max_messages=number)
            assert [msg.data async for msg in answers] == [b"x"] * number


@behaviour("request-07")
async def test_many_answers_by_time(url: str) -> None:
    async with dial(url) as nc:
        await three(nc, "py.request.7")
        with taking():
            answers = nc.request_many("py.request.7", b"x", stall=0.3)
            assert len([msg async for msg in answers]) == 3
        with taking(0.5):
            answers = nc.request_many("py.request.7", b"x", max_wait=0.5)
            assert len([msg async for msg in answers]) == 3


@behaviour("request-08")
async def test_many_answers_by_sentinel(url: str) -> None:
    async with dial(url) as nc:

        async def in_parts(msg: Any) -> None:
            for part in (b"x", b"y", b"", b"behind the end"):
                await msg.respond(part)

        await nc.subscribe("py.request.8", cb=in_parts)
        answers = nc.request_many("py.request.8", sentinel=True)
        assert [msg.data async for msg in answers] == [b"x", b"y"]


@behaviour("request-09")
async def test_many_answers_of_nobody(url: str) -> None:
    async with dial(url) as nc:
        with taking(), fails("NO_RESPONDERS"):
            assert [msg async for msg in nc.request_many("py.request.9")] == []


@behaviour("request-10")
async def test_close_ends_a_request_that_waits(url: str) -> None:
    async with dial(url) as nc, dial(url) as other:
        silent = await other.subscribe("py.request.10")
        await other.flush()
        waiting = asyncio.create_task(nc.request("py.request.10", timeout=60))
        await silent.next_msg(WAIT)
        with taking(), fails("CONNECTION_CLOSED") as caught:
            await nc.close()
            await waiting
        assert isinstance(caught.value, errors.ConnectionClosedError)


@behaviour("request-11")
async def test_a_request_in_flight_when_the_server_dies(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **events.options) as nc:
        silent = await nc.subscribe("py.request.11")
        await answering(nc, "py.request.11.echo")
        waiting = asyncio.create_task(nc.request("py.request.11", timeout=60))
        await silent.next_msg(WAIT)
        with taking(), fails("CONNECTION_LOST"):
            await lose(server, events)
            await waiting
        await regain(server, events)
        assert (await nc.request("py.request.11.echo", b"again", timeout=WAIT)).data == b"again"


@behaviour("request-12")
async def test_timeouts_at_the_edges(url: str) -> None:
    async with dial(url) as nc:
        await answering(nc, "py.request.12")
        for timeout in (0, -1, -1e300, float("nan")):
            with pytest.raises((ValueError, errors.Error)) as caught:
                await nc.request("py.request.12", b"x", timeout=timeout)
            assert "timeout" in str(caught.value)
        with pytest.raises(TypeError, match="timeout"):
            await nc.request("py.request.12", b"x", timeout="1")
        for timeout in (1e9, 1e300, float("inf")):
            assert (await nc.request("py.request.12", b"x", timeout=timeout)).data == b"x"


@behaviour("request-13")
async def test_the_inbox_prefix(url: str) -> None:
    for prefix in ("_MINE.py", b"_MINE.py"):
        async with dial(url, inbox_prefix=prefix) as nc:
            await answering(nc, "py.request.13")
            every = await nc.subscribe("_MINE.py.>")
            assert (await nc.request("py.request.13", b"x", timeout=WAIT)).data == b"x"
            assert (await every.next_msg(WAIT)).data == b"x"
            inboxes = {nc.new_inbox() for _ in range(1000)}
            assert len(inboxes) == 1000
            assert all(inbox.startswith("_MINE.py.") for inbox in inboxes)
    for bad in ("a b", "a.*", "a.", "a\r\nPING"):
        with fails("INVALID_OPTION", "inbox prefix"):
            await nats.connect(url, inbox_prefix=bad)


@behaviour("request-14")
async def test_a_denied_subject(harness: Harness) -> None:
    server = harness.server("users")
    async with dial(server.url, **LIMITED) as nc:
        with taking(), fails("PERMISSION", "private.x"):
            await nc.request("private.x", timeout=60)


async def test_request_many_takes_only_what_it_knows(url: str) -> None:
    async with dial(url) as nc:
        with pytest.raises((TypeError, errors.Error), match="stal"):
            async for _ in nc.request_many("py.request.many", stal=1):
                pass
        with pytest.raises((TypeError, errors.Error), match="max_messages"):
            async for _ in nc.request_many("py.request.many", max_messages=-1):
                pass


async def test_request_many_left_early_forgets_the_rest(url: str) -> None:
    async with dial(url) as nc:
        await three(nc, "py.request.early")
        for _ in range(100):
            async for msg in nc.request_many("py.request.early", b"x", max_wait=60):
                assert msg.data == b"x"
                break
        assert (await nc.request("py.request.early", b"y", timeout=WAIT)).data == b"y"
