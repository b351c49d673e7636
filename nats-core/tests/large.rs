//! Messages around the sizes from which on they are read into memory of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

#[path = "support/mod.rs"]
mod support;

use support::*;

/// Content that tells its place, so that memory that is used again too early shows.
fn content(number: usize, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(31) + number * 7) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_size_arrives_whole_and_stays_as_long_as_it_is_kept() {
    const KIB: usize = 1024;
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("large").unwrap();
    let around = |size: usize| [size - 40, size - 2, size, size + 1];
    let mut sizes = vec![0, 16];
    for size in [8 * KIB, 32 * KIB, 64 * KIB, 64 * KIB, 256 * KIB, 1000 * KIB] {
        sizes.extend(around(size));
    }
    sizes.extend([KIB * KIB, 5, 40 * KIB, 300 * KIB, 1]);
    sizes.extend([64 * KIB; 12]);
    let mut kept = Vec::new();
    for (number, &size) in sizes.iter().enumerate() {
        publish(&client, "large", content(number, size)).await;
    }
    for (number, &size) in sizes.iter().enumerate() {
        let message = next(&subscription).await;
        assert!(message.payload() == content(number, size), "{number}: {size} bytes");
        if number % 2 == 0 {
            kept.push((number, size, message));
        }
    }
    for (number, size, message) in kept {
        assert!(message.payload() == content(number, size), "{number}: kept, {size} bytes");
    }
}
