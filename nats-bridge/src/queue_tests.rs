//! Tests of the queue.

use std::os::fd::BorrowedFd;
use std::sync::atomic::AtomicUsize;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::*;

fn poll(queue: &Queue<u32>, cap: usize, ms: u64) -> Vec<Event<u32>> {
    let mut out = Vec::new();
    queue.poll(&mut out, cap, Duration::from_millis(ms)).unwrap();
    out
}

fn code(event: &Event<u32>) -> Option<Code> {
    match event {
        Event::Completion { result: Err(e), .. } => Some(e.code()),
        _ => None,
    }
}

fn event() -> Arc<ConnectionEvent> {
    Arc::new(ConnectionEvent::from(&nats_core::Event::LameDuck))
}

#[test]
fn completions_keep_order_and_tokens() {
    let queue = Queue::new();
    for token in 0..5 {
        queue.ticket(token).complete(Ok(token as u32 * 10));
    }
    let first = poll(&queue, 3, 0);
    let rest = poll(&queue, 9, 0);
    let tokens: Vec<_> = first
        .iter()
        .chain(&rest)
        .map(|e| match e {
            Event::Completion { token, result } => (*token, *result.as_ref().unwrap()),
            _ => panic!("{e:?}"),
        })
        .collect();
    assert_eq!(tokens, [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]);
    assert!(poll(&queue, 1, 0).is_empty());
    let refused = queue.poll(&mut Vec::new(), 0, Duration::ZERO).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[test]
fn a_dropped_ticket_is_cancelled_and_an_unwinding_one_panics() {
    let queue = Queue::new();
    drop(queue.ticket(1));
    let held = queue.clone();
    let unwound = std::thread::spawn(move || {
        let _ticket = held.ticket(2);
        panic!("on purpose");
    });
    assert!(unwound.join().is_err());
    let events = poll(&queue, 9, 0);
    assert_eq!(events.len(), 2);
    assert_eq!(code(&events[0]), Some(Code::Cancelled));
    assert_eq!(code(&events[1]), Some(Code::Panic));
}

#[test]
fn an_operation_that_panics_or_is_aborted_completes_once() {
    let queue: Queue<u32> = Queue::new();
    let (go, gone) = tokio::sync::oneshot::channel();
    let panics = async { Ok(gone.await.map(|()| panic!("on purpose")).unwrap_or(1)) };
    assert!(queue.start(1, panics).unwrap().is_some());
    go.send(()).unwrap();
    let events = poll(&queue, 9, 10_000);
    assert_eq!(code(&events[0]), Some(Code::Panic));
    queue.start(2, std::future::pending()).unwrap().unwrap().abort();
    let events = poll(&queue, 9, 10_000);
    assert_eq!(code(&events[0]), Some(Code::Cancelled));
    let later = async {
        tokio::task::yield_now().await;
        Ok(7)
    };
    assert!(queue.start(3, later).unwrap().is_some());
    let events = poll(&queue, 9, 10_000);
    assert!(matches!(events[..], [Event::Completion { token: 3, result: Ok(7) }]));
    assert!(poll(&queue, 9, 0).is_empty());
}

#[test]
fn the_first_step_of_an_operation_is_made_in_the_call() {
    let queue: Queue<u32> = Queue::new();
    let here = std::thread::current().id();
    let first = async move { Ok(u32::from(std::thread::current().id() == here)) };
    assert!(queue.start(1, first).unwrap().is_none());
    let events = poll(&queue, 9, 0);
    assert!(matches!(events[..], [Event::Completion { token: 1, result: Ok(1) }]));
    let refused = queue.start(2, async { Err(Code::InvalidSubject.into()) }).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidSubject);
    let panicked = queue.start(3, async { panic!("on purpose") }).unwrap_err();
    assert_eq!(panicked.code(), Code::Panic);
    assert!(poll(&queue, 9, 0).is_empty(), "there is no completion then");
}

#[test]
fn a_mark_is_in_the_queue_at_most_once() {
    let queue = Queue::new();
    let mark = Mark::new(9, || 4);
    queue.mark(&mark);
    queue.mark(&mark);
    let events = poll(&queue, 9, 0);
    assert!(matches!(events[..], [Event::Ready { token: 9, pending: 4 }]));
    queue.mark(&mark);
    assert_eq!(poll(&queue, 9, 0).len(), 1);
}

