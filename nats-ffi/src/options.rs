//! Connection options: a document and typed callback setters.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_bridge::options;
use nats_bridge::question::Ask;
use nats_bridge::sync::lock;
use nats_bridge::table::MAX_MILLIS;
use nats_core::{Code, ConnectOptions, Result};

use crate::error::nats_error;
use crate::event::{EventHook, nats_event_cb};
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::inject::InjectHook;
use crate::question::{self, Hook};
use crate::types::{nats_destroy_cb, nats_status, nats_str};
use crate::user::User;

/// Options for connections. The keys are listed in docs/options.md. One object may serve many
/// connections, which copy it: later changes do not reach connections that exist.
pub struct nats_options(());

/// The object behind a `nats_options`.
#[derive(Default)]
pub(crate) struct Settings(Box<Mutex<Inner>>);

/// A copy of the settings, as a connection takes it.
#[derive(Clone, Default)]
pub(crate) struct Inner {
    pub(crate) connect: ConnectOptions,
    pub(crate) on_event: Option<Arc<EventHook>>,
    pub(crate) on_inject: Option<Arc<InjectHook>>,
    pub(crate) hooks: Vec<(Ask, Arc<Hook>)>,
}

impl Settings {
    pub(crate) fn copy(&self) -> Inner {
        lock(&self.0).clone()
    }

    /// Returns the hook that was there before.
    pub(crate) fn replace_inject(&self, hook: Option<Arc<InjectHook>>) -> Option<Arc<InjectHook>> {
        std::mem::replace(&mut lock(&self.0).on_inject, hook)
    }

    /// Returns the hook that answered `ask` before.
    pub(crate) fn replace_hook(&self, ask: Ask, hook: Option<Arc<Hook>>) -> Option<Arc<Hook>> {
        let hooks = &mut lock(&self.0).hooks;
        let at = hooks.iter().position(|(known, _)| *known == ask);
        let before = at.map(|at| hooks.swap_remove(at).1);
        hooks.extend(hook.map(|hook| (ask, hook)));
        before
    }

    fn merge(&self, json: &nats_str) -> Result<()> {
        let mut inner = lock(&self.0);
        // On a copy, so that a refused document changes nothing.
        let mut changed = inner.connect.clone();
        options::connect(&mut changed, json.text("json", Code::InvalidOption)?)?;
        inner.connect = changed;
        Ok(())
    }
}

/// Makes an options object of a JSON object with option keys; empty text stands for the defaults.
/// Free `*out` with nats_options_free().
///
/// Errors: `INVALID_OPTION` names the key, what was expected and what was found, or the nearest
/// known key for one that is unknown; `INVALID_JSON`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_new(
    json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_options>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let settings = Settings::default();
        settings.merge(&json)?;
        handle::insert(settings)
    })
}

/// Merges more keys into an options object; keys that are not named keep their values. Nothing is
/// changed on failure. Errors as nats_options_new().
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_set(
    opts: *mut nats_options,
    json: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || handle::get::<Settings>(opts)?.merge(&json))
}

/// Sets the callback for connection events, replacing an earlier one; a NULL `cb` removes it.
///
/// The callback runs on a delivery thread, one event of a connection at a time and in order, and
/// may call any function. Events of a connection begin once the connection exists: those of
/// a connection attempt that fails are not delivered. At most 1,024 undelivered events are kept
/// per connection, beyond that the oldest are dropped. `destroy` (may be NULL) runs once no
/// connection and no options object refers to the callback any more.
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_event(
    opts: *mut nats_options,
    cb: nats_event_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let settings = handle::get::<Settings>(opts)?;
        let hook = cb.map(|cb| Arc::new(EventHook::new(cb, user)));
        // The replaced hook ends after the lock: its destroy function may use the options.
        let replaced = std::mem::replace(&mut lock(&settings.0).on_event, hook);
        drop(replaced);
        Ok(())
    })
}

/// Decides how long a connection waits before another round over its servers. `attempts` is the
/// number of rounds that have failed since the connection was lost, from 1; the first round is
/// tried at once. Returns milliseconds; a negative number stands for the usual back-off. Runs on a
/// delivery thread and may block, which delays the reconnection; after ten seconds the usual
/// back-off applies. It must not drain the connection.
pub type nats_reconnect_delay_cb =
    Option<unsafe extern "C" fn(attempts: u32, user: *mut c_void) -> i64>;

/// Sets the function that decides the wait between rounds of attempts to reconnect, instead of the
/// options "reconnect_delay_min_ms" and "reconnect_delay_max_ms"; a NULL `cb` removes it. `destroy`
/// (may be NULL) runs once no connection and no options object refers to the function any more.
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_on_reconnect_delay(
    opts: *mut nats_options,
    cb: nats_reconnect_delay_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let hook = cb.map(|call| Hook::Delay(DelayHook { call, user }));
        question::install(opts, Ask::ReconnectDelay, hook)
    })
}

/// Frees an options object. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
/// Connections that were made with it are not affected.
#[unsafe(no_mangle)]
pub extern "C" fn nats_options_free(opts: *mut nats_options) -> nats_status {
    guard_status(|| handle::free::<Settings>(opts))
}

/// The settings behind an argument that may be NULL, with the servers of `url` in the first place.
pub(crate) fn settings(url: &nats_str, opts: *const nats_options) -> Result<Inner> {
    let url = url.optional("url", Code::InvalidUrl)?;
    let mut inner = match handle::get_optional::<Settings>(opts)? {
        Some(settings) => settings.copy(),
        None => Inner::default(),
    };
    if let Some(url) = url {
        inner.connect.servers = options::server_list(url)?;
    }
    Ok(inner)
}

/// A reconnect delay function with its `user`.
pub(crate) struct DelayHook {
    call: unsafe extern "C" fn(u32, *mut c_void) -> i64,
    user: User,
}

impl DelayHook {
    pub(crate) fn call(&self, attempts: u32) -> Option<Duration> {
        // SAFETY: the program gave the function for exactly such calls; `user` is still owned.
        let millis = unsafe { (self.call)(attempts, self.user.ptr()) };
        u64::try_from(millis).ok().map(|millis| Duration::from_millis(millis.min(MAX_MILLIS)))
    }
}
