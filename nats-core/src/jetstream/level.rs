//! What a configuration needs of the server, so that no old server drops a member silently.

use super::config::consumer::{AckPolicy, ConsumerConfig, PriorityPolicy};
use super::config::is_default;
use super::config::stream::{PersistMode, Placement, StreamConfig};
use super::publish::PublishOptions;
use super::pull::Ask;
use super::stored::GetMessage;
use crate::client::handle::Client;
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;

/// A member that not all servers know: its name, whether it is used, and who knows it.
struct Need {
    member: &'static str,
    is_used: bool,
    version: (u32, u32),
}

fn need(member: &'static str, is_used: bool, version: (u32, u32)) -> Need {
    Need { member, is_used, version }
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

fn prefers(placement: &Placement) -> bool {
    !placement.preferred.is_empty()
}

/// The level that the configuration of a stream needs.
pub(crate) fn of_stream(config: &StreamConfig, server: &ServerInfo) -> Result<u32> {
    let by_consumer = |source: &super::config::source::StreamSource| source.consumer.is_some();
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
            need("placement.preferred", config.placement.as_ref().is_some_and(prefers), (2, 11)),
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
    let prioritized = config.priority_policy == PriorityPolicy::Prioritized;
    check(
        server,
        &[
            need("pedantic", config.pedantic, (2, 11)),
            need("pause_until", !config.pause_until.is_empty(), (2, 11)),
            need("priority_groups", !config.priority_groups.is_empty(), (2, 11)),
            need("priority_policy", config.priority_policy != PriorityPolicy::None, (2, 11)),
            need("priority_timeout", !is_default(&config.priority_timeout), (2, 11)),
            need("priority_policy prioritized", prioritized, (2, 12)),
            need("ack_policy flow_control", config.ack_policy == AckPolicy::FlowControl, (2, 14)),
        ],
    )
}

/// Whether the server knows what is expected of a publish; others would store the message all the same.
pub(crate) fn of_publish(options: &PublishOptions, client: &Client) -> Result<()> {
    known(
        client,
        &[
            need("ttl", options.ttl.is_some(), (2, 11)),
            need("expected_last_subject", options.expected_last_subject.is_some(), (2, 11)),
        ],
    )
}

/// Whether the server knows what a request for messages says.
pub(super) fn of_pull(ask: &Ask<'_>, client: &Client) -> Result<()> {
    known(
        client,
        &[
            need("group", !ask.group.is_empty(), (2, 11)),
            need("min_pending", ask.min_pending > 0, (2, 11)),
            need("min_ack_pending", ask.min_ack_pending > 0, (2, 11)),
            need("id", !ask.id.is_empty(), (2, 11)),
            need("priority", ask.priority > 0, (2, 12)),
        ],
    )
}

/// Whether the server knows how a message is asked for.
pub(crate) fn of_get(which: &GetMessage, client: &Client) -> Result<()> {
    known(client, &[need("no_headers", which.no_headers, (2, 12))])
}

/// Whether the server can be told who is to lead a stream or consumer; others refuse the request.
pub(crate) fn of_successor(placement: Option<&Placement>, client: &Client) -> Result<()> {
    known(client, &[need("placement", placement.is_some(), (2, 11))])
}

/// Whether the server can be told which server is to lead the cluster's JetStream.
pub(crate) fn of_meta_successor(placement: Option<&Placement>, client: &Client) -> Result<()> {
    known(client, &[need("placement.preferred", placement.is_some_and(prefers), (2, 11))])
}

/// Whether the server knows an operation.
pub(crate) fn of_operation(name: &'static str, version: (u32, u32), client: &Client) -> Result<()> {
    known(client, &[need(name, true, version)])
}

/// The server's description is looked at only when there is a need.
fn known(client: &Client, needs: &[Need]) -> Result<()> {
    if needs.iter().any(|need| need.is_used) {
        check(&client.server_info(), needs)?;
    }
    Ok(())
}

/// The level for all that is used.
fn check(server: &ServerInfo, needs: &[Need]) -> Result<u32> {
    let mut needed = 0;
    for Need { member, version: (major, minor), .. } in needs.iter().filter(|need| need.is_used) {
        let level = level_of((*major, *minor));
        // Servers that are asked for a level tell theirs.
        let known = server.api_lvl >= level || server.version_at_least(*major, *minor, 0);
        if !known {
            let is_with = match server.version.as_str() {
                "" => "has reached none yet",
                version => &format!("is with {version}"),
            };
            let text = format!("{member} needs server {major}.{minor}, the connection {is_with}");
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
        let error = of_stream(&config, &server("", 0)).unwrap_err();
        assert!(error.text().ends_with("the connection has reached none yet"), "{error}");
        assert_eq!(of_stream(&config, &server("2.12.8", 2)).unwrap(), 2);
        assert_eq!(of_stream(&StreamConfig::default(), &server("2.0.0", 0)).unwrap(), 0);
        let config = ConsumerConfig { priority_groups: vec!["g".into()], ..Default::default() };
        assert!(of_consumer(&config, &server("2.10.0", 0)).is_err());
        assert_eq!(of_consumer(&config, &server("2.15.1", 5)).unwrap(), 1);
    }
}
