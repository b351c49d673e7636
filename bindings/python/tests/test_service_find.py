"""Services: whoever looks for them finds them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nats_ffi import errors
from nats_ffi.aio.service import Service, ServiceError, ServicePing
from services import asked, found
from support import EAGER, WAIT, behaviour, dial, fails


@pytest.fixture
def alone(harness: Any) -> str:
    """The address of a server on which there are no other services."""
    return str(harness.server("plain").url)


async def three(nc: Any) -> list[Service]:
    """Two services of one name, and another one."""
    return [await nc.add_service(name=name, version="1.0.0") for name in ("s", "s", "other")]


@behaviour("service-02")
async def test_who_is_asked(alone: str) -> None:
    async with dial(alone) as nc:
        services = await three(nc)
        one, two, other = [service.id for service in services]
        for verb in ("PING", "INFO", "STATS"):
            for place, expected in (
                ("", [one, two, other]),
                (".s", [one, two]),
                (f".s.{two}", [two]),
            ):
                many = nc.request_many(
                    f"$SRV.{verb}{place}", max_messages=len(expected), max_wait=WAIT
                )
                told = [json.loads(msg.data)["id"] async for msg in many]
                assert sorted(told) == sorted(expected), (verb, place)
        for subject in ("$SRV.PING.nobody", f"$SRV.PING.s.{other}"):
            with fails("NO_RESPONDERS"):
                await asked(nc, subject)


@behaviour("service-35")
async def test_discovery(alone: str) -> None:
    async with dial(alone) as nc:
        services = await three(nc)
        one, two, other = [service.id for service in services]
        assert await found(nc, "ping") == sorted([one, two, other])
        assert await found(nc, "info", name="s") == sorted([one, two])
        assert await found(nc, "stats", name="s", id=two) == [two]
        assert await found(nc, "ping", name="nobody") == []
        assert await found(nc, "ping", name="s", id=other) == []
        assert await (await nc.discover("info", name="s", id=one)).all() == [services[0].info()]
        assert await (await nc.discover("stats", name="other")).all() == [services[2].stats()]
        answers = await nc.discover("ping", max_messages=2, max_wait=WAIT)
        assert [type(answer) async for answer in answers] == [ServicePing] * 2
        with pytest.raises(StopAsyncIteration):
            await anext(answers)


@behaviour("service-36")
async def test_discovery_of_nothing(url: str) -> None:
    async with dial(url) as nc:
        for name, what, options in (
            ("INVALID_NAME", "ping", {"name": "a b"}),
            ("INVALID_ARGUMENT", "info", {"id": "x"}),
            ("INVALID_ARGUMENT", "stats", {"name": "s", "id": "x.*"}),
            ("INVALID_SUBJECT", "ping", {"prefix": "a b"}),
            ("INVALID_ARGUMENT", "pong", {}),
            ("INVALID_OPTION", "ping", {"nmae": "s"}),
        ):
            with fails(name):
                await nc.discover(what, **options)  # type: ignore[call-overload]


@behaviour("service-37")
async def test_answers_that_are_none(url: str) -> None:
    told: list[Exception] = []

    async def on_error(error: Exception) -> None:
        told.append(error)

    async def lie(msg: Any) -> None:
        fine = {
            "type": "io.nats.micro.v1.ping_response",
            "name": "s",
            "id": "i",
            "version": "1.0.0",
            "newer": 1,
        }
        other = {**fine, "type": "io.nats.micro.v1.info_response"}
        for answer in ("{", "[]", json.dumps(other), json.dumps({"type": fine["type"]})):
            await msg.respond(answer.encode())
        refusal = {"Nats-Service-Error": "busy", "Nats-Service-Error-Code": "503"}
        await msg.respond(b"", headers=refusal)
        await msg.respond(json.dumps(fine).encode())

    async with dial(url, error_cb=on_error) as nc:
        await nc.subscribe("MON.PING", cb=lie)
        answers = await nc.discover("ping", prefix="MON", max_messages=6, max_wait=WAIT)
        (ping,) = await answers.all()
        assert (ping.name, ping.id, ping.metadata) == ("s", "i", {})
        assert [type(error) for error in told[:4]] == [errors.JsonParseError] * 4
        (refusal,) = told[4:]
        assert isinstance(refusal, ServiceError) and str(refusal) == "503:busy"


@behaviour("service-38")
async def test_a_lost_connection_ends_discovery(harness: Any) -> None:
    server = harness.server("plain")
    async with dial(server.url, **EAGER) as nc:
        silent = await nc.subscribe("$SRV.PING")
        answers = await nc.discover("ping", max_wait=WAIT)
        await silent.next_msg(WAIT)
        server.tell("kill")
        with fails("CONNECTION_LOST"):
            await answers.all()
