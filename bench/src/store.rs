//! The streams and consumers that drivers find on a server with JetStream.

use std::time::{Duration, Instant};

use nats_bench_driver::{
    Content, KEYS, OBJECT, OBJECT_WARM_UP, STORED_WARM_UP, key, warm_up_stream,
};
use nats_core::jetstream::{
    AckPolicy, ConsumerConfig, JetStream, PublishOptions, PublisherOptions, Storage, StreamConfig,
};
use nats_core::kv::KvConfig;
use nats_core::object::{ObjectMeta, ObjectStoreConfig};
use nats_core::{Code, ConnectOptions, Publish};
use nats_harness::{Error, Result};
use tokio::runtime::{Builder, Runtime};

use crate::case::{Case, FETCHED, name_of};
use crate::results::{self, Op};

/// The consumer of every stream.
const CONSUMER: &str = "bench";
/// The stream that drivers publish to.
const PUBLISHED: &str = "bench-published";
/// The bucket that drivers put into.
const PUT: &str = "bench-put";
/// The bucket of objects.
const OBJECTS: &str = "bench-objects";
/// How long the server may take to note what a driver has acknowledged, or what fills a stream.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(5);

/// What is there for drivers: streams with as many messages as are to be taken, others with those
/// of the warm-up, and consumers that nobody has used. The subject of a stream is its name.
pub(crate) struct Store {
    runtime: Runtime,
    js: JetStream,
    /// The streams that are filled, all of one kind.
    filled: Vec<String>,
    kind: Option<Kind>,
    /// The buckets that are filled.
    buckets: Vec<String>,
}

/// The size of messages, and where they are.
type Kind = (usize, results::Storage);

