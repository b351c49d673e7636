//! One connected socket with its protocol state, from the first byte to the end of the handshake.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::dial::dial;
use super::options::ConnectOptions;
use super::server_addr::UrlAuth;
use super::servers::Target;
use super::stream::Stream;
use super::tls;
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;
use crate::proto::block::Arrived;
use crate::proto::encode::ConnectInfo;
use crate::proto::parse::{Limits, MsgFrame};
use crate::proto::session::{LARGE, Notice, PingRules, Session, Sink};

/// The read buffer begins small, so that an idle connection is cheap, and doubles while reads fill
/// it.
const READ_MIN: usize = 8 * 1024;
const READ_MAX: usize = 256 * 1024;
/// A frame up to this size gets a buffer as large as it says, whoever sends it.
const OWN_MAX: usize = 1024 * 1024 + 8 * 1024;
/// Its size is rounded up to a multiple of this, so that it fits others of about the same size.
const ROUND: usize = 4 * 1024;
/// So many of them are kept while there is something to read.
const KEPT: usize = 4;

/// A socket and the session that speaks on it.
pub(crate) struct Link {
    pub(crate) stream: Stream,
    pub(crate) session: Session,
    pub(crate) buf: BytesMut,
    /// The usual buffer, while `buf` is that of one large frame; and how large that is.
    aside: Option<(BytesMut, usize)>,
    /// The memory of large frames that came before, for those to come: what is allocated here and
    /// freed elsewhere, the system would have to clear each time.
    kept: Vec<Bytes>,
    read_size: usize,
    pub(crate) is_tls: bool,
}

impl Link {
    /// Dials and shakes hands; `require_tls` refuses a server without TLS, whatever the URL says.
    pub(crate) async fn open(
        target: &Target,
        options: &ConnectOptions,
        default_auth: Option<UrlAuth>,
        require_tls: bool,
    ) -> Result<(Link, Box<ServerInfo>)> {
        let stream = dial(&target.addr).await?;
        let auth = target.addr.auth.clone().or(default_auth);
        let template = connect_info(options, auth);
        let limits = Limits { message: options.max_message_bytes, ..Limits::default() };
        let rules =
            PingRules { interval: options.ping_interval, max_outstanding: options.max_pings_out };
        let required = require_tls || target.addr.tls;
        let connect = Box::new(move |_: &ServerInfo| template.clone());
        let session = Session::new(limits, rules, required, connect);
        let mut shake = Handshake { stream: Some(stream), upgraded: None };
        let (session, buf, info) = shake.run(session, target, options).await?;
        let is_tls = shake.upgraded.is_some();
        let stream = match (shake.upgraded, shake.stream) {
            (Some(stream), _) => stream,
            (None, Some(stream)) => stream.into(),
            (None, None) => return Err(Code::Internal.into()),
        };
        let (aside, kept, read_size) = (None, Vec::new(), READ_MIN);
        Ok((Link { stream, session, buf, aside, kept, read_size, is_tls }, info))
    }

    /// Reads once into the buffer. Ready(Ok(0)) is the end of the stream.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        if self.aside.is_none() {
            let spare = self.buf.capacity() - self.buf.len();
            if spare < self.read_size / 2 {
                self.buf.reserve(self.read_size);
            }
        }
        let spare = self.buf.capacity() - self.buf.len();
        let offered = match &self.aside {
            None => spare.min(self.read_size),
            Some((_, frame)) => frame - self.buf.len(),
        };
        let mut place = (&mut self.buf).limit(offered);
        // read_buf keeps no state between polls, so a new future for each poll loses nothing.
        let read = pin!(self.stream.read_buf(&mut place)).poll(cx);
        if matches!(read, Poll::Ready(Ok(count)) if count == offered) && self.aside.is_none() {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        }
        read
    }

    /// Makes room for a frame of `needed` bytes, growing no faster than bytes arrive.
    ///
    /// A large frame gets a buffer of its own, which is read until it is full, so that it need not
    /// be copied out of another.
    pub(crate) fn make_room(&mut self, needed: usize) {
        if self.buf.is_empty()
            && let Some((usual, _)) = self.aside.take()
        {
            self.buf = usual;
            self.kept.extend(self.session.take_large());
            if self.kept.len() > KEPT {
                self.kept.remove(0);
            }
            // The beginning of the next one, which mostly is as large, and not much more.
            self.read_size = READ_MIN;
        }
        let missing = needed.saturating_sub(self.buf.len());
        let large = (LARGE..=OWN_MAX).contains(&needed) && missing >= READ_MIN;
        if large && self.aside.is_none() {
            let mut own = self.kept_buffer(needed);
            own.extend_from_slice(&self.buf);
            self.buf.clear();
            self.aside = Some((std::mem::replace(&mut self.buf, own), needed));
            return;
        }
        let step = self.buf.len().max(READ_MAX);
        if missing > self.buf.capacity() - self.buf.len() {
            self.buf.reserve(missing.min(step));
        }
    }

    /// An empty buffer for so many bytes, if possible of memory that messages have left.
    fn kept_buffer(&mut self, needed: usize) -> BytesMut {
        let free = self.kept.iter().rposition(Bytes::is_unique);
        let own = free.and_then(|free| self.kept.remove(free).try_into_mut().ok());
        match own {
            Some(mut own) if (needed..=needed * 2).contains(&own.capacity()) => {
                own.clear();
                own
            }
            _ => BytesMut::with_capacity(needed.next_multiple_of(ROUND)),
        }
    }

    /// Gives a large buffer back once it is empty, so that an idle connection stays cheap.
    pub(crate) fn shrink(&mut self) {
        let large = self.read_size > READ_MIN || self.buf.capacity() > 4 * READ_MIN;
        if self.buf.is_empty() && large {
            self.read_size = READ_MIN;
            self.buf = BytesMut::new();
        }
        if self.buf.is_empty() {
            self.kept.clear();
        }
    }

    /// Best effort: tells a TLS peer that nothing follows.
    pub(crate) fn poll_goodbye(&mut self, cx: &mut Context<'_>) {
        let _ = pin!(self.stream.shutdown()).poll(cx);
    }
}

