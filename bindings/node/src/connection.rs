//! A connection as the scripts hold it.

use std::cell::RefCell;
use std::sync::Arc;

use napi::bindgen_prelude::Env;
use napi_derive::napi;
use nats_bridge::connection::Connection as Link;
use nats_bridge::options;
use nats_bridge::question;
use nats_bridge::queue::Queue;
use nats_bridge::wait;
use nats_core::{Code, Error, Headers, ManyOptions, Publish, Request, State, SubscribeOptions};
use serde_json::json;
use tokio::sync::Notify;

use crate::argument::{Pairs, Payload, Text, duration, headers};
use crate::block::Buffer;
use crate::error::{Result, raise};
use crate::outbox::Outbox;
use crate::queue::{Operation, Value, reply_timeout, start};
use crate::subscription::Subscription;

/// A connection. Its end closes it.
#[napi]
pub struct Connection {
    pub(crate) link: Arc<Link>,
    pub(crate) queue: Queue<Value>,
    outbox: RefCell<Outbox>,
    /// The scripts have handled what a drain has delivered.
    handled: Arc<Notify>,
}

/// Counters of a connection.
#[napi(object, object_from_js = false)]
#[allow(missing_docs)] // the names are those of nats_core::Stats
pub struct Stats {
    pub in_bytes: f64,
    pub out_bytes: f64,
    pub in_msgs: f64,
    pub out_msgs: f64,
    pub reconnects: f64,
    pub dropped_in: f64,
    pub dropped_out: f64,
    pub errors: f64,
    pub outbound_pending: f64,
}

/// An error that was kept.
#[napi(object, object_from_js = false)]
pub struct LastError {
    /// The number of its code.
    pub code: i32,
    /// Its text.
    pub text: String,
}

impl Connection {
    pub(crate) fn new(link: Arc<Link>, queue: Queue<Value>) -> Connection {
        Connection { link, queue, outbox: RefCell::default(), handled: Arc::default() }
    }

    /// Headers were accepted: they have this number in records from now on, unless it is 0, and
    /// records may be put down.
    pub(crate) fn accept(&self, number: u32, headers: Option<&Arc<Headers>>) {
        let mut outbox = self.outbox.borrow_mut();
        if let Some(headers) = headers {
            outbox.name_headers(number, headers);
        }
        outbox.grant(&self.link);
    }

    /// Hands over what was published before; records may be put down again once a publish in full
    /// has found how much room there is then.
    pub(crate) fn cross(&self) {
        let mut outbox = self.outbox.borrow_mut();
        outbox.hand_over(&self.link, &self.queue);
        outbox.revoke();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A worker that is terminated leaves what it has published last.
        self.cross();
    }
}

#[napi]
impl Connection {
    /// The block of the records, see `src/outbox.rs`. Called once.
    ///
    /// # Errors
    /// When there is no memory.
    #[napi(catch_unwind)]
    pub fn outbox(&self, env: Env) -> napi::Result<Buffer> {
        self.outbox.borrow_mut().open(&env)
    }

