//! The move from a server in lame-duck mode to another one without losing messages.
//!
//! The new server is connected and knows all subscriptions before the old one is told that they are
//! over. What both deliver meanwhile is delivered once: a message of the new server is dropped when
//! the old one has delivered the same bytes. So of messages to a subject that are alike to the last
//! byte, as many may be taken for one as the old server alone was sent while the cluster learnt of
//! the new subscriptions. Members of queue groups get nothing twice, and nothing of theirs is
//! dropped.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::driver::Driver;
use super::event::Event;
use super::link::Link;
use super::pump::End;
use super::registry::Registry;
use super::servers::Target;
use super::shared::{PongWaiter, Shared, lock};
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;
use crate::proto::block::Arrived;
use crate::proto::encode;
use crate::proto::parse::MsgFrame;
use crate::proto::session::{Notice, Sink};

/// How long the servers of a cluster may take to tell each other of subscriptions. Nothing says
/// when they have; nats-server gives clients ten seconds before it begins to close them.
const PROPAGATION: Duration = Duration::from_millis(250);
/// The wait before the other servers are tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How long the old server may take to say that it has sent everything.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long messages of the new server may come later than those of the old one.
const LATE: Duration = Duration::from_secs(2);
/// Messages that are remembered; of more, some are delivered twice.
const REMEMBERED: usize = 1 << 20;

/// How far the move has come.
pub(super) enum Migration {
    /// Another server is being connected to.
    Preparing(Pin<Box<dyn Future<Output = Prepared> + Send>>),
    /// It is ready, and what is being written to the old one is written first.
    Ready(Box<Prepared>),
    /// The old one was told that all is over; its PONG is awaited.
    Leaving(Box<Prepared>, Instant),
}

/// A server that knows all subscriptions.
pub(super) struct Prepared {
    link: Link,
    info: ServerInfo,
    target: Target,
    told: Told,
    /// What it has sent already.
    early: Early,
    /// Subscriptions that have changed since.
    control: Vec<u8>,
}

/// What the new server was told of each subscription.
pub(super) type Told = HashMap<u64, Subscribed>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subscribed {
    /// Messages that it had received then: the new server counts from there.
    pub(super) received: u64,
    pub(super) max: Option<u64>,
}

#[derive(Default)]
struct Early {
    messages: Vec<(MsgFrame, Bytes)>,
    notices: Vec<Notice>,
}

impl Sink for Early {
    fn message(&mut self, frame: &MsgFrame, arrived: Arrived<'_>) {
        let bytes = match arrived {
            Arrived::Copied(bytes) => Bytes::copy_from_slice(bytes),
            Arrived::Split(bytes) => bytes,
        };
        self.messages.push((frame.clone(), bytes));
    }
}

/// The messages of the old server, by what they are made of.
#[derive(Default)]
pub(super) struct Seen {
    counts: HashMap<u64, u32>,
    total: usize,
    key: RandomState,
    /// The old server is left: what comes is the new one's.
    pub(super) left: bool,
}

impl Seen {
    /// Whether the message was delivered already by the old server.
    pub(super) fn again(&mut self, frame: &MsgFrame, arrived: &Arrived<'_>) -> bool {
        let bytes = match arrived {
            Arrived::Copied(bytes) => bytes,
            Arrived::Split(bytes) => &bytes[..],
        };
        let hash = self.key.hash_one(&bytes[..frame.payload.end as usize]);
        if !self.left {
            if self.total < REMEMBERED {
                *self.counts.entry(hash).or_default() += 1;
                self.total += 1;
            }
            return false;
        }
        match self.counts.get_mut(&hash) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

impl Migration {
    /// Begins to look for another server.
    pub(super) fn new(shared: &Arc<Shared>, require_tls: bool) -> Migration {
        Migration::Preparing(Box::pin(prepare(Arc::clone(shared), require_tls)))
    }

    /// Whether the old server is still to be read, and nothing to be written to it.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self, Migration::Leaving(..))
    }

    /// Whether the old server can be left.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Migration::Ready(_))
    }
}

