"""Events, statistics, errors of a connection."""

from __future__ import annotations

import logging
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import EAGER, LIMITED, WAIT, Events, behaviour, dial, fails, lose, regain


@behaviour("events-01")
async def test_the_order_of_events(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **events.options):
        event = await events.wait("connected")
        assert server.address in event["url"]
        await lose(server, events)
        assert events.of("disconnected")[0]["error"]
        await regain(server, events)
    await events.wait("closed")
    # Attempts that fail while the server starts are told as server errors.
    kinds = [kind for kind in events.kinds() if kind != "server_error"]
    tries = kinds.count("reconnecting")
    assert tries >= 1
    middle = ["reconnecting"] * tries
    assert kinds == ["connected", "disconnected", *middle, "reconnected", "closed"]
    assert events.calls[:2] == ["disconnected", "reconnected"] and events.calls[-1] == "closed"


@behaviour("events-02")
async def test_a_denied_publish(harness: Harness, events: Events) -> None:
    server = harness.server("users")
    async with dial(server.url, **LIMITED, **events.options) as nc:
        sub = await nc.subscribe("public.1")
        await nc.publish("private.1", b"x")
        assert "private.1" in str(await events.wait_error("PERMISSION"))
        await nc.publish("public.1", b"still works")
        assert (await sub.next_msg(WAIT)).data == b"still works"
        assert nc.is_connected and "disconnected" not in events.kinds()


@behaviour("events-03")
async def test_a_denied_subscription(harness: Harness, events: Events) -> None:
    server = harness.server("users")
    async with dial(server.url, **LIMITED, **events.options) as nc:
        allowed = await nc.subscribe("public.1")
        for denied in (await nc.subscribe("private.1"), await nc.subscribe("private.1", "q")):
            with fails("PERMISSION", "private.1"):
                await denied.next_msg(WAIT)
            with fails("PERMISSION"):
                async for _ in denied.messages:
                    pass
        await events.wait_error("PERMISSION", 2)
        await nc.publish("public.1", b"still works")
        assert (await allowed.next_msg(WAIT)).data == b"still works"


@behaviour("events-04")
async def test_lame_duck_mode_and_discovered_servers(harness: Harness, events: Events) -> None:
    cluster = harness.server("cluster")
    cluster.tell("wait_ready")
    async with dial(cluster.url, max_reconnect_attempts=-1, **events.options):
        assert (await events.wait("discovered_servers"))["urls"]
        await events.wait_call("discovered_server")
        cluster.tell("lame_duck")
        await events.wait("lame_duck")
        await events.wait_call("lame_duck_mode")


@behaviour("events-05")
async def test_statistics(url: str, events: Events) -> None:
    async with dial(url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.events.5", pending_msgs_limit=3)
        for _ in range(5):
            await nc.publish("py.events.5", b"12345")
        await nc.flush()
        for _ in range(3):
            await sub.next_msg(WAIT)
        stats = nc.stats
        assert (stats["out_msgs"], stats["in_msgs"], stats["dropped_in"]) == (5, 5, 2)
        assert 25 <= stats["out_bytes"] < 500 and 25 <= stats["in_bytes"] < 500
        assert stats["reconnects"] == 0 and nc.pending_data_size == 0
        await nc.force_reconnect()
        await events.wait("reconnected")
        assert nc.stats["reconnects"] == 1


@behaviour("events-06")
async def test_the_last_error(harness: Harness, events: Events) -> None:
    server = harness.server("auth")
    async with dial(f"nats://alice:secret@{server.address}", **EAGER, **events.options) as nc:
        assert nc.last_error is None
        await lose(server, events)
        error = nc.last_error
        assert isinstance(error, errors.Error) and error.code > 0 and str(error)
        assert "secret" not in str(error) + repr(error) + repr(events.all) + repr(nc)


async def test_plain_functions_are_callbacks_too(url: str) -> None:
    seen: list[Any] = []
    async with dial(url, closed_cb=lambda: seen.append("closed"), error_cb=seen.append) as nc:

        async def fail(_: Any) -> None:
            raise RuntimeError("of the callback")

        await nc.subscribe("py.events.plain", cb=fail)
        await nc.publish("py.events.plain")
        await nc.flush()
        await nc.drain()
    assert [str(entry) for entry in seen] == ["of the callback", "closed"]


async def test_errors_that_nobody_takes_are_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="nats_ffi"):
        async with dial(url) as nc:

            async def fail(_: Any) -> None:
                raise RuntimeError("of the callback")

            await nc.subscribe("py.events.log", cb=fail)
            await nc.publish("py.events.log")
            await nc.flush()
            await nc.drain()
    ours = [record for record in caplog.records if record.name.startswith("nats_ffi")]
    assert len(ours) == 1 and "of the callback" in caplog.text


async def test_an_error_callback_that_fails_is_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("of a callback")

    async with dial(url, error_cb=fail, closed_cb=fail) as nc:
        await nc.subscribe("py.events.twice", cb=fail)
        got = await nc.subscribe("py.events.twice")
        await nc.publish("py.events.twice")
        await got.next_msg(WAIT)
        await nc.drain()
    assert "of a callback" in caplog.text


async def test_states_have_the_peers_numbers() -> None:
    names = "DISCONNECTED CONNECTED CLOSED RECONNECTING CONNECTING DRAINING_SUBS DRAINING_PUBS"
    assert [getattr(nats.NATS, name) for name in names.split()] == list(range(7))
