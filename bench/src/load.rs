//! What else uses the machine.

use std::fs;
use std::time::Instant;

use nats_harness::{Error, Result};
use rustix::param::clock_ticks_per_second;

/// What the counters of the kernel may be wrong by.
const BLUR: f64 = 3.0;

/// The processor time of the machine and of processes that belong to a run.
pub(crate) struct Load {
    started: Instant,
    machine: u64,
    own: u64,
}

impl Load {
    /// Begins to watch, with these processes as our own.
    ///
    /// # Errors
    /// `/proc` is not as it should be, or a process is gone.
    pub(crate) fn watch(own: &[u32]) -> Result<Self> {
        Ok(Self { started: Instant::now(), machine: machine()?, own: sum(own)? })
    }

    /// The part of one processor that others have used since, given what a process has used that
    /// was not there at the beginning.
    ///
    /// # Errors
    /// As for [`watch`](Self::watch).
    pub(crate) fn of_others(&self, own: &[u32], new: u64) -> Result<f64> {
        let own = (sum(own)? + new).saturating_sub(self.own);
        let others = machine()?.saturating_sub(self.machine) as f64 - own as f64;
        let passed = self.started.elapsed().as_secs_f64() * clock_ticks_per_second() as f64;
        Ok((others - BLUR).max(0.0) / passed.max(1.0))
    }
}

/// The processor time of a process and the children that it has waited for, in ticks.
///
/// # Errors
/// It is gone.
pub(crate) fn process(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(|error| Error::because(&path, error))?;
    process_ticks(&text).ok_or_else(|| Error::new(format!("{path} is not understood")))
}

fn sum(processes: &[u32]) -> Result<u64> {
    processes.iter().map(|&pid| process(pid)).sum()
}

fn machine() -> Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    machine_ticks(&text).ok_or_else(|| Error::new("/proc/stat is not understood"))
}

/// User, system and their children's; the name before them may hold spaces and brackets.
fn process_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let times: Vec<u64> =
        behind_name.split_whitespace().skip(11).take(4).map_while(|n| n.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

/// Everything but idle and waiting for a disk; time that a hypervisor took away is a disturbance.
fn machine_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line.split_whitespace().map_while(|number| number.parse().ok()).collect();
    let busy = [0, 1, 2, 5, 6, 7].map(|place| times.get(place).copied());
    busy.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read() {
        let stat = "12 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 100 20 3 4 20 0 1 0 5 6";
        assert_eq!(process_ticks(stat), Some(127));
        assert_eq!(process_ticks("12 (a) S 1"), None);
        let stat = "cpu  1 2 3 1000 2000 4 5 6 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(machine_ticks(stat), Some(21));
        assert_eq!(machine_ticks("cpu0 1 2"), None);
    }

    #[test]
    fn this_process_is_not_another() {
        let own = [std::process::id()];
        let load = Load::watch(&own).unwrap();
        assert!(load.of_others(&own, 0).unwrap() >= 0.0);
        // More than everything belongs to us.
        assert!(load.of_others(&own, 1 << 40).unwrap() <= 0.0);
        assert!(Load::watch(&[0]).is_err());
    }
}
