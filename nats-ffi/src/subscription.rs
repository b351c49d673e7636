//! Subscriptions: callbacks, polling and readiness.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use nats_bridge::connection::Connection;
use nats_bridge::subscription::{Deliver, Subscription};
use nats_bridge::{options, wait};
use nats_core::service::Endpoint;
use nats_core::{Batch, Code, Result, SubscribeOptions};

use crate::connection::nats_connection;
use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle::{self, Owned};
use crate::message::{self, Messages, nats_msg};
use crate::queue::{Events, Value, nats_queue, start};
use crate::types::{nats_destroy_cb, nats_status, nats_str, null, timeout, timeout_option};
use crate::user::User;

/// A subscription, the answers to a nats_request_many(), the messages of a nats_jetstream_consume(), or an
/// endpoint of a service.
pub struct nats_subscription(());

/// A message for a subscription. `nc` is the connection handle that the subscription was made
/// with and `sub` the subscription, both borrowed; `msg` belongs to the callback, which frees it
/// with nats_msg_free(), now or later. Runs on a delivery thread, messages of one subscription
/// one at a time and in order. It may call every function, also those that block, and may
/// unsubscribe, drain or free its own subscription and close its connection. C++ exceptions must
/// not leave it.
pub type nats_msg_cb = Option<
    unsafe extern "C" fn(
        nc: *mut nats_connection,
        sub: *mut nats_subscription,
        msg: *mut nats_msg,
        user: *mut c_void,
    ),
>;

/// Numbers about a subscription. The layout is frozen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct nats_sub_stats {
    /// Messages that wait to be taken or delivered.
    pub pending_messages: u64,
    /// Their size in bytes.
    pub pending_bytes: u64,
    /// Messages handed to the program so far.
    pub delivered: u64,
    /// Messages dropped because a pending limit was reached.
    pub dropped: u64,
    /// The most messages that ever waited.
    pub max_pending_messages: u64,
    /// The most bytes that ever waited.
    pub max_pending_bytes: u64,
}

/// Subscribes with a callback.
///
/// `subject`: may hold the wildcards `*` and `>`. `cb`: must not be NULL. `destroy`: may be NULL.
/// `out`: may be NULL; then the subscription lives until the connection closes. Otherwise free it
/// with nats_subscription_free(), which ends it. The server learns of the subscription in the order
/// of the calls, before messages that the same connection publishes later.
///
/// Errors: `INVALID_SUBJECT`; `CONNECTION_DRAINING`; `CONNECTION_CLOSED`; `IO` when no delivery
/// thread can be started. A permission that the server denies arrives later as an event and as the
/// end of the subscription.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscribe(
    nc: *mut nats_connection,
    subject: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let cb = cb.ok_or_else(|| null("cb"))?;
        let connection = Arc::clone(&*handle::get::<Arc<Connection>>(nc)?);
        let subscription = open(&connection, &subject, &nats_str::EMPTY)?;
        deliver((connection, nc.expose_provenance()), subscription.into(), cb, user, out)
    })
}

/// Subscribes with options.
///
/// `options_json`: a JSON object with the keys "queue", "max_messages", "pending_messages",
/// "pending_bytes" and "overflow" (docs/options.md), or empty. `cb`: NULL for a subscription that
/// is read with nats_subscription_next(), nats_subscription_take() and nats_subscription_watch();
/// then `out` must not be NULL. The rest as nats_subscribe().
///
/// Errors: those of nats_subscribe(); `INVALID_OPTION`; `INVALID_QUEUE_GROUP`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscribe_with(
    nc: *mut nats_connection,
    subject: nats_str,
    options_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let connection = Arc::clone(&*handle::get::<Arc<Connection>>(nc)?);
        let subscribe = || open(&connection, &subject, &options_json);
        hand_out(Arc::clone(&connection), nc.expose_provenance(), subscribe, (cb, user), out)
    })
}

/// Takes the next message. Free `*out` with nats_msg_free().
///
/// `timeout_ms`: how long to wait, in milliseconds; 0 does not wait.
///
/// Errors: `TIMEOUT` when there is none in time; the reason when the subscription has ended and
/// is empty: `SUBSCRIPTION_CLOSED`, `SUBSCRIPTION_ENDED`, `CONNECTION_CLOSED`, `SLOW_CONSUMER`,
/// `PERMISSION`, `NO_RESPONDERS`; `INVALID_ARGUMENT` for a subscription with a callback.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_next(
    sub: *mut nats_subscription,
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let subscription = handle::get::<Subscription>(sub)?;
        let message = subscription.next(timeout(timeout_ms)?)?;
        Ok(message::into_raw_of(message, subscription.endpoint()))
    })
}

