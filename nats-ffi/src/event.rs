//! Connection events as callbacks.

use std::ffi::c_void;

use nats_bridge::event::ConnectionEvent;

use crate::connection::nats_connection;
use crate::types::nats_str;
use crate::user::User;

/// A connection event. `kind` is one of `nats_connection_event`; `json` holds the details (always
/// a member "event" with the event's name) and lives as long as the call. `nc` is the connection,
/// borrowed. Runs on a delivery thread.
pub type nats_event_cb = Option<
    unsafe extern "C" fn(nc: *mut nats_connection, kind: i32, json: nats_str, user: *mut c_void),
>;

type EventFn = unsafe extern "C" fn(*mut nats_connection, i32, nats_str, *mut c_void);

/// An event callback with its `user`.
pub(crate) struct EventHook {
    call: EventFn,
    user: User,
}

impl EventHook {
    pub(crate) fn new(call: EventFn, user: User) -> EventHook {
        EventHook { call, user }
    }

    pub(crate) fn call(&self, nc: *mut nats_connection, event: &ConnectionEvent) {
        let json = nats_str::view(event.json().as_bytes());
        // SAFETY: the program gave the function for exactly such calls, and `user` is still owned.
        unsafe { (self.call)(nc, event.kind().number(), json, self.user.ptr()) }
    }
}
