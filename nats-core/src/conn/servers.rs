//! The server pool: which server to try next, and when to give up.

use super::server_addr::{ServerAddr, UrlAuth};
use crate::error::{Code, Error};

/// Gossiped addresses beyond this number are not kept.
const MAX_DISCOVERED: usize = 1024;

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
        for addr in servers {
            if !pool.knows(&addr) {
                let tls_name = addr.host.clone();
                pool.entries.push(entry(addr, tls_name, false));
            }
        }
        if shuffle {
            fastrand::shuffle(&mut pool.entries);
        }
        pool
    }

    /// The server to try next, with the number of the round over all servers (0 is the first since
    /// the connection was lost). None: every server has failed as often as it may.
    pub(crate) fn next(&mut self) -> Option<(Target, u32)> {
        let usable = |entry: &Entry| self.max_failures.is_none_or(|max| entry.failures < max);
        if !self.entries.iter().any(usable) {
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
            if self.max_failures.is_none_or(|max| entry.failures < max) {
                let target = Target { addr: entry.addr.clone(), tls_name: entry.tls_name.clone() };
                return Some((target, self.round));
            }
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

    /// The current server could not be connected to.
    pub(crate) fn failed(&mut self, error: Error) {
        if let Some(entry) = self.entries.get_mut(self.current) {
            entry.failures += 1;
            entry.last_error = Some(error);
        }
    }

    /// Takes the addresses that a server gossips; returns those that are new. Discovered servers
    /// that are gossiped no more are forgotten, except the one in use; configured ones stay for
    /// ever.
    pub(crate) fn gossip(&mut self, urls: &[String], tls: bool) -> Vec<String> {
        let heard: Vec<ServerAddr> = urls
            .iter()
            .take(MAX_DISCOVERED)
            .filter_map(|url| ServerAddr::parse(url).ok())
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
        for mut addr in heard {
            if self.knows(&addr) {
                continue;
            }
            addr.tls = tls;
            addr.auth = None;
            // A gossiped literal address is covered by the certificate of the name that the user
            // gave.
            let tls_name = match &seed_name {
                Some(name) if addr.is_ip() => name.clone(),
                _ => addr.host.clone(),
            };
            new.push(addr.to_string());
            self.entries.push(entry(addr, tls_name, true));
        }
        self.current = current
            .and_then(|addr| self.entries.iter().position(|e| e.addr.same_place(&addr)))
            .unwrap_or(0);
        new
    }

    /// All servers, or only the discovered ones, as URLs without credentials.
    pub(crate) fn urls(&self, discovered_only: bool) -> Vec<String> {
        let wanted = self.entries.iter().filter(|entry| entry.discovered || !discovered_only);
        wanted.map(|entry| entry.addr.to_string()).collect()
    }

    /// Credentials of the first configured URL that has some; they serve discovered servers too.
    pub(crate) fn default_auth(&self) -> Option<UrlAuth> {
        self.entries.iter().find_map(|entry| entry.addr.auth.clone())
    }

    /// One error that lists what went wrong with each server. A refusal of credentials decides the
    /// code, because it is what the user has to act on.
    pub(crate) fn failure(&self) -> Error {
        let mut texts = Vec::new();
        let mut code = Code::NoServers;
        for entry in &self.entries {
            if let Some(error) = &entry.last_error {
                texts.push(format!("{}: {error}", entry.addr));
                if error.code().is_refusal() {
                    code = error.code();
                }
            }
        }
        Error::new(code, format!("no server could be connected to ({})", texts.join("; ")))
    }

    fn knows(&self, addr: &ServerAddr) -> bool {
        self.entries.iter().any(|entry| entry.addr.same_place(addr))
    }
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
    fn gossip_adds_forgets_and_skips_what_is_no_address() {
        let mut pool = pool("seed.example:1", None);
        next(&mut pool);
        let bad = ["", ":", "[::1", "h:99999", "a b:1", "x\r\n:1", "n\0:1"].map(String::from);
        assert!(pool.gossip(&bad, false).is_empty());
        let new = pool.gossip(&["10.0.0.1:4222".into(), "seed.example:1".into()], true);
        assert_eq!(new, ["tls://10.0.0.1:4222"]);
        let (target, _) = pool.next().unwrap();
        assert_eq!(target.tls_name, "seed.example", "the name the user gave, not the gossiped IP");
        pool.gossip(&["10.0.0.2:4222".into()], true);
        assert_eq!(pool.urls(true).len(), 2, "the one in use stays");
        pool.begin(true);
        next(&mut pool);
        pool.gossip(&[], true);
        assert_eq!(pool.urls(false), ["nats://seed.example:1"]);
    }
}
