//! What a JetStream asks of the API and is answered, for the program to see.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use nats_core::Result;
use nats_core::jetstream::ApiTrace;

use crate::delivery::{Job, Lifeline, Next, Turn};
use crate::pool;
use crate::sync::lock;

/// How many records may wait to be told; beyond that the oldest go.
const MOST: usize = 1024;

/// A subject, and what was sent to it or came back.
type Record = (String, Vec<u8>);

/// Told a record.
type Told = Box<dyn FnMut(&str, &[u8]) + Send>;

/// Has `told` called with each request and answer, in order, on a delivery thread, as long as the
/// lifeline exists.
///
/// # Errors
/// [`nats_core::Code::Io`] when no delivery thread can be started.
pub fn tracer(told: impl FnMut(&str, &[u8]) + Send + 'static) -> Result<(ApiTrace, Lifeline)> {
    let records: Arc<Mutex<VecDeque<Record>>> = Arc::default();
    let job = Tracer { records: Arc::clone(&records), told: Box::new(told) };
    let lifeline = Lifeline::start(pool::pool()?, Box::new(job))?;
    let source = Arc::clone(lifeline.source());
    let trace: ApiTrace = Arc::new(move |subject, document| {
        if source.is_stopped() {
            return;
        }
        let mut records = lock(&records);
        if records.len() == MOST {
            records.pop_front();
        }
        records.push_back((subject.to_owned(), document.to_owned()));
        drop(records);
        source.schedule();
    });
    Ok((trace, lifeline))
}

struct Tracer {
    records: Arc<Mutex<VecDeque<Record>>>,
    told: Told,
}

impl Job for Tracer {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            if turn.is_spent() {
                return Next::Again;
            }
            let Some((subject, document)) = lock(&self.records).pop_front() else {
                return Next::Wait;
            };
            turn.call(|| (self.told)(&subject, &document));
        }
        Next::Done
    }
}
