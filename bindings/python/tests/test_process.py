"""The library as a part of a process: fork, exit, many connections, idle ones."""

from __future__ import annotations

import random
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from support import behaviour, dial, expect_exit, run_child

FORK = """
import asyncio, os, sys
import nats_ffi as nats
from support import WAIT, fails, works

async def in_the_child(nc, sub, msg):
    for call in (nc.publish("a"), nc.request("a"), nc.subscribe("a"), nc.flush(), nc.close(),
                 nc.drain(), sub.next_msg(), sub.unsubscribe(), msg.respond(b"x")):
        with fails("FORKED"):
            await call
    own = await nats.connect(sys.argv[1])
    await works(own)
    await own.drain()

async def in_the_parent():
    nc = await nats.connect(sys.argv[1])
    sub = await nc.subscribe("py.fork")
    await nc.publish("py.fork", b"x", reply="a")
    msg = await sub.next_msg(WAIT)
    return nc, sub, msg

with asyncio.Runner() as runner:
    mine = runner.run(in_the_parent())
    pid = os.fork()
    if pid == 0:
        asyncio.events._set_running_loop(None)
        asyncio.set_event_loop(None)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(in_the_child(*mine))
        loop.close()
        del mine
        sys.stdout.flush()
        os._exit(9)
    _, status = os.waitpid(pid, 0)
    runner.run(works(mine[0]))
    runner.run(mine[0].close())
sys.exit(os.waitstatus_to_exitcode(status))
"""


@behaviour("process-01")
def test_fork(url: str) -> None:
    expect_exit(run_child(FORK, url), 9)


EXIT = """
import asyncio, sys
import nats_ffi as nats

async def main():
    nc = await nats.connect(sys.argv[1])
    async def ignore(_): pass
    await nc.subscribe("py.exit.>", cb=ignore)
    sub = await nc.subscribe("py.exit.>")
    for _ in range(1000):
        await nc.publish("py.exit.x", b"x")
    await sub.next_msg()
    {end}

{run}
"""

ENDS = {
    "the end": "return nc, sub",
    "sys.exit": "sys.exit(7)",
    "an exception": "raise SystemExit(7)",
    "os._exit": "import os; os._exit(7)",
    "a waiting task": "asyncio.create_task(sub.next_msg(60)); sys.exit(7)",
    "a request": "asyncio.create_task(nc.request('py.exit.x', timeout=60)); sys.exit(7)",
}


@behaviour("process-02")
@pytest.mark.parametrize("end", ENDS)
def test_exit_with_a_live_connection(url: str, end: str) -> None:
    run = "kept = asyncio.run(main()); sys.exit(7)"
    expect_exit(run_child(EXIT.format(end=ENDS[end], run=run), url), 7)


@behaviour("process-02")
@pytest.mark.parametrize("run", ["uvloop.run(main())", "trio.run(main)"])
def test_exit_after_another_loop(url: str, run: str) -> None:
    code = EXIT.format(
        end="return nc, sub", run=f"import trio, uvloop; kept = {run}; sys.exit(7)"
    )
    expect_exit(run_child(code, url), 7)


AT_ANY_MOMENT = """
import asyncio, os, sys, threading
import nats_ffi as nats
from nats_ffi import sync

delay = float(sys.argv[2])

async def main():
    nc = await nats.connect(sys.argv[1])
    async def answer(msg): await msg.respond(msg.data)
    await nc.subscribe("py.moment", cb=answer)
    threading.Timer(delay, lambda: loop.call_soon_threadsafe(loop.stop)).start()
    while True:
        await asyncio.gather(*(nc.request("py.moment", b"x", timeout=5) for _ in range(20)))

def blocking():
    nc = sync.connect(sys.argv[1])
    nc.subscribe("py.moment", cb=lambda msg: None)
    sub = nc.subscribe("py.moment")
    while True:
        sub.next_msg(60)

threading.Thread(target=blocking, daemon=True).start()
loop = asyncio.new_event_loop()
task = loop.create_task(main())
try:
    loop.run_until_complete(task)
except RuntimeError:
    pass
sys.exit(7)
"""


@behaviour("process-02")
def test_exit_at_any_moment(url: str) -> None:
    moments = random.Random()
    for _ in range(12):
        delay = moments.uniform(0, 0.15)
        child = run_child(AT_ANY_MOMENT, url, str(delay))
        assert child.returncode == 7, (delay, child)
        # What the interpreter itself says about the task that it never ended is in order.
        for bad in ("Fatal", "panicked", "Segmentation", "nats_ffi/"):
            assert bad not in child.stderr, (delay, child.stderr)


