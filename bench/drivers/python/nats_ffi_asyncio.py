"""Driver for nats_ffi on asyncio."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncio_ops
import bench

# PYTHONPATH goes before: it may name another build.
sys.path.append(str(bench.ROOT / "bindings/python/python"))
import nats_ffi as nats  # noqa: E402
from nats_ffi import micro  # noqa: E402


class Streams:
    """JetStream by nats_ffi."""

    def __init__(self, nc: Any, inflight: int) -> None:
        self._js = nc.jetstream()
        self._inflight = inflight

    async def publish(self, stream: str, payload: bytes) -> None:
        await self._js.publish(stream, payload)

    async def publish_all(self, stream: str, payload: bytes, count: int) -> None:
        # Not by publish_async: it bounds nothing below 4,000, and bounded here it is slower.
        turns = iter(range(count))

        async def publish() -> None:
            for _ in turns:
                await self._js.publish(stream, payload)

        await asyncio.gather(*(publish() for _ in range(self._inflight)))

    async def fetcher(self, stream: str, consumer: str) -> Callable[[int], Awaitable[list[Any]]]:
        return lambda count: self._js.fetch(stream, consumer, count)

    async def ack(self, messages: list[Any]) -> None:
        await self._js.ack_all(messages)

    async def consume(self, stream: str, consumer: str, cb: Any) -> Any:
        return await self._js.consume(stream, consumer, cb)


LIBRARY = asyncio_ops.Library(
    nats.connect, nats.Headers, micro.add_service, takes=True, streams=Streams
)

if __name__ == "__main__":
    options = bench.parse(bench.parser())
    bench.run(
        "nats-ffi-python-asyncio",
        nats.__version__,
        lambda meter: asyncio.run(asyncio_ops.measure(LIBRARY, options, meter)),
    )
