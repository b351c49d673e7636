//! Every function with every pointer wrong: NULL, freed, of another type, noise, freed twice.
//! The table is checked against the header, so that no function is left out.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod connection;
mod jetstream;
mod kv;
mod message;
mod objects;
mod ops;
mod service;
mod object;
mod table;

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use common::{b, call, connect, get, s, server, subscribe};
use nats_core::Code;
use nats_ffi::*;
use nats_harness::{Config, Server};
use table::Arg::{self, *};
use table::{QUESTIONS, Row, USER, WITHOUT, table};

struct World {
    good: Vec<(Arg, *mut c_void)>,
    freed: Vec<(Arg, *mut c_void)>,
    message: *mut nats_msg,
    scratch: Vec<u128>,
}

/// The tests count handles, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

impl World {
    fn object(&self, arg: Arg) -> *mut c_void {
        let kind = match arg {
            MaybeHeaders => Headers,
            MaybeOptions => Options,
            Message => return self.message.cast(),
            other => other,
        };
        self.good.iter().find(|(a, _)| *a == kind).unwrap().1
    }

    /// Arguments that are all right.
    fn arguments(&mut self, row: &Row) -> Vec<*mut c_void> {
        let outs = self.scratch.as_mut_ptr();
        row.1
            .iter()
            .enumerate()
            .map(|(i, arg)| match arg {
                // SAFETY: sixteen places of 64 words each.
                Out => unsafe { outs.add(i * 64) }.cast(),
                other => self.object(*other),
            })
            .collect()
    }

    /// Wrong values for an argument, with the codes that may answer them.
    fn wrong(&self, row: &Row, arg: Arg) -> Vec<(*mut c_void, Vec<Code>)> {
        let handle = vec![Code::InvalidHandle];
        let noise = vec![Code::InvalidHandle, Code::Forked];
        let is_free = row.0.ends_with("_free");
        let mut out = Vec::new();
        match arg {
            Out => out.push((null_mut(), vec![Code::InvalidArgument])),
            Message => {
                if !is_free {
                    out.push((null_mut(), handle.clone()));
                }
                out.extend(self.good.iter().map(|(_, p)| (*p, handle.clone())));
            }
            _ => {
                if !is_free && !matches!(arg, MaybeHeaders | MaybeOptions) {
                    out.push((null_mut(), handle.clone()));
                }
                let own = self.object(arg);
                let others = self.good.iter().filter(|(_, p)| *p != own);
                out.extend(others.map(|(_, p)| (*p, handle.clone())));
                out.extend(self.freed.iter().map(|(_, p)| (*p, handle.clone())));
                for bits in [1, 2, 8, 0x1000, 0x7fff_ffff_f000, u64::MAX, own as u64 ^ 1 << 40] {
                    out.push((bits as usize as *mut c_void, noise.clone()));
                }
            }
        }
        out
    }
}

fn with_jetstream() -> Server {
    Server::start(Config::jetstream()).unwrap()
}

