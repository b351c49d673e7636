//! The queue on which asynchronous results arrive.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::future::Future;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use nats_bridge::connection::Connection;
use nats_bridge::doc::Doc;
use nats_bridge::queue::{Event, Queue};
use nats_bridge::running::Running;
use nats_bridge::subscription::Subscription;
use nats_bridge::sync::lock;
use nats_core::kv::KvCache;
use nats_core::{Client, Code, Message, Request, Result};

use crate::doc::Document;
use crate::error::nats_error;
use crate::fetched::Fetched;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle::{self, Owned};
use crate::kv::Bucket;
use crate::message;
use crate::object::Objects;
use crate::object_stream::{Reading, Writing};
use crate::types::{NATS_OK, nats_destroy_cb, nats_status, null, timeout};
use crate::user::User;

/// A queue of results. One queue serves any number of connections, subscriptions and threads.
pub struct nats_queue(());

/// The queue behind a `nats_queue`.
#[derive(Default)]
pub(crate) struct Events {
    queue: Queue<Value>,
    /// Boxed, as all that is large: every handle has the room of the largest object.
    running: Box<Operations>,
}

/// An asynchronous operation has ended. There is exactly one such event per operation that was
/// started: a call that fails has started none.
pub const NATS_EVENT_COMPLETION: i32 = 1;

/// A watched subscription has messages, or has ended: take until there are no more. There is at
/// most one such event outstanding per subscription.
pub const NATS_EVENT_READY: i32 = 2;

/// Something happened to a watched connection.
pub const NATS_EVENT_CONNECTION: i32 = 3;

/// What nats_queue_poll() delivers. The layout is frozen.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nats_event {
    /// The caller's number for the operation, subscription or connection.
    pub token: u64,
    /// Owned by the receiver. COMPLETION: what the operation's documentation says, NULL when it
    /// has no value, or a `nats_error` when `status` is not 0. CONNECTION: a `nats_doc` with the
    /// details. READY: NULL.
    pub value: *mut c_void,
    /// `NATS_EVENT_COMPLETION`, `NATS_EVENT_READY` or `NATS_EVENT_CONNECTION`.
    pub kind: i32,
    /// COMPLETION: the operation's status. Otherwise 0.
    pub status: nats_status,
    /// READY: the number of messages that wait now, which may be 0. CONNECTION: one of
    /// `nats_connection_event`. COMPLETION: the number that the operation yields, if it yields one.
    /// Otherwise 0.
    pub arg: u64,
}

/// Called when a queue goes from empty to non-empty. Runs on an I/O thread, on a delivery thread
/// or on the caller's: it must not block and must not call functions of this library; it only
/// wakes the program's own loop.
pub type nats_wake_cb = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// What a completed operation yields.
pub(crate) enum Value {
    Nothing,
    Message(Message),
    Connection(Owned<Arc<Connection>>),
    Doc(Doc),
    Fetched(Fetched),
    Number(u64),
    Bucket(Owned<Arc<Bucket>>),
    Cache(Owned<KvCache>),
    Subscription(Owned<Subscription>),
    Objects(Owned<Arc<Objects>>),
    Writer(Owned<Writing>),
    Reader(Owned<Reading>),
}

/// Makes a queue. Free `*out` with nats_queue_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_new(
    out: Option<&mut MaybeUninit<*mut nats_queue>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || handle::insert(Events::default()))
}

/// Takes up to `cap` events in the order of their arrival and writes them to `events`; `*count`
/// receives their number.
///
/// `timeout_ms`: how long to wait for the first event, in milliseconds; 0 does not wait. Nothing
/// within that time is success with `*count` 0, and so is an interrupt. Several threads may poll
/// one queue; each event reaches one of them. One that waits reads the socket of the connection
/// whose requests the queue is used for, and hands out what arrives for others, too.
///
/// Errors: `QUEUE_CLOSED` when the queue is freed meanwhile; `INVALID_ARGUMENT` for `cap` 0 or a
/// negative timeout.
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_poll(
    queue: *mut nats_queue,
    events: Option<NonNull<nats_event>>,
    cap: usize,
    timeout_ms: i64,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let first = events.ok_or_else(|| null("events"))?;
        let queue = handle::get::<Events>(queue)?;
        let mut taken = Vec::new();
        queue.poll(&mut taken, cap, timeout(timeout_ms)?)?;
        queue.running.forget(&taken);
        let count = taken.len();
        for (i, event) in taken.into_iter().enumerate() {
            // SAFETY: the caller promised room for `cap` events, and `i` is below that.
            unsafe { first.add(i).write(convert(event)) };
        }
        Ok(count)
    })
}

