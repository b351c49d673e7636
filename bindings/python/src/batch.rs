//! What has been taken from a subscription and not yet been handed to the program.

use std::vec::IntoIter;

use nats_core::Message;

/// Messages in order, and how many the program is to have in all.
pub(crate) struct Batch {
    messages: IntoIter<Message>,
    /// Messages taken from the beginning on.
    taken: u64,
    /// The most that are to be taken.
    limit: u64,
    ended: bool,
}

impl Batch {
    /// Nothing has been taken.
    pub(crate) fn new() -> Batch {
        Batch { messages: Vec::new().into_iter(), taken: 0, limit: u64::MAX, ended: false }
    }

    /// How many more may be taken.
    pub(crate) fn room(&self) -> u64 {
        self.limit - self.taken
    }

    /// Takes what has come when nothing is left.
    pub(crate) fn refill(&mut self, messages: Vec<Message>) {
        self.taken += messages.len() as u64;
        self.messages = messages.into_iter();
    }

    /// The oldest message.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        self.messages.next()
    }

    /// The messages.
    pub(crate) fn messages(&self) -> &[Message] {
        self.messages.as_slice()
    }

    /// No more than `limit` messages are to be taken from the beginning on; what is beyond that is
    /// dropped, and so is everything with a limit of 0.
    pub(crate) fn limit(&mut self, limit: u64) -> Vec<Message> {
        let mut dropped = Vec::new();
        while self.taken > limit
            && let Some(message) = self.messages.next_back()
        {
            self.taken -= 1;
            dropped.push(message);
        }
        // What the program has had already cannot be taken back.
        self.limit = limit.max(self.taken);
        dropped
    }

    /// No more messages will come.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether no more will come, and none is left.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended && self.messages.as_slice().is_empty()
    }
}
