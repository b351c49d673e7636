//! A child process that never outlives the test.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::log::Log;
use crate::{Error, Result};

/// Kills a process when this process ends, however it ends (SIGKILL and crash included).
///
/// A shell waits on a pipe that only we hold open. Drop the guard before the process is reaped,
/// so that its number cannot belong to somebody else by then.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Guards the process with this number.
    ///
    /// # Errors
    /// No shell could be started.
    pub fn new(pid: u32) -> Result<Self> {
        const SCRIPT: &str = r#"trap "" HUP INT TERM; read -r _; kill -9 "$1""#;
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "harness-guard", &pid.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(shell.map_err(|e| Error::because("cannot start sh", e))?))
    }

    /// Waits until a child has ended, and guards it until then.
    ///
    /// # Errors
    /// No shell could be started, or the system refuses.
    pub fn wait(child: &mut Child) -> Result<ExitStatus> {
        let guard = Self::new(child.id())?;
        wait_for(child, WaitIdOptions::EXITED)?;
        drop(guard);
        Ok(child.wait()?)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed before `wait` closes the pipe: the shell never gets to act.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a change of a child's state without reaping it.
fn wait_for(child: &Child, what: WaitIdOptions) -> Result<()> {
    loop {
        match waitid(WaitId::Pid(Pid::from_child(child)), what | WaitIdOptions::NOWAIT) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(Error::because("waiting for a process", error)),
        }
    }
}

/// A running server process with its log.
pub(crate) struct Process {
    child: Child,
    guard: Option<Guard>,
    log: Arc<Log>,
    copier: Option<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts the command; what it writes to standard error goes to the log.
    pub(crate) fn spawn(mut command: Command, log: &Arc<Log>) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child =
            command.spawn().map_err(|e| Error::because(command.get_program().display(), e))?;
        let log = Arc::clone(log);
        let mut process = Self { child, guard: None, log, copier: None, ended: None };
        process.guard = Some(Guard::new(process.pid())?);
        if let Some(stderr) = process.child.stderr.take() {
            process.copier = Some(process.log.follow(stderr)?);
        }
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let sent = kill_process(Pid::from_child(&self.child), signal);
        sent.map_err(|e| Error::because(format!("cannot send {signal:?}"), e))
    }

    /// SIGSTOP; returns when every thread of the process has stopped, or the process has ended.
    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        wait_for(&self.child, WaitIdOptions::STOPPED | WaitIdOptions::EXITED)
    }

    /// Waits for the end of the process and kills it when the time is over.
    ///
    /// # Errors
    /// It had to be killed.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        if self.log.wait_closed(timeout) {
            return self.reap();
        }
        self.kill()?;
        Err(Error::new(format!("nats-server did not stop within {timeout:?} and was killed")))
    }

    /// SIGKILL, then waits for the end.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        if self.ended.is_none() {
            self.child.kill()?;
        }
        self.reap()
    }

    fn reap(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        self.guard = None;
        let status = self.child.wait()?;
        self.ended = Some(status);
        if let Some(copier) = self.copier.take() {
            copier.join().map_err(|_| Error::new("the log thread panicked"))?;
        }
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell; the guard stands behind it.
        let _ = self.kill();
    }
}
