"""Arguments that are not acceptable: values by their code, types as TypeError."""

from __future__ import annotations

from typing import Any

import nats_ffi as nats
import pytest
from harness import Harness
from nats_ffi import errors
from support import WAIT, behaviour, dial, fails

BAD = ["", ".", "a..b", ".a", "a.", "a b", " ", "a\tb", "a\rb", "a\nb", "a\r\nPUB x 0\r\n", "a\0b"]
WILD = ["*", ">", "a.*", "a.>", "a.*.b"]


@behaviour("arguments-01")
async def test_subjects_to_publish_to(harness: Harness) -> None:
    fake = harness.fake("handshake", "serve")
    async with dial(fake.url) as nc:
        for subject in (*BAD, *WILD):
            with fails("INVALID_SUBJECT") as caught:
                await nc.publish(subject, b"x")
            assert isinstance(caught.value, errors.BadSubjectError)
            with fails("INVALID_SUBJECT"):
                await nc.request(subject, b"x")
            with fails("INVALID_SUBJECT"):
                await nc.publish(subject, b"x", headers={"A": "b"})
            with fails("INVALID_SUBJECT"):
                async for _ in nc.request_many(subject):
                    pass
            if subject:  # an empty reply is no reply
                with fails("INVALID_SUBJECT"):
                    await nc.publish("a", b"x", reply=subject)
        await nc.publish("good", b"x")
        await nc.flush()
        sent = fake.received().split("PUB ", 1)[1]
        assert sent.startswith("good 1\r\n") and "PUB" not in sent


@behaviour("arguments-02")
async def test_subjects_to_subscribe_to(url: str) -> None:
    async with dial(url) as nc:
        for subject in (*BAD, "a.>.b", ">.a"):
            with fails("INVALID_SUBJECT"):
                await nc.subscribe(subject)
        for queue in ("a b", "a\r\nPING", "a\tb", "a\0b"):
            with fails("INVALID_QUEUE_GROUP") as caught:
                await nc.subscribe("a", queue)
            assert isinstance(caught.value, errors.BadSubjectError)
        await nc.flush()


@behaviour("arguments-03")
async def test_everything_after_close(url: str) -> None:
    nc = await nats.connect(url)
    sub = await nc.subscribe("py.args.3")
    await nc.publish("py.args.3", b"x", reply="a")
    msg = await sub.next_msg(WAIT)
    await nc.close()

    async def many() -> None:
        async for _ in nc.request_many("a"):
            pass

    for call in (
        nc.publish("a"),
        nc.publish("a", b"", headers={"A": "b"}),
        nc.request("a"),
        nc.request("a", old_style=True),
        many(),
        nc.subscribe("a"),
        nc.flush(),
        nc.rtt(),
        nc.drain(),
        nc.force_reconnect(),
        sub.next_msg(),
        sub.take(1),
        sub.drain(),
        sub.unsubscribe(),
        msg.respond(b"x"),
    ):
        with fails("CONNECTION_CLOSED"):
            await call
    assert [msg async for msg in sub.messages] == []
    assert nc.is_closed and nc.stats["out_msgs"] == 1 and nc.max_payload > 0
    assert repr(nc) and repr(sub) and repr(msg)
    await nc.close()


@behaviour("arguments-04")
async def test_a_subject_longer_than_a_control_line(url: str) -> None:
    async with dial(url) as nc:
        for call in (nc.publish("a" * 8191, b"x"), nc.subscribe("a" * 8191)):
            with fails("INVALID_SUBJECT"):
                await call
        await nc.flush()
        assert nc.stats["out_msgs"] == 0 and nc.stats["reconnects"] == 0


