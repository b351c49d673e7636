//! Runs every example against a real server and looks at what it prints.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use nats_harness::{Config, Server};

fn command(program: &str, server: &Server) -> Command {
    let mut command = Command::new(program);
    command.env("NATS_URL", server.url()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

fn run(program: &str, server: &Server) -> String {
    let Output { status, stdout, .. } = command(program, server).output().unwrap();
    assert!(status.success(), "{program}: {status}");
    String::from_utf8(stdout).unwrap()
}

/// A program that stays, once it has printed its first line. Killed when the test ends.
struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(program: &str, server: &Server, first_line: &str) -> Running {
        let mut child = command(program, server).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), first_line);
        Running { child, output }
    }

    fn finish(mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn quickstart() {
    let server = Server::start(Config::plain()).unwrap();
    let quickstart = Command::new(env!("CARGO_BIN_EXE_quickstart")).arg(server.url()).output();
    assert_eq!(String::from_utf8(quickstart.unwrap().stdout).unwrap(), "greet.joe: hello\n");
}

#[test]
fn publish_and_subscribe() {
    let server = Server::start(Config::plain()).unwrap();
    let subscriber = Running::start(env!("CARGO_BIN_EXE_subscribe"), &server, "subscribed");
    assert_eq!(run(env!("CARGO_BIN_EXE_publish"), &server), "published 3 messages\n");
    let expected = "updates.count: one\nupdates.count: two\nupdates.count: three\n";
    assert_eq!(subscriber.finish(), expected);
}

#[test]
fn request_and_reply() {
    let server = Server::start(Config::plain()).unwrap();
    let replier =
        Running::start(env!("CARGO_BIN_EXE_reply"), &server, "answering on service.upper");
    assert_eq!(run(env!("CARGO_BIN_EXE_request"), &server), "HELLO\n");
    let kill = Command::new("kill").arg(replier.child.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(replier.finish(), "");
}

#[test]
fn queue_group() {
    let server = Server::start(Config::plain()).unwrap();
    let printed = run(env!("CARGO_BIN_EXE_queue_group"), &server);
    assert!(printed.ends_with("together: 100\n"), "{printed}");
}

#[test]
fn jetstream() {
    let server = Server::start(Config::jetstream()).unwrap();
    let stored: String = (1..=10).map(|n| format!("stored {n} as {n}\n")).collect();
    let got: String =
        (1..=10).map(|n| format!("got orders.new: order {n} (sequence {n})\n")).collect();
    let expected = stored + &got + "stream deleted\n";
    assert_eq!(run(env!("CARGO_BIN_EXE_jetstream"), &server), expected);
}

#[test]
fn kv() {
    let server = Server::start(Config::jetstream()).unwrap();
    let expected = "got: color is red (revision 1)\n\
        create: KEY_EXISTS\n\
        watched: color is red (revision 1)\n\
        watched: this was all\n\
        watched: color is green (revision 2)\n\
        keys: color size\n\
        history: color is red (revision 1)\n\
        history: color is green (revision 2)\n\
        history: color is deleted\n\
        bucket deleted\n";
    assert_eq!(run(env!("CARGO_BIN_EXE_kv"), &server), expected);
}

#[test]
fn service() {
    let server = Server::start(Config::plain()).unwrap();
    let expected = "numbers.double of 21: 42\n\
                    numbers.half of 7: error 400: 7 is odd\n\
                    found calculator 1.0.0 at numbers.double and numbers.half\n\
                    requests: 1, errors: 0\n\
                    requests: 1, errors: 1\n";
    assert_eq!(run(env!("CARGO_BIN_EXE_service"), &server), expected);
}

#[test]
fn object() {
    let server = Server::start(Config::jetstream()).unwrap();
    let progress = "131072 of 200000 bytes\n200000 of 200000 bytes\n";
    let digest = "SHA-256=BYAiEOBJYJ3ZudXYUnsC6LIJAwklJ1YiVFW2vF1kvLI=";
    let expected = format!(
        "letter: 16 bytes, {digest}\nDear all, hello!\nhello\n{progress}{progress}by the link: Dear \
         all, hello!\nthere is letter\nthere is link\nbucket deleted\n"
    );
    assert_eq!(run(env!("CARGO_BIN_EXE_object"), &server), expected);
}

#[test]
fn headers() {
    let server = Server::start(Config::plain()).unwrap();
    let expected = "Trace-Id: 4711\nTag: express\nTag: gift\n";
    assert_eq!(run(env!("CARGO_BIN_EXE_headers"), &server), expected);
}
