//! The subscriptions of one connection: where messages go, and what is sent again after a
//! reconnect.

use std::sync::Arc;
use std::task::Waker;

use super::mailbox::Mailbox;
use super::migrate::{Seen, Subscribed, Told};
use super::requests::{Requests, is_no_responders};
use super::sids::Sids;
use crate::error::{Code, Error};
use crate::proto::block::{Arrived, Block, Expected};
use crate::proto::encode;
use crate::proto::message::Run;
use crate::proto::parse::MsgFrame;
use crate::proto::session::Sink;
use crate::proto::subject::{Filter, QueueGroup};
use bytes::Bytes;

/// There is room for this many blocks between two reads.
const KEPT_CAPACITY: usize = 128;

/// Where the messages of a subscription go.
enum Target {
    Mailbox(Arc<Mailbox>),
    /// The multiplexed inbox: the last token names the request.
    Requests,
}

/// One subscription as the server knows it.
struct Entry {
    subject: Arc<str>,
    queue: Option<Box<str>>,
    target: Target,
    /// Messages of the current read, handed over together at its end.
    staged: Option<Chain>,
    /// What the last block had: about so much will the next one have.
    expected: Expected,
    received: u64,
    max: Option<u64>,
    draining: bool,
}

/// The blocks of one subscription among those of a read: where the first and the last of them are.
#[derive(Clone, Copy)]
struct Chain {
    first: usize,
    last: usize,
}

/// A block of the current read.
struct Staged {
    /// Until it is handed over.
    block: Option<Block>,
    /// Where the next one of its subscription is.
    next: Option<usize>,
}

/// What the reader must do after a read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// A slow-consumer episode began.
    Slow { sid: u64, subject: String },
    /// The subscription overflowed under the policy `Error`: it is gone here, the server must be
    /// told.
    Overflowed { sid: u64 },
    /// A message could not be decoded.
    Malformed { sid: u64, subject: String },
}

/// Counters of what came in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InCounters {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) dropped: u64,
}

/// The table of subscriptions.
#[derive(Default)]
pub(crate) struct Registry {
    last_sid: u64,
    entries: Sids<Entry>,
    touched: Vec<u64>,
    /// Blocks of the current read.
    staged: Vec<Staged>,
    malformed: Option<u64>,
    /// Replies to requests of the current read.
    replies: Vec<Run>,
    wakers: Vec<Waker>,
    closed: bool,
    pub(crate) mux: Option<u64>,
    /// While the connection moves to another server, and for a moment afterwards: what the old one
    /// has delivered.
    pub(super) moving: Option<Box<Seen>>,
    pub(crate) counters: InCounters,
}

impl Registry {
    /// Registers a subscription; returns its sid, and the subject to share.
    pub(crate) fn add(
        &mut self,
        filter: Filter<'_>,
        queue: Option<QueueGroup<'_>>,
        mailbox: Arc<Mailbox>,
    ) -> (u64, Arc<str>) {
        let subject = Arc::from(filter.as_str());
        (self.insert(Arc::clone(&subject), queue, Target::Mailbox(mailbox)), subject)
    }

    /// Registers the inbox of all requests.
    pub(crate) fn add_mux(&mut self, filter: Filter<'_>) -> u64 {
        let sid = self.insert(filter.as_str().into(), None, Target::Requests);
        self.mux = Some(sid);
        sid
    }

    /// Whether the connection is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Forgets a subscription. False: it was gone already.
    pub(crate) fn remove(&mut self, sid: u64) -> bool {
        self.entries.remove(sid).is_some()
    }

    /// The subscription ends after `max` messages, counted from its beginning. Returns false when
    /// it is gone, and removes it when it has received that many already.
    pub(crate) fn set_max(&mut self, sid: u64, max: u64) -> bool {
        let Some(entry) = self.entries.get_mut(sid) else { return false };
        entry.max = Some(max);
        if entry.received >= max {
            self.finish(sid, Code::SubscriptionEnded.into());
        }
        true
    }

    /// The server was told to stop; what is under way may still arrive, but a reconnect must not
    /// subscribe again. Returns false when the subscription is gone.
    pub(crate) fn set_draining(&mut self, sid: u64) -> bool {
        self.entries.get_mut(sid).map(|entry| entry.draining = true).is_some()
    }

    /// Ends a subscription: its pending messages stay, then `reason` is what its consumers see.
    pub(crate) fn finish(&mut self, sid: u64, reason: Error) {
        if let Some(Entry { target: Target::Mailbox(mailbox), staged, .. }) =
            self.entries.remove(sid)
        {
            mailbox.push(unchained(&mut self.staged, staged), &mut self.wakers);
            mailbox.end(reason, false, &mut self.wakers);
        }
    }

    /// Ends every subscription, for good: none can be added any more.
    pub(crate) fn close(&mut self, reason: &Error) {
        self.closed = true;
        for sid in self.sids() {
            self.finish(sid, reason.clone());
        }
    }

