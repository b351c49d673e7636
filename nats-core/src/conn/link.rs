//! One connected socket with its protocol state, from the first byte to the end of the handshake.

use std::sync::{Arc, Mutex};
use std::task::Context;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::dial::dial;
use super::inbound::Inbound;
use super::login::{Challenge, login};
use super::options::ConnectOptions;
use super::server_addr::UrlAuth;
use super::servers::Target;
use super::socket::Watched;
use super::stream::Stream;
use super::tls;
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;
use crate::proto::block::Arrived;
use crate::proto::encode::ConnectInfo;
use crate::proto::parse::{Limits, MsgFrame};
use crate::proto::read_buffer::ReadBuffer;
use crate::proto::session::{Notice, PingRules, Session, Sink};

/// A connected socket.
pub(crate) struct Link {
    pub(crate) stream: Stream,
    /// The session that speaks on it, and what it has not yet understood.
    pub(crate) inbound: Arc<Mutex<Inbound>>,
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
        let limits = Limits { message: options.max_message_bytes, ..Limits::default() };
        let rules =
            PingRules { interval: options.ping_interval, max_outstanding: options.max_pings_out };
        let required = require_tls || target.addr.tls;
        let session = Session::new(limits, rules, required);
        let mut shake = Handshake { plain: Some(stream), tls: None, auth };
        let (session, buffer, info) = shake.run(session, target, options).await?;
        let stream = match (shake.tls, shake.plain) {
            (Some(stream), _) => Stream::Tls(stream),
            (None, Some(stream)) => Stream::Plain(Watched::new(stream)?),
            (None, None) => return Err(Code::Internal.into()),
        };
        let is_tls = matches!(stream, Stream::Tls(_));
        let inbound = Arc::new(Mutex::new(Inbound::new(session, buffer)));
        Ok((Link { stream, inbound, is_tls }, info))
    }

    /// Best effort: tells a TLS peer that nothing follows.
    pub(crate) fn poll_goodbye(&mut self, cx: &mut Context<'_>) {
        let _ = self.stream.poll_finish(cx);
    }
}

/// The handshake owns the plain socket until TLS takes it over.
struct Handshake {
    plain: Option<TcpStream>,
    tls: Option<Box<TlsStream<TcpStream>>>,
    /// What the URL says of who connects.
    auth: Option<UrlAuth>,
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
    ) -> Result<(Session, ReadBuffer, Box<ServerInfo>)> {
        let mut buf = ReadBuffer::default();
        let mut newest = None;
        if options.tls_first {
            let plain = self.plain.take().ok_or(Code::Internal)?;
            self.tls = Some(tls::upgrade(plain, options, &target.tls_name).await?);
            session.tls_first();
        }
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
                        let plain = self.plain.take().ok_or(Code::Internal)?;
                        self.tls = Some(tls::upgrade(plain, options, &target.tls_name).await?);
                        session.tls_established(buf.unread())?;
                    }
                    _ => {}
                }
            }
            if session.awaits_login() {
                let nonce = session.info().nonce.clone();
                let challenge = Challenge { url: target.addr.to_string(), nonce };
                let mut connect = connect_info(options);
                login(options, self.auth.take(), challenge).await?.tell(&mut connect);
                session.login(connect);
            }
            if ready {
                let info = newest.ok_or(Code::Internal)?;
                return Ok((session, buf, info));
            }
            self.write(&mut session).await?;
        }
    }

    async fn read(&mut self, buf: &mut ReadBuffer) -> Result<usize> {
        let count = match (&mut self.tls, &mut self.plain) {
            (Some(stream), _) => {
                // With TLS 1.3 it is here that a server's refusal of the client arrives.
                let read = stream.read(buf.room()).await;
                read.map_err(|error| tls::explained(error, "handshake"))?
            }
            (None, Some(stream)) => stream.read(buf.room()).await?,
            (None, None) => 0,
        };
        buf.filled(count);
        Ok(count)
    }

    async fn write(&mut self, session: &mut Session) -> Result<()> {
        let mut out = Vec::new();
        session.poll_output(&mut out);
        match (&mut self.tls, &mut self.plain) {
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

fn connect_info(options: &ConnectOptions) -> ConnectInfo {
    ConnectInfo {
        verbose: options.verbose,
        pedantic: options.pedantic,
        echo: options.echo,
        name: options.name.clone(),
        ..ConnectInfo::default()
    }
}
