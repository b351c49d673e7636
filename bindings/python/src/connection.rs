//! Connections.

use std::sync::Arc;

use nats_bridge::event::StateKind;
use nats_bridge::fork::Held;
use nats_bridge::options;
use nats_bridge::question::{self, Ask};
use nats_core::{
    Client, Code, ConnectOptions, Error, ManyOptions, Publish, Request, SubscribeOptions,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::sync::oneshot;

use crate::arguments::{self, Outgoing, duration, optional, payload, text};
use crate::done::Done;
use crate::error::{Outcome, exception};
use crate::jetstream::JetStream;
use crate::message::Flavour;
use crate::queue::{Operation, Queue, Value};
use crate::service::Service;
use crate::subscription::Subscription;

/// A connection. Dropping it closes it in the background.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Connection {
    held: Held<Arc<nats_bridge::connection::Connection>>,
    flavour: Flavour,
}

/// Connects; yields a [`Connection`]. Its events come to the queue `watcher` under `events`, from
/// the first attempt on, and its questions, of those that `asks` names.
#[pyfunction]
#[pyo3(signature = (queue, token, watcher, events, options, blocking, asks, /))]
pub(crate) fn connect(
    queue: &Queue,
    token: u64,
    watcher: &Queue,
    events: u64,
    options: &str,
    blocking: bool,
    asks: Vec<String>,
) -> Outcome<Operation> {
    let mut settings = ConnectOptions::new();
    options::connect(&mut settings, options)?;
    let asks: Vec<Ask> = asks.iter().filter_map(|name| Ask::named(name)).collect();
    let asked = watcher.events()?.downgrade();
    question::install(&mut settings, &asks, move |question| {
        if let Some(queue) = asked.upgrade() {
            queue.ticket(events).complete(Ok(Value::Question(question)));
        }
    });
    let flavour = if blocking { Flavour::Blocking } else { Flavour::Awaited };
    let target = watcher.events()?.clone();
    queue.start(token, async move {
        use nats_bridge::connection::Connection as Bridge;
        let connection = Bridge::connect_watched(settings, &target, events).await?;
        Ok(Value::Connection(Connection { held: Held::new(connection), flavour }))
    })
}

impl Connection {
    /// The bridge's connection.
    pub(crate) fn bridge(&self) -> Outcome<&nats_bridge::connection::Connection> {
        Ok(self.held.get()?)
    }

    fn client(&self) -> Outcome<&Client> {
        Ok(self.held.get()?.client())
    }

    fn publish_now(
        &self,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        reply: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<()> {
        let client = self.client()?;
        let (subject, reply) = (text(subject, "subject")?, optional(reply, "reply")?);
        Ok(arguments::headers(headers, |headers| {
            payload(data, |payload| {
                client.try_publish(&Publish { reply, headers, ..Publish::new(subject, payload) })
            })
        })???)
    }
}

#[pymethods]
impl Connection {
    /// Adds a service; `config` is a JSON object.
    #[pyo3(signature = (config, /))]
    fn add_service(&self, config: &str) -> Outcome<Service> {
        let service = nats_bridge::service::Service::add(self.held.get()?, config)?;
        Ok(Service::new(service, self.flavour))
    }

    /// Asks services for what `what` says; yields a [`Subscription`] of their answers. `options` is
    /// a JSON object, or empty.
    #[pyo3(signature = (queue, token, what, options, /))]
    fn ask_services(
        &self,
        queue: &Queue,
        token: u64,
        what: String,
        options: String,
    ) -> Outcome<Operation> {
        let (client, flavour) = (self.client()?.clone(), self.flavour);
        queue.start(token, async move {
            let core = nats_bridge::discover::ask(&client, &what, &options).await?;
            Ok(Value::Subscription(Subscription::new(core, flavour, 0)))
        })
    }

