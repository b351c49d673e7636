//! Making a connection.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tracing::Instrument;

use super::handle::Client;
use crate::conn::driver::Driver;
use crate::conn::options::ConnectOptions;
use crate::conn::requests::expire;
use crate::conn::shared::{Shared, lock};
use crate::conn::supervise::supervise;
use crate::conn::transport::ByteStream;
use crate::error::{Code, Error, Result};

/// Connects with the default options. `servers` is one URL or several, separated by commas.
///
/// # Errors
/// See [`ConnectOptions::connect`].
pub async fn connect(servers: &str) -> Result<Client> {
    ConnectOptions::new().servers([servers]).connect().await
}

impl ConnectOptions {
    /// Connects: success means that a server has accepted the connection, or that attempts go on in
    /// the background (`retry_on_failed_connect`, `connect_in_background`). Must run inside a tokio
    /// runtime. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// [`Code::InvalidUrl`] and [`Code::InvalidOption`] before anything is dialled;
    /// [`Code::NoServers`], [`Code::Authorization`] or [`Code::Tls`] when every server failed, with
    /// a text that says why for each.
    pub async fn connect(self) -> Result<Client> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "connect needs a tokio runtime"))?;
        let shared = Shared::new(self.with_context().await?)?;
        let client = Client::new(shared.clone());
        runtime.spawn(expire(Arc::downgrade(&shared.requests)));
        let fault = shared.options.fault.clone();
        let name = shared.options.name.as_deref().unwrap_or_default();
        let span = tracing::info_span!(target: "nats", "connection", name);
        if shared.options.connect_in_background {
            runtime.spawn(supervise(Driver::new(shared, None), fault).instrument(span));
            return Ok(client);
        }
        let (first, connected) = oneshot::channel();
        runtime.spawn(supervise(Driver::new(shared, Some(first)), fault).instrument(span));
        match connected.await {
            Ok(result) => result.map(|()| client),
            Err(_) => Err(Code::ConnectionClosed.into()),
        }
    }

    /// [`ConnectOptions::connect`] through a stream that leads to a server already: a Unix-domain
    /// socket, a pipe within the process, a tunnel. TLS and WebSocket go on top of it as the first
    /// URL says. There is only the one stream, so the connection is not made again once it is lost.
    ///
    /// # Errors
    /// As [`ConnectOptions::connect`].
    pub async fn connect_stream(mut self, stream: impl ByteStream + 'static) -> Result<Client> {
        (self.reconnect, self.retry_on_failed_connect) = (false, false);
        self.servers.truncate(1);
        let stream: Mutex<Option<Box<dyn ByteStream>>> = Mutex::new(Some(Box::new(stream)));
        let once = move |_| {
            let stream = lock(&stream).take();
            async { stream.ok_or_else(|| Error::new(Code::Io, "the stream was used already")) }
        };
        self.dialer(once).connect().await
    }
}
