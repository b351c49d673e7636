//! JetStream as the scripts hold it.

use std::collections::VecDeque;
use std::time::Duration;

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use nats_bridge::doc::Doc;
use nats_bridge::ops::{ALL, Run};
use nats_bridge::store::Retry;
use nats_bridge::{jetstream as options, wait};
use nats_core::jetstream::{AckKind, FetchOptions, JetStream as Core, Metadata};
use nats_core::{Code, Error, Request};

use crate::argument::{Pairs, Payload, Text, duration, headers};
use crate::connection::Connection;
use crate::error::{Result, raise};
use crate::packet::Packet;
use crate::queue::{Operation, Value, begun, reply_timeout, start};
use crate::subscription::Subscription;

/// The JetStream of an account.
#[napi]
pub struct JetStream(Core);

/// Where a message stands in its stream and its consumer.
#[napi(object, object_from_js = false)]
#[allow(missing_docs)] // the names are those of nats_core::jetstream::Metadata
pub struct Place {
    pub stream: String,
    pub consumer: String,
    pub delivered: f64,
    pub stream_sequence: f64,
    pub consumer_sequence: f64,
    pub timestamp_ns: BigInt,
    pub pending: f64,
    pub domain: Option<String>,
}

impl JetStream {
    pub(crate) fn core(&self) -> &Core {
        &self.0
    }
}

#[napi]
impl JetStream {
    /// How many milliseconds a request to the API, or an acknowledgement, may take.
    #[napi(getter, catch_unwind)]
    pub fn timeout(&self) -> u32 {
        let longest = self.0.timeout().min(wait::MAX_WAIT).as_millis();
        u32::try_from(longest).unwrap_or(u32::MAX)
    }
}

#[napi]
impl Connection {
    /// The JetStream of the connection's account.
    ///
    /// # Errors
    /// INVALID_OPTION.
    #[napi(catch_unwind)]
    pub fn jetstream(&self, options: String) -> Result<JetStream> {
        let options = options::options(&options).map_err(raise)?;
        self.link.client().jetstream_with(options).map(JetStream).map_err(raise)
    }

    /// Runs an operation of the control plane by its name; completes with the document that it
    /// yields, as JSON.
    ///
    /// # Errors
    /// INVALID_JSON; all others may come with the completion, too.
    #[napi(catch_unwind)]
    pub fn operate(
        &self,
        token: f64,
        js: &JetStream,
        name: String,
        input: String,
    ) -> Result<Operation> {
        self.cross();
        let input = Doc::parse(&input).map_err(raise)?;
        let run = ALL.iter().find(|op| op.name == name).map(|op| &op.run);
        let Some(Run::JetStream(run)) = run else {
            let text = format!("name: {name} is no operation on a JetStream");
            return Err(raise(Error::new(Code::InvalidArgument, text)));
        };
        let running = run(js.0.clone(), input);
        start(&self.queue, token, async move { Ok(Value::Text(running.await?.to_json())) })
    }

    /// Sends the records, then a message to the stream that has its subject; completes with the
    /// stream's answer, which has been found to be an acknowledgement. Without `options` the
    /// headers get a number as in [`Connection::publish`].
    ///
    /// # Errors
    /// INVALID_OPTION, and those of a publish that show at once; all others come with the
    /// completion.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // an object of them would cost more than the call
    pub fn store(
        &self,
        token: f64,
        subject: Text,
        payload: Payload,
        pairs: Option<Pairs>,
        headers_number: u32,
        timeout: u32,
        options: Option<String>,
    ) -> Result<()> {
        let options = options.map(|json| options::publish_options(&json)).transpose();
        let options = options.map_err(raise)?;
        self.cross();
        let own = headers(pairs)?.map(std::sync::Arc::new);
        let said = options.as_ref().map(|options| options.headers(own.as_deref())).transpose();
        let said = said.map_err(raise)?.flatten();
        let request = Request {
            headers: said.as_ref().or(own.as_deref()),
            timeout: options.as_ref().and_then(|o| o.timeout).or(reply_timeout(timeout)),
            ..Request::new(subject.as_str()?, payload.bytes())
        };
        let retry = options.as_ref().map(Retry::from).unwrap_or_default();
        let client = self.link.client();
        let stored = self.queue.store(token as u64, client, &request, retry, Value::Message);
        begun(&self.queue, token, stored)?;
        self.accept(headers_number, own.as_ref());
        Ok(())
    }

    /// Asks a consumer for messages once; completes with packets.
    ///
    /// # Errors
    /// INVALID_OPTION, INVALID_NAME, INVALID_ARGUMENT; all others may come with the completion,
    /// too.
    #[napi(catch_unwind)]
    pub fn fetch(
        &self,
        token: f64,
        js: &JetStream,
        stream: Text,
        consumer: Text,
        options: String,
    ) -> Result<Operation> {
        self.cross();
        let mut parsed = FetchOptions::default();
        options::fetch_options(&mut parsed, &options).map_err(raise)?;
        let pull = js.0.pull(stream.as_str()?, consumer.as_str()?).map_err(raise)?;
        start(&self.queue, token, async move {
            let mut batches = VecDeque::from(pull.fetch(&parsed)?.batches().await?);
            let mut packets = Vec::new();
            while !batches.is_empty() {
                packets.push(Packet::fill(&mut batches, false));
            }
            Ok(Value::Packets(packets))
        })
    }

