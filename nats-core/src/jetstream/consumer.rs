//! Consumers: made, changed, looked at, paused and removed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api::{Done, EMPTY, expect_name, json as encode, read};
use super::config::cluster::ClusterInfo;
use super::config::consumer::{ConsumerConfig, DeliverPolicy};
use super::config::stream::list;
use super::config::{Extra, is_default, nanos};
use super::context::JetStream;
use super::level;
use super::name::check;
use super::page::Page;
use super::stream::required_level;
use crate::conn::nuid::nuid;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::subject::Filter;

const IDENTITY: &str = "Nats-Stream-Identity";

/// A consumer as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ConsumerInfo {
    /// Its stream.
    pub stream_name: String,
    /// Its name.
    pub name: String,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// Its configuration.
    pub config: ConsumerConfig,
    /// The last message that was delivered.
    pub delivered: SequencePair,
    /// The last message before which all are acknowledged.
    pub ack_floor: SequencePair,
    /// Messages that wait for their acknowledgement.
    pub num_ack_pending: u64,
    /// Those of them that were delivered more than once.
    pub num_redelivered: u64,
    /// Pulls that wait.
    pub num_waiting: u64,
    /// Messages that are still to be delivered.
    pub num_pending: u64,
    /// The servers that hold its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterInfo>,
    /// Whether somebody listens to where it pushes.
    #[serde(skip_serializing_if = "is_default")]
    pub push_bound: bool,
    /// Whether it pauses (server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub paused: bool,
    /// For how long it still does.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub pause_remaining: Duration,
    /// Its groups of those that pull (server 2.11).
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub priority_groups: Vec<PriorityGroupState>,
    /// The server's time, in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub ts: String,
    /// Of a consumer that was reset: the sequence of the next message (server 2.14).
    #[serde(skip_serializing_if = "is_default")]
    pub reset_seq: u64,
    /// Of a consumer that was reset, in a cluster: the id of its stream, which another one of the same
    /// name does not have (server 2.15).
    #[serde(skip_serializing_if = "is_default")]
    pub stream_identity: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The place of a message in a consumer and in its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SequencePair {
    /// In the consumer.
    pub consumer_seq: u64,
    /// In the stream.
    pub stream_seq: u64,
    /// When it was there, in RFC 3339; empty: never.
    #[serde(skip_serializing_if = "is_default")]
    pub last_active: String,
}

/// A group of those that pull.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PriorityGroupState {
    /// Its name.
    pub group: String,
    /// The id of the client that is pinned.
    #[serde(skip_serializing_if = "is_default")]
    pub pinned_client_id: String,
    /// Since when it is, in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub pinned_ts: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Whether a consumer pauses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PauseState {
    /// It does.
    pub paused: bool,
    /// Until when, in RFC 3339.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pause_until: String,
    /// For how long still.
    #[serde(default, with = "nanos", skip_serializing_if = "is_default")]
    pub pause_remaining: Duration,
}

impl JetStream {
    /// Makes a consumer. One that is there with the same configuration is as good. Without a name it
    /// has one that is made up, and goes when it is unused.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::StreamNotFound`]; [`Code::ConsumerExists`] when there is one of
    /// the name with another configuration; [`Code::Unsupported`] when the server does not know what
    /// the configuration asks for; [`Code::InvalidArgument`] for members that exclude each other;
    /// [`Code::InvalidSubject`]; those of [`JetStream::account_info`].
    pub async fn create_consumer(
        &self,
        stream: &str,
        config: &ConsumerConfig,
    ) -> Result<ConsumerInfo> {
        self.put_consumer(stream, config, "create").await
    }

    /// Changes a consumer. Not everything can be changed.
    ///
    /// # Errors
    /// [`Code::ConsumerNotFound`]; otherwise as [`JetStream::create_consumer`].
    pub async fn update_consumer(
        &self,
        stream: &str,
        config: &ConsumerConfig,
    ) -> Result<ConsumerInfo> {
        match self.put_consumer(stream, config, "update").await {
            // The server's word for a consumer that is not there.
            Err(error) if error.api().is_some_and(|api| api.err_code == 10149) => {
                let api = error.api().cloned().unwrap_or_default();
                Err(Error::of_api(Code::ConsumerNotFound, error.text().to_owned(), api))
            }
            updated => updated,
        }
    }

