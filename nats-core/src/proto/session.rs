//! The life of one socket as a state machine: handshake, pings, server errors.
//!
//! Bytes and the time go in; control bytes, notices and messages come out. The session never
//! touches a socket or a clock, so the rules below are tested with byte strings and instants of the
//! test's own making.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::block::Arrived;
use super::encode::{self, ConnectInfo};
use super::info::ServerInfo;
use super::parse::{Frame, Limits, MsgFrame, Parser, Step};
use super::read_buffer::{LARGE, ReadBuffer};
use super::server_error::{Scope, ServerError};
use crate::error::{Code, Error, Result};

/// PONGs beyond this many unwritten bytes are not sent.
const CONTROL_LIMIT: usize = 64 * 1024;

/// Ping rules of a connection.
#[derive(Clone, Copy, Debug)]
pub struct PingRules {
    /// Time between two pings; zero switches them off.
    pub interval: Duration,
    /// Pings that may be unanswered before the connection counts as stale.
    pub max_outstanding: u32,
}

/// What the session tells the driver.
#[derive(Debug, PartialEq)]
pub enum Notice {
    /// The server sent INFO (at the handshake and whenever its settings change).
    Info(Box<ServerInfo>),
    /// The socket must be upgraded to TLS now; then call [`Session::tls_established`].
    UpgradeTls,
    /// The handshake is complete.
    Ready,
    /// It is time to send a PING.
    Ping,
    /// A PONG arrived.
    Pong,
    /// The server reported an error that does not end the connection.
    ServerError(ServerError),
    /// Something arrived that could not be understood and was ignored.
    Ignored(Error),
}

/// Where received messages go.
pub trait Sink {
    /// Takes one message; the frame's ranges are offsets into it. Called in the order of arrival.
    fn message(&mut self, frame: &MsgFrame, arrived: Arrived<'_>);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    AwaitInfo,
    AwaitTls,
    AwaitLogin,
    AwaitPong,
    Live,
}

/// One socket's protocol state.
pub struct Session {
    parser: Parser,
    phase: Phase,
    want_tls: bool,
    is_tls: bool,
    /// There is no changing over to TLS.
    settled: bool,
    info: ServerInfo,
    rules: PingRules,
    outstanding: u32,
    ping_at: Option<Instant>,
    control: Vec<u8>,
    notices: VecDeque<Notice>,
}

impl Session {
    /// A session for a new socket. `want_tls` refuses a server that does not offer TLS.
    pub fn new(limits: Limits, rules: PingRules, want_tls: bool) -> Session {
        Session {
            parser: Parser::new(limits),
            phase: Phase::AwaitInfo,
            want_tls,
            is_tls: false,
            settled: false,
            info: ServerInfo::default(),
            rules,
            outstanding: 0,
            ping_at: None,
            control: Vec::new(),
            notices: VecDeque::new(),
        }
    }

    /// Consumes the whole frames of `buf`, leaves the rest, and makes room for the next one.
    ///
    /// # Errors
    /// The peer broke the protocol or refused the connection: the socket is to be closed.
    pub fn handle_bytes(
        &mut self,
        buf: &mut ReadBuffer,
        now: Instant,
        sink: &mut impl Sink,
    ) -> Result<()> {
        let mut at = 0;
        loop {
            if self.phase == Phase::AwaitTls {
                buf.consume(at);
                return Ok(());
            }
            let bytes = buf.unread().get(at..).unwrap_or_default();
            match self.parser.next(bytes)? {
                Step::More { needed } => {
                    buf.consume(at);
                    buf.make_room(needed);
                    return Ok(());
                }
                Step::Frame { frame: frame @ Frame::Msg(_), .. }
                    if self.phase == Phase::AwaitInfo =>
                {
                    return Err(self.instead_of_info(&frame, bytes));
                }
                Step::Frame { frame: Frame::Msg(frame), len } => {
                    if len >= LARGE
                        && let Some(whole) = buf.take_large()
                    {
                        sink.message(&frame, Arrived::Split(whole));
                        continue;
                    }
                    // Without the CRLF behind the payload, which nobody asks for again.
                    sink.message(&frame, Arrived::Copied(&buf.unread()[at..at + len - 2]));
                    at += len;
                }
                Step::Frame { frame, len } => {
                    let end = at + len;
                    let bytes = Bytes::copy_from_slice(&bytes[..len]);
                    at = end;
                    self.control_frame(&frame, &bytes, now)?;
                }
            }
        }
    }

    /// Tells the session that the transport is what it will be, before the server says anything: TLS
    /// from the beginning, or a WebSocket, which does not change over either.
    pub fn settled(&mut self, is_tls: bool) {
        (self.is_tls, self.settled) = (is_tls, true);
    }

    /// Tells the session that the socket now speaks TLS.
    ///
    /// # Errors
    /// Bytes that arrived in the clear behind the INFO: nobody can vouch for them.
    pub fn tls_established(&mut self, leftover: &[u8]) -> Result<()> {
        if !leftover.is_empty() {
            let text = "the server sent bytes in the clear after asking for TLS";
            return Err(Error::new(Code::Protocol, text));
        }
        self.is_tls = true;
        self.phase = Phase::AwaitLogin;
        Ok(())
    }

