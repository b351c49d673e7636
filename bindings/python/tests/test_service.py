"""Services: what they tell of themselves, endpoints, groups, statistics."""

from __future__ import annotations

import json
from typing import Any

import nats_ffi as nats
import pytest
from nats_ffi import errors, micro
from nats_ffi.aio.service import (
    EndpointConfig,
    GroupConfig,
    ServiceConfig,
    ServiceInfo,
    ServicePing,
    ServiceStats,
)
from services import asked, counted, echo, serving
from support import WAIT, behaviour, dial, fails


@pytest.fixture
def alone(harness: Any) -> str:
    """The address of a server on which there are no other services."""
    return str(harness.server("plain").url)


@behaviour("service-01")
async def test_a_service_tells_what_it_is(alone: str) -> None:
    async with dial(alone) as nc:
        service = await nc.add_service(
            name="echo",
            version="1.2.3-rc.1+b",
            description="says it again",
            metadata={"region": '"north"\n'},
        )
        await service.add_endpoint(name="plain", handler=echo)
        await service.add_endpoint(
            name="other", handler=echo, subject="other.*.>", metadata={"k": "v"}
        )
        who: dict[str, Any] = {
            "name": "echo",
            "id": service.id,
            "version": "1.2.3-rc.1+b",
            "metadata": {"region": '"north"\n'},
        }
        ping = json.loads(await asked(nc, "$SRV.PING"))
        assert ping == {"type": "io.nats.micro.v1.ping_response", **who}
        assert ServicePing.from_dict(ping).id == service.id
        info = json.loads(await asked(nc, "$SRV.INFO"))
        plain = {"name": "plain", "subject": "plain", "queue_group": "q", "metadata": {}}
        other = {**plain, "name": "other", "subject": "other.*.>", "metadata": {"k": "v"}}
        assert info == {
            "type": "io.nats.micro.v1.info_response",
            **who,
            "description": "says it again",
            "endpoints": [plain, other],
        }
        assert service.info() == ServiceInfo.from_dict(info)
        stats = json.loads(await asked(nc, "$SRV.STATS"))
        assert service.stats() == ServiceStats.from_dict(stats)
        assert stats.pop("started").endswith("Z")
        zero = {
            "queue_group": "q",
            "num_requests": 0,
            "num_errors": 0,
            "last_error": "",
            "processing_time": 0,
            "average_processing_time": 0,
        }
        assert stats == {
            "type": "io.nats.micro.v1.stats_response",
            **who,
            "endpoints": [
                {"name": "plain", "subject": "plain", **zero},
                {"name": "other", "subject": "other.*.>", **zero},
            ],
        }


@behaviour("service-03")
async def test_each_request_goes_to_one_instance(alone: str) -> None:
    async with dial(alone) as nc:
        services = [(await serving(nc))[0] for _ in range(2)]
        assert services[0].id != services[1].id
        for number in range(100):
            assert await asked(nc, "e", b"%d" % number) == b"%d" % number
        shares = [service.stats().endpoints[0].num_requests for service in services]
        assert sum(shares) == 100 and all(shares), shares


@behaviour("service-04")
async def test_what_is_no_service(alone: str) -> None:
    async with dial(alone) as nc:
        for name in ("", "a.b", "a b", "*", ">", "ä", "a\r\n"):
            with fails("INVALID_NAME", "name "):
                await nc.add_service(name=name, version="1.0.0")
        for version in ("", "1", "v1.0.0", "1.0.0\r\n"):
            with fails("INVALID_ARGUMENT", "version "):
                await nc.add_service(name="s", version=version)
        with fails("INVALID_QUEUE_GROUP", "queue_group: "):
            await nc.add_service(name="s", version="1.0.0", queue_group="")
        with fails("INVALID_OPTION", "'versoin'"):
            await nc.add_service(name="s", versoin="1.0.0")  # type: ignore[call-arg]
        with pytest.raises(errors.InvalidCallbackTypeError, match="stats_handler: "):
            await nc.add_service(name="s", version="1.0.0", stats_handler=echo)  # type: ignore[arg-type]
        await nc.flush()
        with fails("NO_RESPONDERS"):
            await asked(nc, "$SRV.PING")


@behaviour("service-05")
async def test_what_is_no_endpoint(alone: str) -> None:
    async with dial(alone) as nc:
        service = await nc.add_service(name="s", version="1.0.0")
        for name in ("", "a.b", "a b", ">"):
            with fails("INVALID_NAME"):
                await service.add_endpoint(name=name, handler=echo)
        group = service.add_group(name="g")
        for subject in ("", "a..b", ".a", "a b", ">.a", "a\r\nPUB x 0"):
            for place in (service, group):
                with fails("INVALID_SUBJECT", "subject: "):
                    await place.add_endpoint(name="e", handler=echo, subject=subject)
        for queue in ("", "a b", "*"):
            for place in (service, group, service.add_group(name="g", queue_group=queue)):
                given = {} if place not in (service, group) else {"queue_group": queue}
                with fails("INVALID_QUEUE_GROUP"):
                    await place.add_endpoint(name="e", handler=echo, **given)  # type: ignore[arg-type]
        for prefix in (">", "a.>", "a b", "a."):
            with fails("INVALID_SUBJECT"):
                await service.add_group(name=prefix).add_endpoint(name="e", handler=echo)
        for handler in (None, 1):
            with pytest.raises(errors.InvalidCallbackTypeError, match="handler: "):
                await service.add_endpoint(name="e", handler=handler)  # type: ignore[arg-type]
        assert service.info().endpoints == []


