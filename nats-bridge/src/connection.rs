//! A connection as bindings hold it: the client, its event listeners and its callback
//! subscriptions.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use nats_core::{
    Client, Code, ConnectOptions, Error, Publish, Result, State, SubscribeOptions, Subscription,
};

use crate::delivery::{self, Job, Lifeline, Next, Source, Turn};
use crate::event::{ConnectionEvent, EventKind, StateKind};
use crate::fork::PerEpoch;
use crate::queue::{MAX_CONNECTION_EVENTS, Queue};
use crate::sync::lock;
use crate::{log, pool, runtime, wait};

/// An event callback.
pub type EventFn = Box<dyn FnMut(&ConnectionEvent) + Send>;

/// A connection. Dropping it closes the client in the background.
pub struct Connection {
    id: u64,
    client: Client,
    listeners: Arc<Listeners>,
    events: Option<Arc<Source>>,
    pub(crate) callbacks: Arc<Callbacks>,
    kept: Mutex<Vec<Lifeline>>,
}

/// The callback subscriptions of a connection by number, for its drain.
pub(crate) type Callbacks = Mutex<HashMap<u64, Weak<Source>>>;

type Listener = Arc<dyn Fn(&Arc<ConnectionEvent>) + Send + Sync>;

#[derive(Default)]
struct Listeners(Mutex<Vec<Listener>>);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
/// The open clients of the process, for its shutdown.
static OPEN: PerEpoch<Mutex<HashMap<u64, Client>>> = PerEpoch::new();

impl Connection {
    /// Connects. Events reach `on_event` on a delivery thread, in order, and not before
    /// [`Connection::start_events`]. Must run on the runtime.
    ///
    /// # Errors
    /// Those of [`ConnectOptions::connect`], and [`Code::Io`] when no delivery thread can be
    /// started.
    pub async fn connect(
        options: ConnectOptions,
        on_event: Option<EventFn>,
    ) -> Result<Arc<Connection>> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let listeners = Arc::new(Listeners::default());
        let events = match on_event {
            Some(call) => Some(listeners.add_callback(id, call)?),
            None => None,
        };
        Connection::open(options, id, listeners, events).await
    }

    /// Connects and delivers all events to `queue` under `token`, from the first attempt on, so
    /// that events may be there before the connection is. Must run on the runtime.
    ///
    /// # Errors
    /// Those of [`ConnectOptions::connect`].
    pub async fn connect_watched<V: Send + 'static>(
        options: ConnectOptions,
        queue: &Queue<V>,
        token: u64,
    ) -> Result<Arc<Connection>> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let listeners = Arc::new(Listeners::default());
        listeners.add_queue(queue, token);
        Connection::open(options, id, listeners, None).await
    }

    async fn open(
        mut options: ConnectOptions,
        id: u64,
        listeners: Arc<Listeners>,
        events: Option<Arc<Source>>,
    ) -> Result<Arc<Connection>> {
        let sink = Arc::clone(&listeners);
        options.event_callback = Some(Arc::new(move |event| sink.tell(event, id)));
        let client = options.connect().await?;
        open_clients()?.insert(id, client.clone());
        if client.state() == State::Closed {
            forget(id);
        }
        let (callbacks, kept) = (Arc::default(), Mutex::default());
        Ok(Arc::new(Connection { id, client, listeners, events, callbacks, kept }))
    }

    /// Begins to deliver events to the callback, those first that have happened since the start.
    pub fn start_events(&self) {
        if let Some(events) = &self.events {
            events.start();
        }
    }

    /// Has callbacks end with the connection at the latest. The client may outlive it: messages
    /// and threads hold it.
    pub fn keep(&self, lifelines: impl IntoIterator<Item = Lifeline>) {
        lock(&self.kept).extend(lifelines);
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The state.
    pub fn state(&self) -> StateKind {
        self.client.state().into()
    }

    /// The number by which delivery threads know callbacks of this connection.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the calling thread is inside a callback of this connection.
    pub fn in_callback(&self) -> bool {
        delivery::in_group(self.id)
    }

    /// Publishes, waiting for room as the options say. Blocks the calling thread only when there is
    /// none.
    ///
    /// # Errors
    /// Those of [`Client::publish_with`].
    pub fn publish(&self, publish: &Publish<'_>) -> Result<()> {
        let injected = self.client.injected(publish.headers);
        let publish = &Publish { headers: injected.as_ref().or(publish.headers), ..*publish };
        match self.client.publish_now(publish) {
            Err(e) if e.code() == Code::OutboundFull => {
                wait::block_on(self.client.publish_with(publish))?
            }
            result => result,
        }
    }

    /// Subscribes.
    ///
    /// # Errors
    /// Those of [`Client::subscribe_with`].
    pub fn subscribe(&self, subject: &str, options: &SubscribeOptions) -> Result<Subscription> {
        self.client.subscribe_with(subject, options)
    }

    /// Delivers the events from now on to `queue` under `token`.
    ///
    /// # Errors
    /// [`Code::ConnectionClosed`].
    pub fn watch<V: Send + 'static>(&self, queue: &Queue<V>, token: u64) -> Result<()> {
        self.listeners.add_queue(queue, token);
        if self.client.state() == State::Closed {
            return Err(Code::ConnectionClosed.into());
        }
        Ok(())
    }

    /// Closes gently: the client drains, and between its subscriptions and its publishes waits
    /// until the last callbacks have returned. `None` stands for the option `drain_timeout`. The
    /// drain begins with the call, not with the first poll.
    ///
    /// # Errors
    /// Those of [`Client::drain_timeout`].
    pub fn drain(&self, timeout: Option<Duration>) -> impl Future<Output = Result<()>> + use<> {
        let timeout = timeout.unwrap_or(self.client.options().drain_timeout);
        let callbacks = Arc::clone(&self.callbacks);
        self.client.drain_with(timeout, async move {
            let sources: Vec<_> = lock(&callbacks).values().filter_map(Weak::upgrade).collect();
            for source in sources {
                source.done().await;
            }
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.client.close_now();
    }
}

/// Closes all connections, ends all callbacks, joins all threads.
///
/// # Errors
/// [`Code::Timeout`]; [`Code::InvalidArgument`] inside a callback.
pub fn shutdown(timeout: Duration) -> Result<()> {
    if delivery::in_callback() {
        let text = "called inside a callback, which cannot wait for itself";
        return Err(Error::new(Code::InvalidArgument, text));
    }
    let timeout = timeout.min(wait::MAX_WAIT);
    let deadline = Instant::now() + timeout;
    let left = || deadline.saturating_duration_since(Instant::now());
    let clients: Vec<Client> = open_clients()?.drain().map(|(_, client)| client).collect();
    let closed = wait::block_on_for(
        async {
            clients.iter().for_each(Client::close_now);
            for client in &clients {
                client.closed().await;
            }
        },
        timeout,
    );
    drop(clients);
    let delivered = pool::pool()?.shutdown(left());
    // Its function was ended with all others.
    log::deafen();
    runtime::shutdown(left().max(Duration::from_millis(1)))?;
    closed.and(delivered)
}

fn open_clients() -> Result<std::sync::MutexGuard<'static, HashMap<u64, Client>>> {
    OPEN.get(Mutex::default).map(lock)
}

