//! One connection of the fake server: plays the steps.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::fake::{DEFAULT_INFO, Shared, Step};

// Long enough for a reader on the same machine to see two pieces as two reads, nearly always.
const PIECE_GAP: Duration = Duration::from_millis(2);

/// What the test wants beside the script.
pub(crate) enum Command {
    Send(Vec<u8>),
    Close,
    Reset,
}

/// How a connection ends.
enum End {
    /// The client closed it, or it broke.
    Client,
    Close,
    Reset,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Client
    }
}

type Flow<T = ()> = Result<T, End>;

/// Accepts connections for ever.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        let (sender, commands) = mpsc::unbounded_channel();
        let index = shared.add(sender);
        let connection = Connection {
            stream,
            unread: Vec::new(),
            last: String::new(),
            latest: HashMap::new(),
            commands,
            index,
            shared: Arc::clone(&shared),
        };
        tokio::spawn(connection.run());
    }
}

struct Connection {
    stream: TcpStream,
    /// Received and not yet taken by a step.
    unread: Vec<u8>,
    /// The line that `Expect` or `ReadLine` took.
    last: String,
    /// The latest line of every operation.
    latest: HashMap<String, String>,
    commands: mpsc::UnboundedReceiver<Command>,
    index: usize,
    shared: Arc<Shared>,
}

impl Connection {
    async fn run(mut self) {
        // Pieces of a script must not be joined on their way.
        let _ = self.stream.set_nodelay(true);
        if let Err(end) = self.play().await {
            self.finish(end).await;
        }
        let (shared, index) = (Arc::clone(&self.shared), self.index);
        drop(self);
        shared.ended(index);
    }

    async fn play(&mut self) -> Flow {
        let shared = Arc::clone(&self.shared);
        let script = shared.scripts.get(self.index).or(shared.scripts.last());
        for step in script.into_iter().flatten() {
            self.step(step).await?;
        }
        self.serve().await
    }

    async fn finish(&mut self, end: End) {
        match end {
            End::Client => {}
            End::Reset => {
                // The connection ends anyway; without the option it ends with FIN.
                let _ = self.stream.set_zero_linger();
            }
            End::Close => {
                let _ = self.stream.shutdown().await;
                // Closing with unread bytes would make an RST of the FIN.
                while self.fill().await.is_ok() {}
            }
        }
    }

    async fn step(&mut self, step: &Step) -> Flow {
        match step {
            Step::Send(bytes) => self.write(bytes).await,
            Step::Reply(template) => {
                let text = self.fill_in(template);
                self.write(text.as_bytes()).await
            }
            Step::Expect(prefix) => self.expect(prefix).await,
            Step::ReadLine => self.expect("").await,
            Step::Handshake => self.handshake(DEFAULT_INFO).await,
            Step::HandshakeWith(info) => self.handshake(info).await,
            Step::Chunked(bytes, sizes) => self.chunked(bytes, sizes).await,
            Step::Drip(bytes, delay) => self.pieces(bytes.chunks(1), *delay).await,
            Step::Delay(time) => self.listen_until(tokio::time::sleep(*time)).await,
            Step::Gate => {
                let shared = Arc::clone(&self.shared);
                let opened = async {
                    if let Ok(permit) = shared.gates.acquire().await {
                        permit.forget();
                    }
                };
                self.listen_until(opened).await
            }
            Step::Serve => self.serve().await,
            Step::Silence => self.listen_until(pending()).await,
            Step::Stall => loop {
                let command = self.commands.recv().await;
                self.obey(command).await?;
            },
            Step::Close => Err(End::Close),
            Step::Reset => Err(End::Reset),
        }
    }

    async fn handshake(&mut self, info: &str) -> Flow {
        self.write(format!("INFO {info}\r\n").as_bytes()).await?;
        self.expect("CONNECT ").await?;
        self.expect("PING").await?;
        self.write(b"PONG\r\n").await
    }

