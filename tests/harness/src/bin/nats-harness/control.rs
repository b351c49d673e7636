//! `nats-harness control`: one JSON request a line, one JSON answer a line.
//!
//! An answer has `"ok": true` and values, or `"ok": false` and `"error"`. `start`, `fake`, `proxy`
//! and `tunnel` answer with an `id`; every other request names the `id` it is for.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use nats_harness::{Error, FakeServer, Proxy, Result, Tunnel};
use serde_json::{Value, json};

use crate::json::{Request, done, missing};
use crate::servers::Servers;
use crate::{Options, control_fake, control_proxy, control_server, control_tunnel};

/// Serves requests until standard input ends; then everything stops.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut session = Session::default();
    for config in &options.configs {
        let request = json!({
            "op": "start", "config": config, "nodes": options.nodes, "extra": options.extra,
        });
        answer(session.handle(request))?;
    }
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let request =
            serde_json::from_str(&line).map_err(|e| Error::because("not a JSON document", e));
        answer(request.and_then(|request: Value| session.handle(request)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(result: Result<Value>) -> Result<()> {
    let mut answer = match result {
        Ok(values) => values,
        Err(error) => json!({"error": error.to_string()}),
    };
    answer["ok"] = json!(answer.get("error").is_none());
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}

enum Item {
    Servers(Servers),
    Fake(FakeServer),
    Proxy(Proxy),
    Tunnel(Tunnel),
}

#[derive(Default)]
struct Session {
    items: BTreeMap<u64, Item>,
    last_id: u64,
}

impl Session {
    fn handle(&mut self, request: Value) -> Result<Value> {
        let Value::Object(fields) = request else {
            return Err(Error::new("a request is a JSON object"));
        };
        let request = Request(fields);
        match request.text("op")? {
            "start" => {
                let servers = control_server::start(&request)?;
                let facts = Value::Object(servers.facts());
                Ok(self.add(Item::Servers(servers), facts))
            }
            "fake" => {
                let fake = control_fake::start(&request)?;
                let facts = json!({"url": fake.url(), "port": fake.port()});
                Ok(self.add(Item::Fake(fake), facts))
            }
            "proxy" => {
                let proxy = Proxy::start(&self.target(&request)?)?;
                let facts = json!({"url": proxy.url(), "port": proxy.port()});
                Ok(self.add(Item::Proxy(proxy), facts))
            }
            "tunnel" => {
                let tunnel = control_tunnel::start(&request)?;
                let facts = json!({"url": tunnel.url()});
                Ok(self.add(Item::Tunnel(tunnel), facts))
            }
            "remove" => {
                let id = request.number("id")?;
                let item = self.items.remove(&id);
                item.map_or_else(|| Err(no_item(id)), |_| done())
            }
            op => self.handle_item(op, &request),
        }
    }

    fn handle_item(&self, op: &str, request: &Request) -> Result<Value> {
        match self.item(request.number("id")?)? {
            Item::Servers(servers) => control_server::handle(servers, op, request),
            Item::Fake(fake) => control_fake::handle(fake, op, request),
            Item::Proxy(proxy) if op == "set_target" => {
                proxy.set_target(&self.target(request)?);
                done()
            }
            Item::Proxy(proxy) => control_proxy::handle(proxy, op, request),
            Item::Tunnel(tunnel) => control_tunnel::handle(tunnel, op, request),
        }
    }

    fn add(&mut self, item: Item, mut facts: Value) -> Value {
        self.last_id += 1;
        self.items.insert(self.last_id, item);
        facts["id"] = json!(self.last_id);
        facts
    }

    fn item(&self, id: u64) -> Result<&Item> {
        self.items.get(&id).ok_or_else(|| no_item(id))
    }

    /// Where a proxy leads: an address or the id of something (of a cluster: its first server).
    fn target(&self, request: &Request) -> Result<String> {
        match request.0.get("target") {
            Some(Value::String(address)) => Ok(address.clone()),
            Some(Value::Number(id)) => {
                let id = id.as_u64().unwrap_or_default();
                match self.item(id)? {
                    Item::Servers(servers) => servers
                        .all()
                        .first()
                        .map(|server| server.address())
                        .ok_or_else(|| no_item(id)),
                    Item::Fake(fake) => Ok(fake.address()),
                    Item::Proxy(proxy) => Ok(proxy.address()),
                    Item::Tunnel(_) => Err(missing("target")),
                }
            }
            _ => Err(missing("target")),
        }
    }
}

fn no_item(id: u64) -> Error {
    Error::new(format!("nothing has the id {id}"))
}

/// The error for an operation that the thing with the id does not have.
pub(crate) fn unknown(op: &str, kind: &str) -> Error {
    Error::new(format!("no operation {op:?} for a {kind}"))
}
