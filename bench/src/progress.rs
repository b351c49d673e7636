//! How far a run is, on standard error.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// How often a line comes where lines cannot be written over.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts the runs that are done.
pub(crate) struct Progress {
    started: Instant,
    shown: Option<Instant>,
    terminal: bool,
    done: usize,
    total: usize,
}

impl Progress {
    /// So many are to be done.
    pub(crate) fn new(total: usize) -> Self {
        let terminal = stderr().is_terminal();
        Self { started: Instant::now(), shown: None, terminal, done: 0, total }
    }

    /// Fewer are to be done.
    pub(crate) fn drop(&mut self, number: usize) {
        self.total = self.total.saturating_sub(number);
    }

    /// The next begins.
    pub(crate) fn show(&mut self, what: &str) {
        let line = self.line(self.started.elapsed(), what);
        if self.terminal {
            eprint!("\r{line}\x1b[K");
        } else if self.shown.is_none_or(|shown| shown.elapsed() > PAUSE) {
            self.shown = Some(Instant::now());
            eprintln!("{line}");
        }
    }

    /// Something that should be known before the end.
    pub(crate) fn note(&self, text: &str) {
        self.end();
        eprintln!("{text}");
    }

    /// One is done.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
    }

    /// Takes away the line that is shown.
    pub(crate) fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }

    fn line(&self, elapsed: Duration, what: &str) -> String {
        let Self { done, total, .. } = *self;
        let left = match u32::try_from(done) {
            Ok(number @ 1..) => {
                let left = total.saturating_sub(done);
                let seconds = (elapsed / number).as_secs_f64() * left as f64;
                format!(", about {}:{:02} left", seconds as u64 / 60, seconds as u64 % 60)
            }
            _ => String::new(),
        };
        format!("{}/{total}{left}: {what}", done + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_time_passed() {
        let mut progress = Progress::new(100);
        assert_eq!(progress.line(Duration::ZERO, "x"), "1/100: x");
        for _ in 0..20 {
            progress.advance();
        }
        progress.drop(10);
        let line = progress.line(Duration::from_secs(20), "x");
        assert_eq!(line, "21/90, about 1:10 left: x");
    }
}
