"""Driver for nats_ffi on asyncio."""

import asyncio
import sys

import asyncio_ops
import bench

# PYTHONPATH goes before: it may name another build.
sys.path.append(str(bench.ROOT / "bindings/python/python"))
import nats_ffi as nats  # noqa: E402

LIBRARY = asyncio_ops.Library(nats.connect, nats.Headers, takes=True)

if __name__ == "__main__":
    options = bench.parse(bench.parser())
    bench.run(
        "nats-ffi-python-asyncio",
        nats.__version__,
        lambda meter: asyncio.run(asyncio_ops.measure(LIBRARY, options, meter)),
    )
