//! The clients that are measured, and how their drivers are started.

use std::path::{Path, PathBuf};

use nats_harness::{Error, Result};

use crate::results::{FLOOR, Mode, Op};

/// One client with its driver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Client {
    /// Its name in the results.
    pub(crate) name: String,
    /// The language of programs that use it.
    pub(crate) language: String,
    /// Whether it is ours.
    pub(crate) ours: bool,
    /// The program and its first arguments.
    pub(crate) command: Vec<String>,
    modes: Vec<Mode>,
}

/// A row of the table: name, language, modes and command, in which `{bin}` stands for the folder of
/// the programs that cargo builds, and `{python}` for the Python with the peers. Without a command
/// it is a peer that users build themselves.
type Known = (&'static str, &'static str, &'static [Mode], &'static str);

const CALLBACK: &[Mode] = &[Mode::Callback];
const ITERATOR: &[Mode] = &[Mode::Iterator];
const CALLBACK_ITERATOR: &[Mode] = &[Mode::Callback, Mode::Iterator];
const ITERATOR_BATCH: &[Mode] = &[Mode::Iterator, Mode::Batch];
const ALL: &[Mode] = &[Mode::Callback, Mode::Iterator, Mode::Batch];

const KNOWN: [Known; 17] = [
    (FLOOR, "none", &[], "{bin}/nats-bench raw"),
    ("nats-ffi-rust", "Rust", ITERATOR_BATCH, "{bin}/nats-bench-rust --runtime multi"),
    ("nats-ffi-rust-1", "Rust", ITERATOR_BATCH, "{bin}/nats-bench-rust --runtime current"),
    ("async-nats", "Rust", ITERATOR, "{bin}/nats-bench-async-nats --runtime multi"),
    ("async-nats-1", "Rust", ITERATOR, "{bin}/nats-bench-async-nats --runtime current"),
    ("nats-ffi-c", "C", ALL, "{bin}/nats-bench-c"),
    ("nats.c", "C", CALLBACK_ITERATOR, "{bin}/nats-bench-libnats"),
    ("nats-ffi-python-asyncio", "Python", ALL, "{python} {drivers}/python/nats_ffi_asyncio.py"),
    ("nats-ffi-python-blocking", "Python", ALL, "{python} {drivers}/python/nats_ffi_blocking.py"),
    ("nats-py", "Python", CALLBACK_ITERATOR, "{python} {drivers}/python/nats_py.py --loop asyncio"),
    (
        "nats-py-uvloop",
        "Python",
        CALLBACK_ITERATOR,
        "{python} {drivers}/python/nats_py.py --loop uvloop",
    ),
    ("nats-ffi-node", "Node", CALLBACK_ITERATOR, "node {drivers}/node/nats_ffi.mjs"),
    ("nats.js", "Node", CALLBACK_ITERATOR, "node {drivers}/node/nats_js.mjs"),
    ("nats-ffi-tcl", "Tcl", CALLBACK, "tclsh {drivers}/tcl/nats_ffi.tcl"),
    ("nats-tcl", "Tcl", CALLBACK, "tclsh {drivers}/tcl/nats_tcl.tcl"),
    ("nats.go", "Go", ALL, ""),
    ("nats.zig", "Zig", ALL, ""),
];

impl Client {
    /// The modes in which it is measured.
    pub(crate) fn modes(&self, op: Op) -> Vec<Option<Mode>> {
        if op.has_modes() && self.name != FLOOR {
            self.modes.iter().copied().map(Some).collect()
        } else {
            vec![None]
        }
    }

    fn known(row: Known, places: &Places) -> Self {
        let (name, language, modes, command) = row;
        let command = command.split_whitespace().map(|word| places.fill(word)).collect();
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            ours: name.starts_with("nats-ffi"),
            command,
            modes: modes.to_vec(),
        }
    }
}

/// Where things are.
pub(crate) struct Places {
    checkout: PathBuf,
    programs: PathBuf,
}

impl Places {
    /// As seen from this program.
    ///
    /// # Errors
    /// The system does not tell where this program is.
    pub(crate) fn find() -> Result<Self> {
        let program = std::env::current_exe()?;
        let programs = program.parent().unwrap_or(&program).to_owned();
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        Ok(Self { checkout, programs })
    }

    fn fill(&self, word: &str) -> String {
        let python = self.checkout.join(".tools/bench-python/bin/python");
        let python = if python.exists() { python } else { "python3".into() };
        word.replace("{bin}", &self.programs.display().to_string())
            .replace("{python}", &python.display().to_string())
            .replace("{drivers}", &self.checkout.join("bench/drivers").display().to_string())
    }
}

