//! The server pool: which server to try next, and when to give up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::server_addr::{Scheme, ServerAddr, UrlAuth};
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;

/// Gossiped addresses beyond this number are not kept.
const MAX_DISCOVERED: usize = 1024;

/// A server that a connection knows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolServer {
    /// Its URL, without credentials.
    pub url: String,
    /// It was learnt from the cluster, not given by the user.
    pub discovered: bool,
    /// Attempts to connect to it that have failed since one succeeded.
    pub failures: u64,
    /// Why the last one failed.
    pub last_error: Option<Error>,
}

/// The server to try next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Its URL, one of those in the pool.
    pub url: String,
    /// How long to wait first; zero is at once. A server that the last attempt has failed at is given
    /// `reconnect_delay_min` at least.
    pub delay: Duration,
}

/// Asked for each attempt to reconnect for the server to try (ADR-40), with the servers that may
/// still be tried and the last server's INFO. None, and a URL that is not in the pool, stand for the
/// usual order and wait. It is polled on the connection's own task, so it must wait asynchronously,
/// and it must end: nothing is dialled before.
pub type PickServer = Arc<
    dyn Fn(Vec<PoolServer>, Arc<ServerInfo>) -> Pin<Box<dyn Future<Output = Option<Pick>> + Send>>
        + Send
        + Sync,
>;

/// One server of the pool.
#[derive(Clone, Debug)]
struct Entry {
    addr: ServerAddr,
    /// The name that its certificate is checked against.
    tls_name: String,
    discovered: bool,
    failures: u64,
    last_error: Option<Error>,
}

/// What the driver needs to know to dial.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) addr: ServerAddr,
    pub(crate) tls_name: String,
}

/// The configured and discovered servers, tried in turn.
#[derive(Debug)]
pub(crate) struct Pool {
    entries: Vec<Entry>,
    /// The entry in use or tried last.
    current: usize,
    /// Entries tried since the round began.
    tried: usize,
    round: u32,
    max_failures: Option<u64>,
}

impl Pool {
    /// A pool of the servers that the user named; duplicates are dropped.
    pub(crate) fn new(servers: Vec<ServerAddr>, max_failures: Option<u64>, shuffle: bool) -> Pool {
        let mut pool = Pool { entries: Vec::new(), current: 0, tried: 0, round: 0, max_failures };
        pool.replace(servers, shuffle);
        pool
    }

    /// Forgets all servers, discovered ones too, for these.
    pub(crate) fn replace(&mut self, servers: Vec<ServerAddr>, shuffle: bool) {
        self.entries.clear();
        for addr in servers {
            if !self.knows(&addr) {
                let tls_name = addr.host.clone();
                self.entries.push(entry(addr, tls_name, false));
            }
        }
        if shuffle {
            fastrand::shuffle(&mut self.entries);
        }
        self.begin(true);
    }

    /// The server to try next, with the number of the round over all servers (0 is the first since
    /// the connection was lost). None: every server has failed as often as it may.
    pub(crate) fn next(&mut self) -> Option<(Target, u32)> {
        if !self.entries.iter().any(|entry| self.is_usable(entry)) {
            return None;
        }
        loop {
            if self.tried >= self.entries.len() {
                self.tried = 0;
                self.round = self.round.saturating_add(1);
            }
            self.tried += 1;
            self.current = (self.current + 1) % self.entries.len();
            let entry = &self.entries[self.current];
            if self.is_usable(entry) {
                return Some((entry.target(), self.round));
            }
        }
    }

    /// The server that somebody has picked, and whether the last attempt there has failed. None:
    /// there is no such server.
    pub(crate) fn pick(&mut self, url: &str) -> Option<(Target, bool)> {
        let addr = ServerAddr::parse(url).ok()?;
        self.current = self.place(&addr).filter(|at| self.is_usable(&self.entries[*at]))?;
        let entry = &self.entries[self.current];
        Some((entry.target(), entry.failures > 0))
    }

    /// The other servers, those first that are next.
    pub(crate) fn others(&self) -> Vec<Target> {
        let (before, behind) = self.entries.split_at(self.current.min(self.entries.len()));
        behind.iter().skip(1).chain(before).map(Entry::target).collect()
    }

    /// The connection is with this server now.
    pub(crate) fn moved(&mut self, addr: &ServerAddr) {
        if let Some(at) = self.place(addr) {
            self.current = at;
            self.connected();
        }
    }

