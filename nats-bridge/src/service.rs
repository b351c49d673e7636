//! Services: what they and their endpoints may be like, and their ends.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::service::{Endpoint, EndpointConfig, Queue, ServiceConfig};
use nats_core::{Code, Error, Result, Subscription};

use crate::connection::Connection;
use crate::delivery::{Job, Next, Source, Turn};
use crate::doc::Doc;
use crate::ops::write;
use crate::options::{OVERFLOW, overflow};
use crate::sync::lock;
use crate::table::{Row, Set, apply};
use crate::{pool, runtime};

/// What a program says of a service.
#[derive(Default)]
pub struct ServiceOptions {
    config: ServiceConfig,
    queue: QueueOptions,
}

/// What a program says of an endpoint.
#[derive(Default)]
pub struct EndpointOptions {
    name: String,
    group: String,
    config: EndpointConfig,
    queue: QueueOptions,
}

#[derive(Default)]
struct QueueOptions {
    group: Option<String>,
    disabled: bool,
}

/// What a service may be like.
pub const SERVICE: &[Row<ServiceOptions>] = &[
    Row {
        key: "name",
        unit: "",
        default: "none: it is needed",
        since: "0.1",
        doc: "What kind of service it is: 1 to 255 of A-Z, a-z, 0-9, '_' and '-'. Its instances \
              have the same name.",
        set: Set::Text(|o, v| o.config.name = v),
    },
    Row {
        key: "version",
        unit: "",
        default: "none: it is needed",
        since: "0.1",
        doc: "Its semantic version, as 1.0.0.",
        set: Set::Text(|o, v| o.config.version = v),
    },
    Row {
        key: "description",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "What it is for.",
        set: Set::Text(|o, v| o.config.description = v),
    },
    Row {
        key: "metadata",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "What is to be noted of it.",
        set: Set::Pairs(|o, v| o.config.metadata = v.into_iter().collect()),
    },
    Row {
        key: "queue_group",
        unit: "",
        default: "\"q\"",
        since: "0.1",
        doc: "The queue group of its endpoints: of its members, one gets each request.",
        set: Set::Text(|o, v| o.queue.group = Some(v)),
    },
    Row {
        key: "queue_group_disabled",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Its endpoints are in no queue group: every instance gets every request.",
        set: Set::Bool(|o, v| o.queue.disabled = v),
    },
    Row {
        key: "own_stats",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "The program itself answers those who ask for statistics, to which it may add.",
        set: Set::Bool(|o, v| o.config.own_stats = v),
    },
];

/// What an endpoint may be like.
pub const ENDPOINT: &[Row<EndpointOptions>] = &[
    Row {
        key: "name",
        unit: "",
        default: "none: it is needed",
        since: "0.1",
        doc: "What it is called: 1 to 255 of A-Z, a-z, 0-9, '_' and '-'.",
        set: Set::Text(|o, v| o.name = v),
    },
    Row {
        key: "subject",
        unit: "",
        default: "its name",
        since: "0.1",
        doc: "Where it listens, behind the prefix of its group; wildcards are allowed.",
        set: Set::Text(|o, v| o.config.subject = Some(v)),
    },
    Row {
        key: "group",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The prefix of its subject, to which a dot is added. Groups within groups are \
              prefixes with dots.",
        set: Set::Text(|o, v| o.group = v),
    },
    Row {
        key: "queue_group",
        unit: "",
        default: "the service's",
        since: "0.1",
        doc: "Its queue group.",
        set: Set::Text(|o, v| o.queue.group = Some(v)),
    },
    Row {
        key: "queue_group_disabled",
        unit: "",
        default: "the service's",
        since: "0.1",
        doc: "It is in no queue group: every instance gets every request.",
        set: Set::Bool(|o, v| o.queue.disabled = v),
    },
    Row {
        key: "metadata",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "What is to be noted of it.",
        set: Set::Pairs(|o, v| o.config.metadata = v.into_iter().collect()),
    },
    Row {
        key: "pending_messages",
        unit: "messages",
        default: "the connection's",
        since: "0.1",
        doc: "How many requests may wait; 0 for no bound.",
        set: Set::Integer(0, 1 << 40, |o, v| o.config.pending_messages = Some(v as usize)),
    },
    Row {
        key: "pending_bytes",
        unit: "bytes",
        default: "the connection's",
        since: "0.1",
        doc: "How many bytes of requests may wait; 0 for no bound.",
        set: Set::Integer(0, 1 << 50, |o, v| o.config.pending_bytes = Some(v as usize)),
    },
    Row {
        key: "overflow",
        unit: "",
        default: "the connection's",
        since: "0.1",
        doc: "What happens to requests that exceed those bounds; \"error\" ends the service.",
        set: Set::Choice(OVERFLOW, |o, v| o.config.overflow = Some(overflow(v))),
    },
];

/// A service of the program. It ends when this is dropped, whatever else is left of it.
pub struct Service {
    core: nats_core::service::Service,
    connection: Arc<Connection>,
}

