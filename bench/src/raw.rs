//! The raw client: prebuilt frames out, lengths of frames in. No client can be faster on this
//! machine.

mod jetstream;
mod service;

use std::process::ExitCode;
use std::time::Instant;

use nats_bench_driver::{Args, Failure, Latencies, Measured, Meter, Op, drive};
use nats_harness::{Error, Result};

use crate::blast::Blast;
use crate::frame::{Content, Frame, Kind};
use crate::link::Link;
use crate::results::FLOOR;
use crate::service::{DATA, ECHO, GO, Go, LOOP};

const INBOX: &str = "_INBOX.raw";

/// The command `raw`: a driver as any other, for the client [`FLOOR`]. All modes are the same.
pub fn run(words: impl Iterator<Item = String>) -> ExitCode {
    drive(words, |_| FLOOR, env!("CARGO_PKG_VERSION").to_owned(), measure)
}

fn measure(args: &Args) -> std::result::Result<Measured, Failure> {
    let failed = |error: Error| Failure::Failed(error.to_string());
    if args.threads > 1 {
        let reason = "one thread writes as fast as the socket takes";
        return Err(Failure::Unsupported(reason.to_owned()));
    }
    use Op::{KvGet, KvPut, KvWatch, ObjectGet, ObjectPut};
    if matches!(args.op, KvPut | KvGet | KvWatch | ObjectPut | ObjectGet) {
        return Err(Failure::Unsupported("buckets have no floor".to_owned()));
    }
    let mut client = Client::new(args).map_err(failed)?;
    client.turn(args.warm_up(), true).map_err(failed)?;
    client.reset();
    let meter = Meter::start();
    client.turn(args.count, false).map_err(failed)?;
    let measured = meter.stop()?;
    Ok(measured.latencies(client.latencies))
}

struct Client<'a> {
    args: &'a Args,
    links: Vec<Link>,
    latencies: Latencies,
}

impl<'a> Client<'a> {
    /// A client with the connections and subscriptions that its operation needs.
    fn new(args: &'a Args) -> Result<Self> {
        let latencies = Latencies::with_capacity(args.count + args.warm_up());
        let mut client = Self { args, links: Vec::new(), latencies };
        match args.op {
            Op::Publish => client.open()?,
            Op::Subscribe(_) => client.subscribe(DATA, args.subs)?,
            Op::Pubsub(_) => client.subscribe(LOOP, 1)?,
            Op::Connect => {}
            Op::Service => client.offer()?,
            // Answers, acknowledgements, messages of a consumer.
            _ => client.subscribe(INBOX, 1)?,
        }
        Ok(client)
    }

    /// Forgets what the warm-up leaves behind.
    fn reset(&mut self) {
        self.latencies = Latencies::with_capacity(self.args.count);
        if self.args.op == Op::Connect {
            self.links.clear();
        }
    }

    /// Does so many messages, or opens the connections.
    fn turn(&mut self, count: usize, warm_up: bool) -> Result<()> {
        match self.args.op {
            Op::Publish => self.publish(count),
            Op::Subscribe(_) => self.receive(count),
            Op::Pubsub(_) => self.go_round(count),
            Op::Request => self.request(ECHO, self.args.inflight, count),
            Op::Connect => self.open(),
            Op::Service => self.serve(count),
            _ => self.stored(count, warm_up),
        }
    }

    fn open(&mut self) -> Result<()> {
        for _ in 0..self.args.conns {
            self.links.push(Link::connect(&self.args.url)?);
        }
        Ok(())
    }

    fn subscribe(&mut self, subject: &str, subs: usize) -> Result<()> {
        let mut link = Link::connect(&self.args.url)?;
        for sid in 1..=subs {
            link.write(format!("SUB {subject} {sid}\r\n").as_bytes());
        }
        link.write(b"PING\r\n");
        link.await_frame(Kind::Pong)?;
        self.links.push(link);
        Ok(())
    }

    fn content(&self) -> Content {
        Content { size: self.args.size, headers: self.args.headers }
    }

    fn publish(&mut self, count: usize) -> Result<()> {
        let frame = self.content().publish(DATA, None);
        for link in &mut self.links {
            link.write_all(Blast::new(&frame, count / self.args.conns))?;
            link.write(b"PING\r\n");
        }
        self.links.iter_mut().try_for_each(|link| link.await_frame(Kind::Pong))
    }

    fn receive(&mut self, count: usize) -> Result<()> {
        let go = Go { count, content: self.content(), subs: self.args.subs }.to_string();
        let link = &mut self.links[0];
        link.write(format!("PUB {GO} {}\r\n{go}\r\n", go.len()).as_bytes());
        await_messages(link, count)
    }

    fn go_round(&mut self, count: usize) -> Result<()> {
        let frame = self.content().publish(LOOP, None);
        let link = &mut self.links[0];
        link.start_blast(Blast::new(&frame, count));
        await_messages(link, count)
    }

    /// Keeps its window of requests under way: what has come is sent again in one write.
    fn request(&mut self, subject: &str, window: usize, count: usize) -> Result<()> {
        let frame = self.content().publish(subject, Some(INBOX));
        let block = frame.repeat(window);
        let link = &mut self.links[0];
        let (mut to_send, mut to_come, mut free) = (count, count, window);
        while to_come > 0 {
            let started = Instant::now();
            let now = free.min(to_send);
            link.write(&block[..frame.len() * now]);
            to_send -= now;
            free = 0;
            while free == 0 {
                free = exchange(link)?;
            }
            if window == 1 {
                self.latencies.add(started.elapsed());
            }
            to_come = to_come.saturating_sub(free);
        }
        Ok(())
    }
}

/// Reads until so many messages have come.
fn await_messages(link: &mut Link, count: usize) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let come = exchange(link).map_err(|error| {
            Error::because(format!("{} of {count} messages received", count - left), error)
        })?;
        left = left.saturating_sub(come);
    }
    Ok(())
}

/// Reads once; the number of messages that are complete now.
fn exchange(link: &mut Link) -> Result<usize> {
    link.exchange_or_end()?;
    let mut come = 0;
    while let Some(frame) = link.next()? {
        if frame.kind == Kind::Message {
            if !link.complete(frame) {
                break;
            }
            come += 1;
        } else {
            other(link, frame)?;
        }
        link.consume(frame);
    }
    Ok(come)
}

#[cold]
fn other(link: &mut Link, frame: Frame) -> Result<()> {
    link.housekeep(frame)
}