    /// Publishes, if that can be done at once. Otherwise `None`: [`Connection::publish_when_room`]
    /// waits for room, or says what is wrong.
    #[pyo3(signature = (subject, data, reply, headers, /))]
    fn publish(
        &self,
        py: Python<'_>,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        reply: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Py<Done>>> {
        match self.publish_now(subject, data, reply, headers) {
            Ok(()) => Done::get(py).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Publishes once there is room.
    #[pyo3(signature = (queue, token, subject, data, reply, headers, /))]
    fn publish_when_room(
        &self,
        queue: &Queue,
        token: u64,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        reply: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Operation> {
        let client = self.client()?.clone();
        let message = Outgoing::new(subject, data, reply, headers)?;
        queue.start(token, async move {
            client.publish_with(&message.publish()).await.map(|()| Value::Nothing)
        })
    }

    /// Subscribes; `options` is a JSON object.
    #[pyo3(signature = (subject, options, /))]
    fn subscribe(&self, subject: &Bound<'_, PyAny>, options: &str) -> Outcome<Subscription> {
        let mut settings = SubscribeOptions::default();
        options::subscribe(&mut settings, options)?;
        let connection = self.held.get()?;
        let core = connection.subscribe(text(subject, "subject")?, &settings)?;
        let limit = settings.pending_messages;
        let limit = limit.unwrap_or(connection.client().options().pending_messages);
        Ok(Subscription::new(core, self.flavour, limit))
    }

    /// Requests; yields a message, `client`'s if a future is to have it. Without `seconds` the
    /// connection's timeout counts.
    #[pyo3(signature = (queue, target, client, subject, data, headers, seconds, own_inbox, /))]
    #[allow(clippy::too_many_arguments)]
    fn request(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        client: &Bound<'_, PyAny>,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        seconds: Option<f64>,
        own_inbox: bool,
    ) -> Outcome<Operation> {
        let timeout = seconds.map(duration).transpose()?;
        queue.answer(target, Some(client), |token| {
            let (subject, flavour) = (text(subject, "subject")?, self.flavour);
            arguments::headers(headers, |headers| {
                payload(data, |payload| {
                    let request = Request { subject, headers, payload, timeout, own_inbox };
                    let value = move |reply| Value::Message(reply, flavour);
                    queue.ask(token, self.client()?, &request, value)
                })
            })??
        })
    }

    /// Requests many answers; yields a [`Subscription`]. `options` is a JSON object.
    #[pyo3(signature = (queue, token, subject, data, headers, options, /))]
    fn request_many(
        &self,
        queue: &Queue,
        token: u64,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        options: &str,
    ) -> Outcome<Operation> {
        let (client, flavour) = (self.client()?.clone(), self.flavour);
        let message = Outgoing::new(subject, data, None, headers)?;
        let mut many = ManyOptions::default();
        options::many(&mut many, options)?;
        queue.start(token, async move {
            let answers = client.request_many(&message.request(), &many).await?;
            let limit = client.options().pending_messages;
            Ok(Value::Subscription(Subscription::new(answers, flavour, limit)))
        })
    }

    /// The JetStream of its account; `options` is a JSON object, or empty.
    #[pyo3(signature = (options, /))]
    fn jetstream(&self, options: &str) -> Outcome<JetStream> {
        JetStream::new(self.client()?, self.flavour, options)
    }

    /// Flushes; yields the round-trip time in seconds.
    #[pyo3(signature = (queue, token, seconds, /))]
    fn rtt(&self, queue: &Queue, token: u64, seconds: Option<f64>) -> Outcome<Operation> {
        let client = self.client()?.clone();
        let timeout = seconds.map(duration).transpose()?.unwrap_or(client.options().flush_timeout);
        queue.start(token, async move {
            client.rtt_timeout(timeout).await.map(|time| Value::Seconds(time.as_secs_f64()))
        })
    }

    /// Drains. Under `emptied` it tells when every message has been taken, and then waits for
    /// [`Operation::handled`].
    #[pyo3(signature = (queue, token, emptied, /))]
    fn drain(&self, queue: &Queue, token: u64, emptied: u64) -> Outcome<Operation> {
        let client = self.client()?;
        let emptied = queue.events()?.ticket(emptied);
        let (sender, handled) = oneshot::channel();
        let drain = client.drain_with(client.options().drain_timeout, async move {
            emptied.complete(Ok(Value::Nothing));
            // An error says that nobody will tell, so there is nothing to wait for.
            let _ = handled.await;
        });
        let operation = queue.start(token, async { drain.await.map(|()| Value::Nothing) })?;
        Ok(operation.awaiting(sender))
    }

    /// Closes; completes once the socket is closed.
    #[pyo3(signature = (queue, token, /))]
    fn close(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let client = self.client()?.clone();
        client.close_now();
        queue.start(token, async move {
            client.closed().await;
            Ok(Value::Nothing)
        })
    }

    /// Leaves the server and connects anew.
    fn force_reconnect(&self) -> Outcome<()> {
        Ok(self.client()?.force_reconnect()?)
    }

    /// A new unique inbox subject.
    fn new_inbox(&self) -> Outcome<String> {
        Ok(self.client()?.new_inbox()?)
    }

    /// Counters.
    fn stats<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyDict>> {
        let stats = self.client()?.stats();
        let dict = PyDict::new(py);
        for (name, value) in [
            ("in_msgs", stats.in_messages),
            ("out_msgs", stats.out_messages),
            ("in_bytes", stats.in_bytes),
            ("out_bytes", stats.out_bytes),
            ("reconnects", stats.reconnects),
            ("errors_received", stats.errors),
            ("dropped_in", stats.dropped_in),
            ("dropped_out", stats.dropped_out),
        ] {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    /// The state's name.
    #[getter]
    fn state(&self) -> Outcome<&'static str> {
        Ok(StateKind::from(self.client()?.state()).name())
    }

    /// The server's INFO as JSON.
    #[getter]
    fn server_info(&self) -> Outcome<String> {
        let json = serde_json::to_string(&*self.client()?.server_info());
        Ok(json.map_err(|error| Error::new(Code::Internal, error.to_string()))?)
    }

    #[getter]
    fn connected_url(&self) -> Outcome<Option<String>> {
        Ok(self.client()?.connected_url())
    }

    #[getter]
    fn servers(&self) -> Outcome<Vec<String>> {
        Ok(self.client()?.servers())
    }

    #[getter]
    fn discovered_servers(&self) -> Outcome<Vec<String>> {
        Ok(self.client()?.discovered_servers())
    }

    /// The servers that it knows, as JSON.
    #[getter]
    fn server_pool(&self) -> Outcome<String> {
        Ok(question::servers(&self.client()?.server_pool()).to_string())
    }

    #[pyo3(signature = (urls, /))]
    fn set_servers(&self, urls: Vec<String>) -> Outcome<()> {
        Ok(self.client()?.set_servers(urls)?)
    }

    #[getter]
    fn outbound_pending(&self) -> Outcome<usize> {
        Ok(self.client()?.outbound_pending())
    }

    /// The option `drain_timeout` in seconds.
    #[getter]
    fn drain_timeout(&self) -> Outcome<f64> {
        Ok(self.client()?.options().drain_timeout.as_secs_f64())
    }

    #[getter]
    fn last_error<'py>(&self, py: Python<'py>) -> Outcome<Option<Bound<'py, PyAny>>> {
        let error = self.client()?.last_error();
        Ok(error.map(|error| exception(py, &error)).transpose()?)
    }
}
