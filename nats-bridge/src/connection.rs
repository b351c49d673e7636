//! A connection as bindings hold it: the client, its event listeners and its callback
//! subscriptions.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use nats_core::{
    Client, Code, ConnectOptions, Error, Publish, Result, State, SubscribeOptions, Subscription,
};
use tokio::task::JoinSet;

use crate::delivery::{self, Job, Next, Source, Turn};
use crate::event::{ConnectionEvent, EventKind, StateKind};
use crate::fork::PerEpoch;
use crate::queue::{MAX_CONNECTION_EVENTS, Queue};
use crate::sync::lock;
use crate::{pool, runtime, wait};

/// An event callback.
pub type EventFn = Box<dyn FnMut(&ConnectionEvent) + Send>;

/// A connection. Dropping it closes the client in the background.
pub struct Connection {
    id: u64,
    client: Client,
    listeners: Arc<Listeners>,
    events: Option<Arc<Source>>,
    draining: AtomicBool,
    pub(crate) callbacks: Arc<Callbacks>,
}

/// The callback subscriptions of a connection by number, for its drain.
pub(crate) type Callbacks = Mutex<HashMap<u64, (Subscription, Weak<Source>)>>;

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
        mut options: ConnectOptions,
        on_event: Option<EventFn>,
    ) -> Result<Arc<Connection>> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let listeners = Arc::new(Listeners::default());
        let events = match on_event {
            Some(call) => Some(listeners.add_callback(id, call)?),
            None => None,
        };
        let sink = Arc::clone(&listeners);
        options.event_callback = Some(Arc::new(move |event| sink.tell(event, id)));
        let client = options.connect().await?;
        open_clients()?.insert(id, client.clone());
        if client.state() == State::Closed {
            forget(id);
        }
        Ok(Arc::new(Connection {
            id,
            client,
            listeners,
            events,
            draining: AtomicBool::new(false),
            callbacks: Arc::default(),
        }))
    }

    /// Begins to deliver events to the callback, those first that have happened since the start.
    pub fn start_events(&self) {
        if let Some(events) = &self.events {
            events.start();
        }
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
        if self.draining.load(Ordering::Acquire) && self.client.state() != State::Closed {
            return Err(Code::ConnectionDraining.into());
        }
        self.client.subscribe_with(subject, options)
    }

    /// Delivers the events from now on to `queue` under `token`.
    ///
    /// # Errors
    /// [`Code::ConnectionClosed`].
    pub fn watch<V: Send + 'static>(&self, queue: &Queue<V>, token: u64) -> Result<()> {
        let queue = queue.downgrade();
        lock(&self.listeners.0).push(Arc::new(move |event| {
            if let Some(queue) = queue.upgrade() {
                queue.connection_event(token, Arc::clone(event));
            }
        }));
        if self.client.state() == State::Closed {
            return Err(Code::ConnectionClosed.into());
        }
        Ok(())
    }

    /// Closes gently: waits until every callback subscription has delivered what had arrived, then
    /// lets the client drain the rest, send what was published, and close. `None` stands for the
    /// option `drain_timeout`.
    ///
    /// # Errors
    /// Those of [`Client::drain_timeout`].
    pub async fn drain(&self, timeout: Option<Duration>) -> Result<()> {
        let timeout = timeout.unwrap_or(self.client.options().drain_timeout);
        let deadline = Instant::now() + timeout;
        self.draining.store(true, Ordering::Release);
        let mut draining = JoinSet::new();
        let callbacks: Vec<_> = lock(&self.callbacks).values().cloned().collect();
        for (subscription, source) in callbacks {
            draining.spawn(async move {
                let drained = drain_callback(&subscription, source.upgrade(), timeout);
                // One that is late is ended by the client's drain below.
                let _ = tokio::time::timeout(timeout, drained).await;
            });
        }
        draining.join_all().await;
        let left = deadline.saturating_duration_since(Instant::now());
        self.client.drain_timeout(left).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.client.close_now();
    }
}

/// Drains a callback subscription to the end of its last callback.
pub(crate) async fn drain_callback(
    subscription: &Subscription,
    source: Option<Arc<Source>>,
    timeout: Duration,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    subscription.drain_timeout(timeout).await?;
    if let Some(source) = source {
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::time::timeout(left, source.done())
            .await
            .map_err(|_| Error::new(Code::Timeout, "a callback has not returned in time"))?;
    }
    Ok(())
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

    fn add_callback(&self, group: u64, call: EventFn) -> Result<Arc<Source>> {
        let inbox: Arc<Mutex<VecDeque<_>>> = Arc::default();
        let job = Events {
            inbox: Arc::clone(&inbox),
            call,
        };
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
