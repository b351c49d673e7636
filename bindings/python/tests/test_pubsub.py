"""Publishing, subscribing, and the ends of subscriptions."""

from __future__ import annotations

import asyncio
import struct
import threading
from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import EAGER, WAIT, Events, Latch, behaviour, dial, fails, lose, regain, taking


async def expect_end(sub: Any, name: str) -> None:
    with fails(name):
        await sub.next_msg(WAIT)
    with fails(name):
        await sub.take(4, timeout=WAIT)


@behaviour("pubsub-01")
async def test_payloads_arrive_byte_for_byte(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.1")
        pattern = bytes(i * 31 & 255 for i in range(251)) * (nc.max_payload // 251 + 1)
        payloads = (b"", b"a\0b\r\nMSG x 1 0\r\n\r\n", pattern[:65536], pattern[: nc.max_payload])
        for payload in payloads:
            await nc.publish("py.pubsub.1", payload)
            msg = await sub.next_msg(WAIT)
            assert msg.data == payload and type(msg.data) is bytes
            assert (msg.subject, msg.reply, msg.headers) == ("py.pubsub.1", "", None)
            assert msg.status is None and msg.decode_error is None


@behaviour("pubsub-02")
async def test_order_of_100_000(url: str) -> None:
    async with dial(url) as nc, dial(url) as other:
        sub = await nc.subscribe("py.pubsub.2", pending_msgs_limit=0)
        await nc.flush()

        async def publish() -> None:
            for number in range(100_000):
                await other.publish("py.pubsub.2", struct.pack("<I", number))

        publisher = asyncio.create_task(publish())
        expected = 0
        async for msg in sub.messages:
            assert struct.unpack("<I", msg.data) == (expected,)
            expected += 1
            if expected == 100_000:
                break
        await publisher


@behaviour("pubsub-03")
async def test_wildcards(url: str) -> None:
    async with dial(url) as nc:
        star = await nc.subscribe("py.pubsub.3.*.end")
        tail = await nc.subscribe("py.pubsub.3.>")
        await nc.publish("py.pubsub.3", b"none")
        await nc.publish("py.pubsub.3.a.end", b"both")
        await nc.publish("py.pubsub.3.a.b.end", b"tail")
        await nc.flush()
        assert [msg.data for msg in await star.take(9)] == [b"both"]
        assert [msg.data for msg in await tail.take(9)] == [b"both", b"tail"]


@behaviour("pubsub-04")
async def test_queue_groups(url: str) -> None:
    async with dial(url) as nc:
        members, alone = [0, 0], Latch()

        async def first(_: Any) -> None:
            members[0] += 1

        async def second(_: Any) -> None:
            members[1] += 1

        async def count(_: Any) -> None:
            alone.add()

        sub = await nc.subscribe("py.pubsub.4", "workers", first)
        await nc.subscribe("py.pubsub.4", queue="workers", cb=second)
        await nc.subscribe("py.pubsub.4", cb=count)
        assert (sub.queue, sub.subject) == ("workers", "py.pubsub.4")
        for _ in range(200):
            await nc.publish("py.pubsub.4")
        await alone.wait(200)
        await nc.drain()
        assert sum(members) == 200 and min(members) > 0


@behaviour("pubsub-05")
async def test_reply_and_respond(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.5")
        answers = await nc.subscribe("py.pubsub.5.answers")
        await nc.publish("py.pubsub.5", b"x", reply="py.pubsub.5.answers")
        msg = await sub.next_msg(WAIT)
        assert msg.reply == "py.pubsub.5.answers"
        await msg.respond(b"answer")
        assert (await answers.next_msg(WAIT)).data == b"answer"
        await nc.publish("py.pubsub.5", b"x")
        with fails("NO_REPLY"):
            await (await sub.next_msg(WAIT)).respond(b"y")


@behaviour("pubsub-06")
async def test_unsubscribe(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.6")
        await nc.publish("py.pubsub.6", b"x")
        await nc.flush()
        await sub.unsubscribe()
        await sub.unsubscribe()
        await nc.publish("py.pubsub.6", b"y")
        await nc.flush()
        await expect_end(sub, "SUBSCRIPTION_CLOSED")
        assert [msg async for msg in sub.messages] == []


@behaviour("pubsub-07")
async def test_max_msgs(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.7", max_msgs=3)
        other = await nc.subscribe("py.pubsub.7")
        await other.unsubscribe(limit=3)
        for _ in range(10):
            await nc.publish("py.pubsub.7", b"x")
        await nc.flush()
        for _ in range(3):
            assert (await sub.next_msg(WAIT)).data == b"x"
        await expect_end(sub, "SUBSCRIPTION_ENDED")
        assert len([msg async for msg in other.messages]) == 3


@behaviour("pubsub-08")
async def test_a_limit_counts_what_was_received_before(url: str) -> None:
    async with dial(url) as nc:
        for limit in (1, 3):
            sub = await nc.subscribe("py.pubsub.8")
            for _ in range(2):
                await nc.publish("py.pubsub.8", b"x")
            for _ in range(2):
                await sub.next_msg(WAIT)
            await sub.unsubscribe(limit)
            for _ in range(5):
                await nc.publish("py.pubsub.8", b"y")
            if limit == 3:
                assert (await sub.next_msg(WAIT)).data == b"y"
            await expect_end(sub, "SUBSCRIPTION_ENDED")


@behaviour("pubsub-09")
async def test_a_limit_counts_across_a_reconnect(harness: Harness, events: Events) -> None:
    server = harness.server()
    async with dial(server.url, **EAGER, **events.options) as nc:
        sub = await nc.subscribe("py.pubsub.9", max_msgs=3)
        for _ in range(2):
            await nc.publish("py.pubsub.9", b"x")
        for _ in range(2):
            await sub.next_msg(WAIT)
        await lose(server, events)
        await regain(server, events)
        for _ in range(5):
            await nc.publish("py.pubsub.9", b"y")
        assert (await sub.next_msg(WAIT)).data == b"y"
        await expect_end(sub, "SUBSCRIPTION_ENDED")


@behaviour("pubsub-10")
async def test_more_than_max_payload(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.10")
        most = bytes(nc.max_payload)
        with fails("MAX_PAYLOAD") as caught:
            await nc.publish("py.pubsub.10", most + b"x")
        assert isinstance(caught.value, errors.MaxPayloadError)
        with fails("MAX_PAYLOAD"):
            await nc.publish("py.pubsub.10", most, headers={"A": "b"})
        with fails("MAX_PAYLOAD"):
            await nc.request("py.pubsub.10", most + b"x")
        assert nc.stats["out_msgs"] == 0
        await nc.publish("py.pubsub.10", b"still works")
        assert (await sub.next_msg(WAIT)).data == b"still works"


@behaviour("pubsub-11")
async def test_a_max_payload_that_the_server_lowers(harness: Harness) -> None:
    info = 'INFO {"headers":true,"max_payload":100}\r\n'
    fake = harness.fake("handshake", {"expect": "SUB "}, {"send": info}, "serve")
    async with dial(fake.url) as nc:
        await nc.publish("a", bytes(101))
        await nc.subscribe("x")  # to which the server reacts
        await nc.flush()
        assert nc.max_payload == 100
        await nc.publish("a", bytes(100))
        with fails("MAX_PAYLOAD"):
            await nc.publish("a", bytes(101))


@behaviour("pubsub-12")
async def test_next_msg_waits_as_long_as_told(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.12")
        with taking(0.05), fails("TIMEOUT") as caught:
            await sub.next_msg(timeout=0.05)
        assert isinstance(caught.value, (asyncio.TimeoutError, errors.TimeoutError))
        with fails("TIMEOUT"):
            await sub.next_msg(timeout=0)
        await nc.publish("py.pubsub.12", b"x")
        assert (await sub.next_msg(timeout=WAIT)).data == b"x"
        waiting = asyncio.create_task(sub.next_msg(timeout=None))
        await asyncio.sleep(0)
        await nc.publish("py.pubsub.12", b"y")
        assert (await waiting).data == b"y"


@behaviour("pubsub-13")
async def test_take_gives_what_is_there(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.13")
        with fails("TIMEOUT"):
            await sub.take(8, timeout=0.01)
        for number in range(10):
            await nc.publish("py.pubsub.13", b"%d" % number)
        await nc.flush()
        got = [[int(msg.data) for msg in await sub.take(8)] for _ in range(2)]
        assert got == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]
        for wrong in (0, -1):
            with pytest.raises((ValueError, errors.Error)):
                await sub.take(wrong)


@behaviour("pubsub-14")
async def test_many_tasks_take_from_one_subscription(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.14", max_msgs=1000)
        seen: list[int] = []

        async def iterate() -> None:
            async for msg in sub.messages:
                seen.append(int(msg.data))
                await asyncio.sleep(0)

        async def take_next() -> None:
            with fails("SUBSCRIPTION_ENDED"):
                while True:
                    seen.append(int((await sub.next_msg(WAIT)).data))

        tasks = [asyncio.create_task(iterate()) for _ in range(4)]
        tasks += [asyncio.create_task(take_next()) for _ in range(4)]
        for number in range(1000):
            await nc.publish("py.pubsub.14", b"%d" % number)
        async with asyncio.timeout(WAIT):
            await asyncio.gather(*tasks)
        assert sorted(seen) == list(range(1000))


def whole(msg: Any, following: list[int]) -> None:
    """The message is as it was published, and the next one of its publisher."""
    number, index = struct.unpack_from("<BI", msg.data)
    assert index == following[number]
    assert msg.data[5:] == bytes([number]) * (index % 195)
    following[number] += 1


@behaviour("pubsub-15")
@pytest.mark.parametrize("by", ["tasks", "threads"])
async def test_eight_publish_over_one_connection(url: str, by: str) -> None:
    def payload(number: int, index: int) -> bytes:
        return struct.pack("<BI", number, index) + bytes([number]) * (index % 195)

    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.15")

        async def publish(number: int) -> None:
            for index in range(1000):
                await nc.publish("py.pubsub.15", payload(number, index))
                if by == "tasks":
                    await asyncio.sleep(0)

        # From another thread a publish that finds room needs no event loop at all.
        def drive(number: int) -> None:
            publishing = publish(number)
            with pytest.raises(StopIteration):
                publishing.send(None)

        if by == "tasks":
            await asyncio.gather(*(publish(number) for number in range(8)))
        else:
            threads = [threading.Thread(target=drive, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        following = [0] * 8
        for _ in range(8000):
            whole(await sub.next_msg(WAIT), following)
        assert following == [1000] * 8


@behaviour("pubsub-16")
async def test_flush_and_rtt(url: str) -> None:
    async with dial(url) as nc, dial(url) as other:
        sub = await other.subscribe("py.pubsub.16")
        await other.flush()
        for _ in range(1000):
            await nc.publish("py.pubsub.16", b"x")
        await nc.flush()
        await other.flush()  # so what the server had is here now
        assert sub.pending_msgs == 1000 and sub.pending_bytes >= 1000
        assert 0 < await nc.rtt() < WAIT
        for call in (nc.flush, nc.rtt):
            for timeout in (0, -1, float("nan")):
                with pytest.raises(errors.Error):
                    await call(timeout)


@behaviour("pubsub-17")
async def test_ten_thousand_subscriptions(url: str) -> None:
    async with dial(url) as nc:
        subjects = [f"py.pubsub.17.{number}" for number in range(10_000)]
        subs = [await nc.subscribe(subject) for subject in subjects]
        for subject in subjects:
            await nc.publish(subject, subject.encode())
        for subject, sub in zip(subjects, subs, strict=True):
            assert (await sub.next_msg(WAIT)).data.decode() == subject


async def test_payloads_of_every_buffer_type(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.pubsub.buffers")
        bytes_with_nul = b"a\0b\0"
        for payload in (
            bytearray(bytes_with_nul),
            memoryview(bytes_with_nul),
            memoryview(b"-a\0b\0-")[1:-1],
            memoryview(b"a-\0-b-\0-")[::2],
        ):
            await nc.publish("py.pubsub.buffers", payload)
            assert (await sub.next_msg(WAIT)).data == bytes_with_nul
        for wrong in (None, 7, 1.5, object(), ["a"]):
            with pytest.raises(TypeError):
                await nc.publish("py.pubsub.buffers", wrong)
        changing = bytearray(b"before")
        await nc.publish("py.pubsub.buffers", changing)
        changing[:] = b"after!"
        assert (await sub.next_msg(WAIT)).data == b"before"


async def test_future_subscription(url: str) -> None:
    async with dial(url) as nc:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        sub = await nc.subscribe("py.pubsub.future", future=future)
        await nc.publish("py.pubsub.future", b"one")
        await nc.publish("py.pubsub.future", b"two")
        assert (await asyncio.wait_for(future, WAIT)).data == b"one"
        with pytest.raises(errors.Error):
            _ = sub.messages
        await nc.flush()


async def test_properties_of_a_client(url: str) -> None:
    nc = nats.NATS()
    assert not nc.is_connected and not nc.is_closed and nc.connected_url is None
    with pytest.raises(errors.Error):
        await nc.publish("a")
    await nc.connect(url)
    assert nc.is_connected and nc.last_error is None and nc.pending_data_size >= 0
    assert [server.geturl() for server in nc.servers] == [url]
    assert nc.discovered_servers == []
    assert not (nc.is_connecting or nc.is_reconnecting or nc.is_draining or nc.is_draining_pubs)
    await nc.close()
    assert nc.is_closed and not nc.is_connected and nc.connected_url is None