    async fn serve(&mut self) -> Flow {
        loop {
            self.expect("PING").await?;
            self.write(b"PONG\r\n").await?;
        }
    }

    async fn expect(&mut self, prefix: &str) -> Flow {
        loop {
            let line = self.read_operation().await?;
            if line.starts_with(prefix) {
                self.last = line;
                return Ok(());
            }
        }
    }

    async fn chunked(&mut self, bytes: &[u8], sizes: &[usize]) -> Flow {
        let mut rest = bytes;
        let mut pieces = Vec::new();
        let last = sizes.last().copied().unwrap_or(bytes.len());
        let mut sizes = sizes.iter().copied().chain(std::iter::repeat(last));
        while let (false, Some(size)) = (rest.is_empty(), sizes.next()) {
            let (piece, tail) = rest.split_at(size.clamp(1, rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        self.pieces(pieces.into_iter(), PIECE_GAP).await
    }

    async fn pieces<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>, gap: Duration) -> Flow {
        for (index, piece) in pieces.enumerate() {
            if index > 0 {
                self.listen_until(tokio::time::sleep(gap)).await?;
            }
            self.write(piece).await?;
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Flow {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Takes one operation from the stream, its payload with it; returns its line.
    async fn read_operation(&mut self) -> Flow<String> {
        let line_len = self.find_line().await?;
        let line: Vec<u8> = self.unread.drain(..line_len).collect();
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let mut words = line.split_ascii_whitespace();
        let operation = words.next().unwrap_or_default().to_ascii_uppercase();
        if operation == "PUB" || operation == "HPUB" {
            let size: usize = words.next_back().and_then(|word| word.parse().ok()).unwrap_or(0);
            let size = size.saturating_add(2);
            while self.unread.len() < size {
                self.fill().await?;
            }
            self.unread.drain(..size);
        }
        self.latest.insert(operation, line.clone());
        Ok(line)
    }

    async fn find_line(&mut self) -> Flow<usize> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                return Ok(end + 1);
            }
            self.fill().await?;
        }
    }

    /// Reads once, and obeys commands that come before there is something to read.
    async fn fill(&mut self) -> Flow {
        let mut bytes = [0; 16 * 1024];
        loop {
            tokio::select! {
                count = self.stream.read(&mut bytes) => {
                    let bytes = &bytes[..count?];
                    if bytes.is_empty() {
                        return Err(End::Client);
                    }
                    self.shared.record(self.index, bytes);
                    self.unread.extend_from_slice(bytes);
                    return Ok(());
                }
                command = self.commands.recv() => self.obey(command).await?,
            }
        }
    }

    async fn listen_until(&mut self, done: impl Future<Output = ()>) -> Flow {
        let mut done = pin!(done);
        loop {
            tokio::select! {
                () = &mut done => return Ok(()),
                filled = self.fill() => filled?,
            }
        }
    }

    async fn obey(&mut self, command: Option<Command>) -> Flow {
        match command {
            Some(Command::Send(bytes)) => self.write(&bytes).await,
            // No sender is left when the fake server goes away.
            Some(Command::Close) | None => Err(End::Close),
            Some(Command::Reset) => Err(End::Reset),
        }
    }

    fn fill_in(&self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, tail)) = rest.split_once('{') {
            text.push_str(before);
            let word = tail.split_once('}').and_then(|(key, after)| {
                let word = self.word(key)?;
                rest = after;
                Some(word)
            });
            match word {
                Some(word) => text.push_str(word),
                None => {
                    text.push('{');
                    rest = tail;
                }
            }
        }
        text + rest
    }

    /// The word that a place in a template names; none for braces that are just braces.
    fn word(&self, key: &str) -> Option<&str> {
        let (line, index) = match key.split_once('.') {
            Some((operation, index)) => (self.latest.get(operation)?, index),
            None => (&self.last, key),
        };
        let index: isize = index.parse().ok()?;
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let index = if index < 0 { index + words.len() as isize } else { index };
        Some(words.get(usize::try_from(index).ok()?).copied().unwrap_or_default())
    }
}
