"""Objects and services that this client and nats-py use together."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from nats import micro as their_micro
from nats.js import api
from nats.js import errors as their_errors
from nats.micro.request import ServiceError as TheirError
from nats.micro.service import ServiceInfo as TheirInfo
from nats.micro.service import ServicePing as TheirPing
from nats.micro.service import ServiceStats as TheirStats
from nats_ffi.aio.object import ObjectMeta
from nats_ffi.aio.service import ServiceError
from objects import chunked, content, made, messages
from services import asked, echo, error_of
from support import WAIT, behaviour, dial, fails
from test_interop import both


@behaviour("object-45")
async def test_objects_of_nats_py_are_read_here(js_url: str) -> None:
    async with both(js_url) as (js, theirs_js):
        their = await theirs_js.create_object_store(bucket="o_theirs", storage="memory")
        data = content(300_000)
        await their.put("large", data)
        meta = api.ObjectMeta(
            description="ä letter",
            headers={"Kind": ["a", "b"]},
            options=api.ObjectMetaOptions(max_chunk_size=4),
        )
        await their.put("weiß/?", io.BytesIO(b"Dear all"), meta)
        await their.put("gone", b"x")
        await their.delete("gone")

        store = await js.object_store("o_theirs")
        got = await store.get("large")
        assert (got.data, got.info.chunks) == (data, 3)
        assert (await store.get("large", offset=131_070, length=5)).data == data[131_070:131_075]
        got = await store.get("weiß/?")
        assert (got.data, got.info.chunks, got.info.max_chunk_size) == (b"Dear all", 2, 4)
        assert (got.info.description, got.info.headers) == ("ä letter", {"Kind": ["a", "b"]})
        with fails("OBJECT_NOT_FOUND"):
            await store.get("gone")
        assert [info.name for info in await store.list()] == ["large", "weiß/?"]
        watcher = await store.watch()
        assert [info and info.name for info in [await watcher.updates() for _ in "abcd"]] == [
            "large",
            "weiß/?",
            "gone",
            None,
        ]
        # What it has is changed here, and goes on there.
        await store.update_meta("large", ObjectMeta(description="now"))
        assert (await their.get_info("large")).description == "now"
        await store.put("weiß/?", b"again")
        assert (await their.get("weiß/?")).data == b"again"
        await their.put("large", b"small")
        info = await watcher.updates(WAIT)
        assert info and info.description == "now"
        assert (await store.get("large")).data == b"small"
        await store.delete("large")
        with pytest.raises(their_errors.ObjectNotFoundError):
            await their.get("large")
        assert await messages(store) == 3 + 1, "two are deleted"
        await their.seal()
        assert (await store.status()).sealed
        with fails("JETSTREAM"):
            await store.put("x", b"x")
        await js.delete_object_store("o_theirs")
        with pytest.raises(their_errors.NotFoundError):
            await theirs_js.object_store("o_theirs")


@behaviour("object-45")
async def test_objects_of_ours_are_read_by_nats_py(js_url: str) -> None:
    async with both(js_url) as (js, theirs_js):
        store, other = await made(js, "o_ours"), await made(js, "o_other")
        data = content(300_000)
        await store.put("large", io.BytesIO(data))
        meta = chunked(4, description="ä letter", headers={"Kind": "a"}, metadata={"k": "v"})
        put = await store.put("weiß/?", "Dear all", meta)
        await store.put("empty")
        await store.add_link("link", await other.put("far", b"far"))
        await store.add_bucket_link("bucket", other)
        await store.put("gone", b"x")
        await store.delete("gone")

        their = await theirs_js.object_store("o_ours")
        assert (await their.get("large")).data == data
        sink = io.BytesIO()
        await their.get("large", writeinto=sink)
        assert sink.getvalue() == data
        got = await their.get("weiß/?")
        assert (got.data, got.info.nuid, got.info.digest) == (b"Dear all", put.nuid, put.digest)
        assert (got.info.chunks, got.info.options.max_chunk_size) == (2, 4)
        assert (got.info.description, got.info.headers) == ("ä letter", {"Kind": ["a"]})
        assert (await their.get("empty")).data == b""
        assert (await their.get("link")).data == b"far"
        with pytest.raises(their_errors.LinkIsABucketError):
            await their.get("bucket")
        with pytest.raises(their_errors.ObjectNotFoundError):
            await their.get("gone")
        names = [info.name for info in await their.list(ignore_deletes=True)]
        assert names == ["large", "weiß/?", "empty", "link", "bucket"]
        watcher = await their.watch()
        told = [await watcher.updates(timeout=WAIT) for _ in range(7)]
        assert [info and info.name for info in told] == [*names, "gone", None]
        await watcher.stop()
        # They forget what they do not know.
        await their.update_meta("weiß/?", api.ObjectMeta(name="weiß/?", description="now"))
        info = await store.get_info("weiß/?")
        assert (info.description, info.nuid) == ("now", put.nuid)
        await their.delete("large")
        with fails("OBJECT_NOT_FOUND"):
            await store.get("large")
        assert (await their.status()).size == (await store.status()).size


@behaviour("service-39")
async def test_services_of_nats_py_are_found_here(js_url: str) -> None:
    async def answer(request: Any) -> None:
        if request.data == b"odd":
            raise TheirError("400", "no good")
        if request.data == b"twice":
            await request.respond_error("409", "taken", b"data", {"A": "1"})
        else:
            await request.respond(request.data * 2, {"B": "2"})

    async with both(js_url) as (js, theirs_js), dial(js_url) as nc:
        their = await their_micro.add_service(
            theirs_js._nc,
            name="theirs",
            version="1.2.3",
            description="doubles",
            metadata={"region": "north"},
        )
        group = their.add_group(name="g")
        await group.add_endpoint(name="e", handler=answer, metadata={"k": "v"})
        await theirs_js._nc.flush()

        (ping,) = await (await nc.discover("ping", name="theirs")).all()
        assert (ping.id, ping.version, ping.metadata) == (their.id, "1.2.3", {"region": "north"})
        reply = await nc.request("g.e", b"ab")
        assert (reply.data, reply.headers) == (b"abab", {"B": "2"})
        assert str(await error_of(nc, "g.e", b"odd")) == "400:no good"
        reply = await nc.request("g.e", b"twice")
        refusal = ServiceError.of(reply)
        assert refusal and (refusal.code, refusal.description) == (409, "taken")
        assert (reply.data, reply.headers and reply.headers["A"]) == (b"data", "1")
        (info,) = await (await nc.discover("info", name="theirs", id=their.id)).all()
        assert info.description == "doubles"
        (endpoint,) = info.endpoints
        assert (endpoint.name, endpoint.subject, endpoint.queue_group) == ("e", "g.e", "q")
        assert endpoint.metadata == {"k": "v"}
        (stats,) = await (await nc.discover("stats", name="theirs")).all()
        assert (stats.endpoints[0].num_requests, stats.endpoints[0].num_errors) == (3, 1)
        assert stats.endpoints[0].last_error == "400:no good"
        await their.stop()
        await theirs_js._nc.flush()
        assert await (await nc.discover("ping", name="theirs")).all() == []


@behaviour("service-39")
async def test_services_of_ours_are_found_by_nats_py(js_url: str) -> None:
    async with both(js_url) as (js, theirs_js), dial(js_url) as nc:
        their = theirs_js._nc
        service = await nc.add_service(
            name="ours",
            version="1.2.3",
            description="echoes",
            metadata={"region": "north"},
            stats_handler=lambda stats: {"asked": stats.num_requests},
        )
        group = service.add_group(name="g")
        await group.add_endpoint(name="e", handler=echo, metadata={"k": "v"})
        await nc.flush()

        async def told(verb: str) -> Any:
            return json.loads(await asked(their, f"$SRV.{verb}.ours"))

        ping = TheirPing.from_dict(await told("PING"))
        assert (ping.id, ping.version, ping.metadata) == (service.id, "1.2.3", {"region": "north"})
        assert await asked(their, "g.e", b"x") == b"x"
        reply = await their.request("g.e", b"bad")
        assert reply.headers == {
            "Nats-Service-Error": "no good",
            "Nats-Service-Error-Code": "400",
        }
        info = TheirInfo.from_dict(await told("INFO"))
        assert (info.id, info.description) == (service.id, "echoes")
        (endpoint,) = info.endpoints
        assert (endpoint.name, endpoint.subject, endpoint.queue_group) == ("e", "g.e", "q")
        assert endpoint.metadata == {"k": "v"}
        (counts,) = (await told("STATS"))["endpoints"]
        assert (counts["num_requests"], counts["num_errors"]) == (2, 1)
        assert (counts["last_error"], counts["data"]) == ("400:no good", {"asked": 2})
        stats = await told("STATS")
        # Theirs reads microseconds.
        started = stats["started"]
        stats["started"] = started[:26] + "Z"
        theirs = TheirStats.from_dict(stats)
        assert theirs.endpoints[0].num_requests == 2
        await service.stop()
