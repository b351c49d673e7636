//! The task that owns the socket: connects, reads, writes, and recovers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Instrument;

use super::backoff::Backoff;
use super::event::Event;
use super::inbound::Inbound;
use super::link::Link;
use super::migrate::Migration;
use super::pump::{End, Flight};
use super::registry::Report;
use super::rest::Rest;
use super::server_addr::Scheme;
use super::servers::{Pick, Target};
use super::shared::{PongWaiter, Shared, State, answer, lock};
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;
use crate::proto::outbox::Due;
use crate::proto::server_error::{Scope, ServerError};
use crate::proto::session::Notice;

/// Malformed messages cause at most one event in this time.
const MALFORMED_EVERY: Duration = Duration::from_secs(1);

/// The driver of one connection. Dropping it, for whatever reason, closes the connection.
pub(crate) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) flight: Flight,
    pub(super) control: Vec<u8>,
    /// Who waits for the first connection.
    first: Option<oneshot::Sender<Result<()>>>,
    was_connected: bool,
    attempts: u64,
    outage: Instant,
    used_tls: bool,
    /// That of the last server.
    scheme: Scheme,
    pub(super) close_by: Option<Instant>,
    pub(super) said_goodbye: bool,
    /// The peer must have taken something by then.
    pub(super) write_by: Option<Instant>,
    /// Nothing was left to write when the driver went to sleep.
    pub(super) was_idle: bool,
    pub(super) rest: Rest,
    /// The outbox has to be looked at; otherwise whoever puts something in rings.
    pub(super) look: bool,
    pub(super) rung: Arc<AtomicBool>,
    /// Who is woken with it.
    pub(super) waker: Option<Waker>,
    /// The next write is the first after a sleep: the peer may have died meanwhile.
    pub(super) woken_to_write: bool,
    malformed_at: Option<Instant>,
    pub(super) migration: Option<Migration>,
    /// What the server before has delivered can be forgotten then.
    pub(super) forget_at: Option<Instant>,
}

impl Driver {
    /// A driver that tells `first` how the first connection went.
    pub(crate) fn new(shared: Arc<Shared>, first: Option<oneshot::Sender<Result<()>>>) -> Driver {
        Driver {
            shared,
            flight: Flight::default(),
            control: Vec::new(),
            first,
            was_connected: false,
            attempts: 0,
            outage: Instant::now(),
            used_tls: false,
            scheme: Scheme::Nats,
            close_by: None,
            said_goodbye: false,
            write_by: None,
            was_idle: true,
            rest: Rest::default(),
            look: true,
            rung: Arc::default(),
            waker: None,
            woken_to_write: false,
            malformed_at: None,
            migration: None,
            forget_at: None,
        }
    }

    /// Runs until the connection is closed for good.
    pub(crate) async fn run(&mut self) {
        loop {
            let mut link = match self.connect().await {
                Ok(Some(link)) => link,
                Ok(None) => return,
                Err(error) => return self.give_up(error),
            };
            let reason = loop {
                match self.pump(&mut link).await {
                    End::Closed => return,
                    End::Left => {
                        break Error::new(Code::ConnectionLost, "a reconnect was asked for");
                    }
                    End::Lost(error) => break error,
                    End::Moved => {
                        if let Some(other) = self.arrive() {
                            let mut old = std::mem::replace(&mut link, other);
                            poll_fn(|cx| {
                                old.poll_goodbye(cx);
                                Poll::Ready(())
                            })
                            .await;
                        }
                    }
                }
            };
            // The old socket is closed before a new one is opened.
            drop(link);
            if !self.lost(reason) {
                return;
            }
        }
    }

    /// The socket is gone: what can be kept is kept, what waited for it is answered. Returns
    /// whether to connect again. Also called after a panic of the task, which must not leave a
    /// connection that looks alive.
    pub(crate) fn lost(&mut self, reason: Error) -> bool {
        let shared = Arc::clone(&self.shared);
        self.end_migration();
        let waiters = self.salvage();
        *lock(&shared.url) = None;
        *lock(&shared.last_error) = Some(reason.clone());
        shared.enter(State::Reconnecting);
        let interrupted = Error::from(Code::ConnectionLost).context(&reason);
        answer(waiters, &interrupted);
        shared.requests.fail_all(&interrupted);
        shared.room.notify_waiters();
        shared.events.emit(Event::Disconnected { reason });
        self.outage = Instant::now();
        self.attempts = 0;
        lock(&shared.pool).begin(!self.was_connected);
        shared.options.reconnect && !shared.is_closing()
    }

    /// Puts what was not completely written back to the front; returns who waited for a PONG.
    fn salvage(&mut self) -> VecDeque<PongWaiter> {
        let flight = std::mem::take(&mut self.flight);
        self.control.clear();
        let (bytes, written) =
            if flight.control { (&[][..], 0) } else { (&flight.bytes[..], flight.written) };
        lock(&self.shared.outbox).down(bytes, written)
    }

