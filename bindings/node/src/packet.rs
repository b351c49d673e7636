//! Messages as they cross into JavaScript: many at a time, in one block of memory.
//!
//! A packet is an `ArrayBuffer` of 32-bit numbers in native byte order and of bytes. It begins with
//! two numbers: how many messages there are, and whether more can be had at once (1) or not (0). A
//! message is the length of its payload and the payload, up to a multiple of four bytes. When the
//! length has [`FULL`] set, four further numbers follow it, the lengths of subject, reply subject,
//! header block, and of the text of what is wrong with the message, and the bytes of the first three
//! come before the payload, those of the last one behind it; otherwise there are none of these, and
//! the subject is that of the message before. `lib/packet.ts` reads it.

use std::ptr;

use napi::ValueType;
use napi::bindgen_prelude::{ToNapiValue, TypeName, check_status, sys};
use nats_core::Message;

/// Set in the length of the payload, which is below 1 GiB, when the other lengths follow.
const FULL: u32 = 1 << 31;
/// Bytes in front of the messages.
const HEAD: usize = 8;
/// Bytes of a message besides its parts, at most.
const NUMBERS: usize = 20;

/// Messages to cross.
pub struct Packet {
    messages: Vec<Message>,
    more: bool,
}

/// Numbers to cross, as an `ArrayBuffer` of doubles.
pub struct Numbers(pub(crate) Vec<f64>);

impl Packet {
    /// A packet; `more` says that others can be had at once.
    pub(crate) fn new(messages: Vec<Message>, more: bool) -> Packet {
        Packet { messages, more }
    }
}

impl ToNapiValue for Packet {
    // SAFETY: the caller's promise is that of the trait: `env` is live.
    unsafe fn to_napi_value(env: sys::napi_env, packet: Self) -> napi::Result<sys::napi_value> {
        let most = HEAD + packet.messages.iter().map(size).sum::<usize>();
        let mut block = Vec::with_capacity(most);
        number(&mut block, packet.messages.len() as u32);
        number(&mut block, u32::from(packet.more));
        let mut subject: &[u8] = &[];
        for message in &packet.messages {
            let same = std::mem::replace(&mut subject, message.subject_bytes()) == subject;
            write(&mut block, message, same);
        }
        // SAFETY: `env` is live.
        unsafe { buffer(env, block.len(), |place| place.copy_from_slice(&block)) }
    }
}

impl ToNapiValue for Numbers {
    // SAFETY: the caller's promise is that of the trait: `env` is live.
    unsafe fn to_napi_value(env: sys::napi_env, numbers: Self) -> napi::Result<sys::napi_value> {
        let fill = |block: &mut [u8]| {
            for (place, number) in block.chunks_exact_mut(8).zip(&numbers.0) {
                place.copy_from_slice(&number.to_ne_bytes());
            }
        };
        // SAFETY: `env` is live.
        unsafe { buffer(env, numbers.0.len() * 8, fill) }
    }
}

impl TypeName for Packet {
    fn type_name() -> &'static str {
        "ArrayBuffer"
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

/// Bytes of a message that is not malformed, at most.
fn size(message: &Message) -> usize {
    let subjects = message.subject_bytes().len() + message.reply().map_or(0, str::len);
    NUMBERS + subjects + message.size() + 3
}

/// Appends a message; `same` says that its subject is that of the message before.
fn write(block: &mut Vec<u8>, message: &Message, same: bool) {
    let payload = message.payload();
    let len = payload.len() as u32;
    let reply = message.reply().unwrap_or_default().as_bytes();
    let headers = message.headers().map(|block| block.raw()).unwrap_or_default();
    let fault = message.decode_error();
    if same && reply.is_empty() && headers.is_empty() && fault.is_none() {
        number(block, len);
        block.extend_from_slice(payload);
    } else {
        let fault = fault.as_ref().map_or("", |error| error.text()).as_bytes();
        let subject = message.subject_bytes();
        number(block, len | FULL);
        for part in [subject, reply, headers, fault] {
            number(block, part.len() as u32);
        }
        for part in [subject, reply, headers, payload, fault] {
            block.extend_from_slice(part);
        }
    }
    block.resize(block.len().next_multiple_of(4), 0);
}

fn number(block: &mut Vec<u8>, number: u32) {
    block.extend_from_slice(&number.to_ne_bytes());
}

/// A new `ArrayBuffer` of `size` bytes with what `fill` writes.
///
/// # Safety
/// `env` is live, and this is its thread.
unsafe fn buffer(
    env: sys::napi_env,
    size: usize,
    fill: impl FnOnce(&mut [u8]),
) -> napi::Result<sys::napi_value> {
    let (mut data, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` is live, the out-parameters are valid.
    let status = unsafe { sys::napi_create_arraybuffer(env, size, &mut data, &mut value) };
    check_status!(status, "no memory for {size} bytes")?;
    if size > 0 {
        // SAFETY: a new buffer has `size` bytes, which are zero and nobody else's yet.
        fill(unsafe { std::slice::from_raw_parts_mut(data.cast(), size) });
    }
    Ok(value)
}
