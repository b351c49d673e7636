//! Memory that scripts and native code share.

use std::ptr;

use napi::ValueType;
use napi::bindgen_prelude::{Env, ToNapiValue, TypeName, check_status, sys};

/// The memory of an `ArrayBuffer` that cannot be collected before this. Scripts never see the
/// buffer itself detached or resized: they keep it to themselves.
pub(crate) struct Block {
    env: sys::napi_env,
    reference: sys::napi_ref,
    data: *mut u8,
    len: usize,
}

/// The `ArrayBuffer` of a block, on its way to the scripts.
pub struct Buffer(sys::napi_value);

impl Block {
    /// A block of `len` zeros, and its `ArrayBuffer`.
    pub(crate) fn new(env: &Env, len: usize) -> napi::Result<(Block, Buffer)> {
        let env = env.raw();
        let (mut data, mut value, mut reference) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: a native call runs on the thread of its live environment; the out-parameters are
        // valid.
        let status = unsafe { sys::napi_create_arraybuffer(env, len, &mut data, &mut value) };
        check_status!(status, "no memory for {len} bytes")?;
        // SAFETY: as above; `value` is a live handle.
        check_status!(unsafe { sys::napi_create_reference(env, value, 1, &mut reference) })?;
        Ok((Block { env, reference, data: data.cast(), len }, Buffer(value)))
    }

    /// The memory.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the reference keeps the memory, which was zero from the start; scripts do not
        // run while native code of their thread does.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the owner ends in a finalizer, on the thread of an environment that still is.
        // A failure leaves the block to the environment's end.
        let _ = unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

impl ToNapiValue for Buffer {
    // SAFETY: the caller's promise is that of the trait; the handle is of the call that returns it.
    unsafe fn to_napi_value(_: sys::napi_env, buffer: Self) -> napi::Result<sys::napi_value> {
        Ok(buffer.0)
    }
}

impl TypeName for Buffer {
    fn type_name() -> &'static str {
        "ArrayBuffer"
    }
    fn value_type() -> ValueType {
        ValueType::Object
    }
}
