//! The parts of messages, alone and in shared blocks.

use super::*;
use crate::proto::block::{Arrived, Expected};
use crate::proto::parse::{Frame, Limits, MsgFrame, Parser, Step};

fn first(block: Block) -> RawMessage {
    Run::from(block).next().unwrap()
}

fn message(wire: &[u8]) -> RawMessage {
    match Parser::new(Limits::default()).next(wire).unwrap() {
        Step::Frame { frame: Frame::Msg(frame), len } => {
            first(Block::new(Arrived::Copied(&wire[..len]), &frame, Expected::default()))
        }
        _ => panic!("not a whole message"),
    }
}

#[test]
fn parts_of_a_plain_message() {
    let got = message(b"MSG foo.bar 7 _INBOX.x 5\r\nhello\r\n");
    let m = got.view();
    assert_eq!(m.subject(), b"foo.bar");
    assert_eq!(m.reply(), b"_INBOX.x");
    assert_eq!(m.payload(), b"hello");
    assert_eq!((m.sid(), m.status(), m.is_malformed()), (7, 0, false));
    assert!(m.headers().is_none());
}

#[test]
fn folded_header_values_become_one_view() {
    let block = b"NATS/1.0\r\nA: one\r\n two\r\nB: x\r\n\r\n";
    let mut wire = format!("HMSG s 1 {} {}\r\n", block.len(), block.len() + 2).into_bytes();
    wire.extend_from_slice(block);
    wire.extend_from_slice(b"ok\r\n");
    let got = message(&wire);
    let m = got.view();
    let headers = m.headers().unwrap();
    assert_eq!(headers.get("A"), Some(&b"one two"[..]));
    assert_eq!(headers.get("B"), Some(&b"x"[..]));
    assert_eq!(m.payload(), b"ok");
}

#[test]
fn a_bad_block_marks_the_message_only() {
    let got = message(b"HMSG s 1 3 5\r\nabcok\r\n");
    let m = got.view();
    assert!(m.is_malformed());
    assert_eq!(m.payload(), b"ok");
    let got = message(b"MSG \xff\xfe 1 2\r\nok\r\n");
    let m = got.view();
    assert!(m.is_malformed());
    assert_eq!(m.subject(), b"\xff\xfe");
}

#[test]
fn status_is_read_once() {
    let block = b"NATS/1.0 503\r\n\r\n";
    let wire = [format!("HMSG s 1 {0} {0}\r\n", block.len()).as_bytes(), block, b"\r\n"].concat();
    assert_eq!(message(&wire).view().status(), 503);
}
fn frames(wire: &[u8]) -> Vec<(std::ops::Range<usize>, MsgFrame)> {
    let mut parser = Parser::new(Limits::default());
    let (mut at, mut frames) = (0, Vec::new());
    while at < wire.len() {
        let Step::Frame { frame: Frame::Msg(frame), len } = parser.next(&wire[at..]).unwrap()
        else {
            panic!("torn")
        };
        frames.push((at..at + len, frame));
        at += len;
    }
    frames
}

#[test]
fn messages_share_a_block_until_it_is_full() {
    let folded = b"NATS/1.0\r\nA: one\r\n two\r\n\r\n";
    let mut wire = b"MSG a 1 r 2\r\nok\r\nMSG \xff 1 0\r\n\r\n".to_vec();
    wire.extend(format!("HMSG a 1 {} {}\r\n", folded.len(), folded.len() + 1).into_bytes());
    wire.extend_from_slice(folded);
    wire.extend_from_slice(b"x\r\nMSG a 1 3\r\nend\r\n");
    let frames = frames(&wire);
    let mut block =
        Block::new(Arrived::Copied(&wire[frames[0].0.clone()]), &frames[0].1, Expected::default());
    for (range, frame) in &frames[1..] {
        assert!(block.add(&wire[range.clone()], frame));
    }
    let header = folded.len() - 2;
    assert_eq!((block.count(), block.size(), block.is_answerable()), (4, 2 + header + 1 + 3, true));
    let payloads: Vec<_> = Run::from(block).map(|m| m.payload_bytes()).collect();
    assert_eq!(payloads, ["ok", "", "x", "end"]);
}

#[test]
fn a_block_that_messages_share_stays_small() {
    let wire = [b"MSG a 1 1000\r\n".as_slice(), &[b'x'; 1000], b"\r\n"].concat();
    let (range, frame) = frames(&wire).remove(0);
    let mut block = Block::new(Arrived::Copied(&wire[range.clone()]), &frame, Expected::default());
    while block.add(&wire[range.clone()], &frame) {}
    assert_eq!(block.count(), 4);
    let split =
        Block::new(Arrived::Split(Bytes::copy_from_slice(&wire)), &frame, Expected::default());
    assert_eq!(first(split).payload_bytes(), [b'x'; 1000].as_slice());
}

#[test]
fn a_run_is_split_and_joined_in_order() {
    let wire = b"MSG a 1 1\r\n1\r\nMSG a 1 2\r\n22\r\nMSG a 1 3\r\n333\r\n";
    let frames = frames(wire);
    let mut block =
        Block::new(Arrived::Copied(&wire[frames[0].0.clone()]), &frames[0].1, Expected::default());
    for (range, frame) in &frames[1..] {
        block.add(&wire[range.clone()], frame);
    }
    let mut rest = Run::from(block);
    let mut front = rest.split_front(2);
    assert_eq!((front.len(), front.size(), rest.len(), rest.size()), (2, 3, 1, 3));
    assert_eq!(rest.clone().join(front.clone()).map(|run| run.len()), Some(2), "not in order");
    assert!(front.join(rest).is_none());
    assert_eq!(front.map(|m| m.view().size()).collect::<Vec<_>>(), [1, 2, 3]);
}
