//! The other side of the drivers when they talk to a real nats-server.

use std::io::{Read, Write};
use std::thread;

use nats_harness::{Error, Result};

use crate::frame::{Address, Frame, Kind};
use crate::link::Link;
use crate::service::{ECHO, GO, Go};

/// The command `feed`: answers [`GO`] and [`ECHO`], on a connection each, until standard input
/// ends.
///
/// # Errors
/// The server is not there.
pub fn run(url: &str) -> Result<()> {
    let go = subscribed(url, GO)?;
    let echo = subscribed(url, ECHO)?;
    for (link, answer) in [(go, start as Answer), (echo, reply as Answer)] {
        thread::spawn(move || {
            if let Err(error) = serve(link, answer) {
                eprintln!("{error}");
                std::process::exit(1);
            }
        });
    }
    println!("ready");
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

type Answer = fn(&mut Link, Frame) -> Result<()>;

fn subscribed(url: &str, subject: &str) -> Result<Link> {
    let mut link = Link::connect(url)?;
    link.write(format!("SUB {subject} 1\r\nPING\r\n").as_bytes());
    link.await_frame(Kind::Pong)?;
    link.allow_silence()?;
    Ok(link)
}

fn serve(mut link: Link, answer: Answer) -> Result<()> {
    loop {
        while let Some(frame) = link.next()? {
            if frame.kind == Kind::Message {
                if !link.complete(frame) {
                    break;
                }
                answer(&mut link, frame)?;
            }
            link.housekeep(frame)?;
            link.consume(frame);
        }
        link.exchange_or_end()?;
    }
}

fn start(link: &mut Link, frame: Frame) -> Result<()> {
    let text = String::from_utf8_lossy(&link.body(frame)[..frame.payload]);
    match text.parse::<Go>() {
        Ok(_) if link.blasting() => eprintln!("{GO}: what was asked for before is not all sent"),
        Ok(go) => link.start_blast(go.publishes()),
        Err(error) => eprintln!("{error}"),
    }
    Ok(())
}

fn reply(link: &mut Link, frame: Frame) -> Result<()> {
    let address = Address::of(link.line(frame))?;
    let subject = address.reply.ok_or_else(|| Error::new("a request without a reply subject"))?;
    let verb: &[u8] = if address.headers { b"HPUB " } else { b"PUB " };
    let (subject, lengths) = (subject.to_vec(), address.lengths.to_vec());
    link.write_with_body(&[verb, &subject, b" ", &lengths, b"\r\n"], frame);
    Ok(())
}
