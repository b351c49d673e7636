"""Headers (ADR-4): sending and reading them."""

from __future__ import annotations

from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import WAIT, behaviour, dial, fails


async def round_trip(nc: nats.NATS, headers: Any, payload: bytes = b"x") -> Any:
    """The message as it arrives."""
    sub = await nc.subscribe("py.headers")
    await nc.publish("py.headers", payload, headers=headers)
    msg = await sub.next_msg(WAIT)
    await sub.unsubscribe()
    assert msg.data == payload and msg.decode_error is None
    return msg


@behaviour("headers-01")
async def test_order_case_and_several_values(url: str) -> None:
    async with dial(url) as nc:
        lines = [("One", "1"), ("tWo", "2"), ("One", "3"), ("ONE", "4")]
        headers = nats.Headers()
        for name, value in lines:
            headers.append(name, value)
        msg = await round_trip(nc, headers)
        assert msg.all_headers.items() == lines and msg.all_headers == headers
        assert msg.all_headers.get_all("One") == ["1", "3"]
        assert set(msg.headers) == {"One", "tWo", "ONE"} and msg.status is None
        assert msg.header is msg.headers
        msg = await round_trip(nc, {"One": ["1", "3"], "tWo": "2"})
        assert msg.all_headers.items() == [("One", "1"), ("One", "3"), ("tWo", "2")]


@behaviour("headers-02")
async def test_get_is_case_sensitive(url: str) -> None:
    async with dial(url) as nc:
        msg = await round_trip(nc, {"Key": "first", "KEY": "second"})
        assert msg.headers["KEY"] == "second" and msg.headers["Key"] == "first"
        assert "key" not in msg.headers and msg.headers.get("key") is None
        every = msg.all_headers
        assert every["KEY"] == every.get("KEY") == "second"
        assert "key" not in every and every.get("key") is None
        assert every.get("key", ignore_case=True) == "first"
        with pytest.raises(KeyError):
            _ = every["key"]


@behaviour("headers-03")
async def test_values_come_back_as_they_were(url: str) -> None:
    values = ["", " ", " leading", "trailing ", "  both  ", "12:30:00", ":", "two  words"]
    values += ["grüß", "a\tb"]
    async with dial(url) as nc:
        msg = await round_trip(nc, {"V": values})
        assert msg.all_headers.items() == [("V", value) for value in values]


@behaviour("headers-04")
async def test_what_would_break_the_protocol(url: str) -> None:
    names = ["", "a:b", "a b", " a", "a\rb", "a\nb", "a\tb", "naïve", "a\x7f", "a\0b"]
    values = ["a\rb", "a\nb", "a\r\nInjected: yes", "\n", "a\0b"]
    async with dial(url) as nc:
        for name in names:
            with fails("INVALID_HEADER") as caught:
                await nc.publish("py.headers", b"x", headers={name: "x"})
            assert isinstance(caught.value, errors.BadHeaderError)
            with fails("INVALID_HEADER"):
                await nc.request("py.headers", b"x", headers={name: "x"})
        for value in values:
            with fails("INVALID_HEADER"):
                await nc.publish("py.headers", b"x", headers={"Name": value})
            with fails("INVALID_HEADER"):
                nats.Headers().append("Name", value)
        for wrong in ("Name: x", 7, {"Name": 7}, {7: "x"}, [("Name",)], [("a", "b", "c")]):
            with pytest.raises(TypeError):
                await nc.publish("py.headers", b"x", headers=wrong)
        assert nc.stats["out_msgs"] == 0