    /// Ends the subscriptions that the server denies. True: the inbox of all requests was among
    /// them.
    pub(crate) fn deny(&mut self, subject: &str, queue: Option<&str>, reason: &Error) -> bool {
        let denied = |entry: &Entry| &*entry.subject == subject && entry.queue.as_deref() == queue;
        let sids: Vec<u64> =
            self.entries.iter().filter(|(_, entry)| denied(entry)).map(|(sid, _)| sid).collect();
        let inbox = self.mux.take_if(|mux| sids.contains(mux)).is_some();
        for sid in sids {
            self.finish(sid, reason.clone());
        }
        inbox
    }

    /// All subscriptions that belong to users.
    pub(crate) fn sids(&self) -> Vec<u64> {
        let mut sids: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.target, Target::Mailbox(_)))
            .map(|(sid, _)| sid)
            .collect();
        sids.sort_unstable();
        sids
    }

    /// The mailbox of a subscription.
    pub(crate) fn mailbox(&self, sid: u64) -> Option<Arc<Mailbox>> {
        match &self.entries.get(sid)?.target {
            Target::Mailbox(mailbox) => Some(Arc::clone(mailbox)),
            Target::Requests => None,
        }
    }

    /// Writes what a new socket must be told. Subscriptions that were draining, or whose count is
    /// complete, end here instead.
    pub(crate) fn replay(&mut self, out: &mut Vec<u8>) {
        let mut sids: Vec<u64> = self.entries.iter().map(|(sid, _)| sid).collect();
        sids.sort_unstable();
        for sid in sids {
            let Some(entry) = self.entries.get(sid) else { continue };
            if entry.draining {
                self.finish(sid, Code::SubscriptionClosed.into());
                continue;
            }
            entry.tell(sid, out);
        }
    }

    /// The connection is going to move: writes what the new server must be told, and remembers what
    /// the old one delivers from now on.
    pub(super) fn begin_move(&mut self, out: &mut Vec<u8>) -> Told {
        let mut told = Told::new();
        for (sid, entry) in self.entries.iter().filter(|(_, entry)| !entry.draining) {
            entry.tell(sid, out);
            told.insert(sid, Subscribed { received: entry.received, max: entry.max });
        }
        self.moving = Some(Box::default());
        told
    }

    /// The old server is about to be left: writes what it must be told, and what has changed since
    /// the new one was.
    pub(super) fn leave(&self, told: &Told, old: &mut Vec<u8>, new: &mut Vec<u8>) {
        for (sid, entry) in self.entries.iter().filter(|(_, entry)| !entry.draining) {
            encode::unsubscribe(old, sid, None);
            match told.get(&sid) {
                None => entry.tell(sid, new),
                Some(then) if then.max != entry.max => {
                    let left = entry.max.map(|max| max.saturating_sub(then.received));
                    encode::unsubscribe(new, sid, left);
                }
                Some(_) => {}
            }
        }
        let gone = |sid: u64| self.entries.get(sid).is_none_or(|entry| entry.draining);
        for sid in told.keys().filter(|sid| gone(**sid)) {
            encode::unsubscribe(new, *sid, None);
        }
    }

    /// The old server is left: takes what the new one has sent already.
    pub(super) fn arrive(&mut self, early: &[(MsgFrame, Bytes)], reports: &mut Vec<Report>) {
        if let Some(seen) = &mut self.moving {
            seen.left = true;
        }
        let mut sink = self.dispatch();
        for (frame, bytes) in early {
            sink.message(frame, Arrived::Copied(&bytes[..frame.payload.end as usize]));
        }
        self.hand_over(reports);
    }

    /// What the server had delivered that was left last is long ago. Another move may be under way by
    /// now, whose old server is still counted.
    pub(super) fn forget_move(&mut self) {
        self.moving.take_if(|seen| seen.left);
    }

    /// Whether the old server has delivered this already. Members of queue groups get nothing twice,
    /// and of two replies requests take the first.
    #[cold]
    fn came_before(&mut self, frame: &MsgFrame, arrived: &Arrived<'_>) -> bool {
        let (Some(seen), Some(entry)) = (&mut self.moving, self.entries.get(frame.sid)) else {
            return false;
        };
        let plain = entry.queue.is_none() && matches!(entry.target, Target::Mailbox(_));
        plain && seen.again(frame, arrived)
    }

    /// A sink that sorts the messages of one read; call [`Registry::hand_over`] at its end.
    pub(crate) fn dispatch(&mut self) -> Dispatch<'_> {
        Dispatch { registry: self }
    }

    /// Gives the replies of one read to the requests; `prefix` is the length of the inbox in front
    /// of the token.
    pub(crate) fn answer(&mut self, requests: &Requests, prefix: usize) {
        if !self.replies.is_empty() {
            requests.complete(prefix, &mut self.replies, &mut self.wakers);
        }
    }

    /// Who has to be woken once the registry is unlocked: what a wake-up runs or drops may come
    /// back here.
    pub(crate) fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }

    /// Hands the messages of one read to their consumers, each to be woken once.
    pub(crate) fn hand_over(&mut self, reports: &mut Vec<Report>) {
        let mut touched = std::mem::take(&mut self.touched);
        for sid in touched.drain(..) {
            self.hand_over_one(sid, reports);
        }
        self.touched = touched;
        if self.staged.len() < self.staged.capacity() / 4 {
            // A burst is over.
            self.staged.shrink_to(KEPT_CAPACITY);
        }
        self.staged.clear();
        if let Some(sid) = self.malformed.take() {
            let subject = self.entries.get(sid).map(|e| e.subject.to_string()).unwrap_or_default();
            reports.push(Report::Malformed { sid, subject });
        }
    }

    fn hand_over_one(&mut self, sid: u64, reports: &mut Vec<Report>) {
        let Some(entry) = self.entries.get_mut(sid) else { return };
        let Target::Mailbox(mailbox) = &entry.target else { return };
        let staged = entry.staged.take();
        let first = staged.and_then(|chain| self.staged.get(chain.first)?.block.as_ref());
        entry.expected = first.map(Block::expectation).unwrap_or_default();
        let pushed = mailbox.push(unchained(&mut self.staged, staged), &mut self.wakers);
        self.counters.dropped += pushed.dropped;
        if pushed.became_slow {
            reports.push(Report::Slow { sid, subject: entry.subject.to_string() });
        }
        if pushed.overflowed {
            self.entries.remove(sid);
            reports.push(Report::Overflowed { sid });
        } else if entry.max.is_some_and(|max| entry.received >= max) {
            self.finish(sid, Code::SubscriptionEnded.into());
        }
    }

    fn insert(&mut self, subject: Arc<str>, queue: Option<QueueGroup<'_>>, target: Target) -> u64 {
        self.last_sid += 1;
        let entry = Entry {
            subject,
            queue: queue.map(|queue| queue.as_str().into()),
            target,
            staged: None,
            expected: Expected::default(),
            received: 0,
            max: None,
            draining: false,
        };
        self.entries.insert(self.last_sid, entry);
        self.last_sid
    }
}

