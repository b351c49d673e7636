//! The queue of an environment: what its operations yield, and the one call that wakes it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use napi::Status;
use napi::bindgen_prelude::{Buffer, Either11, Env, Function, check_status, sys};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use nats_bridge::connection::Connection as Link;
use nats_bridge::log::{self, Level};
use nats_bridge::object::{Reader, Writer};
use nats_bridge::question::{self, Ask};
use nats_bridge::queue::{Event, Queue as Core};
use nats_bridge::running::Running;
use nats_core::kv::{KeyValue, KvCache};
use nats_core::object::ObjectStore;
use nats_core::{Batch, Message};
use serde_json::json;

use crate::connection::Connection;
use crate::entries::Entries;
use crate::error::{Result, raise};
use crate::kv::{Bucket, Cache};
use crate::object::{ObjectReader, ObjectWriter, Objects};
use crate::packet::{Numbers, Packet};
use crate::subscription::Subscription;

/// How many events one turn of the loop takes.
const BATCH: usize = 1024;

/// What operations yield.
pub(crate) enum Value {
    Nothing,
    Number(f64),
    Message(Message),
    Connection(Arc<Link>),
    Subscription(nats_core::Subscription),
    Question(question::Question),
    Record(Record),
    Text(String),
    Packets(Vec<Packet>),
    Entries(Vec<Entries>),
    Bucket(Box<KeyValue>),
    /// What is told of a bucket.
    Watch(Box<(nats_core::Subscription, KeyValue)>),
    Cache(KvCache),
    Objects(Box<ObjectStore>),
    /// What is told of a bucket of objects.
    ObjectWatch(Box<(nats_core::Subscription, ObjectStore)>),
    Writer(Writer),
    Reader(Reader),
    /// How far an operation is that goes on: bytes so far, and all.
    Progress(u64, u64),
}

/// The queue of one environment.
#[napi]
pub struct Queue {
    core: Core<Value>,
    wake: Arc<Wake>,
}

/// Events of one turn. Each has three numbers: its kind, its token, and one more.
#[napi(object, object_from_js = false)]
pub struct Events {
    /// The numbers, as doubles.
    pub numbers: Numbers,
    /// What kinds FAILED, VALUE, EVENT, QUESTION, RECORD, REFUSED and PROGRESS go with, in order.
    pub values: Vec<Crossing>,
    /// The messages of kind MESSAGE, in order.
    pub packet: Option<Packet>,
    /// Whether there may be more events.
    pub more: bool,
}

/// Something that crosses.
type Crossing = Either11<
    String,
    Connection,
    Subscription,
    Question,
    Vec<Packet>,
    Vec<Entries>,
    Bucket,
    Cache,
    Objects,
    ObjectWriter,
    ObjectReader,
>;

/// What a connection asks the program. Answered at most once.
#[napi]
pub struct Question(Option<question::Question>);

/// An operation that can be given up.
#[napi]
pub struct Operation(pub(crate) Option<Running>);

type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 1>;

// The kinds of events, as lib/queue.ts knows them.
const DONE: f64 = 0.0;
const FAILED: f64 = 1.0;
const NUMBER: f64 = 2.0;
const MESSAGE: f64 = 3.0;
const VALUE: f64 = 4.0;
const READY: f64 = 5.0;
const EVENT: f64 = 6.0;
const QUESTION: f64 = 7.0;
const RECORD: f64 = 8.0;
const REFUSED: f64 = 9.0;
const PROGRESS: f64 = 10.0;

#[napi]
impl Queue {
    /// A queue that calls `wake` in a later turn of the loop when it is no longer empty. By itself
    /// it does not keep the process alive.
    ///
    /// # Errors
    /// When the engine refuses the function.
    #[napi(constructor, catch_unwind)]
    pub fn new(wake: Function<'_, (), ()>) -> napi::Result<Queue> {
        let wake =
            wake.build_threadsafe_function::<()>().weak::<true>().max_queue_size::<1>().build()?;
        let wake = Arc::new(wake);
        let core = Core::new();
        let hook = Arc::clone(&wake);
        core.on_wake(Some(Arc::new(move || {
            // Full: a wake is under way already. Closing: there is nobody left to wake.
            let _ = hook.call((), ThreadsafeFunctionCallMode::NonBlocking);
        })));
        Ok(Queue { core, wake })
    }

