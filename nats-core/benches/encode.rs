//! What it costs to check and to write one operation: no socket, no lock.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nats_core::Headers;
use nats_core::proto::encode;
use nats_core::proto::subject::Subject;

const SUBJECT: &str = "bench.data";

fn subject(text: &str) -> Subject<'_> {
    match Subject::new(text) {
        Ok(subject) => subject,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn three_headers() -> Headers {
    let mut headers = Headers::new();
    for name in ["Bench-A", "Bench-B", "Bench-C"] {
        if let Err(error) = headers.append(name, "12345678") {
            panic!("{name}: {error}");
        }
    }
    headers
}

/// PUB for each size of payload, into a buffer that is warm.
fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode/publish");
    for size in [0, 16, 128, 1024, 65536] {
        let payload = vec![b'x'; size];
        let mut out = Vec::new();
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                out.clear();
                let subject = subject(black_box(SUBJECT));
                encode::publish(&mut out, subject, None, None, black_box(&payload));
                black_box(out.len())
            });
        });
    }
    group.finish();
}

/// What a reply subject and headers add to it.
fn publish_with(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode/publish_with");
    let headers = three_headers();
    let reply = subject("_INBOX.0123456789abcdefghijkl.Ab12");
    let payload = [b'x'; 16];
    let cases = [
        ("reply", Some(reply), None),
        ("headers", None, Some(&headers)),
        ("both", Some(reply), Some(&headers)),
    ];
    for (name, reply, headers) in cases {
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let subject = subject(black_box(SUBJECT));
                encode::publish(&mut out, subject, reply, headers, black_box(&payload));
                black_box(out.len())
            });
        });
    }
    group.finish();
}

/// The checks by themselves: subjects of usual lengths, and a list of headers.
fn validate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode/validate");
    for text in ["a", SUBJECT, "orders.europe.de.1234567890.items.changed"] {
        group.bench_function(BenchmarkId::new("subject", text.len()), |bencher| {
            bencher.iter(|| Subject::new(black_box(text)).is_ok());
        });
    }
    group.bench_function("headers", |bencher| bencher.iter(three_headers));
    group.finish();
}

criterion_group!(benches, publish, publish_with, validate);
criterion_main!(benches);
