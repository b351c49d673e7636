//! Streams: made, changed, looked at, emptied and removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api::{Done, EMPTY, expect_name, json as encode, unreadable};
use super::config::cluster::ClusterInfo;
use super::config::source::{External, SourceInfo, StreamSource};
use super::config::stream::{StreamConfig, list};
use super::config::{Extra, is_default};
use super::context::JetStream;
use super::level;
use super::name::check;
use super::page::Page;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::subject::Filter;

/// A stream as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its configuration.
    pub config: StreamConfig,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// What it holds.
    pub state: StreamState,
    /// The domain it is in.
    #[serde(skip_serializing_if = "is_default")]
    pub domain: String,
    /// The servers that hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterInfo>,
    /// How far it has come with the stream that it mirrors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<SourceInfo>,
    /// How far it has come with those that it gathers from.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub sources: Vec<SourceInfo>,
    /// Other streams with the same messages, the nearest first.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub alternates: Vec<Alternate>,
    /// The server's time, in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub ts: String,
    /// Of one that was to be made: whether it is new.
    #[serde(skip_serializing_if = "is_default")]
    pub did_create: bool,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a stream holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StreamState {
    /// Messages.
    pub messages: u64,
    /// Bytes.
    pub bytes: u64,
    /// The sequence of the first message.
    pub first_seq: u64,
    /// When it was stored, in RFC 3339.
    pub first_ts: String,
    /// The sequence of the last message.
    pub last_seq: u64,
    /// When it was stored, in RFC 3339.
    pub last_ts: String,
    /// Consumers.
    pub consumer_count: u64,
    /// Subjects that have messages.
    #[serde(skip_serializing_if = "is_default")]
    pub num_subjects: u64,
    /// Messages between the first and the last that are gone.
    #[serde(skip_serializing_if = "is_default")]
    pub num_deleted: u64,
    /// Their sequences, when they are asked for.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub deleted: Vec<u64>,
    /// How many messages subjects have, of those that are asked for.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "map")]
    pub subjects: BTreeMap<String, u64>,
    /// What was damaged on disk and is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostData>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Messages that were damaged on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LostData {
    /// Their sequences.
    #[serde(deserialize_with = "list")]
    pub msgs: Vec<u64>,
    /// Bytes.
    pub bytes: u64,
}

/// A stream with the same messages as another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Alternate {
    /// Its name.
    pub name: String,
    /// Its domain.
    #[serde(skip_serializing_if = "is_default")]
    pub domain: String,
    /// Its cluster.
    pub cluster: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What is to be known of a stream besides the usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InfoOptions {
    /// How many messages each of these subjects has; wildcards allowed.
    pub subjects_filter: Option<String>,
    /// The sequences that are gone.
    pub deleted_details: bool,
}

/// Which messages go; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PurgeOptions {
    /// Only those of these subjects; wildcards allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Only those before this sequence.
    #[serde(rename = "seq", skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// So many of the newest stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
}

#[derive(Deserialize)]
struct Purged {
    purged: u64,
}

impl JetStream {
    /// Makes a stream. One that is there with the same configuration is as good.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::StreamExists`] when there is one of the name with another
    /// configuration; [`Code::Unsupported`] when the server does not know what the configuration asks
    /// for; [`Code::InvalidArgument`] for a source with both a domain and a place;
    /// those of [`JetStream::account_info`].
    pub async fn create_stream(&self, config: &StreamConfig) -> Result<StreamInfo> {
        self.put_stream("CREATE", config).await
    }

    /// Changes the configuration of a stream. Not everything can be changed.
    ///
    /// # Errors
    /// [`Code::StreamNotFound`]; otherwise as [`JetStream::create_stream`].
    pub async fn update_stream(&self, config: &StreamConfig) -> Result<StreamInfo> {
        self.put_stream("UPDATE", config).await
    }

    /// Changes a stream, or makes it when it is not there.
    ///
    /// # Errors
    /// As [`JetStream::update_stream`].
    pub async fn create_or_update_stream(&self, config: &StreamConfig) -> Result<StreamInfo> {
        match self.update_stream(config).await {
            Err(error) if error.code() == Code::StreamNotFound => self.create_stream(config).await,
            updated => updated,
        }
    }

    async fn put_stream(&self, verb: &str, config: &StreamConfig) -> Result<StreamInfo> {
        check("stream", &config.name)?;
        let needed = level::of_stream(config, &self.client.server_info())?;
        let headers = required_level(needed)?;
        let path = format!("STREAM.{verb}.{}", config.name);
        let info = self.call_with(&path, &encode(&placed(config)?)?, headers.as_ref()).await;
        named(&path, &config.name, info)
    }

    /// A stream as it is.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::StreamNotFound`]; those of [`JetStream::account_info`].
    pub async fn stream_info(&self, stream: &str) -> Result<StreamInfo> {
        check("stream", stream)?;
        let path = format!("STREAM.INFO.{stream}");
        named(&path, stream, self.call(&path, EMPTY).await)
    }