    /// Publishes the records, then this; waits for room in the outbound buffer only when there is
    /// none. The headers have this number in records from now on, unless it is 0.
    ///
    /// # Errors
    /// Those of `Client::publish_with`.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        subject: Text,
        payload: Payload,
        reply: Option<Text>,
        pairs: Option<Pairs>,
        headers_number: u32,
        answers: bool,
    ) -> Result<()> {
        let headers = headers(pairs)?.map(Arc::new);
        let publish = Publish {
            reply: reply.as_ref().map(Text::as_str).transpose()?,
            headers: headers.as_deref(),
            answers,
            ..Publish::new(subject.as_str()?, payload.bytes())
        };
        self.cross();
        self.link.publish(&publish).map_err(raise)?;
        self.accept(headers_number, headers.as_ref());
        Ok(())
    }

    /// Publishes the records.
    ///
    /// # Errors
    /// Why records were refused, this time or since the last call.
    #[napi(catch_unwind)]
    pub fn hand_over(&self) -> Result<()> {
        self.cross();
        self.outbox.borrow_mut().fault().map_or(Ok(()), |error| Err(raise(error)))
    }

    /// The program ends: sends the records, and waits until the server has had what was published,
    /// for at most the time that a publish waits for room.
    #[napi(catch_unwind)]
    pub fn leave(&self) {
        self.cross();
        let client = self.link.client();
        if client.state() == State::Connected {
            // There is nobody left to be told of a failure.
            let _ = wait::block_on(client.flush_timeout(client.options().publish_timeout));
        }
    }

    /// Subscribes; readiness is reported under `token`.
    ///
    /// # Errors
    /// Those of `Client::subscribe_with`; INVALID_OPTION.
    #[napi(catch_unwind)]
    pub fn subscribe(&self, token: f64, subject: Text, options: String) -> Result<Subscription> {
        self.cross();
        let mut parsed = SubscribeOptions::default();
        options::subscribe(&mut parsed, &options).map_err(raise)?;
        let core = self.link.subscribe(subject.as_str()?, &parsed).map_err(raise)?;
        let subscription = Subscription::new(core, self.queue.clone());
        subscription.watch(token)?;
        Ok(subscription)
    }

    /// Sends the records, then a request; completes with the reply. Without a time the connection's
    /// `request_timeout` applies. The headers get a number as in [`Connection::publish`].
    ///
    /// # Errors
    /// Those of a request that show at once; all others come with the completion.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)] // an object of them would cost more than the call
    pub fn request(
        &self,
        token: f64,
        subject: Text,
        payload: Payload,
        pairs: Option<Pairs>,
        headers_number: u32,
        timeout: u32,
    ) -> Result<()> {
        self.cross();
        let headers = headers(pairs)?.map(Arc::new);
        let request = Request {
            headers: headers.as_deref(),
            timeout: reply_timeout(timeout),
            ..Request::new(subject.as_str()?, payload.bytes())
        };
        self.ask(token, &request)?;
        self.accept(headers_number, headers.as_ref());
        Ok(())
    }

    /// Like [`Connection::request`], for a request that can be given up, waits for a time that is
    /// no whole number, or has an inbox of its own.
    ///
    /// # Errors
    /// As [`Connection::request`].
    #[napi(catch_unwind)]
    pub fn request_apart(
        &self,
        token: f64,
        subject: Text,
        payload: Payload,
        pairs: Option<Pairs>,
        timeout: Option<f64>,
        own_inbox: bool,
    ) -> Result<Operation> {
        self.cross();
        let headers = headers(pairs)?;
        self.ask(
            token,
            &Request {
                subject: subject.as_str()?,
                headers: headers.as_ref(),
                payload: payload.bytes(),
                timeout: timeout.map(duration),
                own_inbox,
            },
        )
    }

    /// Sends a request for many replies; completes with their subscription, which is not watched
    /// yet.
    ///
    /// # Errors
    /// INVALID_OPTION and those of the headers; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn request_many(
        &self,
        token: f64,
        subject: Text,
        payload: Payload,
        pairs: Option<Pairs>,
        options: String,
    ) -> Result<Operation> {
        self.cross();
        let mut parsed = ManyOptions::default();
        options::many(&mut parsed, &options).map_err(raise)?;
        let (subject, payload) = (subject.as_str()?.to_owned(), payload.bytes().to_vec());
        let (client, headers) = (self.link.client().clone(), headers(pairs)?);
        start(&self.queue, token, async move {
            let request = Request { headers: headers.as_ref(), ..Request::new(&subject, &payload) };
            client.request_many(&request, &parsed).await.map(Value::Subscription)
        })
    }

    /// Completes when the server has processed what was published, with the milliseconds that took.
    /// Without a time the connection's `flush_timeout` applies.
    ///
    /// # Errors
    /// Those of the runtime.
    #[napi(catch_unwind)]
    pub fn flush(&self, token: f64, timeout: Option<f64>) -> Result<Operation> {
        self.cross();
        let client = self.link.client().clone();
        let timeout = timeout.map_or(client.options().flush_timeout, duration);
        start(&self.queue, token, async move {
            let time = client.rtt_timeout(timeout).await?;
            Ok(Value::Number(time.as_secs_f64() * 1000.0))
        })
    }

    /// Closes gently: once the subscriptions are empty waits for [`Connection::handled`], then
    /// sends what was published. Without a time the connection's `drain_timeout` applies.
    ///
    /// # Errors
    /// Those of the runtime; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn drain(&self, token: f64, timeout: Option<f64>) -> Result<()> {
        self.cross();
        let client = self.link.client();
        let timeout = timeout.map_or(client.options().drain_timeout, duration);
        let handled = Arc::clone(&self.handled);
        let drain = client.drain_with(timeout, async move { handled.notified().await });
        start(&self.queue, token, async move { drain.await.map(|()| Value::Nothing) })?;
        Ok(())
    }

    /// Tells a drain that everything it has delivered was handled.
    #[napi(catch_unwind)]
    pub fn handled(&self) {
        self.handled.notify_one();
    }

    /// Begins to close. The event `closed` tells the end.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.cross();
        self.link.client().close_now();
    }

    /// Leaves the server and connects anew.
    ///
    /// # Errors
    /// CONNECTION_CLOSED.
    #[napi(catch_unwind)]
    pub fn reconnect(&self) -> Result<()> {
        self.cross();
        self.link.client().force_reconnect().map_err(raise)
    }

    /// A new inbox subject.
    ///
    /// # Errors
    /// IO when the system has no randomness.
    #[napi(catch_unwind)]
    pub fn new_inbox(&self) -> Result<String> {
        self.link.client().new_inbox().map_err(raise)
    }

    /// The name of the state.
    #[napi(getter, catch_unwind)]
    pub fn state(&self) -> &'static str {
        self.cross();
        self.link.state().name()
    }

    /// The URL of the server in use.
    #[napi(getter, catch_unwind)]
    pub fn url(&self) -> Option<String> {
        self.link.client().connected_url()
    }

    /// The server's description of itself, as JSON.
    ///
    /// # Errors
    /// INTERNAL.
    #[napi(catch_unwind)]
    pub fn info(&self) -> Result<String> {
        serde_json::to_string(&*self.link.client().server_info())
            .map_err(|e| raise(Error::new(Code::Internal, e.to_string())))
    }

    /// All servers that are known, those among them that the cluster told of, and what is known of
    /// each, as JSON.
    #[napi(catch_unwind)]
    pub fn servers(&self) -> String {
        let client = self.link.client();
        let (known, discovered) = (client.servers(), client.discovered_servers());
        let pool = question::servers(&client.server_pool());
        json!({ "known": known, "discovered": discovered, "pool": pool }).to_string()
    }

    /// Replaces them.
    ///
    /// # Errors
    /// INVALID_URL.
    #[napi(catch_unwind)]
    pub fn set_servers(&self, urls: Vec<String>) -> Result<()> {
        self.link.client().set_servers(urls).map_err(raise)
    }

    /// Numbers.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Stats {
        self.cross();
        let (client, stats) = (self.link.client(), self.link.client().stats());
        Stats {
            in_bytes: stats.in_bytes as f64,
            out_bytes: stats.out_bytes as f64,
            in_msgs: stats.in_messages as f64,
            out_msgs: stats.out_messages as f64,
            reconnects: stats.reconnects as f64,
            dropped_in: stats.dropped_in as f64,
            dropped_out: (stats.dropped_out + self.outbox.borrow().refused()) as f64,
            errors: stats.errors as f64,
            outbound_pending: client.outbound_pending() as f64,
        }
    }

    /// The last error of the connection.
    #[napi(catch_unwind)]
    pub fn last_error(&self) -> Option<LastError> {
        let error = self.link.client().last_error()?;
        Some(LastError { code: error.code().number(), text: error.text().to_owned() })
    }
}

impl Connection {
    fn ask(&self, token: f64, request: &Request<'_>) -> Result<Operation> {
        let asked = self.queue.ask(token as u64, self.link.client(), request, Value::Message);
        asked.map(Operation).map_err(raise)
    }
}