    /// Changes a consumer, or makes it when it is not there.
    ///
    /// # Errors
    /// As [`JetStream::create_consumer`].
    pub async fn create_or_update_consumer(
        &self,
        stream: &str,
        config: &ConsumerConfig,
    ) -> Result<ConsumerInfo> {
        self.put_consumer(stream, config, "").await
    }

    async fn put_consumer(
        &self,
        stream: &str,
        config: &ConsumerConfig,
        action: &str,
    ) -> Result<ConsumerInfo> {
        check("stream", stream)?;
        let config = named(config)?;
        consistent(&config)?;
        let needed = level::of_consumer(&config, &self.client.server_info())?;
        let headers = required_level(needed)?;
        let mut path = format!("CONSUMER.CREATE.{stream}.{}", config.name);
        // Permissions may allow consumers of some subjects only.
        if !config.filter_subject.is_empty() {
            path.push('.');
            path.push_str(&config.filter_subject);
        }
        let mut request = json!({"stream_name": stream, "config": config});
        if !action.is_empty() {
            request["action"] = action.into();
        }
        if config.pedantic {
            request["pedantic"] = true.into();
        }
        let info = self.call_with(&path, &encode(&request)?, headers.as_ref()).await;
        told(&path, &config.name, info)
    }

    /// A consumer as it is.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::ConsumerNotFound`]; [`Code::StreamNotFound`]; those of
    /// [`JetStream::account_info`].
    pub async fn consumer_info(&self, stream: &str, consumer: &str) -> Result<ConsumerInfo> {
        let path = of("INFO", stream, consumer)?;
        told(&path, consumer, self.call(&path, EMPTY).await)
    }

    /// Removes a consumer.
    ///
    /// # Errors
    /// As [`JetStream::consumer_info`].
    pub async fn delete_consumer(&self, stream: &str, consumer: &str) -> Result<()> {
        let path = of("DELETE", stream, consumer)?;
        self.call::<Done>(&path, EMPTY).await?.check(&path)
    }

    /// Has a consumer deliver nothing until then, in RFC 3339 (server 2.11).
    ///
    /// # Errors
    /// As [`JetStream::consumer_info`], and [`Code::Unsupported`].
    pub async fn pause_consumer(
        &self,
        stream: &str,
        consumer: &str,
        until: &str,
    ) -> Result<PauseState> {
        let path = of("PAUSE", stream, consumer)?;
        level::of_operation("a pause", (2, 11), &self.client)?;
        self.send(&path, &json!({"pause_until": until})).await
    }

    /// Has a paused consumer deliver again (server 2.11).
    ///
    /// # Errors
    /// As [`JetStream::pause_consumer`].
    pub async fn resume_consumer(&self, stream: &str, consumer: &str) -> Result<PauseState> {
        let path = of("PAUSE", stream, consumer)?;
        level::of_operation("a pause", (2, 11), &self.client)?;
        self.call(&path, EMPTY).await
    }

    /// Has a consumer begin anew behind its acknowledged messages, or at a sequence (ADR-60, server
    /// 2.14); how it is then.
    ///
    /// # Errors
    /// As [`JetStream::pause_consumer`].
    pub async fn reset_consumer(
        &self,
        stream: &str,
        consumer: &str,
        sequence: Option<u64>,
    ) -> Result<ConsumerInfo> {
        let path = of("RESET", stream, consumer)?;
        level::of_operation("a reset", (2, 14), &self.client)?;
        let body = match sequence {
            Some(sequence) => encode(&json!({"seq": sequence}))?,
            None => EMPTY.to_vec(),
        };
        // Servers leave a reset of what is not there unanswered.
        if let Err(error) = self.consumer_info(stream, consumer).await
            && matches!(error.code(), Code::StreamNotFound | Code::ConsumerNotFound)
        {
            return Err(error);
        }
        let mut headers = Headers::new();
        if self.client.server_info().version_at_least(2, 15, 0) {
            // Whoever asks for it is told the identity of the stream.
            headers.set(IDENTITY, "")?;
        }
        let answer = self.ask(&path, &body, Some(&headers)).await?;
        let mut info: ConsumerInfo = read(&path, answer.payload())?;
        if let Some(identity) = answer.header(IDENTITY) {
            info.stream_identity = identity.to_owned();
        }
        told(&path, consumer, Ok(info))
    }

