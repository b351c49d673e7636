//! What scripts have published and requested and not handed over yet: records in a block of shared
//! memory.
//!
//! The block begins with four 32-bit numbers in native byte order: where its records end, how many
//! bytes the scripts may send through records, how large headers and payload of one may be, and
//! whether it may have headers (1) or not (0). A record is the length of its subject, the number of
//! its headers (0 for none), the length of its payload, subject and payload, up to a multiple of four
//! bytes. A request has [`REQUEST`] set in the length of its subject, and its token (the lower half
//! first) and its timeout in milliseconds (0 for the usual one) in front of the subject; so has a
//! message to a stream, with [`STORE`] set besides. Headers have their number from a call that
//! carried them in full. `lib/outbox.ts` writes records.

use std::sync::Arc;

use napi::bindgen_prelude::Env;
use nats_bridge::connection::Connection as Link;
use nats_bridge::queue::Queue;
use nats_bridge::store::Retry;
use nats_core::{Error, Headers, Publish, Request};

use crate::block::{Block, Buffer};
use crate::queue::{Value, reply_timeout};

/// The size of a block.
const SIZE: usize = 32 << 10;
/// Numbers in front of the records, by their places.
const END: usize = 0;
const ROOM: usize = 1;
const LARGEST: usize = 2;
const HEADERS: usize = 3;
/// Bytes of these numbers.
const HEAD: usize = 16;
/// Set in the number of a request's subject.
const REQUEST: usize = 1 << 31;
/// Set there, too, when it is a message to a stream.
const STORE: usize = 1 << 30;

/// The records of one connection.
#[derive(Default)]
pub(crate) struct Outbox {
    block: Option<Block>,
    headers: Vec<Arc<Headers>>,
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

    /// Sends all records. A publish that is refused although there was room when it was put down
    /// is counted as dropped, and the reason kept for [`Outbox::fault`]; a request completes.
    pub(crate) fn hand_over(&mut self, link: &Link, queue: &Queue<Value>) {
        let Some(block) = &mut self.block else { return };
        let bytes = block.bytes();
        let end = get(bytes, END);
        put(bytes, END, HEAD);
        let mut rest = bytes.get(HEAD..end).unwrap_or_default();
        while let Some(record) = Record::next(&mut rest) {
            let subject = record.subject;
            let headers = record.headers.checked_sub(1).and_then(|index| self.headers.get(index));
            if let Some((token, timeout)) = record.request {
                let request = Request {
                    headers: headers.map(AsRef::as_ref),
                    timeout: reply_timeout(timeout),
                    ..Request::new(subject, record.payload)
                };
                let (client, retry) = (link.client(), Retry::default());
                let sent = if record.store {
                    queue.store(token, client, &request, retry, Value::Message)
                } else {
                    queue.ask(token, client, &request, Value::Message)
                };
                if let Err(error) = sent {
                    queue.ticket(token).complete(Err(error));
                }
                continue;
            }
            let headers = headers.map(AsRef::as_ref);
            let publish = Publish { headers, ..Publish::new(subject, record.payload) };
            if let Err(error) = link.publish(&publish) {
                self.refused += 1;
                self.error = Some(error);
            }
        }
    }

    /// Lets the scripts send through records what finds room now.
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

    /// Gives headers their number, which makes those behind it invalid; 0 is none.
    pub(crate) fn name_headers(&mut self, number: u32, headers: &Arc<Headers>) {
        if let Some(before) = number.checked_sub(1) {
            self.headers.truncate(before as usize);
            self.headers.push(Arc::clone(headers));
        }
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

struct Record<'a> {
    subject: &'a str,
    headers: usize,
    payload: &'a [u8],
    /// Token and timeout.
    request: Option<(u64, u32)>,
    /// It is a message to a stream.
    store: bool,
}

impl<'a> Record<'a> {
    /// Takes the first record.
    fn next(records: &mut &'a [u8]) -> Option<Record<'a>> {
        let [is_request, store] = [REQUEST, STORE].map(|flag| get(records, 0) & flag != 0);
        let numbers = records.split_off(..if is_request { 24 } else { 12 })?;
        let number = |place| get(numbers, place);
        let request =
            is_request.then(|| (number(3) as u64 | (number(4) as u64) << 32, number(5) as u32));
        let subject = str::from_utf8(records.split_off(..number(0) & !(REQUEST | STORE))?).ok()?;
        let payload = records.split_off(..number(2))?;
        let bytes = subject.len() + payload.len();
        records.split_off(..bytes.next_multiple_of(4) - bytes)?;
        Some(Record { subject, headers: number(1), payload, request, store })
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
