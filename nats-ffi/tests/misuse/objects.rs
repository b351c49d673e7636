//! Errors, documents, texts, keys, options and headers.

use std::ptr::null_mut;

use nats_ffi::*;

use crate::common::{b, s};
use crate::table::{Arg::*, Row, USER, o, shown};

pub(crate) const ROWS: &[Row] = &[
    (
        "nats_error_code",
        &[Error],
        |p, _| {
            if p[0].is_null() { 4 } else { nats_error_code(p[0].cast()) }
        },
    ),
    ("nats_error_text", &[Error], |p, _| shown(nats_error_text(p[0].cast()).len())),
    ("nats_error_api_code", &[Error], |p, _| shown(nats_error_api_code(p[0].cast()) as usize)),
    ("nats_error_api_err_code", &[Error], |p, _| {
        shown(nats_error_api_err_code(p[0].cast()) as usize)
    }),
    ("nats_error_api_description", &[Error], |p, _| {
        shown(nats_error_api_description(p[0].cast()).len())
    }),
    ("nats_error_free", &[Error], |p, _| nats_error_free(p[0].cast())),
    ("nats_doc_parse", &[Out], |p, e| nats_doc_parse(s("{}"), o(p[0]), e)),
    ("nats_doc_new", &[Out], |p, e| nats_doc_new(o(p[0]), e)),
    ("nats_doc_free", &[Doc], |p, _| nats_doc_free(p[0].cast())),
    ("nats_doc_json", &[Doc, Out], |p, e| nats_doc_json(p[0].cast(), o(p[1]), e)),
    ("nats_doc_set_str", &[Doc], |p, e| nats_doc_set_str(p[0].cast(), s("a"), s("b"), e)),
    ("nats_doc_set_int", &[Doc], |p, e| nats_doc_set_int(p[0].cast(), s("a"), 1, e)),
    ("nats_doc_set_bool", &[Doc], |p, e| nats_doc_set_bool(p[0].cast(), s("a"), 1, e)),
    ("nats_doc_set_double", &[Doc], |p, e| nats_doc_set_double(p[0].cast(), s("a"), 1.0, e)),
    ("nats_doc_set_json", &[Doc], |p, e| nats_doc_set_json(p[0].cast(), s("a"), s("1"), e)),
    ("nats_doc_append_json", &[Doc], |p, e| nats_doc_append_json(p[0].cast(), s("a"), s("1"), e)),
    ("nats_doc_remove", &[Doc], |p, e| nats_doc_remove(p[0].cast(), s("a"), e)),
    ("nats_doc_get_str", &[Doc, Out], |p, e| nats_doc_get_str(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_get_int", &[Doc, Out], |p, e| nats_doc_get_int(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_get_bool", &[Doc, Out], |p, e| nats_doc_get_bool(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_get_double", &[Doc, Out], |p, e| {
        nats_doc_get_double(p[0].cast(), s("a"), o(p[1]), e)
    }),
    ("nats_doc_get_doc", &[Doc, Out], |p, e| nats_doc_get_doc(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_len", &[Doc, Out], |p, e| nats_doc_len(p[0].cast(), s(""), o(p[1]), e)),
    ("nats_text_view", &[Text], |p, _| shown(nats_text_view(p[0].cast()).len())),
    ("nats_text_free", &[Text], |p, _| nats_text_free(p[0].cast())),
    ("nats_nkey_new", &[Out], |p, e| nats_nkey_new(s("user"), o(p[0]), e)),
    ("nats_nkey_from_seed", &[Out], |p, e| nats_nkey_from_seed(s(""), o(p[0]), e)),
    ("nats_nkey_kind", &[Key, Out], |p, e| nats_nkey_kind(p[0].cast(), o(p[1]), e)),
    ("nats_nkey_public_key", &[Key, Out], |p, e| nats_nkey_public_key(p[0].cast(), o(p[1]), e)),
    ("nats_nkey_seed", &[Key, Out], |p, e| nats_nkey_seed(p[0].cast(), o(p[1]), e)),
    ("nats_nkey_sign", &[Key, Out], |p, e| nats_nkey_sign(p[0].cast(), b(b"x"), o(p[1]), e)),
    ("nats_nkey_verify", &[Out], |p, e| nats_nkey_verify(s(USER), b(b"x"), b(b"y"), o(p[0]), e)),
    ("nats_nkey_free", &[Key], |p, _| nats_nkey_free(p[0].cast())),
    ("nats_jwt_encode_user", &[Key, Out], |p, e| {
        nats_jwt_encode_user(s(""), s(USER), p[0].cast(), o(p[1]), e)
    }),
    ("nats_jwt_encode_account", &[Key, Out], |p, e| {
        nats_jwt_encode_account(s(""), s(USER), p[0].cast(), o(p[1]), e)
    }),
    ("nats_jwt_decode", &[Out], |p, e| nats_jwt_decode(s(""), o(p[0]), e)),
    ("nats_creds_format", &[Key, Out], |p, e| {
        nats_creds_format(s("a.b.c"), p[0].cast(), o(p[1]), e)
    }),
    ("nats_creds_parse", &[Out, Out], |p, e| nats_creds_parse(s(""), o(p[0]), o(p[1]), e)),
    ("nats_options_new", &[Out], |p, e| nats_options_new(s(""), o(p[0]), e)),
    ("nats_options_set", &[Options], |p, e| nats_options_set(p[0].cast(), s(""), e)),
    ("nats_options_on_event", &[Options], |p, e| {
        nats_options_on_event(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_reconnect_delay", &[Options], |p, e| {
        nats_options_on_reconnect_delay(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_login", &[Options], |p, e| {
        nats_options_on_login(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_certificate", &[Options], |p, e| {
        nats_options_on_certificate(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_ws_headers", &[Options], |p, e| {
        nats_options_on_ws_headers(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_pick_server", &[Options], |p, e| {
        nats_options_on_pick_server(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_inject", &[Options], |p, e| {
        nats_options_on_inject(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_free", &[Options], |p, _| nats_options_free(p[0].cast())),
    ("nats_headers_new", &[Out], |p, e| nats_headers_new(o(p[0]), e)),
    ("nats_headers_append", &[Headers], |p, e| nats_headers_append(p[0].cast(), s("a"), s("b"), e)),
    ("nats_headers_set", &[Headers], |p, e| nats_headers_set(p[0].cast(), s("a"), s("b"), e)),
    ("nats_headers_remove", &[Headers], |p, e| nats_headers_remove(p[0].cast(), s("a"), None, e)),
    ("nats_headers_get", &[Headers, Out], |p, e| nats_headers_get(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_headers_get_ignore_case", &[Headers, Out], |p, e| {
        nats_headers_get_ignore_case(p[0].cast(), s("a"), o(p[1]), e)
    }),
    ("nats_headers_count", &[Headers, Out], |p, e| nats_headers_count(p[0].cast(), o(p[1]), e)),
    ("nats_headers_at", &[Headers, Out, Out], |p, e| {
        nats_headers_at(p[0].cast(), 0, o(p[1]), o(p[2]), e)
    }),
    ("nats_headers_free", &[Headers], |p, _| nats_headers_free(p[0].cast())),
];