#[test]
fn the_hook_fires_on_the_edge_only() {
    let queue = Queue::new();
    let fired = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&fired);
    queue.ticket(0).complete(Ok(0));
    queue.on_wake(Some(Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    })));
    assert_eq!(fired.load(Ordering::SeqCst), 1, "not empty when the hook was set");
    queue.ticket(1).complete(Ok(1));
    assert_eq!(fired.load(Ordering::SeqCst), 1, "was not empty");
    poll(&queue, 1, 0);
    queue.ticket(2).complete(Ok(2));
    assert_eq!(fired.load(Ordering::SeqCst), 1, "still not empty");
    poll(&queue, 9, 0);
    queue.ticket(3).complete(Ok(3));
    assert_eq!(fired.load(Ordering::SeqCst), 2);
    queue.on_wake(None);
    assert_eq!(Arc::strong_count(&fired), 1, "the hook is gone");
}

#[test]
fn the_descriptor_is_readable_while_events_wait() {
    let readable = |fd| {
        let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    };
    let queue = Queue::new();
    queue.ticket(0).complete(Ok(0));
    let raw = queue.fd().unwrap();
    assert_eq!(queue.fd().unwrap(), raw);
    let fd = queue.0.fd.get().unwrap().try_clone().unwrap();
    let fd: BorrowedFd<'_> = std::os::fd::AsFd::as_fd(&fd);
    assert!(readable(fd), "filled before the descriptor was asked for");
    queue.ticket(1).complete(Ok(1));
    poll(&queue, 1, 0);
    assert!(readable(fd), "one event is left");
    poll(&queue, 1, 0);
    assert!(!readable(fd));
    queue.ticket(2).complete(Ok(2));
    assert!(readable(fd));
}

#[test]
fn waiting_polls_are_woken_by_events_interrupts_and_close() {
    let queue: Queue<u32> = Queue::new();
    let waiter = |queue: Queue<u32>| {
        std::thread::spawn(move || {
            let mut out = Vec::new();
            queue.poll(&mut out, 9, Duration::from_secs(60)).map(|()| out.len())
        })
    };
    let waits = |queue: &Queue<u32>, n| {
        while lock(&queue.0.state).waiting < n {
            std::thread::yield_now();
        }
    };
    let thread = waiter(queue.clone());
    waits(&queue, 1);
    queue.ticket(1).complete(Ok(1));
    assert_eq!(thread.join().unwrap(), Ok(1));

    let thread = waiter(queue.clone());
    waits(&queue, 1);
    queue.interrupt();
    assert_eq!(thread.join().unwrap(), Ok(0));

    queue.interrupt();
    assert_eq!(waiter(queue.clone()).join().unwrap(), Ok(0), "an interrupt waits for a poll");

    let threads = [waiter(queue.clone()), waiter(queue.clone())];
    waits(&queue, 2);
    queue.close();
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap_err().code(), Code::QueueClosed);
    }
}

#[test]
fn closing_drops_what_is_in_and_what_comes() {
    let value = Arc::new(());
    let queue = Queue::new();
    queue.ticket(1).complete(Ok(Arc::clone(&value)));
    let late = queue.ticket(2);
    queue.close();
    late.complete(Ok(Arc::clone(&value)));
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(!queue.is_open());
    assert_eq!(queue.fd().unwrap_err().code(), Code::QueueClosed);
}

#[test]
fn connection_events_are_bounded_per_token() {
    let queue: Queue<u32> = Queue::new();
    queue.ticket(5).complete(Ok(5));
    for _ in 0..MAX_CONNECTION_EVENTS + 10 {
        queue.connection_event(1, event());
    }
    queue.connection_event(2, event());
    let events = poll(&queue, usize::MAX, 0);
    let count = |n| {
        events
            .iter()
            .filter(|e| matches!(e, Event::Connection { token, .. } if *token == n))
            .count()
    };
    assert_eq!((count(1), count(2)), (MAX_CONNECTION_EVENTS, 1));
    assert!(matches!(events[0], Event::Completion { token: 5, .. }));
}
