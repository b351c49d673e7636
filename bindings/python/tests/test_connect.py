"""Connecting: addresses, credentials, options, TLS, and servers that will not have it."""

from __future__ import annotations

import json
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import WAIT, Events, behaviour, dial, fails, taking, works


@behaviour("connect-01")
async def test_host_port_url_and_ipv6(harness: Harness) -> None:
    server = harness.server("auth")
    for url in (f"nats://alice:secret@{server.address}", f"alice:secret@{server.address}"):
        async with dial(url) as nc:
            assert nc.connected_url and nc.connected_url.netloc == server.address
            assert "secret" not in nc.connected_url.geturl()
            await works(nc)
    six = harness.server("plain", host="::1")
    for url in (six.url, six.address):
        async with dial(url) as nc:
            assert nc.connected_url and nc.connected_url.netloc == six.address
            await works(nc)


@behaviour("connect-02")
async def test_of_a_list_the_server_that_is_up(url: str) -> None:
    servers = ["nats://127.0.0.1:1", "127.0.0.1:2", url, "localhost:3"]
    for options in ({"dont_randomize": True}, *([{}] * 5)):
        async with dial(servers, **options) as nc:
            assert nc.connected_url and nc.connected_url.geturl() == url
            await works(nc)


@behaviour("connect-03")
async def test_user_and_password(harness: Harness) -> None:
    server = harness.server(extra='authorization { user: "a@b", password: "p/w:d%" }')
    async with dial(f"nats://a%40b:p%2Fw%3Ad%25@{server.address}") as nc:
        await works(nc)
    async with dial(server.url, user="a@b", password="p/w:d%") as nc:
        await works(nc)
    wrong: list[tuple[str, dict[str, Any]]] = [
        (f"nats://a%40b:canary-word@{server.address}", {}),
        (server.url, {"user": "a@b", "password": "canary-word"}),
        (server.url, {}),
    ]
    for url, options in wrong:
        with fails("AUTHORIZATION") as caught:
            await nats.connect(url, allow_reconnect=False, **options)
        assert "canary" not in str(caught.value) + repr(caught.value)
        assert isinstance(caught.value, errors.AuthorizationError)


@behaviour("connect-04")
async def test_token(harness: Harness) -> None:
    server = harness.server("token")
    async with dial(f"nats://s3cr3t@{server.address}") as nc:
        await works(nc)
    async with dial(server.url, token="s3cr3t") as nc:
        await works(nc)
    with fails("AUTHORIZATION") as caught:
        await nats.connect(server.url, token="canary-word")
    assert "canary" not in str(caught.value) + repr(caught.value)


@behaviour("connect-05")
async def test_name_verbose_and_pedantic_reach_the_server(harness: Harness, url: str) -> None:
    fake = harness.fake("handshake", "serve")
    name = 'quote " and \r\n PING'
    async with dial(fake.url, name=name, pedantic=True):
        line = fake.received().split("\r\n")[0]
    assert line.startswith("CONNECT ")
    sent = json.loads(line[len("CONNECT ") :])
    assert sent["name"] == name
    assert sent["pedantic"] is True and sent["verbose"] is False
    async with dial(url, verbose=True, pedantic=True, name="conformance") as nc:
        await works(nc)


@behaviour("connect-06")
async def test_echo_off(url: str) -> None:
    for option in ({"no_echo": True}, {"echo": False}):
        async with dial(url, **option) as nc, dial(url) as other:
            sub = await nc.subscribe("py.connect.6")
            await nc.publish("py.connect.6", b"mine")
            await nc.flush()
            await other.publish("py.connect.6", b"theirs")
            assert (await sub.next_msg(WAIT)).data == b"theirs"


@behaviour("connect-07")
async def test_no_server_up() -> None:
    with taking(), fails("NO_SERVERS", "127.0.0.1:1", "127.0.0.1:2") as caught:
        await nats.connect(["nats://127.0.0.1:1", "nats://127.0.0.1:2"])
    assert isinstance(caught.value, errors.NoServersError)


@behaviour("connect-08")
@pytest.mark.parametrize(
    "script",
    [
        ["silence"],
        [{"send": 'INFO {"server_id":'}, "silence"],
        [{"drip": 'INFO {"server_id":"very slow indeed"}', "gap_ms": 50}],
        [{"send": "INFO {}\r\n"}, "silence"],
    ],
)
async def test_a_server_that_is_silent_at_any_stage(harness: Harness, script: list[Any]) -> None:
    fake = harness.fake(*script)
    with taking(0.3), fails("NO_SERVERS", "TIMEOUT"):
        await nats.connect(fake.url, connect_timeout=0.3)


@behaviour("connect-09")
@pytest.mark.parametrize(
    ("script", "seen"),
    [
        (["close"], ""),
        (["reset"], ""),
        ([{"send": "INFO {}\r\n"}, {"expect": "CONNECT"}, "close"], ""),
        ([{"send": "HTTP/1.1 400 Bad Request\r\n"}], "HTTP/1.1"),
        ([{"send": "SSH-2.0-OpenSSH_9.2\r\n"}], "SSH-2.0"),
        ([{"send": "PING\r\n"}], "PING"),
        ([{"send": "nonsense\r\n"}], "nonsense"),
        ([{"send": "INFO null\r\n"}], ""),
        ([{"send": "INFO []\r\n"}], ""),
        ([{"send": 'INFO {"max_payload":-1}\r\n'}], ""),
    ],
)
async def test_what_is_no_nats_server(harness: Harness, script: list[Any], seen: str) -> None:
    fake = harness.fake(*script)
    with taking(), pytest.raises(errors.Error) as caught:
        await nats.connect(fake.url)
    assert not isinstance(caught.value, errors.TimeoutError)
    assert seen in str(caught.value)


