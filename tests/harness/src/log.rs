//! The log of a server process: kept in memory, copied to a file, and something to wait on.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// Locks, whatever happened to the thread that held the lock before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `pick` finds something in the state, or the time is over.
pub(crate) fn wait_until<T, R>(
    mutex: &Mutex<T>,
    changed: &Condvar,
    timeout: Duration,
    mut pick: impl FnMut(&T) -> Option<R>,
) -> Option<R> {
    let deadline = Instant::now() + timeout;
    let mut state = lock(mutex);
    loop {
        if let Some(found) = pick(&state) {
            return Some(found);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        state = changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

#[derive(Default)]
struct State {
    text: String,
    /// The process still holds its end of the pipe.
    open: bool,
}

/// What a process wrote, over all its restarts.
pub(crate) struct Log {
    path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, state: Mutex::default(), changed: Condvar::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn text(&self) -> String {
        lock(&self.state).text.clone()
    }

    /// The current end, to wait for what is written after it.
    pub(crate) fn mark(&self) -> usize {
        lock(&self.state).text.len()
    }

    /// Copies `source` until its end, on a thread of its own.
    pub(crate) fn follow(
        self: &Arc<Self>,
        source: impl Read + Send + 'static,
    ) -> Result<JoinHandle<()>> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        lock(&self.state).open = true;
        let log = Arc::clone(self);
        let copy = move || log.copy(source, file);
        Ok(thread::Builder::new().name("harness-log".into()).spawn(copy)?)
    }

    /// Waits for one of `texts` after `mark`; says which one it was.
    ///
    /// # Errors
    /// The process ended or the time was over; the error shows the end of the log.
    pub(crate) fn wait(&self, mark: usize, texts: &[&str], timeout: Duration) -> Result<usize> {
        let found = wait_until(&self.state, &self.changed, timeout, |state| {
            let new = state.text.get(mark..).unwrap_or_default();
            let hit = texts.iter().position(|text| new.contains(text));
            hit.map(Some).or(if state.open { None } else { Some(None) })
        });
        match found {
            Some(Some(which)) => Ok(which),
            Some(None) => Err(self.error(&format!("the process ended without {texts:?}"))),
            None => Err(self.error(&format!("no {texts:?} within {timeout:?}"))),
        }
    }

    /// Waits until the process has closed its output, which it does by ending.
    pub(crate) fn wait_closed(&self, timeout: Duration) -> bool {
        let closed = |state: &State| (!state.open).then_some(());
        wait_until(&self.state, &self.changed, timeout, closed).is_some()
    }

    fn error(&self, what: &str) -> Error {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        Error::new(format!("nats-server: {what}; the end of its log:\n{tail}"))
    }

    fn copy(&self, source: impl Read, mut file: File) {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            // The file is for people; tests read the text in memory.
            let _ = file.write_all(&line);
            lock(&self.state).text.push_str(&String::from_utf8_lossy(&line));
            self.changed.notify_all();
            line.clear();
        }
        lock(&self.state).open = false;
        self.changed.notify_all();
    }
}