/// A file descriptor that is readable while the queue holds events, and now and then for a moment
/// when it does not (then a poll yields none and makes it unreadable), for epoll, poll or an
/// event loop (Linux: an eventfd). It belongs to the queue: do not read, write or close it. It is
/// closed when the queue is freed.
///
/// Errors: `IO` when the process has no descriptor left.
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_fd(
    queue: *mut nats_queue,
    out: Option<&mut MaybeUninit<i32>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || handle::get::<Events>(queue)?.fd())
}

/// Sets the function that is called whenever the queue goes from empty to non-empty, and once at
/// once when it is not empty now; NULL removes it. `destroy` (may be NULL) runs exactly once,
/// after the last call has returned.
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_on_wake(
    queue: *mut nats_queue,
    cb: nats_wake_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let queue = handle::get::<Events>(queue)?;
        queue.on_wake(cb.map(|cb| {
            let hook: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
                // SAFETY: the program gave the function for such calls; `user` is still owned.
                unsafe { cb(user.ptr()) }
            });
            hook
        }));
        Ok(())
    })
}

/// Makes one call of nats_queue_poll() return at once: one that waits now, or the next one.
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_interrupt(
    queue: *mut nats_queue,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        handle::get::<Events>(queue)?.interrupt();
        Ok(())
    })
}

/// Cancels the operation that was started last under `token`: it is forgotten, and completes with
/// `CANCELLED` unless it has completed already, which is success, too, as is a token that is
/// unknown.
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_cancel(
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        handle::get::<Events>(queue)?.running.cancel(token);
        Ok(())
    })
}

/// Frees a queue with the events in it; threads that poll it get `QUEUE_CLOSED`; operations that
/// are under way go on, and their results are freed. NULL is fine; a queue that was freed before
/// is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_queue_free(queue: *mut nats_queue) -> nats_status {
    guard_status(|| handle::free_after::<Events>(queue, |events| events.close()))
}

/// Starts an operation whose result arrives on `queue` under `token`.
pub(crate) fn start<F>(queue: *mut nats_queue, token: u64, operation: F) -> Result<()>
where
    F: Future<Output = Result<Value>> + Send + 'static,
{
    let queue = handle::get::<Events>(queue)?;
    begun(&queue, token, queue.start(token, operation))
}

/// Starts what is to be read: it arrives as a subscription.
pub(crate) fn open<F>(queue: *mut nats_queue, token: u64, opened: F) -> Result<()>
where
    F: Future<Output = Result<nats_core::Subscription>> + Send + 'static,
{
    start(queue, token, async move {
        Owned::new(Subscription::polled(opened.await?)).map(Value::Subscription)
    })
}

/// Sends a request whose answer arrives on `queue` under `token`.
pub(crate) fn ask(
    queue: *mut nats_queue,
    token: u64,
    client: &Client,
    request: &Request<'_>,
) -> Result<()> {
    begin(queue, token, |events| events.ask(token, client, request, Value::Message))
}

/// Starts an operation on `queue` as `run` does.
pub(crate) fn begin(
    queue: *mut nats_queue,
    token: u64,
    run: impl FnOnce(&Events) -> Result<Option<Running>>,
) -> Result<()> {
    let queue = handle::get::<Events>(queue)?;
    begun(&queue, token, run(&queue))
}

fn begun(queue: &Events, token: u64, started: Result<Option<Running>>) -> Result<()> {
    match started {
        Ok(Some(operation)) => queue.running.remember(token, operation),
        Ok(None) => {}
        Err(error) if is_refusal(error.code()) => return Err(error),
        // An answer may be there before the call returns; it is a completion all the same.
        Err(error) => queue.ticket(token).complete(Err(error)),
    }
    Ok(())
}

