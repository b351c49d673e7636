//! What a run happened on, and when.

use std::fs;
use std::process::Command;

use nats_harness::{Error, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::results::Machine;

/// This machine.
///
/// # Errors
/// `/proc` is not there.
pub(crate) fn describe() -> Result<Machine> {
    let memory_kib = field("/proc/meminfo", "MemTotal")?;
    let memory_kib = memory_kib.split_whitespace().next().and_then(|number| number.parse().ok());
    Ok(Machine {
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|_| std::env::consts::ARCH.into()),
        cores: std::thread::available_parallelism()?.get(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        memory_mib: memory_kib.unwrap_or(0_u64) / 1024,
    })
}

/// The time in UTC.
///
/// # Errors
/// There is no `date`.
pub(crate) fn date() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output();
    let output = output.map_err(|error| Error::because("date", error))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Lets this process and what it starts have as many open files as the system allows.
///
/// # Errors
/// The system refuses.
pub(crate) fn allow_many_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .map_err(|error| Error::because("the limit of open files", error))
}

fn field(path: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(path).map_err(|error| Error::because(path, error))?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(field, _)| field.trim() == name);
    let (_, value) = found.ok_or_else(|| Error::new(format!("{path} has no {name}")))?;
    Ok(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let machine = describe().unwrap();
        assert!(machine.cores > 0 && machine.memory_mib > 0);
        assert!(!machine.cpu.is_empty() && machine.kernel.starts_with(|c: char| c.is_numeric()));
        let date = date().unwrap();
        assert!(date.len() == 20 && date.starts_with("20") && date.ends_with('Z'), "{date}");
    }
}
