use std::process::{Command, Stdio};

use tokio::sync::oneshot;

use super::support::*;

const URL: &str = "NATS_CONFORMANCE_CHILD_URL";
const MODE: &str = "NATS_CONFORMANCE_CHILD_MODE";

/// Runs itself again as a child that ends with a live connection.
#[test]
fn process_02() {
    if let Ok(url) = std::env::var(URL) {
        return child(&url);
    }
    let server = plain();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (mode, expected) in [("exit", 7), ("return", 0), ("drop", 0)] {
        let (sender, ended) = oneshot::channel();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "process::process_02", "--nocapture"])
            .env(URL, server.url())
            .env(MODE, mode)
            .stdin(Stdio::null());
        std::thread::spawn(move || {
            // Nobody listens any more when the child took too long.
            let _ = sender.send(command.output().unwrap());
        });
        let output = runtime.block_on(within("the child's end", ended)).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{mode}: {errors}");
        assert!(!errors.contains("panicked"), "{mode}: {errors}");
    }
}

fn child(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(dial(url));
    let subscription = client.subscribe("x").unwrap();
    runtime.block_on(async {
        publish(&client, "x", "alive").await;
        next(&subscription).await;
        publish(&client, "x", "under way").await;
    });
    match std::env::var(MODE).as_deref() {
        Ok("exit") => std::process::exit(7),
        Ok("drop") => drop(runtime),
        _ => std::mem::forget(runtime),
    }
    // The client and its subscription end with the thread, or behind their runtime.
    drop((subscription, client));
}
