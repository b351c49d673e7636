"""Talks to itself and to others through a cluster whose servers come and go, and says at the end
what has become of it: see tests/rolling."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import nats_ffi as nats
from nats_ffi import errors

PUBLISH_SECONDS = 0.002
REQUESTS_EVERY = 10
REQUEST_SECONDS = 2.0
QUIET_SECONDS = 2.0


class Talk:
    def __init__(self, name: str) -> None:
        self.name = name
        self.published = 0
        self.greatest = -1
        self.seen: set[int] = set()
        self.duplicates = self.out_of_order = 0
        self.requests = 0
        self.failures: list[dict[str, Any]] = []
        self.migrations = self.discarded = 0
        self.pending: set[asyncio.Task[None]] = set()

    async def take(self, msg: nats.Msg) -> None:
        number = int(msg.data)
        if number in self.seen:
            self.duplicates += 1
        elif number < self.greatest:
            self.out_of_order += 1
        self.seen.add(number)
        self.greatest = max(self.greatest, number)

    def event(self, event: dict[str, Any]) -> None:
        self.migrations += event["event"] == "migrated"
        if event["event"] == "closed":
            self.discarded = event["discarded"]

    async def ask(self, nc: nats.NATS) -> None:
        payload = f"{self.name}-{self.requests}".encode()
        self.requests += 1
        at = int(time.time() * 1000)
        try:
            reply = await nc.request("rolling.echo", payload, timeout=REQUEST_SECONDS)
            if reply.data != payload:
                self.failures.append({"at_ms": at, "code": "WRONG_REPLY"})
        except errors.Error as error:
            self.failures.append({"at_ms": at, "code": error.name})

    async def publish(self, nc: nats.NATS, stop: asyncio.Event) -> None:
        turns = 0
        while not stop.is_set():
            try:
                await nc.publish(f"rolling.data.{self.name}", b"%d" % self.published)
                self.published += 1
            except errors.Error:
                pass
            turns += 1
            if turns % REQUESTS_EVERY == 0:
                task = asyncio.create_task(self.ask(nc))
                self.pending.add(task)
                task.add_done_callback(self.pending.discard)
            await asyncio.sleep(PUBLISH_SECONDS)

    async def settle(self) -> None:
        """Waits for the last number, or until nothing comes any more."""
        count, since = -1, time.monotonic()
        while self.greatest < self.published - 1:
            if len(self.seen) != count:
                count, since = len(self.seen), time.monotonic()
            if time.monotonic() - since > QUIET_SECONDS:
                return
            await asyncio.sleep(0.01)

    def result(self, stats: dict[str, int]) -> dict[str, Any]:
        return {
            "name": self.name,
            "published": self.published,
            "delivered": len(self.seen),
            "duplicates": self.duplicates,
            "out_of_order": self.out_of_order,
            "missing": self.published - len(self.seen),
            "requests": self.requests,
            "failures": self.failures,
            "reconnects": stats["reconnects"],
            "migrations": self.migrations,
            "dropped_out": stats["dropped_out"],
            "discarded": self.discarded,
        }


async def main(servers: str, name: str) -> None:
    talk, stop = Talk(name), asyncio.Event()
    nc = await nats.connect(
        servers.split(","), name=name, max_reconnects=-1, event_cb=talk.event,
        error_cb=lambda error: None,
    )
    await nc.subscribe(f"rolling.data.{name}", cb=talk.take)

    async def echo(msg: nats.Msg) -> None:
        await msg.respond(msg.data)

    await nc.subscribe("rolling.echo", "echo", cb=echo)
    await nc.flush()
    print("ready", flush=True)

    def wait_for_stop() -> None:
        sys.stdin.readline()
        loop.call_soon_threadsafe(stop.set)

    loop = asyncio.get_running_loop()
    waiting = loop.run_in_executor(None, wait_for_stop)
    await talk.publish(nc, stop)
    await waiting
    await asyncio.gather(*talk.pending)
    await nc.flush()
    await talk.settle()
    await nc.drain()
    print(json.dumps(talk.result(nc.stats)), flush=True)


asyncio.run(main(*sys.argv[1:3]))
