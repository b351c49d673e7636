//! What it costs to find one frame in a read buffer, and to read its headers.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nats_core::proto::HeaderBlock;
use nats_core::proto::parse::{Limits, Parser, Step};

/// Frames in one buffer: enough for the loop to settle, few enough for the cache.
const FRAMES: usize = 64;

const BLOCK: &str =
    "NATS/1.0\r\nBench-A: 12345678\r\nBench-B: 12345678\r\nBench-C: 12345678\r\n\r\n";

fn message(size: usize) -> Vec<u8> {
    let mut frame = format!("MSG bench.data 1 {size}\r\n").into_bytes();
    frame.resize(frame.len() + size, b'x');
    frame.extend_from_slice(b"\r\n");
    frame
}

fn message_with_headers(size: usize) -> Vec<u8> {
    let (block, total) = (BLOCK.len(), BLOCK.len() + size);
    let mut frame = format!("HMSG bench.data 1 {block} {total}\r\n{BLOCK}").into_bytes();
    frame.resize(frame.len() + size, b'x');
    frame.extend_from_slice(b"\r\n");
    frame
}

/// Finds every frame of `stream` and returns how many there were.
fn frames(parser: &mut Parser, stream: &[u8]) -> usize {
    let (mut at, mut found) = (0, 0);
    while let Ok(Step::Frame { frame, len }) = parser.next(&stream[at..]) {
        black_box(frame);
        at += len;
        found += 1;
    }
    found
}

/// Whole frames, as they are in a buffer that a large read has filled.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse/whole");
    let cases = [
        ("msg/16", message(16)),
        ("msg/128", message(128)),
        ("msg/1024", message(1024)),
        ("msg/65536", message(65536)),
        ("hmsg/16", message_with_headers(16)),
        ("ping", b"PING\r\n".to_vec()),
    ];
    for (name, frame) in cases {
        let stream = frame.repeat(FRAMES);
        let mut parser = Parser::new(Limits::default());
        assert_eq!(frames(&mut parser, &stream), FRAMES, "{name}");
        group.throughput(Throughput::Elements(FRAMES as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| frames(&mut parser, black_box(&stream)));
        });
    }
    group.finish();
}

/// A frame that arrives in two pieces, cut in its line and in its payload.
fn cut(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse/cut");
    let frame = message(128);
    for at in [8, 64] {
        let mut parser = Parser::new(Limits::default());
        group.bench_function(BenchmarkId::from_parameter(at), |bencher| {
            bencher.iter(|| {
                let first = parser.next(black_box(&frame[..at]));
                assert!(matches!(first, Ok(Step::More { .. })));
                frames(&mut parser, black_box(&frame))
            });
        });
    }
    group.finish();
}

/// Reading the header block of a received message.
fn headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse/headers");
    let block = HeaderBlock::new(BLOCK.as_bytes());
    group.bench_function("get", |bencher| bencher.iter(|| block.get(black_box("Bench-C"))));
    group.bench_function("all", |bencher| bencher.iter(|| black_box(&block).iter().count()));
    group.bench_function("owned", |bencher| bencher.iter(|| black_box(&block).to_headers()));
    group.finish();
}

criterion_group!(benches, whole, cut, headers);
criterion_main!(benches);
