//! The floor: a server that does next to nothing, so that a client's own cost shows.
//!
//! It swallows publishes and answers the subjects of [`crate::service`]. Only the connection that
//! sends a message receives it. It is for benchmarks on one machine, and cuts off who breaks the
//! protocol.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use nats_harness::{Error, Result};

use crate::frame::{Address, Frame, Kind, MAX_PAYLOAD, words};
use crate::link::Link;
use crate::service::{DATA, ECHO, GO, Go, LOOP};

/// What most drivers publish, with the length behind it.
const SWALLOWED: &[u8] = b"PUB bench.data ";
const STACK: usize = 128 << 10;

/// A floor on a free port of the loopback interface.
pub struct Floor {
    listener: TcpListener,
}

impl Floor {
    /// Takes a port.
    ///
    /// # Errors
    /// There is none.
    pub fn bind() -> Result<Self> {
        Ok(Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))? })
    }

    /// The URL for clients.
    ///
    /// # Errors
    /// The system refuses.
    pub fn url(&self) -> Result<String> {
        Ok(format!("nats://{}", self.listener.local_addr()?))
    }

    /// Serves clients, each on a thread of its own, until the process ends.
    ///
    /// # Errors
    /// No thread could be started for the next client.
    pub fn serve(&self) -> Result<()> {
        loop {
            let (socket, _) = self.listener.accept()?;
            let builder = thread::Builder::new().stack_size(STACK);
            builder.spawn(move || {
                if let Err(error) = Session::serve(socket) {
                    eprintln!("a client was cut off: {error}");
                }
            })?;
        }
    }
}

