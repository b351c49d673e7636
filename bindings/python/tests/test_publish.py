"""What publishing returns: a coroutine that has mostly ended with the call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest
from anyloop import gather
from nats_ffi import Msg, errors
from support import WAIT, dial


@pytest.mark.loops
async def test_it_may_be_awaited_everywhere(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.finished.1")
        await nc.publish("py.finished.1", b"0")
        await gather(
            lambda: nc.publish("py.finished.1", b"1"), lambda: nc.publish("py.finished.1", b"2")
        )
        assert sorted([(await sub.next_msg(WAIT)).data for _ in range(3)]) == [b"0", b"1", b"2"]


async def test_it_is_a_coroutine_for_asyncio(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.finished.2")
        done = nc.publish("py.finished.2", b"1")
        assert isinstance(done, Coroutine) and asyncio.iscoroutine(done)
        assert inspect.isawaitable(done) and asyncio.iscoroutinefunction(nc.publish)
        assert await done is None
        assert await asyncio.create_task(nc.publish("py.finished.2", b"2")) is None
        await asyncio.gather(*[nc.publish("py.finished.2", b"3") for _ in range(3)])
        await asyncio.wait_for(nc.publish("py.finished.2", b"4"), WAIT)
        expected = [b"1", b"2", b"3", b"3", b"3", b"4"]
        assert [(await sub.next_msg(WAIT)).data for _ in expected] == expected


async def test_it_may_be_driven_by_hand(url: str) -> None:
    async with dial(url) as nc:
        done = nc.publish("py.finished.3")
        with pytest.raises(StopIteration) as stopped:
            done.send(None)
        assert stopped.value.value is None
        for error in (KeyError("key"), KeyError):
            with pytest.raises(KeyError):
                done.throw(error)
        done.close()


async def test_errors_come_when_it_is_awaited(url: str) -> None:
    async with dial(url) as nc:
        wrong = nc.publish("a b")
        with pytest.raises(errors.BadSubjectError):
            await wrong
        results = await asyncio.gather(
            nc.publish("a", bytes(nc.max_payload + 1)),
            nc.publish("a", b"x", headers={"a b": "c"}),
            nc.publish("a", "text"),  # type: ignore[arg-type]
            nc.publish("a", b"good"),
            return_exceptions=True,
        )
        kinds = [errors.MaxPayloadError, errors.BadHeaderError, TypeError, type(None)]
        assert [type(result) for result in results] == kinds
    with pytest.raises(errors.ConnectionClosedError):
        await nc.publish("a")


async def test_answers_are_the_same(url: str) -> None:
    async with dial(url) as nc:
        kinds: list[Any] = []

        async def answer(msg: Msg) -> None:
            kinds.append(asyncio.iscoroutine(answered := msg.respond(b"a")))
            await answered
            bad = msg.respond(b"a", headers={"a b": "c"})
            with pytest.raises(errors.BadHeaderError):
                await bad
            kinds.append("refused")

        await nc.subscribe("py.finished.4", cb=answer)
        assert (await nc.request("py.finished.4", timeout=WAIT)).data == b"a"
        await nc.flush()
        assert kinds == [True, "refused"]


async def test_a_subclass_may_publish_in_its_own_way(url: str) -> None:
    import nats_ffi

    class Loud(nats_ffi.NATS):
        async def publish(self, subject: str, *args: Any, **options: Any) -> None:
            await super().publish(subject.upper(), *args, **options)

    nc = Loud()
    await nc.connect(url)
    sub = await nc.subscribe("PY.FINISHED.5")
    await nc.publish("py.finished.5", b"x")
    assert (await sub.next_msg(WAIT)).data == b"x"
    await nc.close()
