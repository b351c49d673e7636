//! The raw client as a service.

use nats_harness::{Error, Result};

use super::{Client, INBOX, other};
use crate::asker::{ASK, Order};
use crate::feed;
use crate::frame::{Address, Kind};
use crate::service::SERVE;

impl Client<'_> {
    /// Subscribes to requests, and to what says that all were answered.
    pub(super) fn offer(&mut self) -> Result<()> {
        self.subscribe(SERVE, 1)?;
        self.links[0].write(format!("SUB {INBOX} 2\r\n").as_bytes());
        Ok(())
    }

    /// Has itself asked so often, and sends each request back.
    pub(super) fn serve(&mut self, count: usize) -> Result<()> {
        let (size, window) = (self.args.size, self.args.inflight);
        let order = Order { count, size, window }.to_string();
        let link = &mut self.links[0];
        link.write(format!("PUB {ASK} {INBOX} {}\r\n{order}\r\n", order.len()).as_bytes());
        loop {
            link.exchange_or_end()?;
            while let Some(frame) = link.next()? {
                if frame.kind != Kind::Message {
                    other(link, frame)?;
                } else if !link.complete(frame) {
                    break;
                } else if Address::of(link.line(frame))?.subject == SERVE.as_bytes() {
                    feed::reply(link, frame)?;
                } else {
                    let come = frame.payload;
                    link.consume(frame);
                    return if come == size {
                        Ok(())
                    } else {
                        Err(Error::new("not all was asked"))
                    };
                }
                link.consume(frame);
            }
        }
    }
}
