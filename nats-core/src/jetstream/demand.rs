//! How much was asked for and not handled, and how much more may be.

use super::consume::ConsumeOptions;
use super::status::Left;
use crate::conn::mailbox::Mailbox;
use crate::proto::block::View;
use crate::proto::message::Run;

/// As many as a request by bytes may bring at most.
const MANY: usize = 1_000_000;

/// What was asked for and not handed out, within limits.
#[derive(Debug, Default)]
pub(super) struct Demand {
    max_messages: usize,
    /// With it, `max_messages` does not count.
    max_bytes: usize,
    threshold: usize,
    asked: Left,
    /// What was taken last. It counts until more is taken: by then it was handled.
    taken: Left,
}

impl Demand {
    /// Nothing was asked for.
    pub(super) fn new(options: &ConsumeOptions, threshold: usize) -> Demand {
        let ConsumeOptions { max_messages, max_bytes, .. } = *options;
        Demand { max_messages, max_bytes, threshold, ..Demand::default() }
    }

    /// A request has ended with this much of it left.
    pub(super) fn give_back(&mut self, Left { messages, bytes }: Left) {
        self.asked.messages = self.asked.messages.saturating_sub(messages);
        self.asked.bytes = self.asked.bytes.saturating_sub(bytes);
    }

    /// What was taken before was handled; false: nothing was.
    pub(super) fn handled(&mut self) -> bool {
        let back = std::mem::take(&mut self.taken);
        self.give_back(back);
        back != Left::default()
    }

    /// These are taken.
    pub(super) fn take(&mut self, run: &Run) {
        self.taken.messages = run.len();
        if self.max_bytes > 0 {
            // As the server counts: subjects, headers and payload.
            let size = |view: View<'_>| view.size() + view.subject().len() + view.reply().len();
            self.taken.bytes = (0..run.len()).map(|index| size(run.view(index))).sum();
        }
    }

    /// What to ask for, when there is little left.
    pub(super) fn more(&self) -> Option<Left> {
        let by_bytes = self.max_bytes > 0;
        let there = if by_bytes { self.asked.bytes } else { self.asked.messages };
        if there > self.threshold {
            return None;
        }
        Some(if by_bytes {
            Left { messages: MANY, bytes: self.max_bytes.saturating_sub(there) }
        } else {
            Left { messages: self.max_messages.saturating_sub(there), bytes: 0 }
        })
    }

    /// That was asked for.
    pub(super) fn ask(&mut self, more: Left) {
        self.asked.messages = self.asked.messages.saturating_add(more.messages);
        self.asked.bytes = self.asked.bytes.saturating_add(more.bytes);
    }

    /// No request is under way any more: what has come is all that was asked for.
    pub(super) fn begin_anew(&mut self, mailbox: &Mailbox) {
        let stats = mailbox.stats();
        let (messages, bytes) = (stats.pending_messages as usize, stats.pending_bytes as usize);
        self.asked = Left { messages, bytes };
        self.taken = Left::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_when_little_is_left() {
        let options = ConsumeOptions { max_messages: 10, ..ConsumeOptions::default() };
        let mut demand = Demand::new(&options, 5);
        let all = Left { messages: 10, bytes: 0 };
        assert_eq!(demand.more(), Some(all));
        demand.ask(all);
        assert_eq!(demand.more(), None);
        demand.give_back(Left { messages: 4, bytes: 0 });
        assert_eq!(demand.more(), None, "six are left");
        demand.give_back(Left { messages: 1, bytes: 0 });
        assert_eq!(demand.more(), Some(Left { messages: 5, bytes: 0 }));
    }

    #[test]
    fn bytes_count_in_place_of_messages() {
        let options = ConsumeOptions { max_bytes: 1000, ..ConsumeOptions::default() };
        let mut demand = Demand::new(&options, 500);
        demand.ask(demand.more().unwrap());
        assert_eq!(demand.more(), None);
        demand.give_back(Left { messages: 1, bytes: 600 });
        assert_eq!(demand.more(), Some(Left { messages: MANY, bytes: 600 }));
    }
}