    /// Lets go of the client that is pinned in a group (ADR-42, server 2.11).
    ///
    /// # Errors
    /// As [`JetStream::pause_consumer`].
    pub async fn unpin_consumer(&self, stream: &str, consumer: &str, group: &str) -> Result<()> {
        let path = of("UNPIN", stream, consumer)?;
        level::of_operation("an unpin", (2, 11), &self.client)?;
        self.send::<Value>(&path, &json!({"group": group})).await.map(drop)
    }

    /// The names of a stream's consumers.
    ///
    /// # Errors
    /// [`Code::InvalidName`].
    pub fn consumer_names(&self, stream: &str) -> Result<Page<String>> {
        check("stream", stream)?;
        Ok(Page::new(self, format!("CONSUMER.NAMES.{stream}"), "consumers", Map::new()))
    }

    /// A stream's consumers.
    ///
    /// # Errors
    /// [`Code::InvalidName`].
    pub fn consumers(&self, stream: &str) -> Result<Page<ConsumerInfo>> {
        check("stream", stream)?;
        Ok(Page::new(self, format!("CONSUMER.LIST.{stream}"), "consumers", Map::new()))
    }
}

fn of(verb: &str, stream: &str, consumer: &str) -> Result<String> {
    check("stream", stream)?;
    check("consumer", consumer)?;
    Ok(format!("CONSUMER.{verb}.{stream}.{consumer}"))
}

/// What was told of the consumer of this name.
fn told(path: &str, name: &str, told: Result<ConsumerInfo>) -> Result<ConsumerInfo> {
    let info = told?;
    expect_name(path, name, &info.name)?;
    Ok(info)
}

/// The configuration with a name.
fn named(config: &ConsumerConfig) -> Result<ConsumerConfig> {
    let mut config = config.clone();
    if config.name.is_empty() {
        config.name = match config.durable_name.as_str() {
            "" => nuid()?,
            durable => durable.to_owned(),
        };
    }
    check("consumer", &config.name)?;
    if !config.durable_name.is_empty() && config.durable_name != config.name {
        return conflict("name and durable_name: expected the same, or one of them");
    }
    Ok(config)
}

fn conflict<T>(text: &'static str) -> Result<T> {
    Err(Error::new(Code::InvalidArgument, text))
}

/// What servers would refuse later, or take for something else.
fn consistent(config: &ConsumerConfig) -> Result<()> {
    for filter in config.filter_subjects.iter().chain(Some(&config.filter_subject)) {
        if !filter.is_empty() {
            Filter::new(filter)?;
        }
    }
    if !config.filter_subject.is_empty() && !config.filter_subjects.is_empty() {
        return conflict("filter_subject and filter_subjects: expected one of them");
    }
    let by_sequence = config.deliver_policy == DeliverPolicy::ByStartSequence;
    if by_sequence != (config.opt_start_seq != 0) {
        return conflict(
            "opt_start_seq and deliver_policy by_start_sequence: expected both or none",
        );
    }
    let by_time = config.deliver_policy == DeliverPolicy::ByStartTime;
    if by_time == config.opt_start_time.is_empty() {
        return conflict("opt_start_time and deliver_policy by_start_time: expected both or none");
    }
    if config.deliver_subject.is_empty() && !config.deliver_group.is_empty() {
        return conflict("deliver_group: expected a deliver_subject, too");
    }
    Ok(())
}
