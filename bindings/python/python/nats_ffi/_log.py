"""The library's own log, which goes to `logging`."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from . import _native, errors
from ._process import run_in_child
from .sync._delivery import Serial, delivery

logger: Final = logging.getLogger("nats_ffi.library")
"""Takes the library's records."""

TRACE: Final = 5
"""The level of the finest records, below `logging.DEBUG`."""

_LEVELS: Final = {
    1: logging.ERROR,
    2: logging.WARNING,
    3: logging.INFO,
    4: logging.DEBUG,
    5: TRACE,
}


class _Records:
    """Hands records to the logger, in order, on a delivery thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, str]] = deque()
        self._serial = Serial(self._log)

    def _on_signal(self, record: tuple[int, str]) -> None:
        self._waiting.append(record)
        self._serial.kick()

    def _log(self) -> None:
        while self._waiting:
            level, text = self._waiting.popleft()
            logger.log(_LEVELS[level], "%s", text)


class _Holder:
    records: _Records | None = None

    @classmethod
    def renew(cls) -> None:
        cls.records = None


run_in_child(_Holder.renew)


def set_log_level(level: int | str | None) -> None:
    """Has the library's own records, of all connections, go to the logger "nats_ffi.library" from
    this level of `logging` on (its number or name; 5 or "TRACE" is below DEBUG); `None` ends it,
    which is how it begins. No record shows a secret or a payload; when a program is slower than they
    come, the oldest of 1,024 are dropped."""
    if isinstance(level, str):
        names = {**logging.getLevelNamesMapping(), "TRACE": TRACE}
        number = names.get(level.upper())
    else:
        number = level
    if level is not None and (number is None or isinstance(number, bool)):
        raise errors.InvalidArgumentError(f"level: expected a level of logging, found {level!r}")
    if number is None:
        _native.set_log(None, 0, 0)
        _Holder.records = None
        return
    wanted = max((ours for ours, theirs in _LEVELS.items() if theirs >= number), default=1)
    records = _Holder.records or _Records()
    _Holder.records = records
    threads = delivery()
    _native.set_log(threads.queue, threads.register(records), wanted)
