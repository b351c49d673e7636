//! What a configuration needs of the server, so that no old server drops a member silently.

use super::config::consumer::{AckPolicy, ConsumerConfig, PriorityPolicy};
use super::config::is_default;
use super::config::stream::{PersistMode, StreamConfig};
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;

/// A member that not all servers know: its name, whether it is used, and who knows it.
struct Need {
    member: &'static str,
    is_used: bool,
    version: (u32, u32),
}

/// The level of the API that came with a version; later servers tell it (`api_lvl`), or are asked for
/// it by `Nats-Required-Api-Level` (ADR-44).
fn level_of((_, minor): (u32, u32)) -> u32 {
    match minor {
        ..=10 => 0,
        11 => 1,
        12 | 13 => 2,
        14 => 4,
        _ => 5,
    }
}

/// The level that the configuration of a stream needs.
pub(crate) fn of_stream(config: &StreamConfig, server: &ServerInfo) -> Result<u32> {
    let by_consumer = |source: &super::config::source::StreamSource| source.consumer.is_some();
    let need = |member, is_used, version| Need { member, is_used, version };
    check(
        server,
        &[
            need("pedantic", config.pedantic, (2, 11)),
            need("allow_msg_ttl", config.allow_msg_ttl, (2, 11)),
            need(
                "subject_delete_marker_ttl",
                !is_default(&config.subject_delete_marker_ttl),
                (2, 11),
            ),
            need("allow_msg_counter", config.allow_msg_counter, (2, 12)),
            need("allow_atomic", config.allow_atomic, (2, 12)),
            need("allow_msg_schedules", config.allow_msg_schedules, (2, 12)),
            need("persist_mode", config.persist_mode != PersistMode::Default, (2, 12)),
            need("allow_batched", config.allow_batched, (2, 14)),
            need(
                "consumer of a source",
                config.sources.iter().chain(&config.mirror).any(by_consumer),
                (2, 14),
            ),
        ],
    )
}

/// The level that the configuration of a consumer needs.
pub(crate) fn of_consumer(config: &ConsumerConfig, server: &ServerInfo) -> Result<u32> {
    let need = |member, is_used, version| Need { member, is_used, version };
    let prioritized = config.priority_policy == PriorityPolicy::Prioritized;
    check(
        server,
        &[
            need("pedantic", config.pedantic, (2, 11)),
            need("pause_until", !config.pause_until.is_empty(), (2, 11)),
            need("priority_groups", !config.priority_groups.is_empty(), (2, 11)),
            need("priority_policy prioritized", prioritized, (2, 12)),
            need("ack_policy flow_control", config.ack_policy == AckPolicy::FlowControl, (2, 14)),
        ],
    )
}

/// Whether the server has an operation that came with a version.
pub(crate) fn needs(
    operation: &'static str,
    version: (u32, u32),
    server: &ServerInfo,
) -> Result<()> {
    check(server, &[Need { member: operation, is_used: true, version }]).map(drop)
}

/// The level for all that is used.
fn check(server: &ServerInfo, needs: &[Need]) -> Result<u32> {
    let mut needed = 0;
    for Need { member, version: (major, minor), .. } in needs.iter().filter(|need| need.is_used) {
        let level = level_of((*major, *minor));
        // Servers that are asked for a level tell theirs.
        let known = server.api_lvl >= level || server.version_at_least(*major, *minor, 0);
        if !known {
            let text = format!(
                "{member} needs server {major}.{minor}, the connection is with {}",
                server.version
            );
            return Err(Error::new(Code::Unsupported, text));
        }
        needed = needed.max(level);
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_does_not_know_is_named() {
        let server = |version: &str, api_lvl| ServerInfo {
            version: version.into(),
            api_lvl,
            ..ServerInfo::default()
        };
        let config = StreamConfig { allow_msg_ttl: true, allow_atomic: true, ..Default::default() };
        let error = of_stream(&config, &server("2.10.26", 0)).unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
        assert!(error.text().contains("allow_msg_ttl needs server 2.11"), "{error}");
        let error = of_stream(&config, &server("2.11.11", 0)).unwrap_err();
        assert!(error.text().contains("allow_atomic needs server 2.12"), "{error}");
        assert_eq!(of_stream(&config, &server("2.12.8", 2)).unwrap(), 2);
        assert_eq!(of_stream(&StreamConfig::default(), &server("2.0.0", 0)).unwrap(), 0);
        let config = ConsumerConfig { priority_groups: vec!["g".into()], ..Default::default() };
        assert!(of_consumer(&config, &server("2.10.0", 0)).is_err());
        assert_eq!(of_consumer(&config, &server("2.15.1", 5)).unwrap(), 1);
    }
}
