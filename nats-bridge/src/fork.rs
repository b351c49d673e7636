//! What survives `fork()`: nothing but a number.
//!
//! A child process has only the thread that forked, so every lock, thread and socket of the parent
//! is unusable in it. Process-wide state is therefore kept once per *fork epoch*: the child counts
//! the epoch up and starts afresh, and the parent's state stays where it is, untouched and never
//! dropped.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nats_core::{Code, Error, Result};

/// How many forks deep a process may be and still open connections.
pub const MAX_EPOCHS: usize = 64;

static EPOCH: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between this process and the one that loaded the library.
#[inline]
pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// To be called in the child by the native layer's `pthread_atfork` handler. Async-signal-safe.
pub fn entered_child() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// A value that belongs to the process that made it. A forked child can neither use nor drop it:
/// its locks may be held by threads that the child does not have, so there it is left alone.
pub struct Held<T> {
    /// Always there, until the drop.
    value: Option<T>,
    epoch: u32,
}

impl<T> Held<T> {
    /// Holds `value` for this process.
    pub fn new(value: T) -> Held<T> {
        Held { value: Some(value), epoch: epoch() }
    }

    /// The value.
    ///
    /// # Errors
    /// [`Code::Forked`] in a child of the process that made it.
    #[inline]
    pub fn get(&self) -> Result<&T> {
        match &self.value {
            Some(value) if self.epoch == epoch() => Ok(value),
            _ => Err(Code::Forked.into()),
        }
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if self.epoch != epoch() {
            std::mem::forget(self.value.take());
        }
    }
}

/// A process-wide value that a forked child makes anew.
pub struct PerEpoch<T> {
    slots: [OnceLock<T>; MAX_EPOCHS],
}

impl<T> PerEpoch<T> {
    /// Nothing is made yet.
    pub const fn new() -> PerEpoch<T> {
        PerEpoch { slots: [const { OnceLock::new() }; MAX_EPOCHS] }
    }

    /// The value of this process, made by `init` the first time.
    ///
    /// # Errors
    /// [`Code::Forked`] when the process is more than [`MAX_EPOCHS`] forks deep.
    pub fn get(&self, init: impl FnOnce() -> T) -> Result<&T> {
        self.at(epoch(), init)
    }

    fn at(&self, epoch: u32, init: impl FnOnce() -> T) -> Result<&T> {
        match self.slots.get(epoch as usize) {
            Some(slot) => Ok(slot.get_or_init(init)),
            None => Err(Error::new(
                Code::Forked,
                format!(
                    "this process is {epoch} forks deep; at most {} are supported",
                    MAX_EPOCHS - 1
                ),
            )),
        }
    }
}

impl<T> Default for PerEpoch<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_a_value_of_its_own() {
        let cell = PerEpoch::new();
        assert_eq!(*cell.at(0, || 1).unwrap(), 1);
        assert_eq!(*cell.at(1, || 2).unwrap(), 2);
        assert_eq!(*cell.at(0, || 3).unwrap(), 1);
        assert_eq!(*cell.at(63, || 4).unwrap(), 4);
    }

    #[test]
    fn what_another_process_made_is_neither_used_nor_dropped() {
        let shared = std::sync::Arc::new(7);
        let mine = Held::new(shared.clone());
        assert_eq!(**mine.get().unwrap(), 7);
        let foreign = Held { value: Some(shared.clone()), epoch: epoch() + 1 };
        assert_eq!(foreign.get().unwrap_err().code(), Code::Forked);
        drop((mine, foreign));
        assert_eq!(std::sync::Arc::strong_count(&shared), 2);
    }

    #[test]
    fn too_many_forks_are_an_error() {
        let cell: PerEpoch<u8> = PerEpoch::new();
        let error = cell.at(64, || 1).unwrap_err();
        assert_eq!(error.code(), Code::Forked);
        assert!(error.text().contains("64"), "{error}");
    }
}