/// Whether an error says that an operation cannot begin, rather than how it went.
fn is_refusal(code: Code) -> bool {
    use Code::*;
    let arguments = matches!(
        code,
        InvalidArgument
            | InvalidHandle
            | InvalidSubject
            | InvalidQueueGroup
            | InvalidHeader
            | InvalidName
    );
    let documents = matches!(code, InvalidUrl | InvalidOption | InvalidJson | NotFound | WrongType);
    let state = matches!(code, Forked | ConnectionClosed | ConnectionDraining | OutboundFull);
    arguments || documents || state || matches!(code, MaxPayload | HeadersUnsupported)
}

impl Deref for Events {
    type Target = Queue<Value>;

    fn deref(&self) -> &Queue<Value> {
        &self.queue
    }
}

/// The operations under way, by token.
#[derive(Default)]
struct Operations(Mutex<HashMap<u64, Running, Tokens>>);

/// Hashes tokens, which are the program's own: nobody else could choose them badly.
type Tokens = BuildHasherDefault<Token>;

#[derive(Default)]
struct Token(u64);

impl Hasher for Token {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, token: u64) {
        // The table looks at the upper bits and the lower ones.
        let mixed = (self.0 ^ token).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Operations {
    fn remember(&self, token: u64, operation: Running) {
        let mut operations = lock(&self.0);
        // One that was polled before it was remembered is never forgotten otherwise.
        if operations.len() == operations.capacity() {
            operations.retain(|_, operation| !operation.has_ended());
        }
        operations.insert(token, operation);
    }

    /// Forgets the operations that have completed with these events, but not those that were
    /// started under their tokens since.
    fn forget(&self, events: &[Event<Value>]) {
        let mut operations = lock(&self.0);
        for event in events {
            if let Event::Completion { token, .. } = event
                && let Entry::Occupied(entry) = operations.entry(*token)
                && entry.get().has_ended()
            {
                entry.remove();
            }
        }
    }

    fn cancel(&self, token: u64) {
        let operation = lock(&self.0).remove(&token);
        // Aborting drops the operation, which may end in foreign code.
        if let Some(operation) = operation {
            operation.abort();
        }
    }
}

fn convert(event: Event<Value>) -> nats_event {
    match event {
        Event::Completion { token, result } => {
            let (status, value, arg) = match result.and_then(hand_over) {
                Ok((value, arg)) => (NATS_OK, value, arg),
                Err(error) => (error.code().number(), handle::insert_error(error).cast(), 0),
            };
            nats_event { token, value, kind: NATS_EVENT_COMPLETION, status, arg }
        }
        Event::Ready { token, pending } => {
            let value = std::ptr::null_mut();
            nats_event { token, value, kind: NATS_EVENT_READY, status: NATS_OK, arg: pending }
        }
        Event::Connection { token, event } => {
            let details = handle::insert(Document::new(event.details().clone()));
            let value = details.map_or(std::ptr::null_mut(), <*mut _>::cast);
            let arg = u64::from(event.kind().number().unsigned_abs());
            nats_event { token, value, kind: NATS_EVENT_CONNECTION, status: NATS_OK, arg }
        }
    }
}

fn hand_over(value: Value) -> Result<(*mut c_void, u64)> {
    let object = match value {
        Value::Nothing => std::ptr::null_mut(),
        Value::Number(number) => return Ok((std::ptr::null_mut(), number)),
        Value::Message(message) => message::into_raw(message).cast(),
        Value::Connection(connection) => connection.release().cast(),
        Value::Bucket(bucket) => bucket.release().cast(),
        Value::Cache(cache) => cache.release().cast(),
        Value::Subscription(subscription) => subscription.release().cast(),
        Value::Objects(objects) => objects.release().cast(),
        Value::Writer(writer) => writer.release().cast(),
        Value::Reader(reader) => reader.release().cast(),
        Value::Doc(doc) => handle::insert(Document::new(doc))?.cast(),
        Value::Fetched(fetched) => handle::insert(fetched)?.cast(),
    };
    Ok((object, 0))
}

const _: () = {
    assert!(size_of::<nats_event>() == 32 && align_of::<nats_event>() == 8);
    assert!(std::mem::offset_of!(nats_event, token) == 0);
    assert!(std::mem::offset_of!(nats_event, value) == 8);
    assert!(std::mem::offset_of!(nats_event, kind) == 16);
    assert!(std::mem::offset_of!(nats_event, status) == 20);
    assert!(std::mem::offset_of!(nats_event, arg) == 24);
};