/// The handshake owns the plain socket until TLS takes it over.
struct Handshake {
    stream: Option<TcpStream>,
    upgraded: Option<Stream>,
}

/// Messages cannot arrive before the first SUB; a server that sends some has nobody to send them
/// to.
struct Nobody;

impl Sink for Nobody {
    fn message(&mut self, _: &MsgFrame, _: Arrived<'_>) {}
}

impl Handshake {
    async fn run(
        &mut self,
        mut session: Session,
        target: &Target,
        options: &ConnectOptions,
    ) -> Result<(Session, BytesMut, Box<ServerInfo>)> {
        let mut buf = BytesMut::with_capacity(READ_MIN);
        let mut newest = None;
        loop {
            if self.read(&mut buf).await? == 0 {
                let text = "the server closed the connection during the handshake";
                return Err(Error::new(Code::Io, text));
            }
            session.handle_bytes(&mut buf, Instant::now(), &mut Nobody)?;
            let mut ready = false;
            while let Some(notice) = session.poll_notice() {
                match notice {
                    Notice::Info(info) => newest = Some(info),
                    Notice::Ready => ready = true,
                    Notice::UpgradeTls => {
                        let plain = self.stream.take().ok_or(Code::Internal)?;
                        let config = tls::config(options.tls_ca_file.as_deref())?;
                        self.upgraded = Some(tls::upgrade(plain, config, &target.tls_name).await?);
                        session.tls_established(&buf)?;
                    }
                    _ => {}
                }
            }
            if ready {
                let info = newest.ok_or(Code::Internal)?;
                return Ok((session, buf, info));
            }
            self.write(&mut session).await?;
        }
    }

    async fn read(&mut self, buf: &mut BytesMut) -> Result<usize> {
        buf.reserve(READ_MIN);
        Ok(match (&mut self.upgraded, &mut self.stream) {
            (Some(stream), _) => stream.read_buf(buf).await?,
            (None, Some(stream)) => stream.read_buf(buf).await?,
            (None, None) => 0,
        })
    }

    async fn write(&mut self, session: &mut Session) -> Result<()> {
        let mut out = Vec::new();
        session.poll_output(&mut out);
        match (&mut self.upgraded, &mut self.stream) {
            (Some(stream), _) => {
                stream.write_all(&out).await?;
                stream.flush().await?;
            }
            (None, Some(stream)) => stream.write_all(&out).await?,
            (None, None) => {}
        }
        Ok(())
    }
}

fn connect_info(options: &ConnectOptions, auth: Option<UrlAuth>) -> ConnectInfo {
    let mut info = ConnectInfo {
        verbose: options.verbose,
        pedantic: options.pedantic,
        echo: options.echo,
        name: options.name.clone(),
        ..ConnectInfo::default()
    };
    match auth {
        Some(UrlAuth::User(user, password)) => {
            info.user = Some(user);
            info.pass = Some(password);
        }
        Some(UrlAuth::Token(token)) => info.auth_token = Some(token),
        None => {
            info.user = options.user.clone();
            info.pass = options.password.as_ref().map(|secret| secret.to_wire());
            info.auth_token = options.token.as_ref().map(|secret| secret.to_wire());
        }
    }
    info
}
