//! What must survive when servers, sockets, tasks and runtimes die, and when peers do not behave.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

#[path = "support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nats_core::{Client, Code, Event, OutboundPolicy, State, SubscribeOptions, Subscription};
use nats_harness::{Cut, DEFAULT_INFO, Direction, Step};
use support::cuts::Exchange;
use support::*;

/// Publishes rising numbers and remembers which of them may be lost: those that were accepted
/// between the last confirmation and the news that the socket is dead.
struct Numbers {
    client: Client,
    down: Arc<AtomicBool>,
    published: u64,
    at_risk: Vec<u64>,
}

impl Numbers {
    async fn publish(&mut self, count: u64) {
        for _ in 0..count {
            // Looked at first: whatever is accepted after the event is kept.
            if !self.down.load(Ordering::SeqCst) {
                self.at_risk.push(self.published);
            }
            publish(&self.client, "n", self.published.to_string()).await;
            self.published += 1;
        }
    }

    /// Everything up to now has reached the server.
    async fn confirm(&mut self) {
        flush(&self.client).await;
        self.at_risk.clear();
    }
}

/// Takes what must have arrived; returns the numbers that are missing. Fails when one comes twice
/// or out of order.
async fn missing(subscription: &Subscription, from: u64, to: u64) -> Vec<u64> {
    let (mut expected, mut missing) = (from, Vec::new());
    while expected < to {
        let number: u64 = next_text(subscription).await.parse().unwrap();
        assert!((expected..to).contains(&number), "{number} in place of {expected}");
        missing.extend(expected..number);
        expected = number + 1;
    }
    missing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_that_was_confirmed_or_accepted_behind_the_event() {
    let server = plain();
    let down = Arc::new(AtomicBool::new(false));
    let (reconnects, lost_sockets) = (Arc::new(AtomicU64::new(0)), Arc::clone(&down));
    let counted = Arc::clone(&reconnects);
    let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
    let client = options(&server.url()).event_callback(move |event| {
        match event {
            Event::Disconnected { .. } => lost_sockets.store(true, Ordering::SeqCst),
            Event::Reconnected { .. } => {
                lost_sockets.store(false, Ordering::SeqCst);
                counted.fetch_add(1, Ordering::SeqCst);
            }
            _ => return,
        }
        // The last event comes when the test is over.
        let _ = sender.send(event.name());
    });
    let client = within("connect", client.connect()).await.unwrap();
    let subscription = client.subscribe("n").unwrap();
    let mut numbers = Numbers { client: client.clone(), down, published: 0, at_risk: vec![] };
    let mut lost = 0;
    for kill in 1..=50 {
        let first = numbers.published;
        numbers.publish(20).await;
        numbers.confirm().await;
        let killer = std::thread::spawn({
            let pid = server.pid().unwrap();
            move || kill_9(pid)
        });
        // As long as nothing is known, but no longer than the queue takes.
        while !numbers.down.load(Ordering::SeqCst) && numbers.at_risk.len() < 5_000 {
            numbers.publish(1).await;
            tokio::task::yield_now().await;
        }
        killer.join().unwrap();
        assert_eq!(within("the news", news.recv()).await, Some("disconnected"));
        let at_risk = std::mem::take(&mut numbers.at_risk);
        numbers.publish(20).await;
        assert!(numbers.at_risk.is_empty(), "the socket is known to be dead");
        server.restart().unwrap();
        assert_eq!(within("the news", news.recv()).await, Some("reconnected"));
        numbers.publish(20).await;
        numbers.confirm().await;
        let gone = missing(&subscription, first, numbers.published).await;
        assert!(gone.iter().all(|number| at_risk.contains(number)), "kill {kill}: {gone:?}");
        lost += gone.len() as u64;
    }
    assert!(subscription.try_next().is_none(), "nothing comes behind the last one");
    let stats = client.stats();
    assert_eq!((stats.reconnects, reconnects.load(Ordering::SeqCst)), (50, 50));
    assert_eq!((stats.out_messages, stats.dropped_out), (numbers.published, 0));
    assert_eq!(subscription.stats().delivered, numbers.published - lost);
}

fn kill_9(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

async fn cut_at_every_byte(direction: Direction) {
    let mut exchange = Exchange::start().await;
    for cut in [Cut::Fin, Cut::Rst] {
        for offset in 1..=exchange.bytes(direction).await {
            exchange.cut_at(direction, offset, cut).await;
        }
    }
    exchange.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_at_every_byte_to_the_server_tears_and_doubles_nothing() {
    cut_at_every_byte(Direction::ToServer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_at_every_byte_to_the_client_tears_and_doubles_nothing() {
    cut_at_every_byte(Direction::ToClient).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_the_handshake_of_a_reconnect_only_delays_it() {
    let mut exchange = Exchange::start().await;
    for direction in [Direction::ToServer, Direction::ToClient] {
        for cut in [Cut::Fin, Cut::Rst] {
            exchange.cut_handshakes(direction, cut, 11).await;
        }
    }
    exchange.finish().await;
}

/// A conversation that makes the I/O task run many times.
async fn converse(client: &Client, subscription: &Subscription) -> nats_core::Result<()> {
    for _ in 0..5 {
        client.publish("x", "a message").await?;
        client.flush().await?;
        // A flush returns behind the message, unless the socket that had carried it died before the
        // flush was sent: then the message is gone with it.
        subscription.try_next().ok_or(Code::ConnectionLost)?;
        client.request("svc", "a question").await?;
    }
    Ok(())
}

async fn serve(url: &str) -> Client {
    let responder = dial(url).await;
    let asked = responder.subscribe("svc").unwrap();
    flush(&responder).await;
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            message.respond("an answer").await.unwrap();
        }
    });
    responder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_at_any_poll_of_the_task_is_a_lost_socket_and_no_more() {
    let server = plain();
    let _responder = serve(&server.url()).await;
    let mut without_panic = 0;
    for fatal in 1.. {
        let panicked = Arc::new(AtomicBool::new(false));
        let hook = Arc::clone(&panicked);
        let mut fragile = options(&server.url());
        fragile.fault = Some(Arc::new(move |poll| {
            if poll == fatal {
                hook.store(true, Ordering::SeqCst);
                // As a panic unwinds, but without a word on standard error.
                std::panic::resume_unwind(Box::new("a test"));
            }
        }));
        let (fragile, mut events) = watched(fragile);
        let client = within("connect", fragile.connect()).await.unwrap();
        let subscription = client.subscribe("x").unwrap();
        // It may fail with the socket, but it must end.
        let disturbed = within("the first conversation", converse(&client, &subscription)).await;
        if !panicked.load(Ordering::SeqCst) {
            assert_eq!(disturbed, Ok(()));
            without_panic += 1;
            if without_panic == 3 {
                assert!(fatal > 20, "the conversation took {fatal} polls only");
                break;
            }
            continue;
        }
        let Event::Disconnected { reason } = events.wait("disconnected").await else {
            unreachable!()
        };
        assert_eq!(reason.code(), Code::Panic, "poll {fatal}");
        if let Err(error) = disturbed {
            assert_eq!(error.code(), Code::ConnectionLost, "poll {fatal}");
        }
        flush(&client).await;
        within("the rest of the first", async { while subscription.try_next().is_some() {} }).await;
        let second = within("the second conversation", converse(&client, &subscription)).await;
        assert_eq!(second, Ok(()), "poll {fatal}");
        assert_eq!(client.state(), State::Connected);
        within("close", client.close()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_without_reconnect_closes_the_connection() {
    let server = plain();
    let mut fragile = options(&server.url()).reconnect(false);
    let armed = Arc::new(AtomicBool::new(false));
    let hook = Arc::clone(&armed);
    fragile.fault = Some(Arc::new(move |_| {
        if hook.load(Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new("a test"));
        }
    }));
    let (client, mut events) = dial_watched(fragile).await;
    let subscription = client.subscribe("x").unwrap();
    flush(&client).await;
    armed.store(true, Ordering::SeqCst);
    let flushed = within("flush", client.flush()).await;
    assert!([Code::ConnectionLost, Code::ConnectionClosed].contains(&code(flushed)));
    events.wait("closed").await;
    assert_eq!(end_of(&subscription).await, Code::ConnectionClosed);
    assert_eq!(client.state(), State::Closed);
}

#[test]
fn the_end_of_the_runtime_ends_every_waiter() {
    let stuck = fake(vec![Step::Stall]);
    let theirs = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ours = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let patient = options(&stuck.url()).request_timeout(FOREVER).publish_timeout(FOREVER);
    let patient = patient.outbound_bytes(64 << 20);
    let client = theirs.block_on(within("connect", patient.connect())).unwrap();
    let subscription = client.subscribe("x").unwrap();
    ours.block_on(async {
        let waiting = {
            let (requests, flushes, publishes) = (client.clone(), client.clone(), client.clone());
            let (closes, next) = (client.clone(), subscription.clone());
            [
                tokio::spawn(async move { requests.request("x", "").await.map(drop) }),
                tokio::spawn(async move { flushes.flush_timeout(FOREVER).await }),
                tokio::spawn(async move {
                    let block = vec![0; 1 << 20];
                    loop {
                        publishes.publish("x", &block).await?;
                    }
                }),
                tokio::spawn(async move {
                    closes.closed().await;
                    Err(Code::ConnectionClosed.into())
                }),
                tokio::spawn(async move {
                    assert!(next.next().await.is_none());
                    Err(next.end_reason().unwrap())
                }),
            ]
        };
        within("a full buffer", async {
            // More than the system's buffers take, and less than a waiting publisher leaves.
            while client.outbound_pending() < 33 << 20 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        theirs.shutdown_background();
        for (index, waiter) in waiting.into_iter().enumerate() {
            let ended = within("the end of a waiter", waiter).await.unwrap();
            assert_eq!(code(ended), Code::ConnectionClosed, "waiter {index}");
        }
        assert_eq!(client.state(), State::Closed);
        assert_eq!(code(client.publish("x", "").await), Code::ConnectionClosed);
        within("a second close", client.close()).await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_against_a_stopped_server_is_bounded_under_every_policy() {
    const LIMIT: usize = 256 * 1024;
    const FLOOD: u64 = 2_000;
    let server = plain();
    for policy in [OutboundPolicy::Error, OutboundPolicy::Wait, OutboundPolicy::DropOldest] {
        let bounded = options(&server.url()).outbound_bytes(LIMIT).outbound_policy(policy);
        let client = within("connect", bounded.publish_timeout(SHORT).connect()).await.unwrap();
        let listener = dial(&server.url()).await;
        let unbounded = SubscribeOptions { pending_bytes: Some(0), ..SubscribeOptions::default() };
        let subscription = listener.subscribe_with("flood", &unbounded).unwrap();
        flush(&listener).await;
        server.pause().unwrap();
        let mut accepted = 0;
        for number in 0..FLOOD {
            let block = format!("{number:0>16384}");
            match within("publish", client.publish("flood", &block)).await {
                Ok(()) => accepted += 1,
                Err(error) => {
                    assert_eq!(error.code(), Code::OutboundFull);
                    break;
                }
            }
            assert!(client.outbound_pending() <= LIMIT);
        }
        server.resume().unwrap();
        flush(&client).await;
        flush(&listener).await;
        let numbers: Vec<u64> =
            take_texts(&subscription).iter().map(|text| text.parse().unwrap()).collect();
        let dropped = client.stats().dropped_out;
        let sent = numbers.len() as u64;
        assert_eq!(sent + dropped, accepted, "{policy:?}: each sent or counted");
        assert!(numbers.is_sorted(), "{policy:?}");
        if policy == OutboundPolicy::DropOldest {
            assert_eq!(accepted, FLOOD);
            assert_eq!(numbers.last(), Some(&(FLOOD - 1)), "the newest are kept");
        } else {
            assert!(accepted < FLOOD, "{policy:?}");
            assert_eq!(dropped, 0);
        }
        within("close", client.close()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_control_lines_starve_nobody() {
    const COUNT: usize = 200_000;
    let info = format!("INFO {DEFAULT_INFO}\r\n");
    for (line, count) in
        [("PONG\r\n", COUNT), ("PING\r\n", COUNT), ("+OK\r\n", COUNT), (&info, COUNT / 10)]
    {
        let flood = line.repeat(count);
        let fake =
            fake(vec![Step::expect("SUB"), Step::send(flood), Step::send(msg(1, "x", "end"))]);
        let (client, mut events) = dial_watched(options(&fake.url())).await;
        let subscription = client.subscribe("x").unwrap();
        assert_eq!(next_text(&subscription).await, "end", "{line}");
        flush(&client).await;
        publish(&client, "x", "user traffic").await;
        // What is owed in the meantime is one answer for many.
        let answers = if line == "PING\r\n" { 1..=COUNT } else { 0..=0 };
        fake.wait_for(0, PATIENCE, |bytes| bytes.ends_with(b"user traffic\r\n")).unwrap();
        let answered = fake.received_text(0).matches("PONG\r\n").count();
        assert!(answers.contains(&answered), "{line}: {answered}");
        let heard = events.so_far();
        assert!(heard.is_empty(), "{line}: {heard:?}");
        assert_eq!(fake.connections(), 1, "{line}");
    }
}

/// Wakes nobody; what matters is what its drop drops.
struct LastHandle(#[expect(dead_code, reason = "held to be dropped")] Subscription);

impl std::task::Wake for LastHandle {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waker_may_hold_the_last_handle_of_its_subscription() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("w").unwrap();
    let waker = std::task::Waker::from(Arc::new(LastHandle(subscription.clone())));
    let context = std::task::Context::from_waker(&waker);
    assert!(subscription.poll_ready(&context).is_pending());
    drop((waker, subscription));
    // The I/O task wakes it, drops it, and so unsubscribes while it hands messages over.
    publish(&client, "w", "1").await;
    flush(&client).await;
    publish(&client, "w", "2").await;
    flush(&client).await;
    assert_eq!(client.stats().in_messages, 1, "unsubscribed by the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_stops_sending_does_not_hold_up_a_close() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let sender = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(format!("INFO {DEFAULT_INFO}\r\n").as_bytes()).unwrap();
        let (mut said, mut part) = (Vec::new(), [0; 1024]);
        while !said.ends_with(b"PING\r\n") {
            let count = socket.read(&mut part).unwrap();
            assert!(count > 0, "the client left");
            said.extend_from_slice(&part[..count]);
        }
        socket.write_all(b"PONG\r\n").unwrap();
        let flood = "MSG f 1 16\r\n0123456789abcdef\r\n".repeat(10_000);
        // Until the client has gone.
        while socket.write_all(flood.as_bytes()).is_ok() {}
    });
    let client = dial(&url).await;
    let subscription = client.subscribe("f").unwrap();
    assert!(within("the flood", subscription.next()).await.is_some());
    within("close", client.close()).await;
    sender.join().unwrap();
}
