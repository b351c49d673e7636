//! JetStream: the way to it, publishing with acknowledgement, fetching.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::delivery::Lifeline;
use nats_bridge::trace::tracer;
use nats_bridge::{jetstream as options, ops, wait};
use nats_core::jetstream::{FetchOptions, JetStream, PubAck, err_code_name};
use nats_core::{Code, Error, Publish, Result};

use crate::connection::nats_connection;
use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::fetched::Fetched;
use crate::guard::{guard, guard_out, guard_status, guard_value};
use crate::handle;
use crate::headers::{nats_headers, with_headers};
use crate::message::{self, Messages, nats_msg};
use crate::queue::{Value, nats_queue, start};
use crate::subscription::{hand_out, nats_msg_cb, nats_subscription};
use crate::types::{nats_bytes, nats_destroy_cb, nats_status, nats_str, null};
use crate::user::User;

/// The JetStream of an account, by way of a connection; once that is closed or freed, calls fail with
/// `NATS_ERR_CONNECTION_CLOSED`. Any thread. Free it with nats_jetstream_free().
///
/// What servers tell by themselves, advisories and metrics, comes by plain subscriptions of the
/// connection: to "$JS.EVENT.ADVISORY.>", "$JS.EVENT.METRIC.>" or a part of them. The payload is a
/// document for nats_doc_parse() with "type" (as "io.nats.jetstream.advisory.v1.stream_action"), "id",
/// "timestamp", and what the type has besides: "stream", "consumer", "action", "leader" and so on.
pub struct nats_jetstream(());

/// A JetStream with the connection that its callbacks are told.
pub(crate) struct Context {
    js: JetStream,
    connection: Arc<Connection>,
    nc: usize,
    /// Ends the calls of a trace.
    _trace: Option<Lifeline>,
}

/// Told what is asked of the API and what it answers: the subject, and the document that was sent to it
/// or that came; both only lent. Runs on a delivery thread, one call at a time; the rules are those of
/// `nats_msg_cb`.
pub type nats_trace_cb =
    Option<unsafe extern "C" fn(subject: nats_str, document: nats_bytes, user: *mut c_void)>;

impl Context {
    /// The core's JetStream.
    pub(crate) fn js(&self) -> &JetStream {
        &self.js
    }

    /// What objects that come of it need.
    pub(crate) fn parts(&self) -> (JetStream, Arc<Connection>, usize) {
        (self.js.clone(), Arc::clone(&self.connection), self.nc)
    }

    /// The connection.
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

/// The JetStream of the connection's account. Nothing is asked of the server.
///
/// `options_json`: a JSON object with the keys "api_prefix", "domain" and "timeout_ms"
/// (docs/options.md), or empty.
///
/// Errors: `INVALID_OPTION`, `INVALID_JSON`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_new(
    nc: *mut nats_connection,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_jetstream>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let options = options::options(options_json.text("options", Code::InvalidOption)?)?;
        let connection = Arc::clone(&*handle::get::<Arc<Connection>>(nc)?);
        let js = connection.client().jetstream_with(options)?;
        handle::insert(Context { js, connection, nc: nc.expose_provenance(), _trace: None })
    })
}

/// nats_jetstream_new() with a function that is told each request to the API and each answer, in order; of
/// more than 1024 that wait to be told, the oldest are not. `cb`: must not be NULL. `destroy`: may be NULL;
/// runs after the last call, once the JetStream is freed.
///
/// Errors: those of nats_jetstream_new(); `IO` when no delivery thread can be started.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_new_traced(
    nc: *mut nats_connection,
    options_json: nats_str,
    cb: nats_trace_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_jetstream>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard_out(out, err, || {
        let cb = cb.ok_or_else(|| null("cb"))?;
        let mut options = options::options(options_json.text("options", Code::InvalidOption)?)?;
        let connection = Arc::clone(&*handle::get::<Arc<Connection>>(nc)?);
        let (trace, lifeline) = tracer(move |subject, document| {
            let subject = nats_str::view(subject.as_bytes());
            // SAFETY: the program gave the function for such calls; `user` is still owned.
            unsafe { cb(subject, nats_bytes::view(document), user.ptr()) }
        })?;
        options.trace = Some(trace);
        let js = connection.client().jetstream_with(options)?;
        let nc = nc.expose_provenance();
        handle::insert(Context { js, connection, nc, _trace: Some(lifeline) })
    })
}

/// Frees a JetStream; streams and consumers stay. NULL is fine; one that was freed before is
/// `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_free(js: *mut nats_jetstream) -> nats_status {
    guard_status(|| handle::free::<Context>(js))
}

