//! Runs one voice per language and prints who heard whom: conversation NAME=PROGRAM...
//!
//! Each PROGRAM is a `converse` (see examples/c/converse.c). The server's URL is in NATS_URL. Exits
//! with 0 only when every voice had every question answered by every other, itself included.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

const QUESTIONS: u64 = 20;
const TALK: Duration = Duration::from_secs(120);
const LEAVE: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Table = BTreeMap<(String, String), (u64, u64)>;

struct Voice {
    name: String,
    child: Child,
}

fn start(name: &str, program: &str, names: &str) -> Result<Voice, Failure> {
    let mut command = Command::new(program);
    command.args([name, names]).stdout(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    Ok(Voice { name: name.to_owned(), child })
}

/// Reads one row per peer.
async fn listen(mut voice: Voice, peers: usize) -> Result<(Voice, Table), Failure> {
    let mut table = Table::new();
    let output = voice.child.stdout.take().ok_or("the voice has no output")?;
    let mut lines = BufReader::new(output).lines();
    for _ in 0..peers {
        let line = lines.next_line().await?.ok_or_else(|| format!("{} fell silent", voice.name))?;
        let row: Value = serde_json::from_str(&line)?;
        let field = |name: &str| row[name].as_u64().ok_or_else(|| format!("no {name}: {line}"));
        let to = row["to"].as_str().ok_or_else(|| format!("no peer: {line}"))?.to_owned();
        table.insert((voice.name.clone(), to), (field("answered")?, field("p50_us")?));
    }
    Ok((voice, table))
}

/// Prints the table; returns whether it is complete.
fn print(names: &[&str], table: &Table) -> bool {
    print!("{:>12} |", "asks \\ hears");
    names.iter().for_each(|name| print!(" {name:>14} |"));
    println!("\n{}", "-".repeat(14 + 17 * names.len()));
    let mut complete = true;
    for from in names {
        print!("{from:>12} |");
        for to in names {
            let (answered, p50) =
                table.get(&((*from).into(), (*to).into())).copied().unwrap_or((0, 0));
            complete &= answered == QUESTIONS;
            print!(" {:>14} |", format!("{answered}/{QUESTIONS} {p50} us"));
        }
        println!();
    }
    complete
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let voices: Vec<(&str, &str)> =
        arguments.iter().filter_map(|argument| argument.split_once('=')).collect();
    let names: Vec<&str> = voices.iter().map(|(name, _)| *name).collect();
    if names.is_empty() {
        return Err("usage: conversation NAME=PROGRAM...".into());
    }
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let client = nats_core::connect(&url).await?;
    let mut talking = JoinSet::new();
    for (name, program) in &voices {
        talking.spawn(listen(start(name, program, &names.join(","))?, names.len()));
    }
    let (mut running, mut table) = (Vec::new(), Table::new());
    while let Some(heard) = timeout(TALK, talking.join_next()).await.map_err(|_| "too slow")? {
        let (voice, rows) = heard??;
        running.push(voice);
        table.extend(rows);
    }
    client.publish("demo.done", "").await?;
    client.drain().await?;
    for voice in &mut running {
        let status = timeout(LEAVE, voice.child.wait()).await.map_err(|_| "did not leave")??;
        if !status.success() {
            return Err(format!("{} ended with {status}", voice.name).into());
        }
    }
    println!("\nWho heard whom: answers to {QUESTIONS} questions, and the median round trip.\n");
    if !print(&names, &table) {
        return Err("some questions were not answered".into());
    }
    println!("\nEvery language asked and answered every other.");
    Ok(())
}
