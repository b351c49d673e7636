//! Buckets: options, and operations on keys whose results arrive on a queue.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nats_core::jetstream::{JetStream, PubAck};
use nats_core::kv::{
    Base64Codec, Chain, KeyCodec, KeyValue, KvCache, KvOptions, KvPublish, KvWatchOptions,
    PathCodec, ValueCodec,
};
use nats_core::{Answer, Code, Error, Message, MessageRef, Request, Result};
use serde_json::json;

use crate::doc::Doc;
use crate::queue::Queue;
use crate::running::Running;
use crate::store::Retry;
use crate::table::{Row, Set, apply};

/// How a bucket is used.
#[derive(Debug, Default)]
pub struct BucketOptions {
    read_only: bool,
    key_codecs: Vec<String>,
    value_codecs: Vec<String>,
}

/// The options of a bucket's handle.
pub const BUCKET: &[Row<BucketOptions>] = &[
    Row {
        key: "read_only",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Whatever writes is refused.",
        set: Set::Bool(|o, v| o.read_only = v),
    },
    Row {
        key: "key_codecs",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "In which form keys are stored (ADR-54): \"base64\" word by word, \"path\" with slashes as \
              dots; of several the first one encodes first.",
        set: Set::Texts(|o, v| o.key_codecs = v),
    },
    Row {
        key: "value_codecs",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "In which form values are stored: \"base64\".",
        set: Set::Texts(|o, v| o.value_codecs = v),
    },
];

/// The options of what is done to a key.
pub const CHANGE: &[Row<KvOptions>] = &[
    Row {
        key: "expected_revision",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The revision that the key is to have; 0: there is to be none.",
        set: Set::Integer(0, u64::MAX, |o, v| o.expected_revision = Some(v)),
    },
    Row {
        key: "ttl_ms",
        unit: "ms",
        default: "the bucket's",
        since: "0.1",
        doc: "How long it is kept, in whole seconds (ADR-48, server 2.11). The bucket must have a \
              limit_marker_ttl.",
        set: Set::Millis(1000, |o, v| o.ttl = Some(v)),
    },
];

/// The options of a watch.
pub const WATCH: &[Row<KvWatchOptions>] = &[
    Row {
        key: "keys",
        unit: "",
        default: "all",
        since: "0.1",
        doc: "The keys, of which words may be wildcards.",
        set: Set::Texts(|o, v| o.keys = v),
    },
    Row {
        key: "include_history",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Begin with all that the bucket has of them; otherwise with what was done to each last.",
        set: Set::Bool(|o, v| o.include_history = v),
    },
    Row {
        key: "updates_only",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Begin with what comes from now on.",
        set: Set::Bool(|o, v| o.updates_only = v),
    },
    Row {
        key: "resume_from",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "Begin with this revision.",
        set: Set::Integer(1, u64::MAX, |o, v| o.resume_from = Some(v)),
    },
    Row {
        key: "ignore_deletes",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Leave out that keys were deleted, or have come to the end of their time.",
        set: Set::Bool(|o, v| o.ignore_deletes = v),
    },
    Row {
        key: "meta_only",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Without values.",
        set: Set::Bool(|o, v| o.meta_only = v),
    },
    Row {
        key: "heartbeat_ms",
        unit: "ms",
        default: "5000",
        since: "0.1",
        doc: "How often the server says that it is there.",
        set: Set::Millis(1, |o, v| o.heartbeat = Some(v)),
    },
];

/// The bucket `name`, to be used as a JSON object of [`BUCKET`] keys says.
///
/// # Errors
/// Those of [`apply`] and of [`JetStream::key_value`].
pub async fn bind(js: &JetStream, name: &str, json: &str) -> Result<KeyValue> {
    let mut options = BucketOptions::default();
    apply(BUCKET, &mut options, json)?;
    let keys = codecs(&options.key_codecs, "key_codecs", "\"base64\" or \"path\"", |name| {
        Some(match name {
            "base64" => Arc::new(Base64Codec) as Arc<dyn KeyCodec>,
            "path" => Arc::new(PathCodec),
            _ => return None,
        })
    })?;
    let values = codecs(&options.value_codecs, "value_codecs", "\"base64\"", |name| {
        (name == "base64").then(|| Arc::new(Base64Codec) as Arc<dyn ValueCodec>)
    })?;
    let mut kv = js.key_value(name).await?;
    if options.read_only {
        kv = kv.read_only();
    }
    let keys = keys.map(|chain| Arc::new(Chain(chain)) as Arc<dyn KeyCodec>);
    let values = values.map(|chain| Arc::new(Chain(chain)) as Arc<dyn ValueCodec>);
    Ok(kv.with_codecs(keys, values))
}

/// The options of what is done to a key from a JSON object.
///
/// # Errors
/// Those of [`apply`].
pub fn change_options(json: &str) -> Result<KvOptions> {
    let mut options = KvOptions::default();
    apply(CHANGE, &mut options, json)?;
    Ok(options)
}

/// The options of a watch from a JSON object.
///
/// # Errors
/// Those of [`apply`].
pub fn watch_options(json: &str) -> Result<KvWatchOptions> {
    let mut options = KvWatchOptions::default();
    apply(WATCH, &mut options, json)?;
    Ok(options)
}

/// The message of what a key had at a revision; 0: of what was done to it last.
///
/// # Errors
/// Those of [`KeyValue::get_revision`].
pub async fn get_revision(kv: &KeyValue, key: &str, revision: u64) -> Result<Message> {
    if revision > 0 {
        return kv.get_revision_message(key, revision).await;
    }
    kv.entry_message(key).await?.ok_or_else(|| {
        Error::new(
            Code::KeyNotFound,
            format!("bucket {}: nothing is known of key {key}", kv.name()),
        )
    })
}