impl Service {
    /// Adds a service that is like a JSON object of [`SERVICE`] keys says.
    ///
    /// # Errors
    /// Those of [`apply`] and of [`nats_core::Client::add_service`].
    pub fn add(connection: &Arc<Connection>, json: &str) -> Result<Service> {
        let mut options = ServiceOptions::default();
        apply(SERVICE, &mut options, json)?;
        let ServiceOptions { mut config, queue } = options;
        config.queue_group = queue.policy()?;
        let runtime = runtime::handle()?;
        let _context = runtime.enter();
        let core = connection.client().add_service(&config)?;
        Ok(Service { core, connection: Arc::clone(connection) })
    }

    /// The core's service.
    pub fn core(&self) -> &nats_core::service::Service {
        &self.core
    }

    /// The connection that it belongs to.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Adds an endpoint that is like a JSON object of [`ENDPOINT`] keys says. It ends with its
    /// subscription.
    ///
    /// # Errors
    /// Those of [`apply`] and of [`nats_core::service::Group::endpoint`].
    pub fn endpoint(&self, json: &str) -> Result<Endpoint> {
        let mut options = EndpointOptions::default();
        apply(ENDPOINT, &mut options, json)?;
        let EndpointOptions { name, group, mut config, queue } = options;
        config.queue_group = queue.policy()?;
        let group =
            self.core.group(&group, Queue::Inherit).map_err(|error| error.context("group"))?;
        group.endpoint(&name, &config)
    }

    /// Where those ask for statistics whom the program answers.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when it does not.
    pub fn stats_requests(&self) -> Result<Subscription> {
        self.core.stats_requests().cloned().ok_or_else(|| {
            Error::new(Code::InvalidArgument, "the service was made without \"own_stats\"")
        })
    }

    /// What it is, as a document.
    ///
    /// # Errors
    /// [`Code::Internal`].
    pub fn info(&self) -> Result<Doc> {
        write(&self.core.info())
    }

    /// What it has done, as a document.
    ///
    /// # Errors
    /// [`Code::Internal`].
    pub fn stats(&self) -> Result<Doc> {
        write(&self.core.stats())
    }

    /// Stops; `None` stands for the option `drain_timeout`.
    ///
    /// # Errors
    /// Those of [`nats_core::service::Service::stop_with`].
    pub fn stop(&self, timeout: Option<Duration>) -> impl Future<Output = Result<()>> + use<> {
        let usual = self.connection.client().options().drain_timeout;
        self.core.stop_with(timeout.unwrap_or(usual), None)
    }

    /// Has `told` called once with the reason when the service has ended, on a delivery thread.
    ///
    /// # Errors
    /// [`Code::Io`] when no delivery thread can be started; those of [`runtime::handle`].
    pub fn on_stopped(&self, told: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let end = Arc::new(Mutex::new(None));
        let job = Stopped { end: Arc::clone(&end), told: Some(Box::new(told)) };
        let source = Source::new(pool::pool()?, self.connection.id(), Box::new(job))?;
        source.start();
        let stopped = self.core.stopped();
        runtime::handle()?.spawn(async move {
            let reason = stopped.await;
            *lock(&end) = Some(reason);
            source.schedule();
        });
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A stop that is under way stays as it is.
        drop(self.core.stop_with(Duration::ZERO, None));
    }
}

impl QueueOptions {
    fn policy(self) -> Result<Queue> {
        match self {
            QueueOptions { group: None, disabled: false } => Ok(Queue::Inherit),
            QueueOptions { group: None, disabled: true } => Ok(Queue::Disabled),
            QueueOptions { group: Some(name), disabled: false } => Ok(Queue::Named(name)),
            QueueOptions { group: Some(_), disabled: true } => {
                let text = "option 'queue_group_disabled': expected false with a queue_group";
                Err(Error::new(Code::InvalidOption, text))
            }
        }
    }
}

/// Waits to tell how a service has ended.
struct Stopped {
    end: Arc<Mutex<Option<Result<()>>>>,
    told: Option<Box<dyn FnOnce(Result<()>) + Send>>,
}

impl Job for Stopped {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        let Some(end) = lock(&self.end).take() else { return Next::Wait };
        if let Some(told) = self.told.take() {
            turn.call(|| told(end));
        }
        Next::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_what_their_options_say() {
        let mut options = EndpointOptions::default();
        let json = r#"{"name": "e", "group": "g.h", "metadata": {"a": "b"}, "overflow": "error",
            "pending_messages": 3, "queue_group": "mine"}"#;
        apply(ENDPOINT, &mut options, json).unwrap();
        assert_eq!((&*options.name, &*options.group), ("e", "g.h"));
        assert_eq!((options.config.pending_messages, options.config.metadata.len()), (Some(3), 1));
        assert_eq!(options.queue.policy().unwrap(), Queue::named("mine"));
    }

    #[test]
    fn a_queue_group_that_is_named_cannot_be_disabled() {
        let mut options = ServiceOptions::default();
        apply(SERVICE, &mut options, r#"{"queue_group_disabled": true}"#).unwrap();
        assert_eq!(options.queue.policy().unwrap(), Queue::Disabled);
        let mut options = ServiceOptions::default();
        let json = r#"{"queue_group": "mine", "queue_group_disabled": true}"#;
        apply(SERVICE, &mut options, json).unwrap();
        let error = options.queue.policy().unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption);
        assert_eq!(QueueOptions::default().policy().unwrap(), Queue::Inherit);
    }
}
