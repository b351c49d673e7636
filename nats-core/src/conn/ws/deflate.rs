//! Compression of WebSocket messages (RFC 7692), each by itself: no context is taken over, as
//! nats-server wants it.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frame::Violation;

/// What ends each compressed message and is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Smaller payloads are not worth it.
const WORTH: usize = 64;

/// Both directions.
pub(super) struct Deflate {
    compress: Compress,
    inflate: Decompress,
    packed: Vec<u8>,
    /// How much of [`TAIL`] was given to `inflate` for the message that ends.
    tail: usize,
    /// The message has ended early, by a block that says it is the last.
    over: bool,
    /// The last room was too small for what was taken.
    full: bool,
}

impl Deflate {
    pub(super) fn new() -> Deflate {
        Deflate {
            compress: Compress::new(Compression::fast(), false),
            inflate: Decompress::new(false),
            packed: Vec::new(),
            tail: 0,
            over: false,
            full: false,
        }
    }

    /// The compressed payload; None where it would not be smaller.
    pub(super) fn pack(&mut self, payload: &[u8]) -> Option<&[u8]> {
        if payload.len() < WORTH {
            return None;
        }
        self.compress.reset();
        self.packed.clear();
        self.packed.reserve(payload.len() + WORTH);
        let before = self.compress.total_in();
        self.compress.compress_vec(payload, &mut self.packed, FlushCompress::Sync).ok()?;
        let all = self.compress.total_in() - before == payload.len() as u64;
        let packed = self.packed.strip_suffix(&TAIL)?;
        (all && packed.len() < payload.len()).then_some(packed)
    }

    /// Whether [`Deflate::unpack`] may have something to give without taking anything.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Unpacks some of a message into `room`; returns how many bytes were taken and given. As much
    /// is unpacked as there is room for, so that no message can fill the memory.
    pub(super) fn unpack(
        &mut self,
        packed: &[u8],
        room: &mut [u8],
    ) -> Result<(usize, usize), Violation> {
        if self.over {
            return Ok((packed.len(), 0));
        }
        let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(packed, room, FlushDecompress::None);
        let taken = (self.inflate.total_in() - taken) as usize;
        let given = (self.inflate.total_out() - given) as usize;
        match status {
            Ok(Status::StreamEnd) => self.over = true,
            // With room to spare, it must take what it is offered.
            Ok(Status::BufError) if taken == 0 && given == 0 && !packed.is_empty() => {
                return Err("a message that cannot be uncompressed");
            }
            Ok(_) => {}
            Err(_) => return Err("a message that cannot be uncompressed"),
        }
        self.full = !self.over && given == room.len();
        Ok((taken, given))
    }

    /// The message has come completely: unpacks the rest of it. None: there is more, for which
    /// `room` is too small.
    pub(super) fn finish(&mut self, room: &mut [u8]) -> Result<(usize, bool), Violation> {
        let (taken, given) = self.unpack(&TAIL[self.tail..], room)?;
        self.tail += taken;
        let done = self.over || (self.tail == TAIL.len() && !self.full);
        if done {
            self.inflate.reset(false);
            (self.tail, self.over) = (0, false);
        }
        Ok((given, done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(deflate: &mut Deflate, packed: &[u8], room: usize) -> Vec<u8> {
        let (mut at, mut all, mut room) = (0, Vec::new(), vec![0; room]);
        while at < packed.len() {
            let (taken, given) = deflate.unpack(&packed[at..], &mut room).unwrap();
            at += taken;
            all.extend_from_slice(&room[..given]);
        }
        loop {
            let (given, done) = deflate.finish(&mut room).unwrap();
            all.extend_from_slice(&room[..given]);
            if done {
                return all;
            }
        }
    }

    #[test]
    fn messages_come_back_whatever_the_room() {
        let (mut sender, mut receiver) = (Deflate::new(), Deflate::new());
        let messages: Vec<Vec<u8>> =
            vec![vec![b'x'; 100_000], (0..20_000u32).flat_map(|n| n.to_le_bytes()).collect()];
        for room in [1, 7, 4096, 1 << 20] {
            for message in &messages {
                let packed = sender.pack(message).unwrap().to_vec();
                assert!(packed.len() < message.len());
                assert_eq!(&unpacked(&mut receiver, &packed, room), message, "room {room}");
            }
        }
    }

    #[test]
    fn what_gains_nothing_is_sent_as_it_is() {
        let mut deflate = Deflate::new();
        assert!(deflate.pack(b"PING\r\n").is_none());
        let noise: Vec<u8> = (0..4096).map(|_| fastrand::u8(..)).collect();
        assert!(deflate.pack(&noise).is_none());
    }

    #[test]
    fn garbage_is_refused() {
        let mut deflate = Deflate::new();
        assert!(deflate.unpack(&[0xff; 64], &mut [0; 64]).is_err());
    }
}
