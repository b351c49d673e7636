//! Locks that a panic elsewhere cannot make unusable.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, also after a thread panicked while it held the lock.
///
/// Every critical section of the bindings leaves its data consistent at each step, so a poisoned
/// lock carries no information that is worth a second failure.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
