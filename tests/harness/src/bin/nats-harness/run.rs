//! `nats-harness run`: servers around a command.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use nats_harness::{Error, Guard, Result};
use serde_json::Value;

use crate::Options;
use crate::servers::Servers;

/// Runs the command; the servers stop when this returns.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(Error::new("run: no command"));
    };
    let plain = ["plain".to_owned()];
    let names = if options.configs.is_empty() { &plain[..] } else { &options.configs };
    let mut environment = BTreeMap::new();
    let mut running = Vec::new();
    for name in names {
        let servers = Servers::start(name, options.nodes, &options.extra, None)?;
        add_environment(&mut environment, name, &servers);
        running.push(servers);
    }
    if let Ok(harness) = std::env::current_exe() {
        environment.insert("NATS_HARNESS".into(), harness.to_string_lossy().into_owned());
    }
    let mut child = Command::new(program)
        .args(arguments)
        .envs(&environment)
        .spawn()
        .map_err(|e| Error::because(program, e))?;
    // The command dies with us if we die first.
    let status = Guard::wait(&mut child)?;
    drop(running);
    Ok(exit_code(status))
}

/// The variables of one configuration; those of earlier configurations win.
fn add_environment(environment: &mut BTreeMap<String, String>, name: &str, servers: &Servers) {
    let config = name.to_uppercase().replace('-', "_");
    for (key, value) in servers.facts() {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let key = key.to_uppercase();
        if key == "URL" || key == "URLS" {
            environment.entry(format!("NATS_{config}_{key}")).or_insert_with(|| text.clone());
        }
        environment.entry(format!("NATS_{key}")).or_insert(text);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
