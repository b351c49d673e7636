//! Replays the saved corpus of every fuzz target, and a fixed number of mutations of it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use nats_core::fuzzing;

const MUTATIONS: usize = 20_000;

#[test]
fn parser() {
    replay("parser", fuzzing::parser);
}

#[test]
fn headers() {
    replay("headers", fuzzing::headers);
}

#[test]
fn info() {
    replay("info", fuzzing::info);
}

fn replay(target: &str, run: fn(&[u8])) {
    let seeds = corpus(target);
    assert!(seeds.len() >= 15, "{target}: {} files are too few", seeds.len());
    for seed in &seeds {
        run(seed);
    }
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..MUTATIONS {
        let mut input = random.pick(&seeds).clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &seeds, &mut random);
        }
        run(&input);
    }
}

/// The files of the target's corpus, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// One small change: bytes changed, inserted, removed, repeated, or taken from another input.
fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    const WORDS: [&[u8]; 16] = [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"\xff",
        b"0",
        b"-1",
        b"4294967301",
        b"18446744073709551615",
        b"NATS/1.0",
        b"MSG a 1 5\r\nhello\r\n",
        b"{",
        b"\"",
    ];
    let at = random.below(input.len() + 1);
    match random.below(6) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => input.insert(at, random.below(256) as u8),
        2 => {
            let end = (at + 1 + random.below(8)).min(input.len());
            input.drain(at..end);
        }
        3 => {
            let end = (at + random.below(16)).min(input.len());
            input.extend_from_within(at..end);
        }
        4 => {
            input.splice(at..at, random.pick(&WORDS).iter().copied());
        }
        _ => {
            let other = random.pick(seeds);
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
    }
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
