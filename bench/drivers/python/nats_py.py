"""Driver for nats-py, with asyncio's own event loop or with uvloop's."""

import argparse
import asyncio
from importlib.metadata import version

import asyncio_ops
import bench
import nats

LIBRARY = asyncio_ops.Library(nats.connect, dict, takes=False)


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
