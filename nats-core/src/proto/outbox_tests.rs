//! What survives a lost socket, and what a full buffer does.

use super::publishing::GATHERED;
use super::*;
use crate::error::Code;
use crate::proto::headers::Headers;
use crate::proto::subject::Subject;

fn op<'a>(subject: &'a str, payload: &'a [u8]) -> PublishOp<'a> {
    let subject = Subject::new(subject).unwrap();
    PublishOp { subject, reply: None, headers: None, payload, answer: false, gathered: false }
}

fn outbox(limit: usize, policy: OutboundPolicy) -> Outbox<u32> {
    Outbox::new(limit, policy)
}

fn text(outbox: &mut Outbox<u32>) -> String {
    let mut chunk = Vec::new();
    outbox.take(&mut chunk);
    String::from_utf8(chunk).unwrap()
}

#[test]
fn a_torn_publish_is_sent_again_whole_and_a_sent_one_is_not() {
    for cut in 0..=42 {
        let mut outbox = outbox(1024, OutboundPolicy::Wait);
        outbox.up(1024, true);
        for subject in ["a", "b", "c"] {
            outbox.publish(&op(subject, b"123"), false).map(drop).unwrap();
        }
        let mut chunk = Vec::new();
        assert!(outbox.take(&mut chunk).is_some());
        assert_eq!(chunk.len(), 42);
        outbox.publish(&op("d", b"123"), false).map(drop).unwrap();
        outbox.down(&chunk, cut);
        let first = cut / 14;
        let expected: String =
            ["a", "b", "c", "d"][first..].iter().map(|s| format!("PUB {s} 3\r\n123\r\n")).collect();
        assert_eq!(text(&mut outbox), expected, "cut at {cut}");
    }
}

#[test]
fn only_publishes_survive_a_disconnect() {
    let mut outbox = outbox(1024, OutboundPolicy::Wait);
    outbox.up(1024, true);
    outbox.subscribe(1, Filter::new("x").unwrap(), None).wake();
    outbox.publish(&op("a", b"1"), false).map(drop).unwrap();
    outbox.ping(7).map(drop).unwrap();
    assert_eq!(outbox.down(&[], 0), [7]);
    assert!(outbox.subscribe(2, Filter::new("y").unwrap(), None).0.is_none());
    outbox.ping(8).map(drop).unwrap();
    assert_eq!(text(&mut outbox), "PUB a 1\r\n1\r\nPING\r\n");
    assert_eq!(outbox.pong(), Some(8));
}

#[test]
fn full_buffer_refuses_and_one_large_message_passes_an_empty_one() {
    let mut outbox = outbox(64, OutboundPolicy::Error);
    outbox.publish(&op("big", &[b'x'; 500]), false).map(drop).unwrap();
    let full = outbox.publish(&op("a", b"1"), false).unwrap_err();
    assert_eq!(full.code(), Code::OutboundFull);
    let mut chunk = Vec::new();
    outbox.take(&mut chunk);
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap_err().code(), Code::OutboundFull);
    outbox.written(chunk.len());
    outbox.publish(&op("a", b"1"), false).map(drop).unwrap();
}

#[test]
fn what_fits_the_room_is_not_refused() {
    let mut waiting = outbox(64, OutboundPolicy::Wait);
    waiting.up(100, true);
    assert_eq!(waiting.room(), Room { bytes: 64, max_payload: 100, headers: true });
    waiting.publish(&op("a", &[b'x'; 53]), false).map(drop).unwrap();
    assert_eq!(waiting.room().bytes, 0);
    assert_eq!(waiting.publish(&op("a", b""), false).unwrap_err().code(), Code::OutboundFull);
    waiting.refuse_publishes();
    text(&mut waiting);
    assert_eq!(waiting.room().bytes, 0);
    let mut dropping = outbox(64, OutboundPolicy::DropOldest);
    dropping.publish(&op("a", &[b'x'; 200]), false).map(drop).unwrap();
    assert_eq!(dropping.room().bytes, usize::MAX);
    dropping.refuse_all();
    assert_eq!(dropping.room().bytes, 0);
}

#[test]
fn drop_oldest_keeps_the_newest_and_counts() {
    let mut outbox = outbox(120, OutboundPolicy::DropOldest);
    for n in 0..100 {
        outbox.publish(&op("a", format!("{n:02}").as_bytes()), false).map(drop).unwrap();
    }
    let kept = text(&mut outbox) + &text(&mut outbox);
    assert!(kept.ends_with("99\r\n"), "{kept}");
    assert!(kept.len() <= 120);
    let left = kept.matches("PUB").count() as u64;
    assert_eq!(outbox.counters().dropped + left, 100);
}

