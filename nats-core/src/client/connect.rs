//! Making a connection.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::handle::Client;
use crate::conn::driver::Driver;
use crate::conn::options::ConnectOptions;
use crate::conn::requests::expire;
use crate::conn::shared::Shared;
use crate::conn::supervise::supervise;
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
        let shared = Shared::new(self)?;
        let client = Client::new(shared.clone());
        runtime.spawn(expire(Arc::downgrade(&shared.requests)));
        let fault = shared.options.fault.clone();
        if shared.options.connect_in_background {
            runtime.spawn(supervise(Driver::new(shared, None), fault));
            return Ok(client);
        }
        let (first, connected) = oneshot::channel();
        runtime.spawn(supervise(Driver::new(shared, Some(first)), fault));
        match connected.await {
            Ok(result) => result.map(|()| client),
            Err(_) => Err(Code::ConnectionClosed.into()),
        }
    }
}
