"""Buckets of objects: lost connections, restarts and leaders amid gets and puts."""

from __future__ import annotations

import asyncio

from harness import Harness
from nats_ffi import errors
from objects import content, made, settles
from support import EAGER, WAIT, Events, behaviour, dial, fails, lose, regain


@behaviour("object-41")
async def test_a_put_that_loses_its_connection(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    proxy = harness.proxy(server)
    async with dial(server.url) as direct:
        store = await made(direct.jetstream(), "b")
        old = await store.put("x", b"old")
        for after in (100_000, 1_000_000, 3_000_000):
            async with dial(proxy.url, **EAGER) as nc:
                theirs = await nc.jetstream().object_store("b")
                proxy.tell("cut_after", direction="to_server", count=after, cut="rst")
                with fails("CONNECTION_LOST"):
                    await theirs.put("x", content(4_000_000))
                await settles(store, old)
        assert (await store.get("x")).data == b"old"


@behaviour("object-42")
async def test_a_get_goes_on(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    proxy = harness.proxy(server)
    data = content(8_000_000)
    async with dial(server.url) as direct, dial(proxy.url, **EAGER, **events.options) as nc:
        await (await made(direct.jetstream(), "b")).put("x", data)
        theirs = await nc.jetstream().object_store("b")
        for number, after in enumerate((100_000, 2_000_000, 5_000_000)):
            proxy.tell("cut_after", direction="to_client", count=after, cut="rst")
            assert (await theirs.get("x")).data == data
            await events.wait("reconnected", number + 1)
        # It is over when nothing comes for too long.
        reader = await theirs.open_reader("x", timeout=0.1)
        proxy.tell("black_hole", direction="to_client")
        with fails("TIMEOUT"):
            await reader.read()


@behaviour("object-43")
async def test_a_restart_amid_a_get_and_a_put(harness: Harness, events: Events) -> None:
    server = harness.server("jetstream")
    data = content(8_000_000)
    async with dial(server.url, **EAGER, **events.options) as nc:
        store = await nc.jetstream().create_object_store("b")
        now = await store.put("x", data)
        reader = await store.open_reader("x")
        got = await anext(reader)
        writer = await store.open_writer("x")
        await writer.write(content(3_000_000))
        await lose(server, events)
        await regain(server, events)
        assert got + await reader.read() == data
        # What the server had not acknowledged may be lost.
        try:
            await writer.write(content(3_000_000))
            now = await writer.finish()
        except errors.ConnectionLostError:
            pass
        await settles(store, now)
        await store.get("x")


@behaviour("object-44")
async def test_a_change_of_the_leader(harness: Harness) -> None:
    cluster = harness.server("cluster-jetstream", nodes=3)
    data = content(4_000_000)
    async with dial(cluster.urls.split(","), **EAGER) as nc:
        store = await nc.jetstream().create_object_store("b", num_replicas=3)
        old = await store.put("x", data)
        reader = await store.open_reader("x")
        got = await anext(reader)
        # Acknowledgements that are lost with the leader are missed.
        writer = await store.open_writer("y", timeout=1)
        await writer.write(content(1_000_000))
        leader = (await store.status()).stream_info["cluster"]["leader"]
        node = int(leader.removeprefix("harness-")) - 1
        cluster.tell("kill", node=node)
        assert got + await reader.read() == data
        kept = [old]
        try:
            await writer.write(content(1_000_000))
            kept.append(await writer.finish())
        except errors.Error:
            del writer
        cluster.tell("restart", node=node)
        cluster.tell("wait_ready")
        await settles(store, *kept)
        # Servers do not answer what comes while they elect a leader.
        async with asyncio.timeout(WAIT):
            while True:
                try:
                    await store.put("y", b"y")
                    got = (await store.get("y")).data
                    break
                except errors.Error:
                    continue
        assert got == b"y"
