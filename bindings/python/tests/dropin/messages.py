"""Messages: headers, responding, attributes, those of one's own, futures, limits."""

import asyncio
import sys

from client import nats


async def main() -> None:
    nc = await nats.connect(sys.argv[1])
    sub = await nc.subscribe("messages.>", queue="")
    await nc.publish("messages.a", b"with headers", headers={"Nats-Msg-Id": "7", "other": "x: y"})
    msg = await sub.next_msg(timeout=5)
    print(msg.subject, msg.reply == "", msg.data, sorted(msg.headers.items()))
    print(msg.header == msg.headers, msg.header["other"])
    await nc.publish("messages.b")
    msg = await sub.next_msg()
    print(msg.data, msg.headers, repr(msg.reply))
    try:
        await msg.respond(b"to nobody")
    except nats.errors.Error as error:
        print(isinstance(error, nats.errors.Error))
    print(sub.subject, sub.queue == "", sub.pending_msgs, sub.delivered)

    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    await nc.publish("messages.c", b"question", reply=inbox)
    msg = await sub.next_msg()
    print(msg.reply == inbox)
    await msg.respond(b"answer")
    print((await answers.next_msg()).data)

    async def service(msg):
        await msg.respond(msg.data[::-1])

    await nc.subscribe("service.reverse", cb=service)
    print((await nc.request("service.reverse", b"abc", timeout=5)).data)
    print((await nc.request("service.reverse", b"abc", timeout=5, old_style=True)).data)
    print([m.data async for m in first(sub, nc, 3)])

    future = asyncio.get_running_loop().create_future()
    await nc.subscribe("future.x", future=future, max_msgs=1)
    await nc.publish("future.x", b"in a future")
    print((await asyncio.wait_for(future, 5)).data)

    own = nats.aio.msg.Msg(nc, subject="own", reply=inbox, data=b"d", headers={"A": "b"})
    print(own.subject, own.data, own.headers)
    await own.respond(b"of my own")
    print((await answers.next_msg()).data)

    generator = nats.nuid.NUID()
    ids = {bytes(generator.next()) for _ in range(100)}
    print(len(ids), {len(one) for one in ids})
    await nc.close()


async def first(sub, nc, count):
    await sub.unsubscribe(limit=sub.delivered + count)
    for number in range(count):
        await nc.publish("messages.limit", b"%d" % number)
    async for msg in sub.messages:
        yield msg


if __name__ == "__main__":
    asyncio.run(main())
