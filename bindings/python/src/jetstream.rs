//! JetStream: operations by name, publishing with acknowledgement, fetching.

use nats_bridge::doc::Doc;
use nats_bridge::fork::Held;
use nats_bridge::jetstream as options;
use nats_bridge::kv as buckets;
use nats_bridge::ops::{self, Run};
use nats_bridge::store::Retry;
use nats_core::jetstream::{FetchOptions, Metadata as Told, PubAck as Ack};
use nats_core::{Code, Error, Request};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arguments::{self, payload, text};
use crate::connection::Connection;
use crate::error::Outcome;
use crate::kv::Bucket;
use crate::message::{Flavour, MsgBase};
use crate::object::Objects;
use crate::publisher::Publisher;
use crate::queue::{Operation, Queue, Value};
use crate::stream_batch::StreamBatch;
use crate::subscription::Subscription;

/// The JetStream of an account.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct JetStream {
    held: Held<nats_core::jetstream::JetStream>,
    flavour: Flavour,
}

/// The word of a stream that it has stored a message.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct PubAck(Ack);

/// Where a message stands in its stream and its consumer.
#[pyclass(frozen, get_all, module = "nats_ffi._native")]
pub(crate) struct Metadata {
    stream: String,
    consumer: String,
    domain: Option<String>,
    delivered: u64,
    stream_sequence: u64,
    consumer_sequence: u64,
    timestamp_ns: i64,
    pending: u64,
}

impl JetStream {
    /// The JetStream that `client` leads to; `options` is a JSON object.
    pub(crate) fn new(
        client: &nats_core::Client,
        flavour: Flavour,
        options: &str,
    ) -> Outcome<JetStream> {
        let js = client.jetstream_with(options::options(options)?)?;
        Ok(JetStream { held: Held::new(js), flavour })
    }
}

impl From<Ack> for PubAck {
    fn from(ack: Ack) -> PubAck {
        PubAck(ack)
    }
}

impl PubAck {
    /// Reads what a stream has said.
    pub(crate) fn read(payload: &[u8]) -> Outcome<PubAck> {
        let read = serde_json::from_slice(payload);
        Ok(PubAck(read.map_err(|error| Error::new(Code::Protocol, error.to_string()))?))
    }
}

impl Metadata {
    /// What a reply subject tells.
    pub(crate) fn read(reply: &str) -> nats_core::Result<Metadata> {
        let told = Told::parse(reply)?;
        Ok(Metadata {
            stream: told.stream.to_owned(),
            consumer: told.consumer.to_owned(),
            domain: told.domain.map(str::to_owned),
            delivered: told.delivered,
            stream_sequence: told.stream_sequence,
            consumer_sequence: told.consumer_sequence,
            timestamp_ns: told.timestamp_nanos,
            pending: told.pending,
        })
    }
}

#[pymethods]
impl JetStream {
    /// Runs the operation of the table with this name; yields a document. `input` is one, or empty.
    #[pyo3(signature = (queue, token, name, input, /))]
    fn operate(&self, queue: &Queue, token: u64, name: &str, input: &str) -> Outcome<Operation> {
        let run = ops::ALL.iter().find(|op| op.name == name).map(|op| op.run);
        let Some(Run::JetStream(run)) = run else {
            let text = format!("name: JetStream has no operation '{name}'");
            return Err(Error::new(Code::InvalidArgument, text).into());
        };
        let input = if input.is_empty() { Doc::new() } else { Doc::parse(input)? };
        let running = run(self.held.get()?.clone(), input);
        queue.start(token, async move { running.await.map(Value::Document) })
    }

    /// Publishes; yields a [`PubAck`]. `options` is a JSON object, or empty.
    #[pyo3(signature = (queue, target, subject, data, headers, options, /))]
    fn publish(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        options: &str,
    ) -> Outcome<Operation> {
        let (js, settings) = (self.held.get()?, options::publish_options(options)?);
        let timeout = Some(settings.timeout.unwrap_or(js.timeout()));
        queue.answer(target, None, |token| {
            let subject = text(subject, "subject")?;
            arguments::headers(headers, |own| {
                let said = settings.headers(own)?;
                payload(data, |payload| {
                    let headers = said.as_ref().or(own);
                    let request = Request { headers, timeout, ..Request::new(subject, payload) };
                    queue.store(token, js.client(), &request, Retry::from(&settings))
                })?
            })?
        })
    }

