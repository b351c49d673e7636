//! Limits, ends and waits of a subscription's queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::proto::block::{Arrived, Expected};
use crate::proto::parse::{Frame, Limits, Parser, Step};

fn message(payload: usize) -> Block {
    let wire =
        [format!("MSG s 1 {payload}\r\n").as_bytes(), &vec![b'x'; payload], b"\r\n"].concat();
    let step = Parser::new(Limits::default()).next(&wire).unwrap();
    let Step::Frame { frame: Frame::Msg(frame), .. } = step else { panic!() };
    Block::new(Arrived::Copied(&wire), &frame, Expected::default())
}

fn mailbox(messages: usize, bytes: usize, overflow: Overflow) -> Mailbox {
    Mailbox::new(PendingLimits { messages, bytes, overflow })
}

fn push(mailbox: &Mailbox, batch: &mut Vec<Block>) -> Pushed {
    mailbox.push(batch.drain(..), &mut Vec::new())
}

fn sizes(mailbox: &Mailbox) -> Vec<usize> {
    let runs = std::iter::from_fn(|| mailbox.take(usize::MAX)).map(|taken| taken.run);
    runs.flatten().map(|m| m.view().payload().len()).collect()
}

#[test]
fn drop_newest_counts_and_reports_an_episode_once() {
    let mailbox = mailbox(4, 0, Overflow::DropNewest);
    let pushed = push(&mailbox, &mut (1..=6).map(message).collect());
    assert_eq!(pushed, Pushed { dropped: 2, became_slow: true, overflowed: false });
    assert!(!push(&mailbox, &mut vec![message(7)]).became_slow);
    mailbox.take(1);
    assert!(!push(&mailbox, &mut (8..=9).map(message).collect()).became_slow, "same episode");
    assert_eq!(sizes(&mailbox), [2, 3, 4, 8]);
    assert!(push(&mailbox, &mut (1..=5).map(message).collect()).became_slow, "a new episode");
    assert_eq!(mailbox.stats().dropped, 5);
}

#[test]
fn drop_oldest_keeps_the_newest() {
    let mailbox = mailbox(3, 0, Overflow::DropOldest);
    push(&mailbox, &mut (1..=6).map(message).collect());
    assert_eq!(sizes(&mailbox), [4, 5, 6]);
    assert_eq!(mailbox.stats().dropped, 3);
}

#[test]
fn error_policy_ends_the_subscription_behind_its_pending_messages() {
    let mailbox = mailbox(2, 0, Overflow::Error);
    assert!(push(&mailbox, &mut (1..=3).map(message).collect()).overflowed);
    assert_eq!(sizes(&mailbox), [1, 2]);
    assert_eq!(mailbox.end_reason().unwrap().code(), Code::SlowConsumer);
    assert_eq!(mailbox.poll_ready(&Context::from_waker(Waker::noop())), Poll::Ready(false));
}

#[test]
fn bytes_are_bounded_too_and_zero_is_unbounded() {
    let bounded = mailbox(0, 299, Overflow::DropNewest);
    push(&bounded, &mut vec![message(500), message(1)]);
    assert_eq!(sizes(&bounded), [500], "one large message passes an empty queue");
    push(&bounded, &mut vec![message(100), message(100), message(100)]);
    assert_eq!(sizes(&bounded), [100, 100]);
    assert_eq!(bounded.stats().pending_bytes, 0);
    let unbounded = mailbox(0, 0, Overflow::DropNewest);
    push(&unbounded, &mut (0..1000).map(message).collect());
    assert_eq!(unbounded.stats().pending_messages, 1000);
}

#[test]
fn an_end_keeps_or_discards_what_is_pending() {
    let mailbox = mailbox(0, 0, Overflow::DropNewest);
    push(&mailbox, &mut vec![message(1)]);
    mailbox.close(Code::SubscriptionEnded.into(), false);
    mailbox.close(Code::ConnectionClosed.into(), false);
    assert_eq!(sizes(&mailbox), [1]);
    assert_eq!(mailbox.end_reason().unwrap().code(), Code::SubscriptionEnded);
    push(&mailbox, &mut vec![message(1)]);
    assert_eq!(sizes(&mailbox), Vec::<usize>::new(), "nothing comes after the end");
}