/// A peer that a user has built: `NAME=COMMAND`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    name: String,
    command: Vec<String>,
}

impl std::str::FromStr for Peer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("--peer: {text:?} is not NAME=COMMAND"));
        let (name, command) = text.split_once('=').ok_or_else(wrong)?;
        let mut command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let program = command.first_mut().filter(|_| !name.is_empty()).ok_or_else(wrong)?;
        if program.contains('/') {
            *program = std::path::absolute(&*program)?.display().to_string();
        }
        Ok(Self { name: name.to_owned(), command })
    }
}

/// The clients to measure: those of the table and the peers, or those with these names.
///
/// # Errors
/// There is no client with such a name, or no driver for it.
pub(crate) fn choose(places: &Places, peers: &[Peer], names: &[String]) -> Result<Vec<Client>> {
    let mut all: Vec<Client> = KNOWN.iter().map(|row| Client::known(*row, places)).collect();
    for Peer { name, command } in peers {
        let place = all.iter().position(|client| client.name == *name).unwrap_or_else(|| {
            all.push(Client::known(("", "other", ALL, ""), places));
            all.len() - 1
        });
        all[place].name.clone_from(name);
        all[place].command.clone_from(command);
    }
    for name in names {
        match all.iter().find(|client| client.name == *name) {
            None => {
                let there: Vec<&str> = all.iter().map(|client| client.name.as_str()).collect();
                let text = format!("--client: no {name}; there are {}", there.join(", "));
                return Err(Error::new(text));
            }
            Some(client) if client.command.is_empty() => {
                let text = format!("--client: {name} needs --peer {name}=COMMAND");
                return Err(Error::new(text));
            }
            Some(_) => {}
        }
    }
    all.retain(|client| {
        !client.command.is_empty() && (names.is_empty() || names.contains(&client.name))
    });
    Ok(all)
}

/// Any client.
#[cfg(test)]
pub(crate) fn example() -> Client {
    let places = Places { checkout: "/c".into(), programs: "/p".into() };
    Client::known(KNOWN[1], &places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(peers: &[&str], names: &[&str]) -> Result<Vec<Client>> {
        let places = Places { checkout: "/c".into(), programs: "/p".into() };
        let peers: Vec<Peer> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        choose(&places, &peers, &names)
    }

    #[test]
    fn commands_are_where_things_are() {
        let clients = chosen(&[], &["nats-ffi-rust", "nats.js"]).unwrap();
        assert_eq!(clients[0].command, ["/p/nats-bench-rust", "--runtime", "multi"]);
        assert_eq!(clients[1].command, ["node", "/c/bench/drivers/node/nats_js.mjs"]);
        assert!(clients[0].ours && !clients[1].ours);
    }

    #[test]
    fn users_add_and_replace_peers() {
        assert!(!chosen(&[], &[]).unwrap().iter().any(|client| client.name == "nats.go"));
        let clients = chosen(&["nats.go=/g -x", "nats.c=/n", "mine=m"], &[]).unwrap();
        let of = |name: &str| clients.iter().find(|client| client.name == name).unwrap().clone();
        assert_eq!(of("nats.go").command, ["/g", "-x"]);
        assert_eq!(of("nats.go").language, "Go");
        assert_eq!(of("nats.c").command, ["/n"]);
        assert_eq!((of("mine").language.as_str(), of("mine").ours), ("other", false));
        assert!("mine".parse::<Peer>().is_err() && "=m".parse::<Peer>().is_err());
        assert!("mine=".parse::<Peer>().is_err());
    }

    #[test]
    fn names_that_are_not_there_are_refused() {
        let text = chosen(&[], &["nats"]).unwrap_err().to_string();
        assert!(text.starts_with("--client: no nats; there are floor, nats-ffi-rust,"), "{text}");
        let text = chosen(&[], &["nats.zig"]).unwrap_err().to_string();
        assert_eq!(text, "--client: nats.zig needs --peer nats.zig=COMMAND");
    }

    #[test]
    fn only_receiving_has_modes() {
        let clients = chosen(&[], &["floor", "nats.c"]).unwrap();
        assert_eq!(clients[0].modes(Op::Subscribe), [None]);
        assert_eq!(clients[1].modes(Op::Publish), [None]);
        let both = [Some(Mode::Callback), Some(Mode::Iterator)];
        assert_eq!(clients[1].modes(Op::Pubsub), both);
        assert_eq!(clients[1].modes(Op::JsConsume), both);
    }
}
