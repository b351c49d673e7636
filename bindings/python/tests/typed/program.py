"""A program for mypy --strict to read: what has which type in the eyes of a user."""

from collections.abc import Awaitable, Callable
from typing import Any, assert_type
from urllib.parse import ParseResult

import nats_ffi as nats
from nats_ffi import errors, jwt, nkeys, sync
from nats_ffi.aio.client import Client
from nats_ffi.aio.msg import Msg
from nats_ffi.aio.subscription import Subscription


async def on_error(error: Exception) -> None:
    raise error


async def on_change() -> None:
    pass


async def handler(msg: Msg) -> None:
    await msg.respond(msg.data)


async def main() -> None:
    nc = await nats.connect(
        ["nats://127.0.0.1:4222"],
        name="typed",
        error_cb=on_error,
        closed_cb=on_change,
        max_reconnect_attempts=-1,
        connect_timeout=2.5,
        outbound_policy="wait",
    )
    assert_type(nc, Client)
    assert_type(await nc.subscribe("a", cb=handler), Subscription)
    sub = await nc.subscribe("a", "queue", pending_msgs_limit=4, overflow="drop_oldest")
    assert_type(await sub.next_msg(timeout=1.5), Msg)
    assert_type(await sub.take(10), list[Msg])
    async for msg in sub.messages:
        assert_type(msg, Msg)
        assert_type(msg.data, bytes)
        assert_type(msg.headers, dict[str, str] | None)
        assert_type(msg.decode_error, errors.Error | None)
    async for answer in nc.request_many("a", b"x", max_messages=3, stall=0.1):
        assert_type(answer, Msg)
    assert_type(await nc.request("a", bytearray(b"x"), timeout=1, headers={"A": "b"}), Msg)
    await nc.publish("a", memoryview(b"x"), reply="b", headers={"A": ["b", "c"]})
    assert_type(await nc.rtt(), float)
    assert_type(nc.connected_url, ParseResult | None)
    assert_type(nc.last_error, Exception | None)
    assert_type(nc.is_connected, bool)
    try:
        await nc.flush(timeout=1)
    except errors.Error as error:
        assert_type(error.code, int)
        assert_type(error.name, str)
    await nc.publish(7)  # type: ignore[arg-type]


def blocking() -> None:
    nc = sync.connect("nats://127.0.0.1:4222", user="u", password="p")
    sub = nc.subscribe("a")
    assert_type(sub.next_msg(timeout=None).data, bytes)
    assert_type(nc.request("a").data, bytes)
    assert_type(nc.rtt(), float)


def keys() -> None:
    account, user = nkeys.create_account(), nkeys.from_seed(b"SU")
    assert_type(user, nkeys.KeyPair)
    assert_type(user.public_key, bytes)
    assert_type(user.sign(b"nonce"), bytes)
    assert_type(nkeys.from_public_key("U").verify(b"nonce", b""), bool)
    token = jwt.encode_user(user, account, name="joe", publish_allow=["a.>"], expires=2e9)
    assert_type(token, str)
    assert_type(jwt.encode_account(account, nkeys.create_operator(), connections=3), str)
    assert_type(jwt.decode(token), dict[str, Any])
    assert_type(jwt.parse_creds(jwt.format_creds(token, user)).key, nkeys.KeyPair)
    jwt.encode_user(user, account, publish_alow=[])  # type: ignore[call-arg]
    jwt.encode_user(user, account, payload="x")  # type: ignore[arg-type]


callback: Callable[[Msg], Awaitable[Any]] = handler