#[test]
fn drop_oldest_refuses_nothing_while_a_block_is_stuck_in_the_socket() {
    let mut outbox = outbox(120, OutboundPolicy::DropOldest);
    let publish = |outbox: &mut Outbox<u32>, n: u32| {
        outbox.publish(&op("a", format!("{n:02}").as_bytes()), false).map(drop).unwrap();
        assert!(outbox.pending() <= 120, "{}", outbox.pending());
    };
    (0..10).for_each(|n| publish(&mut outbox, n));
    let mut stuck = Vec::new();
    assert!(outbox.take(&mut stuck).is_some() && stuck.len() <= 60);
    (10..100).for_each(|n| publish(&mut outbox, n));
    let kept = text(&mut outbox) + &text(&mut outbox);
    assert!(kept.ends_with("99\r\n"), "{kept}");
    let sent = (String::from_utf8(stuck).unwrap() + &kept).matches("PUB").count() as u64;
    assert_eq!(outbox.counters().dropped + sent, 100);
}

#[test]
fn the_driver_is_woken_once_after_it_found_nothing_and_by_every_order() {
    let mut outbox = outbox(1024, OutboundPolicy::Wait);
    outbox.register(Waker::noop(), &Arc::default());
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap(), Due::Nothing);
    let mut chunk = Vec::new();
    assert!(outbox.take(&mut chunk).is_some());
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap(), Due::Nothing, "the driver is busy");
    chunk.clear();
    assert!(outbox.take(&mut chunk).is_some() && outbox.take(&mut Vec::new()).is_none());
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap(), Due::Bell);
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap(), Due::Nothing);
    assert!(outbox.order(|orders| orders.close = true).0.is_some());
    assert!(outbox.orders().close);
}

#[test]
fn limits_of_the_server_apply_before_anything_is_written() {
    let mut outbox = outbox(1024, OutboundPolicy::Wait);
    outbox.up(4, false);
    assert_eq!(outbox.publish(&op("a", b"12345"), false).unwrap_err().code(), Code::MaxPayload);
    let headers = Headers::new();
    let mut with_headers = op("a", b"");
    with_headers.headers = Some(&headers);
    assert!(outbox.publish(&with_headers, false).is_err());
    assert_eq!(outbox.pending(), 0);
}

#[test]
fn a_closed_outbox_refuses_everything_and_counts_what_it_discards() {
    let mut outbox = outbox(1024, OutboundPolicy::Wait);
    outbox.publish(&op("a", b"1"), false).map(drop).unwrap();
    outbox.ping(1).map(drop).unwrap();
    assert_eq!(outbox.refuse_all(), [1]);
    let mut chunk = Vec::new();
    assert!(outbox.take(&mut chunk).is_some(), "what was accepted can still be written");
    outbox.down(&chunk, 0);
    assert_eq!((outbox.discard(), outbox.counters().dropped), (1, 1));
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap_err().code(), Code::ConnectionClosed);
    assert!(outbox.ping(2).is_err());
}

#[test]
fn while_draining_only_answers_are_accepted() {
    let mut outbox = outbox(1024, OutboundPolicy::Wait);
    outbox.refuse_publishes();
    assert_eq!(outbox.publish(&op("a", b"1"), false).unwrap_err().code(), Code::ConnectionDraining);
    let answer = PublishOp { answer: true, ..op("a", b"1") };
    outbox.publish(&answer, false).map(drop).unwrap();
    assert!(outbox.refuse_all().is_empty());
    assert_eq!(outbox.publish(&answer, false).unwrap_err().code(), Code::ConnectionClosed);
}

/// An outbox whose driver sleeps.
fn asleep() -> Outbox<u32> {
    let mut outbox = outbox(1024, OutboundPolicy::Wait);
    outbox.up(1024, true);
    outbox.register(Waker::noop(), &Arc::default());
    assert!(outbox.take(&mut Vec::new()).is_none());
    outbox
}

#[test]
fn others_may_write_while_the_driver_sleeps() {
    let mut outbox = asleep();
    for _ in 0..2 {
        let due = outbox.publish(&op("a", b"123"), false).unwrap();
        let mut seen = Vec::new();
        let due = outbox.offer(due, |bytes| {
            seen.extend_from_slice(bytes);
            bytes.len()
        });
        assert_eq!(due, Due::Nothing, "the driver sleeps on");
        assert_eq!((seen.as_slice(), outbox.pending()), (&b"PUB a 3\r\n123\r\n"[..], 0));
    }
    assert!(outbox.claim());
    let due = outbox.publish(&op("a", b"123"), false).unwrap();
    assert_eq!(outbox.offer(due, |_| panic!("the driver is writing")), Due::Nothing);
    assert_eq!(text(&mut outbox), "PUB a 3\r\n123\r\n");
}

