//! Connections.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use nats_bridge::connection::Connection;
use nats_bridge::wait;
use nats_core::{Code, Error, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle::{self, Owned};
use crate::inject;
use crate::options::{self, nats_options};
use crate::question;
use crate::queue::{Events, Value, nats_queue, start};
use crate::types::{nats_status, nats_str, null, timeout_option};

/// A connection to a NATS server or cluster, which reconnects by itself.
pub struct nats_connection(());

/// Numbers about a connection since it was made. The layout is frozen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct nats_stats {
    /// Messages received.
    pub in_messages: u64,
    /// Their bytes: subject, headers and payload.
    pub in_bytes: u64,
    /// Messages accepted for sending.
    pub out_messages: u64,
    /// Their payload and header bytes.
    pub out_bytes: u64,
    /// How often the connection was re-established.
    pub reconnects: u64,
    /// Received messages that were dropped because a subscription was too slow.
    pub dropped_in: u64,
    /// Accepted messages that were never sent: dropped by the outbound policy or by closing.
    pub dropped_out: u64,
    /// Errors that servers reported.
    pub errors: u64,
    /// Bytes accepted and not yet written to the socket.
    pub outbound_pending: u64,
}

/// Connects and waits until the connection is established.
///
/// `url`: one URL or several with commas between them: `nats://`, `tls://`, or just host and
/// port, with credentials as in `nats://user:password@host:4222`; empty stands for the servers of
/// the options. `opts`: may be NULL; copied. Free `*out` with nats_connection_free().
///
/// Waits at most "connect_timeout_ms" per server. With the option "retry_on_failed_connect" it
/// returns at once and goes on trying in the background.
///
/// Errors: `NO_SERVERS` (its text lists what each server said), `AUTHORIZATION`, `TLS`,
/// `INVALID_CREDENTIALS` (a login function that refuses is told here, too), `INVALID_URL`,
/// `INVALID_OPTION`, `PROTOCOL`; `IO` when threads cannot be started.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connect(
    url: nats_str,
    opts: *const nats_options,
    out: Option<&mut MaybeUninit<*mut nats_connection>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let settings = options::settings(&url, opts)?;
        Ok(wait::block_on(open(settings))??.release())
    })
}

/// Connects; the result arrives on `queue` as a completion whose value is a `nats_connection`.
/// Arguments and errors as nats_connect(); what is known at once is returned at once, and then
/// there is no completion.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connect_async(
    url: nats_str,
    opts: *const nats_options,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let settings = options::settings(&url, opts)?;
        start(queue, token, async move { open(settings).await.map(Value::Connection) })
    })
}

/// Closes a connection: whatever waits on it fails with `CONNECTION_CLOSED` at once, its
/// subscriptions end, and what was published is still written, for at most two seconds. Use
/// nats_connection_drain() to end gently. Closing a closed connection is success. The handle must
/// be freed all the same.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_close(
    nc: *mut nats_connection,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let connection = connection(nc)?;
        wait::block_on(connection.client().close())
    })
}

/// Frees a connection, closing it in the background when it is open. Its subscriptions end;
/// their handles must be freed, too. May be called in a callback of the connection. NULL is fine;
/// a connection that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_free(nc: *mut nats_connection) -> nats_status {
    guard_status(|| handle::free_after::<Arc<Connection>>(nc, |c| c.client().close_now()))
}

/// Closes a connection gently: all subscriptions are drained, so that messages that have arrived
/// are taken or their callbacks return, and requests to services are answered or given up (see
/// nats_service); then everything published is sent, and the connection closes. New subscriptions
/// are refused from the start. Inside a callback of the connection the drain is started and the
/// call returns at once.
///
/// `timeout_ms`: how long to wait, in milliseconds; 0 stands for the option "drain_timeout_ms".
///
/// Errors: `TIMEOUT`; the connection is closed then, too. `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_drain(
    nc: *mut nats_connection,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let connection = connection(nc)?;
        let limit = timeout_option(timeout_ms)?;
        if connection.in_callback() {
            nats_bridge::runtime::handle()?.spawn(connection.drain(limit));
            return Ok(());
        }
        wait::block_on(connection.drain(limit))?
    })
}

/// Like nats_connection_drain() with the default timeout; completes on `queue` without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_drain_async(
    nc: *mut nats_connection,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let connection = connection(nc)?;
        let drain = connection.drain(None);
        start(queue, token, async move { drain.await.map(|()| Value::Nothing) })
    })
}

/// Waits until the server has processed everything that was published and subscribed before.
///
/// `timeout_ms`: how long to wait, in milliseconds; 0 stands for the option "flush_timeout_ms".
///
/// Errors: `TIMEOUT`, `CONNECTION_LOST`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_flush(
    nc: *mut nats_connection,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (connection, limit) = (connection(nc)?, timeout_option(timeout_ms)?);
        let client = connection.client();
        wait::read_for(client, async {
            match limit {
                Some(limit) => client.flush_timeout(limit).await,
                None => client.flush().await,
            }
        })?
    })
}

/// Like nats_connection_flush() with the default timeout; completes on `queue` without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_flush_async(
    nc: *mut nats_connection,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let connection = connection(nc)?;
        start(
            queue,
            token,
            async move { connection.client().flush().await.map(|()| Value::Nothing) },
        )
    })
}