WRONG: list[Any] = [None, 7, 1.5, b"bytes", object(), ["a"], {"a": 1}]


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_types(url: str, wrong: Any) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.args.types")
        for call in (
            lambda: nc.publish(wrong, b"x"),
            lambda: nc.subscribe(wrong),
            lambda: nc.request(wrong),
            lambda: nc.request("a", timeout=wrong) if wrong not in (None, 7, 1.5) else bad(),
            lambda: nc.flush(wrong) if wrong not in (7, 1.5) else bad(),
            lambda: sub.unsubscribe(wrong) if wrong != 7 else bad(),
            lambda: sub.take(wrong) if wrong != 7 else bad(),
            lambda: nc.publish("a", headers=wrong) if wrong not in (None, {}) else bad(),
        ):
            with pytest.raises(TypeError):
                await call()
        await nc.publish("py.args.types", b"still works")
        assert (await sub.next_msg(WAIT)).data == b"still works"


async def bad() -> None:
    """In place of a call that the value is right for."""
    raise TypeError


async def test_wrong_types_name_the_argument(url: str) -> None:
    async with dial(url) as nc:
        with pytest.raises(TypeError, match="subject"):
            await nc.publish(7)
        with pytest.raises(TypeError, match="payload"):
            await nc.publish("a", 7)
        with pytest.raises(TypeError, match="reply"):
            await nc.publish("a", b"", reply=7)
        with pytest.raises(TypeError, match="headers"):
            await nc.publish("a", b"", headers=7)
        with pytest.raises(TypeError, match="queue"):
            await nc.subscribe("a", queue=7)
        with pytest.raises((TypeError, errors.Error), match="cb|callback"):
            await nc.subscribe("a", cb=7)
        with pytest.raises(TypeError, match="future"):
            await nc.subscribe("a", future=7)


async def test_surrogates_cannot_be_sent(url: str) -> None:
    async with dial(url) as nc:
        for call in (nc.publish("a\udcff"), nc.subscribe("a\udcff"), nc.request("a\udcff")):
            with pytest.raises((errors.BadSubjectError, UnicodeEncodeError)):
                await call
        with pytest.raises((errors.BadHeaderError, UnicodeEncodeError)):
            await nc.publish("a", headers={"A": "\udcff"})


async def test_lenient_subjects(url: str) -> None:
    for option in ({"lenient_subjects": True}, {"skip_subject_validation": True}):
        async with dial(url, **option) as nc:
            await nc.publish("a.*", b"x")
            for subject in ("", "a b", "a\tb", "a\r\nPING"):
                with fails("INVALID_SUBJECT"):
                    await nc.publish(subject, b"x")
            await nc.flush()


async def test_messages_of_ones_own(url: str) -> None:
    async with dial(url) as nc:
        sub = await nc.subscribe("py.args.own")
        msg = nats.aio.msg.Msg(nc, subject="s", reply="py.args.own", data=b"d", headers={"A": "b"})
        assert (msg.subject, msg.reply, msg.data) == ("s", "py.args.own", b"d")
        assert msg.headers == {"A": "b"}
        await msg.respond(b"answer")
        assert (await sub.next_msg(WAIT)).data == b"answer"
        with fails("NO_REPLY"):
            await nats.aio.msg.Msg(nc).respond(b"x")


def test_an_error_for_every_code() -> None:
    by_name = {cls.__name__: cls for cls in vars(errors).values() if isinstance(cls, type)}
    assert issubclass(by_name["TimeoutError"], errors.Error)
    peers = (
        "TimeoutError NoRespondersError StaleConnectionError OutboundBufferLimitError "
        "UnexpectedEOF FlushTimeoutError ConnectionClosedError SecureConnRequiredError "
        "SecureConnWantedError SecureConnFailedError BadSubscriptionError BadSubjectError "
        "BadHeaderError SlowConsumerError BadTimeoutError AuthorizationError NoServersError "
        "JsonParseError MaxPayloadError DrainTimeoutError ConnectionDrainingError "
        "ConnectionReconnectingError InvalidUserCredentialsError InvalidCallbackTypeError "
        "ProtocolError"
    )
    for name in peers.split():
        assert issubclass(by_name[name], errors.Error), name
    codes = {cls.code for cls in by_name.values() if isinstance(getattr(cls, "code", None), int)}
    assert set(range(1, 40)) <= codes
