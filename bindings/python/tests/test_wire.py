"""What a server may send: honest, odd and malicious, from a scripted fake server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from support import EAGER, WAIT, Events, behaviour, dial, fails

NEXT = ["handshake", {"expect": "SUB "}, {"reply": "MSG w {SUB.2} 4\r\nnext\r\n"}]


@contextlib.asynccontextmanager
async def answered(
    harness: Harness, sent: str, second: list[Any], **options: Any
) -> AsyncIterator[tuple[nats.NATS, Any]]:
    """A connection whose server answers the subscription `w` with `sent`, and then `second`."""
    first = ["handshake", {"expect": "SUB "}, {"reply": sent}]
    fake = harness.keep(harness.fake(scripts=[first, second]))
    async with dial(fake.url, **EAGER, **options) as nc:
        yield nc, await nc.subscribe("w")
    fake.remove()


async def leaves(harness: Harness, sent: str) -> None:
    """The bytes break the protocol: the socket is left with PROTOCOL, and the next one works."""
    events = Events()
    async with answered(harness, sent, NEXT, **events.options) as (_, sub):
        event = await events.wait("disconnected")
        assert event["name"] == "PROTOCOL", sent
        assert (await sub.next_msg(WAIT)).data == b"next"


async def delivers(harness: Harness, sent: str, payload: bytes) -> None:
    """The bytes deliver this payload, and the connection stays."""
    events = Events()
    async with answered(harness, sent, ["handshake"], **events.options) as (_, sub):
        assert (await sub.next_msg(WAIT)).data == payload
        assert "disconnected" not in events.kinds()


def hmsg(block: str, payload: str) -> str:
    return f"HMSG w {{SUB.2}} {len(block)} {len(block + payload)}\r\n{block}{payload}\r\n"


@behaviour("wire-01")
@pytest.mark.parametrize(
    "size",
    [
        *(-1, 2**31 - 1, 2**31, 2**32 + 5, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**32 - 1),
        *("0x10", "1e3", "+", "1.5"),
    ],
)
async def test_sizes_that_are_none(harness: Harness, size: object) -> None:
    await leaves(harness, f"MSG w {{SUB.2}} {size}\r\nok\r\n")
    await leaves(harness, f"HMSG w {{SUB.2}} {size} 12\r\nNATS/1.0\r\n\r\n\r\n")
    await leaves(harness, f"HMSG w {{SUB.2}} 12 {size}\r\nNATS/1.0\r\n\r\n\r\n")


@behaviour("wire-02")
@pytest.mark.parametrize(
    "sent",
    [
        "MSG w {SUB.2} 2\r\nokXXMSG",
        "MSG w {SUB.2} 1\r\nok\r\n",
        "HMSG w {SUB.2} 14 12\r\nNATS/1.0\r\n\r\n\r\n",
        "NONSENSE\r\n",
        "\r\n",
        "\0\1\2\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "MSG " + "x" * 10_000,
    ],
)
async def test_lines_that_are_none(harness: Harness, sent: str) -> None:
    await leaves(harness, sent)


@behaviour("wire-03")
@pytest.mark.parametrize(
    "block",
    [
        *("NATS/1."[:length] for length in range(1, 8)),
        *(
            f"{line}\r\n\r\n"
            for line in (
                *("NATS/1.0 9", "NATS/1.0 99", "NATS/1.0 9999", "NATS/1.0 abc", "NATS/1.0503"),
                *("NATS/2.0", "HTTP/1.1 200"),
                *("NATS/1.0\r\nA: 1\r\nNoColon", "NATS/1.0\r\na b: 1"),
            )
        ),
    ],
)
async def test_header_blocks_that_spoil_one_message(
    harness: Harness, events: Events, block: str
) -> None:
    sent = hmsg(block, "ok") + "MSG w {SUB.2} 4\r\nnext\r\n"
    async with answered(harness, sent, ["handshake"], **events.options) as (_, sub):
        msg = await sub.next_msg(WAIT)
        assert msg.data == b"ok"
        assert msg.decode_error is not None and msg.decode_error.name == "MALFORMED_MESSAGE"
        with fails("MALFORMED_MESSAGE"):
            _ = msg.headers
        with fails("MALFORMED_MESSAGE"):
            _ = msg.all_headers
        assert "w" in repr(msg)
        assert (await sub.next_msg(WAIT)).data == b"next"
        await events.wait("malformed_message")
        assert "disconnected" not in events.kinds()


@behaviour("wire-03")
async def test_header_blocks_that_are_short_but_good(harness: Harness) -> None:
    await delivers(harness, "HMSG w {SUB.2} 0 2\r\nok\r\n", b"ok")
    for block in ("NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\n\r\n"):
        await delivers(harness, hmsg(block, "ok"), b"ok")


@behaviour("wire-04")
async def test_20000_header_keys(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.wire.4")
        headers = {f"Key-{number}": str(number) for number in range(20_000)}
        await nc.publish("py.wire.4", b"x", headers=headers)
        msg = await sub.next_msg(WAIT)
        assert msg.headers == headers and list(msg.headers) == list(headers)


@behaviour("wire-05")
async def test_errors_of_the_server(harness: Harness, events: Events) -> None:
    sent = "-ERR\r\n-ERR \r\n-ERR ''\r\n-ERR 'Something New'\r\nMSG w {SUB.2} 2\r\nok\r\n"
    async with answered(harness, sent, ["handshake"], **events.options) as (_, sub):
        assert (await sub.next_msg(WAIT)).data == b"ok"
        assert "Something New" in (await events.wait("server_error", 4))["error"]
        assert "Something New" in str(await events.wait_error("SERVER_ERROR", 4))
        assert "disconnected" not in events.kinds()


@behaviour("wire-06")
async def test_a_subject_that_is_not_utf8(harness: Harness, events: Events) -> None:
    fake = harness.fake(
        "handshake",
        {"expect": "SUB "},
        {"send": {"hex": b"MSG \xff ".hex()}},
        {"reply": "{SUB.2} 2\r\nok\r\nMSG w {SUB.2} 4\r\nnext\r\n"},
    )
    async with dial(fake.url, **events.options) as nc:
        sub = await nc.subscribe("w")
        msg = await sub.next_msg(WAIT)
        assert msg.data == b"ok"
        assert msg.decode_error is not None and msg.decode_error.name == "MALFORMED_MESSAGE"
        assert msg.subject_bytes == b"\xff" and msg.subject == "\ufffd"
        assert repr(msg).encode()
        assert (await sub.next_msg(WAIT)).data == b"next"
        assert "disconnected" not in events.kinds()


@behaviour("wire-07")
async def test_large_and_bad_infos(harness: Harness, events: Events) -> None:
    fake = harness.fake({"handshake": {"max_payload": 5000, "filler": "x" * 1_000_000}})
    async with dial(fake.url) as nc:
        assert nc.max_payload == 5000
    bad = ("null", "[]", "nonsense", '{"max_payload":-1}', '{"max_payload":"x"}', "")
    sent = 'INFO {"max_payload":7000}\r\n' + "".join(f"INFO {info}\r\n" for info in bad)
    sent += "MSG w {SUB.2} 2\r\nok\r\n"
    async with answered(harness, sent, ["handshake"], **events.options) as (nc, sub):
        assert (await sub.next_msg(WAIT)).data == b"ok"
        await nc.flush()  # a message may overtake an INFO of the same read
        assert nc.max_payload == 7000 and "disconnected" not in events.kinds()


@behaviour("wire-08")
async def test_every_split_of_an_exchange(harness: Harness) -> None:
    # Sids are given from 1 on, which the first message proves.
    message = "HMSG w 1 r.s 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nok\r\n"
    splits = [{"chunked": message, "sizes": [at, 1000]} for at in range(1, len(message))]
    drip = {"drip": message, "gap_ms": 1}
    fake = harness.fake("handshake", {"expect": "SUB w 1"}, *splits, drip)
    async with dial(fake.url) as nc:
        sub = await nc.subscribe("w")
        for _ in range(len(message)):
            msg = await sub.next_msg(WAIT)
            assert (msg.data, msg.reply, msg.headers) == (b"ok", "r.s", {"A": "b"})