/// Measures the time from a PING to its PONG, in nanoseconds. Timeout and errors as
/// nats_connection_flush().
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_rtt(
    nc: *mut nats_connection,
    timeout_ms: i64,
    nanoseconds: Option<&mut MaybeUninit<i64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(nanoseconds, err, || {
        let (connection, limit) = (connection(nc)?, timeout_option(timeout_ms)?);
        let client = connection.client();
        let rtt = wait::read_for(client, async {
            match limit {
                Some(limit) => client.rtt_timeout(limit).await,
                None => client.rtt().await,
            }
        })??;
        Ok(i64::try_from(rtt.as_nanos()).unwrap_or(i64::MAX))
    })
}

/// The state: one of `nats_connection_state`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_state(
    nc: *mut nats_connection,
    out: Option<&mut MaybeUninit<i32>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || Ok(connection(nc)?.state().number()))
}

/// Numbers about the connection; also after it is closed.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_stats(
    nc: *mut nats_connection,
    out: Option<&mut MaybeUninit<nats_stats>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let connection = connection(nc)?;
        let stats = connection.client().stats();
        Ok(nats_stats {
            in_messages: stats.in_messages,
            in_bytes: stats.in_bytes,
            out_messages: stats.out_messages,
            out_bytes: stats.out_bytes,
            reconnects: stats.reconnects,
            dropped_in: stats.dropped_in,
            dropped_out: stats.dropped_out,
            errors: stats.errors,
            outbound_pending: connection.client().outbound_pending() as u64,
        })
    })
}

/// The largest message that the server accepts, in bytes of headers and payload.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_max_payload(
    nc: *mut nats_connection,
    out: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || Ok(connection(nc)?.client().max_payload()))
}

/// The last error of the connection that no call reported (a lost connection, a permission that
/// was denied); `*out` is NULL when there was none, otherwise free it with nats_error_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_last_error(
    nc: *mut nats_connection,
    out: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, None, || match connection(nc)?.client().last_error() {
        Some(error) => handle::insert(error),
        None => Ok(std::ptr::null_mut()),
    })
}

/// Writes a fresh, unique inbox subject and a NUL behind it to `buf`, which holds `cap` bytes;
/// `*len` (may be NULL) receives its length without the NUL. 128 bytes are enough with the default
/// "inbox_prefix".
///
/// Errors: `INVALID_ARGUMENT` when `cap` is too small; the text says what is needed.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_new_inbox(
    nc: *mut nats_connection,
    buf: Option<NonNull<c_char>>,
    cap: usize,
    len: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let first = buf.ok_or_else(|| null("buf"))?.cast::<u8>().as_ptr();
        let inbox = connection(nc)?.client().new_inbox()?;
        if cap <= inbox.len() {
            let text = format!("cap: {cap} is too small; {} bytes are needed", inbox.len() + 1);
            return Err(Error::new(Code::InvalidArgument, text));
        }
        // SAFETY: the caller promised room for `cap` bytes, which is more than the length.
        unsafe {
            first.copy_from_nonoverlapping(inbox.as_ptr(), inbox.len());
            first.add(inbox.len()).write(0);
        }
        if let Some(len) = len {
            len.write(inbox.len());
        }
        Ok(())
    })
}

/// Drops the socket and connects anew, keeping subscriptions and what was published.
///
/// Errors: `CONNECTION_CLOSED`, `CONNECTION_DRAINING`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_force_reconnect(
    nc: *mut nats_connection,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || connection(nc)?.client().force_reconnect())
}

/// Delivers the events of the connection on a queue from now on, as `NATS_EVENT_CONNECTION` with
/// `token`. At most 1,024 are kept, beyond that the oldest are dropped. Works beside an event
/// callback and for several queues.
///
/// Errors: `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_connection_watch(
    nc: *mut nats_connection,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let connection = connection(nc)?;
        connection.watch(&*handle::get::<Events>(queue)?, token)
    })
}

fn connection(nc: *mut nats_connection) -> Result<Arc<Connection>> {
    Ok(Arc::clone(&*handle::get::<Arc<Connection>>(nc)?))
}

/// Connects and puts the connection under a handle; its events are delivered only then, so that
/// every event callback has a handle to name.
async fn open(mut settings: options::Inner) -> Result<Owned<Arc<Connection>>> {
    let asked = question::ask(&mut settings.connect, settings.hooks)?;
    let injected = inject::install(&mut settings.connect, settings.on_inject)?;
    let place = Arc::new(OnceLock::<usize>::new());
    let lookup = Arc::clone(&place);
    let on_event = settings.on_event.map(|hook| -> nats_bridge::connection::EventFn {
        Box::new(move |event| {
            let handle = lookup.get().copied().unwrap_or_default();
            hook.call(std::ptr::with_exposed_provenance_mut(handle), event);
        })
    });
    let connection = Connection::connect(settings.connect, on_event).await?;
    connection.keep(asked.into_iter().chain(injected));
    let owned = Owned::new(Arc::clone(&connection))?;
    // The first and only write.
    let _ = place.set(owned.ptr().expose_provenance());
    connection.start_events();
    Ok(owned)
}

const _: () = assert!(size_of::<nats_stats>() == 72);
