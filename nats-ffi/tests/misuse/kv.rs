//! Buckets: keys, watches and caches. Their administration is among the operations.

use std::ffi::c_void;
use std::ptr::null_mut;

use nats_core::Code;
use nats_ffi::*;

use crate::common::{b, call, code, get, s};
use crate::table::{Arg::*, Row, array, o};

unsafe extern "C" fn keep(_: *const nats_kv_entry, _: *mut nats_bytes, _: *mut c_void) -> i32 {
    0
}

/// The function of an object that exists within a codec's function only.
pub(crate) const OF_OUTPUT: &str = "nats_kv_output_write";

/// Handles that are no output, how many of them were refused, and the one that was right.
struct Encoder {
    wrong: Vec<*mut c_void>,
    refused: usize,
    output: *mut nats_kv_output,
}

unsafe extern "C" fn encode(
    value: nats_bytes,
    output: *mut nats_kv_output,
    user: *mut c_void,
) -> nats_status {
    // SAFETY: the test waits for the end of the operation.
    let encoder = unsafe { &mut *user.cast::<Encoder>() };
    let is_refused = |wrong: &*mut c_void| {
        nats_kv_output_write(wrong.cast(), value, None) == Code::InvalidHandle.number()
    };
    encoder.refused = encoder.wrong.iter().copied().filter(is_refused).count();
    encoder.output = output;
    nats_kv_output_write(output, value, None)
}

/// Writes to outputs, and to what is none.
pub(crate) fn check_outputs(plain: *mut nats_kv, wrong: Vec<*mut c_void>) {
    let mut encoder = Box::new(Encoder { wrong, refused: 0, output: null_mut() });
    let user = (&raw mut *encoder).cast();
    let (encode, none) = (Some(encode as _), None);
    let kv =
        get(|o, e| nats_kv_with_codecs(plain, none, none, none, encode, encode, user, None, o, e))
            .unwrap();
    call(|e| nats_kv_put(kv, s("k"), b(b"v"), s(""), None, e)).unwrap();
    assert_eq!(encoder.refused, encoder.wrong.len());
    let late = nats_kv_output_write(encoder.output, b(b"v"), None);
    assert_eq!(late, Code::InvalidHandle.number());
    let alone =
        get(|o, e| nats_kv_with_codecs(plain, none, none, none, encode, none, user, None, o, e));
    assert_eq!(code(alone.map(|_| ())), Code::InvalidArgument);
    assert_eq!(nats_kv_free(kv), 0);
}

pub(crate) const ROWS: &[Row] = &[
    ("nats_kv_bind", &[JetStream, Out], |p, e| {
        nats_kv_bind(p[0].cast(), s("b"), s(""), o(p[1]), e)
    }),
    ("nats_kv_bind_async", &[JetStream, Queue], |p, e| {
        nats_kv_bind_async(p[0].cast(), s("b"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_free", &[Bucket], |p, _| nats_kv_free(p[0].cast())),
    ("nats_kv_with_codecs", &[Bucket, Out], |p, e| {
        let (kv, none, user) = (p[0].cast(), None, null_mut());
        nats_kv_with_codecs(kv, none, none, none, none, none, user, None, o(p[1]), e)
    }),
    ("nats_kv_put", &[Bucket], |p, e| nats_kv_put(p[0].cast(), s("k"), b(b""), s(""), None, e)),
    ("nats_kv_put_async", &[Bucket, Queue], |p, e| {
        nats_kv_put_async(p[0].cast(), s("k"), b(b""), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_create", &[Bucket], |p, e| {
        nats_kv_create(p[0].cast(), s("k"), b(b""), s(""), None, e)
    }),
    ("nats_kv_create_async", &[Bucket, Queue], |p, e| {
        nats_kv_create_async(p[0].cast(), s("k"), b(b""), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_delete", &[Bucket], |p, e| nats_kv_delete(p[0].cast(), s("k"), s(""), None, e)),
    ("nats_kv_delete_async", &[Bucket, Queue], |p, e| {
        nats_kv_delete_async(p[0].cast(), s("k"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_purge", &[Bucket], |p, e| nats_kv_purge(p[0].cast(), s("k"), s(""), None, e)),
    ("nats_kv_purge_async", &[Bucket, Queue], |p, e| {
        nats_kv_purge_async(p[0].cast(), s("k"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_modify", &[Bucket], |p, e| {
        nats_kv_modify(p[0].cast(), s("k"), Some(keep), null_mut(), None, e)
    }),
    ("nats_kv_read", &[Bucket, Message, Out], |p, e| {
        nats_kv_read(p[0].cast(), p[1].cast(), o(p[2]), e)
    }),
    ("nats_kv_get", &[Bucket, Out], |p, e| nats_kv_get(p[0].cast(), s("k"), o(p[1]), e)),
    ("nats_kv_get_async", &[Bucket, Queue], |p, e| {
        nats_kv_get_async(p[0].cast(), s("k"), p[1].cast(), 1, e)
    }),
    ("nats_kv_get_revision", &[Bucket, Out], |p, e| {
        nats_kv_get_revision(p[0].cast(), s("k"), 1, o(p[1]), e)
    }),
    ("nats_kv_get_revision_async", &[Bucket, Queue], |p, e| {
        nats_kv_get_revision_async(p[0].cast(), s("k"), 1, p[1].cast(), 1, e)
    }),
    ("nats_kv_get_many", &[Bucket, Out], |p, e| {
        nats_kv_get_many(p[0].cast(), &s("k"), 1, array(p[1]), e)
    }),
    ("nats_kv_get_many_async", &[Bucket, Queue], |p, e| {
        nats_kv_get_many_async(p[0].cast(), &s("k"), 1, p[1].cast(), 1, e)
    }),
    ("nats_kv_watch", &[Bucket, Out], |p, e| {
        nats_kv_watch(p[0].cast(), s(""), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_kv_keys", &[Bucket, Out], |p, e| nats_kv_keys(p[0].cast(), s(""), o(p[1]), e)),
    ("nats_kv_keys_async", &[Bucket, Queue], |p, e| {
        nats_kv_keys_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_history", &[Bucket, Out], |p, e| nats_kv_history(p[0].cast(), s("k"), o(p[1]), e)),
    ("nats_kv_history_async", &[Bucket, Queue], |p, e| {
        nats_kv_history_async(p[0].cast(), s("k"), p[1].cast(), 1, e)
    }),
    ("nats_kv_cache_new", &[Bucket, Out], |p, e| nats_kv_cache_new(p[0].cast(), s(""), o(p[1]), e)),
    ("nats_kv_cache_new_async", &[Bucket, Queue], |p, e| {
        nats_kv_cache_new_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_cache_get", &[Cache, Out], |p, e| nats_kv_cache_get(p[0].cast(), s("k"), o(p[1]), e)),
    ("nats_kv_cache_keys", &[Cache, Out], |p, e| nats_kv_cache_keys(p[0].cast(), o(p[1]), e)),
    ("nats_kv_cache_wait", &[Cache], |p, e| nats_kv_cache_wait(p[0].cast(), 0, 0, e)),
    ("nats_kv_watch_async", &[Bucket, Queue], |p, e| {
        nats_kv_watch_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_kv_cache_wait_async", &[Cache, Queue], |p, e| {
        nats_kv_cache_wait_async(p[0].cast(), 1, 1, p[1].cast(), 1, e)
    }),
    ("nats_kv_cache_free", &[Cache], |p, _| nats_kv_cache_free(p[0].cast())),
];
