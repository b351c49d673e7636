//! The command of the benchmark.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use nats_bench::results::Results;
use nats_bench::{feed, goals, raw, report, run, serve};
use nats_harness::{Error, Result};

const USAGE: &str = "\
usage: nats-bench serve
       nats-bench feed --url URL
       nats-bench raw ARGUMENTS OF A DRIVER
       nats-bench run [--quick] [--client NAME]... [--op OP]... [--target floor|server|jetstream]
                      [--rounds N] [--out DIR] [--peer NAME=COMMAND]... [--compare OLD.json]
       nats-bench report FILE.json";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve"] => serve::run(),
        ["feed", "--url", url] => feed::run(url),
        ["raw", rest @ ..] => return raw::run(rest.iter().map(|&word| word.to_owned())),
        ["run", rest @ ..] => run::run(rest),
        ["report", file] => again(Path::new(file)),
        _ => Err(Error::new(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the report of an earlier run beside its file, with the goals as they are now.
fn again(file: &Path) -> Result<()> {
    let mut results = Results::load(file)?;
    results.goals = goals::evaluate(&results.rows);
    report::write(&results, file.parent().unwrap_or(Path::new(".")))
}
