//! The arguments, the same for every driver.

use std::str::FromStr;

use crate::failure::{Failure, Result};

const USAGE: &str = "--url URL --op publish|subscribe|pubsub|request|service|connect\
    |js-publish|js-publish-async|js-fetch|js-fetch-ack|js-consume|kv-put|kv-get|kv-watch\
    |object-put|object-get \
    [--mode callback|iterator|batch] [--size 16] [--count 100000] [--subs 1] [--conns 1] \
    [--headers 0] [--inflight 1] [--threads 1] [--stream NAME] [--consumer NAME] [--batch 500] \
    [--runtime multi|current]";

/// Messages of a stream that warm a client up that takes them.
pub const STORED_WARM_UP: usize = 1_000;

/// Keys of a bucket that are put and got, in turn.
pub const KEYS: usize = 1_000;

/// The key of this number.
pub fn key(number: usize) -> String {
    format!("k.{number}")
}

/// The stream, or bucket, of the warm-up that belongs to this one.
pub fn warm_up_stream(stream: &str) -> String {
    format!("{stream}-warm-up")
}

/// How messages are received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// A function is called with each.
    Callback,
    /// One at a time is asked for.
    Iterator,
    /// All that are there are asked for.
    Batch,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Op {
    /// Messages are published.
    Publish,
    /// Messages that somebody else sends are received.
    Subscribe(Mode),
    /// Messages are published and received over the same connection.
    Pubsub(Mode),
    /// Requests are sent and their answers awaited.
    Request,
    /// Answers requests as a service.
    Service,
    /// Connections are opened.
    Connect,
    /// Messages are published to a stream, each when the one before it is acknowledged.
    JsPublish,
    /// Messages are published to a stream with many acknowledgements under way.
    JsPublishAsync,
    /// A consumer is asked for messages again and again.
    JsFetch,
    /// The same, and each message is acknowledged.
    JsFetchAck,
    /// The messages of a stream are taken without end.
    JsConsume(Mode),
    /// Keys of a bucket are given values, each when the one before it is acknowledged.
    KvPut,
    /// Values of a bucket are got, one after the other.
    KvGet,
    /// A bucket is watched until all that there was has come.
    KvWatch,
    /// An object is put, in so many chunks.
    ObjectPut,
    /// An object is got.
    ObjectGet,
}

/// The arguments.
#[derive(Clone, Debug)]
pub struct Args {
    /// The server.
    pub url: String,
    /// What to do.
    pub op: Op,
    /// Bytes of a payload.
    pub size: usize,
    /// Messages or requests in all.
    pub count: usize,
    /// Subscriptions.
    pub subs: usize,
    /// Connections.
    pub conns: usize,
    /// Headers of a message.
    pub headers: usize,
    /// Requests, or messages to a stream, that are under way at a time.
    pub inflight: usize,
    /// Threads that publish.
    pub threads: usize,
    /// The stream, which is the subject of its messages, too; or the bucket.
    pub stream: String,
    /// The consumer of the stream, and of that of the warm-up.
    pub consumer: String,
    /// Messages that one request of a consumer asks for.
    pub batch: usize,
    /// Whether the runtime has a thread for each processor, or only the program's own.
    pub multi: bool,
}

impl Args {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Args> {
        let mut args = Args {
            url: String::new(),
            op: Op::Publish,
            size: 16,
            count: 100_000,
            subs: 1,
            conns: 1,
            headers: 0,
            inflight: 1,
            threads: 1,
            stream: String::new(),
            consumer: String::new(),
            batch: 500,
            multi: true,
        };
        let (mut op, mut mode) = (None, None);
        while let Some(name) = words.next() {
            let Some(value) = words.next() else {
                return usage(&format!("{name}: has no value"));
            };
            match name.as_str() {
                "--url" => args.url = value,
                "--op" => op = Some(value),
                "--mode" => mode = Some(read_mode(&value)?),
                "--size" => args.size = number(&name, &value, 0)?,
                "--count" => args.count = number(&name, &value, 1)?,
                "--subs" => args.subs = number(&name, &value, 1)?,
                "--conns" => args.conns = number(&name, &value, 1)?,
                "--headers" => args.headers = number(&name, &value, 0)?,
                "--inflight" => args.inflight = number(&name, &value, 1)?,
                "--threads" => args.threads = number(&name, &value, 1)?,
                "--stream" => args.stream = value,
                "--consumer" => args.consumer = value,
                "--batch" => args.batch = number(&name, &value, 1)?,
                "--runtime" => args.multi = read_runtime(&value)?,
                _ => return usage(&format!("{name}: unknown")),
            }
        }
        args.op = read_op(op.as_deref().unwrap_or_default(), mode)?;
        args.check()?;
        Ok(args)
    }

    fn check(&self) -> Result<()> {
        if self.url.is_empty() {
            return usage("--url: missing");
        }
        if matches!(self.op, Op::Subscribe(_)) && !self.count.is_multiple_of(self.subs) {
            return usage("--count: must be a multiple of --subs");
        }
        let (stored, taken) = match self.op {
            Op::JsPublish | Op::JsPublishAsync => (true, false),
            Op::KvPut | Op::KvGet | Op::KvWatch | Op::ObjectPut | Op::ObjectGet => (true, false),
            Op::JsFetch | Op::JsFetchAck | Op::JsConsume(_) => (true, true),
            _ => (false, false),
        };
        if stored && self.stream.is_empty() {
            return usage("--stream: missing");
        }
        if taken && self.consumer.is_empty() {
            return usage("--consumer: missing");
        }
        if self.headers > 26 {
            return usage("--headers: at most 26");
        }
        if self.threads > 1 && self.conns > 1 {
            return usage("--threads: shares one connection, so --conns must be 1");
        }
        Ok(())
    }

