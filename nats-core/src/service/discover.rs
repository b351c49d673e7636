//! Finding services.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::{INFO, PING, STATS, ServiceInfo, ServicePing, ServiceStats};
use super::error::ServiceError;
use super::name::{check_id, check_name};
use crate::client::handle::Client;
use crate::client::many::ManyOptions;
use crate::client::message::Message;
use crate::client::request::Request;
use crate::client::subscription::Subscription;
use crate::error::{Code, Error, Result};

/// How to look for services.
#[derive(Clone, Debug)]
pub struct DiscoverOptions {
    /// What the subjects of monitors begin with, where those of another account have another name.
    /// Default `$SRV`.
    pub prefix: String,
    /// When answers end. Default: 300 ms after the last one, 2 s in all. Those of one instance end
    /// with the first one.
    pub wait: ManyOptions,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        let stall = Some(Duration::from_millis(300));
        let wait = ManyOptions { max_wait: Duration::from_secs(2), stall, ..Default::default() };
        DiscoverOptions { prefix: "$SRV".to_owned(), wait }
    }
}

/// Looks for services: all of them, those of a name, or one instance by name and id.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    client: Client,
    options: DiscoverOptions,
}

impl Client {
    /// Looks for services, in the usual way.
    pub fn discover(&self) -> ServiceClient {
        self.discover_with(DiscoverOptions::default())
    }

    /// Looks for services.
    pub fn discover_with(&self, options: DiscoverOptions) -> ServiceClient {
        ServiceClient { client: self.clone(), options }
    }
}

impl ServiceClient {
    /// Which services there are.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::InvalidArgument`] for an id that is not one, or without a
    /// name; [`Code::InvalidSubject`] for the prefix; those of [`Client::request_many`].
    pub async fn ping(&self, name: Option<&str>, id: Option<&str>) -> Result<Answers<ServicePing>> {
        self.ask("PING", PING, name, id).await
    }

    /// What they are.
    ///
    /// # Errors
    /// As [`ServiceClient::ping`].
    pub async fn info(&self, name: Option<&str>, id: Option<&str>) -> Result<Answers<ServiceInfo>> {
        self.ask("INFO", INFO, name, id).await
    }

    /// What they have done.
    ///
    /// # Errors
    /// As [`ServiceClient::ping`].
    pub async fn stats(
        &self,
        name: Option<&str>,
        id: Option<&str>,
    ) -> Result<Answers<ServiceStats>> {
        self.ask("STATS", STATS, name, id).await
    }

    async fn ask<T>(
        &self,
        verb: &str,
        kind: &'static str,
        name: Option<&str>,
        id: Option<&str>,
    ) -> Result<Answers<T>> {
        let mut subject = format!("{}.{verb}", self.options.prefix);
        let mut wait = self.options.wait;
        if let Some(name) = name {
            check_name(name)?;
            subject = format!("{subject}.{name}");
        }
        if let Some(id) = id {
            if name.is_none() {
                return Err(Error::new(Code::InvalidArgument, "id: expected together with a name"));
            }
            check_id(id)?;
            subject = format!("{subject}.{id}");
            wait.max_messages = wait.max_messages.or(Some(1));
        }
        let request = Request::new(&subject, &[]);
        let replies = self.client.request_many(&request, &wait).await?;
        Ok(Answers { replies, kind, over: false, read: PhantomData })
    }
}

/// What services answer, as it comes. There are none when nobody is there.
pub struct Answers<T> {
    replies: Subscription,
    /// The type that they are to have.
    kind: &'static str,
    over: bool,
    read: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Answers<T> {
    /// The next answer. None: there are no more.
    ///
    /// # Errors
    /// An answer that is none is an error and not the end: [`Code::InvalidJson`], or
    /// [`Code::ServiceError`] when a service says that it cannot tell. A connection that is lost
    /// meanwhile ends them with [`Code::ConnectionLost`] or [`Code::ConnectionClosed`].
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All that are left.
    ///
    /// # Errors
    /// The first of [`Answers::next`].
    pub async fn all(&mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(answer) = self.next().await {
            all.push(answer?);
        }
        Ok(all)
    }

    /// The answers as they come, for who reads them without this.
    pub fn into_messages(self) -> Subscription {
        self.replies
    }

    fn read(&self, answer: &Message) -> Result<T> {
        if let Some(error) = ServiceError::of(answer) {
            return Err(error.into());
        }
        let bad = |what: &dyn fmt::Display| {
            Error::new(Code::InvalidJson, format!("answer of a service: {what}"))
        };
        let value: Value = serde_json::from_slice(answer.payload()).map_err(|e| bad(&e))?;
        if value.get("type").and_then(Value::as_str) != Some(self.kind) {
            return Err(bad(&format_args!("type: expected {}", self.kind)));
        }
        serde_path_to_error::deserialize(value).map_err(|e| bad(&e))
    }

    /// How the answers ended.
    fn end(&mut self) -> Option<Result<T>> {
        self.over = true;
        let reason = self.replies.end_reason()?;
        let usual = matches!(reason.code(), Code::SubscriptionEnded | Code::NoResponders);
        (!usual).then_some(Err(reason))
    }
}

impl<T: DeserializeOwned> Stream for Answers<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let next = ready!(Pin::new(&mut self.replies).poll_next(cx));
        Poll::Ready(match next {
            Some(answer) => Some(self.read(&answer)),
            None => self.end(),
        })
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("kind", &self.kind).finish_non_exhaustive()
    }
}
