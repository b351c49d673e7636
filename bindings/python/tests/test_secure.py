"""Who connects, TLS, and the ways to a server: each option, and each callback."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness, Remote
from keys import CREDS, NKEY_SEED, NKEY_SERVER, OPERATOR_SERVER, USER_JWT, USER_SEED
from nats_ffi import errors, sync
from support import EAGER, WAIT, Events, behaviour, fails

CANARY = "canary-word"


@asynccontextmanager
async def works(url: str, **options: Any) -> AsyncIterator[nats.NATS]:
    """A connection through which a message goes and comes back."""
    async with await _connect(url, **options) as nc:
        sub = await nc.subscribe("py.secure")
        await nc.publish("py.secure", b"works")
        assert (await sub.next_msg(WAIT)).data == b"works"
        yield nc


async def _connect(url: str, **options: Any) -> nats.NATS:
    return await nats.connect(url, **{**EAGER, **options})


async def works_at_all(url: str, **options: Any) -> None:
    async with works(url, **options):
        pass


async def refused(name: str, url: str, *texts: str, **options: Any) -> None:
    with fails(name, *texts) as caught:
        await _connect(url, **options)
    assert CANARY not in str(caught.value)


def file(path: Path, content: str) -> str:
    path.write_text(content)
    return str(path)


@behaviour("life-01")
async def test_nkeys(harness: Harness, tmp_path: Path) -> None:
    url = harness.server(extra=NKEY_SERVER).url
    await works_at_all(url, nkey_seed=NKEY_SEED)
    await works_at_all(url, nkeys_seed_str=NKEY_SEED)
    await works_at_all(url, nkeys_seed=file(tmp_path / "u.nk", f"# key\n{NKEY_SEED}\n"))
    await refused("INVALID_KEY", url, "nkey_seed", nkey_seed=f"SU{CANARY}")
    await refused("INVALID_CREDENTIALS", url, "nkey_seed_file", nkey_seed_file="/no/such/file")
    await refused("AUTHORIZATION", url)


@behaviour("life-02")
async def test_credentials(harness: Harness, tmp_path: Path) -> None:
    url = harness.server(extra=OPERATOR_SERVER).url
    path = file(tmp_path / "user.creds", CREDS)
    await works_at_all(url, user_credentials=path)
    await works_at_all(url, user_credentials=Path(path))
    await works_at_all(url, user_credentials=nats.RawCredentials(CREDS))
    await works_at_all(url, creds=CREDS)
    await works_at_all(url, jwt=USER_JWT, nkey_seed=USER_SEED)
    jwt, seed = file(tmp_path / "user.jwt", USER_JWT), file(tmp_path / "user.seed", USER_SEED)
    await works_at_all(url, user_credentials=(jwt, seed))
    await refused("INVALID_CREDENTIALS", url, creds=CREDS[:300] + CANARY)
    await refused("INVALID_CREDENTIALS", url, creds_file=str(tmp_path / "none.creds"))
    await refused("INVALID_OPTION", url, "creds and jwt", creds=CREDS, jwt=USER_JWT)


async def test_files_are_read_anew(harness: Harness, tmp_path: Path, events: Events) -> None:
    server = harness.server(extra=OPERATOR_SERVER)
    path = file(tmp_path / "user.creds", CREDS)
    async with await _connect(server.url, creds_file=path, **events.options) as nc:
        file(tmp_path / "user.creds", "")
        await nc.force_reconnect()
        error = await events.wait_error("INVALID_CREDENTIALS")
        assert "there is no JWT" in str(error)
        file(tmp_path / "user.creds", CREDS)
        await events.wait("reconnected")


@behaviour("life-03")
async def test_signature_and_jwt_callbacks(harness: Harness, events: Events) -> None:
    server = harness.server(extra=OPERATOR_SERVER)
    asked: list[Any] = []

    async def jwt() -> bytes:
        asked.append("jwt")
        return USER_JWT.encode()

    def sign(nonce: str) -> bytes:
        asked.append(nonce)
        return b"\0" * 64

    # The signature is wrong, and so the server says: but it got there.
    await refused("AUTHORIZATION", server.url, signature_cb=sign, user_jwt_cb=jwt)
    assert asked[0] == "jwt" and len(asked[1]) > 8

    async def login(challenge: dict[str, Any]) -> dict[str, str]:
        asked.append(challenge)
        return {"jwt": USER_JWT, "seed": USER_SEED}

    asked.clear()
    async with works(server.url, login_cb=login, **events.options) as nc:
        await nc.force_reconnect()
        await events.wait("reconnected")
        assert len(asked) >= 2 and asked[0]["url"] == server.url
        assert asked[0]["nonce"] != asked[-1]["nonce"]
    await works_at_all(server.url, login_cb=lambda _: {"creds": CREDS})


async def test_callable_user_password_and_token(harness: Harness, events: Events) -> None:
    server = harness.server("auth")
    url = f"nats://{server.address}"
    passwords = ["secret", "secret", "wrong"]
    async with works(
        url, user="alice", password=lambda: passwords.pop(0), **events.options
    ) as nc:
        await nc.force_reconnect()
        await events.wait("reconnected")
        assert passwords == ["wrong"]
    await refused("AUTHORIZATION", url, user=lambda: "alice", password=CANARY)

    async def token() -> str:
        return "s3cr3t"

    await works_at_all(f"nats://{harness.server('token').address}", token=token)


async def test_a_login_that_fails(harness: Harness, events: Events) -> None:
    url = harness.server("auth").url

    def fail(challenge: dict[str, Any]) -> Any:
        raise ValueError(CANARY)

    await refused("INVALID_CREDENTIALS", url, "ValueError", login_cb=fail, **events.options)
    await refused("NO_SERVERS", url, "'password'", login_cb=lambda _: {"pasword": CANARY})
    await refused("INVALID_CREDENTIALS", url, "InvalidArgumentError", login_cb=lambda _: 7)


async def test_the_same_callbacks_without_a_loop(harness: Harness) -> None:
    url = f"nats://{harness.server('auth').address}"
    client = sync.connect(url, login_cb=lambda _: {"user": "alice", "password": "secret"})
    client.flush()
    client.close()
    with fails("INVALID_CREDENTIALS", "ZeroDivisionError"):
        sync.connect(url, login_cb=lambda _: 1 // 0, error_cb=lambda error: None)


def read(path: str) -> str:
    return Path(path).read_text()


@behaviour("life-04")
async def test_tls(harness: Harness) -> None:
    server = harness.server("tls-verify")
    url, ca, cert, key = server.url, server.tls_ca, server.tls_cert, server.tls_key
    mine = {"tls_cert_file": cert, "tls_key_file": key}
    await works_at_all(url, tls_ca_file=ca, **mine)
    await works_at_all(url, tls_ca=read(ca), tls_cert=read(cert), tls_key=read(key))
    await works_at_all(url, tls_ca_file=ca, tls_min_version="1.3", **mine)
    await works_at_all(url, tls_insecure=True, **mine)
    await works_at_all(url, tls_ca_file=ca, certificate_cb=lambda: (read(cert), read(key)))
    await refused("TLS", url, "wants a client certificate", tls_ca_file=ca)
    await refused("TLS", url, "not trusted", tls_ca_file=server.tls_foreign_ca, **mine)
    other = {"tls_hostname": "other.example"}
    await refused("TLS", url, "another name", tls_ca_file=ca, **mine, **other)
    await refused("TLS", url, tls_ca_file="/no/such/file")
    await refused("TLS", url, "PEM", tls_ca=CANARY)
    await refused("INVALID_OPTION", url, "1.3", tls_min_version="1.1")
    await refused("TLS", harness.server().url, "does not offer", tls_required=True)


async def test_tls_first(harness: Harness) -> None:
    known = harness.server("tls")
    extra = (
        f"tls {{ cert_file: '{known.tls_server_cert}', key_file: '{known.tls_server_key}', "
        "handshake_first: true }"
    )
    server = harness.server(extra=extra)
    await works_at_all(server.url, tls_handshake_first=True, tls_ca_file=known.tls_ca)
    await refused(
        "NO_SERVERS", server.url, tls_ca_file=known.tls_ca, connect_timeout=0.3
    )


@behaviour("life-05")
async def test_websocket(harness: Harness) -> None:
    server = harness.server("ws")
    asked: list[str] = []

    def headers(url: str) -> dict[str, str]:
        asked.append(url)
        return {"X-Fresh": "1"}

    options = {"ws_connection_headers": {"X-Static": "1"}, "ws_headers_cb": headers}
    async with works(server.ws_url, ws_compression=True, **options) as nc:
        assert nc.connected_url is not None and nc.connected_url.scheme == "ws"
        assert asked == [server.ws_url]
    await works_at_all(f"{server.ws_url}/some/path?key=value")
    secure = harness.server("wss")
    await works_at_all(secure.ws_url, tls_ca_file=secure.tls_ca)
    await refused("TLS", secure.ws_url, "not trusted")
    await refused("INVALID_OPTION", server.ws_url, "Host", ws_headers={"Host": CANARY})
    await refused("NO_SERVERS", f"ws://{server.address}", "HTTP")


@behaviour("life-06")
@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_proxies(harness: Harness, kind: str) -> None:
    server = harness.server()
    tunnel = harness.tunnel(kind, user="me", password="p@ss")
    known = tunnel.url.replace("://", "://me:p%40ss@")
    await works_at_all(server.url, proxy=known)
    assert tunnel.tell("asked")["asked"] == server.address
    wrong = tunnel.url.replace("://", f"://me:{CANARY}@")
    await refused("AUTHORIZATION", server.url, "proxy", proxy=wrong)
    tunnel.tell("mood", mood="refusing")
    await refused("NO_SERVERS", server.url, "it refuses", proxy=known)
    tunnel.tell("mood", mood="silent")
    await refused("NO_SERVERS", server.url, "TIMEOUT", proxy=known, connect_timeout=0.2)
    await refused("INVALID_OPTION", server.url, "proxy", proxy=f"ftp://{CANARY}@h")


def connections(server: Remote) -> list[dict[str, Any]]:
    return list(server.tell("monitor", path="/connz?subs=1")["document"]["connections"])


async def test_a_local_address(harness: Harness) -> None:
    server = harness.server()
    async with works(server.url, local_address="127.0.0.3"):
        assert connections(server)[0]["ip"] == "127.0.0.3"
    await refused("INVALID_OPTION", server.url, "IP address", local_address="here")


def keepalive_of_this_process(port: int) -> list[str]:
    """The timers of this process's connections to a port, as the kernel shows them."""
    remote = f":{port:04X}"
    lines = Path("/proc/self/net/tcp").read_text().splitlines()
    established = "01"
    found = [line.split() for line in lines]
    return [row[5] for row in found if row[2].endswith(remote) and row[3] == established]


