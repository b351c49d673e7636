//! Tests of the delivery threads.

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use nats_core::Code;

use super::*;
use crate::pool::BASE;

const LONG: Duration = Duration::from_secs(30);

fn new_pool() -> &'static Pool {
    Box::leak(Box::new(Pool::new()))
}

/// Calls back with what the channel holds; reports its end when dropped.
struct Counting {
    input: mpsc::Receiver<u32>,
    call: Box<dyn FnMut(u32) + Send>,
    ended: Arc<AtomicUsize>,
}

impl Job for Counting {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            if turn.is_spent() {
                return Next::Again;
            }
            match self.input.try_recv() {
                Ok(value) => turn.call(|| (self.call)(value)),
                Err(mpsc::TryRecvError::Empty) => return Next::Wait,
                Err(mpsc::TryRecvError::Disconnected) => break,
            }
        }
        Next::Done
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

struct Fixture {
    input: mpsc::Sender<u32>,
    source: Arc<Source>,
    ended: Arc<AtomicUsize>,
}

fn source(pool: &'static Pool, call: impl FnMut(u32) + Send + 'static) -> Fixture {
    let (sender, input) = mpsc::channel();
    let ended = Arc::new(AtomicUsize::new(0));
    let job = Counting { input, call: Box::new(call), ended: Arc::clone(&ended) };
    let source = Source::new(pool, 7, Box::new(job)).unwrap();
    Fixture { input: sender, source, ended }
}

impl Fixture {
    fn send(&self, value: u32) {
        self.input.send(value).unwrap();
        self.source.schedule();
    }

    fn wait_done(&self) {
        crate::wait::block_on_for(self.source.done(), LONG).unwrap();
    }
}

#[test]
fn order_is_kept_and_no_two_threads_share_a_source() {
    let pool = new_pool();
    let mut all = Vec::new();
    for _ in 0..8 {
        let (seen, inside) = (Arc::new(Mutex::new(Vec::new())), AtomicBool::new(false));
        let log = Arc::clone(&seen);
        let fixture = source(pool, move |value| {
            assert!(!inside.swap(true, Ordering::SeqCst), "two threads in one source");
            log.lock().unwrap().push(value);
            inside.store(false, Ordering::SeqCst);
        });
        fixture.source.start();
        all.push((fixture, seen));
    }
    std::thread::scope(|scope| {
        for (fixture, _) in &all {
            let input = fixture.input.clone();
            let source = Arc::clone(&fixture.source);
            scope.spawn(move || {
                for value in 0..1_000 {
                    input.send(value).unwrap();
                    source.schedule();
                }
            });
        }
    });
    for (Fixture { input, source, ended }, seen) in all {
        drop(input);
        source.schedule();
        crate::wait::block_on_for(source.done(), LONG).unwrap();
        assert_eq!(*seen.lock().unwrap(), (0..1_000).collect::<Vec<_>>());
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }
    assert!(pool.is_idle());
}

#[test]
fn nothing_runs_before_start_and_a_source_that_never_starts_ends_once() {
    let pool = new_pool();
    let fixture = source(pool, |_| panic!("must not run"));
    fixture.send(1);
    let Fixture { source: held, ended, .. } = fixture;
    assert!(*lock(&held.stage) == Stage::New);
    drop(held);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn stop_inside_the_callback_ends_it_and_destroys_once() {
    let pool = new_pool();
    let calls = Arc::new(AtomicUsize::new(0));
    let (slot, counter) = (Arc::new(Mutex::new(None::<Arc<Source>>)), Arc::clone(&calls));
    let own = Arc::clone(&slot);
    let fixture = source(pool, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let own = own.lock().unwrap().take().unwrap();
        assert!(own.is_current() && in_group(7) && !in_group(8));
        own.stop();
    });
    *slot.lock().unwrap() = Some(Arc::clone(&fixture.source));
    for value in 0..10 {
        fixture.input.send(value).unwrap();
    }
    fixture.source.start();
    fixture.wait_done();
    fixture.source.schedule();
    fixture.source.stop();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(fixture.ended.load(Ordering::SeqCst), 1);
    assert!(!in_callback());
}

#[test]
fn a_panicking_callback_does_not_end_the_source() {
    let pool = new_pool();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let fixture = source(pool, move |value| {
        counter.fetch_add(1, Ordering::SeqCst);
        assert!(value != 1, "on purpose");
    });
    fixture.source.start();
    for value in 0..4 {
        fixture.send(value);
    }
    let Fixture { input, source, ended } = fixture;
    drop(input);
    source.schedule();
    crate::wait::block_on_for(source.done(), LONG).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn blocked_callbacks_bring_more_threads() {
    let pool = new_pool();
    let (release, blocked) = (Arc::new(std::sync::Barrier::new(BASE + 4)), BASE + 3);
    let fixtures: Vec<_> = (0..blocked)
        .map(|_| {
            let release = Arc::clone(&release);
            let fixture = source(pool, move |_| {
                release.wait();
            });
            fixture.source.start();
            fixture.send(1);
            fixture
        })
        .collect();
    // All of them get inside at the same time, or this waits for ever.
    release.wait();
    assert!(pool.threads() >= blocked);
    for fixture in &fixtures {
        fixture.source.stop();
        fixture.wait_done();
    }
}

#[test]
fn shutdown_ends_sources_and_threads_and_allows_a_new_start() {
    let pool = new_pool();
    for _ in 0..2 {
        let fixtures: Vec<_> = (0..3).map(|_| source(pool, |_| ())).collect();
        fixtures[0].source.start();
        fixtures[1].source.start();
        fixtures[0].send(1);
        pool.shutdown(LONG).unwrap();
        assert_eq!(pool.threads(), 0);
        for fixture in &fixtures {
            assert_eq!(fixture.ended.load(Ordering::SeqCst), 1);
        }
    }
}

#[test]
fn shutdown_inside_a_callback_is_refused_and_a_stuck_callback_times_out() {
    let pool = new_pool();
    let (tell, told) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let fixture = source(pool, move |_| {
        tell.send(pool.shutdown(LONG).unwrap_err().code()).unwrap();
        held.recv().unwrap();
    });
    fixture.source.start();
    fixture.send(1);
    assert_eq!(told.recv().unwrap(), Code::InvalidArgument);
    assert_eq!(pool.shutdown(Duration::from_millis(1)).unwrap_err().code(), Code::Timeout);
    release.send(()).unwrap();
    pool.shutdown(LONG).unwrap();
}
