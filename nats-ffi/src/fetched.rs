//! Messages that a fetch has yielded on a queue.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Mutex;

use nats_bridge::sync::lock;
use nats_core::{Batch, Code, Error};

use crate::error::nats_error;
use crate::guard::{guard_out, guard_status};
use crate::handle;
use crate::message::{Messages, nats_msg};
use crate::types::{nats_status, null};

/// The messages that a nats_jetstream_fetch_async() has yielded, in their order. Any thread. Free it
/// with nats_fetched_free().
pub struct nats_fetched(());

/// The messages that were not taken yet.
pub(crate) struct Fetched(Box<Mutex<Left>>);

struct Left {
    batches: std::vec::IntoIter<Batch>,
    messages: Option<Messages>,
    /// No more are handed out, whatever has come.
    count: usize,
}

impl Fetched {
    pub(crate) fn new(batches: Vec<Batch>, most: usize) -> Fetched {
        let count = batches.iter().map(Batch::len).sum::<usize>().min(most);
        let left = Left { batches: batches.into_iter(), messages: None, count };
        Fetched(Box::new(Mutex::new(left)))
    }
}

impl Iterator for Left {
    type Item = *mut nats_msg;

    fn next(&mut self) -> Option<*mut nats_msg> {
        self.count = self.count.checked_sub(1)?;
        loop {
            if let Some(msg) = self.messages.as_mut().and_then(Messages::next) {
                return Some(msg);
            }
            self.messages = Some(Messages::new(self.batches.next()?));
        }
    }
}

/// Takes up to `cap` of the messages that were not taken yet and writes them to `msgs`; `*count`
/// receives their number, 0 when there are no more. Free them with nats_msg_free() or
/// nats_msgs_free().
///
/// Errors: `INVALID_ARGUMENT` for `cap` 0.
#[unsafe(no_mangle)]
pub extern "C" fn nats_fetched_take(
    fetched: *mut nats_fetched,
    msgs: Option<NonNull<*mut nats_msg>>,
    cap: usize,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let msgs = msgs.ok_or_else(|| null("msgs"))?;
        if cap == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: expected at least 1"));
        }
        let fetched = handle::get::<Fetched>(fetched)?;
        let mut count = 0;
        for msg in lock(&fetched.0).by_ref().take(cap) {
            // SAFETY: the caller promised room for `cap`.
            unsafe { msgs.add(count).write(msg) };
            count += 1;
        }
        Ok(count)
    })
}

/// Frees the list, with the messages that were not taken: they are delivered again once their time
/// to be acknowledged is over. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_fetched_free(fetched: *mut nats_fetched) -> nats_status {
    guard_status(|| handle::free::<Fetched>(fetched))
}
