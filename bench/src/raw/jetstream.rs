//! What the raw client does with streams.

use nats_bench_driver::{Op, warm_up_stream};
use nats_harness::{Error, Result};

use super::{Client, INBOX, await_messages};
use crate::frame::{Address, Kind};
use crate::link::Link;

impl Client<'_> {
    /// Does so many messages with the stream, or with that of the warm-up.
    pub(super) fn stored(&mut self, count: usize, warm_up: bool) -> Result<()> {
        let stream = &self.args.stream;
        let stream = if warm_up { warm_up_stream(stream) } else { stream.clone() };
        let consumer = &self.args.consumer;
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}");
        match self.args.op {
            Op::JsPublish => self.request(&stream, 1, count),
            Op::JsPublishAsync => self.request(&stream, self.args.inflight, count),
            Op::JsFetch => self.fetch(&next, count, await_messages),
            Op::JsFetchAck => {
                self.fetch(&next, count, acknowledge_messages)?;
                let link = &mut self.links[0];
                link.write(b"PING\r\n");
                link.await_frame(Kind::Pong)
            }
            _ => self.ask(&next, count, await_messages),
        }
    }

    fn fetch(&mut self, subject: &str, count: usize, take: Take) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(self.args.batch);
            self.ask(subject, now, take)?;
            left -= now;
        }
        Ok(())
    }

    fn ask(&mut self, subject: &str, count: usize, take: Take) -> Result<()> {
        let body = format!("{{\"batch\":{count},\"expires\":60000000000}}");
        let link = &mut self.links[0];
        link.write(format!("PUB {subject} {INBOX} {}\r\n{body}\r\n", body.len()).as_bytes());
        take(link, count)
    }
}

/// Takes so many messages.
type Take = fn(&mut Link, usize) -> Result<()>;

fn acknowledge_messages(link: &mut Link, count: usize) -> Result<()> {
    let mut left = count;
    while left > 0 {
        link.exchange_or_end()?;
        while let Some(frame) = link.next()? {
            if frame.kind == Kind::Message {
                if !link.complete(frame) {
                    break;
                }
                let address = Address::of(link.line(frame))?;
                let reply = address.reply.ok_or_else(|| Error::new("a message without reply"))?;
                let ack = [b"PUB ", reply, b" 4\r\n+ACK\r\n"].concat();
                link.write(&ack);
                left = left.saturating_sub(1);
            } else {
                link.housekeep(frame)?;
            }
            link.consume(frame);
        }
    }
    Ok(())
}