async def test_keepalive(harness: Harness) -> None:
    server = harness.server()
    for seconds, timer in [(30.0, "02"), (0.0, "00")]:
        async with works(server.url, tcp_keepalive=seconds) as nc:
            await nc.flush()
            # 02 is the keepalive timer; 01, that of a segment under way, gives way to it.
            for _ in range(1000):
                timers = [shown.split(":")[0] for shown in keepalive_of_this_process(server.port)]
                if timers == [timer]:
                    break
                await nc.flush()
            assert timers == [timer]


async def test_a_server_that_takes_nothing(harness: Harness, events: Events) -> None:
    server = harness.server()
    options = {"write_timeout": 0.3, "outbound_policy": "drop_oldest"}
    async with await _connect(server.url, **options, **events.options) as nc:
        server.tell("pause")
        while not events.of("disconnected"):
            await nc.publish("py.full", bytes(256 * 1024))
            await nc_turn()
        assert events.of("disconnected")[0]["name"] == "STALE_CONNECTION"
        server.tell("resume")
        await events.wait("reconnected")


async def nc_turn() -> None:
    """Lets the callbacks of the loop run."""
    await asyncio.sleep(0)


@behaviour("life-07")
async def test_the_pool(harness: Harness, events: Events) -> None:
    first, second = harness.server(), harness.server()
    asked: list[tuple[list[nats.Server], dict[str, Any]]] = []

    async def pick(servers: list[nats.Server], info: dict[str, Any]) -> Any:
        asked.append((servers, info))
        return servers[-1], 0.001

    options = {"reconnect_to_server_handler": pick, "dont_randomize": True}
    async with await _connect(first.url, **options, **events.options) as nc:
        assert [server.uri.geturl() for server in nc.server_pool] == [first.url]
        nc.set_server_pool(["nats://127.0.0.1:1", second.url])
        with fails("INVALID_URL"):
            nc.set_server_pool("nats://h:0")
        assert len(nc.server_pool) == 2
        assert nc.connected_url is not None and nc.connected_url.geturl() == first.url
        id = nc.server_info["server_id"]
        await nc.force_reconnect()
        await events.wait("reconnected")
        assert nc.connected_url.geturl() == second.url
        assert [server.uri.port for server in asked[0][0]] == [1, second.port]
        assert asked[0][1]["server_id"] == id


