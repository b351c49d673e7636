//! Resubscription, counting and hand-over without a socket.

use super::*;
use crate::conn::mailbox::{Overflow, PendingLimits};
use crate::proto::parse::{Frame, Limits, Parser, Step};

fn mailbox(messages: usize, overflow: Overflow) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(PendingLimits { messages, bytes: 0, overflow }))
}

fn feed(registry: &mut Registry, wire: &str) -> Vec<Report> {
    let mut parser = Parser::new(Limits::default());
    let mut rest = wire.as_bytes();
    let mut dispatch = registry.dispatch();
    while !rest.is_empty() {
        let Step::Frame { frame, len } = parser.next(rest).unwrap() else { panic!("torn") };
        if let Frame::Msg(frame) = frame {
            dispatch.message(&frame, Arrived::Copied(&rest[..len - 2]));
        }
        rest = &rest[len..];
    }
    let mut reports = Vec::new();
    registry.hand_over(&mut reports);
    reports
}

fn add(registry: &mut Registry, subject: &str, mailbox: &Arc<Mailbox>) -> u64 {
    registry.add(Filter::new(subject).unwrap(), None, Arc::clone(mailbox)).0
}

fn replay(registry: &mut Registry) -> String {
    let mut out = Vec::new();
    registry.replay(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn replay_subscribes_again_with_queue_and_the_rest_of_the_count() {
    let mut registry = Registry::default();
    let plain = mailbox(0, Overflow::DropNewest);
    let sid = add(&mut registry, "a.*", &plain);
    let queue = QueueGroup::new("q").unwrap();
    registry.add(Filter::new("b").unwrap(), Some(queue), mailbox(0, Overflow::DropNewest));
    assert!(registry.set_max(sid, 3));
    feed(&mut registry, "MSG a.x 1 1\r\n1\r\n");
    assert_eq!(replay(&mut registry), "SUB a.* 1\r\nUNSUB 1 2\r\nSUB b q 2\r\n");
    feed(&mut registry, "MSG a.x 1 1\r\n2\r\nMSG a.x 1 1\r\n3\r\nMSG a.x 1 1\r\n4\r\n");
    assert_eq!(plain.stats().pending_messages, 3, "no more than asked for");
    assert_eq!(plain.end_reason().unwrap().code(), Code::SubscriptionEnded);
    assert_eq!(replay(&mut registry), "SUB b q 2\r\n");
}

#[test]
fn a_draining_subscription_is_not_made_again() {
    let mut registry = Registry::default();
    let inbox = mailbox(0, Overflow::DropNewest);
    let sid = add(&mut registry, "a", &inbox);
    feed(&mut registry, "MSG a 1 1\r\n1\r\n");
    assert!(registry.set_draining(sid));
    assert_eq!(replay(&mut registry), "");
    assert_eq!(inbox.end_reason().unwrap().code(), Code::SubscriptionClosed);
    assert_eq!(inbox.stats().pending_messages, 1, "what arrived can still be taken");
}

#[test]
fn max_below_what_was_received_ends_at_once() {
    let mut registry = Registry::default();
    let inbox = mailbox(0, Overflow::DropNewest);
    let sid = add(&mut registry, "a", &inbox);
    feed(&mut registry, "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n");
    assert!(registry.set_max(sid, 1));
    assert!(inbox.end_reason().is_some());
    assert!(!registry.set_max(sid, 1), "it is gone");
}

#[test]
fn reports_name_slow_overflowed_and_malformed_once() {
    let mut registry = Registry::default();
    let slow = mailbox(1, Overflow::DropNewest);
    let strict = mailbox(1, Overflow::Error);
    add(&mut registry, "slow", &slow);
    add(&mut registry, "strict", &strict);
    let reports = feed(
        &mut registry,
        "MSG slow 1 0\r\n\r\nMSG slow 1 0\r\n\r\nMSG strict 2 0\r\n\r\nMSG strict 2 0\r\n\r\n\
         HMSG slow 1 3 3\r\nabc\r\n",
    );
    assert_eq!(
        reports,
        [
            Report::Slow { sid: 1, subject: "slow".into() },
            Report::Slow { sid: 2, subject: "strict".into() },
            Report::Overflowed { sid: 2 },
            Report::Malformed { sid: 1, subject: "slow".into() },
        ]
    );
    assert_eq!(registry.counters.dropped, 3);
    assert_eq!(strict.end_reason().unwrap().code(), Code::SlowConsumer);
    assert_eq!(feed(&mut registry, "MSG strict 2 0\r\n\r\n"), [], "unknown sids are ignored");
}

#[test]
fn a_denied_subscription_ends_with_the_reason() {
    let mut registry = Registry::default();
    let (denied, other) = (mailbox(0, Overflow::DropNewest), mailbox(0, Overflow::DropNewest));
    add(&mut registry, "a", &denied);
    let queue = QueueGroup::new("q").unwrap();
    registry.add(Filter::new("a").unwrap(), Some(queue), Arc::clone(&other));
    registry.deny("a", None, &Code::Permission.into());
    assert_eq!(denied.end_reason().unwrap().code(), Code::Permission);
    assert!(other.end_reason().is_none());
}

#[test]
fn the_servers_word_that_nobody_listens_counts_for_nothing() {
    let mut registry = Registry::default();
    let inbox = mailbox(0, Overflow::DropNewest);
    let sid = add(&mut registry, "a", &inbox);
    assert!(registry.set_max(sid, 1));
    feed(&mut registry, "HMSG a 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    assert_eq!(inbox.stats().pending_messages, 1);
    assert!(inbox.end_reason().is_none());
    feed(&mut registry, "MSG a 1 1\r\n1\r\n");
    assert_eq!(inbox.end_reason().unwrap().code(), Code::SubscriptionEnded);
}

#[test]
fn a_move_delivers_once_what_both_servers_have() {
    let mut registry = Registry::default();
    let (plain, grouped) = (mailbox(0, Overflow::DropNewest), mailbox(0, Overflow::DropNewest));
    add(&mut registry, "a", &plain);
    let queue = QueueGroup::new("q").unwrap();
    registry.add(Filter::new("a").unwrap(), Some(queue), Arc::clone(&grouped));
    feed(&mut registry, "MSG a 1 1\r\n0\r\n");
    let mut out = Vec::new();
    let told = registry.begin_move(&mut out);
    assert_eq!(told.len(), 2);
    // The old server: two that are alike, one for the group.
    feed(&mut registry, "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n1\r\nMSG a 2 1\r\n1\r\n");
    let mut reports = Vec::new();
    registry.arrive(&[], &mut reports);
    // The new one: the same, a third one, and one that the old one had not.
    feed(&mut registry, "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n1\r\nMSG a 1 1\r\n1\r\nMSG a 2 1\r\n1\r\n");
    feed(&mut registry, "MSG a 1 1\r\n2\r\n");
    assert_eq!(plain.stats().pending_messages, 5);
    assert_eq!(grouped.stats().pending_messages, 2);
    registry.forget_move();
    feed(&mut registry, "MSG a 1 1\r\n2\r\n");
    assert_eq!(plain.stats().pending_messages, 6);
}

#[test]
fn the_end_of_a_move_takes_nothing_from_the_next_one() {
    let mut registry = Registry::default();
    let inbox = mailbox(0, Overflow::DropNewest);
    add(&mut registry, "a", &inbox);
    registry.begin_move(&mut Vec::new());
    registry.arrive(&[], &mut Vec::new());
    // The servers go one after the other: the next move begins before the last one is forgotten.
    registry.begin_move(&mut Vec::new());
    feed(&mut registry, "MSG a 1 1\r\n1\r\n");
    registry.forget_move();
    feed(&mut registry, "MSG a 1 1\r\n2\r\n");
    registry.arrive(&[], &mut Vec::new());
    feed(&mut registry, "MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n");
    assert_eq!(inbox.stats().pending_messages, 3);
    registry.forget_move();
    assert!(registry.moving.is_none());
}

#[test]
fn a_move_tells_both_servers_what_has_changed() {
    let mut registry = Registry::default();
    let inbox = mailbox(0, Overflow::DropNewest);
    for subject in ["stays", "goes", "limited", "drains"] {
        add(&mut registry, subject, &inbox);
    }
    feed(&mut registry, "MSG limited 3 0\r\n\r\n");
    let mut new = Vec::new();
    let told = registry.begin_move(&mut new);
    feed(&mut registry, "MSG limited 3 0\r\n\r\n");
    registry.remove(2);
    registry.set_max(3, 10);
    registry.set_draining(4);
    add(&mut registry, "comes", &inbox);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    registry.leave(&told, &mut old, &mut new);
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&old), ["UNSUB 1", "UNSUB 3", "UNSUB 5"]);
    // Of the limited one the new server was told when it had received one.
    assert_eq!(lines(&new), ["SUB comes 5", "UNSUB 2", "UNSUB 3 9", "UNSUB 4"]);
}
