//! What scripts have published and not handed over yet: records in a block of shared memory.
//!
//! The block begins with four 32-bit numbers in native byte order: where its records end, how many
//! bytes the scripts may publish through records, how large headers and payload of one may be, and
//! whether it may have headers (1) or not (0). A record is the numbers of its subject and headers
//! (0 for none), the length of its payload, and the payload, up to a multiple of four bytes.
//! Subjects and headers have their number from a call that carried them in full.
//! `lib/outbox.ts` writes records.

use napi::bindgen_prelude::Env;
use nats_bridge::connection::Connection as Link;
use nats_core::{Error, Headers, Publish};

use crate::block::{Block, Buffer};

/// The size of a block.
const SIZE: usize = 32 << 10;
/// Numbers in front of the records, by their places.
const END: usize = 0;
const ROOM: usize = 1;
const LARGEST: usize = 2;
const HEADERS: usize = 3;
/// Bytes of these numbers.
const HEAD: usize = 16;
/// Bytes of the numbers of a record.
const RECORD: usize = 12;

/// The records of one connection.
#[derive(Default)]
pub(crate) struct Outbox {
    block: Option<Block>,
    subjects: Vec<String>,
    headers: Vec<Headers>,
    refused: u64,
    error: Option<Error>,
}

impl Outbox {
    /// Makes the block.
    pub(crate) fn open(&mut self, env: &Env) -> napi::Result<Buffer> {
        let (mut block, buffer) = Block::new(env, SIZE)?;
        put(block.bytes(), END, HEAD);
        self.block = Some(block);
        Ok(buffer)
    }

    /// Publishes all records. What is refused although there was room when it was put down is
    /// counted as dropped, and the reason kept for [`Outbox::fault`].
    pub(crate) fn hand_over(&mut self, link: &Link) {
        let Some(block) = &mut self.block else { return };
        let bytes = block.bytes();
        let end = get(bytes, END);
        put(bytes, END, HEAD);
        let mut rest = bytes.get(HEAD..end).unwrap_or_default();
        while let Some((numbers, behind)) = rest.split_at_checked(RECORD) {
            let len = get(numbers, 2);
            let Some(payload) = behind.get(..len) else { break };
            rest = behind.get(len.next_multiple_of(4)..).unwrap_or_default();
            let Some(subject) = named(&self.subjects, get(numbers, 0)) else { break };
            let headers = named(&self.headers, get(numbers, 1));
            let publish = Publish { subject, reply: None, headers, payload };
            if let Err(error) = link.publish(&publish) {
                self.refused += 1;
                self.error = Some(error);
            }
        }
    }

    /// Lets the scripts publish through records what finds room now.
    pub(crate) fn grant(&mut self, link: &Link) {
        let Some(block) = &mut self.block else { return };
        let room = link.client().room();
        let bytes = block.bytes();
        put(bytes, ROOM, room.bytes);
        put(bytes, LARGEST, room.max_payload);
        put(bytes, HEADERS, usize::from(room.headers));
    }

    /// Calls in full are needed until [`Outbox::grant`].
    pub(crate) fn revoke(&mut self) {
        if let Some(block) = &mut self.block {
            put(block.bytes(), ROOM, 0);
        }
    }

    /// Gives a subject its number, which makes those behind it invalid.
    pub(crate) fn name_subject(&mut self, number: u32, subject: &str) {
        name(&mut self.subjects, number, || subject.to_owned());
    }

    /// Gives headers their number, which makes those behind it invalid.
    pub(crate) fn name_headers(&mut self, number: u32, headers: Headers) {
        name(&mut self.headers, number, || headers);
    }

    /// Why records were refused since the last call.
    pub(crate) fn fault(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// How many records were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}

/// The number at a place.
fn get(bytes: &[u8], place: usize) -> usize {
    let number = bytes.get(place * 4..place * 4 + 4).and_then(|bytes| bytes.try_into().ok());
    number.map_or(0, |bytes| u32::from_ne_bytes(bytes) as usize)
}

/// Writes a number, the largest possible one when it is larger.
fn put(bytes: &mut [u8], place: usize, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    if let Some(bytes) = bytes.get_mut(place * 4..place * 4 + 4) {
        bytes.copy_from_slice(&number.to_ne_bytes());
    }
}

fn named<T>(all: &[T], number: usize) -> Option<&T> {
    all.get(number.checked_sub(1)?)
}

fn name<T>(all: &mut Vec<T>, number: u32, value: impl FnOnce() -> T) {
    if let Some(before) = number.checked_sub(1) {
        all.truncate(before as usize);
        all.push(value());
    }
}
