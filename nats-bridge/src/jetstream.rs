//! Options of a JetStream, of what is published to it, and of what is taken from it; and messages
//! without end.

use nats_core::Result;
use nats_core::jetstream::{
    ConsumeOptions, ConsumerConfig, DeliverPolicy, FetchOptions, JetStream, JetStreamOptions,
    OrderedOptions, PublishOptions, PushOptions, ReplayPolicy,
};

use crate::runtime;
use crate::table::{Row, Set, apply};

/// The options of a JetStream.
pub const JETSTREAM: &[Row<JetStreamOptions>] = &[
    Row {
        key: "api_prefix",
        unit: "",
        default: "$JS.API",
        since: "0.1",
        doc: "The prefix of the API's subjects.",
        set: Set::Text(|o, v| o.api_prefix = v),
    },
    Row {
        key: "domain",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The domain, instead of a prefix (ADR-19).",
        set: Set::Text(|o, v| o.domain = Some(v)),
    },
    Row {
        key: "timeout_ms",
        unit: "ms",
        default: "5000",
        since: "0.1",
        doc: "How long a request to the API, or the acknowledgement of a message, may take.",
        set: Set::Millis(1, |o, v| o.timeout = v),
    },
];

/// The options of one message that is published to a stream.
pub const PUBLISH: &[Row<PublishOptions>] = &[
    Row {
        key: "msg_id",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "An id by which the stream knows a message that it has already.",
        set: Set::Text(|o, v| o.msg_id = Some(v)),
    },
    Row {
        key: "expected_stream",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The stream that is to store it.",
        set: Set::Text(|o, v| o.expected_stream = Some(v)),
    },
    Row {
        key: "expected_last_sequence",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The sequence that the stream's last message is to have.",
        set: Set::Integer(0, u64::MAX, |o, v| o.expected_last_sequence = Some(v)),
    },
    Row {
        key: "expected_last_msg_id",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The id that the stream's last message is to have.",
        set: Set::Text(|o, v| o.expected_last_msg_id = Some(v)),
    },
    Row {
        key: "expected_last_subject_sequence",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The sequence that the last message of the subject is to have; 0: there is to be none.",
        set: Set::Integer(0, u64::MAX, |o, v| o.expected_last_subject_sequence = Some(v)),
    },
    Row {
        key: "expected_last_subject",
        unit: "",
        default: "the message's",
        since: "0.1",
        doc: "The subject that is meant by it, wildcards allowed (server 2.11).",
        set: Set::Text(|o, v| o.expected_last_subject = Some(v)),
    },
    Row {
        key: "ttl_ms",
        unit: "ms",
        default: "none",
        since: "0.1",
        doc: "How long the stream keeps it, in whole seconds (ADR-43, server 2.11).",
        set: Set::Millis(1000, |o, v| o.ttl = Some(v)),
    },
    Row {
        key: "retries",
        unit: "",
        default: "2",
        since: "0.1",
        doc: "How often to try again when no stream answers (ADR-22).",
        set: Set::Integer(0, 1000, |o, v| o.retries = v as u32),
    },
    Row {
        key: "retry_wait_ms",
        unit: "ms",
        default: "250",
        since: "0.1",
        doc: "How long to wait before.",
        set: Set::Millis(0, |o, v| o.retry_wait = v),
    },
    Row {
        key: "timeout_ms",
        unit: "ms",
        default: "the JetStream's",
        since: "0.1",
        doc: "How long to wait for the acknowledgement.",
        set: Set::Millis(1, |o, v| o.timeout = Some(v)),
    },
];

