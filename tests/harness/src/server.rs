//! One real nats-server process.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::config::quote;
use crate::find::find_server;
use crate::log::{Log, lock};
use crate::ports::Port;
use crate::process::Process;
use crate::{Config, Error, Result, TlsMode};

const PATIENCE: Duration = Duration::from_secs(20);
const READY: &str = "Server is ready";
const PORT_TAKEN: &str = "address already in use";
const ATTEMPTS: usize = 5;

/// A nats-server process. Dropping it kills the process and removes its directory; when the
/// thread is panicking the directory stays and its path is printed.
///
/// The ports stay the same over all restarts.
pub struct Server {
    config: Mutex<Config>,
    identity: Identity,
    dir: Option<TempDir>,
    log: Arc<Log>,
    process: Mutex<Option<Process>>,
}

/// What stays the same when a server restarts or gets a new configuration.
pub(crate) struct Identity {
    name: String,
    client: Port,
    monitor: Port,
    websocket: Port,
    /// The `cluster` block of the configuration, for members of a cluster.
    cluster: String,
}

impl Identity {
    pub(crate) fn new(name: String, cluster: String) -> Result<Self> {
        let (client, monitor, websocket) = (Port::lease()?, Port::lease()?, Port::lease()?);
        Ok(Self { name, client, monitor, websocket, cluster })
    }
}

impl Server {
    /// Starts a server and waits until it greets clients.
    ///
    /// # Errors
    /// There is no nats-server, or it does not start; the error shows the end of its log.
    pub fn start(config: Config) -> Result<Self> {
        retry_on_taken_port(|| {
            let identity = Identity::new("harness".into(), String::new())?;
            Self::start_as(identity, config.clone())
        })
    }