    fn give_up(&mut self, error: Error) {
        tracing::warn!(target: "nats", %error, "giving up");
        *lock(&self.shared.last_error) = Some(error.clone());
        if let Some(first) = self.first.take() {
            // An error only says that the caller stopped waiting.
            let _ = first.send(Err(error));
        }
    }

    /// Tries servers until one is connected. None: the connection was closed meanwhile.
    async fn connect(&mut self) -> Result<Option<Link>> {
        let shared = Arc::clone(&self.shared);
        if !self.was_connected && self.attempts == 0 {
            lock(&shared.pool).begin(true);
        }
        let mut last_round = 0;
        loop {
            let picked = match shared.unless_closed(self.picked()).await {
                Some(picked) => picked,
                None => return Ok(None),
            };
            let target = if let Some(target) = picked {
                target
            } else {
                let next = lock(&shared.pool).next();
                let Some((target, round)) = next else { return Err(lock(&shared.pool).failure()) };
                if round > last_round {
                    last_round = round;
                    self.first_round_failed()?;
                    if shared.unless_closed(self.pause(round)).await.is_none() {
                        return Ok(None);
                    }
                }
                target
            };
            self.attempts += 1;
            let url = target.addr.to_string();
            if self.was_connected || self.first.is_none() {
                shared.events.emit(Event::Reconnecting { attempt: self.attempts, url });
            }
            let auth = lock(&shared.pool).default_auth();
            let span = tracing::debug_span!(target: "nats", "connect", server = %target.addr);
            let open = Link::open(&target, &shared.options, auth, self.require_tls());
            let open = open.instrument(span);
            let timed = tokio::time::timeout(shared.options.connect_timeout, open);
            let error = match shared.unless_closed(timed).await {
                None => return Ok(None),
                Some(Ok(Ok((link, info)))) => {
                    self.up(&link, *info, &target);
                    return Ok(Some(link));
                }
                Some(Ok(Err(error))) => error,
                Some(Err(_)) => {
                    let limit = shared.options.connect_timeout.as_millis();
                    Error::new(Code::Timeout, format!("no handshake within {limit} ms"))
                }
            };
            tracing::debug!(target: "nats", server = %target.addr, %error, "attempt failed");
            let again = lock(&shared.pool).failed(error.clone());
            if again && shared.options.abort_on_auth_error {
                return Err(error.context(&target.addr));
            }
            if self.first.is_none() {
                shared.report(error.context(&target.addr));
            }
        }
    }

    /// The wait before round `round` over the servers.
    async fn pause(&mut self, round: u32) {
        let options = &self.shared.options;
        let asked = match &options.reconnect_delay {
            Some(delay) => delay(round).await,
            None => None,
        };
        let backoff =
            Backoff { min: options.reconnect_delay_min, max: options.reconnect_delay_max };
        let jitter = if self.require_tls() {
            options.reconnect_jitter_tls
        } else {
            options.reconnect_jitter
        };
        let usual = || {
            backoff.delay(round, self.outage.elapsed(), fastrand::f64())
                + jitter.mul_f64(fastrand::f64())
        };
        tokio::time::sleep(asked.unwrap_or_else(usual)).await;
    }

    /// The server that the program wants to be tried next, once the wait that it wants is over.
    async fn picked(&mut self) -> Option<Target> {
        let shared = &self.shared;
        let pick = shared.options.pick_server.as_ref().filter(|_| self.was_connected)?;
        let usable = lock(&shared.pool).usable();
        if usable.is_empty() {
            return None;
        }
        let info = lock(&shared.info).clone();
        let Pick { url, delay } = pick(usable, info).await?;
        let Some((target, has_failed)) = lock(&shared.pool).pick(&url) else {
            let text = "the server that was picked is not one of those in the pool";
            shared.report(Error::new(Code::InvalidArgument, text));
            return None;
        };
        // A program that sticks to a server that is down must not try it without a pause.
        let least = if has_failed { shared.options.reconnect_delay_min } else { Duration::ZERO };
        tokio::time::sleep(delay.max(least)).await;
        Some(target)
    }

    /// Every server has failed once: a first connect ends here, or goes on in the background.
    fn first_round_failed(&mut self) -> Result<()> {
        if self.was_connected {
            return Ok(());
        }
        if !self.shared.options.retry_on_failed_connect {
            return Err(lock(&self.shared.pool).failure());
        }
        self.shared.enter(State::Reconnecting);
        if let Some(first) = self.first.take() {
            // An error only says that the caller stopped waiting.
            let _ = first.send(Ok(()));
        }
        Ok(())
    }