/// Takes up to `cap` messages at once and writes them to `msgs`; `*count` receives their number,
/// which is at least 1. Waits for the first message only. Free each with nats_msg_free(), or all
/// with nats_msgs_free().
///
/// Errors: those of nats_subscription_next(), and `INVALID_ARGUMENT` for `cap` 0.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_take(
    sub: *mut nats_subscription,
    msgs: Option<NonNull<*mut nats_msg>>,
    cap: usize,
    timeout_ms: i64,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let first = msgs.ok_or_else(|| null("msgs"))?;
        let subscription = handle::get::<Subscription>(sub)?;
        let mut count = 0;
        subscription.take_batches(cap, timeout(timeout_ms)?, |batch| {
            for msg in Messages::of(batch, subscription.endpoint()) {
                // SAFETY: the caller promised room for `cap` pointers, and no more are taken.
                unsafe { first.add(count).write(msg) };
                count += 1;
            }
        })?;
        Ok(count)
    })
}

/// Asks for readiness events on a queue: one `NATS_EVENT_READY` with `token` when there are
/// messages or the subscription has ended, then none until a nats_subscription_next() or
/// nats_subscription_take() has found it empty. A second call replaces queue and token.
///
/// Errors: `INVALID_ARGUMENT` for a subscription with a callback.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_watch(
    sub: *mut nats_subscription,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let subscription = handle::get::<Subscription>(sub)?;
        subscription.watch(&*handle::get::<Events>(queue)?, token)
    })
}

/// Ends a subscription at once: messages that wait are dropped, threads that wait for messages
/// return, and no further callback starts except one that is starting right now. Ending one that
/// has ended is success.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_unsubscribe(
    sub: *mut nats_subscription,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || handle::get::<Subscription>(sub)?.unsubscribe())
}

/// Ends a subscription after `max` messages, counted since it was made, as servers count them; at
/// once when that many have arrived already, or when `max` is 0.
///
/// Errors: the end reason when it has ended already; `INVALID_ARGUMENT` for the answers of a
/// nats_request_many() and the messages of a nats_jetstream_consume(), which end by their own rules.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_unsubscribe_after(
    sub: *mut nats_subscription,
    max: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || handle::get::<Subscription>(sub)?.unsubscribe_after(max))
}

/// Ends a subscription gently: the server stops sending, and the call returns once every message
/// that had arrived was taken, or its callback has returned; requests to an endpoint of a service
/// have to be answered or given up, too. Inside a callback of the same subscription the drain is
/// started and the call returns at once.
///
/// `timeout_ms`: how long to wait, in milliseconds; 0 stands for the option "drain_timeout_ms".
///
/// Errors: `TIMEOUT`; the subscription has ended then, too.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_drain(
    sub: *mut nats_subscription,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let subscription = handle::get::<Subscription>(sub)?;
        let limit = timeout_option(timeout_ms)?;
        if subscription.in_callback() {
            nats_bridge::runtime::handle()?.spawn(async move { subscription.drain(limit).await });
            return Ok(());
        }
        wait::block_on(subscription.drain(limit))?
    })
}

/// Like nats_subscription_drain() with the default timeout; completes on `queue` without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_drain_async(
    sub: *mut nats_subscription,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let subscription = handle::get::<Subscription>(sub)?;
        start(queue, token, async move { subscription.drain(None).await.map(|()| Value::Nothing) })
    })
}

/// Numbers about a subscription; also after it has ended.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_stats(
    sub: *mut nats_subscription,
    out: Option<&mut MaybeUninit<nats_sub_stats>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let stats = handle::get::<Subscription>(sub)?.stats();
        Ok(nats_sub_stats {
            pending_messages: stats.pending_messages as u64,
            pending_bytes: stats.pending_bytes as u64,
            delivered: stats.delivered,
            dropped: stats.dropped,
            max_pending_messages: stats.max_pending_messages as u64,
            max_pending_bytes: stats.max_pending_bytes as u64,
        })
    })
}