    pub(crate) fn start_as(identity: Identity, config: Config) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("nats-harness-").tempdir()?;
        let log = Log::new(dir.path().join("server.log"));
        let server = Self {
            config: Mutex::new(config),
            identity,
            dir: Some(dir),
            log,
            process: Mutex::default(),
        };
        server.launch()?;
        Ok(server)
    }

    /// The URL for clients, without credentials: `nats://127.0.0.1:PORT`, or `tls://...` when the
    /// server speaks TLS only.
    pub fn url(&self) -> String {
        let scheme = match self.config().tls_mode() {
            Some(TlsMode::Required | TlsMode::Verify) => "tls",
            Some(TlsMode::Available) | None => "nats",
        };
        format!("{scheme}://{}", self.address())
    }

    /// The URL for clients through WebSocket, `ws://...` or `wss://...`; only a configuration with a
    /// WebSocket port listens there.
    pub fn ws_url(&self) -> String {
        let scheme = if self.config().tls_mode().is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.ws_address())
    }

    /// The address for clients through WebSocket, `host:port`.
    pub fn ws_address(&self) -> String {
        join(self.config().host(), self.identity.websocket.number())
    }

    /// The address for clients, `host:port`.
    pub fn address(&self) -> String {
        join(self.config().host(), self.port())
    }

    /// The port for clients.
    pub fn port(&self) -> u16 {
        self.identity.client.number()
    }

    /// The present configuration.
    pub fn config(&self) -> Config {
        lock(&self.config).clone()
    }

    /// The number of the running process; none after [`kill`](Self::kill) or [`stop`](Self::stop).
    pub fn pid(&self) -> Option<u32> {
        lock(&self.process).as_ref().map(Process::pid)
    }

    /// SIGKILL; returns when the process is gone. Does nothing when none runs.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&self) -> Result<()> {
        let process = lock(&self.process).take();
        process.map_or(Ok(()), |mut process| process.kill().map(drop))
    }

    /// Orderly stop; returns when the process is gone. Does nothing when none runs.
    ///
    /// # Errors
    /// The server did not stop in time and was killed.
    pub fn stop(&self) -> Result<()> {
        let process = lock(&self.process).take();
        process.map_or(Ok(()), |mut process| {
            process.signal(Signal::CONT)?;
            process.signal(Signal::INT)?;
            process.wait(PATIENCE).map(drop)
        })
    }

    /// Starts the server again on the same ports with the same store, after killing (-9) the
    /// process when one runs.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn restart(&self) -> Result<()> {
        self.kill()?;
        self.launch()
    }

    /// Freezes the process (SIGSTOP): its sockets stay open and nothing is read or written once
    /// this returns.
    ///
    /// # Errors
    /// No process runs.
    pub fn pause(&self) -> Result<()> {
        match &*lock(&self.process) {
            Some(process) => process.pause(),
            None => Err(not_running()),
        }
    }

    /// Ends [`pause`](Self::pause) (SIGCONT).
    ///
    /// # Errors
    /// No process runs.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Tells the server to go into lame duck mode; returns when it is in it. The server takes
    /// `lame_duck_duration` (at least 30 s) to close its clients' connections, and then ends.
    ///
    /// # Errors
    /// No process runs or it does not obey.
    pub fn lame_duck(&self) -> Result<()> {
        let mark = self.log.mark();
        self.signal(Signal::USR2)?;
        self.log.wait(mark, &["Entering lame duck mode"], PATIENCE).map(drop)
    }

    /// Gives the running server a new configuration (SIGHUP); returns when it is in force.
    ///
    /// # Errors
    /// No process runs or the server refuses the configuration; the old one stays in force then.
    pub fn reload(&self, config: Config) -> Result<()> {
        self.write_config(&config)?;
        let mark = self.log.mark();
        self.signal(Signal::HUP)?;
        let texts = ["Reloaded server configuration", "Failed to reload server configuration"];
        if self.log.wait(mark, &texts, PATIENCE)? == 1 {
            return Err(Error::new(self.log().split_off(mark)));
        }
        *lock(&self.config) = config;
        Ok(())
    }

    /// Everything that the server has logged, over all restarts.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The file with the log.
    pub fn log_path(&self) -> PathBuf {
        self.log.path().to_owned()
    }

    /// Waits until the log contains a text, now or later.
    ///
    /// # Errors
    /// The time is over or the process ended; the error shows the end of the log.
    pub fn wait_log(&self, text: &str, timeout: Duration) -> Result<()> {
        self.log.wait(0, &[text], timeout).map(drop)
    }

    /// Connects as a client would and returns the server's INFO.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn info(&self) -> Result<Value> {
        let mut line = String::new();
        BufReader::new(dial(&self.address())?).read_line(&mut line)?;
        let json = line.strip_prefix("INFO ").ok_or_else(|| {
            Error::new(format!("{} greets with {line:?} in place of INFO", self.address()))
        })?;
        serde_json::from_str(json).map_err(|e| Error::because("INFO of the server", e))
    }

    /// Asks the server's monitoring port, for instance `/connz?subs=1` or `/varz`.
    ///
    /// # Errors
    /// The server does not answer with a JSON document.
    pub fn monitor(&self, path: &str) -> Result<Value> {
        let mut stream = dial(&self.monitor_address())?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).map_err(|e| Error::because(format!("monitoring {path}"), e))
    }

    /// The URL of the monitoring port.
    pub fn monitor_url(&self) -> String {
        format!("http://{}", self.monitor_address())
    }

    fn monitor_address(&self) -> String {
        join(self.config().host(), self.identity.monitor.number())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        match &*lock(&self.process) {
            Some(process) => process.signal(signal),
            None => Err(not_running()),
        }
    }

    fn launch(&self) -> Result<()> {
        self.write_config(&self.config())?;
        let mut command = Command::new(find_server()?);
        command.arg("-c").arg(self.config_path());
        let mark = self.log.mark();
        let process = Process::spawn(command, &self.log)?;
        *lock(&self.process) = Some(process);
        let ready = self.log.wait(mark, &[READY], PATIENCE).and_then(|_| self.await_greeting());
        if ready.is_err() {
            self.kill()?;
        }
        ready
    }

    /// A server with TLS from the first byte greets nobody in clear: there a connection is enough.
    fn await_greeting(&self) -> Result<()> {
        let tls_first = self.config().text(self.dir_path()).contains("handshake_first");
        if tls_first { dial(&self.address()).map(drop) } else { self.info().map(drop) }
    }

    fn write_config(&self, config: &Config) -> Result<()> {
        let identity = &self.identity;
        let text = format!(
            "server_name: {}\nlisten: {}\nhttp: {}\n{}\n{}{}",
            quote(&identity.name),
            quote(&join(config.host(), identity.client.number())),
            quote(&join(config.host(), identity.monitor.number())),
            identity.cluster,
            config.websocket_text(&join(config.host(), identity.websocket.number())),
            config.text(self.dir_path()),
        );
        Ok(fs::write(self.config_path(), text)?)
    }

    fn config_path(&self) -> PathBuf {
        self.dir_path().join("server.conf")
    }

    fn dir_path(&self) -> &std::path::Path {
        self.log.path().parent().unwrap_or(self.log.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process goes before its directory; the guard stands behind a failed kill.
        let _ = self.kill();
        if thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!("nats-server files are kept in {}", dir.keep().display());
        }
    }
}

/// Runs `start` again when another program took a port between our look and the server's bind.
pub(crate) fn retry_on_taken_port<T>(start: impl Fn() -> Result<T>) -> Result<T> {
    let taken = |result: &Result<T>| {
        result.as_ref().is_err_and(|error| error.to_string().contains(PORT_TAKEN))
    };
    let mut result = start();
    for _ in 1..ATTEMPTS {
        if !taken(&result) {
            break;
        }
        result = start();
    }
    result
}

fn not_running() -> Error {
    Error::new("the server is not running")
}

fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn dial(address: &str) -> Result<TcpStream> {
    let target = address.to_socket_addrs()?.next();
    let target = target.ok_or_else(|| Error::new(format!("no address for {address}")))?;
    let stream = TcpStream::connect_timeout(&target, PATIENCE)
        .map_err(|e| Error::because(format!("cannot connect to {address}"), e))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
