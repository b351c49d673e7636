//! Requests to HTTP and SOCKS 5 proxies. `kind` is `http` or `socks5`; `user` and `password`, if
//! given, have to be known; `mood` is `helpful`, `refusing`, `silent` or `confused`.

use nats_harness::{Mood, Result, Tunnel};
use serde_json::{Value, json};

use crate::control::unknown;
use crate::json::{Request, done, wrong};

pub(crate) fn start(request: &Request) -> Result<Tunnel> {
    let auth = match (request.optional_text("user")?, request.optional_text("password")?) {
        (Some(user), Some(password)) => Some((user, password)),
        _ => None,
    };
    match request.text("kind")? {
        "http" => Tunnel::http(auth),
        "socks5" => Tunnel::socks5(auth),
        _ => Err(wrong("kind", "http or socks5")),
    }
}

pub(crate) fn handle(tunnel: &Tunnel, op: &str, request: &Request) -> Result<Value> {
    match op {
        "set_mood" => tunnel.set_mood(mood(request)?),
        "asked" => return Ok(json!({"asked": tunnel.asked()})),
        _ => return Err(unknown(op, "tunnel")),
    }
    done()
}

fn mood(request: &Request) -> Result<Mood> {
    match request.text("mood")? {
        "helpful" => Ok(Mood::Helpful),
        "refusing" => Ok(Mood::Refusing),
        "silent" => Ok(Mood::Silent),
        "confused" => Ok(Mood::Confused),
        _ => Err(wrong("mood", "helpful, refusing, silent or confused")),
    }
}
