//! The command of the benchmark.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use nats_bench::{feed, raw, serve};
use nats_harness::{Error, Result};

const USAGE: &str = "\
usage: nats-bench serve
       nats-bench feed --url URL
       nats-bench raw ARGUMENTS OF A DRIVER";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve"] => serve::run(),
        ["feed", "--url", url] => feed::run(url),
        ["raw", rest @ ..] => return raw::run(rest.iter().map(|&word| word.to_owned())),
        _ => Err(Error::new(USAGE)),
    };
    report(outcome)
}

fn report(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
