//! A server that plays a script.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::background::Background;
use crate::fake_conn::{self, Command};
use crate::log::{lock, wait_until};
use crate::{Error, Result};

/// The INFO of [`Step::Handshake`].
pub const DEFAULT_INFO: &str = concat!(
    r#"{"server_id":"FAKE","server_name":"fake","version":"2.15.1","proto":1,"go":"none","#,
    r#""host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"client_id":1}"#
);

/// One step of a script. Steps that wait go on reading and recording, except [`Step::Stall`].
///
/// After the last step the connection goes on as with [`Step::Serve`].
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes these bytes.
    Send(Vec<u8>),
    /// Writes a text with words of received lines put in: `{1}` is the second word of the line
    /// that the last `Expect` or `ReadLine` took, `{-1}` its last word, `{SUB.2}` the third word
    /// of the latest SUB line.
    Reply(String),
    /// Reads operations until a line begins with this text; payloads are no lines.
    Expect(String),
    /// Reads one operation.
    ReadLine,
    /// Sends [`DEFAULT_INFO`], waits for CONNECT and PING, answers PONG.
    Handshake,
    /// The same with this INFO document.
    HandshakeWith(String),
    /// Writes the bytes in pieces of these sizes, apart from each other; the last size repeats.
    Chunked(Vec<u8>, Vec<usize>),
    /// Writes byte after byte with this delay between two.
    Drip(Vec<u8>, Duration),
    /// Waits this long.
    Delay(Duration),
    /// Waits until the test calls [`FakeServer::release`]; one call opens one gate.
    Gate,
    /// Answers PING with PONG until the client leaves.
    Serve,
    /// Reads and answers nothing until the client leaves.
    Silence,
    /// Neither reads nor writes any more, so that the client's writes get stuck.
    Stall,
    /// Ends the server's side in order (FIN), then reads what the client still sends.
    Close,
    /// Ends the connection with RST.
    Reset,
}

impl Step {
    /// [`Step::Send`] of a text.
    pub fn send(text: impl AsRef<[u8]>) -> Self {
        Self::Send(text.as_ref().to_vec())
    }

    /// [`Step::Expect`].
    pub fn expect(prefix: &str) -> Self {
        Self::Expect(prefix.to_owned())
    }

    /// [`Step::Reply`].
    pub fn reply(template: &str) -> Self {
        Self::Reply(template.to_owned())
    }
}

/// A scripted server on a free port of 127.0.0.1. It takes several connections, one after the
/// other or at the same time; they are numbered from 0 in the order of their arrival.
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _background: Background,
}

pub(crate) struct Shared {
    pub(crate) scripts: Vec<Vec<Step>>,
    pub(crate) gates: Semaphore,
    records: Mutex<Vec<Record>>,
    changed: Condvar,
}

struct Record {
    received: Vec<u8>,
    open: bool,
    commands: mpsc::UnboundedSender<Command>,
}

impl FakeServer {
    /// Starts a server that plays this script on every connection.
    ///
    /// # Errors
    /// No port or thread to be had.
    pub fn start(script: Vec<Step>) -> Result<Self> {
        Self::start_with(vec![script])
    }

    /// Starts a server with one script a connection; the last one repeats.
    ///
    /// # Errors
    /// No port or thread to be had, or no script.
    pub fn start_with(scripts: Vec<Vec<Step>>) -> Result<Self> {
        if scripts.is_empty() {
            return Err(Error::new("a fake server needs a script"));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            scripts,
            gates: Semaphore::new(0),
            records: Mutex::default(),
            changed: Condvar::new(),
        });
        let for_thread = Arc::clone(&shared);
        let main = move || fake_conn::accept(listener, for_thread);
        let background = Background::start("harness-fake", main)?;
        Ok(Self { address, shared, _background: background })
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// The address for clients, `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The port for clients.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The number of connections so far, closed ones among them.
    pub fn connections(&self) -> usize {
        lock(&self.shared.records).len()
    }

    /// Everything that a connection has received; empty for one that has not come yet.
    pub fn received(&self, connection: usize) -> Vec<u8> {
        lock(&self.shared.records).get(connection).map(|r| r.received.clone()).unwrap_or_default()
    }