    /// Whether the handshake waits for [`Session::login`].
    pub fn awaits_login(&self) -> bool {
        self.phase == Phase::AwaitLogin
    }

    /// Says who connects, with what [`Session::info`] asks for (it may carry a nonce to sign).
    pub fn login(&mut self, mut connect: ConnectInfo) {
        connect.tls_required = self.is_tls;
        encode::connect(&mut self.control, &connect);
        encode::ping(&mut self.control);
        self.phase = Phase::AwaitPong;
    }

    /// Fires the timers that are due.
    ///
    /// # Errors
    /// [`Code::StaleConnection`] when the server left too many pings unanswered.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        let Some(due) = self.ping_at.filter(|due| *due <= now) else { return Ok(()) };
        if self.outstanding >= self.rules.max_outstanding {
            let text = format!(
                "{} pings, {} ms apart, were not answered",
                self.outstanding,
                self.rules.interval.as_millis()
            );
            return Err(Error::new(Code::StaleConnection, text));
        }
        self.outstanding += 1;
        self.notices.push_back(Notice::Ping);
        // A process that was suspended owes one ping, not all that it slept through.
        let next = due + self.rules.interval;
        self.ping_at = Some(if next > now { next } else { now + self.rules.interval });
        Ok(())
    }

    /// When [`Session::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ping_at
    }

    /// Moves the control bytes that must be written (before anything else) to `out`.
    pub fn poll_output(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.control);
    }

    /// The next notice.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Whether a PONG is the next notice.
    pub fn next_is_pong(&self) -> bool {
        matches!(self.notices.front(), Some(Notice::Pong))
    }

    /// Whether there are notices or control bytes.
    pub fn has_something(&self) -> bool {
        !self.notices.is_empty() || !self.control.is_empty()
    }

    /// The newest INFO.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    fn control_frame(&mut self, frame: &Frame, bytes: &Bytes, now: Instant) -> Result<()> {
        if self.phase == Phase::AwaitInfo && !matches!(frame, Frame::Info(_)) {
            return Err(self.instead_of_info(frame, bytes));
        }
        match frame {
            Frame::Info(json) => self.server_info(&bytes[json.clone()]),
            Frame::Ping => {
                // A flood of pings from a peer that does not read must not fill the memory.
                if self.control.len() < CONTROL_LIMIT {
                    encode::pong(&mut self.control);
                }
                Ok(())
            }
            Frame::Pong => {
                self.pong(now);
                Ok(())
            }
            Frame::Err(text) => self.server_error(&bytes[text.clone()]),
            Frame::Ok | Frame::Msg(_) => Ok(()),
        }
    }

    fn instead_of_info(&self, frame: &Frame, bytes: &[u8]) -> Error {
        if let Frame::Err(text) = frame {
            return ServerError::parse(bytes.get(text.clone()).unwrap_or_default()).error;
        }
        let seen = bytes[..bytes.len().min(64)].escape_ascii();
        Error::new(Code::Protocol, format!("expected INFO from the server, got \"{seen}\""))
    }

    fn server_info(&mut self, json: &[u8]) -> Result<()> {
        let info = match ServerInfo::parse(json) {
            Ok(info) => info,
            Err(error) if self.phase == Phase::AwaitInfo => return Err(error),
            // The last good INFO stays in force: an update that cannot be read is no reason to
            // leave.
            Err(error) => {
                self.notices.push_back(Notice::Ignored(error));
                return Ok(());
            }
        };
        self.info = info;
        self.notices.push_back(Notice::Info(Box::new(self.info.clone())));
        if self.phase != Phase::AwaitInfo {
            return Ok(());
        }
        if !self.settled && (self.want_tls || self.info.tls_required) {
            if !self.info.tls_required && !self.info.tls_available {
                let text = "TLS is required here, but the server does not offer it";
                return Err(Error::new(Code::Tls, text));
            }
            self.phase = Phase::AwaitTls;
            self.notices.push_back(Notice::UpgradeTls);
        } else {
            self.phase = Phase::AwaitLogin;
        }
        Ok(())
    }

    fn pong(&mut self, now: Instant) {
        self.outstanding = 0;
        if self.phase == Phase::AwaitPong {
            self.phase = Phase::Live;
            if !self.rules.interval.is_zero() {
                self.ping_at = now.checked_add(self.rules.interval);
            }
            self.notices.push_back(Notice::Ready);
        } else {
            self.notices.push_back(Notice::Pong);
        }
    }

    fn server_error(&mut self, text: &[u8]) -> Result<()> {
        let reported = ServerError::parse(text);
        if reported.scope == Scope::Connection || self.phase != Phase::Live {
            return Err(reported.error);
        }
        self.notices.push_back(Notice::ServerError(reported));
        Ok(())
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