    /// Begins a new outage: the first server of the list is tried first when nothing was connected
    /// yet, else the one after the lost one.
    pub(crate) fn begin(&mut self, first: bool) {
        self.tried = 0;
        self.round = 0;
        if first {
            self.current = self.entries.len().saturating_sub(1);
        }
    }

    /// The current server was connected to.
    pub(crate) fn connected(&mut self) {
        if let Some(entry) = self.entries.get_mut(self.current) {
            entry.failures = 0;
            entry.last_error = None;
        }
    }

    /// The current server could not be connected to. Returns whether it has refused the credentials
    /// as it has before.
    pub(crate) fn failed(&mut self, error: Error) -> bool {
        let Some(entry) = self.entries.get_mut(self.current) else { return false };
        entry.failures += 1;
        let before = entry.last_error.replace(error.clone());
        error.code().is_refusal() && before.is_some_and(|before| before.code() == error.code())
    }

    /// Takes the addresses that a server gossips; returns those that are new. Discovered servers
    /// that are gossiped no more are forgotten, except the one in use; configured ones stay for
    /// ever.
    pub(crate) fn gossip(&mut self, urls: &[String], scheme: Scheme) -> Vec<String> {
        let heard: Vec<ServerAddr> = urls
            .iter()
            .take(MAX_DISCOVERED)
            .filter_map(|url| ServerAddr::parse(url).ok())
            .map(|addr| ServerAddr { scheme, auth: None, ..addr })
            .collect();
        let current = self.entries.get(self.current).map(|entry| entry.addr.clone());
        self.entries.retain(|entry| {
            !entry.discovered
                || current.as_ref().is_some_and(|addr| addr.same_place(&entry.addr))
                || heard.iter().any(|addr| addr.same_place(&entry.addr))
        });
        let seed = self.entries.iter().find(|e| !e.discovered && !e.addr.is_ip());
        let seed_name = seed.map(|entry| entry.addr.host.clone());
        let mut new = Vec::new();
        for addr in heard {
            if self.knows(&addr) {
                continue;
            }
            // A gossiped literal address is covered by the certificate of the name that the user
            // gave.
            let tls_name = match &seed_name {
                Some(name) if addr.is_ip() => name.clone(),
                _ => addr.host.clone(),
            };
            new.push(addr.to_string());
            self.entries.push(entry(addr, tls_name, true));
        }
        self.current = current.and_then(|addr| self.place(&addr)).unwrap_or(0);
        new
    }

    /// All servers.
    pub(crate) fn list(&self) -> Vec<PoolServer> {
        self.entries.iter().map(Entry::shown).collect()
    }

    /// Those that may still be tried.
    pub(crate) fn usable(&self) -> Vec<PoolServer> {
        let usable = self.entries.iter().filter(|entry| self.is_usable(entry));
        usable.map(Entry::shown).collect()
    }

    /// Credentials of the first configured URL that has some; they serve discovered servers too.
    pub(crate) fn default_auth(&self) -> Option<UrlAuth> {
        self.entries.iter().find_map(|entry| entry.addr.auth.clone())
    }

    /// One error that lists what went wrong with each server. A server that was there and refused
    /// decides the code, because that is what the user has to act on.
    pub(crate) fn failure(&self) -> Error {
        let mut texts = Vec::new();
        let mut code = Code::NoServers;
        for entry in &self.entries {
            if let Some(error) = &entry.last_error {
                texts.push(format!("{}: {error}", entry.addr));
                if error.code().is_refusal() || error.code() == Code::MaxConnections {
                    code = error.code();
                }
            }
        }
        Error::new(code, format!("no server could be connected to ({})", texts.join("; ")))
    }

    fn is_usable(&self, entry: &Entry) -> bool {
        self.max_failures.is_none_or(|max| entry.failures < max)
    }

    fn knows(&self, addr: &ServerAddr) -> bool {
        self.place(addr).is_some()
    }

    fn place(&self, addr: &ServerAddr) -> Option<usize> {
        self.entries.iter().position(|entry| entry.addr.same_place(addr))
    }
}

impl Entry {
    fn target(&self) -> Target {
        Target { addr: self.addr.clone(), tls_name: self.tls_name.clone() }
    }

    fn shown(&self) -> PoolServer {
        PoolServer {
            url: self.addr.to_string(),
            discovered: self.discovered,
            failures: self.failures,
            last_error: self.last_error.clone(),
        }
    }
}