@pytest.mark.parametrize("abort", [False, True])
async def test_refusals(harness: Harness, events: Events, abort: bool) -> None:
    url = f"nats://{harness.server('auth').address}"
    right = [True]

    def login(_: object) -> dict[str, str]:
        return {"user": "alice", "password": "secret" if right[0] else CANARY}

    async with await _connect(
        url, login_cb=login, abort_on_auth_error=abort, **events.options
    ) as nc:
        right[0] = False
        await nc.force_reconnect()
        if abort:
            await events.wait("closed")
            assert isinstance(nc.last_error, errors.AuthorizationError)
        else:
            await events.wait_error("AUTHORIZATION", 3)
            right[0] = True
            await events.wait("reconnected")


async def test_jitter(harness: Harness, events: Events) -> None:
    """Pauses that would be nothing become long, for TLS only where there is TLS."""
    options = {**EAGER, "reconnect_delay_min": 0, "reconnect_delay_max": 0, "max_reconnects": 6}
    url = harness.server().url
    for name, is_long in [("reconnect_jitter", True), ("reconnect_jitter_tls", False)]:
        loop_time = _clock()
        nc = await nats.connect(url, **{**options, name: 0.3})
        nc.set_server_pool("nats://127.0.0.1:1")
        await nc.force_reconnect()
        while not nc.is_closed:
            await nc_turn()
        assert (loop_time() > 0.1) is is_long, name


