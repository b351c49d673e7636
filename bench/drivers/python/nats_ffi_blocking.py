"""Driver for the blocking API of nats_ffi."""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bench
from bench import Failure, Meter, Unsupported

# PYTHONPATH goes before: it may name another build.
sys.path.append(str(bench.ROOT / "bindings/python/python"))
import nats_ffi  # noqa: E402
from nats_ffi import sync as nats  # noqa: E402

MOST_READERS = 100
"""Whoever iterates many subscriptions needs a thread for each."""


class Driver:
    """One operation."""

    def __init__(self, options: argparse.Namespace, meter: Meter) -> None:
        self._options = options
        self._meter = meter
        self._clients: list[Any] = []
        self._payload = bytes(options.size)

    def run(self) -> None:
        """Does the operation that the options ask for."""
        if self._options.threads > 1 and self._options.op != "publish":
            raise Unsupported("several threads are for publish")
        getattr(self, self._options.op.replace("-", "_"))()
        for nc in self._clients:
            nc.close()

    def publish(self) -> None:
        """Publishes, round-robin over the connections or by threads over one."""
        threads, conns = self._options.threads, self._options.conns
        if threads > 1 and conns > 1:
            raise Unsupported("several threads share one connection")
        clients = [self._connect() for _ in range(conns)]

        def send(count: int) -> None:
            if threads == 1:
                self._publish_over(clients, count)
            else:
                _in_threads(threads, lambda: self._publish_over(clients, count // threads))
            for nc in clients:
                nc.flush()

        send(bench.warm_up(self._options))
        with self._meter:
            send(self._options.count)

    def subscribe(self) -> None:
        """Receives what the other side sends when told so."""
        nc = self._connect()

        def begin(count: int) -> None:
            options = self._options
            order = f"{count} {options.size} {options.headers} {options.subs}"
            nc.publish("bench.go", order.encode())

        self._receive(nc, "bench.data", begin)

    def pubsub(self) -> None:
        """Receives what the connection itself publishes."""
        if self._options.subs > 1:
            raise Unsupported("pubsub has one subscription")
        nc = self._connect()

        def begin(count: int) -> None:
            for _ in range(count):
                nc.publish("bench.loop", self._payload)

        self._receive(nc, "bench.loop", begin)

    def request(self) -> None:
        """Asks in series, or by as many threads as requests are to be in flight."""
        nc, options = self._connect(), self._options

        def ask(turns: Iterator[int]) -> None:
            for _ in turns:
                reply = nc.request("bench.echo", self._payload, timeout=bench.REQUEST_TIMEOUT)
                if len(reply.data) != options.size:
                    raise Failure(f"an answer of {len(reply.data)} bytes")

        def ask_timed(count: int) -> None:
            for turn in range(count):
                start = time.perf_counter_ns()
                ask(iter((turn,)))
                self._meter.latencies.append(time.perf_counter_ns() - start)

        def ask_all(count: int) -> None:
            turns = iter(range(count))
            _in_threads(options.inflight, lambda: ask(turns))

        ask_all(bench.warm_up(options))
        with self._meter:
            (ask_timed if options.inflight == 1 else ask_all)(options.count)

    def service(self) -> None:
        """Answers requests."""
        nc, options = self._connect(), self._options
        service = nc.add_service(name="bench", version="1.0.0")
        service.add_endpoint(
            name="serve",
            subject="bench.serve",
            handler=lambda request: request.respond(request.data),
        )
        nc.flush()

        def be_asked(count: int) -> None:
            order = f"{count} {options.size} {options.inflight}".encode()
            last = nc.request("bench.ask", order, timeout=bench.PATIENCE)
            if len(last.data) != options.size:
                raise Failure(f"an answer of {len(last.data)} bytes")

        be_asked(bench.warm_up(options))
        with self._meter:
            be_asked(options.count)

    def connect(self) -> None:
        """Opens connections."""
        self._connect().close()
        with self._meter:
            for _ in range(self._options.conns):
                self._connect()

    def js_publish(self) -> None:
        """Publishes to a stream in series."""
        js = self._connect().jetstream()

        def publish(stream: str, count: int) -> None:
            for _ in range(count):
                start = time.perf_counter_ns()
                js.publish(stream, self._payload)
                self._meter.latencies.append(time.perf_counter_ns() - start)

        publish(bench.warm_up_stream(self._options), bench.warm_up(self._options))
        self._meter.latencies.clear()
        with self._meter:
            publish(self._options.stream, self._options.count)

    def js_publish_async(self) -> None:
        """Publishes to a stream with so many messages under way; what fails is told at the end."""
        js, options = self._connect().jetstream(), self._options

        def publish_all(stream: str, count: int) -> None:
            with js.publisher(window=options.inflight, stall=bench.PATIENCE) as publisher:
                for _ in range(count):
                    publisher.publish(stream, self._payload)

        publish_all(bench.warm_up_stream(options), bench.warm_up(options))
        with self._meter:
            publish_all(options.stream, options.count)

    def js_fetch(self, acknowledge: bool = False) -> None:
        """Asks a consumer again and again."""
        nc, options = self._connect(), self._options
        js = nc.jetstream()

        def take(stream: str, count: int) -> None:
            left = count
            while left > 0:
                messages = js.fetch(stream, options.consumer, min(left, options.batch))
                for message in messages:
                    if len(message.data) != options.size:
                        raise Failure(f"a payload of {len(message.data)} bytes arrived")
                if acknowledge:
                    js.ack_all(messages)
                if not messages:
                    raise Failure(f"{count - left} of {count} messages came")
                left -= len(messages)
            if acknowledge:
                nc.flush()

        take(bench.warm_up_stream(options), bench.STORED_WARM_UP)
        with self._meter:
            take(options.stream, options.count)

    def js_fetch_ack(self) -> None:
        """The same, and acknowledges what came together in one call."""
        self.js_fetch(acknowledge=True)

    def js_consume(self) -> None:
        """Takes messages of a stream without end."""
        js, options = self._connect().jetstream(), self._options
        receiver = Receiver(options)

        def consume(stream: str, count: int) -> None:
            def begin(_: int) -> None:
                receiver.open(lambda cb: js.consume(stream, options.consumer, cb))

            receiver.receive(count, begin)

        consume(bench.warm_up_stream(options), bench.STORED_WARM_UP)
        with self._meter:
            consume(options.stream, options.count)

    def kv_put(self) -> None:
        """Gives keys values, one after the other."""
        self._in_series(lambda kv, key: kv.put(key, self._payload))

    def kv_get(self) -> None:
        """Gets values, one after the other."""
        size = self._options.size

        def get(kv: Any, key: str) -> None:
            if len(kv.get(key).value) != size:
                raise Failure("a value of another size came")

        self._in_series(get)

    def kv_watch(self) -> None:
        """Watches a bucket until all that there was has come."""
        size = self._options.size

        def watch(kv: Any, count: int) -> None:
            watcher, come = kv.watchall(), 0
            for entry in watcher:
                if entry is None:
                    break
                if len(entry.value) != size:
                    raise Failure(f"a value of {len(entry.value)} bytes came")
                come += 1
            watcher.stop()
            if come != count:
                raise Failure(f"{come} of {count} entries came")

        warm_up, bucket = self._buckets()
        watch(warm_up, bench.STORED_WARM_UP)
        with self._meter:
            watch(bucket, self._options.count)

    def object_put(self) -> None:
        """Puts an object."""

        def put(store: Any, count: int) -> None:
            store.put(bench.OBJECT, bench.Content(self._options.size, count))

        self._objects(put)

    def object_get(self) -> None:
        """Gets an object."""

        def get(store: Any, count: int) -> None:
            sink = bench.Sink()
            store.get(bench.OBJECT, sink)
            sink.check(self._options.size * count)

        self._objects(get)

    def _objects(self, work: Callable[[Any, int], None]) -> None:
        js, options = self._connect().jetstream(), self._options
        work(js.object_store(bench.warm_up_stream(options)), bench.OBJECT_WARM_UP)
        store = js.object_store(options.stream)
        with self._meter:
            work(store, options.count)

    def _in_series(self, work: Callable[[Any, str], None]) -> None:
        def series(kv: Any, count: int) -> None:
            for key in itertools.islice(itertools.cycle(bench.KEYS), count):
                start = time.perf_counter_ns()
                work(kv, key)
                self._meter.latencies.append(time.perf_counter_ns() - start)

        warm_up, bucket = self._buckets()
        series(warm_up, bench.warm_up(self._options))
        self._meter.latencies.clear()
        with self._meter:
            series(bucket, self._options.count)

    def _buckets(self) -> tuple[Any, Any]:
        js = self._connect().jetstream()
        warm_up = js.key_value(bench.warm_up_stream(self._options))
        return warm_up, js.key_value(self._options.stream)

    def _connect(self) -> Any:
        self._clients.append(nats.connect(self._options.url, allow_reconnect=False))
        return self._clients[-1]

    def _publish_over(self, clients: list[Any], count: int) -> None:
        payload = self._payload
        turns = itertools.islice(itertools.cycle(clients), count)
        if self._options.headers:
            headers = nats.Headers(bench.HEADERS)
            for nc in turns:
                nc.publish("bench.data", payload, headers=headers)
        else:
            for nc in turns:
                nc.publish("bench.data", payload)

    def _receive(self, nc: Any, subject: str, begin: Callable[[int], None]) -> None:
        receiver = Receiver(self._options)
        receiver.subscribe(nc, subject)
        nc.flush()
        receiver.receive(bench.warm_up(self._options), begin)
        with self._meter:
            receiver.receive(self._options.count, begin)


class Receiver:
    """Subscriptions whose messages are counted together, on whatever threads they come."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._finished = threading.Event()
        self._wrong: int | None = None
        if options.mode != "callback" and options.subs > MOST_READERS:
            raise Unsupported("a thread would be needed for each subscription")

    def subscribe(self, nc: Any, subject: str) -> None:
        """Subscribes as often, and reads in the way, as the options say."""
        bounds = {"pending_msgs_limit": 0, "pending_bytes_limit": 0}
        for _ in range(self._options.subs):
            self.open(lambda cb: nc.subscribe(subject, cb=cb, **bounds))

    def open(self, subscribe: Callable[[Any], Any]) -> None:
        """Reads one subscription, which is made with a callback or with none."""
        if self._options.mode == "callback":
            subscribe(self._on_message)
            return
        read = self._iterate if self._options.mode == "iterator" else self._take
        threading.Thread(target=read, args=(subscribe(None),), daemon=True).start()

    def receive(self, count: int, begin: Callable[[int], None]) -> None:
        """Begins, and waits until so many messages have come."""
        self._count = count
        # Unlike `+= 1`, its steps cannot interleave.
        self._arrived = itertools.count(1).__next__
        self._finished.clear()
        begin(count)
        if not self._finished.wait(bench.PATIENCE):
            missing = f"{self._arrived() - 1} of {count} messages"
            raise Failure(f"{missing} within {bench.PATIENCE:.0f} s")
        if self._wrong is not None:
            raise Failure(f"a payload of {self._wrong} bytes arrived")

    # Each way counts in place: a call for it would be seen in what is measured.

    def _on_message(self, message: Any) -> None:
        if len(message.data) != self._options.size:
            self._refuse(message)
        if self._arrived() == self._count:
            self._finished.set()

    def _iterate(self, sub: Any) -> None:
        size = self._options.size
        for message in sub:
            if len(message.data) != size:
                self._refuse(message)
            if self._arrived() == self._count:
                self._finished.set()

    def _take(self, sub: Any) -> None:
        size = self._options.size
        try:
            while True:
                for message in sub.take(bench.BATCH, timeout=None):
                    if len(message.data) != size:
                        self._refuse(message)
                    if self._arrived() == self._count:
                        self._finished.set()
        except nats_ffi.errors.ConnectionClosedError:
            return

    def _refuse(self, message: Any) -> None:
        self._wrong = len(message.data)
        self._finished.set()


def _in_threads(number: int, work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(number) as pool:
        for future in [pool.submit(work) for _ in range(number)]:
            future.result()


if __name__ == "__main__":
    options = bench.parse(bench.parser())
    bench.run(
        "nats-ffi-python-blocking",
        nats_ffi.__version__,
        lambda meter: Driver(options, meter).run(),
    )
