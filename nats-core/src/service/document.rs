//! The documents of ADR-32, by the names of their members. What others add is kept in `extra`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The type of [`ServicePing`].
pub(super) const PING: &str = "io.nats.micro.v1.ping_response";
/// The type of [`ServiceInfo`].
pub(super) const INFO: &str = "io.nats.micro.v1.info_response";
/// The type of [`ServiceStats`].
pub(super) const STATS: &str = "io.nats.micro.v1.stats_response";

/// Which service it is, and which of its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceIdentity {
    /// The name, which instances share.
    pub name: String,
    /// The id of the instance.
    pub id: String,
    /// The semantic version.
    pub version: String,
    /// What its program wants to have noted.
    #[serde(default, deserialize_with = "maybe")]
    pub metadata: BTreeMap<String, String>,
}

/// The answer to PING.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServicePing {
    /// `io.nats.micro.v1.ping_response`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which service.
    #[serde(flatten)]
    pub service: ServiceIdentity,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The answer to INFO: what a service is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// `io.nats.micro.v1.info_response`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which service.
    #[serde(flatten)]
    pub service: ServiceIdentity,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Its endpoints, in the order in which they were added.
    #[serde(default, deserialize_with = "maybe")]
    pub endpoints: Vec<EndpointInfo>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The answer to STATS: what a service has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceStats {
    /// `io.nats.micro.v1.stats_response`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which service.
    #[serde(flatten)]
    pub service: ServiceIdentity,
    /// When it was added or its counters were reset, in RFC 3339.
    #[serde(default)]
    pub started: String,
    /// Its endpoints, in the order in which they were added.
    #[serde(default, deserialize_with = "maybe")]
    pub endpoints: Vec<EndpointStats>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What an endpoint is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// Its name; several may have the same.
    pub name: String,
    /// Where it listens, with the prefix of its group.
    pub subject: String,
    /// Its queue group; empty: it is in none.
    pub queue_group: String,
    /// What its program wants to have noted.
    #[serde(deserialize_with = "maybe")]
    pub metadata: BTreeMap<String, String>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What an endpoint has done since it was added or its counters were reset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Its name; several may have the same.
    pub name: String,
    /// Where it listens, with the prefix of its group.
    pub subject: String,
    /// Its queue group; empty: it is in none.
    pub queue_group: String,
    /// Requests that were handled: answered, or given up by the program.
    pub num_requests: u64,
    /// How many of them came to an error.
    pub num_errors: u64,
    /// The last error, mostly as `code:description`; empty: there was none.
    pub last_error: String,
    /// The time that the requests took in all, in nanoseconds.
    pub processing_time: u64,
    /// The time that a request took on average, in nanoseconds.
    pub average_processing_time: u64,
    /// What the program adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Some clients write null for what is empty.
fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_of_others_are_read_and_written_as_they_are() {
        let text = json!({
            "type": STATS, "name": "s", "id": "i", "version": "1.0.0", "metadata": {"a": "b"},
            "started": "2026-11-26T20:37:35Z", "newer": {"x": [1]},
            "endpoints": [{
                "name": "e", "subject": "e", "queue_group": "q", "num_requests": 2,
                "num_errors": 1, "last_error": "400:no", "processing_time": 10,
                "average_processing_time": 5, "data": {"deep": true}, "also": 1.5,
            }],
        });
        let stats: ServiceStats = serde_json::from_value(text.clone()).unwrap();
        assert_eq!((&*stats.service.id, stats.endpoints[0].processing_time), ("i", 10));
        assert_eq!(serde_json::to_value(&stats).unwrap(), text);
    }

    #[test]
    fn null_is_empty_and_what_names_a_service_must_be_there() {
        let text = json!({
            "type": INFO, "name": "s", "id": "i", "version": "1.0.0", "metadata": null,
            "description": "", "endpoints": [{"name": "e", "subject": "e", "metadata": null}],
        });
        let info: ServiceInfo = serde_json::from_value(text).unwrap();
        assert!(info.service.metadata.is_empty() && info.endpoints[0].metadata.is_empty());
        let written = serde_json::to_value(&info).unwrap();
        assert_eq!(written["metadata"], json!({}));
        assert_eq!(written["endpoints"][0]["metadata"], json!({}));
        assert!(serde_json::from_value::<ServicePing>(json!({"type": PING})).is_err());
    }
}