@behaviour("connect-10")
async def test_retry_on_failed_connect(harness: Harness, events: Events) -> None:
    proxy = harness.proxy(harness.server())
    proxy.tell("refuse")
    with fails("NO_SERVERS"):
        await nats.connect(proxy.url)
    options = {"reconnect_delay_max": 0.02, "max_reconnects": -1, **events.options}
    async with dial(proxy.url, retry_on_failed_connect=True, **options) as nc:
        assert not nc.is_connected and (nc.is_connecting or nc.is_reconnecting)
        sub = await nc.subscribe("py.connect.10")
        await nc.publish("py.connect.10", b"early")
        proxy.tell("accept")
        assert (await sub.next_msg(WAIT)).data == b"early"
        await events.wait("connected")
        assert nc.is_connected


@behaviour("connect-16")
async def test_connect_in_background(harness: Harness, events: Events) -> None:
    proxy = harness.proxy(harness.server())
    proxy.tell("stall", direction="to_client")
    async with dial(proxy.url, connect_in_background=True) as nc:
        assert nc.is_connecting
        sub = await nc.subscribe("py.connect.16")
        await nc.publish("py.connect.16", b"early")
        proxy.tell("resume")
        assert (await sub.next_msg(WAIT)).data == b"early"
        assert nc.is_connected
    proxy.tell("refuse")
    async with dial(proxy.url, connect_in_background=True, **events.options) as nc:
        await events.wait("closed")
        assert nc.is_closed and isinstance(nc.last_error, errors.NoServersError)


@behaviour("connect-11")
async def test_tls_by_the_url_and_by_the_servers_demand(harness: Harness) -> None:
    server = harness.server("tls")
    for scheme in ("tls", "nats"):
        async with dial(f"{scheme}://{server.address}", tls_ca_file=server.tls_ca) as nc:
            await works(nc)
    available = harness.server("tls-available")
    async with dial(available.url, tls_required=True, tls_ca_file=available.tls_ca) as nc:
        await works(nc)


@behaviour("connect-12")
async def test_tls_that_is_not_as_it_should_be(harness: Harness) -> None:
    server = harness.server("tls")
    with fails("TLS"):
        await nats.connect(server.url)
    with fails("TLS"):
        await nats.connect(server.url, tls_ca_file=server.tls_foreign_ca)
    # The certificate is for 127.0.0.1 only.
    everywhere = harness.server("tls", host="0.0.0.0")
    with fails("TLS"):
        await nats.connect(f"tls://127.0.0.2:{everywhere.port}", tls_ca_file=everywhere.tls_ca)
    async with dial(f"tls://127.0.0.1:{everywhere.port}", tls_ca_file=everywhere.tls_ca) as nc:
        await works(nc)
    fake = harness.fake("handshake", "serve")
    with fails("TLS"):
        await nats.connect(fake.url, tls_required=True)
    assert "CONNECT" not in fake.received()


@behaviour("connect-13")
async def test_server_information(url: str) -> None:
    async with dial(url) as nc:
        info = nc.server_info
        assert len(info["server_id"]) > 10 and info["headers"] is True
        assert info["max_payload"] == nc.max_payload > 0
        assert nc.client_id == info["client_id"] and nc.client_ip == info["client_ip"]
        version = nc.connected_server_version
        numbers = f"{version.major}.{version.minor}.{version.patch}"
        assert info["version"].startswith(numbers)


@behaviour("connect-14")
async def test_urls_that_are_none() -> None:
    bad = (
        "http://u:canary@localhost:4222",
        "nats://u:canary@localhost:99999",
        "nats://u:canary@localhost:0x1",
        "nats://u:canary@[::1",
        "nats://u:canary@a b:4222",
        "nats://u:canary@a\r\n:4222",
        "nats://u:canary@:4222",
    )
    for url in bad:
        with fails("INVALID_URL") as caught:
            await nats.connect(url)
        assert "canary" not in str(caught.value) + repr(caught.value)
    with pytest.raises(errors.Error) as empty:
        await nats.connect([])
    assert empty.value.name in ("INVALID_URL", "INVALID_OPTION")


@behaviour("connect-15")
@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("nmae", "x", "name"),
        ("ping_intervall", 1, "ping_interval"),
        ("connect_timeout", -1, "connect_timeout"),
        ("ping_interval", 1e300, "ping_interval"),
        ("ping_interval", float("nan"), "ping_interval"),
        ("outbound_policy", "nothing", "drop_oldest"),
    ],
)
async def test_options_that_do_not_exist_or_out_of_range(
    url: str, option: str, value: object, says: str
) -> None:
    with fails("INVALID_OPTION", option, says):
        await nats.connect(url, **{option: value})


@behaviour("connect-15")
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", 1),
        ("echo", "yes"),
        ("no_echo", 1),
        ("connect_timeout", "2"),
        ("max_reconnect_attempts", 1.5),
        ("error_cb", "not callable"),
        ("closed_cb", 7),
        ("servers", 7),
        ("servers", ["nats://127.0.0.1:4222", 7]),
        ("tls", object()),
    ],
)
async def test_options_of_the_wrong_type(option: str, value: object) -> None:
    with pytest.raises((TypeError, errors.Error)) as caught:
        await nats.connect(**{option: value})
    error = caught.value
    if isinstance(error, errors.Error):
        wrong = ("INVALID_OPTION", "INVALID_ARGUMENT", "WRONG_TYPE")
        known = isinstance(error, errors.InvalidCallbackTypeError)
        assert known or error.name in wrong, error
    assert option in str(error)