    /// Takes what has arrived.
    ///
    /// # Errors
    /// QUEUE_CLOSED.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Result<Events> {
        let mut events = Vec::new();
        self.core.poll(&mut events, BATCH, Duration::ZERO).map_err(raise)?;
        let more = events.len() == BATCH;
        let (mut numbers, mut values, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for event in events {
            let (kind, token, number) = match event {
                Event::Ready { token, pending } => (READY, token, pending as f64),
                Event::Connection { token, event } => {
                    values.push(Either11::A(event.json().to_owned()));
                    (EVENT, token, f64::from(event.kind().number()))
                }
                Event::Completion { token, result: Err(e) } if e.api().is_some() => {
                    values.push(Either11::A(refusal(&e)));
                    (REFUSED, token, f64::from(e.code().number()))
                }
                Event::Completion { token, result: Err(e) } => {
                    values.push(Either11::A(e.text().to_owned()));
                    (FAILED, token, f64::from(e.code().number()))
                }
                Event::Completion { token, result: Ok(value) } => {
                    let (kind, number) = self.told(value, &mut values, &mut messages);
                    (kind, token, number)
                }
            };
            numbers.extend([kind, token as f64, number]);
        }
        let packet = (!messages.is_empty()).then(|| Packet::new(messages, false));
        Ok(Events { numbers: Numbers(numbers), values, packet, more })
    }

    /// From now on the queue keeps the process alive.
    ///
    /// # Errors
    /// When the environment ends.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn hold(&self, env: Env) -> napi::Result<()> {
        // SAFETY: a native call runs on the thread of its live environment, and the function lives
        // as long as this object.
        check_status!(unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.wake.raw()) })
    }

    /// From now on it does not.
    ///
    /// # Errors
    /// As [`Queue::hold`].
    #[napi(js_name = "unref", catch_unwind)]
    pub fn release(&self, env: Env) -> napi::Result<()> {
        // SAFETY: as in hold().
        check_status!(unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.wake.raw()) })
    }

    /// Has records of the library's log up to `level` come under `token`, instead of where they went
    /// before; level 0 is nowhere.
    ///
    /// # Errors
    /// INVALID_ARGUMENT.
    #[napi(catch_unwind)]
    pub fn set_log(&self, token: f64, level: i32) -> Result<()> {
        let Some(level) = Level::from_number(level) else {
            log::deafen();
            return Ok(());
        };
        let target = self.core.downgrade();
        let waiting = Arc::new(AtomicUsize::new(0));
        let listener = move |level: Level, text: &str| {
            if waiting.fetch_add(1, Ordering::Relaxed) >= BACKLOG {
                waiting.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            let waiting = Arc::clone(&waiting);
            let record = Record { level: f64::from(level as u8), text: text.to_owned(), waiting };
            if let Some(queue) = target.upgrade() {
                queue.ticket(token as u64).complete(Ok(Value::Record(record)));
            }
        };
        log::listen(level, Arc::new(listener)).map_err(raise)
    }

    /// Begins to connect; the completion of `token` yields a [`Connection`], whose events come
    /// under `token` too, those first that happen before, and its questions, of those that `asks`
    /// names.
    ///
    /// # Errors
    /// INVALID_OPTION, INVALID_JSON; INVALID_URL comes with the completion.
    #[napi(catch_unwind)]
    pub fn connect(&self, token: f64, options: String, asks: Vec<String>) -> Result<()> {
        let mut parsed = nats_core::ConnectOptions::default();
        nats_bridge::options::connect(&mut parsed, &options).map_err(raise)?;
        let asks: Vec<Ask> = asks.iter().filter_map(|name| Ask::named(name)).collect();
        let asked = self.core.downgrade();
        question::install(&mut parsed, &asks, move |question| {
            if let Some(queue) = asked.upgrade() {
                queue.ticket(token as u64).complete(Ok(Value::Question(question)));
            }
        });
        let core = self.core.clone();
        start(&self.core, token, async move {
            let link = Link::connect_watched(parsed, &core, token as u64).await?;
            Ok(Value::Connection(link))
        })?;
        Ok(())
    }
}

