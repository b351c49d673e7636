//! Tests of driven operations.

use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use nats_core::Code;
use tokio::sync::oneshot;

use super::*;
use crate::queue::Event;

fn poll<V>(queue: &Queue<V>, ms: u64) -> Vec<(u64, Result<V>)> {
    let mut out = Vec::new();
    queue.poll(&mut out, 99, Duration::from_millis(ms)).unwrap();
    let result = |event| match event {
        Event::Completion { token, result } => (token, result),
        _ => panic!("not a completion"),
    };
    out.into_iter().map(result).collect()
}

#[test]
fn the_first_step_is_made_in_the_call_and_its_errors_are_returned() {
    let queue: Queue<u32> = Queue::new();
    assert!(queue.drive(1, Box::pin(async { Ok(7) })).unwrap().is_none());
    assert_eq!(poll(&queue, 0), [(1, Ok(7))]);
    let refused =
        queue.drive(2, Box::pin(async { Err(Code::InvalidSubject.into()) })).err().unwrap();
    assert_eq!(refused.code(), Code::InvalidSubject);
    let panicked = queue.drive(3, Box::pin(async { panic!("on purpose") })).err().unwrap();
    assert_eq!(panicked.code(), Code::Panic);
    assert!(poll(&queue, 0).is_empty(), "there is no completion then");
}

#[test]
fn the_thread_that_wakes_carries_on() {
    let queue = Queue::new();
    let (go, gone) = oneshot::channel();
    let operation = async move {
        gone.await.map_err(|_| Code::Internal)?;
        Ok(thread::current().id())
    };
    assert!(queue.drive(1, Box::pin(operation)).unwrap().is_some());
    assert!(poll(&queue, 0).is_empty());
    let waker = thread::spawn(move || {
        go.send(()).unwrap();
        thread::current().id()
    });
    assert_eq!(poll(&queue, 10_000), [(1, Ok(waker.join().unwrap()))]);
}

#[test]
fn an_operation_that_wakes_itself_goes_on() {
    let queue: Queue<u32> = Queue::new();
    let operation = async {
        for step in 0..1000 {
            let mut woken = false;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                let ready = std::mem::replace(&mut woken, true);
                if ready { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            assert!(woken, "{step}");
        }
        Ok(8)
    };
    assert!(queue.drive(1, Box::pin(operation)).unwrap().is_some());
    assert_eq!(poll(&queue, 10_000), [(1, Ok(8))]);
}

#[test]
fn aborts_and_panics_complete_once() {
    let queue: Queue<u32> = Queue::new();
    let driven = queue.drive(1, Box::pin(std::future::pending())).unwrap().unwrap();
    driven.abort();
    driven.abort();
    let codes = |events: Vec<(u64, Result<u32>)>| -> Vec<Code> {
        events.into_iter().map(|(_, result)| result.unwrap_err().code()).collect()
    };
    assert_eq!(codes(poll(&queue, 0)), [Code::Cancelled]);
    let (go, gone) = oneshot::channel::<()>();
    let panics = async { Ok(gone.await.map(|()| panic!("on purpose")).unwrap_or(1)) };
    let driven = queue.drive(2, Box::pin(panics)).unwrap().unwrap();
    go.send(()).unwrap();
    assert_eq!(codes(poll(&queue, 0)), [Code::Panic]);
    driven.abort();
    assert!(poll(&queue, 0).is_empty());
}

#[test]
fn what_is_woken_while_it_is_aborted_completes_once_and_is_dropped() {
    let kept = Arc::new(());
    let queue: Queue<u32> = Queue::new();
    let finished = Arc::new(AtomicUsize::new(0));
    for token in 0..500 {
        let (go, gone) = oneshot::channel::<()>();
        let (held, finished) = (Arc::clone(&kept), Arc::clone(&finished));
        let operation = async move {
            let _held = held;
            gone.await.map_err(|_| Code::Internal)?;
            finished.fetch_add(1, Ordering::Relaxed);
            Ok(1)
        };
        let driven = queue.drive(token, Box::pin(operation)).unwrap().unwrap();
        let waker = thread::spawn(move || go.send(()));
        driven.abort();
        let _ = waker.join().unwrap();
        let events = poll(&queue, 0);
        assert!(matches!(&events[..], [(t, Ok(1) | Err(_))] if *t == token), "{events:?}");
    }
    assert_eq!(Arc::strong_count(&kept), 1);
    assert!(finished.load(Ordering::Relaxed) <= 500);
}