/// How many bytes the value of an entry has; those of one that has come without it, too.
pub fn length(message: MessageRef<'_>) -> usize {
    let told = message.headers().and_then(|headers| headers.get("Nats-Msg-Size"));
    let told = told.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    told.unwrap_or(message.payload().len())
}

/// Waits until a cache has seen a revision.
///
/// # Errors
/// [`Code::Timeout`]; those of [`KvCache::wait`].
pub async fn wait_for(cache: &KvCache, revision: u64, limit: Duration) -> Result<()> {
    let limited = tokio::time::timeout(limit, cache.wait(revision)).await;
    limited.unwrap_or(Err(Code::Timeout.into()))
}

/// Keys as a document: `{"keys": [key]}`.
pub fn keys_doc(keys: Vec<String>) -> Doc {
    Doc::from(json!({"keys": keys}))
}

/// The codecs of these names; None without any.
fn codecs<C>(
    names: &[String],
    option: &str,
    expected: &str,
    codec: impl Fn(&str) -> Option<C>,
) -> Result<Option<Vec<C>>> {
    let known = |name: &String| {
        codec(name).ok_or_else(|| {
            let shown: String = name.chars().take(32).collect();
            let text = format!(
                "option '{option}': expected {expected}, found \"{}\"",
                shown.escape_debug()
            );
            Error::new(Code::InvalidOption, text)
        })
    };
    let chain = names.iter().map(known).collect::<Result<Vec<_>>>()?;
    Ok(Some(chain).filter(|chain| !chain.is_empty()))
}

/// The answer to a get.
struct Got<F> {
    answer: Answer,
    kv: KeyValue,
    key: String,
    wanted: Wanted,
    value: Option<F>,
}

/// What a get asks for.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// The value of a key.
    Value,
    /// What was done to a key last.
    Last,
}

impl<V, F: FnOnce(Message) -> V + Unpin> Future for Got<F> {
    type Output = Result<V>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<V>> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        let last = answer.as_ref().ok().filter(|_| self.wanted == Wanted::Last).cloned();
        let message = match self.kv.got(&self.key, answer) {
            Err(error) if error.code() == Code::KeyNotFound => {
                last.filter(|message| is_marker(&self.kv, message)).ok_or(error)?
            }
            got => got?,
        };
        let value = self.value.take().ok_or(Code::Internal)?;
        Poll::Ready(Ok(value(message)))
    }
}

/// Whether a message tells that a key has no value any more.
fn is_marker(kv: &KeyValue, message: &Message) -> bool {
    matches!(kv.read(message.as_ref()), Ok(Some(entry)) if !entry.is_put())
}

impl<V: Send + 'static> Queue<V> {
    /// Gets the value of a key; its message, as `value` makes it, completes under `token`. `None` says
    /// that it has completed already. Sent as [`Queue::ask`] sends requests.
    ///
    /// # Errors
    /// What is known of [`KeyValue::get`] at once, and then there is no completion.
    pub fn kv_get(
        &self,
        token: u64,
        kv: &KeyValue,
        key: &str,
        value: impl FnOnce(Message) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        self.kv_ask(token, kv, key, Wanted::Value, value)
    }

    /// The same of what was done to a key last, be it that it was deleted; then the message has the key
    /// as it is stored.
    ///
    /// # Errors
    /// As [`Queue::kv_get`].
    pub fn kv_last(
        &self,
        token: u64,
        kv: &KeyValue,
        key: &str,
        value: impl FnOnce(Message) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        self.kv_ask(token, kv, key, Wanted::Last, value)
    }

    fn kv_ask(
        &self,
        token: u64,
        kv: &KeyValue,
        key: &str,
        wanted: Wanted,
        value: impl FnOnce(Message) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        let js = kv.jetstream();
        let client = js.client();
        let (kv, owned) = (kv.clone(), key.to_owned());
        if let Some(subject) = kv.to_get(key)? {
            let request = Request::new(&subject, b"").timeout(js.timeout());
            match client.request_now(&request, self.gathers(client)) {
                Err(full) if full.code() == Code::OutboundFull => {}
                sent => {
                    let got = Got { answer: sent?, kv, key: owned, wanted, value: Some(value) };
                    // A server may have answered already.
                    return self.drive(token, got).or_else(|refused| {
                        self.ticket(token).complete(Err(refused));
                        Ok(None)
                    });
                }
            }
        }
        self.start(token, async move {
            let message = match wanted {
                Wanted::Value => kv.get_message(&owned).await?,
                Wanted::Last => get_revision(&kv, &owned, 0).await?,
            };
            Ok(value(message))
        })
    }

    /// Does something to a key; its new revision, as `value` makes it, completes under `token`. `None`
    /// says that it has completed already.
    ///
    /// # Errors
    /// Those of [`Queue::store`].
    pub fn kv_change(
        &self,
        token: u64,
        kv: &KeyValue,
        change: &KvPublish<'_>,
        value: impl FnOnce(u64) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        let KvPublish { subject, headers, payload, options } = change;
        let js = kv.jetstream();
        let all = options.headers(headers.as_ref())?;
        let timeout = options.timeout.unwrap_or(js.timeout());
        let mut request = Request::new(subject, payload).timeout(timeout);
        request.headers = all.as_ref().or(headers.as_ref());
        let revision = |answer: Message| value(PubAck::sequence(answer.payload()));
        self.store(token, js.client(), &request, Retry::from(options), revision)
    }
}
