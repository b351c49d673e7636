//! Leaders of a cluster are killed while messages are published and read. Nothing acknowledged may be
//! lost, nothing with an id stored twice, and every reader sees all of it.
//!
//! `NATS_FAILOVER_ROUNDS` says how many leaders are killed (`make soak`: 100); without it, few.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, FetchOptions, JetStream, JetStreamOptions,
    JsMessage, OrderedOptions, PublishOptions, Pull, StreamConfig,
};
use nats_core::{Client, Code, ConnectOptions, Publish, Result};
use nats_harness::{Cluster, Config, Server};
use support::*;
use tokio::sync::watch;

const SHORT_FORM: u64 = 5;
/// Publishers, each with a connection, a subject and numbers of its own.
const LANES: u64 = 3;
/// So many messages of each lane must be stored before the next step of a round.
const STEP: u64 = 20;
/// How long a cluster may take to find new leaders; they need 4 to 9 s for it.
const ELECTION: Duration = Duration::from_secs(60);

type Reader = fn(Arc<Run>, Seen) -> Pin<Box<dyn Future<Output = Seen> + Send>>;

/// Who reads the stream meanwhile. Another reader is one function and one line here.
const READERS: &[(&str, Reader)] = &[
    ("durable", |run, seen| Box::pin(durable(run, seen))),
    ("fetches", |run, seen| Box::pin(fetches(run, seen))),
    ("ordered", |run, seen| Box::pin(ordered(run, seen, false))),
    ("ordered push", |run, seen| Box::pin(ordered(run, seen, true))),
];

/// What a reader has seen.
struct Seen {
    reader: &'static str,
    /// How many messages, for who waits for it.
    count: watch::Sender<u64>,
    /// The sequences.
    sequences: BTreeSet<u64>,
    /// How often it saw one again.
    again: u64,
    /// What its connection and its consumer went through.
    events: u64,
    /// The highest sequence that was delivered for the first time.
    newest: u64,
}

impl Seen {
    fn new(reader: &'static str, count: watch::Sender<u64>) -> Seen {
        Seen { reader, count, sequences: BTreeSet::new(), again: 0, events: 0, newest: 0 }
    }

    /// Notes a message. One that the server delivers for the first time, and that was not seen before,
    /// must come behind all such before it.
    fn note(&mut self, message: &JsMessage) {
        let reader = self.reader;
        let metadata = message.metadata().unwrap();
        let sequence = metadata.stream_sequence;
        if !self.sequences.insert(sequence) {
            self.again += 1;
        } else if metadata.delivered == 1 {
            assert!(sequence > self.newest, "{reader}: {sequence} behind {}", self.newest);
            self.newest = sequence;
        }
        self.count.send_replace(self.sequences.len() as u64);
    }

    /// Whether all of these were seen.
    fn has_all(&self, last: u64) -> bool {
        self.sequences.len() as u64 == last
    }
}

/// What happens during the whole test.
struct Run {
    cluster: Cluster,
    /// By lane: the sequences of the numbers that were acknowledged.
    stored: Vec<watch::Sender<BTreeMap<u64, u64>>>,
    /// How many messages each reader has seen.
    seen: Vec<watch::Sender<u64>>,
    numbers: Numbers,
    /// Nothing is published meanwhile: a server that comes back catches up with what it has missed.
    resting: watch::Sender<bool>,
    /// No more is published.
    closing: watch::Sender<bool>,
    /// The stream's last sequence, once no more is published.
    last: watch::Sender<Option<u64>>,
}

