"""Services: requests, answers and errors, and how they are counted."""

from __future__ import annotations

import asyncio
import gc

from nats_ffi.aio.service import Request, ServiceError
from services import Held, asked, counted, error_of, serving
from support import WAIT, Latch, behaviour, dial, fails


@behaviour("service-10")
async def test_answers_have_what_the_handler_gives(url: str) -> None:
    def plain(request: Request) -> None:
        """Not every handler is a coroutine function."""
        assert request.headers == {"A": "1"} and request.msg.subject == request.subject
        later.append(request)

    later: list[Request] = []
    async with dial(url) as nc:
        service, _ = await serving(nc, plain, subject="service-10")
        question = asyncio.ensure_future(nc.request("service-10", b"x", headers={"A": "1"}))
        await nc.flush()
        async with asyncio.timeout(WAIT):
            while not later:
                await asyncio.sleep(0)
        await later[0].respond(later[0].data * 2, headers={"B": "2"})
        answer = await question
        assert (answer.data, answer.headers) == (b"xx", {"B": "2"})
        await service.stop()


@behaviour("service-11")
async def test_answers_that_are_errors(url: str) -> None:
    async def refuse(request: Request) -> None:
        await request.respond_error(409, "taken", b"more", {"A": "1"})

    async with dial(url) as nc:
        service, _ = await serving(nc, refuse, subject="service-11")
        answer = await nc.request("service-11")
        assert answer.headers == {
            "A": "1",
            "Nats-Service-Error": "taken",
            "Nats-Service-Error-Code": "409",
        }
        assert answer.data == b"more"
        (stats,) = service.stats().endpoints
        assert (stats.num_requests, stats.num_errors, stats.last_error) == (1, 1, "409:taken")
        await service.stop()


@behaviour("service-12")
async def test_errors_that_are_none(url: str) -> None:
    async with dial(url) as nc:
        held = Held()
        service, _ = await serving(nc, held, subject="service-12")
        question = asyncio.ensure_future(nc.request("service-12", timeout=WAIT))
        request = await held.next()
        for code in (0, "", "x", -1, 65536, 1.5):
            with fails("INVALID_ARGUMENT", "code: "):
                await request.respond_error(code, "text")  # type: ignore[arg-type]
        with fails("INVALID_ARGUMENT", "description: "):
            await request.respond_error(400, "")
        with fails("INVALID_HEADER"):
            await request.respond_error(400, "two\r\nlines")
        assert service.stats().endpoints[0].num_requests == 0
        await request.respond_error("409", "tried again")
        error = ServiceError.of(await question)
        assert error and (error.code, error.description) == (409, "tried again")
        assert service.stats().endpoints[0].last_error == "409:tried again"
        await service.stop()


@behaviour("service-13")
async def test_who_asks_sees_the_error(url: str) -> None:
    async with dial(url) as nc:
        service, _ = await serving(nc, subject="service-13")
        error = await error_of(nc, "service-13", b"bad")
        assert (error.code, error.description, str(error)) == (400, "no good", "400:no good")
        assert ServiceError.of(await nc.request("service-13", b"good")) is None
        await service.stop()


@behaviour("service-14")
async def test_what_a_handler_raises_is_answered(url: str) -> None:
    raised: list[Exception] = [
        ValueError("two\r\n lines\0"),
        KeyError(),
        ServiceError(404, "nobody", b"data"),
        ServiceError("none", "has no number"),
        ServiceError(404, "two\nlines"),
    ]
    answered = ("500:two lines", "500:KeyError", "404:nobody", "500:none:has no number")

    async def fail(request: Request) -> None:
        raise raised[int(request.data)]

    async with dial(url) as nc:
        service, _ = await serving(nc, fail, subject="service-14")
        for number, text in enumerate([*answered, "404:two lines"]):
            error = await error_of(nc, "service-14", b"%d" % number)
            assert str(error) == text
            stats = service.stats().endpoints[0]
            assert (stats.num_errors, stats.last_error) == (number + 1, text)
        assert (await nc.request("service-14", b"2")).data == b"data"
        await service.stop()


async def test_what_is_raised_behind_an_answer_is_told(url: str) -> None:
    told, latch = [], Latch()

    async def on_error(error: Exception) -> None:
        told.append(error)
        latch.add()

    async def answer(request: Request) -> None:
        await request.respond(b"done")
        raise ValueError("too late")

    async with dial(url, error_cb=on_error) as nc:
        service, _ = await serving(nc, answer, subject="service-late")
        assert await asked(nc, "service-late") == b"done"
        await latch.wait(1)
        assert [str(error) for error in told] == ["too late"]
        stats = service.stats().endpoints[0]
        assert (stats.num_requests, stats.num_errors) == (1, 0)
        await service.stop()


@behaviour("service-15")
async def test_a_request_is_counted_when_it_is_answered(url: str) -> None:
    async with dial(url) as nc:
        held = Held()
        service, _ = await serving(nc, held, subject="service-15")
        questions = [asyncio.ensure_future(nc.request("service-15", timeout=WAIT)) for _ in "ab"]
        late, soon = await held.next(), await held.next()
        await soon.respond(b"soon")
        assert (await questions[1]).data == b"soon"
        assert service.stats().endpoints[0].num_requests == 1
        await asyncio.create_task(late.respond(b"late"))
        assert (await questions[0]).data == b"late"
        assert service.stats().endpoints[0].num_requests == 2
        await service.stop()


@behaviour("service-16")
async def test_a_request_is_counted_once(url: str) -> None:
    async with dial(url) as nc:
        held = Held()
        service, _ = await serving(nc, held, subject="service-16")
        answers = await nc.subscribe("service-16.answers")
        for _ in range(2):
            await nc.publish("service-16", b"", "service-16.answers")
        await nc.publish("service-16", b"nobody waits")

        request: Request | None = await held.next()
        assert request
        await request.msg.respond(b"part")
        assert service.stats().endpoints[0].num_requests == 0
        for text in (b"whole", b"more"):
            await request.respond(text)
        assert [(await answers.next_msg(WAIT)).data for _ in "abc"] == [b"part", b"whole", b"more"]
        assert service.stats().endpoints[0].num_requests == 1
        request = None
        await held.next()
        stats = (await counted(service, 2))[0]
        assert (stats.num_requests, stats.num_errors) == (2, 0), "given up"
        request = await held.next()
        with fails("NO_REPLY"):
            await request.respond()
        request = None
        # The error that was raised knows it.
        gc.collect()
        stats = (await counted(service, 3))[0]
        assert (stats.num_requests, stats.num_errors) == (3, 1)
        assert "reply" in stats.last_error
        await service.stop()
