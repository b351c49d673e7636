"""NKeys with the API of the package nkeys.

    user = nkeys.create_user()
    signature = user.sign(nonce)
    user.wipe()
"""

from __future__ import annotations

from ._native import KeyPair
from .errors import InvalidKeyError

__all__ = [
    "ErrInvalidPrefixByte",
    "ErrInvalidPublicKey",
    "ErrInvalidSeed",
    "ErrInvalidSignature",
    "KeyPair",
    "NkeysError",
    "create_account",
    "create_cluster",
    "create_operator",
    "create_pair",
    "create_server",
    "create_user",
    "from_public_key",
    "from_seed",
]

NkeysError = InvalidKeyError
"""What everything that is wrong with a key or a signature raises; the text says what it is."""
ErrInvalidPrefixByte = InvalidKeyError
ErrInvalidPublicKey = InvalidKeyError
ErrInvalidSeed = InvalidKeyError
ErrInvalidSignature = InvalidKeyError


def from_seed(seed: bytes | bytearray | memoryview | str) -> KeyPair:
    """The key pair of a seed. Raises `InvalidKeyError`, without showing it."""
    return KeyPair.from_seed(seed)


def from_public_key(public_key: bytes | bytearray | memoryview | str) -> KeyPair:
    """A public key alone: it verifies, and raises `InvalidKeyError` when it is to do more."""
    return KeyPair.from_public_key(public_key)


def create_pair(kind: str) -> KeyPair:
    """A new key pair: "operator", "account", "user", "server" or "cluster"."""
    return KeyPair.generate(kind)


def create_operator() -> KeyPair:
    """A new key pair that signs accounts."""
    return create_pair("operator")


def create_account() -> KeyPair:
    """A new key pair that signs users."""
    return create_pair("account")


def create_user() -> KeyPair:
    """A new key pair that authenticates connections."""
    return create_pair("user")


def create_server() -> KeyPair:
    """A new key pair of a server."""
    return create_pair("server")


def create_cluster() -> KeyPair:
    """A new key pair of a cluster."""
    return create_pair("cluster")