#[test]
fn what_others_have_begun_to_write_the_driver_goes_on_with() {
    for begun in [0, 5] {
        let mut outbox = asleep();
        let due = outbox.publish(&op("a", b"123"), false).unwrap();
        let due = outbox.offer(due, |_| begun);
        assert_eq!(due, Due::Bell, "the driver is woken");
        outbox.publish(&op("b", b""), false).map(drop).unwrap();
        assert_eq!(outbox.claim(), begun == 0, "nothing may come in between");
        let mut chunk = Vec::new();
        assert_eq!(outbox.take(&mut chunk), Some(begun));
        assert_eq!(String::from_utf8(chunk).unwrap(), "PUB a 3\r\n123\r\nPUB b 0\r\n\r\n");
    }
}

#[test]
fn a_publish_that_was_begun_is_not_dropped_and_survives_the_socket_whole() {
    let mut outbox = asleep();
    outbox.policy = OutboundPolicy::DropOldest;
    outbox.limit = 40;
    let due = outbox.publish(&op("a", b"123"), false).unwrap();
    assert_eq!(outbox.offer(due, |_| 5), Due::Bell);
    for subject in ["b", "c", "d"] {
        outbox.publish(&op(subject, b"123"), false).map(drop).unwrap();
    }
    assert_eq!(outbox.counters().dropped, 2);
    outbox.policy = OutboundPolicy::Wait;
    outbox.down(&[], 0);
    assert_eq!(text(&mut outbox), "PUB a 3\r\n123\r\nPUB d 3\r\n123\r\n");
}

/// An outbox of the default size whose driver sleeps.
fn roomy() -> Outbox<u32> {
    let mut outbox = asleep();
    outbox.limit = 8 << 20;
    outbox.max_payload = usize::MAX;
    outbox
}

#[test]
fn publishes_gather_while_the_driver_rests_and_the_publisher_writes_a_full_block() {
    let mut outbox = roomy();
    assert!(outbox.rest());
    let payload = [b'x'; 1000];
    let mut due = Due::Nothing;
    while due == Due::Nothing {
        due = outbox.publish(&op("a", &payload), false).unwrap();
    }
    assert!(due == Due::Block && outbox.pending() >= BLOCK);
    assert_eq!(outbox.offer(due, <[u8]>::len), Due::Nothing);
    assert_eq!(outbox.pending(), 0);
    assert_eq!(outbox.publish(&op("a", b""), false).unwrap(), Due::Nothing, "it rests on");
    assert_eq!(outbox.ping(1).unwrap(), Due::Block, "anything else ends the rest");
    assert!(!asleep().rest(), "a small buffer would be full too soon");
    let mut outbox = roomy();
    assert!(outbox.rest());
    let request = PublishOp { reply: Subject::new("r").ok(), ..op("a", b"") };
    assert_eq!(outbox.publish(&request, false).unwrap(), Due::Bell, "somebody waits for it");
    assert!(!outbox.rest());
    outbox.take(&mut Vec::new());
    assert!(outbox.rest());
}

#[test]
fn a_large_payload_is_written_from_where_it_is() {
    let payload = vec![b'x'; 50_000];
    let whole = [b"PUB a 50000\r\n".as_slice(), &payload, b"\r\n"].concat();
    for written in [0, 5, 20_000, 50_014, 50_015] {
        let mut outbox = roomy();
        let write = |pieces: [&[u8]; 3]| {
            assert_eq!(pieces.concat(), whole);
            written
        };
        let due = outbox.publish_large(&op("a", &payload), false, write).unwrap();
        assert_eq!(due, if written == whole.len() { Due::Nothing } else { Due::Bell });
        assert_eq!(outbox.pending(), whole.len() - written);
        let mut chunk = Vec::new();
        let begun = outbox.take(&mut chunk);
        assert_eq!(begun, (written < whole.len()).then_some(written));
        assert!(begun.is_none() || chunk == whole);
        let busy = |_: [&[u8]; 3]| panic!("the driver is writing");
        assert!(outbox.claim());
        outbox.publish_large(&op("b", &payload), false, busy).map(drop).unwrap();
    }
}

