//! The rows W-01 to W-40 and W-55 to W-57 of the catalogue of bad inputs: what the parser makes of
//! each, whole, byte by byte, and cut in two at every byte.

use nats_core::error::{Code, Error};
use nats_core::fuzzing::{Owned, Reading, read};
use nats_core::proto::parse::{Fault, Limits};

/// Row, stream, and what is read: frames in the notation of [`show`], a fault as `!Name`.
#[rustfmt::skip]
const ROWS: &[(&str, &[u8], &str)] = &[
    ("W-03 lower case", b"msg a 1 2\r\nhi\r\nping\r\npong\r\n", "a 1 'hi' PING PONG"),
    ("W-03 mixed case", b"+ok\r\n-Err 'x'\r\nInfo {}\r\nhMsG a 1 0 0\r\n\r\n",
        "OK -ERR'x' INFO'{}' a 1 ''"),
    ("W-04 tabs", b"MSG\ta\t1\tr\t2\r\nhi\r\n", "a 1 r 'hi'"),
    ("W-04 several blanks", b"MSG   a \t 1  2 \t\r\nhi\r\n", "a 1 'hi'"),
    ("W-04 blanks around INFO", b"INFO \t {} \r\n", "INFO'{}'"),
    ("W-05 LF only", b"PING\nMSG a 1 2\nhi\r\nINFO {}\n-ERR 'x'\n+OK\n",
        "PING a 1 'hi' INFO'{}' -ERR'x' OK"),
    ("W-06 blank line", b"PING\r\n\r\nPING\r\n", "PING !BlankLine"),
    ("W-06 blank line, LF", b"\nPING\r\n", "!BlankLine"),
    ("W-07 unknown", b"FOO bar\r\n", "!UnknownOperation"),
    ("W-07 unknown, no line end", b"F", "!UnknownOperation"),
    ("W-07 client operation", b"PUB a 1\r\nx\r\n", "!UnknownOperation"),
    ("W-07 glued arguments", b"MSGa 1 2\r\nhi\r\n", "!UnknownOperation"),
    ("W-07 glued INFO", b"INFO{}\r\n", "!UnknownOperation"),
    ("W-07 leading blank", b" PING\r\n", "!UnknownOperation"),
    ("W-08 high bytes", b"\xf3\x9a\xc1\xff\xe0\x8b\xd2\xa7", "!UnknownOperation"),
    ("W-08 NUL", b"\0\0\0\0", "!UnknownOperation"),
    ("W-09 HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n", "!Http"),
    ("W-09 nearly HTTP", b"HTTX", "!UnknownOperation"),
    ("W-09 start of HTTP", b"HTT", ""),
    ("W-10 TLS alert", b"\x15\x03\x03\x00\x02\x02\x28", "!Tls"),
    ("W-10 TLS handshake", b"\x16\x03\x01", "!Tls"),
    ("W-11 lax PING", b"PINGX\r\nPING abc\r\nPONGs\r\n", "PING PING PONG"),
    ("W-11 lax +OK", b"+OKX\r\n+OK fine\r\n", "OK OK"),
    ("W-18 no arguments", b"MSG\r\n", "!Arguments"),
    ("W-18 blanks only", b"MSG  \r\n", "!Arguments"),
    ("W-18 one argument", b"MSG a\r\n", "!Arguments"),
    ("W-18 two arguments", b"MSG a 1\r\n", "!Arguments"),
    ("W-18 HMSG, three arguments", b"HMSG a 1 2\r\n", "!Arguments"),
    ("W-19 five arguments", b"MSG a 1 r 2 2\r\nhi\r\n", "!Arguments"),
    ("W-19 nine arguments", b"MSG a 1 r 2 3 4 5 6 7\r\n", "!Arguments"),
    ("W-19 HMSG, six arguments", b"HMSG a 1 r 2 3 4\r\n", "!Arguments"),
    ("W-20 size -1", b"MSG a 1 -1\r\n", "!Size"),
    ("W-20 size abc", b"MSG a 1 abc\r\n", "!Size"),
    ("W-20 size empty", b"MSG a 1 \r\n", "!Arguments"),
    ("W-20 size with CR", b"MSG a 1 5\r\r\n", "!Size"),
    ("W-21 size +5", b"MSG a 1 +5\r\nhello\r\n", "!Size"),
    ("W-22 leading zeros", b"MSG a 1 0000005\r\nhello\r\n", "a 1 'hello'"),
    ("W-23 size 2^31-1", b"MSG a 1 2147483647\r\n", "!MessageTooLarge"),
    ("W-24 size 2^32+5", b"MSG a 1 4294967301\r\nhello\r\n", "!MessageTooLarge"),
    ("W-25 size 2^63-1", b"MSG a 1 9223372036854775807\r\n", "!MessageTooLarge"),
    ("W-25 size 2^63", b"MSG a 1 9223372036854775808\r\n", "!MessageTooLarge"),
    ("W-26 size 2^64-1", b"MSG a 1 18446744073709551615\r\n", "!MessageTooLarge"),
    ("W-26 size 2^64-13", b"MSG a 1 18446744073709551603\r\n", "!MessageTooLarge"),
    ("W-26 size 2^64-40", b"MSG a 1 18446744073709551576\r\n", "!MessageTooLarge"),
    ("W-26 size 2^64", b"MSG a 1 18446744073709551616\r\n", "!Size"),
    ("W-27 size of 40 digits", b"MSG a 1 1234567890123456789012345678901234567890\r\n", "!Size"),
    ("W-27 forty zeros", b"MSG a 1 0000000000000000000000000000000000000000\r\n\r\n", "!Size"),
    ("W-30 size too small", b"MSG a 1 3\r\nhello\r\n", "!MissingLineEnd"),
    ("W-31 size too large", b"MSG a 1 7\r\nhello\r\nPING\r\n", "!MissingLineEnd"),
    ("W-32 no line end", b"MSG a 1 2\r\nhiPING\r\n", "!MissingLineEnd"),
    ("W-32 LF behind the payload", b"MSG a 1 2\r\nhi\nPING\r\n", "!MissingLineEnd"),
    ("W-32 CR without LF", b"MSG a 1 2\r\nhi\rPING\r\n", "!MissingLineEnd"),
    ("W-33 sid -1", b"MSG a -1 0\r\n\r\n", "!Sid"),
    ("W-33 sid abc", b"MSG a abc 0\r\n\r\n", "!Sid"),
    ("W-33 sid 2^64", b"MSG a 18446744073709551616 0\r\n\r\n", "!Sid"),
    ("W-33 sid 2^64-1", b"MSG a 18446744073709551615 0\r\n\r\n", "a 18446744073709551615 ''"),
    ("W-34 any sid", b"MSG a 0 0\r\n\r\nMSG a 99 0\r\n\r\n", "a 0 '' a 99 ''"),
    ("W-35 subject not UTF-8", b"MSG a\xff\xc3 1 0\r\n\r\n", "a\\xff\\xc3 1 ''"),
    ("W-36 subject with NUL", b"MSG a\0b 1 0\r\n\r\n", "a\\x00b 1 ''"),
    ("W-37 empty payload", b"MSG a 1 r 0\r\n\r\n", "a 1 r ''"),
    ("W-37 payload of line ends", b"MSG a 1 4\r\n\r\n\r\n\r\n", "a 1 '\\r\\n\\r\\n'"),
    ("W-37 payload of protocol", b"MSG a 1 11\r\nMSG a 1 0\r\n\r\n", "a 1 'MSG a 1 0\\r\\n'"),
    ("W-38 block over total", b"HMSG a 1 5 4\r\nhell\r\n", "!Size"),
    ("W-38 block negative", b"HMSG a 1 -1 4\r\nhell\r\n", "!Size"),
    ("W-38 block 2^64-1", b"HMSG a 1 18446744073709551615 4\r\nhell\r\n", "!Size"),
    ("W-38 total 2^64-4", b"HMSG a 1 12 18446744073709551612\r\n", "!MessageTooLarge"),
    ("W-38 total negative", b"HMSG a 1 1 -4\r\n", "!Size"),
    ("W-39 block of 0 bytes", b"HMSG a 1 0 2\r\nhi\r\n", "a 1 'hi'"),
    ("W-40 block only", b"HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n", "a 1 [NATS/1.0\\r\\n\\r\\n] ''"),
    ("W-40 block and payload", b"HMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
        "a 1 r [NATS/1.0\\r\\n\\r\\n] 'hi'"),
    ("W-41 block of junk", b"HMSG a 1 3 4\r\nabcd\r\n", "a 1 [abc] 'd'"),
    ("W-55 bare -ERR", b"-ERR\r\nPING\r\n", "-ERR'' PING"),
    ("W-55 -ERR and a space", b"-ERR \r\n", "-ERR''"),
    ("W-55 no text", b"-ERR ''\r\n", "-ERR''"),
    ("W-55 one quote", b"-ERR '\r\n-ERR 'x\r\n-ERR x'\r\n", "-ERR'' -ERR'x' -ERR'x'"),
    ("W-55 no quotes", b"-ERR Some text \r\n", "-ERR'Some text'"),
    ("W-55 quotes inside", b"-ERR 'a 'b' c'\r\n", "-ERR'a 'b' c'"),
    ("W-57 not UTF-8", b"-ERR '\xff\xfe'\r\nPING\r\n", "-ERR'\\xff\\xfe' PING"),
    ("W-63 bare INFO", b"INFO\r\n", "INFO''"),
];