/// Publishes a message and waits until a stream has stored it.
///
/// `headers`: may be NULL; not consumed. `options_json`: a JSON object of what is expected of the
/// stream, with the keys of "Message to a stream" in docs/options.md, or empty. `sequence` (may be
/// NULL) receives the message's sequence in the stream. `ack` (may be NULL) receives a document of all
/// that the stream tells ("stream", "seq", "duplicate", "domain", "val", "batch", "count"); free it
/// with nats_doc_free().
///
/// Errors. Not stored: `NO_RESPONDERS` when no stream has the subject; `WRONG_LAST_SEQUENCE`,
/// `JETSTREAM` when the stream refuses, nats_error_api_code() says how; `UNSUPPORTED` when the server
/// does not know what is expected; `INVALID_OPTION`; those of nats_publish_msg(). Stored or not, nobody
/// knows: `TIMEOUT`, `CONNECTION_LOST`, and `PROTOCOL` for an answer that is none; with a "msg_id" it can
/// be published again.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_publish(
    js: *mut nats_jetstream,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    options_json: nats_str,
    sequence: Option<&mut MaybeUninit<u64>>,
    ack: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::publish_options(options_json.text("options", Code::InvalidOption)?)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        let js = handle::get::<Context>(js)?.js.clone();
        // Before the wait, within which the program could not call what blocks.
        let headers = with_headers(headers, |given| {
            Ok(js.client().injected(given).or_else(|| given.cloned()))
        })?;
        let publish = Publish { headers: headers.as_ref(), ..Publish::new(subject, payload) };
        let told: PubAck = wait::read_for(js.client(), js.publish_with(&publish, &options))??;
        if let Some(ack) = ack {
            ack.write(handle::insert(Document::new(ops::write(&told)?))?);
        }
        if let Some(sequence) = sequence {
            sequence.write(told.seq);
        }
        Ok(())
    })
}

/// Like nats_jetstream_publish(), without waiting; completes on `queue`, under `token`, with a `nats_doc`
/// of all that the stream tells. Subject, headers and payload are copied. Many that are under way at
/// once are a publisher's business, see nats_publisher_new().
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_publish_async(
    js: *mut nats_jetstream,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::publish_options(options_json.text("options", Code::InvalidOption)?)?;
        let subject = subject.text("subject", Code::InvalidSubject)?.to_owned();
        let payload = payload.bytes("payload")?.to_vec();
        let js = handle::get::<Context>(js)?.js.clone();
        let headers = with_headers(headers, |given| {
            Ok(js.client().injected(given).or_else(|| given.cloned()))
        })?;
        start(queue, token, async move {
            let publish = Publish { headers: headers.as_ref(), ..Publish::new(&subject, &payload) };
            ops::write(&js.publish_with(&publish, &options).await?).map(Value::Doc)
        })
    })
}

/// Asks a consumer once for messages, and waits until they have come, the time is over, or, with
/// "no_wait", no more are there. Writes up to `cap` messages to `msgs` and their number to `count`;
/// free them with nats_msg_free() or nats_msgs_free(). None is no error.
///
/// `options_json`: a JSON object with the keys of "Request for messages of a consumer" in
/// docs/options.md, or empty; "max_messages" is `cap` unless it is smaller.
///
/// Errors, when no message has come: `CONSUMER_NOT_FOUND` when the consumer was deleted meanwhile,
/// `NO_RESPONDERS` when there is none, `PULL_REFUSED` with what the server said, `HEARTBEAT_MISSED`,
/// `CONNECTION_LOST`, `CONNECTION_CLOSED`, `PERMISSION`; and `INVALID_NAME`, `INVALID_OPTION`,
/// `INVALID_ARGUMENT`, `UNSUPPORTED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_fetch(
    js: *mut nats_jetstream,
    stream: nats_str,
    consumer: nats_str,
    options_json: nats_str,
    msgs: Option<NonNull<*mut nats_msg>>,
    cap: usize,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let msgs = msgs.ok_or_else(|| null("msgs"))?;
        if cap == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: expected at least 1"));
        }
        let mut options = FetchOptions { max_messages: cap, ..FetchOptions::default() };
        let text = options_json.text("options", Code::InvalidOption)?;
        options::fetch_options(&mut options, text)?;
        options.max_messages = options.max_messages.min(cap);
        let js = handle::get::<Context>(js)?.js.clone();
        let stream = stream.text("stream", Code::InvalidName)?;
        let pull = js.pull(stream, consumer.text("consumer", Code::InvalidName)?)?;
        let fetched = async { pull.fetch(&options)?.batches().await };
        let batches = wait::read_for(js.client(), fetched)??;
        let fetched = batches.into_iter().flat_map(Messages::new).take(cap);
        let mut count = 0;
        for msg in fetched {
            // SAFETY: the caller promised room for `cap`.
            unsafe { msgs.add(count).write(msg) };
            count += 1;
        }
        Ok(count)
    })
}