/// The command `serve`: prints the URL and serves until standard input ends.
///
/// # Errors
/// The floor cannot start.
pub fn run() -> Result<()> {
    let floor = Floor::bind()?;
    println!("{}", floor.url()?);
    std::io::stdout().flush()?;
    thread::spawn(move || {
        if let Err(error) = floor.serve() {
            eprintln!("{error}");
            std::process::exit(1);
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// One client.
struct Session {
    link: Link,
    subscriptions: Vec<Subscription>,
    /// The subscriptions to [`DATA`], of which there can be many.
    data: Vec<String>,
}

struct Subscription {
    filter: Vec<u8>,
    sid: Vec<u8>,
}

impl Session {
    fn serve(socket: TcpStream) -> Result<()> {
        let info = format!(
            "INFO {{\"server_id\":\"FLOOR\",\"server_name\":\"floor\",\"version\":\"2.11.0\",\
             \"proto\":1,\"go\":\"\",\"host\":\"127.0.0.1\",\"port\":{},\"headers\":true,\
             \"max_payload\":{MAX_PAYLOAD},\"client_id\":1}}\r\n",
            socket.local_addr()?.port()
        );
        let mut link = Link::new(socket)?;
        link.write(info.as_bytes());
        let mut session = Self { link, subscriptions: Vec::new(), data: Vec::new() };
        let outcome = session.run();
        if let Err(error) = &outcome {
            session.link.cut_off(error);
        }
        outcome
    }

    fn run(&mut self) -> Result<()> {
        while self.link.exchange()? {
            self.link.swallow(SWALLOWED);
            while let Some(frame) = self.link.next()? {
                if !self.handle(frame)? {
                    break;
                }
                self.link.consume(frame);
                self.link.swallow(SWALLOWED);
            }
        }
        Ok(())
    }

    /// Does what the next frame asks for; false when more of it is needed first.
    fn handle(&mut self, frame: Frame) -> Result<bool> {
        match frame.kind {
            Kind::Publish => return self.publish(frame),
            Kind::Ping => self.link.write(b"PONG\r\n"),
            Kind::Sub => self.subscribe(frame)?,
            Kind::Unsub => self.unsubscribe(frame)?,
            Kind::Connect => {
                if self.link.line(frame).windows(14).any(|part| part == b"\"verbose\":true") {
                    return Err(Error::new("the floor is never verbose"));
                }
            }
            Kind::Pong => {}
            Kind::Info | Kind::Message | Kind::Ok | Kind::Error => {
                return Err(Error::new("a client does not send this"));
            }
        }
        Ok(true)
    }

    fn publish(&mut self, frame: Frame) -> Result<bool> {
        let line = self.link.line(frame);
        let arguments = if line[0] == b'H' { &line[5..] } else { &line[4..] };
        let serve = match () {
            () if is_to(arguments, LOOP) => Self::route,
            () if is_to(arguments, ECHO) => Self::echo,
            () if is_to(arguments, GO) => Self::go,
            () => return Ok(true),
        };
        if !self.link.complete(frame) {
            return Ok(false);
        }
        serve(self, frame)?;
        Ok(true)
    }

    fn route(&mut self, frame: Frame) -> Result<()> {
        for subscription in &self.subscriptions {
            if subscription.filter == LOOP.as_bytes() {
                deliver(&mut self.link, frame, LOOP.as_bytes(), &subscription.sid)?;
            }
        }
        Ok(())
    }

    fn echo(&mut self, frame: Frame) -> Result<()> {
        let reply = Address::of(self.link.line(frame))?.reply;
        let reply = reply.ok_or_else(|| Error::new("a request without a reply subject"))?.to_vec();
        let matching = self.subscriptions.iter().find(|one| matches(&one.filter, &reply));
        let sid = &matching.ok_or_else(|| Error::new("nobody waits for the reply"))?.sid;
        deliver(&mut self.link, frame, &reply, sid)
    }

    fn go(&mut self, frame: Frame) -> Result<()> {
        let body = self.link.body(frame);
        let go: Go = String::from_utf8_lossy(&body[..frame.payload]).parse()?;
        if go.subs != self.data.len() {
            let there = self.data.len();
            return Err(Error::new(format!("{there} subscriptions instead of {}", go.subs)));
        }
        if self.link.blasting() {
            return Err(Error::new("the messages that were asked for before are not all sent"));
        }
        self.link.start_blast(go.messages(&self.data));
        Ok(())
    }

    fn subscribe(&mut self, frame: Frame) -> Result<()> {
        let words: Vec<&[u8]> = words(self.link.line(frame)).collect();
        let (filter, sid) = match words.as_slice() {
            [_, filter, sid] | [_, filter, _, sid] => (*filter, *sid),
            _ => return Err(Error::new("SUB with wrong arguments")),
        };
        if filter == DATA.as_bytes() {
            self.data.push(String::from_utf8_lossy(sid).into_owned());
        } else {
            let (filter, sid) = (filter.to_vec(), sid.to_vec());
            self.subscriptions.push(Subscription { filter, sid });
        }
        Ok(())
    }

    /// With a maximum the client itself drops what comes too late.
    fn unsubscribe(&mut self, frame: Frame) -> Result<()> {
        let words: Vec<&[u8]> = words(self.link.line(frame)).collect();
        match words.as_slice() {
            [_, sid] => {
                self.data.retain(|one| one.as_bytes() != *sid);
                self.subscriptions.retain(|one| one.sid != *sid);
                Ok(())
            }
            [_, _, _] => Ok(()),
            _ => Err(Error::new("UNSUB with wrong arguments")),
        }
    }
}

/// Whether the arguments of PUB begin with this subject.
#[inline]
fn is_to(arguments: &[u8], subject: &str) -> bool {
    let rest = arguments.strip_prefix(subject.as_bytes());
    rest.is_some_and(|rest| rest.first() == Some(&b' '))
}

/// Sends the body of the frame on to a subscription.
fn deliver(link: &mut Link, frame: Frame, subject: &[u8], sid: &[u8]) -> Result<()> {
    let address = Address::of(link.line(frame))?;
    let verb: &[u8] = if address.headers { b"HMSG " } else { b"MSG " };
    let lengths = address.lengths.to_vec();
    link.write_with_body(&[verb, subject, b" ", sid, b" ", &lengths, b"\r\n"], frame);
    Ok(())
}

/// Whether a filter, which may have wildcards, takes this subject.
fn matches(filter: &[u8], subject: &[u8]) -> bool {
    let mut tokens = subject.split(|&byte| byte == b'.');
    for wanted in filter.split(|&byte| byte == b'.') {
        match (wanted, tokens.next()) {
            (b">", Some(_)) => return true,
            (b"*", Some(_)) => {}
            (wanted, token) if Some(wanted) == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        for (filter, subject, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.>", "a.b.c", true),
            ("*.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.*", "a.b.c", false),
            ("a.*", "a", false),
            ("a.>", "a", false),
            ("a", "a.b", false),
        ] {
            let found = matches(filter.as_bytes(), subject.as_bytes());
            assert_eq!(found, expected, "{filter} {subject}");
        }
    }
}
