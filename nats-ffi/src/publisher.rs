//! Publishing to streams without waiting for each acknowledgement.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nats_bridge::jetstream as options;
use nats_bridge::publisher::{OutcomesFn, Publisher};
use nats_core::jetstream::Outcome;
use nats_core::{Code, Publish};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::headers::{nats_headers, with_headers};
use crate::jetstream::{Context, nats_jetstream};
use crate::queue::{Events, Value, nats_queue, start};
use crate::types::{NATS_OK, nats_bytes, nats_destroy_cb, nats_status, nats_str, null, timeout};
use crate::user::User;

/// Publishes to streams with many messages under way at once: no more than "window" wait for their
/// acknowledgement, or for the program to take what became of them. Any thread. Free it with
/// nats_publisher_free().
pub struct nats_publisher(());

/// The token of a message whose outcome nobody wants to be told; nats_publisher_complete() tells when
/// it was not stored.
pub const NATS_NO_TOKEN: u64 = u64::MAX;

/// What became of a message. The layout is frozen.
#[repr(C)]
pub struct nats_outcome {
    /// The program's number for the message.
    pub token: u64,
    /// Its sequence in the stream; 0 when it was not stored.
    pub sequence: u64,
    /// Why it was not stored, or why nobody knows; NULL when it was. The program owes a
    /// nats_error_free().
    pub error: *mut nats_error,
    /// `NATS_OK`, or the code of `error`.
    pub status: nats_status,
    /// 1: the stream had it before, by its id; `sequence` is that of then.
    pub duplicate: u32,
}

/// Told what became of messages, in the order in which it was known. `outcomes` is only lent; the
/// errors in it belong to the callback. Runs on a delivery thread, one call at a time; the rules are
/// those of `nats_msg_cb`.
pub type nats_outcomes_cb = Option<
    unsafe extern "C" fn(
        publisher: *mut nats_publisher,
        outcomes: *const nats_outcome,
        count: usize,
        user: *mut c_void,
    ),
>;

/// A publisher. Keep one, rather than making one for each message.
///
/// `options_json`: a JSON object with the keys of "Publisher" in docs/options.md, or empty. `cb`: told
/// what becomes of messages with a token; or NULL: then nats_publisher_take() and
/// nats_publisher_watch() tell it. `destroy`: may be NULL; runs after the last callback.
///
/// Errors: `INVALID_OPTION`, `INVALID_JSON`, `CONNECTION_CLOSED`; `IO` when no delivery thread can be
/// started.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_new(
    js: *mut nats_jetstream,
    options_json: nats_str,
    cb: nats_outcomes_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_publisher>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard_out(out, err, || {
        let context = handle::get::<Context>(js)?;
        let options = options_json.text("options", Code::InvalidOption)?;
        let place = Arc::new(OnceLock::new());
        let told = cb.map(|cb| deliver(cb, user, Arc::clone(&place)));
        let publisher = Publisher::new(context.connection(), context.js(), options, told)?;
        let publisher = Arc::new(publisher);
        let made = handle::insert(Arc::clone(&publisher))?;
        // The first and only write: nothing is delivered before the start.
        let _ = place.set(made.expose_provenance());
        publisher.start();
        Ok(made)
    })
}

/// Publishes a message and returns as soon as it is accepted. Waits for room in the window, for at most
/// "stall_ms", and in the outbound buffer as nats_publish() does. A message that no stream has answered is
/// published again, behind those that were published meanwhile.
///
/// `headers`: may be NULL; not consumed. `options_json`: as nats_jetstream_publish(), or empty;
/// "timeout_ms" has no meaning here. `token`: the number under which its outcome is told, or
/// `NATS_NO_TOKEN`.
///
/// Errors, and then it was not published: `PUBLISHER_STALLED` when the window stays full;
/// `INVALID_OPTION`, `INVALID_HEADER`; those of nats_publish_msg(). The outcome's own errors are those of
/// nats_jetstream_publish().
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_publish(
    publisher: *mut nats_publisher,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    options_json: nats_str,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::publish_options(options_json.text("options", Code::InvalidOption)?)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        let publisher = handle::get::<Arc<Publisher>>(publisher)?;
        let token = Some(token).filter(|token| *token != NATS_NO_TOKEN);
        let publish = Publish::new(subject, payload);
        if headers.is_null() {
            return publisher.publish(&publish, &options, token);
        }
        // Not locked while it waits.
        let headers = with_headers(headers, |given| Ok(given.cloned()))?;
        publisher.publish(&Publish { headers: headers.as_ref(), ..publish }, &options, token)
    })
}

