//! Options of connections that no other test is about, each by what it does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::{Code, Event};
use nats_harness::Step;
use support::*;

#[tokio::test]
async fn timeouts_of_flush_drain_and_request() {
    let silent = || fake(vec![Step::Silence]);
    let server = silent();
    let client = options(&server.url()).flush_timeout(SHORT).connect().await.unwrap();
    assert_eq!(code(within("flush", client.flush()).await), Code::Timeout);

    let server = silent();
    let client = options(&server.url()).drain_timeout(SHORT).connect().await.unwrap();
    assert_eq!(code(within("drain", client.drain()).await), Code::Timeout);

    let server = plain();
    let client = options(&server.url()).request_timeout(SHORT).connect().await.unwrap();
    let _ignored = client.subscribe("options.ask").unwrap();
    assert_eq!(code(within("request", client.request("options.ask", "")).await), Code::Timeout);
}

#[tokio::test]
async fn a_message_beyond_max_message_bytes_ends_the_connection() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url()).max_message_bytes(2000)).await;
    let subscription = client.subscribe("options.size").unwrap();
    flush(&client).await;
    let other = dial(&server.url()).await;
    for size in [1500, 2500] {
        other.publish("options.size", vec![0; size]).await.unwrap();
    }
    assert_eq!(next(&subscription).await.payload().len(), 1500);
    let Event::Disconnected { reason } = events.wait("disconnected").await else { unreachable!() };
    assert_eq!(reason.code(), Code::Protocol, "{reason}");
    events.wait("reconnected").await;
    flush(&client).await;
    publish(&other, "options.size", "again").await;
    assert_eq!(next_text(&subscription).await, "again");
}

#[tokio::test]
async fn lenient_subjects_pass_unless_they_break_the_protocol() {
    let server = plain();
    let strict = dial(&server.url()).await;
    let lenient = options(&server.url()).lenient_subjects(true).connect().await.unwrap();
    let seen = strict.subscribe("options.>").unwrap();
    flush(&strict).await;
    assert_eq!(code(strict.publish("options.*", "").await), Code::InvalidSubject);
    publish(&lenient, "options.*", "as it is").await;
    assert_eq!(next_text(&seen).await, "as it is");
    for subject in ["", "a b", "a\r\nPING"] {
        assert_eq!(code(lenient.publish(subject, "").await), Code::InvalidSubject, "{subject:?}");
    }
}

/// The timer of this process's connection to a port, as the kernel shows it: 02 is that of
/// keepalive.
fn timer(port: u16) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let peer = format!(":{port:04X}");
    let established = "01";
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[2].ends_with(&peer) && row[3] == established)?;
    row[5].split(':').next().map(str::to_owned)
}

#[tokio::test]
async fn keepalive_is_on_unless_it_is_zero() {
    for (keepalive, expected) in [(Duration::from_secs(30), "02"), (Duration::ZERO, "00")] {
        let server = plain();
        let client = options(&server.url()).tcp_keepalive(keepalive).connect().await.unwrap();
        // The timer of what is under way takes the place for a moment.
        within("the timer", async {
            while timer(server.port()).as_deref() != Some(expected) {
                flush(&client).await;
            }
        })
        .await;
    }
}
