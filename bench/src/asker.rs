//! Asks a service, as often as its driver orders.

use std::str::FromStr;

use nats_harness::{Error, Result};

use crate::frame::{Address, Content, Frame, MAX_PAYLOAD};
use crate::link::Link;
use crate::service::SERVE;

/// Orders so many requests to [`SERVE`]; it is answered when they all are.
pub(crate) const ASK: &str = "bench.ask";
/// Where the answers of a service go, a subject for each order.
pub(crate) const ANSWERS: &str = "bench.answers.*";

/// What a driver orders: the text "COUNT SIZE WINDOW".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Order {
    /// Requests.
    pub(crate) count: usize,
    /// Bytes of payload of each, and of its answer.
    pub(crate) size: usize,
    /// Requests under way at a time.
    pub(crate) window: usize,
}

/// Keeps a window of requests under way.
#[derive(Default)]
pub(crate) struct Asker {
    orders: usize,
    answers: String,
    request: Vec<u8>,
    size: usize,
    unsent: usize,
    unanswered: usize,
    ordered_by: Vec<u8>,
}

impl Asker {
    /// Takes an order, or an answer of the service. When all are there the last one is passed on;
    /// one of another size, as errors are, at once.
    ///
    /// # Errors
    /// A frame without its subjects.
    pub(crate) fn hear(&mut self, link: &mut Link, frame: Frame) -> Result<()> {
        let address = Address::of(link.line(frame))?;
        if address.subject == ASK.as_bytes() {
            let reply = address.reply.ok_or_else(|| Error::new("an order without a reply subject"));
            self.ordered_by = reply?.to_vec();
            return self.begin(link, frame);
        }
        // What is left of an order whose driver is gone has another subject.
        if address.subject != self.answers.as_bytes() || self.unanswered == 0 {
            return Ok(());
        }
        let wrong = address.headers || frame.payload != self.size;
        self.unanswered = if wrong { 0 } else { self.unanswered - 1 };
        if self.unanswered == 0 {
            let (verb, lengths) = (verb(address.headers), address.lengths.to_vec());
            link.write_with_body(&[verb, &self.ordered_by, b" ", &lengths, b"\r\n"], frame);
        } else if self.unsent > 0 {
            self.unsent -= 1;
            link.write(&self.request);
        }
        Ok(())
    }

    fn begin(&mut self, link: &mut Link, frame: Frame) -> Result<()> {
        let text = String::from_utf8_lossy(&link.body(frame)[..frame.payload]);
        let Order { count, size, window } = text.parse()?;
        self.orders += 1;
        self.answers = ANSWERS.replace('*', &self.orders.to_string());
        self.request = Content { size, headers: 0 }.publish(SERVE, Some(&self.answers));
        self.size = size;
        let first = window.min(count);
        (self.unsent, self.unanswered) = (count - first, count);
        link.write(&self.request.repeat(first));
        Ok(())
    }
}

/// What publishes a message as the one that has come, which may have headers.
pub(crate) fn verb(headers: bool) -> &'static [u8] {
    if headers { b"HPUB " } else { b"PUB " }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.count, self.size, self.window)
    }
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("{ASK}: {text:?} is not COUNT SIZE WINDOW"));
        let numbers: std::result::Result<Vec<usize>, _> = text.split(' ').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[count, size, window])
                if count > 0 && size <= MAX_PAYLOAD && (1..=10_000).contains(&window) =>
            {
                Ok(Self { count, size, window })
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_back() {
        let order = Order { count: 1000, size: 16, window: 64 };
        assert_eq!(order.to_string(), "1000 16 64");
        assert_eq!("1000 16 64".parse::<Order>().unwrap(), order);
    }

    #[test]
    fn an_order_that_cannot_be_is_refused() {
        for text in ["", "1 2", "1 2 3 4", "x 16 1", "0 16 1", "1 16 0", "1 9000000 1", "1 1 10001"]
        {
            assert!(text.parse::<Order>().is_err(), "{text}");
        }
    }
}
