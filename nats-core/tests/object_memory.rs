//! What large objects cost. Measured on this process, so nothing else runs beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::fs;
use std::future::Future;

use nats_core::object::{GetOptions, PutOptions};
use support::objects::start;
use tokio::io::AsyncReadExt;

const SIZE: u64 = 256 << 20;
const MOST: u64 = 16 << 20;

/// A line of /proc/self/status that is a size, in bytes.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap() * 1024
}

/// The most memory that `work` needs above what is there before.
async fn peak_growth<T>(work: impl Future<Output = T>) -> (u64, T) {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    let result = work.await;
    (status("VmHWM").saturating_sub(before), result)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn object_31() {
    let (_server, _js, store) = start().await;
    let content = tokio::io::repeat(7).take(SIZE);
    let (growth, info) = peak_growth(store.put("x", content)).await;
    assert_eq!(info.unwrap().size, SIZE);
    assert!(growth < MOST, "{growth} bytes to put {SIZE}");
    let mut writer = store.writer("x", &PutOptions::default()).await.unwrap();
    let block = vec![7; 1 << 20];
    let (growth, ()) = peak_growth(async {
        for _ in 0..64 {
            writer.write(&block).await.unwrap();
        }
    })
    .await;
    assert!(growth < MOST, "{growth} bytes to write 64 MiB");
    writer.abort().await.unwrap();

    let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
    let (growth, read) = peak_growth(async {
        let mut read = 0;
        while let Some(chunk) = reader.next_chunk().await.unwrap() {
            read += chunk.len() as u64;
        }
        read
    })
    .await;
    assert_eq!(read, SIZE);
    assert!(growth < MOST, "{growth} bytes to get {SIZE}");
    // Whoever reads slowly has no more waiting for him.
    let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
    let (growth, ()) = peak_growth(async {
        reader.next_chunk().await.unwrap();
        for _ in 0..20 {
            store.jetstream().client().flush().await.unwrap();
        }
    })
    .await;
    assert!(growth < MOST, "{growth} bytes for a reader that waits");
}