/// A reading as a text: `subject sid [reply] [block] 'payload'` for messages.
fn show(reading: &Reading) -> String {
    let mut words: Vec<String> = reading.frames.iter().map(show_frame).collect();
    if let Some(fault) = &reading.fault {
        let debug = format!("{fault:?}");
        let end = debug.find(['(', ' ', '{']).unwrap_or(debug.len());
        words.push(format!("!{}", &debug[..end]));
    }
    words.join(" ")
}

fn show_frame(frame: &Owned) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\'", "'");
    match frame {
        Owned::Msg { sid, subject, reply, headers, payload } => {
            let reply = reply.as_ref().map_or(String::new(), |reply| format!(" {}", text(reply)));
            let block =
                if headers.is_empty() { String::new() } else { format!(" [{}]", text(headers)) };
            format!("{} {sid}{reply}{block} '{}'", text(subject), text(payload))
        }
        Owned::Info(json) => format!("INFO'{}'", text(json)),
        Owned::Ping => "PING".to_owned(),
        Owned::Pong => "PONG".to_owned(),
        Owned::Ok => "OK".to_owned(),
        Owned::Err(message) => format!("-ERR'{}'", text(message)),
    }
}

fn whole(stream: &[u8]) -> Reading {
    read(stream, Limits::default(), || usize::MAX)
}

