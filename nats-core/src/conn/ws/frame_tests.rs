use super::*;

/// What a server would send.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// All payload and what else there was, with the bytes arriving in pieces of `size`.
fn read(bytes: &[u8], size: usize, compression: bool) -> Result<(Vec<u8>, Vec<String>), Violation> {
    let mut decoder = Decoder::new(compression);
    let (mut data, mut others, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let mut pieces = bytes.chunks(size);
    loop {
        let done = match decoder.next(&unread)? {
            Event::More => match pieces.next() {
                Some(piece) => {
                    unread.extend_from_slice(piece);
                    0
                }
                None => return Ok((data, others)),
            },
            Event::Skip(head) => head,
            Event::Data { len, compressed } => {
                assert!(len > 0);
                data.extend_from_slice(&unread[..len]);
                if compressed {
                    others.push("compressed".into());
                }
                decoder.used(len);
                len
            }
            Event::CompressedEnd => {
                others.push("end".into());
                0
            }
            Event::Ping(payload, end) => {
                others.push(format!("ping {}", payload.len()));
                end
            }
            Event::Pong(end) => end,
            Event::Close(code, reason) => {
                others.push(format!("close {code} {}", unread[reason].escape_ascii()));
                return Ok((data, others));
            }
        };
        unread.drain(..done);
    }
}

#[test]
fn the_same_events_wherever_the_bytes_are_cut() {
    let mut bytes = frame(FIN | BINARY, b"INFO {}\r\n");
    bytes.extend(frame(BINARY, b"MSG a 1"));
    bytes.extend(frame(FIN | PING, b"are you there?"));
    bytes.extend(frame(CONTINUATION, b""));
    bytes.extend(frame(CONTINUATION, b" 3\r\n"));
    bytes.extend(frame(FIN | CONTINUATION, b"abc\r\n"));
    bytes.extend(frame(FIN | TEXT, &[b'x'; 70_000]));
    bytes.extend(frame(FIN | PONG, b""));
    bytes.extend(frame(FIN | BINARY, &[b'y'; 300]));
    bytes.extend(frame(FIN | CLOSE, b"\x03\xe9going away"));
    let whole = read(&bytes, bytes.len(), false).unwrap();
    assert!(whole.0.starts_with(b"INFO {}\r\nMSG a 1 3\r\nabc\r\nxxx"));
    assert_eq!(whole.0.len(), 9 + 7 + 4 + 5 + 70_000 + 300);
    assert_eq!(whole.1, ["ping 14", "close 1001 going away"]);
    for size in (1..16).chain([4096]) {
        assert_eq!(read(&bytes, size, false).unwrap(), whole, "pieces of {size}");
    }
}

#[test]
fn compressed_messages_have_an_end() {
    let mut bytes = frame(COMPRESSED | BINARY, b"ab");
    bytes.extend(frame(FIN | CONTINUATION, b""));
    bytes.extend(frame(FIN | BINARY, b"c"));
    let (data, others) = read(&bytes, 64, true).unwrap();
    assert_eq!((data.as_slice(), others), (&b"abc"[..], vec!["compressed".into(), "end".into()]));
}

#[test]
fn violations() {
    let long = frame(FIN | PING, &[0; 126]);
    for (bytes, what) in [
        (&[FIN | BINARY, 127, 0x80, 0, 0, 0, 0, 0, 0, 0][..], "highest bit"),
        (&[FIN | BINARY, MASKED | 1, 0, 0, 0, 0, 0], "masked"),
        (&[FIN | 0x20 | BINARY, 0], "reserved"),
        (&[FIN | 3, 0], "unknown kind"),
        (&[FIN | 11, 0], "unknown kind"),
        (&[PING, 0], "control frame"),
        (&[FIN | COMPRESSED | PING, 0], "control frame"),
        (&long, "control frame"),
        (&[FIN | CONTINUATION, 0], "without a beginning"),
        (&[BINARY, 0, FIN | BINARY, 0], "within another"),
        (&[FIN | COMPRESSED | BINARY, 0], "not agreed"),
        (&[FIN | CLOSE, 1, 3], "half a code"),
    ] {
        let why = read(bytes, 64, false).unwrap_err();
        assert!(why.contains(what), "{bytes:?}: {why}");
    }
    let bytes = [COMPRESSED | BINARY, 0, COMPRESSED | FIN | CONTINUATION, 0];
    assert!(read(&bytes, 64, true).unwrap_err().contains("continuation"));
}

#[test]
fn what_is_sent_is_masked_and_can_be_unmasked() {
    for len in [0, 1, 7, 8, 125, 126, 0xffff, 0x10000] {
        let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let mut out = vec![0xaa];
        encode(&mut out, BINARY, len == 7, &payload, [1, 2, 3, 4]);
        let head = match len {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        let marked = if len == 7 { COMPRESSED } else { 0 };
        assert_eq!((out[1], out[2] & MASKED), (FIN | BINARY | marked, MASKED));
        assert_eq!(out[1 + head..5 + head], [1, 2, 3, 4]);
        let mut sent = out[5 + head..].to_vec();
        apply([1, 2, 3, 4], &mut sent);
        assert_eq!(sent, payload, "{len}");
    }
}
