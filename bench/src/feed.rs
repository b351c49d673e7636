//! The other side of the drivers when they talk to a real nats-server.

use std::io::{Read, Write};
use std::thread;

use nats_harness::{Error, Result};

use crate::asker::{ANSWERS, ASK, Asker, verb};
use crate::frame::{Address, Frame, Kind};
use crate::link::Link;
use crate::service::{ECHO, GO, Go};

/// The command `feed`: answers [`GO`], [`ECHO`] and [`ASK`], on a connection each, until standard
/// input ends.
///
/// # Errors
/// The server is not there.
pub fn run(url: &str) -> Result<()> {
    let mut asker = Asker::default();
    let answers: [(&[&str], Answer); 3] = [
        (&[GO], Box::new(start)),
        (&[ECHO], Box::new(reply)),
        (&[ASK, ANSWERS], Box::new(move |link, frame| asker.hear(link, frame))),
    ];
    for (subjects, answer) in answers {
        let link = subscribed(url, subjects)?;
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

type Answer = Box<dyn FnMut(&mut Link, Frame) -> Result<()> + Send>;

fn subscribed(url: &str, subjects: &[&str]) -> Result<Link> {
    let mut link = Link::connect(url)?;
    for (sid, subject) in subjects.iter().enumerate() {
        link.write(format!("SUB {subject} {sid}\r\n").as_bytes());
    }
    link.write(b"PING\r\n");
    link.await_frame(Kind::Pong)?;
    link.allow_silence()?;
    Ok(link)
}

fn serve(mut link: Link, mut answer: Answer) -> Result<()> {
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

/// Sends the message back.
pub(crate) fn reply(link: &mut Link, frame: Frame) -> Result<()> {
    let address = Address::of(link.line(frame))?;
    let subject = address.reply.ok_or_else(|| Error::new("a request without a reply subject"))?;
    let verb = verb(address.headers);
    let (subject, lengths) = (subject.to_vec(), address.lengths.to_vec());
    link.write_with_body(&[verb, &subject, b" ", &lengths, b"\r\n"], frame);
    Ok(())
}
