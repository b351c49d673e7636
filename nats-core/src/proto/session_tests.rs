//! The session's rules, with a clock of the test's own and no socket.

use super::*;
use crate::proto::block::{Block, Expected};
use crate::proto::message::{RawMessage, Run};

#[derive(Default)]
struct Got(Vec<RawMessage>);

impl Sink for Got {
    fn message(&mut self, frame: &MsgFrame, arrived: Arrived<'_>) {
        self.0.extend(Run::from(Block::new(arrived, frame, Expected::default())));
    }
}

struct Rig {
    session: Session,
    buf: ReadBuffer,
    now: Instant,
    got: Got,
}

const INFO: &str = "INFO {\"server_id\":\"A\",\"max_payload\":100,\"headers\":true}\r\n";

impl Rig {
    fn new(want_tls: bool) -> Rig {
        let rules = PingRules { interval: Duration::from_secs(10), max_outstanding: 2 };
        Rig {
            session: Session::new(Limits::default(), rules, want_tls),
            buf: ReadBuffer::default(),
            now: Instant::now(),
            got: Got::default(),
        }
    }

    fn live() -> Rig {
        let mut rig = Rig::new(false);
        rig.feed(INFO).unwrap();
        rig.feed("PONG\r\n").unwrap();
        rig.output();
        assert_eq!(rig.notices().last(), Some(&Notice::Ready));
        rig
    }

    fn feed(&mut self, text: impl AsRef<[u8]>) -> Result<()> {
        let mut left = text.as_ref();
        while !left.is_empty() {
            let room = self.buf.room();
            let (read, rest) = left.split_at(room.len().min(left.len()));
            room[..read.len()].copy_from_slice(read);
            left = rest;
            self.buf.filled(read.len());
            self.session.handle_bytes(&mut self.buf, self.now, &mut self.got)?;
            self.login();
        }
        Ok(())
    }

    fn login(&mut self) {
        if self.session.awaits_login() {
            self.session.login(ConnectInfo::default());
        }
    }

    fn output(&mut self) -> String {
        let mut out = Vec::new();
        self.session.poll_output(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.session.poll_notice()).collect()
    }

    fn pass(&mut self, seconds: u64) -> Result<()> {
        self.now += Duration::from_secs(seconds);
        self.session.handle_timeout(self.now)
    }
}

#[test]
fn handshake_sends_connect_and_ping_and_waits_for_the_pong() {
    let mut rig = Rig::new(false);
    rig.feed(&INFO[..20]).unwrap();
    assert_eq!(rig.output(), "");
    rig.feed(&INFO[20..]).unwrap();
    let sent = rig.output();
    assert!(sent.starts_with("CONNECT {") && sent.ends_with("}\r\nPING\r\n"), "{sent}");
    assert!(matches!(rig.notices()[..], [Notice::Info(_)]));
    rig.feed("+OK\r\nPING\r\nINFO {}\r\n").unwrap();
    assert_eq!(rig.output(), "PONG\r\n");
    rig.feed("PONG\r\n").unwrap();
    assert_eq!(rig.notices().last(), Some(&Notice::Ready));
}

#[test]
fn every_split_of_the_handshake_gives_the_same_result() {
    let behind = "PING\r\nPONG\r\nMSG a 1 2\r\nok\r\n";
    for cut in 0..INFO.len() + behind.len() {
        let mut rig = Rig::new(false);
        // A server says nothing behind its INFO before it is told who connects.
        for part in [INFO, behind] {
            let at = cut.checked_sub(if part == INFO { 0 } else { INFO.len() });
            let at = at.unwrap_or_default().min(part.len());
            rig.feed(&part[..at]).unwrap();
            rig.feed(&part[at..]).unwrap();
        }
        assert!(rig.notices().contains(&Notice::Ready), "cut at {cut}");
        assert_eq!(rig.got.0.len(), 1, "cut at {cut}");
        assert!(rig.output().ends_with("PONG\r\n"));
    }
}

#[test]
fn anything_but_info_first_fails_and_names_what_was_seen() {
    let firsts = [
        ("PING\r\n", "PING"),
        ("+OK\r\n", "+OK"),
        ("PONG\r\n", "PONG"),
        ("MSG a 1 0\r\n\r\n", "MSG a"),
    ];
    for (first, seen) in firsts {
        let error = Rig::new(false).feed(first).unwrap_err();
        assert_eq!(error.code(), Code::Protocol);
        assert!(error.text().contains(seen), "{error}");
    }
    let refused = Rig::new(false).feed("-ERR 'maximum connections exceeded'\r\n").unwrap_err();
    assert_eq!(refused.code(), Code::MaxConnections);
    for banner in ["HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        assert_eq!(Rig::new(false).feed(banner).unwrap_err().code(), Code::Protocol, "{banner}");
    }
}

