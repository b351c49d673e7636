//! The tokio runtime that all foreign callers of a process share.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use nats_core::{Code, Error, Result};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::fork::PerEpoch;
use crate::sync::lock;

/// Worker threads when nothing else was asked for.
pub const DEFAULT_THREADS: usize = 1;

/// The most worker threads that can be asked for.
pub const MAX_THREADS: usize = 64;

struct State {
    threads: usize,
    running: Option<Runtime>,
}

static RUNTIME: PerEpoch<Mutex<State>> = PerEpoch::new();

/// Sets the number of I/O threads of the runtime that the first connection will start.
///
/// # Errors
/// [`Code::InvalidArgument`] when `threads` is not in 1..=[`MAX_THREADS`] or the runtime runs.
pub fn configure(threads: usize) -> Result<()> {
    if !(1..=MAX_THREADS).contains(&threads) {
        let text = format!("{threads} worker threads asked for; expected 1 to {MAX_THREADS}");
        return Err(Error::new(Code::InvalidArgument, text));
    }
    let mut state = lock(state()?);
    if state.running.is_some() {
        let text = "the I/O threads run already; set their number before the first connection";
        return Err(Error::new(Code::InvalidArgument, text));
    }
    state.threads = threads;
    Ok(())
}

/// The runtime's handle; starts the runtime when it does not run yet.
///
/// # Errors
/// [`Code::Io`] when the operating system refuses the threads, [`Code::Forked`] too many forks
/// deep.
pub fn handle() -> Result<Handle> {
    let mut state = lock(state()?);
    if let Some(runtime) = &state.running {
        return Ok(runtime.handle().clone());
    }
    let runtime = start(state.threads)?;
    let handle = runtime.handle().clone();
    state.running = Some(runtime);
    Ok(handle)
}

/// Whether the runtime's threads run.
pub fn is_running() -> bool {
    state().is_ok_and(|state| lock(state).running.is_some())
}

/// Stops the runtime and joins its threads, waiting at most `timeout`. A later [`handle`] starts it
/// afresh. Must not be called on one of its own threads.
///
/// # Errors
/// [`Code::InvalidArgument`] on one of the runtime's threads.
pub fn shutdown(timeout: Duration) -> Result<()> {
    crate::wait::refuse_inside_runtime()?;
    let running = lock(state()?).running.take();
    if let Some(runtime) = running {
        runtime.shutdown_timeout(timeout);
    }
    Ok(())
}

fn state() -> Result<&'static Mutex<State>> {
    RUNTIME.get(|| Mutex::new(State { threads: DEFAULT_THREADS, running: None }))
}

fn start(threads: usize) -> Result<Runtime> {
    let build = || {
        Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("nats-io")
            .enable_all()
            .build()
    };
    // Building panics when a thread cannot be started; to a caller that is an error like any other.
    match catch_unwind(AssertUnwindSafe(build)) {
        Ok(built) => built.map_err(|e| Error::from(e).context("starting the I/O threads")),
        Err(panic) => {
            Err(Error::new(Code::Io, format!("starting the I/O threads: {}", text(&panic))))
        }
    }
}

/// What a caught panic says.
pub fn text(panic: &Box<dyn Any + Send>) -> &str {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "no details"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_counts_are_checked() {
        for threads in [0, MAX_THREADS + 1, usize::MAX] {
            assert_eq!(configure(threads).unwrap_err().code(), Code::InvalidArgument);
        }
    }

    #[test]
    fn workers_carry_the_library_name() {
        let runtime = start(1).unwrap();
        let name = runtime.block_on(async {
            let task = tokio::spawn(async { std::thread::current().name().map(str::to_owned) });
            task.await.unwrap()
        });
        assert_eq!(name.as_deref(), Some("nats-io"));
        runtime.shutdown_timeout(Duration::from_secs(5));
    }
}
