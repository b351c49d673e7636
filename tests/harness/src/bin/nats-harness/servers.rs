//! One server or a cluster, started by the name of a configuration.

use std::slice;

use nats_harness::{Cluster, Config, Result, Server};
use serde_json::{Map, Value, json};

pub(crate) enum Servers {
    Single(Box<Server>),
    Cluster(Cluster),
}

impl Servers {
    /// Starts what `name` says: `cluster` and `cluster-NAME` are clusters of `nodes` servers.
    pub(crate) fn start(name: &str, nodes: usize, extra: &str, host: Option<&str>) -> Result<Self> {
        let member =
            name.strip_prefix("cluster").map(|rest| rest.strip_prefix('-').unwrap_or(rest));
        let config = configuration(member.unwrap_or(name), extra, host)?;
        Ok(match member {
            Some(_) => Self::Cluster(Cluster::start_with(nodes, config)?),
            None => Self::Single(Box::new(Server::start(config)?)),
        })
    }

    pub(crate) fn all(&self) -> &[Server] {
        match self {
            Self::Single(server) => slice::from_ref(&**server),
            Self::Cluster(cluster) => cluster.servers(),
        }
    }

    /// Waits for the routes of a cluster; a single server is always ready.
    pub(crate) fn wait_ready(&self) -> Result<()> {
        match self {
            Self::Single(_) => Ok(()),
            Self::Cluster(cluster) => cluster.wait_ready(),
        }
    }

    /// What a client has to know, by the names of the `control` protocol.
    pub(crate) fn facts(&self) -> Map<String, Value> {
        let all = self.all();
        let urls: Vec<String> = all.iter().map(Server::url).collect();
        let mut facts = Map::new();
        facts.insert("urls".into(), json!(urls.join(",")));
        if let Some(first) = all.first() {
            facts.insert("url".into(), json!(first.url()));
            facts.insert("port".into(), json!(first.port()));
            if first.config().has_websocket() {
                facts.insert("ws_url".into(), json!(first.ws_url()));
            }
            facts.insert("server_pid".into(), json!(first.pid()));
            facts.insert("monitor_url".into(), json!(first.monitor_url()));
            add_secrets(&mut facts, &first.config());
        }
        facts
    }
}

/// A configuration by name; the empty name is the plain one.
pub(crate) fn configuration(name: &str, extra: &str, host: Option<&str>) -> Result<Config> {
    let name = if name.is_empty() { "plain" } else { name };
    let config = Config::named(name)?.with(extra);
    Ok(match host {
        Some(host) => config.with_host(host),
        None => config,
    })
}

fn add_secrets(facts: &mut Map<String, Value>, config: &Config) {
    if let Some((user, password)) = config.credentials() {
        facts.insert("user".into(), json!(user));
        facts.insert("password".into(), json!(password));
    }
    if let Some(token) = config.auth_token() {
        facts.insert("token".into(), json!(token));
    }
    if let Some(certificates) = config.certificates() {
        facts.insert("tls_ca".into(), json!(certificates.ca()));
        facts.insert("tls_foreign_ca".into(), json!(certificates.foreign_ca()));
        facts.insert("tls_server_cert".into(), json!(certificates.server_cert()));
        facts.insert("tls_server_key".into(), json!(certificates.server_key()));
        facts.insert("tls_cert".into(), json!(certificates.client_cert()));
        facts.insert("tls_key".into(), json!(certificates.client_key()));
    }
}