def _clock() -> Callable[[], float]:
    start = time.monotonic()
    return lambda: time.monotonic() - start


@behaviour("life-08")
async def test_lame_duck(harness: Harness, events: Events) -> None:
    server = harness.server("cluster", nodes=3)
    moved: list[bool] = []
    async with await _connect(
        server.url, migrated_cb=lambda: moved.append(True), **events.options
    ) as nc:
        sub = await nc.subscribe("py.duck")
        await nc.flush()
        server.tell("lame_duck")
        event = await events.wait("migrated")
        assert event["url"] != server.url and moved == [True]
        await nc.publish("py.duck", b"here")
        assert (await sub.next_msg(WAIT)).data == b"here"
        assert "disconnected" not in events.kinds()


async def test_a_server_in_lame_duck_mode_may_be_kept(harness: Harness, events: Events) -> None:
    server = harness.server("cluster", nodes=3)
    options = {"migrate_on_lame_duck": False, **events.options}
    async with await _connect(server.url, **options) as nc:
        server.tell("lame_duck")
        await events.wait("lame_duck")
        await nc.flush()
        assert nc.connected_url is not None and nc.connected_url.port == server.port
        server.tell("kill", node=0)
        await events.wait("reconnected")
        assert "migrated" not in events.kinds()


async def test_discovered_servers_may_be_ignored(harness: Harness) -> None:
    server = harness.server("cluster", nodes=3)
    server.tell("wait_ready")
    async with await _connect(server.url, ignore_discovered=True) as nc:
        await nc.flush()
        assert not nc.discovered_servers and len(nc.servers) == 1