    /// Asks a consumer once for messages; yields a list of them, `client`'s. `options` is a JSON
    /// object.
    #[pyo3(signature = (queue, target, client, stream, consumer, options, /))]
    fn fetch(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        client: &Bound<'_, PyAny>,
        stream: &Bound<'_, PyAny>,
        consumer: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let mut settings = FetchOptions::default();
        options::fetch_options(&mut settings, options)?;
        let (stream, consumer) = (text(stream, "stream")?, text(consumer, "consumer")?);
        let (pull, flavour) = (self.held.get()?.pull(stream, consumer)?, self.flavour);
        queue.answer(target, Some(client), |token| {
            queue.start(token, async move {
                Ok(Value::Messages(pull.fetch(&settings)?.batches().await?, flavour))
            })
        })
    }

    /// Takes messages of a consumer without end; `options` is a JSON object.
    #[pyo3(signature = (stream, consumer, options, /))]
    fn consume(
        &self,
        stream: &Bound<'_, PyAny>,
        consumer: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Subscription> {
        let settings = options::consume_options(options)?;
        let (stream, consumer) = (text(stream, "stream")?, text(consumer, "consumer")?);
        let core = options::consume(self.held.get()?, stream, consumer, &settings)?;
        Ok(Subscription::consuming(core, self.flavour, settings.max_messages))
    }

    /// Takes the messages of a stream in order; yields a [`Subscription`]. `options` is a JSON
    /// object.
    #[pyo3(signature = (queue, token, stream, options, /))]
    fn consume_ordered(
        &self,
        queue: &Queue,
        token: u64,
        stream: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let settings = options::ordered_options(options)?;
        let stream = text(stream, "stream")?.to_owned();
        let (js, flavour) = (self.held.get()?.clone(), self.flavour);
        queue.start(token, async move {
            let core = js.subscribe_ordered(&stream, &settings).await?;
            let limit = settings.consume.max_messages;
            Ok(Value::Subscription(Subscription::consuming(core, flavour, limit)))
        })
    }

    /// Takes what a consumer pushes; yields a [`Subscription`]. `options` is a JSON object.
    #[pyo3(signature = (queue, token, stream, consumer, options, /))]
    fn consume_pushed(
        &self,
        queue: &Queue,
        token: u64,
        stream: &Bound<'_, PyAny>,
        consumer: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let settings = options::push_options(options)?;
        let (stream, consumer) = (text(stream, "stream")?, text(consumer, "consumer")?);
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        let (js, flavour) = (self.held.get()?.clone(), self.flavour);
        queue.start(token, async move {
            let core = options::consume_pushed(&js, &stream, &consumer, &settings).await?;
            let limit = settings.pending_messages;
            let limit = limit.unwrap_or(js.client().options().pending_messages);
            Ok(Value::Subscription(Subscription::new(core, flavour, limit)))
        })
    }

    /// Takes the messages of a group's member; yields a [`Subscription`]. `options` is a JSON object.
    #[pyo3(signature = (queue, token, stream, group, member, options, /))]
    #[allow(clippy::too_many_arguments)]
    fn consume_group(
        &self,
        queue: &Queue,
        token: u64,
        stream: &Bound<'_, PyAny>,
        group: &Bound<'_, PyAny>,
        member: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let settings = options::consume_options(options)?;
        let (stream, group) =
            (text(stream, "stream")?.to_owned(), text(group, "group")?.to_owned());
        let member = text(member, "member")?.to_owned();
        let (js, flavour) = (self.held.get()?.clone(), self.flavour);
        queue.start(token, async move {
            let core = options::consume_group(&js, &stream, &group, &member, &settings).await?;
            Ok(Value::Subscription(Subscription::consuming(core, flavour, settings.max_messages)))
        })
    }

    /// A bucket that is there; yields a [`Bucket`]. `options` is a JSON object, or empty.
    #[pyo3(signature = (queue, token, bucket, options, /))]
    fn key_value(
        &self,
        queue: &Queue,
        token: u64,
        bucket: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (js, flavour) = (self.held.get()?.clone(), self.flavour);
        let (bucket, options) = (text(bucket, "bucket")?.to_owned(), options.to_owned());
        queue.start(token, async move {
            let kv = buckets::bind(&js, &bucket, &options).await?;
            Ok(Value::Bucket(Bucket::new(kv, flavour)))
        })
    }

    /// A bucket of objects that is there; yields an [`Objects`].
    #[pyo3(signature = (queue, token, bucket, /))]
    fn object_store(
        &self,
        queue: &Queue,
        token: u64,
        bucket: &Bound<'_, PyAny>,
    ) -> Outcome<Operation> {
        let (js, flavour) = (self.held.get()?.clone(), self.flavour);
        let bucket = text(bucket, "bucket")?.to_owned();
        queue.start(token, async move {
            Ok(Value::Objects(Objects::new(js.object_store(&bucket).await?, flavour)))
        })
    }

    /// A batch of messages; `options` is a JSON object.
    #[pyo3(signature = (options, /))]
    fn batch(&self, options: &str) -> Outcome<StreamBatch> {
        StreamBatch::new(self.held.get()?, options)
    }

    /// A publisher, by way of the connection; `options` is a JSON object.
    #[pyo3(signature = (connection, options, /))]
    fn publisher(&self, connection: &Connection, options: &str) -> Outcome<Publisher> {
        Publisher::new(connection.bridge()?, self.held.get()?, options)
    }

    /// The prefix of the API's subjects, with a dot at its end.
    #[getter]
    fn api_prefix(&self) -> Outcome<&str> {
        Ok(self.held.get()?.api_prefix())
    }
}

#[pymethods]
impl PubAck {
    #[getter]
    fn stream(&self) -> &str {
        &self.0.stream
    }

