//! Many equal frames, written in large pieces.

use std::io::Write;

/// Big enough that a system call costs nothing per message, small enough for a processor's cache.
const BLOCK: usize = 256 << 10;

/// What is left to write of a number of rounds of prebuilt frames.
pub(crate) struct Blast {
    block: Vec<u8>,
    position: usize,
    left: usize,
}

impl Blast {
    /// These frames, so many times.
    pub(crate) fn new(round: &[u8], rounds: usize) -> Self {
        let copies = BLOCK.div_ceil(round.len().max(1)).clamp(1, rounds.max(1));
        Self { block: round.repeat(copies), position: 0, left: round.len() * rounds }
    }

    /// What is to be written next.
    pub(crate) fn chunk(&self) -> &[u8] {
        let end = self.block.len().min(self.position + self.left);
        &self.block[self.position..end]
    }

    /// So much of the chunk has been written.
    pub(crate) fn advance(&mut self, written: usize) {
        self.left -= written;
        self.position += written;
        if self.position == self.block.len() {
            self.position = 0;
        }
    }

    /// Whether the last thing written is a whole round, so that other frames may come between.
    pub(crate) fn between(&self) -> bool {
        self.position == 0
    }

    /// Whether everything has been written.
    pub(crate) fn done(&self) -> bool {
        self.left == 0
    }

    /// Writes everything to a blocking socket.
    ///
    /// # Errors
    /// The socket refuses.
    pub(crate) fn write_to(mut self, socket: &mut impl Write) -> std::io::Result<()> {
        while !self.done() {
            let written = socket.write(self.chunk())?;
            if written == 0 {
                return Err(std::io::ErrorKind::WriteZero.into());
            }
            self.advance(written);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_round_once_in_any_pieces() {
        let round = b"PING\r\nPONG\r\n";
        for (rounds, piece) in [(1, 5), (7, 1), (100_000, 4096), (100_000, BLOCK)] {
            let mut blast = Blast::new(round, rounds);
            let mut written = Vec::new();
            while !blast.done() {
                let take = blast.chunk().len().min(piece);
                written.extend_from_slice(&blast.chunk()[..take]);
                blast.advance(take);
                assert!(!blast.between() || written.len() % round.len() == 0);
            }
            assert!(written == round.repeat(rounds));
        }
    }

    #[test]
    fn a_few_rounds_take_little_memory() {
        assert_eq!(Blast::new(b"PING\r\n", 3).block.len(), 18);
        assert!(Blast::new(b"PING\r\n", 1_000_000).block.len() < BLOCK + 6);
    }

    #[test]
    fn writes_to_a_socket() {
        let mut written = Vec::new();
        Blast::new(b"PING\r\n", 100_000).write_to(&mut written).unwrap();
        assert_eq!(written.len(), 600_000);
    }
}