#[test]
fn a_wait_that_is_given_up_leaves_nothing_behind_and_takes_no_other_with_it() {
    struct Nothing;
    impl std::task::Wake for Nothing {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let waker = Waker::from(std::sync::Arc::new(Nothing));
    let mut context = Context::from_waker(&waker);
    let mailbox = mailbox(0, 0, Overflow::DropNewest);
    let mut kept = mailbox.ready();
    assert!(Pin::new(&mut kept).poll(&mut context).is_pending());
    for _ in 0..1000 {
        let mut given_up = mailbox.ready();
        assert!(Pin::new(&mut given_up).poll(&mut context).is_pending());
        assert!(Pin::new(&mut given_up).poll(&mut context).is_pending());
    }
    assert!(mailbox.poll_ready(&context).is_pending());
    assert!(mailbox.poll_ready(&context).is_pending());
    // The one that still waits, and the one without a number.
    assert_eq!(mailbox.lock().wakers.len(), 2);
    let mut woken = Vec::new();
    mailbox.push(std::iter::once(message(1)), &mut woken);
    assert_eq!(woken.len(), 2);
    assert_eq!(Pin::new(&mut kept).poll(&mut context), Poll::Ready(true));
}

/// How often somebody was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_was_taken_is_handled_at_once_or_when_that_is_said() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let handled = |mailbox: &Mailbox| mailbox.poll_handled(&Context::from_waker(&waker));
    let plain = mailbox(0, 0, Overflow::DropNewest);
    push(&plain, &mut vec![message(1)]);
    assert_eq!((handled(&plain), plain.unhandled()), (Poll::Pending, 1));
    plain.take(1);
    assert_eq!((handled(&plain), plain.unhandled(), count.get()), (Poll::Ready(()), 0, 1));

    let watched = mailbox(0, 0, Overflow::DropNewest);
    watched.watch_handling();
    assert_eq!(handled(&watched), Poll::Ready(()));
    push(&watched, &mut vec![message(1), message(2)]);
    watched.take(1);
    watched.handled();
    assert_eq!((handled(&watched), watched.unhandled()), (Poll::Pending, 1));
    watched.take(1);
    assert_eq!((handled(&watched), watched.unhandled()), (Poll::Pending, 1));
    let (readers, before) = (Arc::new(Count::default()), count.get());
    let reader = Waker::from(Arc::clone(&readers));
    assert!(watched.poll_ready(&Context::from_waker(&reader)).is_pending());
    watched.handled();
    assert_eq!((handled(&watched), count.get()), (Poll::Ready(()), before + 1));
    assert_eq!(readers.get(), 0, "nothing has come for those who read");
}

#[test]
fn those_who_wait_for_the_end_are_woken_by_nothing_else() {
    let counters = [(); 2].map(|()| Arc::new(Count::default()));
    let wakers = counters.clone().map(Waker::from);
    let woken = || counters.each_ref().map(|count| count.get());
    for overflow in [Overflow::DropNewest, Overflow::Error] {
        let before = woken();
        let mailbox = mailbox(1, 0, overflow);
        for waker in &wakers {
            assert!(mailbox.poll_ended(&Context::from_waker(waker)).is_pending());
        }
        let mut all = Vec::new();
        mailbox.push([message(1)].into_iter(), &mut all);
        mailbox.take(1);
        assert_eq!((all.len(), woken()), (0, before));
        match overflow {
            Overflow::Error => {
                mailbox.push([message(1), message(1)].into_iter(), &mut all);
                assert_eq!(all.len(), 2, "the end has come");
            }
            _ => {
                mailbox.close(Code::SubscriptionClosed.into(), true);
                assert_eq!(woken(), before.map(|count| count + 1));
            }
        }
    }
}
