"""What the tests of JetStream share: streams with messages and a consumer."""

from __future__ import annotations

from typing import Any

from nats_ffi.aio.jetstream import JetStream
from nats_ffi.sync.jetstream import JetStream as BlockingJetStream


def layout(name: str) -> dict[str, Any]:
    """The configuration of a stream that a test may have for itself."""
    return {"name": name, "subjects": [f"{name}.>"], "storage": "memory"}


def worker(**config: Any) -> dict[str, Any]:
    """The configuration of the consumer that most tests need."""
    return {"durable_name": "worker", "ack_policy": "explicit", **config}


async def stored(js: JetStream, name: str, count: int, **config: Any) -> None:
    """Makes a stream, puts "0", "1"… into it, and makes its consumer."""
    await js.stream_create(**layout(name))
    for number in range(count):
        await js.publish(f"{name}.n", b"%d" % number)
    await js.consumer_create(stream=name, config=worker(**config))


def stored_now(js: BlockingJetStream, name: str, count: int, **config: Any) -> None:
    """The same in the blocking API."""
    js.stream_create(**layout(name))
    for number in range(count):
        js.publish(f"{name}.n", b"%d" % number)
    js.consumer_create(stream=name, config=worker(**config))


def numbers(messages: Any) -> list[int]:
    """What `stored` has put into them."""
    return [int(msg.data) for msg in messages]