    /// How many messages or requests warm the client up.
    pub fn warm_up(&self) -> usize {
        let least = match self.op {
            Op::Request | Op::JsPublish | Op::KvPut | Op::KvGet => 100,
            Op::JsFetch | Op::JsFetchAck | Op::JsConsume(_) | Op::KvWatch => return STORED_WARM_UP,
            _ => 1_000,
        };
        (self.count / 100).max(least).next_multiple_of(self.subs)
    }

    /// The headers of each message.
    pub fn header_pairs(&self) -> impl Iterator<Item = (String, &'static str)> + use<> {
        ('A'..='Z').take(self.headers).map(|letter| (format!("Bench-{letter}"), "12345678"))
    }
}

fn usage<T>(text: &str) -> Result<T> {
    Err(Failure::Usage(format!("{text}\nusage: {USAGE}")))
}

fn number<T: FromStr + PartialOrd>(name: &str, value: &str, least: T) -> Result<T> {
    match value.parse::<T>() {
        Ok(number) if number >= least => Ok(number),
        _ => usage(&format!("{name}: {value:?} is not acceptable")),
    }
}

fn read_mode(value: &str) -> Result<Mode> {
    match value {
        "callback" => Ok(Mode::Callback),
        "iterator" => Ok(Mode::Iterator),
        "batch" => Ok(Mode::Batch),
        _ => usage(&format!("--mode: {value:?} is unknown")),
    }
}

fn read_runtime(value: &str) -> Result<bool> {
    match value {
        "multi" => Ok(true),
        "current" => Ok(false),
        _ => usage(&format!("--runtime: {value:?} is unknown")),
    }
}

fn read_op(value: &str, mode: Option<Mode>) -> Result<Op> {
    match (value, mode) {
        ("publish", None) => Ok(Op::Publish),
        ("request", None) => Ok(Op::Request),
        ("service", None) => Ok(Op::Service),
        ("connect", None) => Ok(Op::Connect),
        ("subscribe", Some(mode)) => Ok(Op::Subscribe(mode)),
        ("pubsub", Some(mode)) => Ok(Op::Pubsub(mode)),
        ("js-publish", None) => Ok(Op::JsPublish),
        ("js-publish-async", None) => Ok(Op::JsPublishAsync),
        ("js-fetch", None) => Ok(Op::JsFetch),
        ("js-fetch-ack", None) => Ok(Op::JsFetchAck),
        ("js-consume", Some(mode)) => Ok(Op::JsConsume(mode)),
        ("kv-put", None) => Ok(Op::KvPut),
        ("kv-get", None) => Ok(Op::KvGet),
        ("kv-watch", None) => Ok(Op::KvWatch),
        ("object-put", None) => Ok(Op::ObjectPut),
        ("object-get", None) => Ok(Op::ObjectGet),
        ("subscribe" | "pubsub" | "js-consume", None) => usage("--mode: missing"),
        (
            "publish" | "request" | "service" | "connect" | "js-publish" | "js-publish-async"
            | "js-fetch" | "js-fetch-ack" | "kv-put" | "kv-get" | "kv-watch" | "object-put"
            | "object-get",
            Some(_),
        ) => usage("--mode: this operation has none"),
        ("", _) => usage("--op: missing"),
        _ => usage(&format!("--op: {value:?} is unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Args> {
        Args::read(text.split_whitespace().map(str::to_owned))
    }

    fn refused(text: &str) -> String {
        match read(text) {
            Err(Failure::Usage(text)) => text.lines().next().unwrap().to_owned(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn everything_is_read() {
        let args = read(
            "--url u --op subscribe --mode batch --size 9 --count 20 --subs 5 --conns 3 \
             --headers 2 --inflight 4 --threads 1 --runtime current",
        )
        .unwrap();
        assert_eq!(args.op, Op::Subscribe(Mode::Batch));
        assert_eq!((args.url.as_str(), args.size, args.count, args.subs), ("u", 9, 20, 5));
        assert_eq!((args.conns, args.headers, args.inflight, args.threads), (3, 2, 4, 1));
        assert!(!args.multi);
        let names: Vec<_> = args.header_pairs().map(|(name, _)| name).collect();
        assert_eq!(names, ["Bench-A", "Bench-B"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(refused("--op publish"), "--url: missing");
        assert_eq!(refused("--url u"), "--op: missing");
        assert_eq!(refused("--url u --op pubsub"), "--mode: missing");
        assert_eq!(refused("--url u --op js-publish"), "--stream: missing");
        assert_eq!(refused("--url u --op kv-get"), "--stream: missing");
        let fetch = "--url u --op js-fetch --stream s";
        assert_eq!(refused(fetch), "--consumer: missing");
        let moded = refused(&format!("{fetch} --mode batch"));
        assert_eq!(moded, "--mode: this operation has none");
        assert_eq!(refused("--url u --op publish --size"), "--size: has no value");
        assert_eq!(refused("--url u --op publish --count 0"), "--count: \"0\" is not acceptable");
        assert_eq!(refused("--url u --op publish --what 0"), "--what: unknown");
        let odd = refused("--url u --op subscribe --mode batch --count 5 --subs 2");
        assert_eq!(odd, "--count: must be a multiple of --subs");
    }

    #[test]
    fn a_warm_up_suits_the_subscriptions() {
        let args = read("--url u --op subscribe --mode batch --count 50000 --subs 10000").unwrap();
        assert_eq!(args.warm_up(), 10_000);
        assert_eq!(read("--url u --op request --count 50").unwrap().warm_up(), 100);
        let words = "--url u --op js-consume --mode batch --stream s --consumer c --count 900000";
        assert_eq!(read(words).unwrap().warm_up(), STORED_WARM_UP);
    }
}
