"""What the drivers in Python share: arguments, measuring, the result line."""

from __future__ import annotations

import argparse
import io
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[3]
"""The checkout."""

PATIENCE: Final = 60.0
"""Within so many seconds all messages have to arrive."""

REQUEST_TIMEOUT: Final = 10.0
"""For every request, in seconds: a machine under load is no failure."""

BATCH: Final = 256
"""How many messages a batch may have."""

HEADERS: Final = {"Bench-A": "aaaaaaaa", "Bench-B": "bbbbbbbb", "Bench-C": "cccccccc"}
"""The headers of a message with headers."""

STORED_WARM_UP: Final = 1000
"""How many messages of a stream go before those that are measured."""

KEYS: Final = tuple(f"k.{number}" for number in range(1000))
"""The keys of a bucket that are put and got, in turn."""

OBJECT: Final = "bench"
"""The name of the object that is put and got."""

OBJECT_WARM_UP: Final = 64
"""How many chunks the object has that goes before the one that is measured."""

OPS: Final = (
    "publish",
    "subscribe",
    "pubsub",
    "request",
    "service",
    "connect",
    "js-publish",
    "js-publish-async",
    "js-fetch",
    "js-fetch-ack",
    "js-consume",
    "kv-put",
    "kv-get",
    "kv-watch",
    "object-put",
    "object-get",
)
MODES: Final = ("callback", "iterator", "batch")


class Failure(Exception):
    """What was measured is not what was to be measured."""


class Unsupported(Exception):
    """The client cannot do it."""


def parser() -> argparse.ArgumentParser:
    """Reads the arguments that all drivers take."""
    reader = argparse.ArgumentParser(allow_abbrev=False)
    reader.add_argument("--url", required=True)
    reader.add_argument("--op", required=True, choices=OPS)
    reader.add_argument("--mode", default="callback", choices=MODES)
    reader.add_argument("--size", type=_whole(0), default=16)
    reader.add_argument("--count", type=_whole(1), default=100_000)
    reader.add_argument("--headers", type=int, default=0, choices=(0, len(HEADERS)))
    for name in ("subs", "conns", "inflight", "threads"):
        reader.add_argument(f"--{name}", type=_whole(1), default=1)
    reader.add_argument("--batch", type=_whole(1), default=500)
    for name in ("stream", "consumer"):
        reader.add_argument(f"--{name}", default="")
    return reader


def parse(reader: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments; what is wrong in them ends the program."""
    options = reader.parse_args()
    for name in ("subs", "threads"):
        if options.count % getattr(options, name):
            reader.error(f"argument --count: expected a multiple of --{name}")
    if options.op.startswith(("js-", "kv-", "object-")) and not options.stream:
        reader.error("argument --stream: missing")
    if options.op in ("js-fetch", "js-fetch-ack", "js-consume") and not options.consumer:
        reader.error("argument --consumer: missing")
    if options.headers and options.op not in ("publish", "subscribe"):
        reader.error("argument --headers: only for publish and subscribe")
    return options


def warm_up(options: argparse.Namespace) -> int:
    """How many messages go before those that are measured."""
    least = 100 if options.op in ("request", "js-publish", "kv-put", "kv-get") else 1000
    share = options.subs * options.threads
    rounds: int = math.ceil(max(options.count // 100, least) / share)
    return rounds * int(share)


def warm_up_stream(options: argparse.Namespace) -> str:
    """The stream, or bucket, of the warm-up that belongs to that of the options."""
    return f"{options.stream}-warm-up"


class Content(io.RawIOBase):
    """The content of an object, as it is read from elsewhere."""

    def __init__(self, chunk: int, count: int) -> None:
        self._left = chunk * count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._left)
        self._left -= size
        return size


class Sink(io.RawIOBase):
    """Takes the content of an object, piece by piece."""

    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self.size += len(piece)
        return len(piece)

    def check(self, size: int) -> None:
        """Whether this is all."""
        if self.size != size:
            raise Failure(f"an object of {self.size} bytes came")


class Meter:
    """Measures the part of the program that runs in `with meter:`."""

    def __init__(self) -> None:
        self.latencies: list[int] = []
        """Nanoseconds that requests in series took."""
        self._before = _status()["VmRSS"]

    def __enter__(self) -> None:
        self._cpu = _cpu_seconds()
        self._start = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self._seconds = time.monotonic() - self._start
        self._cpu = _cpu_seconds() - self._cpu
        self._after = _status()

    def result(self) -> dict[str, Any]:
        """What was measured, under the names of the result line."""
        self.latencies.sort()
        return {
            "seconds": self._seconds,
            "cpu_seconds": self._cpu,
            "rss_before_kib": self._before,
            "rss_peak_kib": self._after["VmHWM"],
            "rss_kib": self._after["VmRSS"],
            "threads": self._after["Threads"],
            "p50_us": self._percentile(50),
            "p99_us": self._percentile(99),
        }

    def _percentile(self, percent: int) -> float | None:
        if not self.latencies:
            return None
        rank = math.ceil(len(self.latencies) * percent / 100)
        return self.latencies[rank - 1] / 1000


def run(client: str, version: str, work: Callable[[Meter], None]) -> None:
    """Does the work and prints the result line."""
    meter = Meter()
    try:
        work(meter)
    except Unsupported as reason:
        print(json.dumps({"unsupported": str(reason)}))
        sys.exit(3)
    except Exception as error:
        print(f"{client}: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    print(json.dumps({"client": client, "version": version, **meter.result()}))


def _whole(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, found {value}")
        return value

    return number


def _status() -> dict[str, int]:
    """The numbers in the kernel's description of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = (line.split() for line in lines)
    wanted = ("VmRSS:", "VmHWM:", "Threads:")
    return {field[0][:-1]: int(field[1]) for field in fields if field[0] in wanted}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
