//! Requests to proxies. `direction` is `to_server`, `to_client` or `both` (default), `cut` is
//! `fin` or `rst` (default).

use nats_harness::{Cut, Direction, Proxy, Result};
use serde_json::{Value, json};

use crate::control::unknown;
use crate::json::{Request, done, wrong};

pub(crate) fn handle(proxy: &Proxy, op: &str, request: &Request) -> Result<Value> {
    let direction = direction(request)?;
    let count = request.number_or("count", 0)?;
    let whole = usize::try_from(count).unwrap_or(usize::MAX);
    match op {
        "stall" => proxy.stall(direction),
        "drip" => proxy.drip(direction, request.number("bytes_per_second")?),
        "black_hole" => proxy.black_hole(direction),
        "resume" => proxy.resume(),
        "cut_after" => proxy.cut_after(direction, request.number("count")?, cut(request)?),
        "cut_now" => proxy.cut_now(cut(request)?)?,
        "refuse" => proxy.refuse()?,
        "accept" => proxy.accept()?,
        "stats" => return Ok(stats(proxy)),
        "wait_bytes" => proxy.wait_bytes(direction, count, request.timeout()?)?,
        "wait_connections" => proxy.wait_connections(whole, request.timeout()?)?,
        "wait_active" => proxy.wait_active(whole, request.timeout()?)?,
        _ => return Err(unknown(op, "proxy")),
    }
    done()
}

fn stats(proxy: &Proxy) -> Value {
    json!({
        "connections": proxy.connections(),
        "active": proxy.active(),
        "bytes_to_server": proxy.bytes(Direction::ToServer),
        "bytes_to_client": proxy.bytes(Direction::ToClient),
    })
}

fn direction(request: &Request) -> Result<Direction> {
    match request.optional_text("direction")?.unwrap_or("both") {
        "to_server" => Ok(Direction::ToServer),
        "to_client" => Ok(Direction::ToClient),
        "both" => Ok(Direction::Both),
        _ => Err(wrong("direction", "to_server, to_client or both")),
    }
}

fn cut(request: &Request) -> Result<Cut> {
    match request.optional_text("cut")?.unwrap_or("rst") {
        "fin" => Ok(Cut::Fin),
        "rst" => Ok(Cut::Rst),
        _ => Err(wrong("cut", "fin or rst")),
    }
}
