//! Properties of the parser: a stream means the same however it is cut, what was sent is what is
//! read, and nothing makes the parser panic or stand still.

#![allow(clippy::unwrap_used)]

use nats_core::fuzzing::{self, Owned, read};
use nats_core::proto::parse::Limits;
use proptest::prelude::*;

/// A frame, and its bytes as some server might write them.
fn frame() -> impl Strategy<Value = (Owned, Vec<u8>)> {
    prop_oneof![
        4 => message(),
        1 => Just((Owned::Ping, b"PING\r\n".to_vec())),
        1 => Just((Owned::Pong, b"pong\r\n".to_vec())),
        1 => Just((Owned::Ok, b"+OK\n".to_vec())),
        1 => "\\{[a-z\":,]{0,30}\\}".prop_map(|json| {
            let bytes = format!("INFO {json} \r\n").into_bytes();
            (Owned::Info(json.into_bytes()), bytes)
        }),
        1 => "[a-zA-Z ]{0,20}[a-z]".prop_map(|text| {
            let text = text.trim_start().to_owned();
            let bytes = format!("-ERR '{text}'\r\n").into_bytes();
            (Owned::Err(text.into_bytes()), bytes)
        }),
    ]
}

fn message() -> impl Strategy<Value = (Owned, Vec<u8>)> {
    let token = || prop::collection::vec(0x21u8..=0xff, 1..12);
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    let blank = prop_oneof![4 => Just(" "), 1 => Just("\t"), 1 => Just("  ")];
    let end = prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
    (
        token(),
        any::<u64>(),
        prop::option::of(token()),
        prop::option::of(bytes()),
        bytes(),
        blank,
        end,
    )
        .prop_map(|(subject, sid, reply, block, payload, blank, end)| {
            let mut line = if block.is_some() { b"HMSG".to_vec() } else { b"MSG".to_vec() };
            let mut argument = |bytes: &[u8]| {
                line.extend_from_slice(blank.as_bytes());
                line.extend_from_slice(bytes);
            };
            argument(&subject);
            argument(sid.to_string().as_bytes());
            if let Some(reply) = &reply {
                argument(reply);
            }
            if let Some(block) = &block {
                argument(block.len().to_string().as_bytes());
            }
            let headers = block.unwrap_or_default();
            argument((headers.len() + payload.len()).to_string().as_bytes());
            let stream = [&line, end.as_bytes(), &headers, &payload, b"\r\n"].concat();
            (Owned::Msg { sid, subject, reply, headers, payload }, stream)
        })
}

/// Bytes that look like the protocol more often than chance would.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&[u8]] = &[
        b"MSG ",
        b"HMSG ",
        b"INFO {}",
        b"PING",
        b"+OK",
        b"-ERR '",
        b"\r\n",
        b"\n",
        b" ",
        b"a 1 ",
        b"0",
        b"5",
        b"12",
        b"NATS/1.0\r\n\r\n",
        b"18446744073709551615",
        b"hello",
        b"\xff",
    ];
    let word = prop::sample::select(WORDS);
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn w01_a_frame_cut_at_every_byte_is_the_same_frame((frame, stream) in frame()) {
        let wanted = [frame];
        for cut in 1..=stream.len() {
            let mut pieces = [cut, usize::MAX].into_iter();
            let reading = read(&stream, Limits::default(), || pieces.next().unwrap_or(1));
            prop_assert_eq!(&reading.frames, &wanted, "cut at {}", cut);
            prop_assert_eq!((reading.consumed, reading.fault), (stream.len(), None));
        }
        let reading = read(&stream, Limits::default(), || 1);
        prop_assert_eq!(&reading.frames, &wanted);
    }

    #[test]
    fn w02_a_mixed_stream_in_any_pieces_is_the_same_frames(
        frames in prop::collection::vec(frame(), 0..12),
        sizes in prop::collection::vec(1usize..50, 1..20),
    ) {
        let (wanted, stream): (Vec<_>, Vec<_>) = frames.into_iter().unzip();
        let stream = stream.concat();
        let mut sizes = sizes.iter().cycle();
        let reading = read(&stream, Limits::default(), || *sizes.next().unwrap());
        prop_assert_eq!(&reading.frames, &wanted);
        prop_assert_eq!((reading.consumed, &reading.fault), (stream.len(), &None));
        for cut in 1..stream.len() {
            let mut pieces = [cut, usize::MAX].into_iter();
            let two = read(&stream, Limits::default(), || pieces.next().unwrap_or(1));
            prop_assert!(two.agrees_with(&reading), "cut at {}", cut);
        }
    }

    #[test]
    fn any_bytes_mean_the_same_in_any_pieces(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::parser(&stream);
    }

    #[test]
    fn nearly_the_protocol_means_the_same_in_any_pieces(stream in nearly()) {
        fuzzing::parser(&stream);
    }
}
