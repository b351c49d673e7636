//! The client handle.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, oneshot};

use crate::conn::event::Event;
use crate::conn::lead::Lead;
use crate::conn::nuid::nuid;
use crate::conn::options::ConnectOptions;
use crate::conn::servers::{PoolServer, parse_servers};
use crate::conn::shared::{PongWaiter, Shared, State, Stats, lock};
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;
use crate::proto::outbox::Room;

/// A connection to NATS. Cheap to clone; all methods work from every thread.
///
/// The connection closes in the background when the last client and the last subscription of it are
/// dropped.
#[derive(Clone)]
pub struct Client {
    keeper: Arc<Keeper>,
}

/// A reference to a connection that does not keep it open.
#[derive(Clone, Debug, Default)]
pub struct WeakClient {
    shared: Weak<Shared>,
}

/// Closes the connection when nobody holds it any more. The driver holds [`Shared`] only.
struct Keeper {
    shared: Arc<Shared>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.begin_close();
    }
}

impl WeakClient {
    /// Whether it is a reference to the connection of `client`.
    pub fn is(&self, client: &Client) -> bool {
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(client.shared()))
    }

    /// Sends what [`Client::request_now`] has gathered.
    pub fn send(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.send();
        }
    }

    /// Lets the calling thread, which is about to wait for something that the connection brings,
    /// read its socket meanwhile: then no other thread has to be woken for it and wake this one.
    /// None: it has to wait as usual, since another thread reads already, or the connection is not a
    /// plain one, not yet prepared for that, or gone.
    pub fn lead(&self) -> Option<Lead> {
        Lead::of(&self.shared.upgrade()?)
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Client {
        Client { keeper: Arc::new(Keeper { shared }) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.keeper.shared
    }

    /// A reference that does not keep the connection open.
    pub fn downgrade(&self) -> WeakClient {
        WeakClient { shared: Arc::downgrade(self.shared()) }
    }

    /// Waits until the server has processed everything that was published before, for at most
    /// `flush_timeout`.
    ///
    /// # Errors
    /// As [`Client::flush_timeout`].
    pub async fn flush(&self) -> Result<()> {
        self.flush_timeout(self.options().flush_timeout).await
    }

    /// [`Client::flush`] with a timeout of its own. While disconnected it waits for the reconnect,
    /// and then answers for what the new socket carried: what the old one had swallowed may be gone.
    ///
    /// # Errors
    /// [`Code::Timeout`]; [`Code::ConnectionLost`] when the socket died before the server answered;
    /// [`Code::ConnectionClosed`].
    pub async fn flush_timeout(&self, timeout: Duration) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.shared().ping(PongWaiter::Flush(sender))?;
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Code::ConnectionClosed.into()),
            Err(_) => {
                let text = format!("no PONG within {} ms", timeout.as_millis());
                Err(Error::new(Code::Timeout, text))
            }
        }
    }

    /// The time that a PING takes to the server and back, waiting at most `flush_timeout`.
    ///
    /// # Errors
    /// As [`Client::flush_timeout`].
    pub async fn rtt(&self) -> Result<Duration> {
        self.rtt_timeout(self.options().flush_timeout).await
    }

    /// [`Client::rtt`] with a timeout of its own.
    ///
    /// # Errors
    /// As [`Client::flush_timeout`].
    pub async fn rtt_timeout(&self, timeout: Duration) -> Result<Duration> {
        let start = Instant::now();
        self.flush_timeout(timeout).await?;
        Ok(start.elapsed())
    }

    /// Closes the connection: everything that waits ends with [`Code::ConnectionClosed`] at once,
    /// what was published is still written (for at most two seconds). Returns when the socket is
    /// closed.
    pub async fn close(&self) {
        self.close_now();
        self.closed().await;
    }

    /// Starts [`Client::close`] and returns at once.
    pub fn close_now(&self) {
        self.shared().begin_close();
    }

    /// Waits until the connection is closed, by whomever.
    pub async fn closed(&self) {
        let mut state = self.shared().state.subscribe();
        // An error would mean that the sender is gone, which this client keeps alive.
        let _ = state.wait_for(|state| *state == State::Closed).await;
    }

    /// Leaves the current server and connects anew; while disconnected it changes nothing.
    ///
    /// # Errors
    /// [`Code::ConnectionClosed`].
    pub fn force_reconnect(&self) -> Result<()> {
        if self.state() == State::Closed {
            return Err(Code::ConnectionClosed.into());
        }
        self.shared().order(|orders| orders.reconnect = true);
        Ok(())
    }

    /// A new unique inbox subject.
    ///
    /// # Errors
    /// [`Code::Io`] when the system has no randomness.
    pub fn new_inbox(&self) -> Result<String> {
        Ok(format!("{}.{}", self.options().inbox_prefix, nuid()?))
    }

    /// The state now.
    pub fn state(&self) -> State {
        *self.shared().state.borrow()
    }

    /// Counters since the connection was made.
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// The events from now on, for as many listeners as ask. One that falls 256 events behind
    /// misses the oldest and is told so; a callback option misses none.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared().events.listen()
    }

    /// The newest INFO of the server that is or was connected.
    pub fn server_info(&self) -> Arc<ServerInfo> {
        lock(&self.shared().info).clone()
    }

    /// The connected server's URL, without credentials.
    pub fn connected_url(&self) -> Option<String> {
        lock(&self.shared().url).clone()
    }

    /// The servers that the connection knows, those first that are tried first.
    pub fn server_pool(&self) -> Vec<PoolServer> {
        lock(&self.shared().pool).list()
    }

    /// The URLs of [`Client::server_pool`].
    pub fn servers(&self) -> Vec<String> {
        self.server_pool().into_iter().map(|server| server.url).collect()
    }

    /// The URLs of those of them that were learnt from the cluster.
    pub fn discovered_servers(&self) -> Vec<String> {
        let pool = self.server_pool().into_iter();
        pool.filter(|server| server.discovered).map(|server| server.url).collect()
    }

    /// Replaces the servers that the connection knows, those learnt from the cluster too, by these
    /// (ADR-40). The connection stays where it is; the new ones count from the next reconnect on, and
    /// what the cluster tells from now on is added to them.
    ///
    /// # Errors
    /// [`Code::InvalidUrl`]: then nothing has changed.
    pub fn set_servers<T: AsRef<str>>(&self, urls: impl IntoIterator<Item = T>) -> Result<()> {
        let servers = parse_servers(urls)?;
        lock(&self.shared().pool).replace(servers, self.options().randomize);
        Ok(())
    }

    /// The last error of the connection: why the socket was lost, or what a server reported.
    pub fn last_error(&self) -> Option<Error> {
        lock(&self.shared().last_error).clone()
    }

    /// The largest payload (headers included) that the server accepts; `usize::MAX` before the
    /// first connection.
    pub fn max_payload(&self) -> usize {
        lock(&self.shared().outbox).max_payload()
    }

    /// Bytes that were accepted and are not written yet.
    pub fn outbound_pending(&self) -> usize {
        lock(&self.shared().outbox).pending()
    }

    /// What can be published now without waiting and without being refused.
    pub fn room(&self) -> Room {
        lock(&self.shared().outbox).room()
    }

    /// The options that the connection was made with.
    pub fn options(&self) -> &ConnectOptions {
        &self.shared().options
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.state())
            .field("url", &self.connected_url())
            .finish_non_exhaustive()
    }
}
