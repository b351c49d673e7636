//! What the library has to say about itself, for the program's own log.
//!
//! Records come from `tracing`. There is one listener in a process; a Rust program that has a
//! `tracing` subscriber of its own gets them there, and needs none of this.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use nats_core::{Code, Error, Result};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Metadata, Subscriber};

use crate::fork::{self, PerEpoch};

/// How much a record matters; each level has those before it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something broke within the library.
    Error = 1,
    /// Something that the program would want to know.
    Warn = 2,
    /// What happens to connections.
    Info = 3,
    /// Each event, and each attempt to connect.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

impl Level {
    /// All of them.
    pub const ALL: &'static [Level] =
        &[Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    /// The level of this number.
    pub fn from_number(number: i32) -> Option<Level> {
        Level::ALL.iter().copied().find(|level| *level as i32 == number)
    }

    fn of(metadata: &Metadata<'_>) -> Level {
        match *metadata.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::Trace,
        }
    }
}

/// Called with the level and the text of each record, on whatever thread it comes from, with locks
/// held: it must return at once and call nothing here.
pub type Listener = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// A child of a fork has no listener: the thread that would hear is its parent's.
static LISTENER: PerEpoch<RwLock<Option<Listener>>> = PerEpoch::new();
/// The least important level that is listened to, 0 for none, behind the fork epoch.
static WANTED: AtomicU64 = AtomicU64::new(0);
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Listens to records up to `level`, instead of whoever has done so before.
///
/// # Errors
/// [`Code::InvalidArgument`] when the program has a subscriber of its own; [`Code::Forked`] too
/// many forks deep.
pub fn listen(level: Level, listener: Listener) -> Result<()> {
    let ours = *INSTALLED.get_or_init(|| {
        tracing::subscriber::set_global_default(Forward { spans: AtomicU64::new(1) }).is_ok()
    });
    if !ours {
        let text = "the program has a tracing subscriber, which gets the records already";
        return Err(Error::new(Code::InvalidArgument, text));
    }
    replace(Some(listener))?;
    want(level as u64);
    Ok(())
}

/// Listens no more.
pub fn deafen() {
    want(0);
    // Too many forks deep nobody can have listened.
    let _ = replace(None);
}

fn place() -> Result<&'static RwLock<Option<Listener>>> {
    LISTENER.get(RwLock::default)
}

fn replace(listener: Option<Listener>) -> Result<()> {
    let mut place = place()?.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    let before = std::mem::replace(&mut *place, listener);
    drop(place);
    // Behind the lock: what it drops may log.
    drop(before);
    Ok(())
}

fn want(level: u64) {
    WANTED.store(u64::from(fork::epoch()) << 8 | level, Ordering::Release);
    tracing::callsite::rebuild_interest_cache();
}

fn wanted() -> u64 {
    let wanted = WANTED.load(Ordering::Acquire);
    if wanted >> 8 == u64::from(fork::epoch()) { wanted & 0xff } else { 0 }
}

/// Hands records on.
struct Forward {
    spans: AtomicU64,
}

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Level::of(metadata) as u64 <= wanted()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match wanted() {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Ok(place) = place() else { return };
        let listener = place.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let Some(listener) = listener else { return };
        let mut text = Text(String::new());
        event.record(&mut text);
        listener(Level::of(event.metadata()), &text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message, and behind it the fields as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        if field.name() == "message" {
            let fields = std::mem::take(&mut self.0);
            let _ = write!(self.0, "{value:?}{fields}");
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sync::lock;

    #[test]
    fn records_reach_the_listener_up_to_its_level() {
        let heard: Arc<Mutex<Vec<(Level, String)>>> = Arc::default();
        let sink = Arc::clone(&heard);
        let listener = move |level, text: &str| lock(&sink).push((level, text.to_owned()));
        let ours = |heard: &Mutex<Vec<(Level, String)>>| {
            let mut ours = std::mem::take(&mut *lock(heard));
            // Other tests of the process speak, too.
            ours.retain(|(_, text)| text.contains("mark"));
            ours
        };
        listen(Level::Warn, Arc::new(listener)).unwrap();
        tracing::warn!(target: "nats", mark = 1, "careful");
        tracing::info!(target: "nats", mark = 2, "by the way");
        assert_eq!(ours(&heard), [(Level::Warn, "careful mark=1".to_owned())]);
        let sink = Arc::clone(&heard);
        let listener = move |level, text: &str| lock(&sink).push((level, text.to_owned()));
        listen(Level::Debug, Arc::new(listener)).unwrap();
        tracing::debug!(target: "nats", mark = 3);
        assert_eq!(ours(&heard), [(Level::Debug, " mark=3".to_owned())]);
        deafen();
        tracing::error!(target: "nats", mark = 4, "lost");
        assert!(ours(&heard).is_empty());
    }
}
