//! Waking everybody whom one read concerns, and what is better done once behind all of them.

use std::cell::RefCell;
use std::task::Waker;

type Deed = Box<dyn FnOnce()>;

thread_local! {
    /// Something while this thread wakes several, one after the other.
    static BEHIND: RefCell<Option<Vec<Deed>>> = const { RefCell::new(None) };
}

/// Whether this thread wakes several, one after the other, and is not done.
pub fn is_waking() -> bool {
    BEHIND.try_with(|behind| behind.borrow().is_some()).unwrap_or(false)
}

/// Runs `deed` once this thread has woken all those that it is waking; at once when it wakes nobody.
/// For who wakes another thread: told once, behind all, it finds all results together.
pub fn behind_wakes(deed: impl FnOnce() + 'static) {
    let mut deed: Option<Deed> = Some(Box::new(deed));
    // A thread that is ending wakes nobody else.
    let _ = BEHIND.try_with(|behind| {
        if let Some(deeds) = behind.borrow_mut().as_mut() {
            deeds.extend(deed.take());
        }
    });
    if let Some(deed) = deed {
        deed();
    }
}

pub(crate) fn wake_all(wakers: Vec<Waker>) {
    if wakers.len() < 2 {
        wakers.into_iter().for_each(Waker::wake);
        return;
    }
    let scope = Scope::begin();
    wakers.into_iter().for_each(Waker::wake);
    drop(scope);
}

/// While it lives, deeds gather.
struct Scope;

impl Scope {
    /// None within another one, which does what is to be done.
    fn begin() -> Option<Scope> {
        let begun = BEHIND.try_with(|behind| {
            let mut behind = behind.borrow_mut();
            let outermost = behind.is_none();
            behind.get_or_insert_default();
            outermost
        });
        begun.is_ok_and(|outermost| outermost).then(|| Scope)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let deeds = BEHIND.try_with(|behind| behind.borrow_mut().take()).ok().flatten();
        for deed in deeds.into_iter().flatten() {
            deed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::task::Wake;

    /// Writes down that it was woken, and has the same done behind all.
    struct Writer(u32, Arc<Mutex<Vec<String>>>);

    impl Wake for Writer {
        fn wake(self: Arc<Self>) {
            let (number, log) = (self.0, Arc::clone(&self.1));
            log.lock().unwrap().push(format!("wake {number}"));
            behind_wakes(move || log.lock().unwrap().push(format!("behind {number}")));
        }
    }

    fn woken(wakers: impl Iterator<Item = u32>) -> Vec<String> {
        let log = Arc::default();
        wake_all(wakers.map(|number| Arc::new(Writer(number, Arc::clone(&log))).into()).collect());
        assert!(!is_waking());
        std::mem::take(&mut *log.lock().unwrap())
    }

    #[test]
    fn deeds_come_behind_all_wakes_and_at_once_without_any() {
        assert_eq!(
            woken(1..=3),
            ["wake 1", "wake 2", "wake 3", "behind 1", "behind 2", "behind 3"]
        );
        assert_eq!(woken(1..=1), ["wake 1", "behind 1"]);
        let done = Arc::new(Mutex::new(false));
        let set = Arc::clone(&done);
        behind_wakes(move || *set.lock().unwrap() = true);
        assert!(*done.lock().unwrap());
    }

    #[test]
    fn a_wake_within_a_wake_is_part_of_it() {
        struct Outer(Arc<Mutex<Vec<String>>>);
        impl Wake for Outer {
            fn wake(self: Arc<Self>) {
                let inner = (1..=2).map(|number| Arc::new(Writer(number, self.0.clone())).into());
                wake_all(inner.collect());
                self.0.lock().unwrap().push("outer".into());
            }
        }
        let log = Arc::default();
        let outer = || Arc::new(Outer(Arc::clone(&log))).into();
        wake_all(vec![outer(), outer()]);
        let log = log.lock().unwrap();
        let behind = log.iter().position(|line| line.starts_with("behind"));
        assert_eq!((behind, log.len()), (Some(6), 10), "{log:?}");
    }

    #[test]
    fn a_waker_that_panics_leaves_nothing_undone() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let wakers = vec![Arc::new(Writer(1, Arc::clone(&log))).into(), Arc::new(Panics).into()];
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wake_all(wakers))).unwrap_err();
        assert_eq!(*log.lock().unwrap(), ["wake 1", "behind 1"]);
        assert!(!is_waking());
    }
}
