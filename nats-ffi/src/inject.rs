//! Headers that the program adds to whatever a connection publishes.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Arc, PoisonError, RwLock};

use nats_bridge::delivery::{Job, Lifeline, Next, Turn};
use nats_bridge::pool;
use nats_core::{ConnectOptions, Headers, Result};

use crate::error::nats_error;
use crate::guard::guard;
use crate::handle::{self, Owned};
use crate::headers::{Shared, nats_headers};
use crate::options::{Settings, nats_options};
use crate::types::{nats_destroy_cb, nats_status};
use crate::user::User;

/// Adds headers to a message that is about to be published. `headers` are a copy of those that were
/// given for it, perhaps none; valid until the function returns, and not to be freed. Runs on the
/// thread that publishes, on several at the same time when several publish, and should be quick.
/// What it publishes itself gets no headers from it.
pub type nats_inject_cb =
    Option<unsafe extern "C" fn(headers: *mut nats_headers, user: *mut c_void)>;

/// Has `cb` called for each publish, request and answer of connections with these options, to add
/// headers such as a W3C trace context ("traceparent"); a NULL `cb` removes it. Who receives
/// a message reads the header. The headers count toward the server's max_payload, and a server
/// without headers refuses the message (HEADERS_UNSUPPORTED). `destroy` (may be NULL) runs once
/// no connection that is not freed and no options object refers to the function any more.
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_inject(
    opts: *mut nats_options,
    cb: nats_inject_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let hook = cb.map(|call| Arc::new(InjectHook { call, user }));
        let settings = handle::get::<Settings>(opts)?;
        // Behind the lock: its destroy function may use the options.
        drop(settings.replace_inject(hook));
        Ok(())
    })
}

/// Such a function with its `user`.
pub(crate) struct InjectHook {
    call: unsafe extern "C" fn(*mut nats_headers, *mut c_void),
    user: User,
}

impl InjectHook {
    fn call(&self, headers: &mut Headers) {
        // Without a handle (16 million are alive) the message goes as it is.
        let Ok(owned) = Owned::<Shared>::new(RwLock::new(Arc::new(headers.clone()))) else {
            return;
        };
        // SAFETY: the program gave the function for exactly such calls; `user` is still owned.
        unsafe { (self.call)(owned.ptr(), self.user.ptr()) }
        // A program that has freed them adds nothing.
        if let Ok(changed) = handle::get::<Shared>(owned.ptr()) {
            let mut changed = changed.write().unwrap_or_else(PoisonError::into_inner);
            *headers = Arc::unwrap_or_clone(std::mem::take(&mut *changed));
        }
    }
}

/// Has the function asked by connections with these options, as long as the result lives.
pub(crate) fn install(
    connect: &mut ConnectOptions,
    hook: Option<Arc<InjectHook>>,
) -> Result<Option<Lifeline>> {
    let Some(hook) = hook else { return Ok(None) };
    // Weak: messages and publishing threads hold the client, and with it this, beyond its end.
    let called = Arc::downgrade(&hook);
    connect.inject = Some(Arc::new(move |headers| {
        if let Some(hook) = called.upgrade() {
            hook.call(headers);
        }
    }));
    Lifeline::start(pool::pool()?, Box::new(Keep { _hook: hook })).map(Some)
}

/// Keeps the function until its end, which is on a delivery thread.
struct Keep {
    _hook: Arc<InjectHook>,
}

impl Job for Keep {
    fn run(&mut self, _: &Turn<'_>) -> Next {
        Next::Wait
    }
}
