"""The version of a server, taken apart."""

from __future__ import annotations

import re
from typing import Final

_SHAPE: Final = re.compile(
    r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z.-]+))?"
)


class ServerVersion:
    """A semantic version. Its parts raise `ValueError` when the text is not one."""

    def __init__(self, server_version: str) -> None:
        self._text = server_version

    @property
    def major(self) -> int:
        """The first number."""
        return int(self._part(1))

    @property
    def minor(self) -> int:
        """The second number."""
        return int(self._part(2))

    @property
    def patch(self) -> int:
        """The third number."""
        return int(self._part(3))

    @property
    def prerelease(self) -> str:
        """What follows the hyphen; empty for a release."""
        return self._part(4)

    @property
    def build(self) -> str:
        """What follows the plus sign; empty without one."""
        return self._part(5)

    @property
    def dev(self) -> str:
        """Pre-release and build in one text."""
        return "+".join(part for part in (self.prerelease, self.build) if part)

    def __repr__(self) -> str:
        return f"<nats server v{self._text}>"

    def _part(self, number: int) -> str:
        match = _SHAPE.fullmatch(self._text)
        if match is None:
            raise ValueError(f"{self._text!r} is not a semantic version")
        return match.group(number) or ""
