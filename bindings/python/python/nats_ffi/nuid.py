"""Unique identifiers of 22 characters, quickly made."""

from __future__ import annotations

import secrets
from typing import Final

DIGITS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE: Final = 62
PREFIX_LENGTH: Final = 12
SEQ_LENGTH: Final = 10
MAX_SEQ: Final = BASE**SEQ_LENGTH
MIN_INC: Final = 33
MAX_INC: Final = 333
TOTAL_LENGTH: Final = PREFIX_LENGTH + SEQ_LENGTH


class NUID:
    """A source of identifiers: a random prefix and a number that grows by a random step.

    One source belongs to one thread.
    """

    def __init__(self) -> None:
        self.randomize_prefix()
        self.reset_sequential()

    def next(self) -> bytearray:
        """The next identifier, as ASCII letters and digits."""
        self._seq += self._inc
        if self._seq >= MAX_SEQ:
            self.randomize_prefix()
            self.reset_sequential()
        digits = bytearray(SEQ_LENGTH)
        rest = self._seq
        for position in range(SEQ_LENGTH - 1, -1, -1):
            rest, digit = divmod(rest, BASE)
            digits[position] = DIGITS[digit]
        return self._prefix + digits

    def randomize_prefix(self) -> None:
        """Takes a new prefix from the operating system's randomness."""
        self._prefix = bytearray(secrets.choice(DIGITS) for _ in range(PREFIX_LENGTH))

    def reset_sequential(self) -> None:
        """Takes a new first number and a new step."""
        self._seq = secrets.randbelow(MAX_SEQ - MAX_INC)
        self._inc = MIN_INC + secrets.randbelow(MAX_INC - MIN_INC)
