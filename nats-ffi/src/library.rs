//! The library as a whole: versions, start, stop.

use std::mem::MaybeUninit;

use nats_bridge::{connection, runtime};

use crate::error::nats_error;
use crate::guard::{guard, guard_value};
use crate::handle;
use crate::types::{NATS_ABI_VERSION, nats_status, nats_str, timeout};
use nats_core::{Code, Error};

/// The version of the binary interface that the loaded library implements. Compare it with
/// `NATS_ABI_VERSION` of the header the program was compiled with. Any thread; never fails.
#[unsafe(no_mangle)]
pub extern "C" fn nats_abi_version() -> u32 {
    NATS_ABI_VERSION
}

/// The version of the library, for example "0.1.0". The view is valid for ever. Never fails.
#[unsafe(no_mangle)]
pub extern "C" fn nats_version() -> nats_str {
    nats_str::view(env!("CARGO_PKG_VERSION").as_bytes())
}

/// Sets the number of I/O threads that all connections of the process share. Optional.
///
/// `worker_threads`: 1 to 64, or 0 for the default of 2. To be called before the first connection.
///
/// Errors: `INVALID_ARGUMENT` when the number is out of range or the threads run already.
#[unsafe(no_mangle)]
pub extern "C" fn nats_library_init(
    worker_threads: i32,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let threads = match worker_threads {
            0 => runtime::DEFAULT_THREADS,
            n => usize::try_from(n).map_err(|_| {
                let text = format!("worker_threads: {n} is negative; expected 0 to 64");
                Error::new(Code::InvalidArgument, text)
            })?,
        };
        runtime::configure(threads)
    })
}

/// Closes every connection, lets callbacks that run now finish, and joins all threads. Optional:
/// a program may simply exit. Handles stay valid until they are freed, but connections are closed;
/// connections that are made later start the threads afresh.
///
/// `timeout_ms`: how long to wait at most, in milliseconds; more than 0.
///
/// Errors: `TIMEOUT` when a callback did not return in time (its thread is left behind);
/// `INVALID_ARGUMENT` when called inside a callback or with a timeout that is not positive.
#[unsafe(no_mangle)]
pub extern "C" fn nats_library_shutdown(
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        if timeout_ms == 0 {
            let text = "timeout_ms: 0; expected at least 1 millisecond";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        connection::shutdown(timeout(timeout_ms)?)
    })
}

/// How many handles of this process are alive: connections, subscriptions, queues, documents,
/// options, headers, keys, texts and errors; messages are not counted. Meant for leak tests. Never
/// fails.
#[unsafe(no_mangle)]
pub extern "C" fn nats_library_handles() -> usize {
    guard_value(0, handle::live)
}
