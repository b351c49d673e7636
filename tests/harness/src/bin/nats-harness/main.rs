//! `nats-harness`: the test harness for shell scripts and tests in other languages.

mod control;
mod control_fake;
mod control_proxy;
mod control_server;
mod control_tunnel;
mod json;
mod run;
mod servers;

use std::env;
use std::process::ExitCode;

use nats_harness::{Error, Result};

const USAGE: &str = "\
Usage: nats-harness run [OPTIONS] -- COMMAND [ARGUMENT...]
       nats-harness control [OPTIONS]

run      Starts servers, runs COMMAND with their addresses in its environment, stops the servers
         and exits with the status of COMMAND.
control  Starts and controls servers, fake servers, proxies and tunnels as told by JSON lines on standard
         input, with one JSON line of answer each. Everything stops when standard input ends.

Options:
  --config NAME   plain (default), auth, token, users, tls, tls-verify, tls-available, jetstream,
                  ws, wss, or cluster, or cluster-NAME for a cluster of such servers; may be repeated
  --nodes N       servers in a cluster (default 3)
  --extra LINES   further lines of server configuration

Environment of COMMAND: NATS_URL (first server), NATS_URLS (all of the first configuration),
NATS_<CONFIG>_URL and NATS_<CONFIG>_URLS for every configuration, NATS_SERVER_PID, NATS_MONITOR_URL,
NATS_HARNESS (this program), and where they apply NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_TLS_CA,
NATS_TLS_FOREIGN_CA, NATS_TLS_CERT, NATS_TLS_KEY.";

/// What the command line asks for.
struct Options {
    configs: Vec<String>,
    nodes: usize,
    extra: String,
    command: Vec<String>,
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let done = Options::parse(arguments).and_then(|options| match verb.as_str() {
        "run" => run::run(&options),
        "control" => control::run(&options),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(Error::new(format!("what to do?\n{USAGE}"))),
    });
    done.unwrap_or_else(|error| {
        eprintln!("nats-harness: {error}");
        // As shells do it for a command that could not be run.
        ExitCode::from(127)
    })
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options =
            Self { configs: Vec::new(), nodes: 3, extra: String::new(), command: Vec::new() };
        while let Some(name) = arguments.next() {
            if name == "--" {
                options.command = arguments.collect();
                break;
            }
            let mut value = || arguments.next().ok_or_else(|| Error::new(format!("{name} what?")));
            match name.as_str() {
                "--config" => options.configs.push(value()?),
                "--nodes" => {
                    options.nodes = value()?.parse().map_err(|e| Error::because("--nodes", e))?;
                }
                "--extra" => options.extra = value()?,
                _ => return Err(Error::new(format!("unknown option {name}\n{USAGE}"))),
            }
        }
        Ok(options)
    }
}
