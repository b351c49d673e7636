//! Marks on a queue that say that something has to be taken somewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::queue::{Mark, Queue, WeakQueue};
use crate::sync::lock;

/// Something that has things to take, now and then.
pub(crate) trait Watched: Clone + Send + Sync + 'static {
    /// Ready: there is something to take, or nothing will come any more. Otherwise the waker is kept.
    fn poll_something(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// How much there is.
    fn pending(&self) -> u64;
}

/// A place for the watch of one source; a later one takes the place of an earlier one. Dropping it
/// retires the watch.
#[derive(Default)]
pub(crate) struct WatchPlace(Mutex<Option<Arc<dyn Rearm>>>);

/// A watch that can be armed again.
trait Rearm: Send + Sync {
    fn rearm(self: Arc<Self>);
    /// Another watch has taken its place, or nobody needs one any more.
    fn retire(&self);
}

struct Watch<S, V: 'static> {
    source: Arc<Slot<S>>,
    queue: WeakQueue<V>,
    mark: Arc<Mark>,
    /// The next thing is to be marked.
    armed: AtomicBool,
}

/// What is watched, until the watch retires: the source holds wakers, which hold the watch, so that
/// neither would ever be dropped.
struct Slot<S>(Mutex<Option<S>>);

impl<S: Watched> Slot<S> {
    fn get(&self) -> Option<S> {
        lock(&self.0).clone()
    }
}

impl WatchPlace {
    /// Puts a mark with `token` into `queue` when there is something.
    pub(crate) fn watch<V: Send + 'static>(
        &self,
        source: &impl Watched,
        queue: &Queue<V>,
        token: u64,
    ) {
        let source = Arc::new(Slot(Mutex::new(Some(source.clone()))));
        let counted = Arc::clone(&source);
        let watch: Arc<dyn Rearm> = Arc::new(Watch {
            queue: queue.downgrade(),
            mark: Mark::new(token, move || counted.get().map_or(0, |source| source.pending())),
            source,
            armed: AtomicBool::new(false),
        });
        let replaced = lock(&self.0).replace(Arc::clone(&watch));
        if let Some(replaced) = replaced {
            replaced.retire();
        }
        watch.rearm();
    }

    /// Everything was taken: the next thing is to be marked again.
    pub(crate) fn rearm(&self) {
        let watch = lock(&self.0).clone();
        if let Some(watch) = watch {
            watch.rearm();
        }
    }
}

impl Drop for WatchPlace {
    fn drop(&mut self) {
        if let Some(watch) = lock(&self.0).take() {
            watch.retire();
        }
    }
}

impl<S: Watched, V: Send + 'static> Watch<S, V> {
    /// Looks, whoever woke it: there may be nothing for the program yet, and then it is woken again.
    fn look(self: &Arc<Self>) {
        let waker = Waker::from(Arc::clone(self));
        if self.armed.load(Ordering::Acquire)
            && let Some(source) = self.source.get()
            && source.poll_something(&mut Context::from_waker(&waker)).is_ready()
            && self.armed.swap(false, Ordering::AcqRel)
            && let Some(queue) = self.queue.upgrade()
        {
            queue.mark(&self.mark);
        }
    }
}

impl<S: Watched, V: Send + 'static> Rearm for Watch<S, V> {
    fn rearm(self: Arc<Self>) {
        self.armed.store(true, Ordering::Release);
        self.look();
    }

    fn retire(&self) {
        self.armed.store(false, Ordering::Release);
        // Dropped without the lock.
        let source = lock(&self.source.0).take();
        drop(source);
    }
}

impl<S: Watched, V: Send + 'static> Wake for Watch<S, V> {
    fn wake(self: Arc<Self>) {
        self.look();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.look();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Never has anything, and keeps every waker.
    #[derive(Clone, Default)]
    struct Empty(Arc<Mutex<Vec<Waker>>>);

    impl Watched for Empty {
        fn poll_something(&self, cx: &mut Context<'_>) -> Poll<()> {
            lock(&self.0).push(cx.waker().clone());
            Poll::Pending
        }

        fn pending(&self) -> u64 {
            0
        }
    }

    #[test]
    fn a_watch_that_nobody_needs_does_not_keep_its_source() {
        let (source, queue) = (Empty::default(), Queue::<()>::new());
        let place = WatchPlace::default();
        place.watch(&source, &queue, 1);
        place.watch(&source, &queue, 2);
        assert_eq!(lock(&source.0).len(), 2);
        drop(place);
        assert_eq!(Arc::strong_count(&source.0), 1);
    }
}