#[test]
fn a_refusal_during_the_handshake_ends_it_with_its_code() {
    let mut rig = Rig::new(false);
    rig.feed(INFO).unwrap();
    let error = rig.feed("-ERR 'Authorization Violation'\r\n").unwrap_err();
    assert_eq!(error.code(), Code::Authorization);
}

#[test]
fn tls_is_asked_for_by_server_or_option_and_never_skipped() {
    let mut rig = Rig::new(true);
    let error = rig.feed(INFO).unwrap_err();
    assert_eq!(error.code(), Code::Tls);

    for (want, info) in [(false, "{\"tls_required\":true}"), (true, "{\"tls_available\":true}")] {
        let mut rig = Rig::new(want);
        rig.feed(format!("INFO {info}\r\n")).unwrap();
        assert_eq!(rig.notices().last(), Some(&Notice::UpgradeTls));
        assert_eq!(rig.output(), "", "no CONNECT in the clear");
        rig.session.tls_established(&[]).unwrap();
        rig.login();
        assert!(rig.output().contains("\"tls_required\":true"));
    }

    let mut rig = Rig::new(false);
    rig.feed("INFO {\"tls_required\":true}\r\nPONG\r\n").unwrap();
    let leftover = rig.buf.unread().to_vec();
    assert_eq!(leftover, b"PONG\r\n");
    assert_eq!(rig.session.tls_established(&leftover).unwrap_err().code(), Code::Protocol);
}

#[test]
fn unanswered_pings_make_the_connection_stale_and_answered_ones_do_not() {
    let mut rig = Rig::live();
    for _ in 0..5 {
        rig.pass(10).unwrap();
        assert_eq!(rig.notices(), [Notice::Ping]);
        rig.feed("PONG\r\n").unwrap();
        assert_eq!(rig.notices(), [Notice::Pong]);
    }
    rig.pass(10).unwrap();
    rig.pass(10).unwrap();
    assert_eq!(rig.pass(10).unwrap_err().code(), Code::StaleConnection);
}

#[test]
fn a_flood_of_pings_is_answered_within_bounds() {
    let mut rig = Rig::live();
    for _ in 0..1000 {
        rig.feed("PING\r\n".repeat(100)).unwrap();
    }
    let answered = rig.output().len();
    assert!((CONTROL_LIMIT..CONTROL_LIMIT + 6).contains(&answered), "{answered}");
}

#[test]
fn a_suspended_process_sends_one_ping_not_many() {
    let mut rig = Rig::live();
    rig.pass(600).unwrap();
    assert_eq!(rig.notices(), [Notice::Ping]);
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(10)));
}

#[test]
fn server_errors_end_the_connection_only_when_they_say_so() {
    let mut rig = Rig::live();
    rig.feed("-ERR\r\n-ERR ''\r\n-ERR 'Some Future Error'\r\n").unwrap();
    rig.feed("-ERR 'Permissions Violation for Publish to \"a\"'\r\n").unwrap();
    let notices = rig.notices();
    assert_eq!(notices.len(), 4);
    assert!(notices.iter().all(|n| matches!(n, Notice::ServerError(_))));
    let stale = rig.feed("-ERR 'Stale Connection'\r\n").unwrap_err();
    assert_eq!(stale.code(), Code::StaleConnection);
}

#[test]
fn bad_info_in_mid_stream_is_ignored_and_the_last_good_one_kept() {
    let mut rig = Rig::live();
    for bad in ["null", "[]", "{\"max_payload\":-1}", "{\"max_pay", "\"x\"", "{\"port\":1e30}"] {
        rig.feed(format!("INFO {bad}\r\n")).unwrap();
        assert!(matches!(rig.notices()[..], [Notice::Ignored(_)]), "{bad}");
        assert_eq!(rig.session.info().max_payload, 100);
    }
    rig.feed("INFO {\"max_payload\":50}\r\n").unwrap();
    assert_eq!(rig.session.info().max_payload, 50);
}

#[test]
fn a_large_frame_alone_leaves_the_buffer_without_a_copy_and_others_do_not_pin_it() {
    let mut rig = Rig::live();
    let payload = vec![b'x'; LARGE];
    let mut wire = b"MSG s 1 2\r\nok\r\n".to_vec();
    wire.extend_from_slice(format!("MSG s 1 {}\r\n", payload.len()).as_bytes());
    wire.extend_from_slice(&payload);
    wire.extend_from_slice(b"\r\nMSG s 1 3\r\nend\r\n");
    rig.feed(&wire).unwrap();
    let payloads: Vec<_> = rig.got.0.iter().map(|m| m.view().payload().to_vec()).collect();
    assert_eq!(payloads, [b"ok".to_vec(), payload.clone(), b"end".to_vec()]);
    assert!(rig.buf.unread().is_empty());
    // The memory of the frame is used again once nobody holds its message.
    let begin = rig.got.0[1].view().payload().as_ptr();
    rig.got.0.clear();
    rig.feed(&wire).unwrap();
    assert_eq!(rig.got.0[1].view().payload().as_ptr(), begin);
}
