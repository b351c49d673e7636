//! Shutdown and fork. One test, because both concern the whole process.
#![allow(clippy::unwrap_used)]

mod common;

use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use common::*;
use nats_core::Code;
use nats_ffi::*;

#[test]
fn shutdown_start_afresh_and_fork() {
    call(|e| nats_library_init(3, e)).unwrap();
    let server = server();
    let before = threads();
    for _ in 0..2 {
        shutdown_and_start_afresh(&server);
    }
    assert_eq!(threads(), before, "shutdown joins all threads");
    fork(&server);
}

fn shutdown_and_start_afresh(server: &nats_harness::Server) {
    let nc = connect(server);
    let (user, destroyed) = message_hook(|nc, _, _| {
        assert_eq!(code(call(|e| nats_library_shutdown(LONG, e))), Code::InvalidArgument);
        call(|e| nats_publish(nc, s("told"), b(b"x"), e)).unwrap();
    });
    let destroy = Some(destroy_message_hook as unsafe extern "C" fn(_));
    call(|e| nats_subscribe(nc, s("in"), Some(on_message), user, destroy, None, e)).unwrap();
    let told = subscribe(nc, "told");
    publish(nc, "in", "x");
    next(told, LONG).unwrap();
    call(|e| nats_library_shutdown(LONG, e)).unwrap();
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
    assert_eq!(code(next(told, LONG)), Code::ConnectionClosed);
    assert_eq!(code(call(|e| nats_connection_flush(nc, LONG, e))), Code::ConnectionClosed);
    assert_eq!(nats_subscription_free(told), 0);
    assert_eq!(nats_connection_free(nc), 0);
    call(|e| nats_library_shutdown(LONG, e)).unwrap();
    assert_eq!(nats_library_handles(), 0);
}

fn fork(server: &nats_harness::Server) {
    let nc = connect(server);
    let sub = subscribe(nc, "parent");
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    publish(nc, "parent", "kept");
    let msg = get(|o, e| nats_subscription_next(sub, LONG, o, e)).unwrap();
    // SAFETY: the child only uses the library, which is made for that, and ends with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let run = || in_child(server, nc, sub, queue, msg);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        // SAFETY: no destructors of the parent may run.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }
    let mut status = 0;
    // SAFETY: our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
    publish(nc, "parent", "still here");
    assert_eq!(next(sub, LONG).unwrap(), "still here");
    nats_msg_free(msg);
    nats_subscription_free(sub);
    nats_queue_free(queue);
    nats_connection_free(nc);
}

fn in_child(
    server: &nats_harness::Server,
    nc: *mut nats_connection,
    sub: *mut nats_subscription,
    queue: *mut nats_queue,
    msg: *mut nats_msg,
) {
    assert_eq!(nats_connection_free(nc), Code::Forked.number());
    assert_eq!(nats_subscription_free(sub), Code::Forked.number());
    assert_eq!(nats_queue_free(queue), Code::Forked.number());
    assert_eq!(code(call(|e| nats_publish(nc, s("parent"), b(b"no"), e))), Code::Forked);
    assert_eq!(code(next(sub, 0)), Code::Forked);
    assert_eq!(payload(msg), "kept");
    assert_eq!(code(call(|e| nats_msg_respond(msg, b(b""), e))), Code::Forked);
    assert_eq!(nats_msg_free(msg), 0);
    let own = connect(server);
    let (user, destroyed) = message_hook(|nc, _, _| publish(nc, "child.out", "y"));
    let destroy = Some(destroy_message_hook as unsafe extern "C" fn(_));
    let subject = s("child.in");
    call(|e| nats_subscribe(own, subject, Some(on_message), user, destroy, None, e)).unwrap();
    let out =
        get(|o, e| nats_subscribe_with(own, s("child.out"), s(""), None, null_mut(), None, o, e));
    publish(own, "child.in", "x");
    assert_eq!(next(out.unwrap(), LONG).unwrap(), "y");
    call(|e| nats_connection_drain(own, LONG, e)).unwrap();
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