/// Parses URLs, each of which may be several with commas between them.
pub(crate) fn parse_servers<T: AsRef<str>>(
    urls: impl IntoIterator<Item = T>,
) -> Result<Vec<ServerAddr>> {
    let mut servers = Vec::new();
    for url in urls {
        servers.extend(ServerAddr::parse_list(url.as_ref())?);
    }
    if servers.is_empty() {
        return Err(Error::new(Code::InvalidUrl, "no server URL was given"));
    }
    Ok(servers)
}

fn entry(addr: ServerAddr, tls_name: String, discovered: bool) -> Entry {
    Entry { addr, tls_name, discovered, failures: 0, last_error: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(urls: &str, max_failures: Option<u64>) -> Pool {
        let mut pool = Pool::new(ServerAddr::parse_list(urls).unwrap(), max_failures, false);
        pool.begin(true);
        pool
    }

    fn next(pool: &mut Pool) -> (String, u32) {
        let (target, round) = pool.next().unwrap();
        (target.addr.host, round)
    }

    #[test]
    fn rounds_go_over_all_servers_beginning_behind_the_lost_one() {
        let mut pool = pool("a,b,c,A:4222", None);
        let hosts: Vec<_> = (0..4).map(|_| next(&mut pool)).collect();
        let expected = [("a", 0), ("b", 0), ("c", 0), ("a", 1)].map(|(h, r)| (h.to_owned(), r));
        assert_eq!(hosts, expected);
        pool.connected();
        pool.begin(false);
        assert_eq!(next(&mut pool), ("b".into(), 0));
    }

    #[test]
    fn servers_that_failed_too_often_are_left_out_until_none_is_left() {
        let mut pool = pool("a,b", Some(2));
        for _ in 0..4 {
            next(&mut pool);
            pool.failed(Code::Io.into());
        }
        assert!(pool.next().is_none());
        assert!(pool.failure().text().contains("nats://b:4222"));
    }

    #[test]
    fn a_server_can_be_picked_moved_to_and_the_pool_replaced() {
        let mut pool = pool("a,b,c", Some(1));
        next(&mut pool);
        pool.failed(Code::Io.into());
        assert!(pool.pick("nats://a:4222").is_none(), "it has failed as often as it may");
        assert!(pool.pick("nats://d:4222").is_none() && pool.pick("http://b").is_none());
        let (target, has_failed) = pool.pick("nats://b:4222").unwrap();
        assert_eq!((target.addr.host.as_str(), has_failed), ("b", false));
        let hosts =
            |pool: &Pool| pool.others().into_iter().map(|t| t.addr.host).collect::<Vec<_>>();
        assert_eq!(hosts(&pool), ["c", "a"]);
        pool.moved(&ServerAddr::parse("c").unwrap());
        assert_eq!(hosts(&pool), ["a", "b"]);
        assert_eq!(pool.usable().len(), 2);
        pool.replace(ServerAddr::parse_list("x,y,X").unwrap(), false);
        assert_eq!((pool.list().len(), next(&mut pool)), (2, ("x".into(), 0)));
    }

    #[test]
    fn a_second_refusal_for_the_same_reason_is_told() {
        let mut pool = pool("a", None);
        let mut failed = |code: Code| {
            next(&mut pool);
            pool.failed(code.into())
        };
        assert!(!failed(Code::Authorization) && failed(Code::Authorization));
        assert!(!failed(Code::Io) && !failed(Code::Io));
        assert!(!failed(Code::Authorization) && !failed(Code::AuthExpired));
    }

    #[test]
    fn gossip_adds_forgets_and_skips_what_is_no_address() {
        let mut pool = pool("seed.example:1", None);
        next(&mut pool);
        let bad = ["", ":", "[::1", "h:99999", "a b:1", "x\r\n:1", "n\0:1"].map(String::from);
        assert!(pool.gossip(&bad, Scheme::Nats).is_empty());
        let new = pool.gossip(&["10.0.0.1:4222".into(), "seed.example:1".into()], Scheme::Tls);
        assert_eq!(new, ["tls://10.0.0.1:4222"]);
        let (target, _) = pool.next().unwrap();
        assert_eq!(target.tls_name, "seed.example", "the name the user gave, not the gossiped IP");
        pool.gossip(&["10.0.0.2:4222".into()], Scheme::Tls);
        assert_eq!(pool.list().len(), 3, "the one in use stays");
        pool.begin(true);
        next(&mut pool);
        pool.gossip(&[], Scheme::Tls);
        let urls: Vec<_> = pool.list().into_iter().map(|server| server.url).collect();
        assert_eq!(urls, ["nats://seed.example:1"]);
    }
}
