"""The operations on asyncio. nats-py and ours have the same API, so they run the same code."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

import bench
from bench import Failure, Meter, Unsupported

# Both: nats-py repeats the first attempt in spite of the one.
NO_RECONNECT: Final = {"allow_reconnect": False, "max_reconnect_attempts": 1}
UNBOUNDED: Final = {"pending_msgs_limit": 0, "pending_bytes_limit": 0}


@dataclass(frozen=True)
class Library:
    """What differs between the clients."""

    connect: Callable[..., Awaitable[Any]]
    headers: Callable[[dict[str, str]], Any]
    """Makes headers, to be used for many messages."""
    takes: bool
    """Whether subscriptions hand out batches."""


async def measure(library: Library, options: argparse.Namespace, meter: Meter) -> None:
    """Does the operation that the options ask for."""
    if options.threads > 1:
        raise Unsupported("a connection belongs to one event loop, and so to one thread")
    operation = _OPERATIONS[options.op]
    clients: list[Any] = []

    async def connect() -> Any:
        clients.append(await library.connect(options.url, **NO_RECONNECT))
        return clients[-1]

    await operation(library, options, meter, connect)
    for nc in clients:
        await nc.close()


_Connect = Callable[[], Awaitable[Any]]


async def _publish(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    clients = [await connect() for _ in range(options.conns)]
    payload = bytes(options.size)
    headers = library.headers(bench.HEADERS)

    async def send(count: int) -> None:
        turns = islice(cycle(clients), count)
        if options.headers:
            for nc in turns:
                await nc.publish("bench.data", payload, headers=headers)
        else:
            for nc in turns:
                await nc.publish("bench.data", payload)
        for nc in clients:
            await nc.flush()

    await send(bench.warm_up(options))
    with meter:
        await send(options.count)


class _Receiver:
    """Subscriptions whose messages are counted together."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._left = 0
        self._finished: asyncio.Future[None]
        self._tasks: list[asyncio.Task[None]] = []

    async def subscribe(self, nc: Any, subject: str) -> None:
        """Subscribes as often, and reads in the way, as the options say."""
        if self._options.mode == "callback":
            for _ in range(self._options.subs):
                await nc.subscribe(subject, cb=self._on_message, **UNBOUNDED)
            return
        read = self._iterate if self._options.mode == "iterator" else self._take
        for _ in range(self._options.subs):
            sub = await nc.subscribe(subject, **UNBOUNDED)
            self._tasks.append(asyncio.create_task(read(sub)))

    async def receive(self, count: int, begin: Callable[[], Awaitable[None]]) -> None:
        """Begins, and waits until so many messages have come."""
        self._left = count
        self._finished = asyncio.get_running_loop().create_future()
        await begin()
        try:
            await asyncio.wait_for(self._finished, bench.PATIENCE)
        except asyncio.TimeoutError:
            missing = f"{count - self._left} of {count} messages"
            raise Failure(f"{missing} within {bench.PATIENCE:.0f} s") from None

    def stop(self) -> None:
        """Ends the reading."""
        for task in self._tasks:
            task.cancel()

    # Each way counts in place: a call for it would be seen in what is measured.

    async def _on_message(self, message: Any) -> None:
        if len(message.data) != self._options.size:
            self._refuse(message)
        self._left -= 1
        if self._left == 0:
            self._finished.set_result(None)

    async def _iterate(self, sub: Any) -> None:
        size = self._options.size
        async for message in sub.messages:
            if len(message.data) != size:
                self._refuse(message)
            self._left -= 1
            if self._left == 0:
                self._finished.set_result(None)

    async def _take(self, sub: Any) -> None:
        size = self._options.size
        while True:
            for message in await sub.take(bench.BATCH, timeout=None):
                if len(message.data) != size:
                    self._refuse(message)
                self._left -= 1
                if self._left == 0:
                    self._finished.set_result(None)

    def _refuse(self, message: Any) -> None:
        if not self._finished.done():
            text = f"a payload of {len(message.data)} bytes arrived"
            self._finished.set_exception(Failure(text))


async def _receive(
    options: argparse.Namespace,
    meter: Meter,
    nc: Any,
    subject: str,
    begin: Callable[[int], Awaitable[None]],
) -> None:
    receiver = _Receiver(options)
    await receiver.subscribe(nc, subject)
    await nc.flush()
    warm_up = bench.warm_up(options)
    await receiver.receive(warm_up, lambda: begin(warm_up))
    with meter:
        await receiver.receive(options.count, lambda: begin(options.count))
    receiver.stop()


def _check_mode(library: Library, options: argparse.Namespace) -> None:
    if options.mode == "batch" and not library.takes:
        raise Unsupported("subscriptions do not hand out batches")


async def _subscribe(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    _check_mode(library, options)
    nc = await connect()

    async def begin(count: int) -> None:
        order = f"{count} {options.size} {options.headers} {options.subs}"
        await nc.publish("bench.go", order.encode())

    await _receive(options, meter, nc, "bench.data", begin)


async def _pubsub(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    _check_mode(library, options)
    if options.subs > 1:
        raise Unsupported("pubsub has one subscription")
    nc = await connect()
    payload = bytes(options.size)

    async def begin(count: int) -> None:
        for _ in range(count):
            await nc.publish("bench.loop", payload)

    await _receive(options, meter, nc, "bench.loop", begin)


async def _request(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    nc = await connect()
    payload = bytes(options.size)

    async def ask(turns: Iterator[int]) -> None:
        for _ in turns:
            reply = await nc.request("bench.echo", payload, timeout=bench.REQUEST_TIMEOUT)
            if len(reply.data) != options.size:
                raise Failure(f"an answer of {len(reply.data)} bytes")

    async def ask_timed(count: int) -> None:
        for turn in range(count):
            start = time.perf_counter_ns()
            await ask(iter((turn,)))
            meter.latencies.append(time.perf_counter_ns() - start)

    async def ask_all(count: int) -> None:
        turns = iter(range(count))
        await asyncio.gather(*(ask(turns) for _ in range(options.inflight)))

    await ask_all(bench.warm_up(options))
    with meter:
        await (ask_timed if options.inflight == 1 else ask_all)(options.count)


async def _connect(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    await (await connect()).close()
    with meter:
        for _ in range(options.conns):
            await connect()


_OPERATIONS: Final = {
    "publish": _publish,
    "subscribe": _subscribe,
    "pubsub": _pubsub,
    "request": _request,
    "connect": _connect,
}
