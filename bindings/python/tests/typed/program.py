"""A program for mypy --strict to read: what has which type in the eyes of a user."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type
from urllib.parse import ParseResult

import nats_ffi as nats
from nats_ffi import errors, jwt, micro, nkeys, sync
from nats_ffi.aio.client import Client
from nats_ffi.aio.jetstream import Batch, JetStream, Metadata, PubAck
from nats_ffi.aio.kv import BucketStatus, Entry, KeyValue, KeyWatcher, KvCache
from nats_ffi.aio.msg import Msg
from nats_ffi.aio.object import (
    ObjectInfo,
    ObjectLink,
    ObjectMeta,
    ObjectResult,
    ObjectStore,
    ObjectStoreStatus,
    ObjectWriter,
)
from nats_ffi.aio.service import (
    EndpointConfig,
    EndpointStats,
    Request,
    Service,
    ServiceConfig,
    ServiceError,
    ServiceInfo,
    ServicePing,
    ServiceStats,
)
from nats_ffi.aio.subscription import Subscription


async def on_error(error: Exception) -> None:
    raise error


async def on_change() -> None:
    pass


async def handler(msg: Msg) -> None:
    await msg.respond(msg.data)


async def main() -> None:
    nc = await nats.connect(
        ["nats://127.0.0.1:4222"],
        name="typed",
        error_cb=on_error,
        closed_cb=on_change,
        max_reconnect_attempts=-1,
        connect_timeout=2.5,
        outbound_policy="wait",
    )
    assert_type(nc, Client)
    assert_type(await nc.subscribe("a", cb=handler), Subscription)
    sub = await nc.subscribe("a", "queue", pending_msgs_limit=4, overflow="drop_oldest")
    assert_type(await sub.next_msg(timeout=1.5), Msg)
    assert_type(await sub.take(10), list[Msg])
    async for msg in sub.messages:
        assert_type(msg, Msg)
        assert_type(msg.data, bytes)
        assert_type(msg.headers, dict[str, str] | None)
        assert_type(msg.decode_error, errors.Error | None)
    async for answer in nc.request_many("a", b"x", max_messages=3, stall=0.1):
        assert_type(answer, Msg)
    assert_type(await nc.request("a", bytearray(b"x"), timeout=1, headers={"A": "b"}), Msg)
    await nc.publish("a", memoryview(b"x"), reply="b", headers={"A": ["b", "c"]})
    assert_type(await nc.rtt(), float)
    assert_type(nc.connected_url, ParseResult | None)
    assert_type(nc.last_error, Exception | None)
    assert_type(nc.is_connected, bool)
    try:
        await nc.flush(timeout=1)
    except errors.Error as error:
        assert_type(error.code, int)
        assert_type(error.name, str)
    await nc.publish(7)  # type: ignore[arg-type]


def blocking() -> None:
    nc = sync.connect("nats://127.0.0.1:4222", user="u", password="p")
    sub = nc.subscribe("a")
    assert_type(sub.next_msg(timeout=None).data, bytes)
    assert_type(nc.request("a").data, bytes)
    assert_type(nc.rtt(), float)


async def streams(nc: nats.NATS) -> None:
    js = nc.jetstream(domain="hub", timeout=2.5)
    assert_type(js, JetStream)
    assert_type(await js.stream_create(name="S", subjects=["s.>"], max_age=1), dict[str, Any])
    assert_type(await js.stream_info(stream="S", deleted_details=True), dict[str, Any])
    await js.consumer_create(stream="S", config={"durable_name": "c"})
    assert_type(await js.publish("s", b"x", {"A": "b"}, msg_id="1", ttl=60), PubAck)
    messages = await js.fetch("S", "c", 5, expires=1.5, no_wait=True)
    assert_type(messages, list[Msg])
    assert_type(messages[0].metadata, Metadata)
    assert_type(messages[0].metadata.timestamp_ns, int)
    await messages[0].nak(delay=1.5)
    await messages[1].ack_sync(timeout=1)
    await js.ack_all(messages[2:])
    assert_type(await js.consume("S", "c", handler, max_messages=10), Subscription)
    ordered = await js.consume_ordered("S", handler, deliver_policy="new", filter_subjects=["s"])
    assert_type(ordered, Subscription)
    assert_type(await js.consume_pushed("S", "p", pending_messages=1), Subscription)
    assert_type(await js.consume_group("S", "g", "m", handler, expires=5.0), Subscription)
    batch = js.batch(kind="fast", flow=10)
    assert_type(batch, Batch)
    assert_type(await batch.add("s", b"x", {"A": "b"}, msg_id="1"), None)
    assert_type(await batch.state(), dict[str, Any])
    assert_type(await batch.commit("s"), PubAck)
    future = await js.publish_async("s", b"x", msg_id="1")
    assert_type(await future, PubAck)
    assert_type(js.publish_async_pending(), int)
    js.batch(kind="slow")  # type: ignore[arg-type]
    try:
        await js.account_info()
    except errors.JetStreamError as error:
        assert_type(error.err_code, int)
        assert_type(error.description, str)
    await js.stream_info()  # type: ignore[call-arg]
    await js.stream_purge(stream="S", keep="x")  # type: ignore[arg-type]
    await js.publish("s", b"", mgs_id="1")  # type: ignore[call-arg]
    blocking_js = sync.connect().jetstream()
    assert_type(blocking_js.publish("s").seq, int)
    assert_type(blocking_js.fetch("S", "c")[0].ack(), None)
    assert_type(blocking_js.consume("S", "c").take(1), list[sync.Msg])
    assert_type(blocking_js.consume_ordered("S").next_msg(), sync.Msg)
    assert_type(blocking_js.batch().close(), PubAck)
    with blocking_js.publisher(window=10) as publisher:
        publisher.publish("s", b"x", token=1, msg_id="1")
        assert_type(publisher.take(), list[tuple[int, PubAck | errors.Error]])


class Upper:
    """A codec of keys."""

    def encode(self, key: str) -> str:
        return key.upper()

    def decode(self, stored: str) -> str:
        return stored.lower()


async def on_key(entry: Entry | None) -> None:
    pass


async def buckets(js: JetStream) -> None:
    kv = await js.create_key_value(bucket="b", history=5, ttl=2.5)
    assert_type(kv, KeyValue)
    assert_type(await js.update_key_value({"bucket": "b"}), KeyValue)
    assert_type(await js.key_value("b", read_only=True, key_codecs="base64"), KeyValue)
    assert_type(await kv.put("k", b"v", msg_ttl=60), int)
    assert_type(await kv.create("k", bytearray(b"v")), int)
    assert_type(await kv.update("k", b"v", last=1), int)
    assert_type(await kv.modify("k", lambda entry: entry and entry.value + b"."), int | None)
    entry = await kv.get("k")
    assert_type(entry, Entry)
    assert_type(entry.value, bytes)
    assert_type(entry.created, datetime)
    assert_type(entry.operation, str | None)
    assert_type(await kv.get_many(["k"]), list[Entry | None])
    assert_type(await kv.keys(["a.*"]), list[str])
    assert_type(await kv.history("k"), list[Entry])
    assert_type(await kv.status(), BucketStatus)
    watcher: KeyValue.KeyWatcher = await kv.watch("a.>", on_key, include_history=True)
    assert_type(watcher, KeyWatcher)
    assert_type(await watcher.updates(timeout=None), Entry | None)
    async for update in watcher:
        assert_type(update, Entry | None)
    cache = await kv.with_codecs(keys=Upper()).cache()
    assert_type(cache, KvCache)
    assert_type(cache.get("k"), Entry | None)
    await kv.watch("a", ignore_delete=True)  # type: ignore[call-arg]
    await kv.put("k", "text")  # type: ignore[arg-type]
    await js.key_value("b", readonly=True)  # type: ignore[call-arg]
    there = sync.connect().jetstream().create_key_value(bucket="b")
    assert_type(there.put("k", b"v"), int)
    for told in there.watch():
        assert_type(told, Entry | None)
    assert_type(there.cache().keys(), list[str])


def on_object(update: ObjectInfo | None) -> None: ...


async def objects(js: JetStream) -> None:
    store = await js.create_object_store("b", ttl=60)
    assert_type(store, ObjectStore)
    meta = ObjectMeta(description="d", headers={"A": ["1", "2"]}, max_chunk_size=1024)
    assert_type(await store.put("x", b"data", meta, on_progress, previous=0), ObjectInfo)
    got = await store.get("x", offset=2, length=10)
    assert_type(got, ObjectResult)
    assert_type(got.data, bytes)
    assert_type(got.info.headers, Mapping[str, list[str]])
    assert_type(got.info.link, ObjectLink | None)
    assert_type(await store.put_file("x", Path("x")), ObjectInfo)
    assert_type(await store.list(ignore_deletes=False), list[ObjectInfo])
    assert_type(await store.add_link("y", got.info), ObjectInfo)
    assert_type(await store.seal(), ObjectStoreStatus)
    async with await store.open_writer("x", window_bytes=1024) as writer:
        assert_type(writer, ObjectWriter)
        await writer.write(memoryview(b""))
    async for chunk in await store.open_reader("x", nuid="n"):
        assert_type(chunk, bytes)
    watcher = await store.watch(on_object, updates_only=True)
    async for update in watcher:
        assert_type(update, ObjectInfo | None)
    await store.watch(ignore_delete=True)  # type: ignore[call-arg]
    await store.get("x", ofset=1)  # type: ignore[call-arg]
    there = sync.connect().jetstream().create_object_store(bucket="b")
    assert_type(there.put("x", "text"), ObjectInfo)
    assert_type(there.open_reader("x").read(5), bytes)
    for told in there.watch():
        assert_type(told, ObjectInfo | None)


def on_progress(so_far: int, total: int | None) -> None: ...


async def answer(request: Request) -> None:
    assert_type(request.data, bytes)
    assert_type(request.headers, Mapping[str, str] | None)
    await request.respond(b"", {"A": "1"})
    await request.respond_error("400", "no", b"", headers={"A": "1"})


async def services(nc: Client) -> None:
    service = await nc.add_service(name="s", version="1.0.0", stats_handler=lambda stats: stats.name)
    assert_type(service, Service)
    assert_type(await micro.add_service(nc, ServiceConfig("s", "1.0.0")), Service)
    endpoint = await service.add_endpoint(name="e", handler=answer, subject="a.>", metadata={})
    assert_type(endpoint.subscription, Subscription)
    group = service.add_group(name="g", queue_group="q")
    await group.add_endpoint(EndpointConfig("e", answer))
    assert_type(service.info(), ServiceInfo)
    assert_type(service.stats().started, datetime)
    assert_type(service.stats().endpoints, list[EndpointStats])
    assert_type(service.stopped.is_set(), bool)
    assert_type(await service.stopped.wait(), bool)
    assert_type(ServiceError.of(await nc.request("e")), ServiceError | None)
    async for info in await nc.discover("info", name="s"):
        assert_type(info, ServiceInfo)
    assert_type(await (await nc.discover(stall=0.1)).all(), list[ServicePing])
    await nc.discover("pong")  # type: ignore[call-overload]
    await nc.add_service(name="s", versoin="1")  # type: ignore[call-arg]
    await service.add_endpoint(name="e", handler=answer, subjekt="a")  # type: ignore[call-arg]
    there = sync.connect().add_service(name="s", version="1.0.0")
    there.add_endpoint(name="e", handler=lambda request: request.respond(request.data))
    there.add_endpoint(name="e", handler=answer)  # type: ignore[arg-type]
    assert_type(there.stopped.wait(timeout=1.5), bool)
    for stats in sync.connect().discover("stats"):
        assert_type(stats, ServiceStats)


def keys() -> None:
    account, user = nkeys.create_account(), nkeys.from_seed(b"SU")
    assert_type(user, nkeys.KeyPair)
    assert_type(user.public_key, bytes)
    assert_type(user.sign(b"nonce"), bytes)
    assert_type(nkeys.from_public_key("U").verify(b"nonce", b""), bool)
    token = jwt.encode_user(user, account, name="joe", publish_allow=["a.>"], expires=2e9)
    assert_type(token, str)
    assert_type(jwt.encode_account(account, nkeys.create_operator(), connections=3), str)
    assert_type(jwt.decode(token), dict[str, Any])
    assert_type(jwt.parse_creds(jwt.format_creds(token, user)).key, nkeys.KeyPair)
    jwt.encode_user(user, account, publish_alow=[])  # type: ignore[call-arg]
    jwt.encode_user(user, account, payload="x")  # type: ignore[arg-type]


callback: Callable[[Msg], Awaitable[Any]] = handler
