//! Properties of the writer: what it writes is found again whole, and nothing that its types accept
//! can add an operation (rows of the catalogue of bad inputs).

#![allow(clippy::unwrap_used)]

use std::ops::Range;

use nats_core::proto::encode::{self, OpKind, publish, publish_len, scan};
use nats_core::proto::headers::Headers;
use nats_core::proto::subject::{Filter, QueueGroup, Subject};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Publish { subject: String, reply: Option<String>, value: Option<String>, payload: Vec<u8> },
    Subscribe { sid: u64, filter: String, queue: Option<String> },
    Unsubscribe { sid: u64, max: Option<u64> },
    Ping,
    Pong,
    Connect { name: String },
}

fn op() -> impl Strategy<Value = Op> {
    let subject = || "[a-z$_/é]{1,5}(\\.[a-z0-9]{1,5}){0,3}";
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..50),
        Just(b"PING\r\nPUB a 3\r\nabc\r\n".to_vec()),
    ];
    prop_oneof![
        (subject(), prop::option::of(subject()), prop::option::of("[^\r\n\0]{0,20}"), payload)
            .prop_map(|(subject, reply, value, payload)| Op::Publish {
                subject,
                reply,
                value,
                payload
            }),
        (any::<u64>(), subject(), prop::option::of("[a-z.]{1,8}"))
            .prop_map(|(sid, filter, queue)| Op::Subscribe { sid, filter, queue }),
        (any::<u64>(), any::<Option<u64>>()).prop_map(|(sid, max)| Op::Unsubscribe { sid, max }),
        Just(Op::Ping),
        Just(Op::Pong),
        "(?s).{0,20}".prop_map(|name| Op::Connect { name }),
    ]
}

fn write(out: &mut Vec<u8>, op: &Op) -> OpKind {
    match op {
        Op::Publish { subject, reply, value, payload } => {
            let subject = Subject::new(subject).unwrap();
            let reply = reply.as_deref().map(|reply| Subject::new(reply).unwrap());
            let headers = value.as_deref().map(|value| {
                let mut headers = Headers::new();
                headers.append("Name", value).unwrap();
                headers
            });
            let before = out.len();
            publish(out, subject, reply, headers.as_ref(), payload);
            let len = publish_len(subject, reply, headers.as_ref(), payload.len());
            assert_eq!(out.len() - before, len);
            OpKind::Pub
        }
        Op::Subscribe { sid, filter, queue } => {
            let queue = queue.as_deref().map(|queue| QueueGroup::new(queue).unwrap());
            encode::subscribe(out, *sid, Filter::new(filter).unwrap(), queue);
            OpKind::Sub
        }
        Op::Unsubscribe { sid, max } => {
            encode::unsubscribe(out, *sid, *max);
            OpKind::Unsub
        }
        Op::Ping => {
            encode::ping(out);
            OpKind::Ping
        }
        Op::Pong => {
            encode::pong(out);
            OpKind::Pong
        }
        Op::Connect { name } => {
            let info =
                encode::ConnectInfo { name: Some(name.clone()), ..encode::ConnectInfo::default() };
            encode::connect(out, &info);
            OpKind::Connect
        }
    }
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count()
}

proptest! {
    #[test]
    fn what_is_written_is_found_again_whole(ops in prop::collection::vec(op(), 0..20)) {
        let mut out = Vec::new();
        let mut wanted: Vec<(OpKind, Range<usize>)> = Vec::new();
        for op in &ops {
            let start = out.len();
            let kind = write(&mut out, op);
            wanted.push((kind, start..out.len()));
        }
        prop_assert_eq!(&scan(&out).collect::<Vec<_>>(), &wanted);
        for cut in 0..out.len() {
            let whole = wanted.iter().take_while(|(_, range)| range.end <= cut).count();
            prop_assert!(scan(&out[..cut]).eq(wanted[..whole].iter().cloned()), "cut at {}", cut);
        }
    }

    #[test]
    fn scan_takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        for (_, range) in scan(&bytes) {
            prop_assert!(!range.is_empty() && range.end <= bytes.len());
        }
    }

    #[test]
    fn no_accepted_text_adds_a_line_or_an_argument(text in "(?s).{0,12}") {
        let broken = text.is_empty() || text.contains([' ', '\t', '\r', '\n', '\0']);
        let subjects = [Subject::new(&text), Subject::lenient(&text)];
        prop_assert!(!broken || subjects.iter().all(Result::is_err));
        for subject in subjects.into_iter().flatten() {
            let mut out = Vec::new();
            publish(&mut out, subject, Some(subject), None, b"");
            prop_assert_eq!(line_ends(&out), 4);
            prop_assert_eq!(out.iter().filter(|&&byte| byte == b' ').count(), 3);
        }
        if let (Ok(filter), Ok(queue)) = (Filter::new(&text), QueueGroup::new(&text)) {
            let mut out = Vec::new();
            encode::subscribe(&mut out, 1, filter, Some(queue));
            prop_assert_eq!(line_ends(&out), 2);
            prop_assert_eq!(out.iter().filter(|&&byte| byte == b' ').count(), 3);
        }
        prop_assert!(!broken || (Filter::new(&text).is_err() && QueueGroup::new(&text).is_err()));
    }
}
