//! Requests to proxies that clients ask to connect them.

use nats_harness::{Mood, Result, Tunnel};
use serde_json::{Value, json};

use crate::control::unknown;
use crate::json::{Request, done, wrong};

/// `tunnel`: `kind` is `http` or `socks5`; `user` and `password` are what one has to know, both
/// optional.
pub(crate) fn start(request: &Request) -> Result<Tunnel> {
    let user = request.optional_text("user")?;
    let auth = user.map(|user| request.text("password").map(|password| (user, password)));
    match request.text("kind")? {
        "http" => Tunnel::http(auth.transpose()?),
        "socks5" => Tunnel::socks5(auth.transpose()?),
        _ => Err(wrong("kind", "http or socks5")),
    }
}

/// `mood` is `helpful`, `refusing`, `silent` or `confused`; `asked` answers with the places that it
/// was asked to connect to.
pub(crate) fn handle(tunnel: &Tunnel, op: &str, request: &Request) -> Result<Value> {
    match op {
        "mood" => tunnel.set_mood(match request.text("mood")? {
            "helpful" => Mood::Helpful,
            "refusing" => Mood::Refusing,
            "silent" => Mood::Silent,
            "confused" => Mood::Confused,
            _ => return Err(wrong("mood", "helpful, refusing, silent or confused")),
        }),
        "asked" => return Ok(json!({"asked": tunnel.asked().join(",")})),
        _ => return Err(unknown(op, "tunnel")),
    }
    done()
}