/// Sorts messages into the subscriptions they belong to.
pub(crate) struct Dispatch<'a> {
    registry: &'a mut Registry,
}

impl Sink for Dispatch<'_> {
    #[inline]
    fn message(&mut self, frame: &MsgFrame, arrived: Arrived<'_>) {
        let registry = &mut *self.registry;
        if registry.moving.is_some() && registry.came_before(frame, &arrived) {
            return;
        }
        registry.counters.messages += 1;
        registry.counters.bytes += u64::from(frame.payload.end - frame.headers.start);
        // A message for an unknown sid was under way when its subscription ended.
        let Some(entry) = registry.entries.get_mut(frame.sid) else { return };
        entry.received += 1;
        match &entry.target {
            Target::Requests => {
                let reply = Run::from(Block::new(arrived, frame, Expected::default()));
                if reply.view(0).is_malformed() {
                    registry.malformed = Some(frame.sid);
                }
                registry.replies.push(reply);
            }
            Target::Mailbox(_) => {
                if entry.staged.is_none() {
                    registry.touched.push(frame.sid);
                }
                if entry.stage(frame, arrived, &mut registry.staged) {
                    registry.malformed = Some(frame.sid);
                }
            }
        }
    }
}

impl Entry {
    /// Writes what a server must be told that knows nothing of it.
    fn tell(&self, sid: u64, out: &mut Vec<u8>) {
        let queue = self.queue.as_deref().map(QueueGroup::new).transpose();
        if let (Ok(filter), Ok(queue)) = (Filter::new(&self.subject), queue) {
            encode::subscribe(out, sid, filter, queue);
            if let Some(max) = self.max {
                // A new server counts from zero.
                encode::unsubscribe(out, sid, Some(max.saturating_sub(self.received)));
            }
        }
    }

    /// Puts one message behind those of this read. Returns whether it is malformed.
    #[inline]
    fn stage(&mut self, frame: &MsgFrame, arrived: Arrived<'_>, staged: &mut Vec<Staged>) -> bool {
        if self.max.is_some_and(|max| self.received > max) {
            return false;
        }
        let last = self.staged.and_then(|chain| staged.get_mut(chain.last)?.block.as_mut());
        let shared = match (&arrived, last) {
            (Arrived::Copied(bytes), Some(block)) => block.add(bytes, frame),
            _ => false,
        };
        if !shared {
            let (at, block) = (staged.len(), Block::new(arrived, frame, self.expected));
            staged.push(Staged { block: Some(block), next: None });
            let first = self.staged.map_or(at, |chain| {
                staged[chain.last].next = Some(at);
                chain.first
            });
            self.staged = Some(Chain { first, last: at });
        }
        let last = self.staged.and_then(|chain| staged.get(chain.last)?.block.as_ref());
        let Some(view) = last.map(|block| block.view(block.count() - 1)) else { return false };
        // Servers do not count their own word that nobody listens, so neither do we.
        self.received -= u64::from(is_no_responders(view));
        view.is_malformed()
    }
}

/// Takes the blocks of one subscription out of those of a read, in order.
fn unchained(staged: &mut [Staged], chain: Option<Chain>) -> impl Iterator<Item = Block> {
    let mut at = chain.map(|chain| chain.first);
    std::iter::from_fn(move || {
        let next = staged.get_mut(at?)?;
        at = next.next;
        next.block.take()
    })
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