CYCLE = """
import asyncio, sys
import nats_ffi as nats
from support import descriptors, resident_kb, threads

async def cycle(times):
    for _ in range(times):
        nc = await nats.connect(sys.argv[1])
        async def ignore(_): pass
        await nc.subscribe("py.cycle", cb=ignore)
        await nc.close()

async def main():
    await cycle(1000)
    before = descriptors(), threads(), resident_kb()
    await cycle(10_000)
    after = descriptors(), threads(), resident_kb()
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
    assert after[0] <= before[0] + 4, (before, after)
    assert after[1] <= before[1], (before, after)
    assert after[2] <= before[2] + 4096, (before, after)

asyncio.run(main())
"""


@behaviour("process-03")
def test_ten_thousand_connects_and_closes(url: str) -> None:
    expect_exit(run_child(CYCLE, url, timeout=110), 0)


IDLE = """
import asyncio, sys, time
import nats_ffi as nats
from support import threads

async def main():
    async def ignore(_): pass
    connections = []
    for number in range(51):
        nc = await nats.connect(sys.argv[1])
        await nc.subscribe("py.idle", cb=ignore)
        await nc.flush()
        connections.append(nc)
        if number == 0:
            one = threads()
    assert threads() <= one, (one, threads())
    before = time.process_time()
    await asyncio.sleep(1)  # idleness itself is what is measured here
    assert time.process_time() - before < 0.05, time.process_time() - before
    for nc in connections:
        await nc.close()

asyncio.run(main())
"""


@behaviour("process-04")
def test_idle_connections(url: str) -> None:
    expect_exit(run_child(IDLE, url), 0)


THOUSAND = """
import asyncio, sys
import nats_ffi as nats
from support import threads, works

async def main():
    before = threads()
    connections = await asyncio.gather(*(nats.connect(sys.argv[1], connect_timeout=60)
                                         for _ in range(1000)))
    assert threads() - before < 16
    await asyncio.gather(*(works(nc) for nc in connections))
    for nc in connections:
        await nc.close()

asyncio.run(main())
"""


def test_a_thousand_connections(url: str) -> None:
    expect_exit(run_child(THOUSAND, url, timeout=110), 0)


def test_ctrl_c_ends_a_program_that_waits(url: str) -> None:
    code = (
        "import asyncio, os, signal, sys, threading\n"
        "import nats_ffi as nats\n"
        "async def main():\n"
        "    async with await nats.connect(sys.argv[1]) as nc:\n"
        "        sub = await nc.subscribe('py.ctrl-c')\n"
        "        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "        await sub.next_msg(60)\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(5)\n"
    )
    expect_exit(run_child(code, url), 5)


MILLION = """
import asyncio, sys
import nats_ffi as nats
from support import resident_kb

async def main(count, style):
    nc = await nats.connect(sys.argv[1])
    other = await nats.connect(sys.argv[1])
    got = 0
    arrived = asyncio.Event()

    async def callback(msg):
        nonlocal got
        got += len(msg.data) == 16
        if got % 1000 == 0:
            arrived.set()

    async def iterate(sub):
        async for msg in sub.messages:
            await callback(msg)

    sub = await nc.subscribe("py.million", cb=callback if style == "callback" else None)
    task = None if style == "callback" else asyncio.create_task(iterate(sub))
    await nc.flush()
    payload = bytes(16)
    for burst in range(count // 1000):
        for _ in range(1000):
            await other.publish("py.million", payload)
        while got < (burst + 1) * 1000:
            arrived.clear()
            await asyncio.wait_for(arrived.wait(), 30)
        if burst == count // 5000:
            before = resident_kb()
    after = resident_kb()
    assert got == count
    assert after - before < 4096, (before, after)
    await other.close()
    await nc.close()
    if task:
        await task

asyncio.run(main(int(sys.argv[2]), sys.argv[3]))
"""


@pytest.mark.parametrize("style", ["callback", "iterator"])
def test_many_messages_leave_memory_flat(url: str, style: str) -> None:
    expect_exit(run_child(MILLION, url, "1000000", style, timeout=110), 0)


async def test_the_library_names_no_secret_when_it_is_printed(harness: Harness) -> None:
    server = harness.server("auth")
    async with dial(f"nats://alice:secret@{server.address}", password="secret") as nc:
        texts: list[Any] = [nc, nc.servers, nc.connected_url, nc.server_info, nc.stats]
        assert "secret" not in "".join(map(repr, texts))


def test_the_module_has_a_version() -> None:
    assert nats.__version__.count(".") == 2
