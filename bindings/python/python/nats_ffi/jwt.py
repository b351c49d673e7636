"""JWTs of users and accounts, and credentials made of them.

    account, user = nkeys.create_account(), nkeys.create_user()
    token = jwt.encode_user(user, account, name="joe", publish_allow=["app.>"])
    nc = await nats.connect(url, creds=jwt.format_creds(token, user))

Claims are keyword arguments; docs/options.md lists them. An unknown one raises
`InvalidOptionError`, which names the nearest known one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Unpack

from . import _native, errors
from ._config import Table, claims_document, in_python_names
from ._options import ACCOUNT_CLAIMS, USER_CLAIMS, AccountClaims, UserClaims
from .nkeys import KeyPair

__all__ = [
    "AccountClaims",
    "Credentials",
    "UserClaims",
    "decode",
    "encode_account",
    "encode_user",
    "format_creds",
    "parse_creds",
]

Key = KeyPair | str | bytes
"""A key pair, or the text of a public key."""


class Credentials(NamedTuple):
    """What a credentials file holds."""

    jwt: str
    """The user's JWT."""
    key: KeyPair
    """The user's key."""


def encode_user(user: Key, account: KeyPair, /, **claims: Unpack[UserClaims]) -> str:
    """The JWT of a user, signed by the key of its account, or by one of the account's signing keys
    together with the claim `issuer_account`.

    Raises `InvalidOptionError` for claims, `InvalidKeyError`, and `InvalidArgumentError` for a key
    of the wrong kind.
    """
    return _encode(_native.encode_user, USER_CLAIMS, claims, user, account)


def encode_account(account: Key, signer: KeyPair, /, **claims: Unpack[AccountClaims]) -> str:
    """The JWT of an account, signed by the key of its operator, or its own. Raises as
    `encode_user`."""
    return _encode(_native.encode_account, ACCOUNT_CLAIMS, claims, account, signer)


def decode(token: str) -> dict[str, Any]:
    """What a JWT says, as it is in the token, once its signature is checked against "iss", and that
    such a key may sign it. Whether "iss" is trusted and "exp" is over is for the program to say.

    Raises `InvalidUserCredentialsError`.
    """
    claims: dict[str, Any] = json.loads(_native.decode_jwt(token))
    return claims


def format_creds(jwt: str, key: KeyPair) -> str:
    """The content of a credentials file, as `connect` takes it as `creds`. Raises
    `InvalidUserCredentialsError` when the text is no JWT or the key is none of a user."""
    return _native.format_creds(jwt, key)


def parse_creds(content: str | bytes | bytearray | memoryview) -> Credentials:
    """Reads the content of a credentials file. Raises `InvalidUserCredentialsError`, without
    showing it."""
    return Credentials(*_native.parse_creds(content))


def _encode(
    make: Callable[[str, str, KeyPair], str],
    table: Table,
    claims: Mapping[str, Any],
    about: Key,
    signer: KeyPair,
) -> str:
    if not isinstance(signer, KeyPair):
        raise TypeError(f"signer: expected a KeyPair, found {type(signer).__name__}")
    try:
        return make(claims_document(table, claims), _public_key(about), signer)
    except errors.InvalidOptionError as error:
        raise in_python_names(error, claims, table) from None


def _public_key(key: Key) -> str:
    if isinstance(key, KeyPair):
        key = key.public_key
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"key: expected a KeyPair, str or bytes, found {type(key).__name__}")
    return key if isinstance(key, str) else key.decode(errors="replace")
