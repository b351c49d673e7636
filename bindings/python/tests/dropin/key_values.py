"""A bucket of keys: values, revisions, a watch until all has come and beyond, keys, history."""

import asyncio
import sys

from client import nats


async def main() -> None:
    nc = await nats.connect(sys.argv[1])
    js = nc.jetstream()
    kv = await js.create_key_value(bucket="dropin", history=5)
    print(await kv.put("color", b"red"), await kv.put("size", b"10", False))
    entry = await kv.get("color")
    print(entry.bucket, entry.key, entry.value, entry.revision, entry.operation)
    print(await kv.create("shape", b"round"), await kv.create("shade", b"dark", True, None))
    for attempt in (
        lambda: kv.create("color", b"blue"),
        lambda: kv.update("color", b"blue", last=9),
        lambda: kv.get("nothing"),
        lambda: kv.get("size", revision=1),
        lambda: js.key_value("nobody"),
    ):
        try:
            await attempt()
        except nats.errors.Error:
            print("refused")
    print(await kv.update("color", b"blue", last=1), (await kv.get("color", 1)).value)

    watcher = await kv.watchall()
    async for entry in watcher:
        if entry is None:
            break
        print(entry.key, entry.value, entry.revision, entry.delta, entry.created is not None)
    await kv.delete("size")
    await kv.purge("shape")
    entry = await anext(watcher)
    print(entry.key, entry.operation, entry.value)
    entry = await watcher.updates(timeout=5)
    print(entry.key, entry.operation)
    try:
        await watcher.updates(timeout=0.05)
    except nats.errors.TimeoutError:
        print("nothing more")
    await watcher.stop()
    print([entry async for entry in watcher])

    print(sorted(await kv.keys()))
    history = await kv.history("color")
    print([(entry.revision, entry.value, entry.operation) for entry in history])
    one = await kv.watch("color", include_history=True, ignore_deletes=True)
    print([(await one.updates()).value for _ in history], await one.updates())
    status = await kv.status()
    print(status.bucket, status.history, status.values)
    print(await js.delete_key_value("dropin"))
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
