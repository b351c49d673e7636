"""A bucket of objects: put, got, listed, watched, described anew, deleted, sealed."""

import asyncio
import io
import sys

from client import nats


async def main() -> None:
    nc = await nats.connect(sys.argv[1])
    js = nc.jetstream()
    store = await js.create_object_store(bucket="dropin")
    info = await store.put("letter", b"Dear all")
    print(info.name, info.bucket, info.size, info.chunks, info.digest)
    await store.put("text", "ein Täxt")
    await store.put("large", io.BytesIO(b"x" * 300_000))
    for name in ("letter", "text", "large"):
        got = await store.get(name)
        print(got.info.name, got.info.chunks, len(got.data), got.data[:9])
    sink = io.BytesIO()
    await store.get("large", writeinto=sink)
    print(len(sink.getvalue()), (await store.get_info("large")).digest)
    for attempt in (
        lambda: store.get("nothing"),
        lambda: store.get_info("nothing"),
        lambda: store.delete("nothing"),
        lambda: js.object_store("nobody"),
    ):
        try:
            await attempt()
        except nats.errors.Error:
            print("refused")
    watcher = await store.watch()
    while (told := await watcher.updates(timeout=5)) is not None:
        print(told.name, told.size, bool(told.deleted))
    await store.delete("text")
    told = await watcher.updates()
    print(told.name, told.deleted)
    await watcher.stop()
    print([info.name for info in await store.list(ignore_deletes=True)])
    print((await store.get_info("text", show_deleted=True)).deleted)
    status = await store.status()
    print(status.bucket, status.sealed, status.size > 300_000, status.replicas)
    await store.seal()
    print((await store.status()).sealed, (await store.get("letter")).data)
    print(await js.delete_object_store("dropin"))
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