/// Takes up to `cap` outcomes that are known and writes them to `outcomes`; `*count` receives their
/// number, which is at least 1. Free the errors in them with nats_error_free().
///
/// `timeout_ms`: how long to wait for the first, in milliseconds; 0 does not wait.
///
/// Errors: `TIMEOUT` when nothing is known in time; `CONNECTION_CLOSED` once nothing more will be;
/// `INVALID_ARGUMENT` for `cap` 0, and for a publisher with a callback.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_take(
    publisher: *mut nats_publisher,
    outcomes: Option<NonNull<nats_outcome>>,
    cap: usize,
    timeout_ms: i64,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let first = outcomes.ok_or_else(|| null("outcomes"))?;
        let publisher = Arc::clone(&*handle::get::<Arc<Publisher>>(publisher)?);
        let taken = publisher.take(cap, timeout(timeout_ms)?)?;
        let count = taken.len();
        for (index, outcome) in taken.into_iter().enumerate() {
            // SAFETY: the caller promised room for `cap`, and no more are taken.
            unsafe { first.add(index).write(written(outcome)) };
        }
        Ok(count)
    })
}

/// Asks for readiness events on a queue: one `NATS_EVENT_READY` with `token` when outcomes are known,
/// then none until a nats_publisher_take() has found fewer than it asked for. A second call replaces
/// queue and token.
///
/// Errors: `INVALID_ARGUMENT` for a publisher with a callback.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_watch(
    publisher: *mut nats_publisher,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let publisher = handle::get::<Arc<Publisher>>(publisher)?;
        publisher.watch(&*handle::get::<Events>(queue)?, token)
    })
}

/// Waits until it is known of every message what became of it.
///
/// `timeout_ms`: how long, in milliseconds.
///
/// Errors: that of the first message with `NATS_NO_TOKEN` that was not stored since the last call; its
/// text tells how many there were. `TIMEOUT`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_complete(
    publisher: *mut nats_publisher,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let publisher = Arc::clone(&*handle::get::<Arc<Publisher>>(publisher)?);
        publisher.complete(timeout(timeout_ms)?)
    })
}

/// Like nats_publisher_complete(); completes on `queue` without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_complete_async(
    publisher: *mut nats_publisher,
    timeout_ms: i64,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let core = handle::get::<Arc<Publisher>>(publisher)?.core().clone();
        let limit: Duration = timeout(timeout_ms)?;
        start(queue, token, async move { core.complete(limit).await.map(|()| Value::Nothing) })
    })
}

/// How many messages wait for their acknowledgement.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_in_flight(
    publisher: *mut nats_publisher,
    out: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || Ok(handle::get::<Arc<Publisher>>(publisher)?.core().in_flight()))
}

/// Frees a publisher. What was accepted is still published; outcomes that were not taken are not told.
/// May be called in its own callback. NULL is fine; one that was freed before is
/// `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publisher_free(publisher: *mut nats_publisher) -> nats_status {
    guard_status(|| handle::free::<Arc<Publisher>>(publisher))
}

type OutcomesCall =
    unsafe extern "C" fn(*mut nats_publisher, *const nats_outcome, usize, *mut c_void);

/// Calls the program's function.
fn deliver(cb: OutcomesCall, user: User, place: Arc<OnceLock<usize>>) -> OutcomesFn {
    Box::new(move |outcomes| {
        let publisher = place.get().copied().unwrap_or_default();
        let publisher = std::ptr::with_exposed_provenance_mut(publisher);
        let outcomes: Vec<nats_outcome> = outcomes.into_iter().map(written).collect();
        // SAFETY: the program gave the function for such calls; `user` is still owned.
        unsafe { cb(publisher, outcomes.as_ptr(), outcomes.len(), user.ptr()) }
    })
}

fn written(Outcome { token, result, .. }: Outcome) -> nats_outcome {
    match result {
        Ok(stored) => nats_outcome {
            token,
            sequence: stored.sequence(),
            error: std::ptr::null_mut(),
            status: NATS_OK,
            duplicate: stored.is_duplicate().into(),
        },
        Err(error) => {
            let status = error.code().number();
            // Without room for a handle the status tells it alone.
            let error = handle::insert(error).unwrap_or(std::ptr::null_mut());
            nats_outcome { token, sequence: 0, error, status, duplicate: 0 }
        }
    }
}

const _: () = assert!(size_of::<nats_outcome>() == 32);
