//! What the tests of the C API share: calling its functions as a C program would.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::ffi::{CString, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nats_core::Code;
use nats_ffi::*;
use nats_harness::{Config, Server};

pub const LONG: i64 = 30_000;

/// A string argument.
pub fn s(text: &'static str) -> nats_str {
    // SAFETY: static text.
    unsafe { nats_str::new(text.as_ptr().cast(), text.len()) }
}

/// A string argument that outlives the call.
pub fn owned(text: &str) -> nats_str {
    s(Box::leak(text.to_owned().into_boxed_str()))
}

/// A bytes argument.
pub fn b(bytes: &'static [u8]) -> nats_bytes {
    // SAFETY: static bytes.
    unsafe { nats_bytes::new(bytes.as_ptr(), bytes.len()) }
}

/// What a view shows.
pub fn text(view: nats_str) -> String {
    if view.as_ptr().is_null() {
        return String::new();
    }
    // SAFETY: the library's views are valid while their object lives, which the tests see to.
    let bytes = unsafe { std::slice::from_raw_parts(view.as_ptr().cast::<u8>(), view.len()) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The payload of a message.
pub fn payload(msg: *mut nats_msg) -> String {
    let view = nats_msg_payload(msg);
    // SAFETY: the message is alive.
    let bytes = unsafe { std::slice::from_raw_parts(view.as_ptr(), view.len()) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

type ErrorOut<'a> = Option<&'a mut MaybeUninit<*mut nats_error>>;

/// Calls a function without a value; a failure is its code and text.
pub fn call(f: impl FnOnce(ErrorOut<'_>) -> nats_status) -> Result<(), (Code, String)> {
    let mut err = MaybeUninit::new(std::ptr::dangling_mut());
    let status = f(Some(&mut err));
    // SAFETY: initialised above.
    let err = unsafe { err.assume_init() };
    if status == 0 {
        assert!(err.is_null(), "success sets the error to NULL");
        return Ok(());
    }
    assert_eq!(nats_error_code(err), status);
    let shown = text(nats_error_text(err));
    assert_eq!(nats_error_free(err), 0);
    Err((Code::from_number(status).unwrap(), shown))
}

/// Calls a function with a value.
pub fn get<T>(
    f: impl FnOnce(Option<&mut MaybeUninit<T>>, ErrorOut<'_>) -> nats_status,
) -> Result<T, (Code, String)> {
    let mut out = MaybeUninit::uninit();
    call(|err| f(Some(&mut out), err))?;
    // SAFETY: success writes the output.
    Ok(unsafe { out.assume_init() })
}

/// The code of a failure.
#[track_caller]
pub fn code<T: std::fmt::Debug>(result: Result<T, (Code, String)>) -> Code {
    result.unwrap_err().0
}

pub fn server() -> Server {
    Server::start(Config::plain()).unwrap()
}

pub fn connect(server: &Server) -> *mut nats_connection {
    connect_with(server, std::ptr::null())
}

pub fn connect_with(server: &Server, options: *const nats_options) -> *mut nats_connection {
    let url = CString::new(server.url()).unwrap();
    // SAFETY: NUL-terminated and alive during the call.
    let url = unsafe { nats_str::new(url.as_ptr(), usize::MAX) };
    get(|out, err| nats_connect(url, options, out, err)).unwrap()
}

/// A subscription that is read by calls.
pub fn subscribe(nc: *mut nats_connection, subject: &str) -> *mut nats_subscription {
    let subject = owned(subject);
    get(|out, err| nats_subscribe_with(nc, subject, s(""), None, null_mut(), None, out, err))
        .unwrap()
}

pub fn publish(nc: *mut nats_connection, subject: &str, payload: &'static str) {
    call(|err| nats_publish(nc, owned(subject), b(payload.as_bytes()), err)).unwrap();
}

pub fn flush(nc: *mut nats_connection) {
    call(|err| nats_connection_flush(nc, LONG, err)).unwrap();
}

pub fn next(sub: *mut nats_subscription, timeout_ms: i64) -> Result<String, (Code, String)> {
    let msg = get(|out, err| nats_subscription_next(sub, timeout_ms, out, err))?;
    let shown = payload(msg);
    assert_eq!(nats_msg_free(msg), 0);
    Ok(shown)
}

/// Waits for one event.
pub fn poll_one(queue: *mut nats_queue) -> nats_event {
    let events = poll(queue, 1, LONG);
    assert_eq!(events.len(), 1, "no event came");
    events[0]
}

pub fn poll(queue: *mut nats_queue, cap: usize, timeout_ms: i64) -> Vec<nats_event> {
    let mut events: Vec<nats_event> = Vec::with_capacity(cap);
    let first = std::ptr::NonNull::new(events.as_mut_ptr());
    let count = get(|count, err| nats_queue_poll(queue, first, cap, timeout_ms, count, err));
    // SAFETY: so many were written.
    unsafe { events.set_len(count.unwrap()) };
    events
}

/// A Rust closure as a callback's `user`, with the functions to give to the library.
pub struct Hook<F> {
    pub call: F,
    pub destroyed: Arc<AtomicUsize>,
}

pub type MessageHook =
    Hook<Box<dyn FnMut(*mut nats_connection, *mut nats_subscription, *mut nats_msg) + Send>>;

pub unsafe extern "C" fn on_message(
    nc: *mut nats_connection,
    sub: *mut nats_subscription,
    msg: *mut nats_msg,
    user: *mut c_void,
) {
    // SAFETY: `user` is the boxed hook, and one callback runs at a time.
    let hook = unsafe { &mut *user.cast::<MessageHook>() };
    (hook.call)(nc, sub, msg);
    nats_msg_free(msg);
}

pub unsafe extern "C" fn destroy_message_hook(user: *mut c_void) {
    // SAFETY: the box was leaked for the library, which gives it back once.
    let hook = unsafe { Box::from_raw(user.cast::<MessageHook>()) };
    hook.destroyed.fetch_add(1, Ordering::SeqCst);
}

/// Boxes a hook; returns its `user` and the count of its destroy calls.
pub fn message_hook(
    call: impl FnMut(*mut nats_connection, *mut nats_subscription, *mut nats_msg) + Send + 'static,
) -> (*mut c_void, Arc<AtomicUsize>) {
    let destroyed = Arc::default();
    let hook = MessageHook { call: Box::new(call), destroyed: Arc::clone(&destroyed) };
    (Box::into_raw(Box::new(hook)).cast(), destroyed)
}

/// Waits until a destroy hook has run.
pub fn wait_destroyed(count: &AtomicUsize) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while count.load(Ordering::SeqCst) == 0 {
        assert!(std::time::Instant::now() < end, "destroy did not run");
        std::thread::yield_now();
    }
}

/// Subscribes with a callback.
pub fn listen(
    nc: *mut nats_connection,
    subject: &str,
    call: impl FnMut(*mut nats_connection, *mut nats_subscription, *mut nats_msg) + Send + 'static,
) -> (*mut nats_subscription, Arc<AtomicUsize>) {
    let (user, destroyed) = message_hook(call);
    let destroy = Some(destroy_message_hook as unsafe extern "C" fn(_));
    let sub = get(|o, e| nats_subscribe(nc, owned(subject), Some(on_message), user, destroy, o, e));
    (sub.unwrap(), destroyed)
}