/// Like nats_jetstream_fetch(), without waiting; completes on `queue`, under `token`, with a
/// `nats_fetched`. Cancelling it gives up the messages that are still under way.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_fetch_async(
    js: *mut nats_jetstream,
    stream: nats_str,
    consumer: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let mut options = FetchOptions::default();
        options::fetch_options(&mut options, options_json.text("options", Code::InvalidOption)?)?;
        let js = handle::get::<Context>(js)?.js.clone();
        let stream = stream.text("stream", Code::InvalidName)?;
        let pull = js.pull(stream, consumer.text("consumer", Code::InvalidName)?)?;
        start(queue, token, async move {
            let batches = pull.fetch(&options)?.batches().await?;
            Ok(Value::Fetched(Fetched::new(batches, options.max_messages)))
        })
    })
}

/// Takes messages of a consumer without end, by requests that overlap. They come by a subscription
/// like any other: delivered to `cb`, or, when that is NULL, read with nats_subscription_next(),
/// nats_subscription_take() and nats_subscription_watch(). They are asked for as they are taken, so that never
/// more than "max_messages" or "max_bytes" wait. Acknowledge them with nats_msg_ack() and its kin.
///
/// `options_json`: a JSON object with the keys of "Messages of a consumer without end" in
/// docs/options.md, or empty. `cb`, `user`, `destroy` and `out`: as nats_subscribe_with(). Connections
/// lost, changes of the leader and missed heartbeats are survived, and told as connection events of the
/// kind `NATS_CONNECTION_EVENT_CONSUMER`. nats_subscription_unsubscribe() stops at once, what has come
/// and was not taken is delivered again once its time to be acknowledged is over;
/// nats_subscription_drain() first hands out what has come.
///
/// Errors: `INVALID_NAME`, `INVALID_OPTION`, `INVALID_ARGUMENT`, `CONNECTION_CLOSED`. The subscription
/// ends with `CONSUMER_NOT_FOUND`, `STREAM_NOT_FOUND` when they are not there or were deleted,
/// `PULL_REFUSED` with what the server said, `PERMISSION`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume(
    js: *mut nats_jetstream,
    stream: nats_str,
    consumer: nats_str,
    options_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let context = handle::get::<Context>(js)?;
        let wanted = options::consume_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?;
        let consumer = consumer.text("consumer", Code::InvalidName)?;
        let open = || options::consume(&context.js, stream, consumer, &wanted);
        let connection = Arc::clone(&context.connection);
        hand_out(connection, context.nc, open, (cb, user), out)
    })
}

/// Takes the messages of a stream, each once and in order, by consumers of the library's own that need
/// no acknowledgement (ADR-17). Whatever happens to consumers, leaders, servers and the connection, it goes
/// on behind the last message that was taken; each time is told as a connection event of the kind
/// `NATS_CONNECTION_EVENT_CONSUMER`. Waits until the first consumer is made.
///
/// `options_json`: a JSON object with the keys of "Messages of a stream in order" in docs/options.md, or
/// empty. The rest as nats_jetstream_consume().
///
/// Errors: `STREAM_NOT_FOUND`, `INVALID_NAME`, `INVALID_SUBJECT`, `INVALID_OPTION`, `INVALID_ARGUMENT`,
/// `JETSTREAM`, `TIMEOUT`, `CONNECTION_CLOSED`. The subscription ends with `STREAM_NOT_FOUND` when the
/// stream was deleted, `PULL_REFUSED`, `PERMISSION`, `CONNECTION_CLOSED`, or with what the last one of
/// "max_reset_attempts" has said.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume_ordered(
    js: *mut nats_jetstream,
    stream: nats_str,
    options_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let wanted = options::ordered_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?;
        taken(js, (cb, user), out, async |js| js.subscribe_ordered(stream, &wanted).await)
    })
}

/// Takes what a consumer with a "deliver_subject" pushes. Flow control and heartbeats are answered and
/// watched; silence and a lost connection are told as nats_jetstream_consume() does. Waits for the
/// consumer's configuration.
///
/// `options_json`: a JSON object with the keys of "Messages that a consumer pushes" in docs/options.md, or
/// empty. The rest as nats_jetstream_consume().
///
/// Errors: `CONSUMER_NOT_FOUND`, `STREAM_NOT_FOUND`, `INVALID_NAME`, `INVALID_OPTION`; `INVALID_ARGUMENT`
/// for a consumer that is pulled from, or that somebody listens to while it has no "deliver_group";
/// `TIMEOUT`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume_pushed(
    js: *mut nats_jetstream,
    stream: nats_str,
    consumer: nats_str,
    options_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let wanted = options::push_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?;
        let consumer = consumer.text("consumer", Code::InvalidName)?;
        let open =
            async |js: &JetStream| options::consume_pushed(js, stream, consumer, &wanted).await;
        taken(js, (cb, user), out, open)
    })
}