fn objects(nc: *mut nats_connection) -> Vec<(Arg, *mut c_void)> {
    let (mut error, mut ignored) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    nats_doc_parse(s("{"), Some(&mut ignored), Some(&mut error));
    let key = get(|o, e| nats_nkey_new(s("account"), o, e)).unwrap();
    let js = get(|o, e| nats_jetstream_new(nc, s(""), o, e)).unwrap();
    let publisher =
        get(|o, e| nats_publisher_new(js, s(""), None, null_mut(), None, o, e)).unwrap();
    let kv = bucket(js);
    let store = object::bucket(js);
    vec![
        // SAFETY: written by the failed call.
        (Error, unsafe { error.assume_init() }.cast()),
        (Doc, get(|o, e| nats_doc_parse(s(r#"{"a":1}"#), o, e)).unwrap().cast()),
        (Options, get(|o, e| nats_options_new(s(""), o, e)).unwrap().cast()),
        (Headers, get(|o, e| nats_headers_new(o, e)).unwrap().cast()),
        (Queue, get(|o, e| nats_queue_new(o, e)).unwrap().cast()),
        (Key, key.cast()),
        (Text, get(|o, e| nats_jwt_encode_user(s(""), s(USER), key, o, e)).unwrap().cast()),
        (JetStream, js.cast()),
        (Publisher, publisher.cast()),
        (Batch, get(|o, e| nats_batch_new(js, s(""), o, e)).unwrap().cast()),
        (Fetched, fetched(js).cast()),
        (Bucket, kv.cast()),
        (Cache, get(|o, e| nats_kv_cache_new(kv, s(""), o, e)).unwrap().cast()),
        (Service, service::add(nc).cast()),
        (Objects, store.cast()),
        (Writer, object::writer(store).cast()),
        (Reader, object::reader(store).cast()),
        (Subscription, subscribe(nc, "objects").cast()),
    ]
}

fn bucket(js: *mut nats_jetstream) -> *mut nats_kv {
    let config = s(r#"{"bucket":"b","storage":"memory"}"#);
    let made = get(|o, e| nats_kv_bucket_create(js, config, o, e)).unwrap();
    assert_eq!(nats_doc_free(made), 0);
    get(|o, e| nats_kv_bind(js, s("b"), s(""), o, e)).unwrap()
}

/// What a fetch from an empty stream yields.
fn fetched(js: *mut nats_jetstream) -> *mut nats_fetched {
    let made = get(|o, e| nats_stream_create(js, s(r#"{"name":"S"}"#), o, e)).unwrap();
    assert_eq!(nats_doc_free(made), 0);
    let config = s(r#"{"stream":"S","config":{"durable_name":"C"}}"#);
    let made = get(|o, e| nats_consumer_create(js, config, o, e)).unwrap();
    assert_eq!(nats_doc_free(made), 0);
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    let options = s(r#"{"no_wait":true}"#);
    assert_eq!(nats_jetstream_fetch_async(js, s("S"), s("C"), options, queue, 1, None), 0);
    let mut event = MaybeUninit::<nats_event>::uninit();
    let room = NonNull::new(event.as_mut_ptr());
    assert_eq!(get(|o, e| nats_queue_poll(queue, room, 1, 20_000, o, e)), Ok(1));
    assert_eq!(nats_queue_free(queue), 0);
    // SAFETY: one event was written.
    let event = unsafe { event.assume_init() };
    assert_eq!((event.kind, event.status), (NATS_EVENT_COMPLETION, 0));
    event.value.cast()
}

fn free(objects: &[(Arg, *mut c_void)]) {
    for (arg, p) in objects {
        let status = match arg {
            Error => nats_error_free(p.cast()),
            Doc => nats_doc_free(p.cast()),
            Options => nats_options_free(p.cast()),
            Headers => nats_headers_free(p.cast()),
            Queue => nats_queue_free(p.cast()),
            Key => nats_nkey_free(p.cast()),
            Text => nats_text_free(p.cast()),
            JetStream => nats_jetstream_free(p.cast()),
            Publisher => nats_publisher_free(p.cast()),
            Batch => nats_batch_free(p.cast()),
            Fetched => nats_fetched_free(p.cast()),
            Bucket => nats_kv_free(p.cast()),
            Cache => nats_kv_cache_free(p.cast()),
            Service => nats_service_free(p.cast()),
            Objects => nats_object_store_free(p.cast()),
            Writer => nats_object_writer_free(p.cast()),
            Reader => nats_object_reader_free(p.cast()),
            Subscription => nats_subscription_free(p.cast()),
            Connection => nats_connection_free(p.cast()),
            other => panic!("{other:?}"),
        };
        assert_eq!(status, 0, "{arg:?}");
    }
}

#[test]
fn every_pointer_of_every_function() {
    let _turn = TURN.lock();
    let server = with_jetstream();
    let before = nats_library_handles();
    let nc = connect(&server);
    let gone = connect(&server);
    let mut freed = objects(gone);
    freed.push((Connection, gone.cast()));
    free(&freed);
    let mut good = objects(nc);
    good.push((Connection, nc.cast()));
    let sub = subscribe(nc, "message");
    common::publish(nc, "message", "x");
    let message = get(|o, e| nats_subscription_next(sub, common::LONG, o, e)).unwrap();
    nats_subscription_free(sub);
    let mut world = World { good, freed, message, scratch: vec![0; 1024] };
    let mut checked = 0;
    for row in table() {
        for (i, arg) in row.1.iter().enumerate() {
            for (wrong, codes) in world.wrong(row, *arg) {
                let mut arguments = world.arguments(row);
                arguments[i] = wrong;
                let status = (row.2)(&arguments, None);
                let found = Code::from_number(status).unwrap_or_else(|| {
                    panic!("{} accepted {wrong:p} as argument {i} ({arg:?})", row.0)
                });
                assert!(codes.contains(&found), "{} {i} {arg:?} {wrong:p}: {found}", row.0);
                let mut err = MaybeUninit::new(null_mut());
                (row.2)(&arguments, Some(&mut err));
                // SAFETY: initialised.
                assert_eq!(nats_error_free(unsafe { err.assume_init() }), 0);
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
    nats_msg_free(message);
    free(&world.good);
    assert_eq!(nats_library_handles(), before, "misuse leaks nothing");
}

#[test]
fn the_table_has_every_function_of_the_header() {
    let header = concat!(env!("CARGO_MANIFEST_DIR"), "/../include/nats_ffi.h");
    let header = std::fs::read_to_string(header).unwrap();
    let mut count = 0;
    for line in header.lines().filter(|l| !l.starts_with([' ', '#', '/', '*'])) {
        let Some((before, _)) = line.split_once('(') else { continue };
        let Some(name) = before.split([' ', '*']).next_back() else { continue };
        if line.starts_with("typedef") || line.starts_with("static") || !name.starts_with("nats_") {
            continue;
        }
        let known = table().any(|row| row.0 == name)
            || QUESTIONS.iter().any(|row| row.0 == name)
            || name == kv::OF_OUTPUT
            || WITHOUT.contains(&name);
        assert!(known, "{name} is not in the table");
        count += 1;
    }
    assert_eq!(count, table().count() + QUESTIONS.len() + 1 + WITHOUT.len());
}

#[test]
fn freeing_twice_and_freeing_nothing() {
    let _turn = TURN.lock();
    let server = with_jetstream();
    let nc = connect(&server);
    let mut all = objects(nc);
    all.push((Connection, nc.cast()));
    free(&all);
    for (arg, p) in all {
        let (twice, nothing) = match arg {
            Error => (nats_error_free(p.cast()), nats_error_free(null_mut())),
            Doc => (nats_doc_free(p.cast()), nats_doc_free(null_mut())),
            Options => (nats_options_free(p.cast()), nats_options_free(null_mut())),
            Headers => (nats_headers_free(p.cast()), nats_headers_free(null_mut())),
            Queue => (nats_queue_free(p.cast()), nats_queue_free(null_mut())),
            Key => (nats_nkey_free(p.cast()), nats_nkey_free(null_mut())),
            Text => (nats_text_free(p.cast()), nats_text_free(null_mut())),
            JetStream => (nats_jetstream_free(p.cast()), nats_jetstream_free(null_mut())),
            Publisher => (nats_publisher_free(p.cast()), nats_publisher_free(null_mut())),
            Batch => (nats_batch_free(p.cast()), nats_batch_free(null_mut())),
            Fetched => (nats_fetched_free(p.cast()), nats_fetched_free(null_mut())),
            Bucket => (nats_kv_free(p.cast()), nats_kv_free(null_mut())),
            Service => (nats_service_free(p.cast()), nats_service_free(null_mut())),
            Cache => (nats_kv_cache_free(p.cast()), nats_kv_cache_free(null_mut())),
            Objects => (nats_object_store_free(p.cast()), nats_object_store_free(null_mut())),
            Writer => (nats_object_writer_free(p.cast()), nats_object_writer_free(null_mut())),
            Reader => (nats_object_reader_free(p.cast()), nats_object_reader_free(null_mut())),
            Subscription => (nats_subscription_free(p.cast()), nats_subscription_free(null_mut())),
            _ => (nats_connection_free(p.cast()), nats_connection_free(null_mut())),
        };
        assert_eq!((twice, nothing), (Code::InvalidHandle.number(), 0), "{arg:?}");
    }
    assert_eq!(nats_msg_free(null_mut()), 0);
    assert_eq!(nats_msgs_free(None, 0), 0);
    assert_eq!(nats_error_code(null()), 0);
}

/// Handles that are no question, and what became of the one that was.
#[derive(Default)]
struct Asked {
    wrong: Vec<*mut c_void>,
    accepted: Vec<String>,
    question: AtomicPtr<nats_question>,
}

unsafe extern "C" fn asked(question: *mut nats_question, user: *mut c_void) {
    // SAFETY: the test outlives the connection.
    let asked = unsafe { &mut *user.cast::<Asked>() };
    for (name, call) in QUESTIONS {
        for wrong in &asked.wrong {
            if call(wrong.cast(), None) != Code::InvalidHandle.number() {
                asked.accepted.push(format!("{name} {wrong:p}"));
            }
        }
        if call(question, None) != 0 {
            asked.accepted.push(format!("{name} refused the question"));
        }
    }
    asked.question.store(question, Ordering::SeqCst);
}

#[test]
fn questions_are_questions_within_their_callback_only() {
    let _turn = TURN.lock();
    let server = with_jetstream();
    let before = nats_library_handles();
    let nc = connect(&server);
    let mut good = objects(nc);
    good.push((Connection, nc.cast()));
    let wrong = good.iter().map(|(_, p)| *p).chain([null_mut(), 8 as *mut c_void]).collect();
    let mut state = Box::new(Asked { wrong, ..Asked::default() });
    let opts = get(|o, e| nats_options_new(s(""), o, e)).unwrap();
    let user = (&raw mut *state).cast();
    call(|e| nats_options_on_login(opts, Some(asked), user, None, e)).unwrap();
    // Refused by the callback, once all has been tried.
    let failed = get(|o, e| nats_connect(common::owned(&server.url()), opts, o, e)).map(|_| ());
    assert_eq!(common::code(failed), Code::InvalidCredentials);
    assert!(state.accepted.is_empty(), "{:?}", state.accepted);
    for (name, call) in QUESTIONS {
        let status = call(state.question.load(Ordering::SeqCst), None);
        assert_eq!(status, Code::InvalidHandle.number(), "{name}");
    }
    nats_options_free(opts);
    free(&good);
    assert_eq!(nats_library_handles(), before);
}

#[test]
fn outputs_are_outputs_within_their_function_only() {
    let _turn = TURN.lock();
    let server = with_jetstream();
    let before = nats_library_handles();
    let nc = connect(&server);
    let good = objects(nc);
    let wrong = good.iter().map(|(_, p)| *p).chain([null_mut(), 8 as *mut c_void]).collect();
    let plain = good.iter().find(|(arg, _)| *arg == Bucket).unwrap().1;
    kv::check_outputs(plain.cast(), wrong);
    free(&good);
    free(&[(Connection, nc.cast())]);
    assert_eq!(nats_library_handles(), before);
}

#[test]
fn arguments_that_are_not_pointers() {
    let _turn = TURN.lock();
    let server = server();
    let nc = connect(&server);
    let sub = subscribe(nc, "arguments");
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    let bad = |r: Result<(), (Code, String)>| assert_eq!(common::code(r), Code::InvalidArgument);
    for ms in [-1, i64::MIN] {
        bad(call(|e| nats_connection_flush(nc, ms, e)));
        bad(call(|e| nats_connection_drain(nc, ms, e)));
        bad(call(|e| nats_library_shutdown(ms, e)));
        bad(get(|o, e| nats_subscription_next(sub, ms, o, e)).map(|_| ()));
        bad(get(|o, e| nats_request(nc, s("a"), b(b""), ms, o, e)).map(|_| ()));
    }
    bad(call(|e| nats_library_shutdown(0, e)));
    bad(call(|e| nats_library_init(-1, e)));
    bad(call(|e| nats_library_init(65, e)));
    bad(call(|e| nats_library_init(2, e)));
    bad(get(|o, e| nats_request_msg(nc, s("a"), null(), b(b""), 1, 6, o, e)).map(|_| ()));
    // SAFETY: lengths that the library refuses before it looks.
    let (long, none) =
        unsafe { (nats_bytes::new(b"x".as_ptr(), usize::MAX), nats_bytes::new(null(), 1)) };
    bad(call(|e| nats_publish(nc, s("a"), long, e)));
    bad(call(|e| nats_publish(nc, s("a"), none, e)));
    // SAFETY: as above.
    let long = unsafe { nats_str::new(c"x".as_ptr(), isize::MAX as usize + 1) };
    bad(call(|e| nats_publish(nc, long, b(b""), e)));
    let raw = b"\xff\xfe";
    // SAFETY: static bytes.
    let raw = unsafe { nats_str::new(raw.as_ptr().cast(), 2) };
    let refused = common::code(call(|e| nats_publish(nc, raw, b(b""), e)));
    assert_eq!(refused, Code::InvalidSubject);
    free(&[(Subscription, sub.cast()), (Connection, nc.cast()), (Queue, queue.cast())]);
}
