#!/usr/bin/env python3
"""One voice of the conversation that `make demo` runs: converse NAME PEER,PEER,...

The protocol is described at the head of ../c/converse.c.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time

import nats_ffi as nats
from nats_ffi import errors
from nats_ffi.aio.msg import Msg
from nats_ffi.aio.subscription import Subscription

QUESTIONS = 20
PATIENCE = 5.0
MEET = 60.0
DONE = 120.0


class Voice:
    """Answers questions under a name, and asks them."""

    def __init__(self, nc: nats.NATS, name: str) -> None:
        self._nc = nc
        self._name = name
        self._from = {"From": name}

    async def serve(self) -> None:
        """Answers greetings and questions with what they contain."""

        async def answer(msg: Msg) -> None:
            await msg.respond(msg.data, headers=self._from)

        for kind in ("hello", "ask"):
            await self._nc.subscribe(f"demo.{kind}.{self._name}", "demo", answer)

    async def meet(self, peer: str, done: Subscription, deadline: float) -> None:
        """Greets the peer until it answers."""
        while not await self._ask("hello", peer, b"hello"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{peer} did not say hello")
            # The pause ends early, and the program too, when the demo is called off.
            try:
                await done.next_msg(timeout=0.02)
            except errors.TimeoutError:
                continue
            raise RuntimeError("called off")

    async def question(self, peer: str) -> None:
        """Asks the peer and prints how it answered."""
        took: list[float] = []
        for number in range(QUESTIONS):
            start = time.perf_counter()
            if await self._ask("ask", peer, f"question {number} from {self._name}".encode()):
                took.append(time.perf_counter() - start)
        median = int(statistics.median_high(took) * 1e6) if took else 0
        line = {"from": self._name, "to": peer, "answered": len(took), "p50_us": median}
        print(json.dumps(line, separators=(",", ":")), flush=True)

    async def _ask(self, kind: str, peer: str, text: bytes) -> bool:
        """Whether the peer answered as it should; one that is not there yet did not."""
        subject = f"demo.{kind}.{peer}"
        try:
            msg = await self._nc.request(subject, text, timeout=PATIENCE, headers=self._from)
        except (errors.NoRespondersError, errors.TimeoutError):
            return False
        return msg.data == text and (msg.headers or {}).get("From") == peer


async def main(name: str, peers: list[str]) -> None:
    nc = await nats.connect(os.environ["NATS_URL"])
    done = await nc.subscribe("demo.done")
    voice = Voice(nc, name)
    await voice.serve()
    deadline = time.monotonic() + MEET
    for peer in peers:
        await voice.meet(peer, done, deadline)
    for peer in peers:
        await voice.question(peer)
    await done.next_msg(timeout=DONE)
    await nc.drain()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: converse NAME PEER,PEER,...")
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2].split(",")))
    except Exception as error:
        sys.exit(f"converse: {error}")