/// Ends a subscription as nats_subscription_unsubscribe() does and frees its handle. May be called
/// in its own callback. Messages that were taken stay valid. NULL is fine; a subscription that was
/// freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_subscription_free(sub: *mut nats_subscription) -> nats_status {
    guard_status(|| {
        handle::free_after::<Subscription>(sub, |subscription| {
            // Wakes threads that wait on it; an end that came before is as good.
            let _ = subscription.unsubscribe();
        })
    })
}

type MessageFn =
    unsafe extern "C" fn(*mut nats_connection, *mut nats_subscription, *mut nats_msg, *mut c_void);

/// The handle that a callback gets; it is the library's own when the program did not want it.
enum Place {
    Lent(usize),
    Own(Owned<Subscription>),
}

/// Calls the program's function.
struct Delivery {
    cb: MessageFn,
    nc: usize,
    place: Arc<OnceLock<Place>>,
    endpoint: Option<Arc<Endpoint>>,
    messages: Option<Messages>,
    /// Last, so that its destroy hook runs after everything else has ended.
    user: User,
}

impl Deliver for Delivery {
    fn load(&mut self, batch: Batch) {
        self.messages = Some(Messages::of(batch, self.endpoint.as_ref()));
    }

    fn next(&mut self) {
        let Some(msg) = self.messages.as_mut().and_then(Iterator::next) else { return };
        let nc = std::ptr::with_exposed_provenance_mut(self.nc);
        let sub = match self.place.get() {
            Some(Place::Lent(handle)) => std::ptr::with_exposed_provenance_mut(*handle),
            Some(Place::Own(handle)) => handle.ptr(),
            None => std::ptr::null_mut(),
        };
        // SAFETY: the program gave the function for such calls; `user` is still owned.
        unsafe { (self.cb)(nc, sub, msg, self.user.ptr()) }
    }
}

/// A subscription of the core, and what its messages are requests to.
pub(crate) struct Opened {
    core: nats_core::Subscription,
    endpoint: Option<Arc<Endpoint>>,
}

impl From<nats_core::Subscription> for Opened {
    fn from(core: nats_core::Subscription) -> Opened {
        Opened { core, endpoint: None }
    }
}

impl From<Endpoint> for Opened {
    fn from(endpoint: Endpoint) -> Opened {
        Opened { core: endpoint.subscription().clone(), endpoint: Some(Arc::new(endpoint)) }
    }
}

/// The subscription of the core.
fn open(
    connection: &Connection,
    subject: &nats_str,
    json: &nats_str,
) -> Result<nats_core::Subscription> {
    let subject = subject.text("subject", Code::InvalidSubject)?;
    let mut wanted = SubscribeOptions::default();
    options::subscribe(&mut wanted, json.text("options", Code::InvalidOption)?)?;
    connection.subscribe(subject, &wanted)
}

/// Subscribes with `open`, and delivers to the callback, if there is one, or hands out a handle to
/// read from. `nc`: the handle of the connection that callbacks are told.
pub(crate) fn hand_out<O: Into<Opened>>(
    connection: Arc<Connection>,
    nc: usize,
    open: impl FnOnce() -> Result<O>,
    (cb, user): (nats_msg_cb, User),
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
) -> Result<()> {
    match (cb, out) {
        (Some(cb), out) => deliver((connection, nc), open()?.into(), cb, user, out),
        (None, Some(out)) => {
            let Opened { core, endpoint } = open()?.into();
            out.write(handle::insert(Subscription::polled_of(core, endpoint))?);
            Ok(())
        }
        (None, None) => Err(null("out")),
    }
}

/// Starts the delivery of a subscription to `cb`; the handle goes to `out` or stays with the
/// callback.
fn deliver(
    (connection, nc): (Arc<Connection>, usize),
    Opened { core, endpoint }: Opened,
    cb: MessageFn,
    user: User,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
) -> Result<()> {
    let place = Arc::new(OnceLock::new());
    let delivery = Delivery { cb, nc, place: Arc::clone(&place), endpoint, messages: None, user };
    let subscription = Subscription::callback(&connection, core, Box::new(delivery))?;
    let source = subscription.source();
    let handle = Owned::new(subscription)?;
    let kept = match out {
        Some(out) => {
            let handle = handle.release();
            out.write(handle);
            Place::Lent(handle.expose_provenance())
        }
        None => Place::Own(handle),
    };
    // The first and only write: nothing is delivered before the source starts.
    let _ = place.set(kept);
    if let Some(source) = source {
        source.start();
    }
    Ok(())
}

const _: () = assert!(size_of::<nats_sub_stats>() == 48);
