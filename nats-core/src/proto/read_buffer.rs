//! The memory that a socket is read into.
//!
//! It is initialised once and used again, so that reading needs neither unsafe code nor clearing.

use bytes::{Bytes, BytesMut};

/// A frame at least this long gets memory of its own while it arrives, and leaves it without a copy.
/// Others are copied, so that no payload pins more than twice the memory that it has, and the usual
/// memory stays.
pub const LARGE: usize = 32 * 1024;

/// Reads begin small, so that an idle connection is cheap, and double while they fill the memory.
const READ_MIN: usize = 8 * 1024;
const READ_MAX: usize = 256 * 1024;
/// What is kept of that while nothing arrives.
const KEPT_IDLE: usize = 32 * 1024;
/// A frame up to this size gets memory as large as it says, whoever sends it.
const OWN_MAX: usize = 1024 * 1024 + 8 * 1024;
/// Its size is rounded up to a multiple of this, so that it fits others of about the same size.
const ROUND: usize = 4 * 1024;
/// So many pieces of it are kept while there is something to read.
const KEPT: usize = 4;

/// What has been read and not yet been understood, and room for more.
pub struct ReadBuffer {
    usual: Vec<u8>,
    /// What is unread in `usual`.
    start: usize,
    end: usize,
    /// The next read offers at most so much.
    read_size: usize,
    large: Option<Large>,
    /// The memory of large frames that came before, for those to come: what is allocated here and
    /// freed elsewhere, the system would have to clear each time.
    kept: Vec<Bytes>,
}

/// A large frame that is arriving.
struct Large {
    memory: BytesMut,
    frame: usize,
    filled: usize,
}

impl Default for ReadBuffer {
    fn default() -> ReadBuffer {
        ReadBuffer {
            usual: Vec::new(),
            start: 0,
            end: 0,
            read_size: READ_MIN,
            large: None,
            kept: Vec::new(),
        }
    }
}

impl ReadBuffer {
    /// Where the next read goes; never empty.
    pub fn room(&mut self) -> &mut [u8] {
        let spare = self.usual.len() - self.end;
        let little = spare < self.read_size && (self.end == 0 || spare < self.read_size / 2);
        if self.large.is_none() && little {
            self.provide(self.read_size);
        }
        match &mut self.large {
            Some(Large { memory, frame, filled }) => &mut memory[*filled..*frame],
            None => {
                let offered = self.read_size.min(self.usual.len() - self.end);
                &mut self.usual[self.end..self.end + offered]
            }
        }
    }

    /// So many bytes have been read into [`ReadBuffer::room`].
    pub fn filled(&mut self, count: usize) {
        if let Some(large) = &mut self.large {
            large.filled += count;
            return;
        }
        let offered = self.read_size.min(self.usual.len() - self.end);
        self.end += count;
        if count == offered {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        }
    }

