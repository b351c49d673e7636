//! The `void *user` of a callback and its destroy hook.

use std::ffi::c_void;

use crate::types::nats_destroy_cb;

/// Owns the right to use `user`; runs the destroy hook when dropped.
pub(crate) struct User {
    ptr: *mut c_void,
    destroy: nats_destroy_cb,
}

// SAFETY: the header demands that `user` and the hook may be used on any thread.
unsafe impl Send for User {}
// SAFETY: as above; the library itself never reads what `user` points to.
unsafe impl Sync for User {}

impl User {
    pub(crate) fn new(ptr: *mut c_void, destroy: nats_destroy_cb) -> User {
        User { ptr, destroy }
    }

    pub(crate) fn ptr(&self) -> *mut c_void {
        self.ptr
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller gave hook and pointer together for exactly this call.
            unsafe { destroy(self.ptr) }
        }
    }
}