/// Every way to cut `stream` in two, and byte by byte, reads as the whole does.
fn assert_cuts_agree(name: &str, stream: &[u8]) {
    let one = whole(stream);
    let bytes = read(stream, Limits::default(), || 1);
    assert!(one.agrees_with(&bytes), "{name}: {one:?} against {bytes:?}");
    for cut in 1..stream.len() {
        let mut pieces = [cut, usize::MAX].into_iter();
        let two = read(stream, Limits::default(), || pieces.next().unwrap_or(1));
        assert!(one.agrees_with(&two), "{name} cut at {cut}: {one:?} against {two:?}");
    }
}

#[test]
fn w_rows_read_as_the_table_says() {
    for (name, stream, wanted) in ROWS {
        assert_eq!(show(&whole(stream)), *wanted, "{name}");
    }
}

#[test]
fn w01_w_rows_read_the_same_however_they_are_cut() {
    for (name, stream, _) in ROWS {
        assert_cuts_agree(name, stream);
    }
}

#[test]
fn w02_all_two_and_three_way_cuts_of_a_mixed_stream() {
    let stream = b"INFO {\"a\":1}\r\nPING\r\n+OK\r\nMSG a.b 1 r 5\r\nPING\n\r\nHMSG a 2 12 14\r\n\
        NATS/1.0\r\n\r\nhi\r\n-ERR 'Some Error'\r\nPONG\r\nMSG a 3 0\r\n\r\n";
    assert_cuts_agree("W-02", stream);
    let one = whole(stream);
    assert_eq!((one.frames.len(), one.consumed, &one.fault), (8, stream.len(), &None));
    for first in 1..stream.len() {
        for second in 1..stream.len() - first {
            let mut pieces = [first, second, usize::MAX].into_iter();
            let three = read(stream, Limits::default(), || pieces.next().unwrap_or(1));
            assert!(one.agrees_with(&three), "cut at {first} and {}", first + second);
        }
    }
}

#[test]
fn w10_the_fault_names_tls() {
    let fault = whole(b"\x15\x03\x03\x00\x02\x02\x28").fault.unwrap();
    assert!(fault.to_string().contains("TLS"), "{fault}");
}

#[test]
fn w12_w13_w14_floods_are_frames_like_others() {
    for (line, frame) in [("PONG", Owned::Pong), ("PING", Owned::Ping), ("+OK", Owned::Ok)] {
        let stream = format!("{line}\r\n").repeat(200_000);
        let mut state = 1u32;
        let reading = read(stream.as_bytes(), Limits::default(), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 17) as usize
        });
        assert_eq!((reading.frames.len(), reading.fault), (200_000, None));
        assert!(reading.frames.iter().all(|seen| *seen == frame));
    }
}

#[test]
fn w15_info_flood() {
    let reading = whole("INFO {}\r\n".repeat(20_000).as_bytes());
    assert_eq!((reading.frames.len(), reading.fault), (20_000, None));
}