/// The options of one request for messages of a consumer (ADR-37).
pub const FETCH: &[Row<FetchOptions>] = &[
    Row {
        key: "max_messages",
        unit: "messages",
        default: "100",
        since: "0.1",
        doc: "The most messages.",
        set: Set::Integer(1, 1 << 31, |o, v| o.max_messages = v as usize),
    },
    Row {
        key: "max_bytes",
        unit: "bytes",
        default: "no limit",
        since: "0.1",
        doc: "The most bytes; 0 for no limit.",
        set: Set::Integer(0, 1 << 31, |o, v| o.max_bytes = v as usize),
    },
    Row {
        key: "expires_ms",
        unit: "ms",
        default: "30000",
        since: "0.1",
        doc: "How long to wait for them.",
        set: Set::Millis(1, |o, v| o.expires = v),
    },
    Row {
        key: "no_wait",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Take what is there and do not wait for more.",
        set: Set::Bool(|o, v| o.no_wait = v),
    },
    Row {
        key: "heartbeat_ms",
        unit: "ms",
        default: "5000 from 10 s on",
        since: "0.1",
        doc: "How often the server says that it is there; 0 for never.",
        set: Set::Millis(0, |o, v| o.heartbeat = Some(v)),
    },
    Row {
        key: "group",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The priority group to belong to (ADR-42, server 2.11).",
        set: Set::Text(|o, v| o.group = v),
    },
    Row {
        key: "min_pending",
        unit: "messages",
        default: "0",
        since: "0.1",
        doc: "Only when so many messages wait.",
        set: Set::Integer(0, u64::MAX, |o, v| o.min_pending = v),
    },
    Row {
        key: "min_ack_pending",
        unit: "messages",
        default: "0",
        since: "0.1",
        doc: "Only when so many messages wait for their acknowledgement.",
        set: Set::Integer(0, u64::MAX, |o, v| o.min_ack_pending = v),
    },
    Row {
        key: "priority",
        unit: "",
        default: "0",
        since: "0.1",
        doc: "Behind those with a smaller number (server 2.12).",
        set: Set::Integer(0, 9, |o, v| o.priority = v as u8),
    },
    Row {
        key: "id",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The id that the server has given to a pinned client.",
        set: Set::Text(|o, v| o.id = v),
    },
];

/// The options of messages that are taken of a consumer without end (ADR-37).
pub const CONSUME: &[Row<ConsumeOptions>] = &[
    Row {
        key: "max_messages",
        unit: "messages",
        default: "500",
        since: "0.1",
        doc: "How many may be under way and waiting to be taken together.",
        set: Set::Integer(1, 1 << 31, |o, v| o.max_messages = v as usize),
    },
    Row {
        key: "max_bytes",
        unit: "bytes",
        default: "no limit",
        since: "0.1",
        doc: "How many bytes may be, instead of max_messages; 0 for no limit.",
        set: Set::Integer(0, 1 << 31, |o, v| o.max_bytes = v as usize),
    },
    Row {
        key: "threshold",
        unit: "messages or bytes",
        default: "half of them",
        since: "0.1",
        doc: "When there are no more than these, more are asked for.",
        set: Set::Integer(0, 1 << 31, |o, v| o.threshold = Some(v as usize)),
    },
    Row {
        key: "expires_ms",
        unit: "ms",
        default: "30000",
        since: "0.1",
        doc: "How long a request lasts.",
        set: Set::Millis(1000, |o, v| o.expires = v),
    },
    Row {
        key: "heartbeat_ms",
        unit: "ms",
        default: "half of expires_ms, 30000 at most",
        since: "0.1",
        doc: "How often the server says that it is there.",
        set: Set::Millis(1, |o, v| o.heartbeat = Some(v)),
    },
    Row {
        key: "group",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The priority group to belong to (ADR-42, server 2.11).",
        set: Set::Text(|o, v| o.group = v),
    },
    Row {
        key: "min_pending",
        unit: "messages",
        default: "0",
        since: "0.1",
        doc: "Only when so many messages wait.",
        set: Set::Integer(0, u64::MAX, |o, v| o.min_pending = v),
    },
    Row {
        key: "min_ack_pending",
        unit: "messages",
        default: "0",
        since: "0.1",
        doc: "Only when so many messages wait for their acknowledgement.",
        set: Set::Integer(0, u64::MAX, |o, v| o.min_ack_pending = v),
    },
    Row {
        key: "priority",
        unit: "",
        default: "0",
        since: "0.1",
        doc: "Behind those with a smaller number (server 2.12).",
        set: Set::Integer(0, 9, |o, v| o.priority = v as u8),
    },
];

