//! One connected socket with its protocol state, from the first byte to the end of the handshake.

use std::sync::{Arc, Mutex};
use std::task::Context;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::{Dialled, dial};
use super::inbound::Inbound;
use super::login::{Challenge, login};
use super::options::ConnectOptions;
use super::server_addr::{ServerAddr, UrlAuth};
use super::servers::Target;
use super::socket::Watched;
use super::stream::Stream;
use super::transport::{Foreign, Transport};
use super::{tls, ws};
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
        let limits = Limits { message: options.max_message_bytes, ..Limits::default() };
        let rules =
            PingRules { interval: options.ping_interval, max_outstanding: options.max_pings_out };
        let required = require_tls || target.addr.scheme.is_tls();
        let mut session = Session::new(limits, rules, required);
        let auth = target.addr.auth.clone().or(default_auth);
        let mut shake = Handshake { io: Io(dial(&target.addr, options).await?), options, target };
        let mut is_tls = shake.prepare(required).await?;
        if target.addr.scheme.is_websocket() || is_tls {
            session.settled(is_tls);
        }
        let (buffer, info) = shake.run(&mut session, auth, &mut is_tls).await?;
        let stream = match shake.io.0 {
            Dialled::Tcp(stream) => Stream::Plain(Watched::new(stream)?),
            Dialled::Other(stream) => Stream::Other(stream),
        };
        let inbound = Arc::new(Mutex::new(Inbound::new(session, buffer)));
        Ok((Link { stream, inbound, is_tls }, info))
    }

    /// Best effort: tells a TLS peer that nothing follows.
    pub(crate) fn poll_goodbye(&mut self, cx: &mut Context<'_>) {
        let _ = self.stream.poll_finish(cx);
    }
}

/// What the handshake is spoken over: it changes on the way.
struct Io(Dialled);

struct Handshake<'a> {
    io: Io,
    options: &'a ConnectOptions,
    target: &'a Target,
}

/// Messages cannot arrive before the first SUB; a server that sends some has nobody to send them
/// to.
struct Nobody;

impl Sink for Nobody {
    fn message(&mut self, _: &MsgFrame, _: Arrived<'_>) {}
}

impl Handshake<'_> {
    /// What comes before the protocol. Returns whether it speaks TLS.
    async fn prepare(&mut self, required: bool) -> Result<bool> {
        let (options, addr) = (self.options, &self.target.addr);
        let websocket = addr.scheme.is_websocket();
        if websocket && required && !addr.scheme.is_tls() {
            let text = "TLS is required here, which a WebSocket has with wss:// only";
            return Err(Error::new(Code::Tls, text));
        }
        let tls = options.tls_first || (websocket && addr.scheme.is_tls());
        if tls {
            self.upgrade_tls().await?;
        }
        if websocket {
            let mut headers = options.ws_headers.clone();
            if let Some(callback) = &options.ws_headers_callback {
                headers.extend(callback(addr.to_string()).await?);
            }
            self.io.upgrade_websocket(addr, &headers, options.ws_compression).await?;
        }
        Ok(tls)
    }

    async fn run(
        &mut self,
        session: &mut Session,
        mut auth: Option<UrlAuth>,
        is_tls: &mut bool,
    ) -> Result<(ReadBuffer, Box<ServerInfo>)> {
        let mut buf = ReadBuffer::default();
        let mut newest = None;
        loop {
            if self.io.read(&mut buf).await? == 0 {
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
                        self.upgrade_tls().await?;
                        session.tls_established(buf.unread())?;
                        *is_tls = true;
                    }
                    _ => {}
                }
            }
            if session.awaits_login() {
                let nonce = session.info().nonce.clone();
                let challenge = Challenge { url: self.target.addr.to_string(), nonce };
                let mut connect = connect_info(self.options);
                login(self.options, auth.take(), challenge).await?.tell(&mut connect);
                session.login(connect);
            }
            if ready {
                let info = newest.ok_or(Code::Internal)?;
                return Ok((buf, info));
            }
            self.io.write(session).await?;
        }
    }

    async fn upgrade_tls(&mut self) -> Result<()> {
        let io = self.io.take();
        let Target { addr, tls_name } = self.target;
        let stream = tls::upgrade(io, self.options, tls_name, &addr.to_string()).await?;
        self.io = Io(Dialled::Other(Box::new(stream)));
        Ok(())
    }
}

impl Io {
    /// What there is, to put something on top of it; if that fails, the attempt has.
    fn take(&mut self) -> Box<dyn Transport> {
        let nothing = Dialled::Other(Box::new(Foreign(Box::new(tokio::io::empty()))));
        match std::mem::replace(&mut self.0, nothing) {
            Dialled::Tcp(stream) => Box::new(stream),
            Dialled::Other(stream) => stream,
        }
    }

    async fn upgrade_websocket(
        &mut self,
        addr: &ServerAddr,
        headers: &ws::UpgradeHeaders,
        compression: bool,
    ) -> Result<()> {
        let stream = ws::upgrade(self.take(), addr, headers, compression).await?;
        self.0 = Dialled::Other(Box::new(stream));
        Ok(())
    }

    async fn read(&mut self, buf: &mut ReadBuffer) -> Result<usize> {
        let count = match &mut self.0 {
            Dialled::Tcp(stream) => stream.read(buf.room()).await?,
            Dialled::Other(stream) => {
                // With TLS 1.3 it is here that a server's refusal of the client arrives.
                let read = stream.read(buf.room()).await;
                read.map_err(|error| tls::explained(error, "handshake"))?
            }
        };
        buf.filled(count);
        Ok(count)
    }

    async fn write(&mut self, session: &mut Session) -> Result<()> {
        let mut out = Vec::new();
        session.poll_output(&mut out);
        match &mut self.0 {
            Dialled::Tcp(stream) => stream.write_all(&out).await?,
            Dialled::Other(stream) => {
                stream.write_all(&out).await?;
                stream.flush().await?;
            }
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
