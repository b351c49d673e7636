//! Connection events and states as every language sees them: a number, a name, a JSON document.

use std::sync::OnceLock;

use nats_core::{Event, State};
use serde_json::{Map, Value, json};

use crate::doc::Doc;

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident {
        $($number:literal $variant:ident $name:literal $text:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum $type { $(#[doc = $text] $variant = $number,)* }

        impl $type {
            /// All of them, in the order of the numbers.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The number, as C programs see it.
            pub const fn number(self) -> i32 {
                self as i32
            }

            /// The name in documents.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            /// What it means.
            pub const fn text(self) -> &'static str {
                match self { $($type::$variant => $text,)* }
            }
        }
    };
}

numbered! {
    /// What happened to a connection.
    EventKind {
        0  Other             "other"              "something this version has no number for";
        1  Connected         "connected"          "connected for the first time; member url";
        2  Disconnected      "disconnected"
            "the socket was lost; members code and error say why";
        3  Reconnecting      "reconnecting"       "about to try a server; members attempt and url";
        4  Reconnected       "reconnected"
            "connected again, subscriptions restored; member url";
        5  Closed            "closed"
            "closed for good, the last event; member discarded counts publishes never sent";
        6  SlowConsumer      "slow_consumer"
            "a pending limit was reached; members sid and subject";
        7  ServerError       "server_error"
            "the server reported an error; members code and error";
        8  LameDuck          "lame_duck"          "the server is about to shut down";
        9  DiscoveredServers "discovered_servers" "the cluster told of more servers; member urls";
        10 Draining          "draining"           "a drain of the connection has begun";
        11 MalformedMessage  "malformed_message"
            "a message could not be decoded; members sid and subject";
        12 Migrated          "migrated"
            "moved from a server in lame-duck mode to another one; member url";
        13 Consumer          "consumer"
            "messages of a consumer were interrupted and go on; members consumer, what, code, error";
    }
}

numbered! {
    /// The state of a connection.
    StateKind {
        1 Connecting   "connecting"    "trying to connect for the first time";
        2 Connected    "connected"     "connected";
        3 Reconnecting "reconnecting"  "the socket was lost; trying to connect again";
        4 DrainingSubs "draining_subs" "draining: subscriptions deliver what has arrived";
        5 DrainingPubs "draining_pubs" "draining: sending what was published";
        6 Closed       "closed"        "closed for good";
    }
}

impl From<State> for StateKind {
    fn from(state: State) -> StateKind {
        match state {
            State::Connecting => StateKind::Connecting,
            State::Connected => StateKind::Connected,
            State::Reconnecting => StateKind::Reconnecting,
            State::DrainingSubs => StateKind::DrainingSubs,
            State::DrainingPubs => StateKind::DrainingPubs,
            State::Closed => StateKind::Closed,
        }
    }
}

/// One event of a connection.
#[derive(Debug)]
pub struct ConnectionEvent {
    kind: EventKind,
    details: Doc,
    json: OnceLock<String>,
}

impl ConnectionEvent {
    /// What happened.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The details; the member `event` is the kind's name.
    pub fn details(&self) -> &Doc {
        &self.details
    }

    /// The details as JSON text.
    pub fn json(&self) -> &str {
        self.json.get_or_init(|| self.details.to_json())
    }
}

impl From<&Event> for ConnectionEvent {
    fn from(event: &Event) -> ConnectionEvent {
        let error = |e: &nats_core::Error| {
            let code = e.code();
            json!({ "code": code.number(), "name": code.name(), "error": e.text() })
        };
        let (kind, fields) = match event {
            Event::Connected { url } => (EventKind::Connected, json!({ "url": url })),
            Event::Disconnected { reason } => (EventKind::Disconnected, error(reason)),
            Event::Reconnecting { attempt, url } => {
                (EventKind::Reconnecting, json!({ "attempt": attempt, "url": url }))
            }
            Event::Reconnected { url } => (EventKind::Reconnected, json!({ "url": url })),
            Event::Migrated { url } => (EventKind::Migrated, json!({ "url": url })),
            Event::Closed { discarded } => (EventKind::Closed, json!({ "discarded": discarded })),
            Event::SlowConsumer { sid, subject } => {
                (EventKind::SlowConsumer, json!({ "sid": sid, "subject": subject }))
            }
            Event::ServerError(e) => (EventKind::ServerError, error(e)),
            Event::LameDuck => (EventKind::LameDuck, json!({})),
            Event::DiscoveredServers(urls) => {
                (EventKind::DiscoveredServers, json!({ "urls": urls }))
            }
            Event::Draining => (EventKind::Draining, json!({})),
            Event::MalformedMessage { sid, subject } => {
                (EventKind::MalformedMessage, json!({ "sid": sid, "subject": subject }))
            }
            Event::Consumer { consumer, event } => {
                let mut told = event.reason().map_or(json!({}), error);
                told["consumer"] = consumer.as_str().into();
                told["what"] = event.name().into();
                (EventKind::Consumer, told)
            }
            _ => (EventKind::Other, json!({})),
        };
        let name = if kind == EventKind::Other { event.name() } else { kind.name() };
        let mut details = Map::new();
        details.insert("event".into(), name.into());
        if let Value::Object(fields) = fields {
            details.extend(fields);
        }
        ConnectionEvent { kind, details: Value::Object(details).into(), json: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use nats_core::Code;

    use super::*;

    #[test]
    fn details_name_the_event_first() {
        let event = ConnectionEvent::from(&Event::Connected { url: "nats://a:4222".into() });
        assert_eq!(event.kind(), EventKind::Connected);
        assert_eq!(event.json(), r#"{"event":"connected","url":"nats://a:4222"}"#);
    }

    #[test]
    fn reasons_carry_code_and_text() {
        let reason = Code::StaleConnection.into();
        let event = ConnectionEvent::from(&Event::Disconnected { reason });
        assert_eq!(event.details().get_int("code").unwrap(), 26);
        assert_eq!(event.details().get_str("name").unwrap(), "STALE_CONNECTION");
        assert!(!event.details().get_str("error").unwrap().is_empty());
    }
}
