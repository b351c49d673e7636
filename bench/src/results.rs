//! The JSON file with the results of one run.

use std::fs;
use std::path::Path;

use nats_harness::{Error, Result};
use serde::{Deserialize, Serialize};

/// The number of the file's layout.
pub const SCHEMA: u32 = 1;

/// The name of the client that is the physical limit of the machine.
pub const FLOOR: &str = "floor";

/// Everything that one run has measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When the run began, in UTC, as RFC 3339 has it.
    pub date: String,
    /// Where it ran.
    pub machine: Machine,
    /// Whether it was the selection of rows that ends within minutes.
    pub quick: bool,
    /// How often each row was to be measured.
    pub rounds: u32,
    /// What a reader has to know: disturbances, clients without a driver, what is unsupported.
    pub notes: Vec<String>,
    /// One row for each client, target and case.
    pub rows: Vec<Row>,
    /// What was to be reached, and whether it was.
    pub goals: Vec<Goal>,
}

/// The machine of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// The model of the processor.
    pub cpu: String,
    /// How many processors the run may use.
    pub cores: usize,
    /// The release of the kernel.
    pub kernel: String,
    /// Memory of the machine.
    pub memory_mib: u64,
}

/// What the driver talks to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The program of `nats-bench serve`.
    Floor,
    /// A real nats-server, with `nats-bench feed` as the other side.
    Server,
    /// A real nats-server with JetStream, whose streams were filled before.
    JetStream,
}

/// What a driver does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Publishes and flushes.
    Publish,
    /// Receives what somebody else sends.
    Subscribe,
    /// Receives on one connection what it publishes there.
    Pubsub,
    /// Requests and replies.
    Request,
    /// Answers requests as a service.
    Service,
    /// Opens connections.
    Connect,
    /// Publishes to a stream and waits for each acknowledgement.
    JsPublish,
    /// Publishes to a stream with many acknowledgements under way.
    JsPublishAsync,
    /// Asks a consumer for messages again and again.
    JsFetch,
    /// The same, and acknowledges each message.
    JsFetchAck,
    /// Takes the messages of a stream without end.
    JsConsume,
    /// Gives keys of a bucket values, one after the other.
    KvPut,
    /// Gets values of a bucket, one after the other.
    KvGet,
    /// Watches a bucket until all that there was has come.
    KvWatch,
    /// Puts an object.
    ObjectPut,
    /// Gets an object.
    ObjectGet,
}

/// Where a stream has its messages.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// In the memory of the server.
    #[default]
    Memory,
    /// In files.
    File,
}

/// How a program gets its messages.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A function is called for each message.
    Callback,
    /// The program takes one message after the other.
    Iterator,
    /// The program takes many messages at once.
    Batch,
}

/// The measurements of one client in one case.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Row {
    /// The name of the client; [`FLOOR`] for the limit of the machine.
    pub client: String,
    /// The language of the program that uses it.
    pub language: String,
    /// Whether it is ours.
    pub ours: bool,
    /// Its version, empty when no run succeeded.
    pub version: String,
    /// What it talked to.
    pub target: Target,
    /// What it did.
    pub op: Op,
    /// How it received, for operations that receive; none for the floor.
    pub mode: Option<Mode>,
    /// Bytes of payload.
    pub size: usize,
    /// Subscriptions.
    pub subs: usize,
    /// Connections.
    pub conns: usize,
    /// Headers of a message.
    pub headers: usize,
    /// Requests, or messages to a stream, under way at a time.
    pub inflight: usize,
    /// Threads that publish.
    pub threads_used: usize,
    /// Where the stream has its messages.
    #[serde(default)]
    pub storage: Storage,
    /// Whether the number of messages was given, and not found.
    #[serde(default)]
    pub fixed: bool,
    /// Messages (connections for `connect`) in one timed part.
    pub count: usize,
    /// Messages (connections) in a second; this and the others are none when no run succeeded.
    pub messages_per_s: Option<Spread>,
    /// User and system time of the client's process for one message (connection), in nanoseconds.
    pub cpu_ns: Option<Spread>,
    /// The largest resident memory of the process.
    pub rss_peak_kib: Option<Spread>,
    /// What resident memory grew by, from before the first connection to the end of the timed part.
    pub rss_growth_kib: Option<Spread>,
    /// What it grew by at its largest.
    #[serde(default)]
    pub rss_peak_growth_kib: Option<Spread>,
    /// The most threads that the process had at the end of the timed part.
    pub process_threads: Option<u64>,
    /// Half of the requests took no longer, in microseconds (requests in series only).
    pub p50_us: Option<Spread>,
    /// 99 % of the requests took no longer, in microseconds (requests in series only).
    pub p99_us: Option<Spread>,
    /// Successful runs.
    pub rounds: u32,
    /// How many of these ran while something else used the machine.
    pub disturbed: u32,
    /// Why the last failed run failed.
    pub error: Option<String>,
}

