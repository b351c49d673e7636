//! One client of the rolling-restart test: `rolling URLS NAME`. See rolling.c.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nats_core::{
    Client, Code, ConnectOptions, Event, Request, Result, SubscribeOptions, Subscription,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

const PUBLISH_EVERY: Duration = Duration::from_millis(2);
const REQUEST_EVERY: Duration = Duration::from_millis(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_secs(2);
const DRAIN: Duration = Duration::from_secs(20);

/// What has come.
#[derive(Default)]
struct Ledger {
    seen: HashSet<u64>,
    greatest: Option<u64>,
    duplicates: u64,
    out_of_order: u64,
    migrations: u64,
    discarded: Option<u64>,
}

#[derive(Default)]
struct Shared {
    ledger: Mutex<Ledger>,
    changed: Notify,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, number: u64) {
        let mut ledger = self.ledger();
        if !ledger.seen.insert(number) {
            ledger.duplicates += 1;
        } else if ledger.greatest.is_some_and(|greatest| number < greatest) {
            ledger.out_of_order += 1;
        }
        ledger.greatest = ledger.greatest.max(Some(number));
        drop(ledger);
        self.changed.notify_one();
    }

    fn event(&self, event: &Event) {
        match event {
            Event::Migrated { .. } => self.ledger().migrations += 1,
            Event::Closed { discarded } => self.ledger().discarded = Some(*discarded),
            _ => return,
        }
        self.changed.notify_one();
    }

    /// Waits until that is so, or nothing has changed for so long.
    async fn until(&self, patience: Duration, done: impl Fn(&Ledger) -> bool) {
        while !done(&self.ledger()) {
            if timeout(patience, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, urls, name] = arguments.as_slice() else {
        eprintln!("usage: rolling URLS NAME");
        return ExitCode::from(2);
    };
    match run(urls, name).await {
        Ok(report) => println!("{report}"),
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn run(urls: &str, name: &str) -> Result<Value> {
    let shared = Arc::new(Shared::default());
    let mut options = ConnectOptions::new().servers([urls]).name(name);
    let events = Arc::clone(&shared);
    options.event_callback = Some(Arc::new(move |event: &Event| events.event(event)));
    let client = options.connect().await?;
    let subject = format!("rolling.data.{name}");
    tokio::spawn(count(client.subscribe(&subject)?, Arc::clone(&shared)));
    let group = SubscribeOptions { queue: Some("echo".into()), ..SubscribeOptions::default() };
    tokio::spawn(echo(client.subscribe_with("rolling.echo", &group)?));
    client.flush().await?;
    println!("ready");

    let (stop, stopped) = watch::channel(false);
    let publisher = tokio::spawn(publish_numbers(client.clone(), subject, stopped.clone()));
    let requester = tokio::spawn(send_requests(client.clone(), name.to_owned(), stopped));
    await_stop().await;
    // Both tasks are there until they have seen it.
    let _ = stop.send(true);
    let published = publisher.await.unwrap_or_default();
    let (requests, failures) = requester.await.unwrap_or_default();
    if let Err(error) = client.flush().await {
        eprintln!("{name}: flush: {error}");
    }
    let last = published.checked_sub(1);
    shared.until(QUIET, |ledger| ledger.greatest >= last).await;
    client.drain_timeout(DRAIN).await?;
    shared.until(DRAIN, |ledger| ledger.discarded.is_some()).await;
    let (stats, ledger) = (client.stats(), shared.ledger());
    let delivered = ledger.seen.len() as u64;
    Ok(json!({
        "name": name,
        "published": published,
        "delivered": delivered,
        "duplicates": ledger.duplicates,
        "out_of_order": ledger.out_of_order,
        "missing": published.saturating_sub(delivered),
        "requests": requests,
        "failures": failures,
        "reconnects": stats.reconnects,
        "migrations": ledger.migrations,
        "dropped_out": stats.dropped_out,
        "discarded": ledger.discarded,
    }))
}

/// Counts the numbers that come.
async fn count(data: Subscription, shared: Arc<Shared>) {
    while let Some(message) = data.next().await {
        let text = String::from_utf8_lossy(message.payload());
        if let Ok(number) = text.parse() {
            shared.number(number);
        }
    }
}

async fn echo(requests: Subscription) {
    while let Some(request) = requests.next().await {
        // Whoever asked sees that there is no answer.
        let _ = request.respond(request.payload()).await;
    }
}

/// Publishes numbers until it is told to stop; how many.
async fn publish_numbers(client: Client, subject: String, stopped: watch::Receiver<bool>) -> u64 {
    let mut published: u64 = 0;
    let mut turn = interval(PUBLISH_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !*stopped.borrow() {
        turn.tick().await;
        // One that finds no room is not published: its number is the next one's.
        if client.publish(&subject, published.to_string()).await.is_ok() {
            published += 1;
        }
    }
    published
}

/// Sends requests until it is told to stop; how many, and those that failed.
async fn send_requests(
    client: Client,
    name: String,
    stopped: watch::Receiver<bool>,
) -> (u64, Vec<Value>) {
    let (mut sent, mut under_way, mut failures) = (0, JoinSet::new(), Vec::new());
    let mut turn = interval(REQUEST_EVERY);
    while !*stopped.borrow() {
        turn.tick().await;
        under_way.spawn(ask(client.clone(), format!("{name}-{sent}")));
        sent += 1;
        while let Some(Ok(done)) = under_way.try_join_next() {
            failures.extend(done);
        }
    }
    while let Some(Ok(done)) = under_way.join_next().await {
        failures.extend(done);
    }
    (sent, failures)
}

/// Sends one request; how it failed, if it did.
async fn ask(client: Client, text: String) -> Option<Value> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let request = Request::new("rolling.echo", text.as_bytes()).timeout(REQUEST_TIMEOUT);
    let code = match client.request_with(&request).await {
        Ok(answer) if *answer.payload() == *text.as_bytes() => return None,
        Ok(_) => "WRONG_REPLY",
        Err(error) => Code::name(error.code()),
    };
    Some(json!({ "at_ms": u64::try_from(at).unwrap_or_default(), "code": code }))
}

/// Until a line says so, or the input ends.
async fn await_stop() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == "stop" {
            return;
        }
    }
}
