"""Services: their ends, limits, lost connections, permissions."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest
from services import Held, asked, echo, found, serving
from support import EAGER, WAIT, Events, behaviour, dial, fails, lose, regain

@pytest.fixture
def alone(harness: Any) -> str:
    """The address of a server on which there are no other services."""
    return str(harness.server("plain").url)


def without(harness: Any, subject: str) -> str:
    """The address of a server whose user may not subscribe to this."""
    user = f'{{user: u, password: p, permissions: {{subscribe: {{deny: "{subject}"}}}}}}'
    server = harness.server("plain", extra=f"authorization {{users: [{user}]}}")
    return f"nats://u:p@{server.address}"


@behaviour("service-20")
async def test_a_stop_waits_for_the_answers(alone: str) -> None:
    async with dial(alone) as nc, dial(alone) as asker:
        held = Held()
        service, _ = await serving(nc, held)
        await nc.flush()
        answers = await asker.subscribe("answers")
        for number in range(100):
            await asker.publish("e", b"%d" % number, "answers")
        await asker.flush()
        first = await held.next()
        stop = asyncio.create_task(service.stop(WAIT))
        for _ in range(99):
            request = await held.next()
            await request.respond(request.data)
        assert not service.stopped.is_set() and not stop.done()
        await first.respond(b"0")
        await stop
        numbers = [int((await answers.next_msg(WAIT)).data) for _ in range(100)]
        assert sorted(numbers) == list(range(100))
        for subject in ("e", "$SRV.PING", "$SRV.INFO.s", "$SRV.STATS.s"):
            with fails("NO_RESPONDERS"):
                await asked(asker, subject)
        assert service.stats().endpoints[0].num_requests == 100
        assert nc.is_connected


@behaviour("service-21")
async def test_a_stop_that_takes_too_long(alone: str) -> None:
    async with dial(alone) as nc:
        held = Held()
        service, _ = await serving(nc, held)
        await nc.publish("e", b"", "answers")
        await nc.flush()
        request = await held.next()
        with fails("TIMEOUT", "1 request"):
            await service.stop(0.05)
        assert service.stopped.is_set() and await service.stopped.wait()
        await request.respond()


@behaviour("service-22")
async def test_several_stops(alone: str) -> None:
    async with dial(alone) as nc:
        held = Held()
        service, endpoint = await serving(nc, held)
        await nc.publish("e", b"", "answers")
        request = await held.next()
        stops = [asyncio.create_task(service.stop(seconds)) for seconds in (WAIT, 0.001)]
        async with asyncio.timeout(WAIT):
            while not endpoint.subscription._native.ended:
                await asyncio.sleep(0)
        assert not service.stopped.is_set() and not any(stop.done() for stop in stops)
        with fails("SUBSCRIPTION_CLOSED"):
            await service.add_endpoint(name="late", handler=echo)
        await request.respond()
        await asyncio.gather(*stops, service.stop(), service.stopped.wait())
        with fails("SUBSCRIPTION_CLOSED"):
            await service.add_endpoint(name="late", handler=echo)


@behaviour("service-23")
async def test_the_end_is_told(url: str) -> None:
    async with dial(url) as nc:
        service, _ = await serving(nc, subject="service-23")
        waiting = [asyncio.create_task(service.stopped.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        assert not service.stopped.is_set() and not any(task.done() for task in waiting)
        await service.stop()
        assert await asyncio.gather(*waiting) == [True, True]
        # Who gives up waiting does not stop it.
        other, _ = await serving(nc, subject="service-23")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.stopped.wait(), 0.02)
        assert not other.stopped.is_set()
        await other.stop()


@behaviour("service-25")
async def test_pending_limits(alone: str, events: Events) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(request: Any) -> None:
        started.set()
        await release.wait()

    async with dial(alone, **events.options) as nc:
        service, endpoint = await serving(nc, slow, pending_messages=2)
        await nc.publish("e", b"first")
        await started.wait()
        for number in range(5):
            await nc.publish("e", b"%d" % number)
        event = await events.wait("slow_consumer")
        assert event["subject"] == "e"
        await nc.flush()
        sub = endpoint.subscription
        assert (sub.pending_msgs, sub.dropped) == (2, 3)
        assert not service.stopped.is_set()
        release.set()
        await service.stop()


@behaviour("service-26")
async def test_limits_that_are_an_error(alone: str) -> None:
    release = asyncio.Event()

    async def slow(request: Any) -> None:
        await release.wait()

    async with dial(alone) as nc:
        options: Any = {"pending_messages": 2, "overflow": "error"}
        service = await nc.add_service(name="s", version="1.0.0")
        await service.add_endpoint(name="strict", handler=slow, **options)
        for number in range(9):
            await nc.publish("strict", b"%d" % number)
        await nc.flush()
        release.set()
        with fails("SLOW_CONSUMER", "endpoint strict: "):
            await service.stopped.wait()


@behaviour("service-27")
async def test_an_endpoint_that_ends_alone(alone: str) -> None:
    async with dial(alone) as nc:
        service, endpoint = await serving(nc)
        await service.add_endpoint(name="other", handler=echo)
        await endpoint.subscription.unsubscribe()
        async with asyncio.timeout(WAIT):
            while len(service.info().endpoints) > 1:
                await asyncio.sleep(0)
        await nc.flush()
        with fails("NO_RESPONDERS"):
            await asked(nc, "e")
        assert await asked(nc, "other", b"goes on") == b"goes on"
        assert not service.stopped.is_set()


@behaviour("service-28")
async def test_a_handler_that_never_answers(alone: str) -> None:
    async def never(request: Any) -> None:
        await asyncio.Event().wait()

    async with dial(alone) as nc:
        service, _ = await serving(nc, never)
        await service.add_endpoint(name="other", handler=echo)
        with fails("TIMEOUT"):
            await nc.request("e", timeout=0.05)
        assert await asked(nc, "other", b"goes on") == b"goes on"
        stats = json.loads(await asked(nc, "$SRV.STATS.s"))
        assert stats["endpoints"][0]["num_requests"] == 0


@behaviour("service-29")
async def test_a_restart(harness: Any, events: Events) -> None:
    server = harness.server("plain")
    async with dial(server.url, **EAGER, **events.options) as nc:
        service, _ = await serving(nc)
        await asked(nc, "e")
        await lose(server, events)
        await regain(server, events)
        async with dial(server.url) as asker:
            assert await asked(asker, "e", b"after") == b"after"
            (stats,) = await (await asker.discover("stats", name="s", id=service.id)).all()
            assert stats.endpoints[0].num_requests == 2


@behaviour("service-30")
async def test_a_stop_without_a_server(harness: Any, events: Events) -> None:
    server = harness.server("plain")
    async with dial(server.url, **EAGER, **events.options) as nc:
        held = Held()
        service, _ = await serving(nc, held)
        await nc.publish("e", b"", "answers")
        request = await held.next()
        await lose(server, events)
        stop = asyncio.create_task(service.stop(WAIT))
        await asyncio.sleep(0.02)
        assert not stop.done()
        await request.respond()
        await stop
        await regain(server, events)
        for subject in ("e", "$SRV.PING"):
            with fails("NO_RESPONDERS"):
                await asked(nc, subject)


@behaviour("service-31")
async def test_an_endpoint_that_is_denied(harness: Any) -> None:
    async with dial(without(harness, "denied")) as nc:
        service, _ = await serving(nc)
        await service.add_endpoint(name="denied", handler=echo)
        with fails("PERMISSION", "endpoint denied: "):
            await service.stopped.wait()
        assert nc.is_connected
        await service.stop()


@behaviour("service-32")
async def test_a_service_that_cannot_be_found(harness: Any) -> None:
    async with dial(without(harness, "$SRV.STATS.s")) as nc:
        for handler in (None, lambda stats: 1):
            service = await nc.add_service(name="s", version="1.0.0", stats_handler=handler)
            with fails("PERMISSION"):
                await service.stopped.wait()


@behaviour("service-33")
async def test_a_closed_connection(url: str) -> None:
    async with dial(url) as nc:
        service, _ = await serving(nc, subject="service-33")
        stopped = asyncio.create_task(service.stopped.wait())
        await asyncio.sleep(0)
        await nc.close()
        with fails("CONNECTION_CLOSED"):
            await stopped
        with fails("CONNECTION_CLOSED"):
            await nc.add_service(name="s", version="1.0.0")


@behaviour("service-34")
async def test_a_connection_that_drains(url: str) -> None:
    async with dial(url) as nc, dial(url) as asker:
        release = asyncio.Event()

        async def later(request: Any) -> None:
            await release.wait()
            await request.respond(request.data)

        service, _ = await serving(nc, later, subject="service-34")
        await nc.flush()
        answers = await asker.subscribe("service-34.answers")
        for number in range(100):
            await asker.publish("service-34", b"%d" % number, "service-34.answers")
        await asker.flush()
        drain = asyncio.create_task(nc.drain())
        async with asyncio.timeout(WAIT):
            while not nc.is_draining:
                await asyncio.sleep(0)
        with fails("CONNECTION_DRAINING"):
            await nc.add_service(name="s", version="1.0.0")
        with fails("CONNECTION_DRAINING"):
            await service.add_endpoint(name="x", handler=echo)
        release.set()
        await drain
        numbers = [int((await answers.next_msg(WAIT)).data) for _ in range(100)]
        assert numbers == list(range(100))
        with fails("CONNECTION_CLOSED"):
            await service.stopped.wait()


async def test_a_service_lives_as_long_as_its_endpoints(alone: str) -> None:
    async with dial(alone) as nc:
        service, endpoint = await serving(nc)
        # Nobody keeps this one.
        await nc.add_service(name="lost", version="1.0.0")
        stopped, sub = service.stopped, endpoint.subscription
        del service, endpoint
        gc.collect()
        await nc.flush()
        assert await asked(nc, "e", b"x") == b"x"
        assert await found(nc, "ping", name="lost") == []
        await sub.unsubscribe()
        del sub
        gc.collect()
        await nc.flush()
        assert not stopped.is_set(), "its end still holds it"
        del stopped
        gc.collect()
        await nc.flush()
        assert await found(nc, "ping", name="s") == []