    /// Takes messages of a consumer without end; readiness is reported under `token`.
    ///
    /// # Errors
    /// INVALID_OPTION, INVALID_NAME, INVALID_ARGUMENT and those of `Client::subscribe_with`.
    #[napi(catch_unwind)]
    pub fn consume(
        &self,
        token: f64,
        js: &JetStream,
        stream: Text,
        consumer: Text,
        options: String,
    ) -> Result<Subscription> {
        self.cross();
        let parsed = options::consume_options(&options).map_err(raise)?;
        let (stream, consumer) = (stream.as_str()?, consumer.as_str()?);
        let core = options::consume(&js.0, stream, consumer, &parsed).map_err(raise)?;
        let subscription = Subscription::new(core, self.queue.clone());
        subscription.watch(token)?;
        Ok(subscription)
    }

    /// Takes the messages of a stream in order; completes with a [`Subscription`].
    ///
    /// # Errors
    /// INVALID_OPTION; all others may come with the completion, too.
    #[napi(catch_unwind)]
    pub fn consume_ordered(
        &self,
        token: f64,
        js: &JetStream,
        stream: Text,
        options: String,
    ) -> Result<Operation> {
        self.cross();
        let parsed = options::ordered_options(&options).map_err(raise)?;
        let (js, stream) = (js.0.clone(), stream.as_str()?.to_owned());
        start(&self.queue, token, async move {
            js.subscribe_ordered(&stream, &parsed).await.map(Value::Subscription)
        })
    }

    /// Takes what a consumer pushes; completes with a [`Subscription`].
    ///
    /// # Errors
    /// As [`Connection::consume_ordered`].
    #[napi(catch_unwind)]
    pub fn consume_pushed(
        &self,
        token: f64,
        js: &JetStream,
        stream: Text,
        consumer: Text,
        options: String,
    ) -> Result<Operation> {
        self.cross();
        let parsed = options::push_options(&options).map_err(raise)?;
        let js = js.0.clone();
        let (stream, consumer) = (stream.as_str()?.to_owned(), consumer.as_str()?.to_owned());
        start(&self.queue, token, async move {
            let core = options::consume_pushed(&js, &stream, &consumer, &parsed).await?;
            Ok(Value::Subscription(core))
        })
    }

    /// Takes the messages of a group's member; completes with a [`Subscription`].
    ///
    /// # Errors
    /// As [`Connection::consume_ordered`].
    #[napi(catch_unwind)]
    pub fn consume_group(
        &self,
        token: f64,
        js: &JetStream,
        stream: Text,
        group: Text,
        member: Text,
        options: String,
    ) -> Result<Operation> {
        self.cross();
        let parsed = options::consume_options(&options).map_err(raise)?;
        let (js, member) = (js.0.clone(), member.as_str()?.to_owned());
        let (stream, group) = (stream.as_str()?.to_owned(), group.as_str()?.to_owned());
        start(&self.queue, token, async move {
            let core = options::consume_group(&js, &stream, &group, &member, &parsed).await?;
            Ok(Value::Subscription(core))
        })
    }
}

/// What the reply subject of a delivered message tells.
///
/// # Errors
/// NOT_JETSTREAM.
#[napi(catch_unwind)]
pub fn metadata(reply: Text) -> Result<Place> {
    let read = Metadata::parse(reply.as_str()?).map_err(raise)?;
    Ok(Place {
        stream: read.stream.to_owned(),
        consumer: read.consumer.to_owned(),
        delivered: read.delivered as f64,
        stream_sequence: read.stream_sequence as f64,
        consumer_sequence: read.consumer_sequence as f64,
        timestamp_ns: BigInt::from(read.timestamp_nanos),
        pending: read.pending as f64,
        domain: read.domain.map(str::to_owned),
    })
}

/// What the reply subjects of delivered messages begin with.
#[napi(catch_unwind)]
pub fn ack_prefix() -> &'static str {
    Metadata::PREFIX
}

/// What is sent to say that a message was handled.
#[napi(catch_unwind)]
pub fn ack_payload() -> String {
    payload(AckKind::Ack)
}

/// What is sent to say that a message is being handled.
#[napi(catch_unwind)]
pub fn in_progress_payload() -> String {
    payload(AckKind::InProgress)
}

/// What is sent to have a message delivered again, after so many milliseconds or at once.
#[napi(catch_unwind)]
pub fn nak_payload(delay: Option<f64>) -> String {
    payload(AckKind::Nak(delay.map(duration).filter(|delay| *delay > Duration::ZERO)))
}

/// What is sent to have a message not delivered again.
#[napi(catch_unwind)]
pub fn term_payload(reason: Option<Text>) -> Result<String> {
    let reason = reason.as_ref().map(Text::as_str).transpose()?;
    Ok(payload(AckKind::Term(reason.filter(|reason| !reason.is_empty()))))
}

fn payload(kind: AckKind<'_>) -> String {
    String::from_utf8_lossy(&kind.payload()).into_owned()
}