/// One figure over all rounds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// Something that was to be reached.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Goal {
    /// Where it belongs: a language, or growth for instance.
    pub group: String,
    /// What is compared with what.
    pub name: String,
    /// What was measured; none when rows are missing.
    pub value: Option<f64>,
    /// What was to be reached.
    pub limit: f64,
    /// Whether the value has to be at most the limit, else at least.
    pub at_most: bool,
    /// Whether it is.
    pub reached: bool,
    /// Which rows are missing.
    pub missing: Option<String>,
}

impl Op {
    /// Every one, in the order of the report.
    pub const ALL: [Self; 16] = [
        Self::Publish,
        Self::Subscribe,
        Self::Pubsub,
        Self::Request,
        Self::Service,
        Self::Connect,
        Self::JsPublish,
        Self::JsPublishAsync,
        Self::JsFetch,
        Self::JsFetchAck,
        Self::JsConsume,
        Self::KvPut,
        Self::KvGet,
        Self::KvWatch,
        Self::ObjectPut,
        Self::ObjectGet,
    ];

    /// Whether there are several ways to receive.
    pub const fn has_modes(self) -> bool {
        matches!(self, Self::Subscribe | Self::Pubsub | Self::JsConsume)
    }

    /// Whether it is one with a bucket of keys.
    pub const fn has_bucket(self) -> bool {
        matches!(self, Self::KvPut | Self::KvGet | Self::KvWatch)
    }

    /// Whether it is one with a bucket of objects.
    pub const fn has_objects(self) -> bool {
        matches!(self, Self::ObjectPut | Self::ObjectGet)
    }

    /// Whether it takes what a stream holds.
    pub const fn takes_stored(self) -> bool {
        matches!(self, Self::JsFetch | Self::JsFetchAck | Self::JsConsume)
    }
}

impl Results {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no such file, or has another layout.
    pub fn load(path: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Error::because(path.display(), error);
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        let results: Self = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        if results.schema != SCHEMA {
            return Err(failed(&format!("schema {} instead of {SCHEMA}", results.schema)));
        }
        Ok(results)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::because("results as JSON", error))?;
        fs::write(path, text + "\n").map_err(|error| Error::because(path.display(), error))
    }
}

impl Spread {
    /// The spread of these figures; none when there are none.
    pub fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[half]
        } else {
            f64::midpoint(sorted[half - 1], sorted[half])
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of(&[]), None);
        let odd = Spread { median: 3.0, min: 1.0, max: 9.0 };
        assert_eq!(Spread::of(&[9.0, 1.0, 3.0]), Some(odd));
        let even = Spread { median: 2.5, min: 1.0, max: 9.0 };
        assert_eq!(Spread::of(&[9.0, 1.0, 3.0, 2.0]), Some(even));
    }

    #[test]
    fn a_file_is_read_back_and_another_layout_refused() {
        let machine = Machine { cpu: "x".into(), cores: 2, kernel: "6".into(), memory_mib: 1024 };
        let goal = Goal {
            group: "C".into(),
            name: "g".into(),
            value: None,
            limit: 0.5,
            at_most: true,
            reached: false,
            missing: Some("nats.zig".into()),
        };
        let mut results = Results {
            schema: SCHEMA,
            date: "2026-01-02T03:04:05Z".into(),
            machine,
            quick: true,
            rounds: 5,
            notes: vec!["n".into()],
            rows: Vec::new(),
            goals: vec![goal],
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bench.json");
        results.save(&path).unwrap();
        assert_eq!(Results::load(&path).unwrap(), results);

        results.schema += 1;
        results.save(&path).unwrap();
        let refused = Results::load(&path).unwrap_err().to_string();
        assert!(refused.contains("schema 2 instead of 1"), "{refused}");
    }
}
