"""What the package does when the process forks or ends."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Final

from . import _native

EXIT_SECONDS: Final = 0.5
"""How long the end of the process waits for what was published to be written."""

_in_child: list[Callable[[], None]] = []


def run_in_child(reset: Callable[[], None]) -> None:
    """Has `reset` called in each forked child, to forget what belongs to the parent."""
    _in_child.append(reset)


def _after_fork() -> None:
    _native.entered_child()
    for reset in _in_child:
        reset()


def is_ending() -> bool:
    """Whether the process ends, and has closed its connections for that."""
    return _ending.is_set()


def _end() -> None:
    _ending.set()
    _native.shutdown(EXIT_SECONDS)


_ending: Final = threading.Event()

os.register_at_fork(after_in_child=_after_fork)
atexit.register(_end)
