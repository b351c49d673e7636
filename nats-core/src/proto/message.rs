//! Received messages, one by one and in runs.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::block::{Block, View};

/// A message as it came off the wire: its place in a block. A clone costs one reference count.
#[derive(Clone, Debug)]
pub struct RawMessage {
    block: Arc<Block>,
    index: usize,
}

/// Messages of one block that follow each other.
#[derive(Clone, Debug)]
pub struct Run {
    block: Arc<Block>,
    range: Range<usize>,
}

impl RawMessage {
    /// The message itself.
    #[inline]
    pub fn view(&self) -> View<'_> {
        self.block.view(self.index)
    }

    /// The payload as a shared view of the message's memory.
    pub fn payload_bytes(&self) -> Bytes {
        /// Keeps the memory of a payload.
        struct Payload(RawMessage);
        impl AsRef<[u8]> for Payload {
            fn as_ref(&self) -> &[u8] {
                self.0.view().payload()
            }
        }
        let split = self.block.split_payload(self.index);
        split.unwrap_or_else(|| Bytes::from_owner(Payload(self.clone())))
    }
}

impl From<Block> for Run {
    fn from(block: Block) -> Run {
        let range = 0..block.count();
        Run { block: Arc::new(block), range }
    }
}

impl From<RawMessage> for Run {
    fn from(message: RawMessage) -> Run {
        Run { range: message.index..message.index + 1, block: message.block }
    }
}

impl Run {
    /// Bytes that they count for in pending limits and statistics.
    pub fn size(&self) -> usize {
        if self.len() == self.block.count() {
            return self.block.size();
        }
        self.range.clone().map(|index| self.block.view(index).size()).sum()
    }

    /// Whether a message of the block asks for an answer.
    pub fn is_answerable(&self) -> bool {
        self.block.is_answerable()
    }

    /// The message at `index`, which is below the length of the run.
    #[inline]
    pub fn view(&self, index: usize) -> View<'_> {
        self.block.view(self.range.start + index)
    }

    /// Takes the first `count` messages, or as many as there are.
    pub fn split_front(&mut self, count: usize) -> Run {
        let middle = self.range.start + count.min(self.len());
        let front = Run { block: Arc::clone(&self.block), range: self.range.start..middle };
        self.range.start = middle;
        front
    }

    /// The first message. There is one.
    pub fn into_first(self) -> RawMessage {
        RawMessage { index: self.range.start, block: self.block }
    }

    /// Appends `next` if it follows in the same block; hands it back otherwise.
    pub fn join(&mut self, next: Run) -> Option<Run> {
        if Arc::ptr_eq(&self.block, &next.block) && self.range.end == next.range.start {
            self.range.end = next.range.end;
            return None;
        }
        Some(next)
    }
}

impl Iterator for Run {
    type Item = RawMessage;

    #[inline]
    fn next(&mut self) -> Option<RawMessage> {
        let index = self.range.next()?;
        Some(RawMessage { block: Arc::clone(&self.block), index })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl ExactSizeIterator for Run {}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
