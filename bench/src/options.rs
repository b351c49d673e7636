//! The command line of `nats-bench run`.

use std::path::PathBuf;

use nats_harness::{Error, Result};

use crate::case::{named, number};
use crate::clients::Peer;
use crate::results::{Op, Target};

/// What to run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    /// A selection that ends within minutes.
    pub(crate) quick: bool,
    /// Objects of 1 GiB, too.
    pub(crate) large: bool,
    /// These clients only.
    pub(crate) clients: Vec<String>,
    /// These operations only.
    pub(crate) ops: Vec<Op>,
    /// This target only.
    pub(crate) target: Option<Target>,
    /// How often each row is measured.
    pub(crate) rounds: Option<u32>,
    /// Where the files go.
    pub(crate) out: PathBuf,
    /// Drivers that a user has built.
    pub(crate) peers: Vec<Peer>,
    /// An earlier file to compare with.
    pub(crate) compare: Option<PathBuf>,
}

impl Options {
    /// Reads a command line.
    ///
    /// # Errors
    /// Something is unknown, or has no such value; the text names it.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { out: "build/bench".into(), ..Self::default() };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            if word == "--quick" {
                options.quick = true;
                continue;
            }
            if word == "--large" {
                options.large = true;
                continue;
            }
            let value = words.next().copied();
            let value = value.ok_or_else(|| Error::new(format!("{word} has no value")));
            match word {
                "--client" => options.clients.push(value?.to_owned()),
                "--op" => options.ops.push(named(word, value?)?),
                "--target" => options.target = Some(named(word, value?)?),
                "--rounds" => options.rounds = u32::try_from(number(word, value?, 1, 100)?).ok(),
                "--out" => options.out = value?.into(),
                "--peer" => options.peers.push(value?.parse()?),
                "--compare" => options.compare = Some(value?.into()),
                _ => return Err(Error::new(format!("unknown argument {word}"))),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(&line.split_whitespace().collect::<Vec<&str>>())
    }

    #[test]
    fn everything_is_read() {
        let options = parse(
            "--quick --large --client a --client b --op publish --target server --rounds 7 --out o \
             --peer nats.go=/g --compare old.json",
        )
        .unwrap();
        let expected = Options {
            quick: true,
            large: true,
            clients: vec!["a".into(), "b".into()],
            ops: vec![Op::Publish],
            target: Some(Target::Server),
            rounds: Some(7),
            out: "o".into(),
            peers: vec!["nats.go=/g".parse().unwrap()],
            compare: Some("old.json".into()),
        };
        assert_eq!(options, expected);
        assert_eq!(parse("").unwrap().out, PathBuf::from("build/bench"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, text) in [
            ("--fast", "unknown argument --fast"),
            ("--fast 1", "unknown argument --fast"),
            ("--op", "--op has no value"),
            ("--op dance", "--op: unknown variant `dance`"),
            ("--target moon", "--target: unknown variant `moon`"),
            ("--rounds 0", "--rounds: \"0\""),
            ("--peer x", "--peer: \"x\""),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.starts_with(text), "{line}: {error}");
        }
    }
}