#[test]
fn patient_publishers_wait_earlier_unless_the_network_stalls() {
    let mut outbox = roomy();
    assert!(outbox.claim());
    let payload = vec![b'x'; 10_000];
    let fill = |outbox: &mut Outbox<u32>, patient| {
        while outbox.publish(&op("a", &payload), patient).is_ok() {}
        outbox.pending()
    };
    let warm = fill(&mut outbox, true);
    assert!(warm <= WARM && warm > WARM - 11_000);
    outbox.publish(&op("a", &payload), false).map(drop).unwrap();
    outbox.stall();
    let full = fill(&mut outbox, true);
    assert!(full <= outbox.limit && full > outbox.limit - 11_000);
    let mut chunk = Vec::new();
    outbox.take(&mut chunk).unwrap();
    outbox.written(chunk.len());
    assert!(outbox.has_room() && fill(&mut outbox, true) <= WARM, "it takes something again");
    outbox.down(&[], 0);
    assert!(fill(&mut outbox, true) > WARM, "without a socket the whole buffer is there");
}

#[test]
fn whole_publishes_that_others_have_written_are_not_sent_again() {
    let mut outbox = asleep();
    outbox.driver = Driver::Resting;
    outbox.publish(&op("a", b"123"), false).map(drop).unwrap();
    outbox.publish(&op("b", b"123"), false).map(drop).unwrap();
    assert_eq!(outbox.offer(Due::Block, |_| 20), Due::Block);
    assert_eq!(outbox.pending(), 8);
    outbox.down(&[], 0);
    assert_eq!(text(&mut outbox), "PUB b 3\r\n123\r\n");
}

#[test]
fn gathered_requests_go_together_or_with_whatever_else_does() {
    let mut outbox = roomy();
    let request = PublishOp { reply: Subject::new("r").ok(), gathered: true, ..op("a", b"") };
    let ask = |outbox: &mut Outbox<u32>| outbox.publish(&request, false).unwrap();
    assert_eq!(ask(&mut outbox), Due::Soon);
    assert!((2..GATHERED).all(|_| ask(&mut outbox) == Due::Nothing));
    assert_eq!(ask(&mut outbox), Due::Bell, "the last of them");
    assert_eq!(outbox.offer(Due::Bell, <[u8]>::len), Due::Nothing);
    assert_eq!(outbox.send(), Due::Nothing, "there is nothing left");

    assert_eq!(ask(&mut outbox), Due::Soon);
    assert_eq!((outbox.send(), outbox.send()), (Due::Bell, Due::Nothing));
    assert_eq!(ask(&mut outbox), Due::Nothing, "the driver is awake");

    let mut outbox = roomy();
    assert_eq!(ask(&mut outbox), Due::Soon);
    assert_eq!(outbox.ping(1), Ok(Due::Bell));

    // The driver has looked, since time was up.
    let mut outbox = roomy();
    assert_eq!(ask(&mut outbox), Due::Soon);
    assert!(outbox.take(&mut Vec::new()).is_some() && outbox.take(&mut Vec::new()).is_none());
    assert_eq!((ask(&mut outbox), ask(&mut outbox)), (Due::Soon, Due::Nothing));
}

#[test]
fn what_comes_while_a_socket_is_left_is_for_the_next_one() {
    let mut outbox = roomy();
    outbox.publish(&op("a", b"1"), false).map(drop).unwrap();
    let mut last = Vec::new();
    assert_eq!(outbox.leave(b"UNSUB 1\r\n", 7, &mut last), 0);
    assert_eq!(last, b"PUB a 1\r\n1\r\nUNSUB 1\r\nPING\r\n");
    outbox.written(last.len());
    // The driver need not be woken, and nobody writes past it.
    assert_eq!(outbox.publish(&op("b", b"2"), false).unwrap(), Due::Nothing);
    assert_eq!(outbox.ping(8), Ok(Due::Nothing));
    assert!(outbox.take(&mut Vec::new()).is_none());
    assert!(!outbox.rest());
    assert_eq!(outbox.publish(&op("c", b"3"), false).unwrap(), Due::Nothing);
    assert_eq!(outbox.pong(), Some(7));
    outbox.arrive(1 << 20, true);
    assert_eq!(text(&mut outbox), "PUB b 1\r\n2\r\nPING\r\nPUB c 1\r\n3\r\n");
    assert_eq!(outbox.pong(), Some(8));
}

#[test]
fn a_socket_that_dies_while_it_is_left_loses_nothing() {
    let mut outbox = roomy();
    outbox.publish(&op("a", b"1"), false).map(drop).unwrap();
    let mut last = Vec::new();
    outbox.leave(b"UNSUB 1\r\n", 7, &mut last);
    outbox.publish(&op("b", b"2"), false).map(drop).unwrap();
    assert_eq!(outbox.down(&last, 5), [7]);
    outbox.up(1 << 20, true);
    assert_eq!(text(&mut outbox), "PUB a 1\r\n1\r\nPUB b 1\r\n2\r\n");
}