    /// A stream as it is, with what is asked for; subjects come in as many answers as it takes.
    ///
    /// # Errors
    /// As [`JetStream::stream_info`], and [`Code::InvalidSubject`].
    pub async fn stream_info_with(
        &self,
        stream: &str,
        options: &InfoOptions,
    ) -> Result<StreamInfo> {
        check("stream", stream)?;
        let path = format!("STREAM.INFO.{stream}");
        let mut request = json!({"deleted_details": options.deleted_details});
        let Some(filter) = &options.subjects_filter else {
            return named(&path, stream, self.send(&path, &request).await);
        };
        Filter::new(filter)?;
        request["subjects_filter"] = filter.as_str().into();
        let mut info = named(&path, stream, self.send(&path, &request).await)?;
        let mut asked = info.state.subjects.len() as u64;
        while asked < total(&info) {
            request["offset"] = asked.into();
            let next = named(&path, stream, self.send(&path, &request).await)?;
            if next.state.subjects.is_empty() {
                break;
            }
            let before = info.state.subjects.len();
            asked += next.state.subjects.len() as u64;
            info.state.subjects.extend(next.state.subjects);
            if info.state.subjects.len() == before {
                return Err(unreadable(&path, "the same subjects come again"));
            }
        }
        Ok(info)
    }

    /// Removes a stream with its messages and consumers.
    ///
    /// # Errors
    /// As [`JetStream::stream_info`].
    pub async fn delete_stream(&self, stream: &str) -> Result<()> {
        check("stream", stream)?;
        let path = format!("STREAM.DELETE.{stream}");
        self.call::<Done>(&path, EMPTY).await?.check(&path)
    }

    /// Removes messages of a stream; how many.
    ///
    /// # Errors
    /// As [`JetStream::stream_info`]; [`Code::InvalidArgument`] for both `before` and `keep`;
    /// [`Code::InvalidSubject`].
    pub async fn purge_stream(&self, stream: &str, options: &PurgeOptions) -> Result<u64> {
        check("stream", stream)?;
        if options.before.is_some() && options.keep.is_some() {
            let text = "before and keep: expected one of them";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        if let Some(filter) = &options.filter {
            Filter::new(filter)?;
        }
        let purged: Purged = self.send(&format!("STREAM.PURGE.{stream}"), options).await?;
        Ok(purged.purged)
    }

    /// The names of all streams, or of those that have messages of these subjects.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`].
    pub fn stream_names(&self, subject: Option<&str>) -> Result<Page<String>> {
        Ok(Page::new(self, "STREAM.NAMES".into(), "streams", by_subject(subject)?))
    }

    /// All streams, or those that have messages of these subjects.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`].
    pub fn streams(&self, subject: Option<&str>) -> Result<Page<StreamInfo>> {
        Ok(Page::new(self, "STREAM.LIST".into(), "streams", by_subject(subject)?))
    }

    /// The name of the stream that keeps the messages of a subject.
    ///
    /// # Errors
    /// [`Code::StreamNotFound`] when there is none; [`Code::InvalidSubject`]; those of
    /// [`JetStream::account_info`].
    pub async fn stream_by_subject(&self, subject: &str) -> Result<String> {
        self.stream_names(Some(subject))?.next().await?.ok_or_else(|| {
            let text = format!("no stream has the subject \"{}\"", subject.escape_debug());
            Error::new(Code::StreamNotFound, text)
        })
    }
}

/// What was told of the stream of this name.
fn named(path: &str, name: &str, told: Result<StreamInfo>) -> Result<StreamInfo> {
    let info = told?;
    expect_name(path, name, &info.config.name)?;
    Ok(info)
}

/// Asks servers since 2.12 to refuse what they do not know (ADR-44).
pub(crate) fn required_level(level: u32) -> Result<Option<Headers>> {
    if level == 0 {
        return Ok(None);
    }
    let mut headers = Headers::new();
    headers.set("Nats-Required-Api-Level", &level.to_string())?;
    Ok(Some(headers))
}

fn by_subject(subject: Option<&str>) -> Result<Map<String, Value>> {
    let mut request = Map::new();
    if let Some(subject) = subject {
        Filter::new(subject)?;
        request.insert("subject".into(), subject.into());
    }
    Ok(request)
}

/// The number of subjects that the paged answer has altogether.
fn total(info: &StreamInfo) -> u64 {
    info.extra.get("total").and_then(Value::as_u64).unwrap_or(0)
}

/// The configuration with domains as the server knows them: as prefixes of an API elsewhere.
fn placed(config: &StreamConfig) -> Result<StreamConfig> {
    let mut config = config.clone();
    for source in config.sources.iter_mut().chain(&mut config.mirror) {
        place(source)?;
    }
    Ok(config)
}

fn place(source: &mut StreamSource) -> Result<()> {
    if source.domain.is_empty() {
        return Ok(());
    }
    if source.external.is_some() {
        let text = format!("{}: domain and external: expected one of them", source.name);
        return Err(Error::new(Code::InvalidArgument, text));
    }
    let api = format!("$JS.{}.API", std::mem::take(&mut source.domain));
    source.external = Some(External { api, deliver: String::new() });
    Ok(())
}

/// The server may write null for an object.
fn map<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, u64>, D::Error> {
    Option::<BTreeMap<String, u64>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
