"""NKeys, JWTs and credentials: made, read, refused, and used to connect."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors, jwt, nkeys
from support import WAIT, behaviour, dial, fails, works

# Known answers, made by another implementation.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
ACCOUNT = "AA4WDLQUF2YT5RO2HDRFHJ2TUNMFP4242MSUM2UBJCK6NEAGMC45P5X6"
SIGNATURE_OF_NONCE = (
    "0157e93bb3f0deb739ea1a0ed4e25c1715d409f0663b6aa8b9c8417214a52f8e"
    "45baeafdcd2d79533cad108d500b9c30546eee88721dab27e6392eae3ebc2a0a"
)
TOKEN = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IkFBNFdET"
    "FFVRjJZVDVSTzJIRFJGSEoyVFVOTUZQNDI0Mk1TVU0yVUJKQ0s2TkVBR01DNDVQNVg2IiwibmFtZSI6Imtub3duI"
    "iwic3ViIjoiVURYVTRSQ1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiL"
    "CJuYXRzIjp7InB1YiI6eyJhbGxvdyI6WyJhLj4iXX0sInN1YiI6e30sInN1YnMiOi0xLCJ0eXBlIjoidXNlciIsI"
    "nZlcnNpb24iOjJ9fQ.7spszk45ONbN-RJTeEP_uT7IBy1Cyk5Odx7ns9RdbIVzhUWm0srI8HrWQjDJ7HjVwZneVB"
    "rT8B4m37gVj-LiAw"
)
SELF_SIGNED = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6IlVEWFU0U"
    "kNTSk5aT0lRSFpOV1hIWE9SRFBSVEdOSkFIQUhGUkdaTkVFSkNQUVRUMk03TkxDTkY0Iiwic3ViIjoiVURYVTRSQ"
    "1NKTlpPSVFIWk5XWEhYT1JEUFJUR05KQUhBSEZSR1pORUVKQ1BRVFQyTTdOTENORjQiLCJuYXRzIjp7InR5cGUiO"
    "iJ1c2VyIiwidmVyc2lvbiI6Mn19.bE6kF6fuR8Wba4tGV6QHVUXof3CPmp1WYZk0Nhhzsys8J7qQcbRopNBr_d8U"
    "8x7876yl_9HTYZopntJuGCEPDA"
)
#: Part of the seed, which no error may show.
SECRET = "UACSSL3UAHUDXKFSNVUZRF5"


def changed(text: str, at: int) -> str:
    """The text with another letter at a place."""
    return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]


@behaviour("keys-01")
def test_a_known_key_and_keys_of_every_kind() -> None:
    for text in (SEED, SEED.encode(), bytearray(f" {SEED}\r\n", "ascii")):
        known = nkeys.from_seed(text)
        assert (known.public_key, known.seed) == (PUBLIC.encode(), SEED.encode())
    assert known.sign(b"nonce").hex() == SIGNATURE_OF_NONCE
    assert known.verify(b"nonce", bytes.fromhex(SIGNATURE_OF_NONCE))
    for kind, make in {
        "operator": nkeys.create_operator,
        "account": nkeys.create_account,
        "user": nkeys.create_user,
        "server": nkeys.create_server,
        "cluster": nkeys.create_cluster,
    }.items():
        key = make()
        same = nkeys.from_seed(key.seed)
        assert (same.kind, same.public_key) == (kind, key.public_key)
        signature = same.sign(b"bytes")
        alone = nkeys.from_public_key(key.public_key.decode())
        assert alone.kind == kind
        assert key.verify(b"bytes", signature) and alone.verify(memoryview(b"bytes"), signature)
        for wrong in (b"", signature[:63], known.sign(b"bytes")):
            with pytest.raises(nkeys.ErrInvalidSignature):
                alone.verify(b"bytes", wrong)
        with fails("INVALID_KEY", "signature"):
            alone.verify(b"bytez", signature)
        for call in (lambda: alone.sign(b"x"), lambda: alone.seed):
            with fails("INVALID_KEY", "public key"):
                call()
    with fails("INVALID_ARGUMENT", "operator, account, user"):
        nkeys.create_pair("curve")


@behaviour("keys-02")
def test_what_is_no_seed_is_refused_and_not_shown() -> None:
    bad: list[Any] = ["", "S", "SU", "no base32!", "süß", b"SU\xff\xfe", PUBLIC, TOKEN]
    # Of no kind, and a byte too short.
    bad.append("SXAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ6RQ")
    bad.append("SUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQP2UT")
    bad += [SEED[:end] for end in range(len(SEED))]
    bad += [changed(SEED, at) for at in range(len(SEED))]
    for seed in bad:
        with fails("INVALID_KEY") as caught:
            nkeys.from_seed(seed)
        assert SECRET not in str(caught.value) + repr(caught.value)
        assert isinstance(caught.value, nkeys.ErrInvalidSeed)
    for public in (SEED, "", PUBLIC[1:], b"\xff"):
        with fails("INVALID_KEY", "public key"):
            nkeys.from_public_key(public)
    wrong: Any
    for wrong in (None, 5, ["S"]):
        with pytest.raises(TypeError, match="seed: expected bytes"):
            nkeys.from_seed(wrong)
    assert SECRET not in repr(nkeys.from_seed(SEED))


@behaviour("keys-03")
def test_tokens_say_what_was_asked_for() -> None:
    operator, account, user = (
        nkeys.create_operator(),
        nkeys.create_account(),
        nkeys.create_user(),
    )
    token = jwt.encode_user(
        user,
        account,
        name="joe",
        expires=2_000_000_000.9,
        not_before=datetime(2020, 1, 1, tzinfo=timezone.utc),
        publish_allow=["a.>", "b"],
        subscribe_deny="c",
        response_ttl=1.5,
    )
    read = jwt.decode(token)
    assert (read["iss"], read["sub"]) == (account.public_key.decode(), user.public_key.decode())
    assert (read["name"], read["exp"], read["nbf"]) == ("joe", 2_000_000_000, 1_577_836_800)
    assert read["nats"]["pub"] == {"allow": ["a.>", "b"]}
    assert read["nats"]["sub"] == {"deny": ["c"]}
    assert read["nats"]["resp"]["ttl"] == 1_500_000_000
    token = jwt.encode_account(account.public_key, operator, connections=3, wildcards=False)
    read = jwt.decode(token)
    assert (read["nats"]["limits"]["conn"], read["nats"]["limits"]["wildcards"]) == (3, False)

    wrong: list[tuple[dict[str, Any], str]] = [
        ({"publish_alow": []}, "unknown claim 'publish_alow'; did you mean 'publish_allow'?"),
        ({"response_ttll": 1}, "did you mean 'response_ttl'?"),
        ({"name": 5}, "claim 'name': expected a string"),
        ({"expires": 1764150000000}, "claim 'expires': expected a whole number of seconds"),
        ({"expires": object()}, "claim 'expires': expected seconds since 1970 or a datetime"),
        ({"response_ttl": -1}, "claim 'response_ttl'"),
    ]
    for claims, text in wrong:
        with fails("INVALID_OPTION", text):
            jwt.encode_user(user, account, **claims)
    with fails("INVALID_ARGUMENT", "signer: expected a key of kind account, not operator"):
        jwt.encode_user(user, operator)
    with fails("INVALID_ARGUMENT", "user: expected a key of kind user"):
        jwt.encode_user(account, account)
    with fails("INVALID_ARGUMENT", "signer"):
        jwt.encode_account(account, user)
    with fails("INVALID_KEY"):
        jwt.encode_user("UAAA", account)
    with fails("INVALID_KEY", "public key"):
        jwt.encode_user(user, nkeys.from_public_key(account.public_key))
    nobody: Any = None
    with pytest.raises(TypeError, match="signer: expected a KeyPair"):
        jwt.encode_user(user, nobody)
    with pytest.raises(TypeError, match="key: expected a KeyPair, str or bytes"):
        jwt.encode_user(nobody, account)


@behaviour("keys-04")
def test_tokens_that_were_changed_are_refused() -> None:
    read = jwt.decode(TOKEN)
    assert (read["iss"], read["sub"], read["name"]) == (ACCOUNT, PUBLIC, "known")
    for token in (changed(TOKEN, at) for at in range(len(TOKEN))):
        with fails("INVALID_CREDENTIALS"):
            jwt.decode(token)
    for token in ("", "a.b", "a.b.c", "....", SEED, "ü.ü.ü"):
        with fails("INVALID_CREDENTIALS"):
            jwt.decode(token)
    with fails("INVALID_CREDENTIALS", "iss: expected a key of kind account, not user"):
        jwt.decode(SELF_SIGNED)


@behaviour("keys-05")
def test_credentials_come_back() -> None:
    file = jwt.format_creds(TOKEN, nkeys.from_seed(SEED))
    for content in (file, file.encode(), bytearray(file.replace("\n", "\r\n"), "ascii")):
        read = jwt.parse_creds(content)
        assert (read.jwt, read.key.seed) == (TOKEN, SEED.encode())
    for end in (0, 20, 300, len(file) // 2, len(file) - 100):
        with fails("INVALID_CREDENTIALS") as caught:
            jwt.parse_creds(file[:end])
        assert SECRET not in str(caught.value)
    with fails("INVALID_CREDENTIALS"):
        jwt.parse_creds(b"\xff")
    with fails("INVALID_CREDENTIALS"):
        jwt.format_creds("no token", read.key)
    with fails("INVALID_CREDENTIALS", "account"):
        jwt.format_creds(TOKEN, nkeys.create_account())


@behaviour("keys-06")
async def test_a_program_connects_with_keys_of_its_own(harness: Harness) -> None:
    operator, account = nkeys.create_operator(), nkeys.create_account()
    token = jwt.encode_account(account, operator, name="app")
    server = harness.server(
        extra=f"trusted: [{operator.public_key.decode()}]\nresolver: MEMORY\n"
        f"resolver_preload: {{ {account.public_key.decode()}: {token} }}"
    )

    def creds(signer: nkeys.KeyPair, **claims: Any) -> str:
        user = nkeys.create_user()
        return jwt.format_creds(jwt.encode_user(user, signer, **claims), user)

    async with dial(server.url, creds=creds(account, name="joe")) as nc:
        await works(nc)
    async with dial(server.url, creds=creds(account, publish_deny=["private.>"])) as nc:
        with pytest.raises(errors.PermissionsError):
            await nc.request("private.a", b"x", timeout=WAIT)
        await works(nc)
    with fails("AUTHORIZATION"):
        await nats.connect(
            server.url, allow_reconnect=False, creds=creds(nkeys.create_account())
        )


@behaviour("keys-07")
def test_a_wiped_key_is_of_no_use() -> None:
    key, other = nkeys.create_user(), nkeys.create_account()
    signature = key.sign(b"x")
    key.wipe()
    key.wipe()
    other.wipe()
    for call in (
        lambda: key.seed,
        lambda: key.public_key,
        lambda: key.kind,
        lambda: key.sign(b"x"),
        lambda: key.verify(b"x", signature),
        lambda: jwt.encode_user(key, nkeys.create_account()),
        lambda: jwt.encode_user(PUBLIC, other),
        lambda: jwt.format_creds(TOKEN, key),
    ):
        with fails("INVALID_HANDLE", "wiped"):
            call()
    assert "wiped" in repr(key)