impl Store {
    /// By a connection of its own.
    ///
    /// # Errors
    /// The server is not there.
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let options = ConnectOptions::new().servers([url]);
        let client = runtime.block_on(options.connect()).map_err(failed("connecting"))?;
        let js = client.jetstream();
        Ok(Self { runtime, js, filled: Vec::new(), kind: None, buckets: Vec::new() })
    }

    /// Makes what the next driver needs; the arguments that say where it is.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) fn prepare(&mut self, case: Case, count: usize) -> Result<Vec<String>> {
        if case.op.has_bucket() {
            return self.prepare_buckets(case, count);
        }
        if case.op.has_objects() {
            return self.prepare_objects(case, count);
        }
        if !case.op.takes_stored() {
            for stream in [PUBLISHED.to_owned(), warm_up_stream(PUBLISHED)] {
                self.remove(&stream)?;
                self.create(&stream, case.storage)?;
            }
            return Ok(words(&[("--stream", PUBLISHED)]));
        }
        let kind = (case.size, case.storage);
        if self.kind.replace(kind) != Some(kind) {
            for stream in std::mem::take(&mut self.filled) {
                self.remove(&stream)?;
            }
        }
        let stream = format!("bench-{}-{}-{count}", name_of(&case.storage), case.size);
        for (stream, count) in [(stream.clone(), count), (warm_up_stream(&stream), STORED_WARM_UP)]
        {
            if !self.filled.contains(&stream) {
                self.create(&stream, case.storage)?;
                self.filled.push(stream.clone());
                self.fill(std::slice::from_ref(&stream), case.size, count)?;
            }
            self.renew_consumer(&stream, case.op)?;
        }
        let mut names = vec![("--stream", stream.as_str()), ("--consumer", CONSUMER)];
        let fetched = FETCHED.to_string();
        if case.op != Op::JsConsume {
            names.push(("--batch", &fetched));
        }
        Ok(words(&names))
    }

    /// Whether the server has noted what a driver says that it has done.
    ///
    /// # Errors
    /// It has not; the text says what is missing.
    pub(crate) fn check(&self, case: Case, words: &[String], count: usize) -> Result<()> {
        let stream = words.get(1).map_or("", String::as_str);
        match case.op {
            Op::JsPublish | Op::JsPublishAsync => self.check_stored(stream, count),
            Op::KvPut => self.check_stored(&format!("KV_{stream}"), count),
            Op::ObjectPut => self.check_object(stream, case.size * count),
            Op::JsFetchAck => self.check_acknowledged(stream),
            _ => Ok(()),
        }
    }

    fn check_stored(&self, stream: &str, count: usize) -> Result<()> {
        let info = self.runtime.block_on(self.js.stream_info(stream)).map_err(failed(stream))?;
        // A bucket keeps one value of a key.
        if info.state.last_seq == count as u64 {
            return Ok(());
        }
        Err(Error::new(format!("{} of {count} messages are stored", info.state.last_seq)))
    }

    fn check_object(&self, bucket: &str, size: usize) -> Result<()> {
        let looking = async { self.js.object_store(bucket).await?.info(OBJECT).await };
        let info = self.runtime.block_on(looking).map_err(failed(bucket))?;
        if info.size == size as u64 {
            return Ok(());
        }
        Err(Error::new(format!("{} of {size} bytes are stored", info.size)))
    }

    fn check_acknowledged(&self, stream: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let info = self.runtime.block_on(self.js.consumer_info(stream, CONSUMER));
            let info = info.map_err(failed(stream))?;
            let (waiting, unsent) = (info.num_ack_pending, info.num_pending);
            if unsent > 0 || (waiting > 0 && began.elapsed() > PATIENCE) {
                let text = format!("{waiting} messages are not acknowledged, {unsent} not taken");
                return Err(Error::new(text));
            }
            if waiting == 0 {
                return Ok(());
            }
            // Nothing tells when the server has read them.
            std::thread::sleep(PAUSE);
        }
    }

    fn create(&self, stream: &str, storage: results::Storage) -> Result<()> {
        let config = StreamConfig {
            name: stream.to_owned(),
            subjects: vec![stream.to_owned()],
            storage: match storage {
                results::Storage::Memory => Storage::Memory,
                results::Storage::File => Storage::File,
            },
            ..StreamConfig::default()
        };
        self.runtime.block_on(self.js.create_stream(&config)).map_err(failed(stream))?;
        Ok(())
    }

    fn remove(&self, stream: &str) -> Result<()> {
        match self.runtime.block_on(self.js.delete_stream(stream)) {
            Err(error) if error.code() == Code::StreamNotFound => Ok(()),
            done => done.map_err(failed(stream)),
        }
    }

    /// Makes the buckets that the next driver needs.
    fn prepare_buckets(&mut self, case: Case, count: usize) -> Result<Vec<String>> {
        let (bucket, keys) = match case.op {
            Op::KvPut => (PUT.to_owned(), [0, 0]),
            Op::KvGet => (format!("bench-get-{}", case.size), [KEYS, KEYS]),
            _ => (format!("bench-watch-{}-{count}", case.size), [count, STORED_WARM_UP]),
        };
        let names = [bucket.clone(), warm_up_stream(&bucket)];
        for (bucket, keys) in names.into_iter().zip(keys) {
            if self.buckets.contains(&bucket) {
                continue;
            }
            self.create_bucket(&bucket)?;
            let subjects = (0..keys).map(|number| format!("$KV.{bucket}.{}", key(number)));
            self.fill(&subjects.collect::<Vec<_>>(), case.size, keys)?;
            if keys > 0 {
                self.buckets.push(bucket);
            }
        }
        Ok(words(&[("--stream", &bucket)]))
    }

    /// Makes the buckets of objects that the next driver needs, anew: they are large.
    fn prepare_objects(&mut self, case: Case, count: usize) -> Result<Vec<String>> {
        for (bucket, chunks) in
            [(OBJECTS.to_owned(), count), (warm_up_stream(OBJECTS), OBJECT_WARM_UP)]
        {
            let config =
                ObjectStoreConfig { storage: Storage::Memory, ..ObjectStoreConfig::new(&bucket) };
            let making = async {
                match self.js.delete_object_store(&bucket).await {
                    Err(error) if error.code() != Code::BucketNotFound => return Err(error),
                    _ => {}
                }
                let store = self.js.create_object_store(&config).await?;
                if case.op == Op::ObjectGet {
                    let chunk_size = case.size as u32;
                    let meta = ObjectMeta { chunk_size, ..ObjectMeta::new(OBJECT) };
                    store.put(meta, Content::new(case.size, chunks)).await?;
                }
                Ok(())
            };
            self.runtime.block_on(making).map_err(failed(&bucket))?;
        }
        Ok(words(&[("--stream", OBJECTS)]))
    }

    /// An empty bucket in memory.
    fn create_bucket(&self, bucket: &str) -> Result<()> {
        let config = KvConfig { storage: Storage::Memory, ..KvConfig::new(bucket) };
        let renewing = async {
            match self.js.delete_key_value(bucket).await {
                Err(error) if error.code() != Code::BucketNotFound => Err(error),
                _ => self.js.create_key_value(&config).await,
            }
        };
        self.runtime.block_on(renewing).map_err(failed(bucket))?;
        Ok(())
    }

    /// Publishes so many messages, in turn to these subjects.
    fn fill(&self, subjects: &[String], size: usize, count: usize) -> Result<()> {
        let payload = vec![b'x'; size];
        let filling = async {
            let options = PublisherOptions { stall: PATIENCE, ..PublisherOptions::default() };
            let publisher = self.js.publisher(&options)?;
            let how = PublishOptions::default();
            for subject in subjects.iter().cycle().take(count) {
                let publish = Publish::new(subject, &payload);
                while let Err(error) = publisher.publish_now(&publish, &how, None) {
                    match error.code() {
                        Code::PublisherStalled => publisher.room().await?,
                        Code::OutboundFull => publisher.client().flush().await?,
                        _ => return Err(error),
                    }
                }
            }
            publisher.complete(PATIENCE).await
        };
        self.runtime.block_on(filling).map_err(failed("filling"))
    }

    /// A consumer that begins with the first message.
    fn renew_consumer(&self, stream: &str, op: Op) -> Result<()> {
        let acknowledged = op == Op::JsFetchAck;
        let config = ConsumerConfig {
            durable_name: CONSUMER.to_owned(),
            ack_policy: if acknowledged { AckPolicy::Explicit } else { AckPolicy::None },
            // The bound is not what is measured.
            max_ack_pending: if acknowledged { -1 } else { 0 },
            ..ConsumerConfig::default()
        };
        let renewing = async {
            match self.js.delete_consumer(stream, CONSUMER).await {
                Err(error) if error.code() != Code::ConsumerNotFound => Err(error),
                _ => self.js.create_consumer(stream, &config).await,
            }
        };
        self.runtime.block_on(renewing).map_err(failed(stream))?;
        Ok(())
    }
}

