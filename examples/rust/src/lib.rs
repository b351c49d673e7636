//! What the example programs share.

/// The server to talk to: the program's first argument, or NATS_URL, or the default.
pub fn url() -> String {
    let named = std::env::args().nth(1).or_else(|| std::env::var("NATS_URL").ok());
    named.unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned())
}