    /// Once TLS was asked for or used, nothing less is accepted from any server.
    pub(super) fn require_tls(&self) -> bool {
        self.shared.options.wants_tls() || self.used_tls
    }

    /// A link is ready: subscriptions are made again before anything else is written.
    fn up(&mut self, link: &Link, info: ServerInfo, target: &Target) {
        let shared = Arc::clone(&self.shared);
        lock(&shared.pool).connected();
        self.control.clear();
        // Together, so that a subscription made meanwhile is sent once: in the replay or behind it.
        shared.with_registry(|registry| {
            registry.replay(&mut self.control);
            lock(&shared.outbox).up(info.max_payload, info.headers);
        });
        let url = self.settle(link, info, target);
        self.attempts = 0;
        shared.enter(State::Connected);
        if self.was_connected {
            shared.reconnects.fetch_add(1, Ordering::Relaxed);
            shared.events.emit(Event::Reconnected { url });
        } else {
            shared.events.emit(Event::Connected { url });
        }
        self.was_connected = true;
        if let Some(first) = self.first.take() {
            // An error only says that the caller stopped waiting.
            let _ = first.send(Ok(()));
        }
    }

    /// From now on the connection is this link; the server's URL.
    pub(super) fn settle(&mut self, link: &Link, info: ServerInfo, target: &Target) -> String {
        let shared = Arc::clone(&self.shared);
        let url = target.addr.to_string();
        self.used_tls |= link.is_tls;
        self.scheme = target.addr.scheme;
        *lock(&shared.url) = Some(url.clone());
        (self.look, self.waker, self.rest.on, self.write_by) = (true, None, false, None);
        *lock(&shared.shortcut) = link.stream.shortcut(&link.inbound);
        self.info(info);
        url
    }

    /// Does what is the driver's to do for what has been read, by whomever.
    pub(super) fn notices(&mut self, inbound: &mut Inbound) {
        self.tell_reports(&mut inbound.reports);
        while let Some(notice) = inbound.session.poll_notice() {
            self.notice(notice);
        }
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Info(info) => self.info(*info),
            Notice::Ping => {
                let mut outbox = lock(&self.shared.outbox);
                // Refused only when closed, and then no ping is needed.
                let due = outbox.ping(PongWaiter::Keepalive).unwrap_or(Due::Nothing);
                let wake = outbox.bell(due);
                drop(outbox);
                wake.wake();
            }
            Notice::Pong => self.shared.pong(),
            Notice::ServerError(reported) => self.server_error(reported),
            Notice::Ignored(error) => self.shared.report(error),
            Notice::UpgradeTls | Notice::Ready => {}
        }
    }

    fn info(&mut self, info: ServerInfo) {
        let shared = &self.shared;
        lock(&shared.outbox).limits(info.max_payload, info.headers);
        let was_lame = {
            let mut current = lock(&shared.info);
            let was_lame = current.ldm && current.server_id == info.server_id;
            *current = Arc::new(info.clone());
            was_lame
        };
        if !shared.options.ignore_discovered {
            let scheme = if self.used_tls { self.scheme.with_tls() } else { self.scheme };
            let new = lock(&shared.pool).gossip(&info.connect_urls, scheme);
            if !new.is_empty() {
                shared.events.emit(Event::DiscoveredServers(new));
            }
        }
        if info.ldm && !was_lame {
            shared.events.emit(Event::LameDuck);
            self.begin_migration();
        }
    }

    fn server_error(&mut self, reported: ServerError) {
        match &reported.scope {
            Scope::Subscription { subject, queue } => {
                let denied_inbox = self.shared.with_registry(|registry| {
                    registry.deny(subject, queue.as_deref(), &reported.error)
                });
                if denied_inbox {
                    self.shared.requests.listen(false);
                    self.shared.requests.fail_all(&reported.error);
                }
            }
            Scope::Publish { subject } => {
                self.shared.requests.fail_subject(subject, &reported.error);
            }
            Scope::Connection | Scope::Operation => {}
        }
        self.shared.report(reported.error);
    }

    pub(super) fn tell_reports(&mut self, reports: &mut Vec<Report>) {
        for report in reports.drain(..) {
            match report {
                Report::Slow { sid, subject } => {
                    self.shared.events.emit(Event::SlowConsumer { sid, subject });
                }
                Report::Overflowed { sid } => {
                    let wake = lock(&self.shared.outbox).unsubscribe(sid, None);
                    wake.wake();
                }
                Report::Malformed { sid, subject } => {
                    let now = Instant::now();
                    if self.malformed_at.is_none_or(|at| now - at >= MALFORMED_EVERY) {
                        self.malformed_at = Some(now);
                        self.shared.events.emit(Event::MalformedMessage { sid, subject });
                    }
                }
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        answer(self.salvage(), &Code::ConnectionClosed.into());
        self.shared.shut();
    }
}
