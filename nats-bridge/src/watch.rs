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

/// A place for the watch of one source; a later one takes the place of an earlier one.
#[derive(Default)]
pub(crate) struct WatchPlace(Mutex<Option<Arc<dyn Rearm>>>);

/// A watch that can be armed again.
trait Rearm: Send + Sync {
    fn rearm(self: Arc<Self>);
    /// Another watch has taken its place.
    fn retire(&self);
}

struct Watch<S, V: 'static> {
    source: S,
    queue: WeakQueue<V>,
    mark: Arc<Mark>,
    /// The next thing is to be marked.
    armed: AtomicBool,
}

impl WatchPlace {
    /// Puts a mark with `token` into `queue` when there is something.
    pub(crate) fn watch<V: Send + 'static>(
        &self,
        source: &impl Watched,
        queue: &Queue<V>,
        token: u64,
    ) {
        let counted = source.clone();
        let watch: Arc<dyn Rearm> = Arc::new(Watch {
            queue: queue.downgrade(),
            mark: Mark::new(token, move || counted.pending()),
            source: source.clone(),
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

impl<S: Watched, V: Send + 'static> Watch<S, V> {
    /// Looks, whoever woke it: there may be nothing for the program yet, and then it is woken again.
    fn look(self: &Arc<Self>) {
        let waker = Waker::from(Arc::clone(self));
        if self.armed.load(Ordering::Acquire)
            && self.source.poll_something(&mut Context::from_waker(&waker)).is_ready()
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
