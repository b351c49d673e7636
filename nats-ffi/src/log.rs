//! The library's log.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};

use nats_bridge::delivery::{Job, Lifeline, Next, Turn};
use nats_bridge::log::{self, Level};
use nats_bridge::pool;
use nats_bridge::sync::lock;
use nats_core::{Code, Error, Result};

use crate::error::nats_error;
use crate::guard::guard;
use crate::types::{nats_destroy_cb, nats_status, nats_str};
use crate::user::User;

/// Records that wait for the program; beyond that the oldest are dropped.
const BACKLOG: usize = 1024;

/// Takes a record of the library's log. `level`: one of `nats_log_level`; `text` is valid as long
/// as the call. Runs on a delivery thread, one record at a time.
pub type nats_log_cb = Option<unsafe extern "C" fn(level: i32, text: nats_str, user: *mut c_void)>;

type LogFn = unsafe extern "C" fn(i32, nats_str, *mut c_void);

/// Has `cb` called with the records of the library's log from now on, of all connections, instead
/// of a function that was set before; a NULL `cb` ends it. `level`: one of `nats_log_level`, the
/// least important level that is wanted. At most 1,024 records wait, beyond that the oldest are
/// dropped. `destroy` (may be NULL) runs once `cb` will not be called any more. No record shows a
/// secret or a payload. nats_library_shutdown() ends the log, too, and a child of fork() has none
/// until it sets its own.
///
/// Errors: `INVALID_ARGUMENT`: no such level.
#[unsafe(no_mangle)]
pub extern "C" fn nats_log_set(
    level: i32,
    cb: nats_log_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let Some(call) = cb else {
            log::deafen();
            return Ok(());
        };
        let level = Level::from_number(level).ok_or_else(|| {
            let text = format!("level: expected a number from 1 to 5, found {level}");
            Error::new(Code::InvalidArgument, text)
        })?;
        listen(level, call, user)
    })
}

fn listen(level: Level, call: LogFn, user: User) -> Result<()> {
    let inbox: Arc<Mutex<VecDeque<_>>> = Arc::default();
    let job = Records { inbox: Arc::clone(&inbox), call, user };
    let lifeline = Lifeline::start(pool::pool()?, Box::new(job))?;
    let listener = move |level: Level, text: &str| {
        let mut inbox = lock(&inbox);
        if inbox.len() >= BACKLOG {
            inbox.pop_front();
        }
        inbox.push_back((level, text.to_owned()));
        drop(inbox);
        lifeline.source().schedule();
    };
    log::listen(level, Arc::new(listener))
}

struct Records {
    inbox: Arc<Mutex<VecDeque<(Level, String)>>>,
    call: LogFn,
    user: User,
}

impl Job for Records {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            if turn.is_spent() {
                return Next::Again;
            }
            let Some((level, text)) = lock(&self.inbox).pop_front() else {
                return Next::Wait;
            };
            let (call, ptr) = (self.call, self.user.ptr());
            // SAFETY: the program gave the function for exactly such calls; `user` is still owned.
            turn.call(|| unsafe { call(level as i32, nats_str::view(text.as_bytes()), ptr) });
        }
        Next::Done
    }
}
