//! Messages as they cross into JavaScript: many at a time, in one block of memory.
//!
//! A packet is a `Buffer` of 32-bit numbers in native byte order and of bytes. It begins with two
//! numbers: how many messages there are, and whether more can be had at once (1) or not (0). A
//! message is the length of its payload and the payload, up to a multiple of four bytes. When the
//! length has [`FULL`] set, four further numbers follow it, the lengths of subject, reply subject,
//! header block, and of the text of what is wrong with the message; the bytes of the first three
//! come before the payload, those of the last one behind it. Otherwise there are none of these. The
//! subject is left out when it is that of the message before. `lib/packet.ts` reads it.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::ptr;

use napi::ValueType;
use napi::bindgen_prelude::{ToNapiValue, TypeName, check_status, sys};
use nats_core::{Batch, MessageRef};

/// Set in the length of the payload, which is below 1 GiB, when the other lengths follow.
const FULL: u32 = 1 << 31;
/// A packet is closed when it has this many bytes, so that a message that is kept pins little.
pub(crate) const FILLED: usize = 16 << 10;
/// Bytes in front of the messages.
const HEAD: usize = 8;

/// Messages to cross.
pub struct Packet {
    batches: Vec<Batch>,
    more: bool,
}

/// What crosses of a message; the subject is empty when it is that of the message before.
struct Parts<'a> {
    subject: &'a [u8],
    reply: &'a [u8],
    headers: &'a [u8],
    payload: &'a [u8],
    fault: String,
    full: bool,
}

/// Memory that is written from its front.
pub(crate) type Place<'a> = &'a mut [MaybeUninit<u8>];

/// Numbers to cross, as an `ArrayBuffer` of doubles.
pub struct Numbers(pub(crate) Vec<f64>);

impl Packet {
    /// A packet; `more` says that others can be had at once.
    pub(crate) fn new(batches: Vec<Batch>, more: bool) -> Packet {
        Packet { batches, more }
    }

    /// Takes as many from the front as a packet has; `more` says that, besides what is left of them,
    /// others can be had.
    pub(crate) fn fill(from: &mut VecDeque<Batch>, more: bool) -> Packet {
        let mut bytes = 0;
        let mut out = Vec::new();
        while bytes < FILLED
            && let Some(batch) = from.pop_front()
        {
            bytes += (0..batch.len()).map(|at| batch.get(at).payload().len()).sum::<usize>();
            out.push(batch);
        }
        Packet::new(out, more || !from.is_empty())
    }

    /// Calls `each` with every message.
    fn each<'a>(&'a self, mut each: impl FnMut(Parts<'a>)) {
        let mut subject: &[u8] = &[];
        for batch in &self.batches {
            for index in 0..batch.len() {
                let message = batch.get(index);
                each(Parts::new(message, subject));
                subject = message.subject_bytes();
            }
        }
    }
}

impl<'a> Parts<'a> {
    fn new(message: MessageRef<'a>, subject_before: &[u8]) -> Parts<'a> {
        let subject = Some(message.subject_bytes()).filter(|subject| *subject != subject_before);
        let subject = subject.unwrap_or_default();
        let reply = message.reply().unwrap_or_default().as_bytes();
        let headers = message.headers().map(|block| block.raw()).unwrap_or_default();
        let fault = message.decode_error().map(|e| e.text().to_owned()).unwrap_or_default();
        let parts = [subject, reply, headers, fault.as_bytes()];
        let full = parts.iter().any(|part| !part.is_empty());
        Parts { subject, reply, headers, payload: message.payload(), fault, full }
    }

    fn len(&self) -> usize {
        let mut len = 4 + self.payload.len();
        if self.full {
            let parts = [self.subject, self.reply, self.headers, self.fault.as_bytes()];
            len += parts.iter().map(|part| 4 + part.len()).sum::<usize>();
        }
        len.next_multiple_of(4)
    }

    /// Writes to the front of `place`, and leaves what is behind.
    fn write(&self, place: &mut Place<'_>) {
        let mut mine = place.split_off_mut(..self.len()).unwrap_or_default();
        let Parts { subject, reply, headers, payload, fault, full } = self;
        // A message is at most 1 GiB, so its lengths fit.
        if *full {
            number(&mut mine, payload.len() as u32 | FULL);
            for part in [subject, reply, headers, &fault.as_bytes()] {
                number(&mut mine, part.len() as u32);
            }
            for part in [subject, reply, headers, payload, &fault.as_bytes()] {
                bytes(&mut mine, part);
            }
        } else {
            number(&mut mine, payload.len() as u32);
            bytes(&mut mine, payload);
        }
        mine.fill(MaybeUninit::new(0));
    }
}

impl ToNapiValue for Packet {
    // SAFETY: the caller's promise is that of the trait: `env` is live.
    unsafe fn to_napi_value(env: sys::napi_env, packet: Self) -> napi::Result<sys::napi_value> {
        let (mut count, mut size) = (0, HEAD);
        packet.each(|parts| {
            count += 1;
            size += parts.len();
        });
        let write = |place: &mut Place<'_>| {
            number(place, count);
            number(place, u32::from(packet.more));
            packet.each(|parts| parts.write(place));
        };
        // SAFETY: `env` is live, and there is a head at least.
        unsafe { buffer(env, size, write) }
    }
}

impl ToNapiValue for Numbers {
    // SAFETY: the caller's promise is that of the trait: `env` is live.
    unsafe fn to_napi_value(env: sys::napi_env, numbers: Self) -> napi::Result<sys::napi_value> {
        let size = numbers.0.len() * size_of::<f64>();
        let (mut data, mut value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: `env` is live, the out-parameters are valid.
        let status = unsafe { sys::napi_create_arraybuffer(env, size, &mut data, &mut value) };
        check_status!(status, "no memory for {size} bytes")?;
        if size > 0 {
            // SAFETY: a new buffer has `size` bytes.
            unsafe { ptr::copy_nonoverlapping(numbers.0.as_ptr().cast::<u8>(), data.cast(), size) };
        }
        Ok(value)
    }
}

impl TypeName for Packet {
    fn type_name() -> &'static str {
        "Buffer"
    }
    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl TypeName for Numbers {
    fn type_name() -> &'static str {
        "ArrayBuffer"
    }
    fn value_type() -> ValueType {
        ValueType::Object
    }
}

/// A new `Buffer` that `write` fills.
///
/// # Safety
/// `env` is live, and `size` more than none.
pub(crate) unsafe fn buffer(
    env: sys::napi_env,
    size: usize,
    write: impl FnOnce(&mut Place<'_>),
) -> napi::Result<sys::napi_value> {
    let (mut data, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` is live, the out-parameters are valid.
    let status = unsafe { sys::napi_create_buffer(env, size, &mut data, &mut value) };
    check_status!(status, "no memory for {size} bytes")?;
    // SAFETY: a new buffer has `size` bytes, here more than none, which are nobody else's yet.
    let mut place: Place<'_> = unsafe { std::slice::from_raw_parts_mut(data.cast(), size) };
    write(&mut place);
    debug_assert!(place.is_empty(), "all of it is written");
    Ok(value)
}

fn number(place: &mut Place<'_>, number: u32) {
    bytes(place, &number.to_ne_bytes());
}

/// Writes to the front of `place`, and leaves what is behind.
pub(crate) fn bytes(place: &mut Place<'_>, bytes: &[u8]) {
    let mine = place.split_off_mut(..bytes.len()).unwrap_or_default();
    for (to, from) in mine.iter_mut().zip(bytes) {
        to.write(*from);
    }
}