    #[getter]
    fn seq(&self) -> u64 {
        self.0.seq
    }

    #[getter]
    fn duplicate(&self) -> bool {
        self.0.duplicate
    }

    #[getter]
    fn domain(&self) -> Option<&str> {
        given(&self.0.domain)
    }

    #[getter]
    fn value(&self) -> Option<&str> {
        given(&self.0.value)
    }

    #[getter]
    fn batch_id(&self) -> Option<&str> {
        given(&self.0.batch_id)
    }

    #[getter]
    fn batch_count(&self) -> u64 {
        self.0.batch_count
    }

    fn __repr__(&self) -> String {
        let Ack { stream, seq, .. } = &self.0;
        let duplicate = if self.0.duplicate { ", duplicate=True" } else { "" };
        format!("PubAck(stream='{stream}', seq={seq}{duplicate})")
    }
}

#[pymethods]
impl Metadata {
    fn __repr__(&self) -> String {
        let Metadata { stream, consumer, stream_sequence, consumer_sequence, .. } = self;
        format!(
            "Metadata(stream='{stream}', consumer='{consumer}', \
             stream_sequence={stream_sequence}, consumer_sequence={consumer_sequence}, \
             delivered={}, pending={})",
            self.delivered, self.pending
        )
    }
}

/// Acknowledges messages from the position `first` on, as long as that can be done at once. Returns
/// the position of the one that has to wait for room; `None` when all are acknowledged.
#[pyfunction]
#[pyo3(signature = (messages, first, /))]
pub(crate) fn ack_all(messages: &Bound<'_, PyList>, first: usize) -> Outcome<Option<usize>> {
    for index in first..messages.len() {
        let message = messages.get_item(index)?;
        let Ok(message) = message.cast::<MsgBase>() else {
            let kind = message.get_type().name()?;
            let text = format!("messages: expected messages, found {kind} at {index}");
            return Err(PyTypeError::new_err(text).into());
        };
        match message.borrow_mut().ack_now() {
            Ok(()) => {}
            Err(error) if error.code() == Code::OutboundFull => return Ok(Some(index)),
            Err(error) => return Err(error.context(format_args!("message {index}")).into()),
        }
    }
    Ok(None)
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