/// The options of the messages of a stream in order (ADR-17).
pub const ORDERED: &[Row<OrderedOptions>] = &[
    Row {
        key: "filter_subjects",
        unit: "",
        default: "all",
        since: "0.1",
        doc: "Only messages of these subjects.",
        set: Set::Texts(|o, v| o.filter_subjects = v),
    },
    Row {
        key: "deliver_policy",
        unit: "",
        default: "all",
        since: "0.1",
        doc: "The first message.",
        set: Set::Choice(DELIVER, |o, v| o.deliver_policy = deliver_policy(v)),
    },
    Row {
        key: "opt_start_seq",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The first sequence, with deliver_policy by_start_sequence.",
        set: Set::Integer(1, u64::MAX, |o, v| o.opt_start_seq = v),
    },
    Row {
        key: "opt_start_time",
        unit: "RFC 3339",
        default: "none",
        since: "0.1",
        doc: "The first time, with deliver_policy by_start_time.",
        set: Set::Text(|o, v| o.opt_start_time = v),
    },
    Row {
        key: "replay_policy",
        unit: "",
        default: "instant",
        since: "0.1",
        doc: "At once, or as fast as they were published.",
        set: Set::Choice(&["instant", "original"], |o, v| {
            o.replay_policy = if v == 0 { ReplayPolicy::Instant } else { ReplayPolicy::Original };
        }),
    },
    Row {
        key: "headers_only",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Without payloads.",
        set: Set::Bool(|o, v| o.headers_only = v),
    },
    Row {
        key: "inactive_threshold_ms",
        unit: "ms",
        default: "300000",
        since: "0.1",
        doc: "For how long the server keeps a consumer that nobody uses.",
        set: Set::Millis(1, |o, v| o.inactive_threshold = v),
    },
    Row {
        key: "name_prefix",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "What the names of the consumers begin with.",
        set: Set::Text(|o, v| o.name_prefix = v),
    },
    Row {
        key: "metadata",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "What is noted of the consumers (ADR-33).",
        set: Set::Pairs(|o, v| o.metadata = v.into_iter().collect()),
    },
    Row {
        key: "max_reset_attempts",
        unit: "attempts",
        default: "no limit",
        since: "0.1",
        doc: "After how many attempts in a row to have a consumer of use the messages end.",
        set: Set::Integer(1, u32::MAX as u64, |o, v| o.max_reset_attempts = Some(v as u32)),
    },
    Row {
        key: "push",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "The server pushes them; otherwise they are pulled.",
        set: Set::Bool(|o, v| o.push = v),
    },
    Row {
        key: "max_messages",
        unit: "messages",
        default: "500",
        since: "0.1",
        doc: "Of those that are pulled: how many may be under way and waiting to be taken together.",
        set: Set::Integer(1, 1 << 31, |o, v| o.consume.max_messages = v as usize),
    },
    Row {
        key: "max_bytes",
        unit: "bytes",
        default: "no limit",
        since: "0.1",
        doc: "How many bytes may be, instead of max_messages; 0 for no limit.",
        set: Set::Integer(0, 1 << 31, |o, v| o.consume.max_bytes = v as usize),
    },
    Row {
        key: "threshold",
        unit: "messages or bytes",
        default: "half of them",
        since: "0.1",
        doc: "When there are no more than these, more are asked for.",
        set: Set::Integer(0, 1 << 31, |o, v| o.consume.threshold = Some(v as usize)),
    },
    Row {
        key: "expires_ms",
        unit: "ms",
        default: "30000",
        since: "0.1",
        doc: "How long a request lasts.",
        set: Set::Millis(1000, |o, v| o.consume.expires = v),
    },
    Row {
        key: "heartbeat_ms",
        unit: "ms",
        default: "half of expires_ms; 5000 with push",
        since: "0.1",
        doc: "How often the server says that it is there.",
        set: Set::Millis(1, |o, v| o.consume.heartbeat = Some(v)),
    },
];

