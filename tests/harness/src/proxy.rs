//! A TCP proxy that breaks connections on purpose.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::background::Background;
use crate::log::{lock, wait_until};
use crate::ports::Port;
use crate::{Error, Result, proxy_conn};

const PATIENCE: Duration = Duration::from_secs(20);

/// A direction of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
    /// Each of the two.
    Both,
}

impl Direction {
    fn sides(self) -> Range<usize> {
        match self {
            Self::ToServer => TO_SERVER..TO_SERVER + 1,
            Self::ToClient => TO_CLIENT..TO_CLIENT + 1,
            Self::Both => 0..2,
        }
    }
}

pub(crate) const TO_SERVER: usize = 0;
pub(crate) const TO_CLIENT: usize = 1;

/// How a connection is cut. Both sides see the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order: the peers read the end of the stream.
    Fin,
    /// With RST: the peers get an error.
    Rst,
}

/// What happens to bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Pass,
    Stall,
    /// Bytes a second.
    Drip(u64),
    Discard,
}

/// The orders of the test to all connections.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) target: String,
    pub(crate) accepting: bool,
    pub(crate) flows: [Flow; 2],
    /// Counts the calls of `cut_now`; a connection ends when it changes.
    pub(crate) cuts: u64,
    pub(crate) cut: Cut,
}

/// What the connections report.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) listening: bool,
    pub(crate) connections: usize,
    pub(crate) active: usize,
    pub(crate) bytes: [u64; 2],
    /// Bytes left until the cut, by direction.
    pub(crate) cut_after: [Option<(u64, Cut)>; 2],
}

pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut lock(&self.state));
        self.changed.notify_all();
        result
    }

    fn wait(
        &self,
        what: &str,
        timeout: Duration,
        mut done: impl FnMut(&State) -> bool,
    ) -> Result<()> {
        wait_until(&self.state, &self.changed, timeout, |state| done(state).then_some(()))
            .ok_or_else(|| Error::new(format!("proxy: {what}: not within {timeout:?}")))
    }
}

/// A proxy on a free port of 127.0.0.1 before some server. Every order holds for all connections,
/// present and future. Traffic passes until the test says something else.
pub struct Proxy {
    // First, so that no connection outlives the sender of its orders.
    _background: Background,
    port: Port,
    control: watch::Sender<Control>,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy before the server at `target` (`host:port`), which need not run yet.
    ///
    /// # Errors
    /// No port or thread to be had.
    pub fn start(target: &str) -> Result<Self> {
        let (port, listener) = listen()?;
        let control = watch::Sender::new(Control {
            target: target.to_owned(),
            accepting: true,
            flows: [Flow::Pass; 2],
            cuts: 0,
            cut: Cut::Fin,
        });
        let shared = Arc::new(Shared {
            state: Mutex::new(State { listening: true, ..State::default() }),
            changed: Condvar::new(),
        });
        let (orders, reports) = (control.subscribe(), Arc::clone(&shared));
        let main = move || proxy_conn::accept(listener, orders, reports);
        let background = Background::start("harness-proxy", main)?;
        Ok(Self { _background: background, port, control, shared })
    }

    /// The URL for clients, `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The address for clients, `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The port for clients.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Sends connections that come from now on to another server.
    pub fn set_target(&self, target: &str) {
        self.control.send_modify(|control| control.target = target.to_owned());
    }

    /// Stops the traffic; the sender's writes get stuck once the buffers are full.
    pub fn stall(&self, direction: Direction) {
        self.flow(direction, Flow::Stall);
    }

    /// Lets the traffic pass slowly.
    pub fn drip(&self, direction: Direction, bytes_per_second: u64) {
        self.flow(direction, Flow::Drip(bytes_per_second.max(1)));
    }

    /// Takes the bytes from the sender and throws them away.
    pub fn black_hole(&self, direction: Direction) {
        self.flow(direction, Flow::Discard);
    }

    /// Lets the traffic pass in both directions again.
    pub fn resume(&self) {
        self.flow(Direction::Both, Flow::Pass);
    }

    /// Cuts the connection on which the `count`-th byte from now passes in this direction, after
    /// that byte. Happens once.
    pub fn cut_after(&self, direction: Direction, count: u64, cut: Cut) {
        self.shared.update(|state| {
            for side in direction.sides() {
                state.cut_after[side] = Some((count, cut));
            }
        });
        // Wakes connections that wait for bytes, so that they see the new limit.
        self.control.send_modify(|_| {});
    }

    /// Cuts all connections; returns when they are cut. New ones are welcome.
    ///
    /// # Errors
    /// It takes too long.
    pub fn cut_now(&self, cut: Cut) -> Result<()> {
        let accepted = self.connections();
        self.control.send_modify(|control| {
            control.cut = cut;
            control.cuts += 1;
        });
        self.shared.wait("cut", PATIENCE, |s| s.active <= s.connections - accepted)
    }

    /// Refuses connections from now on; those that exist go on.
    ///
    /// # Errors
    /// It takes too long.
    pub fn refuse(&self) -> Result<()> {
        self.control.send_modify(|control| control.accepting = false);
        self.shared.wait("stop listening", PATIENCE, |state| !state.listening)
    }

    /// Accepts connections again.
    ///
    /// # Errors
    /// The port cannot be had back.
    pub fn accept(&self) -> Result<()> {
        self.control.send_modify(|control| control.accepting = true);
        self.shared.wait("listen", PATIENCE, |state| state.listening)
    }

    /// The number of bytes passed on; for both directions their sum.
    pub fn bytes(&self, direction: Direction) -> u64 {
        lock(&self.shared.state).bytes[direction.sides()].iter().sum()
    }

    /// The number of connections accepted so far.
    pub fn connections(&self) -> usize {
        lock(&self.shared.state).connections
    }

    /// The number of connections that exist now.
    pub fn active(&self) -> usize {
        lock(&self.shared.state).active
    }

    /// Waits until [`bytes`](Self::bytes) is at least `count`.
    ///
    /// # Errors
    /// The time is over.
    pub fn wait_bytes(&self, direction: Direction, count: u64, timeout: Duration) -> Result<()> {
        let sum = |state: &State| state.bytes[direction.sides()].iter().sum::<u64>();
        self.shared.wait("bytes", timeout, |state| sum(state) >= count)
    }

    /// Waits until [`connections`](Self::connections) is at least `count`.
    ///
    /// # Errors
    /// The time is over.
    pub fn wait_connections(&self, count: usize, timeout: Duration) -> Result<()> {
        self.shared.wait("connections", timeout, |state| state.connections >= count)
    }

    /// Waits until [`active`](Self::active) is exactly `count`.
    ///
    /// # Errors
    /// The time is over.
    pub fn wait_active(&self, count: usize, timeout: Duration) -> Result<()> {
        self.shared.wait("active connections", timeout, |state| state.active == count)
    }

    fn flow(&self, direction: Direction, flow: Flow) {
        self.control.send_modify(|control| control.flows[direction.sides()].fill(flow));
    }
}

fn listen() -> Result<(Port, TcpListener)> {
    let port = Port::lease()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number()))
        .map_err(|e| Error::because("proxy", e))?;
    listener.set_nonblocking(true)?;
    Ok((port, listener))
}
