//! The form in which a program of its own has keys and values stored.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};

use nats_bridge::sync::lock;
use nats_core::kv::{KeyCodec, ValueCodec};
use nats_core::{Code, Error, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out};
use crate::handle::{self, Owned};
use crate::kv::{Bucket, nats_kv};
use crate::types::{NATS_OK, nats_bytes, nats_destroy_cb, nats_status};
use crate::user::User;

/// Where a codec's function writes what it makes.
pub struct nats_kv_output(());

/// The object behind a `nats_kv_output`: valid as long as the function runs.
pub(crate) struct Output(Mutex<Vec<u8>>);

/// Makes one form of a key or a value, `input`, into the other, writes that by nats_kv_output_write(), and
/// returns `NATS_OK`; or else the status with which the operation fails, as `NATS_ERR_INVALID_ARGUMENT`
/// for what the codec has not made. Keys and filters are texts in UTF-8. Runs on the thread that changes,
/// gets or takes something, which may be one of the library, on several at the same time. It must not use
/// the subscription whose message it decodes, and cannot call functions that wait.
pub type nats_kv_codec_cb = Option<
    unsafe extern "C" fn(
        input: nats_bytes,
        output: *mut nats_kv_output,
        user: *mut c_void,
    ) -> nats_status,
>;

type CodecFn = unsafe extern "C" fn(nats_bytes, *mut nats_kv_output, *mut c_void) -> nats_status;

/// The same bucket with keys and values stored in another form (ADR-54), in place of the one that `kv` has
/// for them, as a handle of its own. What was stored in another way cannot be got by it, and is left out of
/// its watches, keys and histories. The codecs that the library has are options of nats_kv_bind().
///
/// `encode_key` makes the stored form of a key, which has to be a valid one, and `decode_key` the key of
/// that; `encode_value` and `decode_value` do so with values. NULL for both of them: they are stored as they
/// are. `encode_filter` (may be NULL: there are no wildcards, `UNSUPPORTED`) makes the stored form of a key
/// with wildcards. `destroy` (may be NULL) runs once no handle, subscription, cache or operation uses the
/// functions any more. Free `*out` with nats_kv_free().
///
/// Errors: `INVALID_ARGUMENT` for a function without the one that does the opposite.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_with_codecs(
    kv: *mut nats_kv,
    encode_key: nats_kv_codec_cb,
    decode_key: nats_kv_codec_cb,
    encode_filter: nats_kv_codec_cb,
    encode_value: nats_kv_codec_cb,
    decode_value: nats_kv_codec_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_kv>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = Arc::new(User::new(user, destroy));
    guard_out(out, err, || {
        let Bucket { kv, connection, nc } = (**handle::get::<Arc<Bucket>>(kv)?).clone();
        let keys = pair("key", encode_key, decode_key)?.map(|(encode, decode)| {
            let user = Arc::clone(&user);
            Arc::new(Keys { encode, decode, filter: encode_filter, user }) as Arc<dyn KeyCodec>
        });
        if keys.is_none() && encode_filter.is_some() {
            return Err(lonely("encode_filter", "encode_key"));
        }
        let values = pair("value", encode_value, decode_value)?.map(|(encode, decode)| {
            Arc::new(Values { encode, decode, user: Arc::clone(&user) }) as Arc<dyn ValueCodec>
        });
        handle::insert(Arc::new(Bucket { kv: kv.with_codecs(keys, values), connection, nc }))
    })
}

/// Adds to what a codec's function has made. The bytes are copied.
///
/// Errors: `INVALID_ARGUMENT`; `INVALID_HANDLE` outside the function.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_output_write(
    output: *mut nats_kv_output,
    bytes: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let output = handle::get::<Output>(output)?;
        lock(&output.0).extend_from_slice(bytes.bytes("bytes")?);
        Ok(())
    })
}

struct Keys {
    encode: CodecFn,
    decode: CodecFn,
    filter: nats_kv_codec_cb,
    user: Arc<User>,
}

struct Values {
    encode: CodecFn,
    decode: CodecFn,
    user: Arc<User>,
}

impl KeyCodec for Keys {
    fn encode(&self, key: &str) -> Result<String> {
        text(run(self.encode, "key", key.as_bytes(), &self.user)?)
    }

    fn decode(&self, stored: &str) -> Result<String> {
        text(run(self.decode, "key", stored.as_bytes(), &self.user)?)
    }

    fn encode_filter(&self, filter: &str) -> Result<String> {
        let Some(encode) = self.filter else {
            return Err(Error::new(Code::Unsupported, "the codec of the keys has no wildcards"));
        };
        text(run(encode, "filter", filter.as_bytes(), &self.user)?)
    }
}

impl ValueCodec for Values {
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>> {
        run(self.encode, "value", value, &self.user)
    }

    fn decode(&self, stored: &[u8]) -> Result<Vec<u8>> {
        run(self.decode, "value", stored, &self.user)
    }
}

/// Both directions of a codec; None: there is none.
fn pair(
    of: &str,
    encode: nats_kv_codec_cb,
    decode: nats_kv_codec_cb,
) -> Result<Option<(CodecFn, CodecFn)>> {
    match (encode, decode) {
        (Some(encode), Some(decode)) => Ok(Some((encode, decode))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(lonely(&format!("encode_{of}"), &format!("decode_{of}"))),
        (None, Some(_)) => Err(lonely(&format!("decode_{of}"), &format!("encode_{of}"))),
    }
}

fn lonely(function: &str, other: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{function}: expected together with {other}"))
}

/// What the program's function makes of `input`.
fn run(function: CodecFn, what: &str, input: &[u8], user: &User) -> Result<Vec<u8>> {
    let owned = Owned::new(Output(Mutex::default()))?;
    // SAFETY: the program gave the function for exactly such calls; `user` is still owned.
    let status = unsafe { function(nats_bytes::view(input), owned.ptr(), user.ptr()) };
    if status != NATS_OK {
        let code = Code::from_number(status).unwrap_or(Code::InvalidArgument);
        let text = format!("{what}: the codec has refused it with status {status}");
        return Err(Error::new(code, text));
    }
    let output = handle::get::<Output>(owned.ptr())?;
    Ok(std::mem::take(&mut *lock(&output.0)))
}

fn text(made: Vec<u8>) -> Result<String> {
    String::from_utf8(made)
        .map_err(|_| Error::new(Code::InvalidArgument, "key: the codec has made no UTF-8 of it"))
}
