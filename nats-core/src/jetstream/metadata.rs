//! What the reply subject of a delivered message tells of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Code, Result};

/// Where a message stands in its stream and its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata<'a> {
    /// The domain, where the server tells one.
    pub domain: Option<&'a str>,
    /// The hash of the account, where the server tells one.
    pub account_hash: Option<&'a str>,
    /// The stream.
    pub stream: &'a str,
    /// The consumer.
    pub consumer: &'a str,
    /// How often the message was delivered, this time included.
    pub delivered: u64,
    /// Its sequence in the stream.
    pub stream_sequence: u64,
    /// Its sequence among what the consumer has delivered.
    pub consumer_sequence: u64,
    /// When it was stored, in nanoseconds since 1970.
    pub timestamp_nanos: i64,
    /// Messages of the consumer that are still to come.
    pub pending: u64,
}

impl<'a> Metadata<'a> {
    /// What the reply subjects of deliveries begin with.
    pub const PREFIX: &'static str = "$JS.ACK.";

    /// Reads a reply subject in either of its forms (ADR-15): `$JS.ACK.<stream>.<consumer>.<delivered>
    /// .<stream sequence>.<consumer sequence>.<time>.<pending>`, or with `<domain>.<account hash>`
    /// before the stream and perhaps more behind the rest.
    ///
    /// # Errors
    /// [`Code::NotJetStream`].
    pub fn parse(reply: &'a str) -> Result<Metadata<'a>> {
        read(reply).ok_or_else(|| Code::NotJetStream.into())
    }

    /// Whether a reply subject is one that deliveries have.
    pub fn is_reply(reply: &str) -> bool {
        reply.starts_with(Self::PREFIX)
    }

    /// When the message was stored.
    pub fn timestamp(&self) -> SystemTime {
        let nanos = u64::try_from(self.timestamp_nanos).unwrap_or(0);
        UNIX_EPOCH + Duration::from_nanos(nanos)
    }
}

fn read(reply: &str) -> Option<Metadata<'_>> {
    let rest = reply.strip_prefix(Metadata::PREFIX)?;
    let count = rest.bytes().filter(|byte| *byte == b'.').count() + 1;
    let mut words = rest.split('.');
    let (domain, account_hash) = match count {
        7 => (None, None),
        9.. => (words.next().filter(|domain| *domain != "_"), words.next()),
        _ => return None,
    };
    let (stream, consumer) = (words.next()?, words.next()?);
    let mut number = || words.next()?.parse::<u64>().ok();
    let (delivered, stream_sequence, consumer_sequence) = (number()?, number()?, number()?);
    let timestamp_nanos = i64::try_from(number()?).ok()?;
    let pending = number()?;
    Some(Metadata {
        domain,
        account_hash,
        stream,
        consumer,
        delivered,
        stream_sequence,
        consumer_sequence,
        timestamp_nanos,
        pending,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let first = Metadata::parse("$JS.ACK.S.C.2.10.5.1700000000000000001.7").unwrap();
        assert_eq!((first.domain, first.account_hash), (None, None));
        assert_eq!((first.stream, first.consumer), ("S", "C"));
        assert_eq!((first.delivered, first.stream_sequence, first.consumer_sequence), (2, 10, 5));
        assert_eq!(first.pending, 7);
        let since = first.timestamp().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(since.as_nanos(), 1_700_000_000_000_000_001);
        for tail in ["", ".random", ".random.more"] {
            let reply = format!("$JS.ACK.hub.ACCHASH.S.C.2.10.5.1700000000000000001.7{tail}");
            let second = Metadata::parse(&reply).unwrap();
            assert_eq!((second.domain, second.account_hash), (Some("hub"), Some("ACCHASH")));
            assert_eq!(Metadata { domain: None, account_hash: None, ..second }, first);
        }
        assert_eq!(Metadata::parse("$JS.ACK._.H.S.C.1.1.1.1.0").unwrap().domain, None);
    }

    #[test]
    fn others_are_not_from_jetstream() {
        for bad in [
            "",
            "_INBOX.a",
            "$JS.ACK",
            "$JS.ACK.S.C.1.1.1.1",
            "$JS.ACK.S.C.1.1.1.1.1.1",
            "$JS.ACK.S.C.x.1.1.1.1",
            "$JS.ACK.S.C.1.1.1.99999999999999999999.1",
            "$JS.ACK.S.C.-1.1.1.1.1",
        ] {
            assert_eq!(Metadata::parse(bad).unwrap_err().code(), Code::NotJetStream, "{bad}");
        }
    }
}
