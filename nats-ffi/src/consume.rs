//! Messages of consumers, as subscriptions.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use nats_bridge::{jetstream as options, wait};
use nats_core::jetstream::JetStream;
use nats_core::{Code, Result};

use crate::error::nats_error;
use crate::guard::guard;
use crate::handle;
use crate::jetstream::{Context, nats_jetstream};
use crate::queue::{nats_queue, open};
use crate::subscription::{hand_out, nats_msg_cb, nats_subscription};
use crate::types::{nats_destroy_cb, nats_status, nats_str};
use crate::user::User;

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
        let (js, connection, nc) = handle::get::<Context>(js)?.parts();
        let wanted = options::consume_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?;
        let consumer = consumer.text("consumer", Code::InvalidName)?;
        let open = || options::consume(&js, stream, consumer, &wanted);
        hand_out(connection, nc, open, (cb, user), out)
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

/// Like nats_jetstream_consume_ordered() without a callback, and without waiting; completes on `queue`,
/// under `token`, with a `nats_subscription`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume_ordered_async(
    js: *mut nats_jetstream,
    stream: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::ordered_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?.to_owned();
        let js = handle::get::<Context>(js)?.js().clone();
        open(queue, token, async move { js.subscribe_ordered(&stream, &wanted).await })
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

/// Like nats_jetstream_consume_pushed() without a callback, and without waiting; completes on `queue`,
/// under `token`, with a `nats_subscription`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume_pushed_async(
    js: *mut nats_jetstream,
    stream: nats_str,
    consumer: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::push_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?.to_owned();
        let consumer = consumer.text("consumer", Code::InvalidName)?.to_owned();
        let js = handle::get::<Context>(js)?.js().clone();
        open(queue, token, async move {
            options::consume_pushed(&js, &stream, &consumer, &wanted).await
        })
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

/// Like nats_jetstream_consume_group() without a callback, and without waiting; completes on `queue`,
/// under `token`, with a `nats_subscription`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_consume_group_async(
    js: *mut nats_jetstream,
    stream: nats_str,
    group: nats_str,
    member: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::consume_options(options_json.text("options", Code::InvalidOption)?)?;
        let stream = stream.text("stream", Code::InvalidName)?.to_owned();
        let group = group.text("group", Code::InvalidName)?.to_owned();
        let member = member.text("member", Code::InvalidName)?.to_owned();
        let js = handle::get::<Context>(js)?.js().clone();
        open(queue, token, async move {
            options::consume_group(&js, &stream, &group, &member, &wanted).await
        })
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
