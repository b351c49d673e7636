//! What the other side of every driver does, whether it is the floor or feeds a real server.

use std::str::FromStr;

use nats_harness::Error;

use crate::blast::Blast;
use crate::frame::{Content, MAX_PAYLOAD};

/// Messages that drivers publish and receive.
pub(crate) const DATA: &str = "bench.data";
/// Asks for messages to [`DATA`].
pub(crate) const GO: &str = "bench.go";
/// Sends a payload back.
pub(crate) const ECHO: &str = "bench.echo";
/// Where a service of a driver is asked.
pub(crate) const SERVE: &str = "bench.serve";
/// Where drivers publish to themselves.
pub(crate) const LOOP: &str = "bench.loop";

/// What a driver asks [`GO`] for: the text "COUNT SIZE HEADERS SUBS".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Go {
    /// Messages that all subscriptions together are to receive.
    pub(crate) count: usize,
    /// What is in each.
    pub(crate) content: Content,
    /// Subscriptions.
    pub(crate) subs: usize,
}

impl Go {
    /// The messages for these subscriptions, one after the other, in rounds.
    pub(crate) fn messages(self, sids: &[String]) -> Blast {
        let round: Vec<Vec<u8>> = sids.iter().map(|sid| self.content.message(DATA, sid)).collect();
        Blast::new(&round.concat(), self.count / self.subs)
    }

    /// The same through a server, which copies each message to every subscription.
    pub(crate) fn publishes(self) -> Blast {
        Blast::new(&self.content.publish(DATA, None), self.count / self.subs)
    }
}

impl std::fmt::Display for Go {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Content { size, headers } = self.content;
        write!(f, "{} {size} {headers} {}", self.count, self.subs)
    }
}

impl FromStr for Go {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(format!("{GO}: {text:?} is not COUNT SIZE HEADERS SUBS"));
        let numbers: Result<Vec<usize>, _> = text.split(' ').map(str::parse).collect();
        let numbers = numbers.map_err(|_| wrong())?;
        let &[count, size, headers, subs] = numbers.as_slice() else { return Err(wrong()) };
        let fits = size <= MAX_PAYLOAD && headers <= 26 && subs > 0 && count.is_multiple_of(subs);
        // The block that is sent again and again has a message for every subscription.
        if !fits || size.saturating_mul(subs) > 8 * MAX_PAYLOAD || subs > 1_000_000 {
            return Err(wrong());
        }
        Ok(Self { count, content: Content { size, headers }, subs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_is_read_back() {
        let content = Content { size: 16, headers: 3 };
        let go = Go { count: 1000, content, subs: 10 };
        assert_eq!(go.to_string(), "1000 16 3 10");
        assert_eq!("1000 16 3 10".parse::<Go>().unwrap(), go);
    }

    #[test]
    fn a_go_that_cannot_be_is_refused() {
        for text in [
            "",
            "1 2 3",
            "1 2 3 4 5",
            "x 16 0 1",
            "10 16 0 3",
            "10 16 0 0",
            "10 16 27 1",
            "1 9000000 0 1",
            "10000 8000000 0 10000",
        ] {
            assert!(text.parse::<Go>().is_err(), "{text}");
        }
    }

    #[test]
    fn rounds_reach_every_subscription() {
        let go: Go = "4 1 0 2".parse().unwrap();
        let blast = go.messages(&["1".into(), "22".into()]);
        let round = "MSG bench.data 1 1\r\nx\r\nMSG bench.data 22 1\r\nx\r\n";
        assert_eq!(blast.chunk(), round.repeat(2).as_bytes());
        assert_eq!(go.publishes().chunk(), "PUB bench.data 1\r\nx\r\n".repeat(2).as_bytes());
    }
}