/// Takes the messages of a member's partitions of a group that nats_group_create() has made. Of several
/// programs that do so for one member, one gets them, and another one in its place when it has gone or is
/// silent. Subjects are those of the stream, with the number of the partition and a dot in front.
///
/// `options_json`: a JSON object with the keys of "Messages of a consumer without end" in
/// docs/options.md, or empty. The rest as nats_jetstream_consume().
///
/// Errors: `NOT_FOUND` without such a group; `INVALID_ARGUMENT` for somebody who is no member;
/// `INVALID_NAME`, `INVALID_OPTION`, `JETSTREAM`, `TIMEOUT`, `CONNECTION_CLOSED`. The subscription ends
/// with `SUBSCRIPTION_CLOSED` when the group is deleted, `INVALID_ARGUMENT` when it is made anew in
/// another way.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume_group(
    js: *mut nats_jetstream,
    stream: nats_str,
    group: nats_str,
    member: nats_str,
    options_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let wanted = options::consume_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?;
        let group = group.text("group", Code::InvalidName)?;
        let member = member.text("member", Code::InvalidName)?;
        let open =
            async |js: &JetStream| options::consume_group(js, stream, group, member, &wanted).await;
        taken(js, (cb, user), out, open)
    })
}

/// Says that a message was handled, and waits until the server has noted it, for at most
/// `timeout_ms` milliseconds.
///
/// Errors: those of nats_msg_ack(); `TIMEOUT`: then it can be said again.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_ack_sync(
    js: *mut nats_jetstream,
    msg: *const nats_msg,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let client = handle::get::<Context>(js)?.js.client().clone();
        message::ack_sync(&msg, &client, timeout_ms)
    })
}

/// Hands out what `open` takes, which is waited for.
fn taken(
    js: *mut nats_jetstream,
    to: (nats_msg_cb, User),
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    open: impl AsyncFnOnce(&JetStream) -> Result<nats_core::Subscription>,
) -> Result<()> {
    let (js, connection, nc) = handle::get::<Context>(js)?.parts();
    hand_out(connection, nc, || wait::read_for(js.client(), open(&js))?, to, out)
}

/// The name of a JetStream error code, for example "STREAM_NOT_FOUND" of 10059; empty for one that
/// this version does not know. The view is valid for ever. Never fails.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_err_code_name(err_code: i32) -> nats_str {
    guard_value(nats_str::EMPTY, || {
        let name = u16::try_from(err_code).ok().and_then(err_code_name);
        nats_str::view(name.unwrap_or_default().as_bytes())
    })
}

/// Where a message stands in its stream and its consumer. The layout is frozen.
#[repr(C)]
pub struct nats_metadata {
    /// The stream; a view that lives as long as the message, or the reply subject that was read.
    pub stream: nats_str,
    /// The consumer; a view like that.
    pub consumer: nats_str,
    /// The domain; empty where the server tells none.
    pub domain: nats_str,
    /// How often the message was delivered, this time included.
    pub delivered: u64,
    /// Its sequence in the stream.
    pub stream_sequence: u64,
    /// Its sequence among what the consumer has delivered.
    pub consumer_sequence: u64,
    /// When it was stored, in nanoseconds since 1970.
    pub timestamp_ns: i64,
    /// Messages of the consumer that are still to come.
    pub pending: u64,
}

/// What the reply subject of a message that a consumer has delivered tells, in either of its forms
/// (ADR-15), for programs that keep no messages. The views in `*out` are parts of `reply`.
///
/// Errors: `NOT_JETSTREAM`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_metadata_parse(
    reply: nats_str,
    out: Option<&mut MaybeUninit<nats_metadata>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || metadata(reply.text("reply", Code::NotJetStream)?))
}

/// What a reply subject tells.
pub(crate) fn metadata(reply: &str) -> Result<nats_metadata> {
    let read = nats_core::jetstream::Metadata::parse(reply)?;
    let view = |text: &str| nats_str::view(text.as_bytes());
    Ok(nats_metadata {
        stream: view(read.stream),
        consumer: view(read.consumer),
        domain: read.domain.map_or(nats_str::EMPTY, view),
        delivered: read.delivered,
        stream_sequence: read.stream_sequence,
        consumer_sequence: read.consumer_sequence,
        timestamp_ns: read.timestamp_nanos,
        pending: read.pending,
    })
}

const _: () = assert!(size_of::<nats_metadata>() == 88);