fn forget(id: u64) {
    if let Ok(mut open) = open_clients() {
        let client = open.remove(&id);
        drop(open);
        drop(client);
    }
}

impl Listeners {
    fn tell(&self, event: &nats_core::Event, id: u64) {
        let event = Arc::new(ConnectionEvent::from(event));
        // A copy, because a listener may add another one.
        let listeners = lock(&self.0).clone();
        for listener in listeners {
            listener(&event);
        }
        if event.kind() == EventKind::Closed {
            forget(id);
        }
    }

    fn add_queue<V: Send + 'static>(&self, queue: &Queue<V>, token: u64) {
        let queue = queue.downgrade();
        lock(&self.0).push(Arc::new(move |event| {
            if let Some(queue) = queue.upgrade() {
                queue.connection_event(token, Arc::clone(event));
            }
        }));
    }

    fn add_callback(&self, group: u64, call: EventFn) -> Result<Arc<Source>> {
        let inbox: Arc<Mutex<VecDeque<_>>> = Arc::default();
        let job = Events { inbox: Arc::clone(&inbox), call };
        let source = Source::new(pool::pool()?, group, Box::new(job))?;
        let target = Arc::clone(&source);
        lock(&self.0).push(Arc::new(move |event| {
            let mut inbox = lock(&inbox);
            if inbox.len() >= MAX_CONNECTION_EVENTS {
                inbox.pop_front();
            }
            inbox.push_back(Arc::clone(event));
            drop(inbox);
            target.schedule();
        }));
        Ok(source)
    }
}

/// Delivers events to the program's callback until the connection is closed.
struct Events {
    inbox: Arc<Mutex<VecDeque<Arc<ConnectionEvent>>>>,
    call: EventFn,
}

impl Job for Events {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            if turn.is_spent() {
                return Next::Again;
            }
            let Some(event) = lock(&self.inbox).pop_front() else {
                return Next::Wait;
            };
            turn.call(|| (self.call)(&event));
            if event.kind() == EventKind::Closed {
                break;
            }
        }
        Next::Done
    }
}