/// What is counted.
#[derive(Default)]
struct Numbers {
    /// By code: publishes of which the publisher does not know whether they are stored, or that nobody
    /// has taken.
    failed: Mutex<BTreeMap<&'static str, u64>>,
    /// Acknowledgements that told of a message that was stored before.
    duplicates: AtomicU64,
    /// The longest time from the first try of a publish to its acknowledgement.
    longest: Mutex<Duration>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Run {
    async fn start() -> Arc<Run> {
        let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
        let run = Run {
            cluster,
            stored: (0..LANES).map(|_| watch::Sender::new(BTreeMap::new())).collect(),
            seen: READERS.iter().map(|_| watch::Sender::new(0)).collect(),
            numbers: Numbers::default(),
            resting: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            last: watch::Sender::new(None),
        };
        let (_client, js) = run.connect(0).await;
        let config = StreamConfig {
            name: "F".into(),
            subjects: vec!["f.*".into()],
            num_replicas: 3,
            // Longer than all that a publisher may take to know of a message.
            duplicate_window: Duration::from_secs(600),
            allow_direct: true,
            ..StreamConfig::default()
        };
        js.create_stream(&config).await.unwrap();
        Arc::new(run)
    }

    /// A connection of its own, first to the server of this number.
    async fn connect(&self, first: usize) -> (Client, JetStream) {
        let mut urls = self.cluster.urls();
        urls.rotate_left(first % 3);
        let options = ConnectOptions::new().servers(urls).reconnect_delay_max(SHORT);
        let client = within("connect", options.randomize(false).connect()).await.unwrap();
        let hasty =
            JetStreamOptions { timeout: Duration::from_secs(2), ..JetStreamOptions::default() };
        let js = client.jetstream_with(hasty).unwrap();
        (client, js)
    }

    /// Each lane stores so many more, and then each reader sees so many more; how long that took.
    async fn progress(&self, what: &str, count: u64) -> [Duration; 2] {
        let begin = Instant::now();
        for (lane, stored) in self.stored.iter().enumerate() {
            let goal = stored.borrow().len() as u64 + count;
            let mut stored = stored.subscribe();
            let more = stored.wait_for(|stored| stored.len() as u64 >= goal);
            let more = tokio::time::timeout(ELECTION, more).await;
            assert!(more.is_ok(), "{what}: lane {lane} stores nothing more");
        }
        let stored = begin.elapsed();
        for ((reader, _), seen) in READERS.iter().zip(&self.seen) {
            let goal = *seen.borrow() + count;
            let mut seen = seen.subscribe();
            let more = tokio::time::timeout(ELECTION, seen.wait_for(|seen| *seen >= goal)).await;
            assert!(more.is_ok(), "{what}: {reader} sees nothing more");
        }
        [stored, begin.elapsed()]
    }

    /// The server that leads the stream, or the durable consumer of it.
    async fn leader(&self, js: &JetStream, of_consumer: bool) -> &Server {
        let search = async {
            loop {
                let cluster = if of_consumer {
                    js.consumer_info("F", "durable").await.map(|info| info.cluster)
                } else {
                    js.stream_info("F").await.map(|info| info.cluster)
                };
                // Requests that nobody answers take their time; others tell that there is no leader.
                if let Ok(Some(cluster)) = cluster
                    && let Some(index) = cluster.leader.strip_prefix("harness-")
                {
                    return &self.cluster.servers()[index.parse::<usize>().unwrap() - 1];
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(ELECTION, search).await.expect("a leader")
    }
}

/// Publishes the numbers of a lane one after the other, each until it is acknowledged.
async fn publisher(run: Arc<Run>, lane: u64) {
    let (client, js) = run.connect(lane as usize).await;
    let subject = format!("f.{lane}");
    let mut resting = run.resting.subscribe();
    for number in 1.. {
        resting.wait_for(|resting| !resting).await.unwrap();
        let since = Instant::now();
        if *run.closing.borrow() {
            break;
        }
        let text = format!("{lane}.{number}");
        let options = PublishOptions { msg_id: Some(text.clone()), ..PublishOptions::default() };
        let ack = loop {
            match js.publish_with(&Publish::new(&subject, text.as_bytes()), &options).await {
                Ok(ack) => break ack,
                Err(error) => {
                    let code = error.code();
                    // A message with this id that is not stored yet: old servers tell of it as of one
                    // with the sequence 0, which is no acknowledgement, new ones refuse it (10158).
                    let early = code == Code::Protocol
                        || error.api().is_some_and(|api| api.err_code == 10158);
                    let unknown = early || matches!(code, Code::Timeout | Code::ConnectionLost);
                    // No leader yet, or one that has just lost the others.
                    let refused = code == Code::NoResponders
                        || error.api().is_some_and(|api| api.code == 503);
                    assert!(unknown || refused, "lane {lane}, number {number}: {error}");
                    *lock(&run.numbers.failed).entry(code.name()).or_default() += 1;
                    assert!(since.elapsed() < ELECTION * 2, "lane {lane}: {error}");
                }
            }
        };
        let mut longest = lock(&run.numbers.longest);
        *longest = longest.max(since.elapsed());
        drop(longest);
        run.numbers.duplicates.fetch_add(ack.duplicate.into(), Ordering::Relaxed);
        run.stored[lane as usize].send_modify(|stored| {
            assert!(stored.last_key_value().is_none_or(|(_, last)| *last < ack.seq), "{ack:?}");
            stored.insert(number, ack.seq);
        });
    }
    client.close().await;
}

/// Makes the durable consumer of a reader; again, when nobody knows whether it was made.
async fn consumer(js: &JetStream, name: &str) -> Pull {
    let config = ConsumerConfig {
        durable_name: name.into(),
        // What a killed server had sent and nobody has read comes again soon.
        ack_wait: Duration::from_secs(5),
        max_ack_pending: -1,
        ..ConsumerConfig::default()
    };
    let made = async { while js.create_or_update_consumer("F", &config).await.is_err() {} };
    within("the consumer", made).await;
    js.pull("F", name).unwrap()
}

/// A durable consumer whose messages are taken without end.
async fn durable(run: Arc<Run>, mut seen: Seen) -> Seen {
    let (client, js) = run.connect(1).await;
    let events = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&events);
    let options = ConsumeOptions {
        max_messages: 50,
        expires: Duration::from_secs(5),
        heartbeat: Some(Duration::from_secs(1)),
        events: Some(Arc::new(move |_: &ConsumeEvent| {
            count.fetch_add(1, Ordering::Relaxed);
        })),
        ..ConsumeOptions::default()
    };
    let mut messages = consumer(&js, "durable").await.messages(&options).unwrap();
    let mut last = run.last.subscribe();
    while !last.borrow_and_update().is_some_and(|last| seen.has_all(last)) {
        let message = tokio::select! {
            message = messages.next() => message.expect("the consumer stays").unwrap(),
            _ = last.changed() => continue,
        };
        seen.note(&message);
        message.ack().await.unwrap();
    }
    client.close().await;
    seen.events = events.load(Ordering::Relaxed);
    seen
}

/// Takes the messages in order: each comes once, right behind the one before it.
async fn ordered(run: Arc<Run>, mut seen: Seen, push: bool) -> Seen {
    let (client, js) = run.connect(usize::from(push)).await;
    let events = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&events);
    let consume = ConsumeOptions {
        max_messages: 50,
        expires: Duration::from_secs(5),
        heartbeat: Some(Duration::from_secs(1)),
        events: Some(Arc::new(move |_: &ConsumeEvent| {
            count.fetch_add(1, Ordering::Relaxed);
        })),
        ..ConsumeOptions::default()
    };
    let options = OrderedOptions { push, consume, ..OrderedOptions::default() };
    let begin = async {
        loop {
            if let Ok(messages) = js.ordered("F", &options).await {
                return messages;
            }
        }
    };
    let mut messages = within("the first consumer", begin).await;
    let mut last = run.last.subscribe();
    while !last.borrow_and_update().is_some_and(|last| seen.has_all(last)) {
        let message = tokio::select! {
            message = messages.next() => message.expect("the stream stays").unwrap(),
            _ = last.changed() => continue,
        };
        let sequence = message.metadata().unwrap().stream_sequence;
        assert_eq!(sequence, seen.newest + 1, "{}: out of order", seen.reader);
        seen.note(&message);
    }
    client.close().await;
    seen.events = events.load(Ordering::Relaxed);
    seen
}

/// A durable consumer from which messages are fetched, again and again.
async fn fetches(run: Arc<Run>, mut seen: Seen) -> Seen {
    let (client, js) = run.connect(2).await;
    let pull = consumer(&js, "fetches").await;
    let options = FetchOptions {
        max_messages: 50,
        expires: Duration::from_secs(3),
        heartbeat: Some(Duration::from_secs(1)),
        ..FetchOptions::default()
    };
    while !run.last.borrow().is_some_and(|last| seen.has_all(last)) {
        if let Err(error) = fetch_once(&pull, &options, &mut seen).await {
            let expected = [
                Code::ConnectionLost,
                Code::HeartbeatMissed,
                Code::NoResponders,
                Code::PullRefused,
            ];
            assert!(expected.contains(&error.code()), "{error}");
            seen.events += 1;
            // As a program would: while there is no leader, nothing tells of the next one.
            tokio::time::sleep(SHORT).await;
        }
    }
    client.close().await;
    seen
}

async fn fetch_once(pull: &Pull, options: &FetchOptions, seen: &mut Seen) -> Result<()> {
    let mut fetch = pull.fetch(options)?;
    while let Some(message) = fetch.next().await? {
        seen.note(&message);
        message.ack().await?;
    }
    Ok(())
}

/// Reads the whole stream, and compares it with what was acknowledged. Its last sequence.
async fn check_stored(run: &Run, js: &JetStream) -> u64 {
    let info = within("the stream", js.stream_info("F")).await.unwrap();
    let name = js.create_consumer("F", &ConsumerConfig::default()).await.unwrap().name;
    let pull = js.pull("F", &name).unwrap();
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    while (found.len() as u64) < info.state.messages {
        let some = FetchOptions { max_messages: 1000, no_wait: true, ..FetchOptions::default() };
        for message in within("the content", pull.fetch(&some).unwrap().all()).await.unwrap() {
            let sequence = message.metadata().unwrap().stream_sequence;
            let twice = found.insert(text(&message), sequence);
            assert_eq!(twice, None, "{} is stored twice", text(&message));
            message.ack().await.unwrap();
        }
    }
    assert_eq!(info.state.messages, info.state.last_seq, "nothing is missing");
    let mut acknowledged = 0;
    for (lane, stored) in run.stored.iter().enumerate() {
        for (number, sequence) in &*stored.borrow() {
            let at = found.get(&format!("{lane}.{number}"));
            assert_eq!(at, Some(sequence), "{lane}.{number} was acknowledged");
            acknowledged += 1;
        }
    }
    assert_eq!(acknowledged, info.state.messages, "every publisher went on until it knew");
    info.state.last_seq
}

/// Leaders are killed, and nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_fault_28() {
    let rounds = std::env::var("NATS_FAILOVER_ROUNDS")
        .map_or(SHORT_FORM, |rounds| rounds.parse().expect("NATS_FAILOVER_ROUNDS: a number"));
    let run = Run::start().await;
    let begin_to_read =
        |((name, reader), count): (&(&'static str, Reader), &watch::Sender<u64>)| {
            let seen = Seen::new(name, count.clone());
            (*name, tokio::spawn(reader(Arc::clone(&run), seen)))
        };
    let readers: Vec<_> = READERS.iter().zip(&run.seen).map(begin_to_read).collect();
    let publishers: Vec<_> =
        (0..LANES).map(|lane| tokio::spawn(publisher(Arc::clone(&run), lane))).collect();
    let (client, js) = run.connect(0).await;
    let (begin, mut slowest, mut stuck) = (Instant::now(), [Duration::ZERO; 2], 0);
    for round in 1..=rounds {
        let what = format!("round {round}");
        run.progress(&what, STEP).await;
        // Of the stream and of the consumer in turn; they need not be the same server.
        let victim = run.leader(&js, round % 2 == 0).await;
        victim.kill().unwrap();
        let took = run.progress(&what, STEP).await;
        let [published, read] = took.map(|took| took.as_millis());
        println!("failover: {what}: published again after {published} ms, read after {read} ms");
        for (slowest, took) in slowest.iter_mut().zip(took) {
            *slowest = took.max(*slowest);
        }
        // The message that each publisher is at is published all the same.
        run.resting.send_replace(true);
        victim.restart().unwrap();
        // Servers, old ones above all, may come back and stay behind for good: then once more.
        while let Err(error) = run.cluster.wait_ready() {
            stuck += 1;
            assert!(stuck <= rounds.div_ceil(10), "{what}: {error}");
            victim.restart().unwrap();
        }
        run.resting.send_replace(false);
        for (name, reader) in &readers {
            assert!(!reader.is_finished(), "{what}: {name} has ended");
        }
    }
    run.progress("the end", STEP).await;
    let took = begin.elapsed();
    run.closing.send_replace(true);
    for publisher in publishers {
        within("the publishers", publisher).await.unwrap();
    }
    let last = check_stored(&run, &js).await;
    run.last.send_replace(Some(last));
    println!("failover: {rounds} leaders killed in {} s, {last} messages stored", took.as_secs());
    println!("failover: servers that stayed behind and were started once more: {stuck}");
    let failed = lock(&run.numbers.failed).clone();
    let before = run.numbers.duplicates.load(Ordering::Relaxed);
    println!("failover: publishes that were tried again: {failed:?}; stored before: {before}");
    let longest = lock(&run.numbers.longest).as_millis();
    let [published, read] = slowest.map(|slowest| slowest.as_millis());
    println!(
        "failover: longest wait for an acknowledgement {longest} ms; at most {published} ms from"
    );
    println!(
        "failover: a kill until {STEP} of each publisher were stored, {read} ms until all read on"
    );
    for (name, reader) in readers {
        let Ok(seen) = tokio::time::timeout(ELECTION, reader).await else {
            panic!("{name}: does not see all {last} messages");
        };
        let Seen { sequences, again, events, .. } = seen.unwrap();
        println!("failover: {name}: {} seen, {again} again, {events} events", sequences.len());
        assert!(sequences.iter().copied().eq(1..=last), "{name}");
    }
    client.close().await;
}