@behaviour("headers-05")
async def test_set_append_remove_and_count(url: str) -> None:
    headers = nats.Headers({"A": ["1", "3"], "B": "2"})
    headers.set("A", "only")
    assert (len(headers), headers.items()) == (2, [("A", "only"), ("B", "2")])
    headers["C"] = "new"
    headers.append("B", "4")
    assert headers.keys() == list(headers) == ["A", "B", "C", "B"]
    assert headers.values() == ["only", "2", "new", "4"]
    assert (headers.remove("B"), headers.remove("B")) == (2, 0)
    del headers["C"]
    with pytest.raises(KeyError):
        del headers["C"]
    assert len(headers) == 1 and "A" in headers and "B" not in headers
    async with dial(url) as nc:
        msg = await round_trip(nc, headers)
        assert msg.all_headers == headers == nats.Headers({"A": "only"})
        msg.headers["A"] = "of my own"  # a dict that the program may change
        assert msg.all_headers["A"] == "only"
    headers.clear()
    assert len(headers) == 0 and headers != nats.Headers({"A": "only"})
    assert headers.get("A", "default") == "default" and "A" not in repr(headers)


@behaviour("headers-06")
async def test_an_empty_payload_an_empty_set_and_1000_lines(url: str) -> None:
    async with dial(url) as nc:
        assert not (await round_trip(nc, {})).headers
        headers = {f"Name-{number}": f"value {number}" for number in range(1000)}
        msg = await round_trip(nc, headers, b"")
        assert msg.headers == headers


@behaviour("headers-07")
async def test_status_and_description(harness: Harness) -> None:
    fake = harness.fake(
        "handshake",
        {"expect": "SUB "},
        {"reply": "HMSG w {SUB.2} 31 31\r\nNATS/1.0 100 Idle Heartbeat\r\n\r\n\r\n"},
        {"reply": "HMSG w {SUB.2} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"},
    )
    async with dial(fake.url) as nc:
        sub = await nc.subscribe("w")
        msg = await sub.next_msg(WAIT)
        assert (msg.status, msg.description) == (100, "Idle Heartbeat")
        assert msg.headers == {"Status": "100", "Description": "Idle Heartbeat"}
        msg = await sub.next_msg(WAIT)
        assert (msg.status, msg.description) == (503, None)
        assert msg.headers == {"Status": "503"}


@behaviour("headers-08")
async def test_a_server_without_headers(harness: Harness) -> None:
    fake = harness.fake({"handshake": {"headers": False, "max_payload": 1000}})
    async with dial(fake.url) as nc:
        with fails("HEADERS_UNSUPPORTED"):
            await nc.publish("a", b"x", headers={"A": "b"})
        await nc.publish("plain", b"x")
        await nc.flush()
        text = fake.received()
        assert "PUB plain 1" in text and "HPUB" not in text


async def test_received_headers_may_be_sent_again(url: str) -> None:
    async with dial(url) as nc:
        msg = await round_trip(nc, {"A": ["1", "2"]})
        again = await round_trip(nc, msg.all_headers)
        assert again.all_headers.items() == [("A", "1"), ("A", "2")]


async def test_a_dict_that_has_changed_is_sent_as_it_is(url: str) -> None:
    async with dial(url) as nc:
        given: dict[str, Any] = {"A": "1", "B": "2"}
        for change in ({}, {"A": "3"}, {"C": "4"}, {"B": ["5", "6"]}, {"B": "2"}):
            given.update(change)
            for _ in range(2):
                msg = await round_trip(nc, given)
                expected = {k: v if isinstance(v, str) else v[-1] for k, v in given.items()}
                assert msg.headers == expected
        assert (await round_trip(nc, {})).headers is None
        assert (await round_trip(nc, {"B": "2", "A": "1"})).all_headers.keys() == ["B", "A"]


async def test_many_names_and_subjects(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.headers.many.*")
        for _ in range(2):
            for number in range(300):
                headers = {f"Name-{number}": "x", "n" * (number + 1): "y"}
                await nc.publish(f"py.headers.many.{number}", headers=headers)
        for _ in range(2):
            for number in range(300):
                msg = await sub.next_msg(WAIT)
                assert msg.subject == f"py.headers.many.{number}"
                assert msg.headers == {f"Name-{number}": "x", "n" * (number + 1): "y"}
