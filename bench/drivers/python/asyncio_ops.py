"""The operations on asyncio. nats-py and ours have the same API, so they run the same code."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final, Protocol

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
    add_service: Callable[..., Awaitable[Any]]
    """Makes a service, given a connection, a name and a version."""
    takes: bool
    """Whether subscriptions hand out batches."""
    streams: Callable[[Any, int], Streams] | None = None
    """The JetStream of a connection, with so many messages under way at a time."""


class Streams(Protocol):
    """The JetStream of a connection. A stream's name is the subject of its messages, too."""

    async def publish(self, stream: str, payload: bytes) -> None:
        """Publishes a message and waits until it is stored."""

    async def publish_all(self, stream: str, payload: bytes, count: int) -> None:
        """Publishes a message so often, and waits until all are stored."""

    async def fetcher(self, stream: str, consumer: str) -> Callable[[int], Awaitable[list[Any]]]:
        """What asks a consumer for so many messages."""

    async def ack(self, messages: list[Any]) -> None:
        """Acknowledges messages that were fetched together."""

    async def consume(self, stream: str, consumer: str, cb: Any) -> Any:
        """A subscription to the messages of a consumer without end."""


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
        for _ in range(self._options.subs):
            await self.open(lambda cb: nc.subscribe(subject, cb=cb, **UNBOUNDED))

    async def open(self, subscribe: Callable[[Any], Awaitable[Any]]) -> None:
        """Reads one subscription, which is made with a callback or with none."""
        if self._options.mode == "callback":
            await subscribe(self._on_message)
            return
        read = self._iterate if self._options.mode == "iterator" else self._take
        self._tasks.append(asyncio.create_task(read(await subscribe(None))))

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


