//! The frames of compressed archives (S2), as far as it takes to see that one is cut short.

/// Where an archive stands between its frames: a kind, three bytes of length, and so many bytes.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    left: usize,
    any: bool,
    /// It does not begin as archives do, and its frames are unknown.
    other: bool,
}

/// The kind of the frame that every archive begins with.
const BEGIN: u8 = 0xff;
const HEAD: usize = 4;

impl Frames {
    /// Goes on with the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        if let (false, Some(first)) = (self.any, bytes.first()) {
            self.any = true;
            self.other = *first != BEGIN;
        }
        while !bytes.is_empty() && !self.other {
            let inside = self.left.min(bytes.len());
            self.left -= inside;
            bytes = &bytes[inside..];
            let taken = (HEAD - self.head.len()).min(bytes.len());
            if self.left == 0 && taken > 0 {
                self.head.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if let [_, a, b, c] = *self.head {
                    self.left = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
                    self.head.clear();
                }
            }
        }
    }

    /// Whether there was something, and it ends with a frame.
    pub(super) fn are_whole(&self) -> bool {
        self.any && (self.other || self.left == 0 && self.head.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_that_are_cut_short_are_seen() {
        let mut archive = b"\xff\x06\x00\x00S2sTwO".to_vec();
        archive.extend_from_slice(b"\x00\x05\x00\x00abcde");
        let ends = [10, 19];
        for piece in [1, 2, 3, 7, 100] {
            for cut in 0..=archive.len() {
                let mut frames = Frames::default();
                archive[..cut].chunks(piece).for_each(|bytes| frames.feed(bytes));
                assert_eq!(frames.are_whole(), ends.contains(&cut), "{cut} by {piece}");
            }
        }
    }

    #[test]
    fn what_is_no_archive_is_taken_as_it_is() {
        let mut frames = Frames::default();
        frames.feed(b"something else");
        assert!(frames.are_whole());
        assert!(!Frames::default().are_whole(), "nothing is no snapshot");
    }
}