    /// The same as text, for assertions and messages.
    pub fn received_text(&self, connection: usize) -> String {
        String::from_utf8_lossy(&self.received(connection)).into_owned()
    }

    /// Waits until so many connections have come.
    ///
    /// # Errors
    /// The time is over.
    pub fn wait_connections(&self, count: usize, timeout: Duration) -> Result<()> {
        self.wait(timeout, |records| records.len() >= count)
            .ok_or_else(|| Error::new(format!("{} of {count} connections", self.connections())))
    }

    /// Waits until what a connection has received satisfies the predicate.
    ///
    /// # Errors
    /// The time is over; the error shows what was received.
    pub fn wait_for(
        &self,
        connection: usize,
        timeout: Duration,
        mut predicate: impl FnMut(&[u8]) -> bool,
    ) -> Result<()> {
        self.wait(timeout, |records| {
            records.get(connection).is_some_and(|record| predicate(&record.received))
        })
        .ok_or_else(|| self.error(connection, "never received what was awaited"))
    }

    /// Waits until a connection has received this text.
    ///
    /// # Errors
    /// The time is over; the error shows what was received.
    pub fn wait_text(&self, connection: usize, text: &str, timeout: Duration) -> Result<()> {
        self.wait_for(connection, timeout, |bytes| String::from_utf8_lossy(bytes).contains(text))
    }

    /// Waits until a connection has ended.
    ///
    /// # Errors
    /// The time is over.
    pub fn wait_closed(&self, connection: usize, timeout: Duration) -> Result<()> {
        self.wait(timeout, |records| records.get(connection).is_some_and(|record| !record.open))
            .ok_or_else(|| self.error(connection, "is still open"))
    }

    /// Opens one [`Step::Gate`], one that is waiting or the next to come.
    pub fn release(&self) {
        self.shared.gates.add_permits(1);
    }

    /// Writes bytes on a connection, beside its script, as soon as the script waits.
    ///
    /// # Errors
    /// The connection does not exist or has ended.
    pub fn send(&self, connection: usize, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.command(connection, Command::Send(bytes.as_ref().to_vec()))
    }

    /// As [`Step::Close`], beside the script, as soon as the script waits.
    ///
    /// # Errors
    /// The connection does not exist or has ended.
    pub fn close(&self, connection: usize) -> Result<()> {
        self.command(connection, Command::Close)
    }

    /// As [`Step::Reset`], beside the script, as soon as the script waits.
    ///
    /// # Errors
    /// The connection does not exist or has ended.
    pub fn reset(&self, connection: usize) -> Result<()> {
        self.command(connection, Command::Reset)
    }

    fn command(&self, connection: usize, command: Command) -> Result<()> {
        let sent = lock(&self.shared.records)
            .get(connection)
            .is_some_and(|record| record.commands.send(command).is_ok());
        if sent { Ok(()) } else { Err(self.error(connection, "is not there")) }
    }

    fn wait(&self, timeout: Duration, mut predicate: impl FnMut(&[Record]) -> bool) -> Option<()> {
        let Shared { records, changed, .. } = &*self.shared;
        wait_until(records, changed, timeout, |records| predicate(records).then_some(()))
    }

    fn error(&self, connection: usize, what: &str) -> Error {
        let received = self.received_text(connection);
        Error::new(format!("connection {connection} {what}; it received {received:?}"))
    }
}

impl Shared {
    /// Makes room for a new connection; returns its number.
    pub(crate) fn add(&self, commands: mpsc::UnboundedSender<Command>) -> usize {
        let mut records = lock(&self.records);
        records.push(Record { received: Vec::new(), open: true, commands });
        self.changed.notify_all();
        records.len() - 1
    }

    pub(crate) fn record(&self, connection: usize, bytes: &[u8]) {
        lock(&self.records)[connection].received.extend_from_slice(bytes);
        self.changed.notify_all();
    }

    pub(crate) fn ended(&self, connection: usize) {
        lock(&self.records)[connection].open = false;
        self.changed.notify_all();
    }
}
