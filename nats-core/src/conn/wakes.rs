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
        begun.is_ok_and(|outermost| outermost).then_some(Scope)
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