async def test_a_message_beyond_the_limit(harness: Harness, events: Events) -> None:
    server = harness.server()
    options = {"max_message_bytes": 2000, **events.options}
    async with await _connect(server.url, **options) as nc, works(server.url) as other:
        sub = await nc.subscribe("py.size")
        await nc.flush()
        await other.publish("py.size", bytes(1500))
        await other.publish("py.size", bytes(2500))
        assert len((await sub.next_msg(WAIT)).data) == 1500
        assert (await events.wait("disconnected"))["name"] == "PROTOCOL"
        await events.wait("reconnected")


async def test_the_timeout_of_flush(harness: Harness) -> None:
    fake = harness.fake("handshake", "silence")
    async with await _connect(fake.url, flush_timeout=0.1) as nc:
        with fails("TIMEOUT"):
            await nc.flush()


@behaviour("life-10")
async def test_no_secret_is_logged(
    harness: Harness, caplog: pytest.LogCaptureFixture, events: Events
) -> None:
    url = f"nats://{harness.server('auth').address}"
    caplog.set_level(1)
    nats.set_log_level("TRACE")
    try:
        for options in [
            {"user": "alice", "password": CANARY},
            {"token": CANARY},
            {"login_cb": lambda _: {"user": "alice", "password": CANARY}},
            {"nkey_seed": f"SU{CANARY}"},
            {"proxy": f"http://me:{CANARY}@127.0.0.1:1"},
        ]:
            with pytest.raises(errors.Error) as caught:
                await _connect(url, **options)
            assert CANARY not in str(caught.value)
        await works_at_all(url, user="alice", password="secret", **events.options)
        await events.wait("closed")
        ours = [record for record in caplog.records if record.name == "nats_ffi.library"]
        assert {record.levelno for record in ours} >= {logging.INFO, logging.DEBUG}
        assert any("connected" in record.getMessage() for record in ours)
        assert not any(CANARY in record.getMessage() for record in caplog.records)
    finally:
        nats.set_log_level(None)
    caplog.clear()
    await works_at_all(url, user="alice", password="secret")
    assert not [record for record in caplog.records if record.name == "nats_ffi.library"]
    with fails("INVALID_ARGUMENT", "level"):
        nats.set_log_level("LOUD")


@behaviour("life-09")
async def test_contexts(harness: Harness, tmp_path: Path) -> None:
    server = harness.server("auth")
    path = file(
        tmp_path / "prod.json",
        f'{{"url": "nats://{server.address}", "user": "alice", "password": "secret"}}',
    )
    nc = await nats.connect(context=path)
    assert nc.connected_url is not None and nc.connected_url.port == server.port
    await nc.close()
    with fails("INVALID_OPTION", "none.json"):
        await nats.connect(context=str(tmp_path / "none.json"))


def test_the_environment(harness: Harness, tmp_path: Path) -> None:
    """As the nats tool has it, in a process of its own."""
    server = harness.server("auth")
    (tmp_path / "nats" / "context").mkdir(parents=True)
    file(
        tmp_path / "nats" / "context" / "prod.json",
        f'{{"url": "nats://{server.address}", "user": "alice", "password": "{CANARY}"}}',
    )
    program = (
        "import nats_ffi.sync as nats\n"
        "c = nats.connect(environment=True)\n"
        "c.flush()\n"
        "print(c.connected_url.port)\n"
    )
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "NATS_CONTEXT": "prod"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=WAIT
    )
    assert run.returncode == 1 and "AuthorizationError" in run.stderr, run.stderr
    assert CANARY not in run.stderr
    env |= {"NATS_USER": "alice", "NATS_PASSWORD": "secret"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=WAIT
    )
    assert run.stdout.split() == [str(server.port)], run.stderr

