//! Several real servers that know each other.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ports::Port;
use crate::server::{Identity, retry_on_taken_port};
use crate::{Config, Error, Result, Server};

const PATIENCE: Duration = Duration::from_secs(60);
// Old servers sometimes agree on a leader before all have met, and leave the last one out.
const FORMATION: Duration = Duration::from_secs(20);
const FORMATIONS: usize = 3;
// The servers cannot be made to tell us; this is how often they are asked.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A full mesh of servers.
pub struct Cluster {
    servers: Vec<Server>,
    /// The ports for routes stay leased as long as the cluster lives.
    _routes: Vec<Port>,
}

impl Cluster {
    /// Starts `count` plain servers and waits until all routes are up.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub fn start(count: usize) -> Result<Self> {
        Self::start_with(count, Config::plain())
    }

    /// Starts `count` servers of this configuration and waits until all routes are up, and until
    /// JetStream has a leader when the configuration has JetStream.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub fn start_with(count: usize, config: Config) -> Result<Self> {
        let form = |patience| {
            let cluster = retry_on_taken_port(|| Self::launch(count, &config))?;
            cluster.wait_ready_within(patience)?;
            Ok(cluster)
        };
        (1..FORMATIONS).find_map(|_| form(FORMATION).ok()).map_or_else(|| form(PATIENCE), Ok)
    }

    /// All servers.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The URLs of all servers.
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Server::url).collect()
    }

    /// Waits until every running server is connected with every other running one, clients are
    /// told of all of them, and JetStream (if configured) is ready for requests. For use after
    /// [`Server::restart`], too.
    ///
    /// # Errors
    /// It takes too long.
    pub fn wait_ready(&self) -> Result<()> {
        self.wait_ready_within(PATIENCE)
    }

    fn wait_ready_within(&self, patience: Duration) -> Result<()> {
        let running: Vec<&Server> = self.servers.iter().filter(|s| s.pid().is_some()).collect();
        let deadline = Instant::now() + patience;
        for server in &running {
            while let Err(error) = check(server, running.len()) {
                if Instant::now() > deadline {
                    return Err(error);
                }
                thread::sleep(ASK_EVERY);
            }
        }
        Ok(())
    }

    fn launch(count: usize, config: &Config) -> Result<Self> {
        let ports = (0..count).map(|_| Port::lease()).collect::<Result<Vec<_>>>()?;
        let routes: Vec<String> =
            ports.iter().map(|port| format!("nats://127.0.0.1:{}", port.number())).collect();
        let routes = routes.join(", ");
        let mut servers = Vec::with_capacity(count);
        for (index, port) in ports.iter().enumerate() {
            let block = format!(
                "cluster {{name: harness, listen: \"127.0.0.1:{}\", routes: [{routes}]}}",
                port.number(),
            );
            let identity = Identity::new(format!("harness-{}", index + 1), block)?;
            servers.push(Server::start_as(identity, config.clone())?);
        }
        Ok(Self { servers, _routes: ports })
    }
}

/// One server's view of a cluster of `count` servers.
fn check(server: &Server, count: usize) -> Result<()> {
    let routes = server.monitor("/routez")?;
    let mut peers: Vec<&str> =
        list(&routes, "routes").filter_map(|r| r["remote_id"].as_str()).collect();
    peers.sort_unstable();
    peers.dedup();
    let told = list(&server.info()?, "connect_urls").count();
    if peers.len() + 1 < count || told < count {
        let address = server.address();
        return Err(Error::new(format!("{address}: {} routes, {told} URLs", peers.len())));
    }
    if server.config().has_jetstream() {
        let health = server.monitor("/healthz")?;
        let meta = server.monitor("/jsz")?["meta_cluster"].clone();
        // Streams are placed by the leader alone, on servers that it has heard of.
        let leads = meta["leader"] == server.info()?["server_name"];
        let here = list(&meta, "replicas").filter(|r| r["current"] == true && r["offline"] != true);
        let all_here = !leads || here.count() + 1 >= count;
        let leader = meta["leader"].as_str().is_some_and(|name| !name.is_empty());
        if health["status"] != "ok" || !leader || !all_here {
            return Err(Error::new(format!("{}: JetStream: {health} {meta}", server.address())));
        }
    }
    Ok(())
}

fn list<'a>(document: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    document[key].as_array().into_iter().flatten()
}