    /// What has been read and not been consumed.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        match &self.large {
            None => &self.usual[self.start..self.end],
            Some(large) => &large.memory[..large.filled],
        }
    }

    /// The first `count` unread bytes are done with.
    pub fn consume(&mut self, count: usize) {
        if self.large.is_some() {
            debug_assert_eq!(count, 0, "a large frame leaves as a whole");
            return;
        }
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The large frame that is all that is unread, if it has memory of its own; its message holds
    /// that until it is dropped.
    pub fn take_large(&mut self) -> Option<Bytes> {
        let Large { memory, frame, .. } =
            self.large.take_if(|large| large.filled == large.frame)?;
        let memory = memory.freeze();
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push(memory.clone());
        // The beginning of the next one, which mostly is as large, and not much more.
        self.read_size = READ_MIN;
        Some(memory.slice(..frame))
    }

    /// Makes room for a frame of `needed` bytes, growing no faster than bytes arrive.
    pub fn make_room(&mut self, needed: usize) {
        let unread = self.end - self.start;
        let missing = needed.saturating_sub(unread);
        if self.large.is_some() || missing == 0 {
            return;
        }
        if (LARGE..=OWN_MAX).contains(&needed) && missing >= READ_MIN {
            let mut memory = self.kept_memory(needed);
            memory[..unread].copy_from_slice(&self.usual[self.start..self.end]);
            (self.start, self.end) = (0, 0);
            self.large = Some(Large { memory, frame: needed, filled: unread });
        } else if missing > self.usual.len() - self.end {
            self.provide(missing.min(unread.max(READ_MAX)));
        }
    }

    /// Gives large memory back once it is empty, so that an idle connection stays cheap.
    pub fn shrink(&mut self) {
        if !self.unread().is_empty() {
            return;
        }
        self.kept.clear();
        self.read_size = self.read_size.min(KEPT_IDLE);
        if self.usual.len() > KEPT_IDLE {
            self.usual = Vec::new();
        }
    }

    /// Makes room for `more` bytes behind what is unread in the usual memory.
    fn provide(&mut self, more: usize) {
        if self.start > 0 {
            self.usual.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == 0 && self.usual.len() < more {
            // New memory comes cleared from the system, and nothing has to be moved.
            self.usual = vec![0; more];
        } else if self.usual.len() - self.end < more {
            self.usual.resize(self.end + more, 0);
        }
    }

    /// Memory for a large frame, if possible of one whose message is gone.
    fn kept_memory(&mut self, needed: usize) -> BytesMut {
        let free = self.kept.iter().rposition(Bytes::is_unique);
        let own = free.and_then(|free| self.kept.remove(free).try_into_mut().ok());
        own.filter(|own| (needed..=needed * 2).contains(&own.len()))
            .unwrap_or_else(|| BytesMut::zeroed(needed.next_multiple_of(ROUND)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of `bytes` as a read takes.
    fn read(buffer: &mut ReadBuffer, bytes: &mut &[u8]) -> usize {
        let room = buffer.room();
        let count = room.len().min(bytes.len());
        assert!(!room.is_empty());
        room[..count].copy_from_slice(&bytes[..count]);
        buffer.filled(count);
        *bytes = &bytes[count..];
        count
    }

    fn read_all(buffer: &mut ReadBuffer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            read(buffer, &mut bytes);
        }
    }

    #[test]
    fn bytes_come_out_as_they_went_in_however_they_are_consumed() {
        let sent: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        for step in [1, 7, 4096, 100_000] {
            let (mut buffer, mut left, mut got) = (ReadBuffer::default(), &sent[..], Vec::new());
            while !left.is_empty() {
                read(&mut buffer, &mut left);
                let count = buffer.unread().len().min(step);
                got.extend_from_slice(&buffer.unread()[..count]);
                buffer.consume(count);
            }
            got.extend_from_slice(buffer.unread());
            assert!(got == sent, "{step}");
        }
    }

    #[test]
    fn reads_grow_while_they_are_full_and_shrink_at_a_pause() {
        let mut buffer = ReadBuffer::default();
        let sizes: Vec<_> = (0..8)
            .map(|_| {
                let full = vec![1; buffer.room().len()];
                let count = read(&mut buffer, &mut &full[..]);
                buffer.consume(count);
                count
            })
            .collect();
        assert_eq!(
            (sizes[0], sizes[1], *sizes.last().unwrap()),
            (READ_MIN, READ_MIN * 2, READ_MAX)
        );
        read_all(&mut buffer, b"x");
        buffer.shrink();
        assert_eq!(buffer.unread(), b"x", "what is unread stays");
        buffer.consume(1);
        buffer.shrink();
        assert!(buffer.usual.len() <= KEPT_IDLE && buffer.room().len() <= KEPT_IDLE);
    }

    #[test]
    fn a_large_frame_has_memory_of_its_own_which_is_used_again() {
        let mut buffer = ReadBuffer::default();
        let frame: Vec<u8> = (0..LARGE as u32 + 5).map(|i| (i % 13) as u8).collect();
        let arrive = |buffer: &mut ReadBuffer| {
            let mut left = &frame[..];
            read(buffer, &mut left);
            buffer.make_room(frame.len());
            assert!(buffer.take_large().is_none());
            while !left.is_empty() {
                read(buffer, &mut left);
            }
            assert_eq!(buffer.unread(), frame);
            let bytes = buffer.take_large().unwrap();
            assert!(bytes == frame && buffer.unread().is_empty());
            bytes
        };
        let first = arrive(&mut buffer);
        let second = arrive(&mut buffer);
        assert_ne!(first.as_ptr(), second.as_ptr(), "a message that lives keeps its memory");
        let memory = second.as_ptr();
        drop(second);
        let third = arrive(&mut buffer);
        assert_eq!(third.as_ptr(), memory);
        read_all(&mut buffer, b"behind");
        assert_eq!(buffer.unread(), b"behind");
    }

    #[test]
    fn a_frame_that_only_says_that_it_is_huge_gets_memory_as_it_arrives() {
        let mut buffer = ReadBuffer::default();
        read_all(&mut buffer, &[1; 100]);
        buffer.make_room(60_000_000);
        assert!(buffer.usual.len() <= 2 * READ_MAX && buffer.large.is_none());
        read_all(&mut buffer, &vec![2; 3_000_000]);
        buffer.make_room(60_000_000);
        assert_eq!(buffer.unread().len(), 3_000_100);
        assert!(buffer.usual.len() < 8_000_000);
    }
}
