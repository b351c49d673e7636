//! Entries of buckets as they cross into JavaScript: many at a time, in one block of memory.
//!
//! A block is a `Buffer` of 32-bit numbers in native byte order and of bytes. It begins with two
//! numbers, like a packet of messages: how many entries there are, and whether more can be had at
//! once (1) or not (0). An entry is ten numbers: the lengths of key and value as they are here, what
//! was done (0: it was given a value, 1: deleted, 2: purged; 3: there is no entry, as where a watch
//! has told all that there was), how long the value is in the bucket, and, in two numbers each, the
//! lower one first, the revision, how many are still to come, and the nanoseconds since 1970. Then
//! come key and value, up to a multiple of four bytes. `lib/entry.ts` reads it.

use std::collections::VecDeque;

use napi::ValueType;
use napi::bindgen_prelude::{ToNapiValue, TypeName, sys};
use nats_bridge::kv;
use nats_core::kv::{KeyValue, KvOperation};
use nats_core::{Batch, Message, MessageRef, Result};

use crate::packet::{FILLED, buffer, bytes};

/// Bytes in front of the entries.
const HEAD: usize = 8;
/// Numbers in front of an entry's key.
const NUMBERS: usize = 10;
/// There is no entry.
const NONE: u32 = 3;

/// Entries to cross.
pub struct Entries {
    block: Vec<u8>,
    count: u32,
    more: bool,
}

impl Default for Entries {
    fn default() -> Entries {
        Entries { block: vec![0; HEAD], count: 0, more: false }
    }
}

impl Entries {
    /// The entry that a message tells; no entry at all when it is none of the bucket.
    pub(crate) fn one(kv: &KeyValue, message: &Message) -> Entries {
        let mut entries = Entries::default();
        // Then there is none, which `lib/entry.ts` takes for what it is.
        let _ = entries.add(kv, message.as_ref());
        entries
    }

    /// What messages tell, in blocks.
    ///
    /// # Errors
    /// PROTOCOL for one that is none of the bucket.
    pub(crate) fn all(kv: &KeyValue, messages: &[Option<Message>]) -> Result<Vec<Entries>> {
        let mut blocks = Vec::new();
        let mut entries = Entries::default();
        for message in messages {
            match message {
                Some(message) => entries.add(kv, message.as_ref())?,
                None => entries.put([0, 0, NONE, 0, 0, 0, 0, 0, 0, 0], b"", b""),
            }
            if entries.block.len() >= FILLED {
                blocks.push(std::mem::take(&mut entries));
            }
        }
        blocks.push(entries);
        Ok(blocks)
    }

    /// Takes as many from the front as a block has; `more` says that, besides what is left of them,
    /// others can be had.
    ///
    /// # Errors
    /// As [`Entries::all`].
    pub(crate) fn fill(kv: &KeyValue, from: &mut VecDeque<Batch>, more: bool) -> Result<Entries> {
        let mut entries = Entries::default();
        while entries.block.len() < FILLED
            && let Some(batch) = from.pop_front()
        {
            for index in 0..batch.len() {
                entries.add(kv, batch.get(index))?;
            }
        }
        entries.more = more || !from.is_empty();
        Ok(entries)
    }

    fn add(&mut self, kv: &KeyValue, message: MessageRef<'_>) -> Result<()> {
        let Some(entry) = kv.read(message)? else {
            self.put([0, 0, NONE, 0, 0, 0, 0, 0, 0, 0], b"", b"");
            return Ok(());
        };
        let operation = match entry.operation {
            KvOperation::Put => 0,
            KvOperation::Delete => 1,
            KvOperation::Purge => 2,
        };
        let halves = |number: u64| [number as u32, (number >> 32) as u32];
        let (revision, delta) = (halves(entry.revision), halves(entry.delta));
        let created = halves(entry.created_nanos as u64);
        let numbers = [
            // A message is at most 1 GiB, so its lengths fit.
            entry.key.len() as u32,
            entry.value.len() as u32,
            operation,
            kv::length(message) as u32,
            revision[0],
            revision[1],
            delta[0],
            delta[1],
            created[0],
            created[1],
        ];
        self.put(numbers, entry.key.as_bytes(), entry.value);
        Ok(())
    }

    fn put(&mut self, numbers: [u32; NUMBERS], key: &[u8], value: &[u8]) {
        for number in numbers {
            self.block.extend_from_slice(&number.to_ne_bytes());
        }
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
        self.count += 1;
    }
}

impl ToNapiValue for Entries {
    // SAFETY: the caller's promise is that of the trait: `env` is live.
    unsafe fn to_napi_value(env: sys::napi_env, entries: Self) -> napi::Result<sys::napi_value> {
        let Entries { mut block, count, more } = entries;
        block[..4].copy_from_slice(&count.to_ne_bytes());
        block[4..HEAD].copy_from_slice(&u32::from(more).to_ne_bytes());
        // SAFETY: `env` is live, and there is a head at least.
        unsafe { buffer(env, block.len(), |place| bytes(place, &block)) }
    }
}

impl TypeName for Entries {
    fn type_name() -> &'static str {
        "Buffer"
    }
    fn value_type() -> ValueType {
        ValueType::Object
    }
}