@behaviour("service-06")
async def test_endpoints_with_names_and_subjects(alone: str) -> None:
    async with dial(alone) as nc:
        service, named = await serving(nc)
        other = await service.add_endpoint(name="e", handler=echo, subject="other.*.>")
        assert (named.subscription.subject, other.subscription.subject) == ("e", "other.*.>")
        for subject in ("e", "other.a.b.c"):
            assert await asked(nc, subject, b"x") == b"x"
        assert [one.num_requests for one in service.stats().endpoints] == [1, 1]


@behaviour("service-07")
async def test_groups(alone: str) -> None:
    async with dial(alone) as nc:
        service = await nc.add_service(name="s", version="1.0.0")
        outer = service.add_group(name="v1")
        inner = outer.add_group(GroupConfig("numbers"))
        deep = inner.add_group(name="").add_group(name="*")
        await outer.add_endpoint(name="b", handler=echo)
        await inner.add_endpoint(EndpointConfig("c", echo, subject="add.two"))
        await deep.add_endpoint(name="e", handler=echo, subject=">")
        await service.add_group(name="").add_endpoint(name="f", handler=echo)
        subjects = [one.subject for one in service.info().endpoints]
        assert subjects == ["v1.b", "v1.numbers.add.two", "v1.numbers.*.>", "f"]
        assert await asked(nc, "v1.numbers.x.y.z", b"deep") == b"deep"


@behaviour("service-08")
async def test_the_innermost_queue_group_counts(alone: str) -> None:
    async with dial(alone) as nc:
        service = await nc.add_service(name="s", version="1.0.0", queue_group="mine")
        plain, _ = await serving(nc)
        outer = service.add_group(name="v1")
        inner = outer.add_group(name="numbers", queue_group="n.1")
        none = inner.add_group(name="x", queue_group_disabled=True)
        await service.add_endpoint(name="a", handler=echo)
        await service.add_endpoint(name="a", handler=echo, queue_group_disabled=True)
        await outer.add_endpoint(name="b", handler=echo)
        await inner.add_endpoint(name="c", handler=echo)
        await inner.add_endpoint(name="d", handler=echo, queue_group="own")
        await none.add_endpoint(name="e", handler=echo)
        assert [one.queue_group for one in plain.info().endpoints] == ["q"]
        groups = [one.queue_group for one in service.info().endpoints]
        assert groups == ["mine", "", "mine", "n.1", "own", ""]


@behaviour("service-09")
async def test_every_instance_gets_every_request(alone: str) -> None:
    async with dial(alone) as nc:
        services = []
        for _ in range(2):
            service = await nc.add_service(name="s", version="1.0.0", queue_group_disabled=True)
            group = service.add_group(name="g", queue_group_disabled=True)
            await service.add_endpoint(name="all", handler=echo)
            await group.add_endpoint(name="grouped", handler=echo)
            await service.add_endpoint(name="alone", handler=echo, queue_group=service.id)
            services.append(service)
        for subject in ("all", "g.grouped", "alone"):
            many = nc.request_many(subject, b"x", max_messages=2, max_wait=WAIT)
            assert [msg.data async for msg in many] == [b"x", b"x"]
        for service in services:
            assert len(await counted(service, 3)) == 3


@behaviour("service-17")
async def test_statistics(url: str) -> None:
    async with dial(url) as nc:
        service, _ = await serving(nc, subject="service-17")
        for payload in (b"1", b"bad", b"2", b"3"):
            await nc.request("service-17", payload)
        (stats,) = service.stats().endpoints
        assert (stats.num_requests, stats.num_errors, stats.last_error) == (4, 1, "400:no good")
        assert stats.processing_time > 0
        assert stats.average_processing_time == stats.processing_time // 4
        await service.stop()


@behaviour("service-18")
async def test_a_reset(url: str) -> None:
    async with dial(url) as nc:
        service, _ = await serving(nc, subject="service-18")
        started = service.stats().started
        await nc.request("service-18", b"bad")
        await service.reset()
        stats = service.stats()
        assert stats.started > started
        (again,) = stats.endpoints
        counts = (again.num_requests, again.num_errors, again.processing_time, again.last_error)
        assert counts == (0, 0, 0, "")
        await nc.request("service-18")
        assert service.stats().endpoints[0].num_requests == 1
        await service.stop()


@behaviour("service-19")
async def test_statistics_of_the_program(alone: str) -> None:
    def more(stats: Any) -> Any:
        if stats.name == "raises":
            raise ValueError("a fault of the program")
        return {"asked": stats.num_requests} if stats.name == "e" else None

    async with dial(alone) as nc:
        config = ServiceConfig("s", "1.0.0", stats_handler=more)
        service = await micro.add_service(nc, config, description="counts")
        for name in ("e", "none", "raises"):
            await service.add_endpoint(name=name, handler=echo)
        await nc.request("e")
        for subject in ("$SRV.STATS", "$SRV.STATS.s", f"$SRV.STATS.s.{service.id}"):
            told = json.loads(await asked(nc, subject))["endpoints"]
            assert told[0]["data"] == {"asked": 1}
            assert "data" not in told[1] and "data" not in told[2]
        assert [one.data for one in service.stats().endpoints] == [{"asked": 1}, None, None]
        assert service.info().description == "counts"


@pytest.mark.loops
async def test_on_every_loop(url: str) -> None:
    async with await nats.connect(url) as nc:
        name = f"service-loop-{id(nc)}"
        async with await nc.add_service(name=name, version="1.0.0") as service:
            await service.add_endpoint(name="e", handler=echo, subject=name)
            assert (await nc.request(name, b"x")).data == b"x"
            (ping,) = await (await nc.discover("ping", name=name)).all()
            assert ping.id == service.id
        assert service.stopped.is_set() and await service.stopped.wait()
