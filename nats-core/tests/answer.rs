//! Answers, and the thread that writes them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nats_harness::{Config, Server};
use tokio::runtime::{Builder, Runtime};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn an_answer_to_a_message_without_company_needs_no_driver() {
    let server = Server::start(Config::plain()).unwrap();
    let url = server.url();
    let (ready, is_ready) = mpsc::channel();
    let (taken, requests) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let serving = thread::spawn({
        let url = url.clone();
        move || {
            let runtime = runtime();
            let (client, subscription) = runtime.block_on(async {
                let client = nats_core::connect(&url).await.unwrap();
                let subscription = client.subscribe("echo").unwrap();
                client.flush().await.unwrap();
                (client, subscription)
            });
            ready.send(()).unwrap();
            let request = runtime.block_on(subscription.next()).unwrap();
            taken.send(request).unwrap();
            // From here on nothing drives the connection.
            released.recv_timeout(LONG).unwrap();
            runtime.block_on(client.close());
        }
    });
    is_ready.recv_timeout(LONG).unwrap();
    runtime().block_on(async {
        let asker = nats_core::connect(&url).await.unwrap();
        let asked = tokio::spawn(async move { asker.request("echo", "x").await });
        let request = tokio::task::spawn_blocking(move || requests.recv_timeout(LONG).unwrap());
        request.await.unwrap().respond_now(None, b"y").unwrap();
        let answer = tokio::time::timeout(LONG, asked).await.expect("an answer").unwrap();
        assert_eq!(answer.unwrap().payload(), b"y");
    });
    release.send(()).unwrap();
    serving.join().unwrap();
}
