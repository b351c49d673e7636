//! Messages as they cross into JavaScript: many at a time, in one block of memory.
//!
//! A packet is an `ArrayBuffer`. It begins with 32-bit numbers in native byte order: how many
//! messages there are, whether more can be had at once (1) or not (0), and five lengths a message:
//! subject, reply subject, header block, payload, and the text of what is wrong with it. Behind
//! them are the bytes of these, message by message. `lib/packet.ts` reads it.

use std::ptr;

use napi::ValueType;
use napi::bindgen_prelude::{ToNapiValue, TypeName, check_status, sys};
use nats_core::Message;

/// Numbers in front of those of the messages.
const HEAD: usize = 2;
/// Numbers a message.
const LENGTHS: usize = 5;

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
        let faults: Vec<String> = packet.messages.iter().map(fault).collect();
        let all = || packet.messages.iter().zip(&faults).map(|(m, fault)| parts(m, fault));
        let mut head = vec![packet.messages.len() as u32, u32::from(packet.more)];
        // A message is at most 1 GiB, so its lengths fit.
        head.extend(all().flat_map(|parts| parts.map(|part| part.len() as u32)));
        debug_assert_eq!(head.len(), HEAD + LENGTHS * packet.messages.len());
        let size = all().flatten().map(<[u8]>::len).sum::<usize>() + head.len() * 4;
        let fill = |block: &mut [u8]| {
            let numbers = head.iter().map(|number| number.to_ne_bytes());
            let (front, mut rest) = block.split_at_mut(head.len() * 4);
            for (place, number) in front.chunks_exact_mut(4).zip(numbers) {
                place.copy_from_slice(&number);
            }
            for part in all().flatten() {
                let place = rest.split_off_mut(..part.len());
                place.unwrap_or_default().copy_from_slice(part);
            }
        };
        // SAFETY: `env` is live.
        unsafe { block(env, size, fill) }
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
        unsafe { block(env, numbers.0.len() * 8, fill) }
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

/// What is wrong with a message; empty when nothing is.
fn fault(message: &Message) -> String {
    message.decode_error().map(|e| e.text().to_owned()).unwrap_or_default()
}

fn parts<'a>(message: &'a Message, fault: &'a str) -> [&'a [u8]; LENGTHS] {
    let reply = message.reply().unwrap_or_default().as_bytes();
    let headers = message.headers().map(|block| block.raw()).unwrap_or_default();
    [message.subject_bytes(), reply, headers, message.payload(), fault.as_bytes()]
}

/// A new `ArrayBuffer` of `size` bytes with what `fill` writes.
///
/// # Safety
/// `env` is live, and this is its thread.
unsafe fn block(
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