fn failed(what: &str) -> impl FnOnce(nats_core::Error) -> Error + '_ {
    move |error| Error::because(what, error)
}

fn words(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use nats_harness::{Config, Server};

    use super::*;

    #[test]
    fn drivers_find_what_they_take() {
        let server = Server::start(Config::jetstream()).unwrap();
        let mut store = Store::connect(&server.url()).unwrap();
        let case = |size, op| Case { size, ..Case::new(op) };
        let fetch = store.prepare(case(16, Op::JsFetchAck), 2_000).unwrap();
        let expected = "--stream bench-memory-16-2000 --consumer bench --batch 500";
        assert_eq!(fetch.join(" "), expected);
        let messages = |store: &Store, stream: &str| {
            let info = store.runtime.block_on(store.js.stream_info(stream));
            info.map(|info| info.state.messages).ok()
        };
        assert_eq!(messages(&store, "bench-memory-16-2000"), Some(2_000));
        assert_eq!(messages(&store, "bench-memory-16-2000-warm-up"), Some(1_000));
        let wrong = store.check(case(16, Op::JsFetchAck), &fetch, 2_000).unwrap_err().to_string();
        assert_eq!(wrong, "0 messages are not acknowledged, 2000 not taken");

        let consume = store.prepare(case(16, Op::JsConsume), 500).unwrap();
        assert_eq!(consume.join(" "), "--stream bench-memory-16-500 --consumer bench");
        assert_eq!(messages(&store, "bench-memory-16-2000"), Some(2_000));
        let file = Case { storage: results::Storage::File, ..case(16, Op::JsFetch) };
        store.prepare(file, 500).unwrap();
        assert_eq!(messages(&store, "bench-memory-16-2000"), None);
        assert_eq!(messages(&store, "bench-file-16-500"), Some(500));
    }

    #[test]
    fn what_is_published_is_counted() {
        let server = Server::start(Config::jetstream()).unwrap();
        let mut store = Store::connect(&server.url()).unwrap();
        for _ in 0..2 {
            let words = store.prepare(Case::new(Op::JsPublish), 1).unwrap();
            assert_eq!(words, ["--stream", PUBLISHED]);
            let wrong = store.check(Case::new(Op::JsPublish), &words, 1).unwrap_err().to_string();
            assert_eq!(wrong, "0 of 1 messages are stored");
            store.runtime.block_on(store.js.publish(PUBLISHED, "x")).unwrap();
            store.check(Case::new(Op::JsPublish), &words, 1).unwrap();
        }
    }

    #[test]
    fn buckets_are_there() {
        let server = Server::start(Config::jetstream()).unwrap();
        let mut store = Store::connect(&server.url()).unwrap();
        let last = |store: &Store, bucket: &str| {
            let info = store.runtime.block_on(store.js.stream_info(&format!("KV_{bucket}")));
            info.unwrap().state.last_seq
        };
        for _ in 0..2 {
            let words = store.prepare(Case::new(Op::KvPut), 1).unwrap();
            assert_eq!(words, ["--stream", PUT]);
            assert_eq!(last(&store, PUT), 0);
            assert!(store.check(Case::new(Op::KvPut), &words, 1).is_err());
            let kv = store.runtime.block_on(store.js.key_value(PUT)).unwrap();
            store.runtime.block_on(kv.put("k.0", "x")).unwrap();
            store.check(Case::new(Op::KvPut), &words, 1).unwrap();
            let words = store.prepare(Case::new(Op::KvGet), 300).unwrap();
            assert_eq!(words, ["--stream", "bench-get-16"]);
            assert_eq!(last(&store, "bench-get-16-warm-up"), KEYS as u64);
            let words = store.prepare(Case::new(Op::KvWatch), 2_000).unwrap();
            assert_eq!(words, ["--stream", "bench-watch-16-2000"]);
            assert_eq!(last(&store, "bench-watch-16-2000"), 2_000);
        }
    }
}
