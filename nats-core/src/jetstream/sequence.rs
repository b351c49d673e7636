//! What the reply subjects of an ordered consumer's messages tell: whether one is missing.

use super::metadata::Metadata;

/// The place in a stream, and in the consumer by which its messages come.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    stream: String,
    /// Empty: there is none whose messages count.
    consumer: String,
    /// What the consumer's reply subjects begin with; empty: not known yet.
    replies: Vec<u8>,
    /// The consumer sequence of the last message that was taken.
    taken: u64,
    /// The stream sequence of the last message that was taken, of whatever consumer.
    last: Option<u64>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// The server speaks.
    Word,
    /// The next one, with its stream sequence.
    Next(u64),
    /// The next one, and not for the program; its stream sequence.
    Skipped(u64),
    /// Of this side: what there was has come.
    Mark,
    /// Of a consumer that was given up.
    Stale,
    /// Those before it are missing; its consumer sequence.
    Beyond(u64),
}

impl Sequence {
    /// Nothing was taken.
    pub(super) fn new(stream: &str) -> Sequence {
        Sequence { stream: stream.to_owned(), ..Sequence::default() }
    }

    /// From now on the messages of this consumer count, and no others.
    pub(super) fn begin(&mut self, consumer: &str) {
        self.consumer = consumer.to_owned();
        self.replies.clear();
        self.taken = 0;
    }

    /// No messages count any more; the consumer whose did.
    pub(super) fn end(&mut self) -> String {
        self.replies.clear();
        std::mem::take(&mut self.consumer)
    }

    /// The consumer whose messages count.
    pub(super) fn consumer(&self) -> &str {
        &self.consumer
    }

    /// The consumer sequence of the last message that was taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The stream sequence behind which to go on.
    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Nothing that comes is from before.
    pub(super) fn begin_behind(&mut self, stream_sequence: u64) {
        self.last.get_or_insert(stream_sequence);
    }

    /// Stream and consumer, for errors.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.stream, self.consumer)
    }

    /// What a message with this reply subject is.
    #[inline]
    pub(super) fn judge(&mut self, reply: &[u8]) -> Is {
        let rest = match reply.strip_prefix(self.replies.as_slice()) {
            Some(rest) if !self.replies.is_empty() => Some(rest),
            _ => self.learn(reply),
        };
        match rest.and_then(sequences) {
            None => Is::Stale,
            Some((sequence, number)) if number == self.taken + 1 => Is::Next(sequence),
            // It came before: nothing of it is new.
            Some((_, number)) if number <= self.taken => Is::Stale,
            Some((_, number)) => Is::Beyond(number),
        }
    }

    /// Notes that the next message is taken.
    #[inline]
    pub(super) fn note(&mut self, is: Is) {
        if let Is::Next(sequence) | Is::Skipped(sequence) = is {
            self.taken += 1;
            self.last = Some(sequence);
        }
    }

    /// Reads the first reply subject of a consumer: those of the same form differ in numbers only.
    #[cold]
    fn learn<'a>(&mut self, reply: &'a [u8]) -> Option<&'a [u8]> {
        let metadata = Metadata::parse(std::str::from_utf8(reply).ok()?).ok()?;
        let ours = metadata.consumer == self.consumer && metadata.stream == self.stream;
        if !ours || self.consumer.is_empty() {
            return None;
        }
        // The name is a part of the reply subject, and a dot stands behind it.
        let end = metadata.consumer.as_ptr() as usize - reply.as_ptr() as usize;
        let end = end + metadata.consumer.len() + 1;
        self.replies = reply.get(..end)?.to_vec();
        reply.get(end..)
    }
}

/// Whether a message is the last one that there was for the consumer when it was sent.
pub(super) fn is_last(reply: &[u8]) -> bool {
    let pending = |reply| Some(Metadata::parse(std::str::from_utf8(reply).ok()?).ok()?.pending);
    reply.ends_with(b".0") && pending(reply) == Some(0)
}

/// Stream and consumer sequence of `<delivered>.<stream sequence>.<consumer sequence>.<more>`.
#[inline]
fn sequences(rest: &[u8]) -> Option<(u64, u64)> {
    let mut numbers = [0_u64; 3];
    let mut bytes = rest.iter();
    for number in &mut numbers {
        loop {
            match bytes.next()? {
                digit @ b'0'..=b'9' => {
                    *number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
                }
                b'.' => break,
                _ => return None,
            }
        }
    }
    Some((numbers[1], numbers[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(consumer: &str, stream_sequence: u64, number: u64) -> Vec<u8> {
        format!("$JS.ACK.S.{consumer}.1.{stream_sequence}.{number}.1700000000000000001.7").into()
    }

    #[test]
    fn numbers_are_read_as_metadata_says() {
        assert_eq!(sequences(b"1.10.5.1700000000000000001.7"), Some((10, 5)));
        assert_eq!(sequences(b"1.18446744073709551615.5.1"), Some((u64::MAX, 5)));
        for bad in [&b""[..], b"1.2.3", b"1.x.3.4", b"1.18446744073709551616.5.1", b"1.-2.3.4"] {
            assert_eq!(sequences(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_missing_is_seen() {
        let mut sequence = Sequence::new("S");
        sequence.begin("C");
        for (stream_sequence, number) in [(10, 1), (12, 2), (13, 3)] {
            let is = sequence.judge(&reply("C", stream_sequence, number));
            assert_eq!(is, Is::Next(stream_sequence));
            sequence.note(is);
        }
        assert_eq!(sequence.judge(&reply("C", 15, 5)), Is::Beyond(5));
        assert_eq!(sequence.judge(&reply("C", 12, 2)), Is::Stale, "it came before");
        assert_eq!(sequence.judge(&reply("D", 14, 4)), Is::Stale);
        assert_eq!((sequence.taken(), sequence.last()), (3, Some(13)));

        sequence.begin("D");
        assert_eq!(sequence.judge(&reply("C", 14, 4)), Is::Stale, "of the one before");
        assert_eq!(sequence.judge(&reply("D", 15, 2)), Is::Beyond(2));
        assert_eq!(sequence.judge(&reply("D", 14, 1)), Is::Next(14));
        assert_eq!((sequence.taken(), sequence.last()), (0, Some(13)), "judged, and not taken");
        sequence.begin_behind(99);
        assert_eq!(sequence.last(), Some(13));
    }

    #[test]
    fn replies_of_both_forms_are_learnt() {
        for reply in [
            "$JS.ACK.S.C.1.10.1.1700000000000000001.7",
            "$JS.ACK.hub.H.S.C.1.10.1.1700000000000000001.7.x",
        ] {
            let mut sequence = Sequence::new("S");
            sequence.begin("C");
            assert_eq!(sequence.judge(reply.as_bytes()), Is::Next(10));
            assert!(sequence.replies.ends_with(b".S.C."));
            assert_eq!(sequence.judge(reply.as_bytes()), Is::Next(10), "by what was learnt");
            for other in ["$JS.ACK.S.D.1.1.1.1.0", "$JS.ACK.T.C.1.1.1.1.0", "_INBOX.a", ""] {
                assert_eq!(sequence.judge(other.as_bytes()), Is::Stale, "{other}");
            }
            assert_eq!(sequence.end(), "C");
            assert_eq!(sequence.judge(reply.as_bytes()), Is::Stale, "there is none");
        }
    }
}
