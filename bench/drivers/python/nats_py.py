"""Driver for nats-py, with asyncio's own event loop or with uvloop's."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import asyncio_ops
import bench
import nats
import nats.micro


class Streams:
    """JetStream by nats-py."""

    def __init__(self, nc: Any, inflight: int) -> None:
        self._js = nc.jetstream(publish_async_max_pending=inflight)

    async def publish(self, stream: str, payload: bytes) -> None:
        await self._js.publish(stream, payload)

    async def publish_all(self, stream: str, payload: bytes, count: int) -> None:
        waiting = [await self._js.publish_async(stream, payload) for _ in range(count)]
        await self._js.publish_async_completed()
        for future in waiting:
            future.result()

    async def fetcher(self, stream: str, consumer: str) -> Callable[[int], Awaitable[list[Any]]]:
        sub = await self._js.pull_subscribe_bind(consumer=consumer, stream=stream)
        return lambda count: sub.fetch(count, timeout=bench.PATIENCE)

    async def ack(self, messages: list[Any]) -> None:
        for message in messages:
            await message.ack()

    async def consume(self, stream: str, consumer: str, cb: Any) -> Any:
        # There is no other way to take messages without end.
        return await self._js.subscribe(
            stream, stream=stream, cb=cb, ordered_consumer=True, **asyncio_ops.UNBOUNDED
        )


LIBRARY = asyncio_ops.Library(
    nats.connect, dict, nats.micro.add_service, takes=False, streams=Streams
)


def measure(options: argparse.Namespace, meter: bench.Meter) -> None:
    """Runs the operation on the event loop that was chosen."""
    factory = None
    if options.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio_ops.measure(LIBRARY, options, meter))


if __name__ == "__main__":
    parser = bench.parser()
    parser.add_argument("--loop", default="asyncio", choices=("asyncio", "uvloop"))
    options = bench.parse(parser)
    bench.run(
        "nats-py-uvloop" if options.loop == "uvloop" else "nats-py",
        version("nats-py"),
        lambda meter: measure(options, meter),
    )
