//! One run of one driver.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nats_harness::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::Deserialize;

use crate::load;

/// What a driver says about a run.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Outcome {
    /// The version of the client.
    pub(crate) version: String,
    /// How long the timed part took.
    pub(crate) seconds: f64,
    /// User and system time of the process meanwhile.
    pub(crate) cpu_seconds: f64,
    /// Resident memory before the first connection.
    pub(crate) rss_before_kib: f64,
    /// The largest resident memory.
    pub(crate) rss_peak_kib: f64,
    /// Resident memory at the end of the timed part.
    pub(crate) rss_kib: f64,
    /// Threads at the end of the timed part.
    pub(crate) threads: u64,
    /// Half of the requests took no longer.
    pub(crate) p50_us: Option<f64>,
    /// 99 % of the requests took no longer.
    pub(crate) p99_us: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It measured.
    Measured(Outcome),
    /// The client cannot do this.
    Unsupported(String),
    /// It went wrong.
    Failed(String),
}

/// Runs a driver to its end, or kills it when the time is over. With the answer comes the processor
/// time of the whole process, in ticks.
///
/// # Errors
/// The system refuses what has nothing to do with the driver.
pub(crate) fn run(command: &[String], words: &[String], limit: Duration) -> Result<(Answer, u64)> {
    let (mut output, mut errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let Some((program, first)) = command.split_first() else {
        return Err(Error::new("a driver without a command"));
    };
    // A group of its own: what the driver starts ends with it.
    let child = Command::new(program)
        .args(first)
        .args(words)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(errors.try_clone()?)
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ok((Answer::Failed(format!("{program}: {error}")), 0)),
    };
    let ended = await_end(&child, limit);
    if !matches!(ended, Ok(true)) {
        // Nothing to kill any more is as good.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        await_end(&child, Duration::from_secs(10))?;
    }
    let ticks = load::process(child.id())?;
    let status = child.wait()?;
    if !ended? {
        let text = format!("killed after {} s{}", limit.as_secs(), tail(&mut errors)?);
        return Ok((Answer::Failed(text), ticks));
    }
    let text = content(&mut output)?;
    let answer = match status.code() {
        Some(0) => measured(&text),
        Some(3) => unsupported(&text),
        Some(2) => Answer::Failed(format!("refused its arguments{}", head(&mut errors)?)),
        _ => Answer::Failed(format!("{status}{}", tail(&mut errors)?)),
    };
    Ok((answer, ticks))
}

/// Waits for the end, without taking the process away; false when the time is over.
fn await_end(child: &Child, limit: Duration) -> Result<bool> {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())
        .map_err(|error| Error::because("watching a driver", error))?;
    let limit = Timespec::try_from(limit).map_err(|error| Error::because("time limit", error))?;
    loop {
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(Error::because("waiting for a driver", error)),
        }
    }
}

fn content(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first thing that a driver complained about; help may follow.
fn head(errors: &mut File) -> Result<String> {
    Ok(reason(content(errors)?.lines()))
}

/// The last thing that a driver complained about; a trace may precede.
fn tail(errors: &mut File) -> Result<String> {
    Ok(reason(content(errors)?.lines().rev()))
}

fn reason<'a>(mut lines: impl Iterator<Item = &'a str>) -> String {
    let line = lines.find(|line| !line.trim().is_empty());
    line.map_or(String::new(), |line| format!(": {}", line.trim()))
}

fn measured(text: &str) -> Answer {
    match serde_json::from_str::<Outcome>(text) {
        Ok(outcome) if outcome.seconds > 0.0 => Answer::Measured(outcome),
        Ok(_) => Answer::Failed("measured no time".into()),
        Err(error) => Answer::Failed(format!("{error} in {:?}", text.trim())),
    }
}

fn unsupported(text: &str) -> Answer {
    #[derive(Deserialize)]
    struct Line {
        unsupported: String,
    }
    match serde_json::from_str::<Line>(text) {
        Ok(line) => Answer::Unsupported(line.unsupported),
        Err(error) => Answer::Failed(format!("{error} in {:?}", text.trim())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, limit: Duration) -> Answer {
        let command = ["sh".into(), "-c".into(), script.into()];
        run(&command, &[], limit).unwrap().0
    }

    fn failure(script: &str) -> String {
        match shell(script, Duration::from_secs(20)) {
            Answer::Failed(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_is_read() {
        let line = r#"{"client":"c","version":"1","seconds":0.5,"cpu_seconds":0.25,
            "rss_before_kib":1,"rss_peak_kib":3,"rss_kib":2,"threads":4,"p50_us":null,
            "p99_us":7.5}"#;
        let answer = shell(&format!("echo '{line}'"), Duration::from_secs(20));
        let Answer::Measured(outcome) = answer else { panic!("{answer:?}") };
        assert_eq!((outcome.seconds, outcome.threads), (0.5, 4));
        assert_eq!((outcome.p50_us, outcome.p99_us), (None, Some(7.5)));
    }

    #[test]
    fn failures_say_why() {
        assert_eq!(failure("echo first >&2; echo why >&2; exit 1"), "exit status: 1: why");
        assert_eq!(failure("echo why >&2; echo usage >&2; exit 2"), "refused its arguments: why");
        assert!(failure("echo hello").starts_with("expected value"));
        assert!(failure("exit 3").starts_with("EOF"));
        assert!(failure("kill -9 $$").starts_with("signal: 9"));
        let missing = run(&["/is/not/there".into()], &[], Duration::from_secs(20)).unwrap().0;
        assert!(matches!(missing, Answer::Failed(text) if text.starts_with("/is/not/there: ")));
    }

    #[test]
    fn what_is_unsupported_is_told() {
        let answer = shell(r#"echo '{"unsupported":"no"}'; exit 3"#, Duration::from_secs(20));
        assert_eq!(answer, Answer::Unsupported("no".into()));
    }

    #[test]
    fn who_takes_too_long_is_killed_with_its_children() {
        let started = Instant::now();
        let answer = shell("echo slow >&2; sleep 60; true", Duration::from_millis(100));
        assert_eq!(answer, Answer::Failed("killed after 0 s: slow".into()));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