/// Connects to another server, and tells it of all subscriptions.
async fn prepare(shared: Arc<Shared>, require_tls: bool) -> Prepared {
    loop {
        let targets = lock(&shared.pool).others();
        for target in targets {
            let auth = lock(&shared.pool).default_auth();
            let open = Link::open(&target, &shared.options, auth, require_tls);
            let opened = tokio::time::timeout(shared.options.connect_timeout, open).await;
            let Ok(Ok((link, info))) = opened else { continue };
            if info.ldm || info.server_id == lock(&shared.info).server_id {
                continue;
            }
            match resubscribe(&shared, link, *info, target).await {
                Ok(prepared) => return prepared,
                Err(error) => {
                    tracing::debug!(target: "nats", %error, "the server to move to was lost");
                    shared.with_registry(|registry| registry.moving = None);
                }
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn resubscribe(
    shared: &Shared,
    mut link: Link,
    info: ServerInfo,
    target: Target,
) -> Result<Prepared> {
    let mut out = Vec::new();
    let told = shared.with_registry(|registry| registry.begin_move(&mut out));
    encode::ping(&mut out);
    write_all(&mut link, &out).await?;
    let mut early = Early::default();
    let known = async {
        while !read(&mut link, &mut early).await? {
            let mut control = Vec::new();
            lock(&link.inbound).session.poll_output(&mut control);
            write_all(&mut link, &control).await?;
        }
        Ok::<(), Error>(())
    };
    let known = tokio::time::timeout(shared.options.connect_timeout, known).await;
    known.map_err(|_| Error::from(Code::Timeout))??;
    tokio::time::sleep(PROPAGATION).await;
    Ok(Prepared { link, info, target, told, early, control: Vec::new() })
}

async fn write_all(link: &mut Link, bytes: &[u8]) -> Result<()> {
    let mut written = 0;
    poll_fn(|cx| {
        while written < bytes.len() {
            match ready!(link.stream.poll_write(cx, &bytes[written..]))? {
                0 => return Poll::Ready(Err(Error::from(Code::Io))),
                count => written += count,
            }
        }
        link.stream.poll_flush(cx).map_err(Error::from)
    })
    .await
}

/// Reads once. Whether the PONG was there.
async fn read(link: &mut Link, early: &mut Early) -> Result<bool> {
    let Link { stream, inbound, .. } = link;
    let count = poll_fn(|cx| stream.poll_read(cx, lock(inbound).buffer.room())).await?;
    if count == 0 {
        return Err(Code::Io.into());
    }
    let mut inbound = lock(inbound);
    let inbound = &mut *inbound;
    inbound.buffer.filled(count);
    inbound.session.handle_bytes(&mut inbound.buffer, Instant::now(), early)?;
    let mut known = false;
    while let Some(notice) = inbound.session.poll_notice() {
        match notice {
            Notice::Pong => known = true,
            // It has not been connected for long enough to be asked whether it still is.
            Notice::Ping => {}
            other => early.notices.push(other),
        }
    }
    Ok(known)
}

impl Driver {
    /// The server is about to shut down: begins to move, unless that is under way.
    pub(super) fn begin_migration(&mut self) {
        if self.shared.options.migrate_on_lame_duck && self.migration.is_none() {
            self.migration = Some(Migration::new(&self.shared, self.require_tls()));
        }
    }

    /// What has come of the move so far.
    pub(super) fn poll_migration(&mut self, cx: &mut Context<'_>) {
        if let Some(Migration::Preparing(future)) = &mut self.migration
            && let Poll::Ready(prepared) = future.as_mut().poll(cx)
        {
            self.migration = Some(Migration::Ready(Box::new(prepared)));
            self.look = true;
        }
    }

    /// Tells the old server that all is over, in the block that is written next, which is the last
    /// one. Nothing of a block must be left to write.
    pub(super) fn leave(&mut self) {
        let Some(Migration::Ready(mut prepared)) = self.migration.take() else { return };
        let Prepared { told, control, .. } = &mut *prepared;
        let shared = &self.shared;
        self.flight.written = shared.with_registry(|registry| {
            let mut over = Vec::new();
            registry.leave(told, &mut over, control);
            lock(&shared.outbox).leave(&over, PongWaiter::Migration, &mut self.flight.bytes)
        });
        self.flight.control = false;
        self.migration = Some(Migration::Leaving(prepared, Instant::now() + PATIENCE));
    }

    /// When the old server must have answered.
    pub(super) fn migration_due(&self) -> Option<Instant> {
        match &self.migration {
            Some(Migration::Leaving(_, by)) => Some(*by),
            _ => self.forget_at,
        }
    }

    /// Gives up an old server that does not answer, and forgets what it has sent once that is long
    /// ago.
    pub(super) fn migration_timer(&mut self, now: Instant) -> Option<End> {
        if self.forget_at.take_if(|at| *at <= now).is_some() {
            self.shared.with_registry(Registry::forget_move);
        }
        match &self.migration {
            Some(Migration::Leaving(_, by)) if *by <= now => {
                let text = "the server in lame-duck mode did not say that it has sent everything";
                Some(End::Lost(Error::new(Code::Timeout, text)))
            }
            _ => None,
        }
    }

    /// The old server has sent everything: from now on it is the other one.
    pub(super) fn arrive(&mut self) -> Option<Link> {
        let Some(Migration::Leaving(prepared, _)) = self.migration.take() else { return None };
        let Prepared { link, info, target, early, control, .. } = *prepared;
        let shared = Arc::clone(&self.shared);
        self.forget_at = Instant::now().checked_add(LATE);
        self.control = control;
        let mut reports = Vec::new();
        shared.with_registry(|registry| {
            registry.arrive(&early.messages, &mut reports);
            registry.answer(&shared.requests, shared.request_inbox.len());
            lock(&shared.outbox).arrive(info.max_payload, info.headers);
        });
        let inbound = Arc::clone(&link.inbound);
        let url = self.settle(&link, info, &target);
        lock(&shared.pool).moved(&target.addr);
        shared.events.emit(Event::Migrated { url });
        let mut inbound = lock(&inbound);
        self.tell_reports(&mut reports);
        for notice in early.notices {
            self.notice(notice);
        }
        self.notices(&mut inbound);
        drop(inbound);
        Some(link)
    }

    /// There is no move any more: the socket was lost, or the connection ends.
    pub(super) fn end_migration(&mut self) {
        (self.migration, self.forget_at) = (None, None);
        self.shared.with_registry(|registry| registry.moving = None);
    }
}
