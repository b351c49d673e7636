"""Services in the blocking API."""

from __future__ import annotations

import inspect
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from blocking import Told, dial, running
from harness import Harness
from nats_ffi import aio, errors, sync
from nats_ffi.sync.service import (
    EndpointConfig,
    EndpointStats,
    GroupConfig,
    Request,
    Service,
    ServiceConfig,
    ServiceError,
    ServicePing,
)
from support import WAIT, fails


def echo(request: Request) -> None:
    if request.data == b"bad":
        request.respond_error(400, "no good")
    elif request.data == b"worse":
        raise ValueError("broken")
    else:
        request.respond(request.data, headers={"A": "1"})


def counted(service: Service, requests: int) -> list[EndpointStats]:
    """What the endpoints have done, once they have so many requests."""
    end = time.monotonic() + WAIT
    while True:
        endpoints = service.stats().endpoints
        if sum(one.num_requests for one in endpoints) >= requests:
            return endpoints
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def nc(harness: Harness) -> Iterator[Any]:
    """A connection to a server on which there are no other services."""
    with dial(harness.server("plain").url) as connection:
        yield connection


def test_both_apis_have_the_same_methods() -> None:
    for name in ("Service", "Group", "Request", "Answers", "Stopped"):
        awaited, blocking = getattr(aio.service, name), getattr(sync.service, name)
        names = {name for name in dir(awaited) if not name.startswith("_")}
        assert names == {name for name in dir(blocking) if not name.startswith("_")}
        for one in names - {"wait", "error"}:
            method, other = getattr(awaited, one), getattr(blocking, one)
            if inspect.isfunction(method):
                assert [*inspect.signature(method).parameters] == [
                    *inspect.signature(other).parameters
                ]


def test_requests_and_answers(nc: Any) -> None:
    service = nc.add_service(ServiceConfig("s", "1.0.0", metadata={"k": "v"}))
    service.add_endpoint(EndpointConfig("e", echo, subject="e.*"))
    answer = nc.request("e.x", b"data", timeout=WAIT)
    assert (answer.data, answer.headers, ServiceError.of(answer)) == (b"data", {"A": "1"}, None)
    for data, text in ((b"bad", "400:no good"), (b"worse", "500:broken")):
        assert str(ServiceError.of(nc.request("e.x", data, timeout=WAIT))) == text
    (stats,) = counted(service, 3)
    assert (stats.num_requests, stats.num_errors, stats.last_error) == (3, 2, "500:broken")
    service.reset()
    assert service.stats().endpoints[0].num_requests == 0
    assert service.info().metadata == {"k": "v"}


def test_what_is_refused(nc: Any) -> None:
    with fails("INVALID_NAME"):
        nc.add_service(name="a b", version="1.0.0")
    service = nc.add_service(name="s", version="1.0.0")

    async def later(request: Any) -> None: ...

    for handler in (later, None):
        with pytest.raises(errors.InvalidCallbackTypeError, match="handler: "):
            service.add_endpoint(name="e", handler=handler)
    with fails("INVALID_SUBJECT"):
        service.add_endpoint(name="e", handler=echo, subject="a b")
    with fails("INVALID_ARGUMENT"):
        nc.discover("pong")


def test_groups(nc: Any) -> None:
    service = nc.add_service(name="s", version="1.0.0")
    outer = service.add_group(GroupConfig("v1", "mine"))
    outer.add_group(name="numbers").add_endpoint(name="a", handler=echo)
    outer.add_group(name="", queue_group_disabled=True).add_endpoint(name="b", handler=echo)
    told = [(one.subject, one.queue_group) for one in service.info().endpoints]
    assert told == [("v1.numbers.a", "mine"), ("v1.b", "")]
    assert nc.request("v1.numbers.a", b"x", timeout=WAIT).data == b"x"


def test_discovery(nc: Any) -> None:
    service = nc.add_service(name="s", version="1.0.0", stats_handler=lambda stats: stats.name)
    other = nc.add_service(name="other", version="1.0.0")
    service.add_endpoint(name="e", handler=echo)
    quick: Any = {"max_wait": WAIT, "stall": 0.2}
    pings = nc.discover(**quick).all()
    assert sorted(ping.id for ping in pings) == sorted([service.id, other.id])
    assert nc.discover("info", name="s", **quick).all() == [service.info()]
    (stats,) = nc.discover("stats", name="s", id=service.id, **quick)
    assert stats == service.stats() and stats.endpoints[0].data == "e"
    assert nc.discover(name="nobody", **quick).all() == []
    answers = nc.discover("ping", max_messages=1, max_wait=WAIT)
    assert isinstance(next(answers), ServicePing)


def test_a_stop_waits_for_the_answers(nc: Any) -> None:
    started, release = threading.Event(), threading.Event()

    def slow(request: Request) -> None:
        started.set()
        assert release.wait(WAIT)
        request.respond(b"done")

    service = nc.add_service(name="s", version="1.0.0")
    service.add_endpoint(name="slow", handler=slow)
    answers: queue.Queue[bytes] = queue.Queue()
    with running(lambda: answers.put(nc.request("slow", timeout=WAIT).data)):
        assert started.wait(WAIT)
        with pytest.raises(errors.TimeoutError):
            service.stopped.wait(0.02)
        with running(lambda: service.stop(WAIT)) as failures:
            threading.Timer(0.05, release.set).start()
            assert service.stopped.wait(WAIT)
    assert not failures and answers.get(timeout=WAIT) == b"done"
    assert service.stopped.is_set()
    with fails("SUBSCRIPTION_CLOSED"):
        service.add_endpoint(name="late", handler=echo)


def test_a_request_may_be_answered_later(nc: Any) -> None:
    kept = Told()
    with nc.add_service(name="s", version="1.0.0") as service:
        service.add_endpoint(name="e", handler=kept)
        answers = nc.subscribe("answers")
        nc.publish("e", b"x", "answers")
        (request,) = kept.wait(1)
        assert service.stats().endpoints[0].num_requests == 0
        with fails("INVALID_ARGUMENT", "code: "):
            request.respond_error("none", "text")
        request.respond_error("409", "later")
        assert str(ServiceError.of(answers.next_msg(WAIT))) == "409:later"
        counted(service, 1)
    assert service.stopped.is_set()
    with fails("NO_RESPONDERS"):
        nc.request("e")


def test_the_end_of_a_connection(nc: Any) -> None:
    service = nc.add_service(name="s", version="1.0.0")
    threading.Timer(0.02, nc.close).start()
    with fails("CONNECTION_CLOSED"):
        service.stopped.wait(WAIT)