#[test]
fn w16_a_line_without_end_is_refused_at_the_limit() {
    let limits = Limits::default();
    for (name, limit) in [
        ("MSG ", limits.control_line),
        ("HMSG", limits.control_line),
        ("PING", limits.control_line),
        ("+OK ", limits.control_line),
        ("-ERR", limits.control_line),
        ("INFO", limits.info_line),
    ] {
        let mut stream = name.as_bytes().to_vec();
        stream.resize(limit - 1, b' ');
        assert_eq!(whole(&stream).fault, None, "{name}");
        stream.push(b' ');
        let fault = Some(Fault::LineTooLong { limit });
        assert_eq!(whole(&stream).fault, fault, "{name}");
        stream.resize(limit + (1 << 20), b' ');
        assert_eq!(whole(&stream).fault, fault, "{name}");
    }
}

#[test]
fn w17_the_control_line_is_limited_at_the_byte() {
    let limits = Limits { control_line: 4096, ..Limits::default() };
    let line = |len: usize| {
        let rest = "MSG  1 2\r\n".len();
        format!("MSG {} 1 2\r\nhi\r\n", "x".repeat(len - rest)).into_bytes()
    };
    for chunk in [1, 1000, usize::MAX] {
        assert_eq!(read(&line(4096), limits, || chunk).frames.len(), 1);
        let fault = read(&line(4097), limits, || chunk).fault;
        assert_eq!(fault, Some(Fault::LineTooLong { limit: 4096 }));
    }
}

#[test]
fn w17_what_a_server_may_pass_on_fits_the_default_limit() {
    // The arguments of the publisher fill the server's 4096 bytes: `subject 1`.
    let subject = "x".repeat(4094);
    let core = format!("MSG {subject} 18446744073709551615 1\r\nz\r\n");
    assert_eq!(whole(core.as_bytes()).frames.len(), 1);
    let names = "n".repeat(255);
    let reply = format!("$JS.ACK.{names}.{names}.1.1000000.1000000.1700000000000000000.1000000");
    let stream = format!("MSG {subject} 123456 {reply} 1\r\nz\r\n");
    assert_eq!(whole(stream.as_bytes()).frames.len(), 1);
}

#[test]
fn w28_w29_the_message_limit_holds_before_any_payload_arrives() {
    let limits = Limits { message: 1000, ..Limits::default() };
    let fits = [&b"MSG a 1 1000\r\n"[..], &[b'x'; 1000], b"\r\n"].concat();
    assert_eq!(read(&fits, limits, || 7).frames.len(), 1);
    let fault = Some(Fault::MessageTooLarge { size: 1001, limit: 1000 });
    assert_eq!(read(b"MSG a 1 1001\r\n", limits, || 7).fault, fault);
    assert_eq!(read(b"HMSG a 1 12 1001\r\n", limits, || 7).fault, fault);
    let limit = Limits::default().message;
    assert_eq!(whole(b"MSG a 1 67108864\r\n").fault, None);
    let fault = whole(b"MSG a 1 67108865\r\n").fault;
    assert_eq!(fault, Some(Fault::MessageTooLarge { size: limit as u64 + 1, limit }));
}

#[test]
fn w23_extreme_limits_do_not_overflow() {
    let limits = Limits { control_line: usize::MAX, info_line: usize::MAX, message: usize::MAX };
    for stream in [&b"MSG a 1 18446744073709551615\r\n"[..], b"HMSG a 1 1 4294967295\r\n"] {
        let fault = read(stream, limits, || usize::MAX).fault;
        assert!(matches!(fault, Some(Fault::MessageTooLarge { .. })), "{fault:?}");
    }
    assert_eq!(read(b"MSG a 1 2147483648\r\nx", limits, || 1).fault, None);
}

#[test]
fn w56_err_of_64_kib_is_over_the_limit() {
    let stream = format!("-ERR '{}'\r\n", "x".repeat(64 << 10));
    assert!(matches!(whole(stream.as_bytes()).fault, Some(Fault::LineTooLong { .. })));
    let stream = format!("-ERR '{}'\r\n", "x".repeat(4000));
    assert_eq!(whole(stream.as_bytes()).frames, [Owned::Err(vec![b'x'; 4000])]);
}

#[test]
fn w63_an_info_of_nearly_1_mib_is_a_frame() {
    let limit = Limits::default().info_line;
    let json = format!("{{\"a\":\"{}\"}}", "x".repeat(limit - 15));
    let stream = format!("INFO {json}\r\n");
    assert_eq!(stream.len(), limit);
    let reading = read(stream.as_bytes(), Limits::default(), || 4096);
    assert_eq!(reading.frames, [Owned::Info(json.into_bytes())]);
}

#[test]
fn faults_are_protocol_errors_that_show_little() {
    for (name, stream, wanted) in ROWS.iter().filter(|(_, _, wanted)| wanted.contains('!')) {
        let error = Error::from(whole(stream).fault.unwrap());
        assert_eq!(error.code(), Code::Protocol, "{name}");
        let text = error.text();
        assert!(text.len() < 300 && !text.contains(char::is_control), "{name} ({wanted}): {text}");
    }
}
