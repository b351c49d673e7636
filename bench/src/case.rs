//! What a driver is asked to do.

use nats_harness::{Error, Result};
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::de::{Deserialize, IntoDeserializer};

use crate::results::{Mode, Op, Storage};

/// Messages that one request of a consumer asks for.
pub const FETCHED: usize = 500;

/// One thing to measure, without the number of messages that it takes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Case {
    /// What to do.
    pub op: Op,
    /// How to receive.
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
    pub threads: usize,
    /// Where the stream has its messages.
    pub storage: Storage,
    /// How many messages, where that is part of the case; otherwise as many as take the wanted time.
    pub fixed: Option<usize>,
}

impl Case {
    /// The ordinary case of an operation.
    pub const fn new(op: Op) -> Self {
        Self {
            op,
            mode: None,
            size: 16,
            subs: 1,
            conns: 1,
            headers: 0,
            inflight: 1,
            threads: 1,
            storage: Storage::Memory,
            fixed: None,
        }
    }

    /// The case for every way to receive.
    pub(crate) fn without_mode(self) -> Self {
        Self { mode: None, ..self }
    }

    /// How messages are to be counted out: every subscription, connection and thread gets as many.
    pub fn step(self) -> usize {
        match self.op {
            Op::Subscribe => self.subs,
            Op::Publish => self.conns * self.threads,
            Op::JsFetch | Op::JsFetchAck | Op::JsConsume => FETCHED,
            Op::Pubsub | Op::Request | Op::Service | Op::Connect => 1,
            Op::JsPublish | Op::JsPublishAsync => 1,
            Op::KvPut | Op::KvGet | Op::KvWatch | Op::ObjectPut | Op::ObjectGet => 1,
        }
    }

    /// The arguments of a driver.
    pub fn words(self, url: &str, count: usize) -> Vec<String> {
        let mut words = vec!["--url".into(), url.into(), "--op".into(), name_of(&self.op)];
        let numbers = [
            ("--size", self.size),
            ("--count", count),
            ("--subs", self.subs),
            ("--conns", self.conns),
            ("--headers", self.headers),
            ("--inflight", self.inflight),
            ("--threads", self.threads),
        ];
        words.extend(numbers.iter().flat_map(|(name, value)| [(*name).into(), value.to_string()]));
        // The floor has no modes, but every driver that receives is given one.
        if let Some(mode) = self.mode.or(self.op.has_modes().then_some(Mode::Batch)) {
            words.extend(["--mode".into(), name_of(&mode)]);
        }
        words
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", name_of(&self.op))?;
        if let Some(mode) = self.mode {
            write!(f, " {}", name_of(&mode))?;
        }
        if self.op != Op::Connect {
            write!(f, " {} B", self.size)?;
        }
        let others = [
            (self.subs, 1, "subscriptions"),
            (self.conns, 1, "connections"),
            (self.headers, 0, "headers"),
            (self.inflight, 1, "in flight"),
            (self.threads, 1, "threads"),
        ];
        for (value, usual, what) in others {
            if value != usual {
                write!(f, ", {value} {what}")?;
            }
        }
        if let Some(count) = self.fixed {
            write!(f, ", {count} messages")?;
        }
        if self.storage == Storage::File {
            write!(f, ", in files")?;
        }
        Ok(())
    }
}

/// The value with this name, as it is written in the results too.
///
/// # Errors
/// There is none; the text lists those that there are.
pub fn named<'de, T: Deserialize<'de>>(argument: &str, value: &'de str) -> Result<T> {
    let name: StrDeserializer<'de, NameError> = value.into_deserializer();
    T::deserialize(name).map_err(|error| Error::because(argument, error))
}

/// The name of an operation, mode or target.
pub fn name_of<T: serde::Serialize>(value: &T) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// A number within limits.
///
/// # Errors
/// It is none, or outside.
pub fn number(argument: &str, value: &str, least: usize, most: usize) -> Result<usize> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Error::new(format!("{argument}: {value:?} is no number that it may be")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reads_well() {
        assert_eq!(Case::new(Op::Publish).to_string(), "publish 16 B");
        let case = Case { mode: Some(Mode::Callback), subs: 100, ..Case::new(Op::Subscribe) };
        assert_eq!(case.to_string(), "subscribe callback 16 B, 100 subscriptions");
    }

    #[test]
    fn a_driver_is_told_everything() {
        let mode = Some(Mode::Batch);
        let case = Case { mode, headers: 3, subs: 10, ..Case::new(Op::Subscribe) };
        let expected = "--url u --op subscribe --size 16 --count 20 --subs 10 --conns 1 \
                        --headers 3 --inflight 1 --threads 1 --mode batch";
        assert_eq!(case.words("u", 20).join(" "), expected);
        assert_eq!(Case { mode: None, ..case }.words("u", 20).join(" "), expected);
        assert!(!Case::new(Op::Publish).words("u", 20).contains(&"--mode".to_owned()));
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(named::<Op>("--op", "pubsub").unwrap(), Op::Pubsub);
        let wrong = named::<Op>("--op", "dance").unwrap_err().to_string();
        assert!(wrong.starts_with("--op: unknown variant `dance`, expected one of"), "{wrong}");
        assert_eq!(number("--rounds", "5", 1, 9).unwrap(), 5);
        assert!(number("--rounds", "10", 1, 9).is_err() && number("--rounds", "x", 1, 9).is_err());
    }
}
