//! Requests to real servers. `node` chooses the server of a cluster, the first without it.

use nats_harness::{Error, Result, Server};
use serde_json::{Value, json};

use crate::control::unknown;
use crate::json::{Request, done};
use crate::servers::{Servers, configuration};

/// `start`: `config`, `nodes`, `extra`, `host`, all optional.
pub(crate) fn start(request: &Request) -> Result<Servers> {
    let nodes = usize::try_from(request.number_or("nodes", 3)?).unwrap_or(usize::MAX);
    Servers::start(
        request.optional_text("config")?.unwrap_or("plain"),
        nodes,
        request.optional_text("extra")?.unwrap_or_default(),
        request.optional_text("host")?,
    )
}

pub(crate) fn handle(servers: &Servers, op: &str, request: &Request) -> Result<Value> {
    let server = node(servers, request)?;
    match op {
        "kill" => server.kill()?,
        "stop" => server.stop()?,
        "restart" => {
            server.restart()?;
            return Ok(json!({"server_pid": server.pid()}));
        }
        "pause" => server.pause()?,
        "resume" => server.resume()?,
        "lame_duck" => server.lame_duck()?,
        "reload" => reload(server, request)?,
        "wait_ready" => servers.wait_ready()?,
        "wait_log" => server.wait_log(request.text("text")?, request.timeout()?)?,
        "log" => return Ok(json!({"log": server.log()})),
        "info" => return Ok(json!({"info": server.info()?})),
        "monitor" => return Ok(json!({"document": server.monitor(request.text("path")?)?})),
        _ => return Err(unknown(op, "server")),
    }
    done()
}

/// With `config` another configuration, otherwise the present one with the `extra` lines added.
fn reload(server: &Server, request: &Request) -> Result<()> {
    let extra = request.optional_text("extra")?.unwrap_or_default();
    server.reload(match request.optional_text("config")? {
        Some(name) => configuration(name, extra, Some(server.config().host()))?,
        None => server.config().with(extra),
    })
}

fn node<'a>(servers: &'a Servers, request: &Request) -> Result<&'a Server> {
    let index = request.number_or("node", 0)?;
    let server = usize::try_from(index).ok().and_then(|index| servers.all().get(index));
    server.ok_or_else(|| Error::new(format!("there is no node {index}")))
}