/// The options of messages that a consumer pushes.
pub const PUSHED: &[Row<PushOptions>] = &[
    Row {
        key: "pending_messages",
        unit: "messages",
        default: "the connection's",
        since: "0.1",
        doc: "How many may wait to be taken; 0 for no bound.",
        set: Set::Integer(0, 1 << 31, |o, v| o.pending_messages = Some(v as usize)),
    },
    Row {
        key: "pending_bytes",
        unit: "bytes",
        default: "the connection's",
        since: "0.1",
        doc: "How many bytes may; 0 for no bound.",
        set: Set::Integer(0, 1 << 50, |o, v| o.pending_bytes = Some(v as usize)),
    },
];

const DELIVER: &[&str] =
    &["all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"];

fn deliver_policy(position: usize) -> DeliverPolicy {
    match position {
        0 => DeliverPolicy::All,
        1 => DeliverPolicy::Last,
        2 => DeliverPolicy::New,
        3 => DeliverPolicy::ByStartSequence,
        4 => DeliverPolicy::ByStartTime,
        _ => DeliverPolicy::LastPerSubject,
    }
}

/// The options of a JetStream from a JSON object.
///
/// # Errors
/// Those of [`apply`]; so for all of them.
pub fn options(json: &str) -> Result<JetStreamOptions> {
    let mut options = JetStreamOptions::default();
    apply(JETSTREAM, &mut options, json)?;
    Ok(options)
}

/// The options of a message from a JSON object.
pub fn publish_options(json: &str) -> Result<PublishOptions> {
    let mut options = PublishOptions::default();
    apply(PUBLISH, &mut options, json)?;
    Ok(options)
}

/// Changes the options of a request for messages by a JSON object.
pub fn fetch_options(options: &mut FetchOptions, json: &str) -> Result<()> {
    apply(FETCH, options, json)
}

/// The options of messages without end from a JSON object.
pub fn consume_options(json: &str) -> Result<ConsumeOptions> {
    let mut options = ConsumeOptions::default();
    apply(CONSUME, &mut options, json)?;
    Ok(options)
}

/// Takes messages of a consumer without end, as a subscription: each binding delivers it like any
/// other.
///
/// # Errors
/// Those of [`JetStream::pull`] and of the core's `Pull::subscribe`; those of [`runtime::handle`].
pub fn consume(
    js: &JetStream,
    stream: &str,
    consumer: &str,
    options: &ConsumeOptions,
) -> Result<nats_core::Subscription> {
    let runtime = runtime::handle()?;
    let _inside = runtime.enter();
    js.pull(stream, consumer)?.subscribe(options)
}

/// The options of messages in order from a JSON object.
pub fn ordered_options(json: &str) -> Result<OrderedOptions> {
    let mut options = OrderedOptions::default();
    apply(ORDERED, &mut options, json)?;
    Ok(options)
}

/// The options of messages that are pushed from a JSON object.
pub fn push_options(json: &str) -> Result<PushOptions> {
    let mut options = PushOptions::default();
    apply(PUSHED, &mut options, json)?;
    Ok(options)
}

/// Takes what a consumer pushes, as a subscription. Must run on the runtime.
///
/// # Errors
/// Those of [`JetStream::push`] and of the core's `Push::subscribe`.
pub async fn consume_pushed(
    js: &JetStream,
    stream: &str,
    consumer: &str,
    options: &PushOptions,
) -> Result<nats_core::Subscription> {
    js.push(stream, consumer).await?.subscribe(options)
}

/// Takes the messages of a group's member, as a subscription, by a consumer with the usual
/// configuration. Must run on the runtime.
///
/// # Errors
/// Those of [`JetStream::subscribe_group`].
pub async fn consume_group(
    js: &JetStream,
    stream: &str,
    group: &str,
    member: &str,
    options: &ConsumeOptions,
) -> Result<nats_core::Subscription> {
    js.subscribe_group(stream, group, member, &ConsumerConfig::default(), options).await
}
