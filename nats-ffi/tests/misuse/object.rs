//! Buckets of objects, objects, writers and readers; and what opens a subscription without waiting.

use std::ptr::null_mut;

use nats_ffi::*;

use crate::common::{b, call, get, s};
use crate::table::{Arg::*, Row, array, o};

/// The bucket `b` with the object `x`.
pub(crate) fn bucket(js: *mut nats_jetstream) -> *mut nats_object_store {
    let config = s(r#"{"bucket":"b","storage":"memory"}"#);
    let made = get(|o, e| nats_object_store_create(js, config, o, e)).unwrap();
    assert_eq!(nats_doc_free(made), 0);
    let store = get(|o, e| nats_object_store_bind(js, s("b"), o, e)).unwrap();
    call(|e| nats_object_put(store, s("x"), s(""), b(b"x"), s(""), None, e)).unwrap();
    store
}

pub(crate) fn writer(store: *mut nats_object_store) -> *mut nats_object_writer {
    get(|o, e| nats_object_writer_new(store, s("y"), s(""), s(""), o, e)).unwrap()
}

pub(crate) fn reader(store: *mut nats_object_store) -> *mut nats_object_reader {
    get(|o, e| nats_object_reader_new(store, s("x"), s(""), o, e)).unwrap()
}

pub(crate) const ROWS: &[Row] = &[
    ("nats_object_store_bind", &[JetStream, Out], |p, e| {
        nats_object_store_bind(p[0].cast(), s("b"), o(p[1]), e)
    }),
    ("nats_object_store_bind_async", &[JetStream, Queue], |p, e| {
        nats_object_store_bind_async(p[0].cast(), s("b"), p[1].cast(), 1, e)
    }),
    ("nats_object_store_free", &[Objects], |p, _| nats_object_store_free(p[0].cast())),
    ("nats_object_put", &[Objects], |p, e| {
        nats_object_put(p[0].cast(), s("y"), s(""), b(b""), s(""), None, e)
    }),
    ("nats_object_put_async", &[Objects, Queue], |p, e| {
        nats_object_put_async(p[0].cast(), s("y"), s(""), b(b""), s(""), p[1].cast(), 1, e)
    }),
    ("nats_object_put_file", &[Objects], |p, e| {
        let (store, none) = (p[0].cast(), null_mut());
        nats_object_put_file(store, s("y"), s(""), s("/none"), s(""), None, none, None, e)
    }),
    ("nats_object_put_file_async", &[Objects, Queue], |p, e| {
        let (store, queue) = (p[0].cast(), p[1].cast());
        nats_object_put_file_async(store, s("y"), s(""), s("/none"), s(""), queue, 1, e)
    }),
    ("nats_object_get", &[Objects, Out], |p, e| {
        nats_object_get(p[0].cast(), s("x"), s(""), o(p[1]), None, e)
    }),
    ("nats_object_get_async", &[Objects, Queue], |p, e| {
        nats_object_get_async(p[0].cast(), s("x"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_object_get_file", &[Objects], |p, e| {
        let (store, none) = (p[0].cast(), null_mut());
        nats_object_get_file(store, s("x"), s("/none/x"), s(""), None, none, None, e)
    }),
    ("nats_object_get_file_async", &[Objects, Queue], |p, e| {
        nats_object_get_file_async(p[0].cast(), s("x"), s("/none/x"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_object_watch", &[Objects, Out], |p, e| {
        nats_object_watch(p[0].cast(), s(""), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_object_watch_async", &[Objects, Queue], |p, e| {
        nats_object_watch_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_object_read", &[Objects, Message, Out], |p, e| {
        nats_object_read(p[0].cast(), p[1].cast(), o(p[2]), e)
    }),
    ("nats_object_writer_new", &[Objects, Out], |p, e| {
        nats_object_writer_new(p[0].cast(), s("y"), s(""), s(""), o(p[1]), e)
    }),
    ("nats_object_writer_new_async", &[Objects, Queue], |p, e| {
        nats_object_writer_new_async(p[0].cast(), s("y"), s(""), s(""), p[1].cast(), 1, e)
    }),
    ("nats_object_writer_write", &[Writer], |p, e| {
        nats_object_writer_write(p[0].cast(), b(b""), e)
    }),
    ("nats_object_writer_write_async", &[Writer, Queue], |p, e| {
        nats_object_writer_write_async(p[0].cast(), b(b""), p[1].cast(), 1, e)
    }),
    ("nats_object_writer_finish", &[Writer], |p, e| {
        nats_object_writer_finish(p[0].cast(), None, e)
    }),
    ("nats_object_writer_finish_async", &[Writer, Queue], |p, e| {
        nats_object_writer_finish_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_object_writer_abort", &[Writer], |p, e| nats_object_writer_abort(p[0].cast(), e)),
    ("nats_object_writer_abort_async", &[Writer, Queue], |p, e| {
        nats_object_writer_abort_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_object_writer_free", &[Writer], |p, _| nats_object_writer_free(p[0].cast())),
    ("nats_object_reader_new", &[Objects, Out], |p, e| {
        nats_object_reader_new(p[0].cast(), s("x"), s(""), o(p[1]), e)
    }),
    ("nats_object_reader_new_async", &[Objects, Queue], |p, e| {
        nats_object_reader_new_async(p[0].cast(), s("x"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_object_reader_info", &[Reader, Out], |p, e| {
        nats_object_reader_info(p[0].cast(), o(p[1]), e)
    }),
    ("nats_object_reader_read", &[Reader, Out, Out], |p, e| {
        nats_object_reader_read(p[0].cast(), array(p[1]), 8, o(p[2]), e)
    }),
    ("nats_object_reader_next", &[Reader, Out], |p, e| {
        nats_object_reader_next(p[0].cast(), o(p[1]), e)
    }),
    ("nats_object_reader_next_async", &[Reader, Queue], |p, e| {
        nats_object_reader_next_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_object_reader_free", &[Reader], |p, _| nats_object_reader_free(p[0].cast())),
    ("nats_jetstream_consume_ordered_async", &[JetStream, Queue], |p, e| {
        nats_jetstream_consume_ordered_async(p[0].cast(), s("S"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_jetstream_consume_pushed_async", &[JetStream, Queue], |p, e| {
        nats_jetstream_consume_pushed_async(p[0].cast(), s("S"), s("C"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_jetstream_consume_group_async", &[JetStream, Queue], |p, e| {
        let (js, group, member, queue) = (p[0].cast(), s("g"), s("m"), p[1].cast());
        nats_jetstream_consume_group_async(js, s("S"), group, member, s(""), queue, 1, e)
    }),
];

/// Rows of operations, each in both forms.
macro_rules! operations {
    ($($name:ident $later:ident $(($input:literal))?)*) => {
        &[$(
            (stringify!($name), &[JetStream, Out], |p, e| {
                $name(p[0].cast(), $(s($input),)? o(p[1]), e)
            }),
            (stringify!($later), &[JetStream, Queue], |p, e| {
                $later(p[0].cast(), $(s($input),)? p[1].cast(), 1, e)
            }),
        )*]
    };
}

pub(crate) const OPERATIONS: &[Row] = operations! {
    nats_object_store_create nats_object_store_create_async ("{}")
    nats_object_store_update nats_object_store_update_async ("{}")
    nats_object_store_create_or_update nats_object_store_create_or_update_async ("{}")
    nats_object_store_status nats_object_store_status_async ("{}")
    nats_object_store_names nats_object_store_names_async
    nats_object_store_list nats_object_store_list_async
    nats_object_store_seal nats_object_store_seal_async ("{}")
    nats_object_store_delete nats_object_store_delete_async ("{}")
    nats_object_info nats_object_info_async ("{}")
    nats_object_list nats_object_list_async ("{}")
    nats_object_update_meta nats_object_update_meta_async ("{}")
    nats_object_add_link nats_object_add_link_async ("{}")
    nats_object_add_bucket_link nats_object_add_bucket_link_async ("{}")
    nats_object_delete nats_object_delete_async ("{}")
};
