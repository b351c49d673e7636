"""What goes wrong, by the classes and bases that programs catch."""

import asyncio
import sys

from client import nats

errors = nats.errors


PEERS = (
    "Error TimeoutError NoRespondersError BadSubjectError BadHeaderError MaxPayloadError "
    "BadTimeoutError ConnectionClosedError NoServersError AuthorizationError"
).split()


def caught_by(error):
    """The clauses that would catch it."""
    names = [name for name in PEERS if isinstance(error, getattr(errors, name))]
    return names + (["asyncio"] if isinstance(error, asyncio.TimeoutError) else [])


async def attempt(what, call):
    try:
        result = await call
    except errors.Error as error:
        print(f"{what}: {caught_by(error)}")
    else:
        print(f"{what}: {result}")


async def main() -> None:
    nc = await nats.connect(sys.argv[1])
    await nc.subscribe("failures.silent")
    sub = await nc.subscribe("failures.none")
    called = await nc.subscribe("failures.called", cb=ignore)

    await attempt("nobody", nc.request("failures.nobody", b"x", timeout=5))
    await attempt("nobody, old style", nc.request("failures.nobody", timeout=5, old_style=True))
    await attempt("silent", nc.request("failures.silent", b"x", timeout=0.05))
    silent = nc.request("failures.silent", b"x", timeout=0.05, old_style=True)
    await attempt("silent, old style", silent)
    await attempt("no message", sub.next_msg(timeout=0.05))
    await attempt("a callback's", called.next_msg(timeout=0.05))
    await attempt("no subject", nc.publish("", b"x"))
    await attempt("spaces", nc.publish("a b", b"x"))
    await attempt("empty token", nc.subscribe("a..b"))
    await attempt("tail in the middle", nc.subscribe("a.>.b"))
    await attempt("queue with a space", nc.subscribe("a", queue="a b"))
    await attempt("too large", nc.publish("a", bytes(nc.max_payload + 1)))
    await attempt("bad header", nc.publish("a", b"x", headers={"a b": "c"}))
    await attempt("flush without time", nc.flush(timeout=0))
    await attempt("rtt without time", nc.rtt(timeout=-1))
    await attempt("good", nc.publish("a", b"x"))
    try:
        _ = called.messages
    except errors.Error as error:
        print(f"messages: {caught_by(error)}")
    await nc.close()
    await attempt("closed publish", nc.publish("a", b"x"))
    await attempt("closed subscribe", nc.subscribe("a"))
    await attempt("closed request", nc.request("a", b"x"))
    await attempt("closed flush", nc.flush())
    await attempt("closed rtt", nc.rtt())
    await attempt("closed drain", nc.drain())
    await attempt("closed next", sub.next_msg())
    await attempt("closed unsubscribe", sub.unsubscribe())
    await attempt("closed again", nc.close())

    options = {"error_cb": ignore, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.01}
    await attempt("nobody there", nats.connect("nats://127.0.0.1:1", **options))


async def ignore(_):
    pass


if __name__ == "__main__":
    asyncio.run(main())