impl Queue {
    /// The kind and the number of what an operation yields, which goes to one of these.
    fn told(
        &self,
        value: Value,
        values: &mut Vec<Crossing>,
        messages: &mut Vec<Batch>,
    ) -> (f64, f64) {
        let queue = || self.core.clone();
        let handle = |crossing| (VALUE, 0.0, crossing);
        let (kind, number, crossing) = match value {
            Value::Nothing => return (DONE, 0.0),
            Value::Number(number) => return (NUMBER, number),
            Value::Message(message) => {
                let sid = message.sid() as f64;
                messages.push(Batch::from(message));
                return (MESSAGE, sid);
            }
            Value::Connection(link) => handle(Either11::B(Connection::new(link, queue()))),
            Value::Subscription(core) => handle(Either11::C(Subscription::new(core, queue()))),
            Value::Watch(watch) => {
                let (core, kv) = *watch;
                handle(Either11::C(Subscription::watching(core, queue(), kv)))
            }
            Value::ObjectWatch(watch) => {
                let (core, store) = *watch;
                handle(Either11::C(Subscription::watching_objects(core, queue(), store)))
            }
            Value::Text(text) => handle(Either11::A(text)),
            Value::Packets(packets) => handle(Either11::E(packets)),
            Value::Entries(entries) => handle(Either11::F(entries)),
            Value::Bucket(kv) => handle(Either11::G(Bucket::new(*kv))),
            Value::Cache(cache) => handle(Either11::H(Cache::new(cache))),
            Value::Objects(store) => handle(Either11::I(Objects::new(*store))),
            Value::Writer(writer) => handle(Either11::J(ObjectWriter::new(writer))),
            Value::Reader(reader) => handle(Either11::K(ObjectReader::new(reader))),
            Value::Progress(so_far, total) => {
                (PROGRESS, so_far as f64, Either11::A(total.to_string()))
            }
            Value::Question(question) => (QUESTION, 0.0, Either11::D(Question(Some(question)))),
            Value::Record(record) => (RECORD, record.level, Either11::A(record.take())),
        };
        values.push(crossing);
        (kind, number)
    }
}

/// Records that wait for the loop; more are dropped.
const BACKLOG: usize = 1024;

/// A record of the library's log.
pub(crate) struct Record {
    level: f64,
    text: String,
    waiting: Arc<AtomicUsize>,
}

impl Record {
    fn take(mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // The environment ends, or nothing refers to the queue: nobody may be called any more.
        self.core.close();
    }
}

#[napi]
impl Question {
    /// What is asked.
    #[napi(getter, catch_unwind)]
    pub fn ask(&self) -> Option<&'static str> {
        self.0.as_ref().map(|question| question.ask().name())
    }

    /// What there is to know for it, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> Option<String> {
        self.0.as_ref().map(|question| question.about().to_json())
    }

    /// Answers, once, with as many values as names.
    #[napi(catch_unwind)]
    pub fn answer(&mut self, names: Vec<String>, values: Vec<Buffer>) {
        if let Some(question) = self.0.take() {
            let values = values.into_iter().map(|value| value.to_vec().into());
            question.answer(names.into_iter().zip(values).collect());
        }
    }

    /// Fails what the question is for, once.
    #[napi(catch_unwind)]
    pub fn refuse(&mut self, why: String) {
        if let Some(question) = self.0.take() {
            question.refuse(&why);
        }
    }
}

#[napi]
impl Operation {
    /// Gives the operation up: its future is dropped, and it completes with CANCELLED unless it has
    /// completed already.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// What JetStream has refused, and in what words, as JSON.
fn refusal(error: &nats_core::Error) -> String {
    let api = error.api().cloned().unwrap_or_default();
    json!({
        "text": error.text(),
        "apiCode": api.code,
        "errCode": api.err_code,
        "description": api.description,
    })
    .to_string()
}

/// Runs `operation` on the runtime; it completes under `token`.
pub(crate) fn start(
    queue: &Core<Value>,
    token: f64,
    operation: impl Future<Output = nats_core::Result<Value>> + Send + 'static,
) -> Result<Operation> {
    begun(queue, token, queue.start(token as u64, operation))
}

/// An operation that has begun. What JetStream refuses may be there already: it comes with the
/// completion, which has all that was said.
pub(crate) fn begun(
    queue: &Core<Value>,
    token: f64,
    operation: nats_core::Result<Option<Running>>,
) -> Result<Operation> {
    match operation {
        Err(refused) if refused.api().is_some() => {
            queue.ticket(token as u64).complete(Err(refused));
            Ok(Operation(None))
        }
        begun => begun.map(Operation).map_err(raise),
    }
}

/// The time to wait for a reply, of milliseconds of which 0 stands for the connection's
/// `request_timeout`.
pub(crate) fn reply_timeout(millis: u32) -> Option<Duration> {
    Some(Duration::from_millis(millis.into())).filter(|time| !time.is_zero())
}
