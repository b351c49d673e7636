//! The library's log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nats_bridge::log::{self, Level};
use nats_core::{Code, Error};
use pyo3::prelude::*;

use crate::error::Outcome;
use crate::queue::{Queue, Value};

/// Records that wait for Python; beyond that they are dropped.
const BACKLOG: usize = 1024;

/// A record on its way to Python.
pub(crate) struct Record {
    level: u8,
    text: String,
    waiting: Arc<AtomicUsize>,
}

impl Record {
    /// Level and text.
    pub(crate) fn into_object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok((self.level, self.text.as_str()).into_pyobject(py)?.into_any().unbind())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has records up to `level` arrive at `queue` under `token`, instead of where they went before;
/// without a queue nowhere.
#[pyfunction]
#[pyo3(signature = (queue, token, level, /))]
pub(crate) fn set_log(queue: Option<&Queue>, token: u64, level: i32) -> Outcome<()> {
    let Some(queue) = queue else {
        log::deafen();
        return Ok(());
    };
    let level = Level::from_number(level)
        .ok_or_else(|| Error::new(Code::InvalidArgument, "level: expected 1 to 5"))?;
    let target = queue.events()?.downgrade();
    let waiting = Arc::new(AtomicUsize::new(0));
    let listener = move |level: Level, text: &str| {
        if waiting.fetch_add(1, Ordering::Relaxed) >= BACKLOG {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let waiting = Arc::clone(&waiting);
        let record = Record { level: level as u8, text: text.to_owned(), waiting };
        if let Some(queue) = target.upgrade() {
            queue.ticket(token).complete(Ok(Value::Record(record)));
        }
    };
    Ok(log::listen(level, Arc::new(listener))?)
}