async def _service(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    nc = await connect()
    service = await library.add_service(nc, name="bench", version="1.0.0")

    async def answer(request: Any) -> None:
        await request.respond(request.data)

    await service.add_endpoint(name="serve", subject="bench.serve", handler=answer)
    await nc.flush()

    async def be_asked(count: int) -> None:
        order = f"{count} {options.size} {options.inflight}".encode()
        last = await nc.request("bench.ask", order, timeout=bench.PATIENCE)
        if len(last.data) != options.size:
            raise Failure(f"an answer of {len(last.data)} bytes")

    await be_asked(bench.warm_up(options))
    with meter:
        await be_asked(options.count)


async def _connect(
    library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
) -> None:
    await (await connect()).close()
    with meter:
        for _ in range(options.conns):
            await connect()


def _stored(operation: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """An operation with the JetStream of a connection and that connection."""

    async def run(
        library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
    ) -> None:
        if library.streams is None:
            raise Unsupported("JetStream is not measured")
        nc = await connect()
        await operation(library, options, meter, nc, library.streams(nc, options.inflight))

    return run


async def _js_publish(
    library: Library, options: argparse.Namespace, meter: Meter, nc: Any, js: Streams
) -> None:
    payload = bytes(options.size)

    async def publish(stream: str, count: int) -> None:
        for _ in range(count):
            start = time.perf_counter_ns()
            await js.publish(stream, payload)
            meter.latencies.append(time.perf_counter_ns() - start)

    await publish(bench.warm_up_stream(options), bench.warm_up(options))
    meter.latencies.clear()
    with meter:
        await publish(options.stream, options.count)


async def _js_publish_async(
    library: Library, options: argparse.Namespace, meter: Meter, nc: Any, js: Streams
) -> None:
    payload = bytes(options.size)
    await js.publish_all(bench.warm_up_stream(options), payload, bench.warm_up(options))
    with meter:
        await js.publish_all(options.stream, payload, options.count)


async def _js_fetch(
    library: Library, options: argparse.Namespace, meter: Meter, nc: Any, js: Streams
) -> None:
    acknowledge = options.op == "js-fetch-ack"

    async def take(fetch: Callable[[int], Awaitable[list[Any]]], count: int) -> None:
        left = count
        while left > 0:
            messages = await fetch(min(left, options.batch))
            for message in messages:
                if len(message.data) != options.size:
                    raise Failure(f"a payload of {len(message.data)} bytes arrived")
            if acknowledge:
                await js.ack(messages)
            if not messages:
                raise Failure(f"{count - left} of {count} messages came")
            left -= len(messages)
        if acknowledge:
            await nc.flush()

    warm_up = await js.fetcher(bench.warm_up_stream(options), options.consumer)
    await take(warm_up, bench.STORED_WARM_UP)
    fetch = await js.fetcher(options.stream, options.consumer)
    with meter:
        await take(fetch, options.count)


async def _js_consume(
    library: Library, options: argparse.Namespace, meter: Meter, nc: Any, js: Streams
) -> None:
    _check_mode(library, options)
    receiver = _Receiver(options)

    async def consume(stream: str, count: int) -> None:
        def subscribe(cb: Any) -> Awaitable[Any]:
            return js.consume(stream, options.consumer, cb)

        await receiver.receive(count, lambda: receiver.open(subscribe))

    await consume(bench.warm_up_stream(options), bench.STORED_WARM_UP)
    with meter:
        await consume(options.stream, options.count)
    receiver.stop()


def _bucket(operation: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """An operation with the bucket of the warm-up and with the one that is measured."""

    async def run(
        library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
    ) -> None:
        js = (await connect()).jetstream()
        warm_up = await js.key_value(bench.warm_up_stream(options))
        await operation(options, meter, warm_up, await js.key_value(options.stream))

    return run


async def _kv_put(options: argparse.Namespace, meter: Meter, warm_up: Any, bucket: Any) -> None:
    value = bytes(options.size)

    async def put(kv: Any, count: int) -> None:
        for key in islice(cycle(bench.KEYS), count):
            start = time.perf_counter_ns()
            await kv.put(key, value)
            meter.latencies.append(time.perf_counter_ns() - start)

    await put(warm_up, bench.warm_up(options))
    meter.latencies.clear()
    with meter:
        await put(bucket, options.count)


async def _kv_get(options: argparse.Namespace, meter: Meter, warm_up: Any, bucket: Any) -> None:
    async def get(kv: Any, count: int) -> None:
        for key in islice(cycle(bench.KEYS), count):
            start = time.perf_counter_ns()
            entry = await kv.get(key)
            meter.latencies.append(time.perf_counter_ns() - start)
            if len(entry.value) != options.size:
                raise Failure(f"a value of {len(entry.value)} bytes came")

    await get(warm_up, bench.warm_up(options))
    meter.latencies.clear()
    with meter:
        await get(bucket, options.count)


async def _kv_watch(options: argparse.Namespace, meter: Meter, warm_up: Any, bucket: Any) -> None:
    async def watch(kv: Any, count: int) -> None:
        watcher, come = await kv.watchall(), 0
        async for entry in watcher:
            if entry is None:
                break
            if len(entry.value) != options.size:
                raise Failure(f"a value of {len(entry.value)} bytes came")
            come += 1
        await watcher.stop()
        if come != count:
            raise Failure(f"{come} of {count} entries came")

    await watch(warm_up, bench.STORED_WARM_UP)
    with meter:
        await watch(bucket, options.count)


def _objects(operation: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """An operation with the bucket of the warm-up and with the one that is measured."""

    async def run(
        library: Library, options: argparse.Namespace, meter: Meter, connect: _Connect
    ) -> None:
        js = (await connect()).jetstream()
        warm_up = await js.object_store(bench.warm_up_stream(options))
        await operation(warm_up, options.size, bench.OBJECT_WARM_UP)
        store = await js.object_store(options.stream)
        with meter:
            await operation(store, options.size, options.count)

    return run


async def _object_put(store: Any, size: int, count: int) -> None:
    await store.put(bench.OBJECT, bench.Content(size, count))


async def _object_get(store: Any, size: int, count: int) -> None:
    sink = bench.Sink()
    await store.get(bench.OBJECT, sink)
    sink.check(size * count)


_OPERATIONS: Final = {
    "publish": _publish,
    "subscribe": _subscribe,
    "pubsub": _pubsub,
    "request": _request,
    "service": _service,
    "connect": _connect,
    "js-publish": _stored(_js_publish),
    "js-publish-async": _stored(_js_publish_async),
    "js-fetch": _stored(_js_fetch),
    "js-fetch-ack": _stored(_js_fetch),
    "js-consume": _stored(_js_consume),
    "kv-put": _bucket(_kv_put),
    "kv-get": _bucket(_kv_get),
    "kv-watch": _bucket(_kv_watch),
    "object-put": _objects(_object_put),
    "object-get": _objects(_object_get),
}
