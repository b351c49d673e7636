//! A proxy that a client asks to connect it: HTTP CONNECT or SOCKS 5.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::background::Background;
use crate::log::lock;
use crate::ports::Port;
use crate::{Error, Result};

/// What a tunnel does with those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Connects them.
    Helpful,
    /// Says no.
    Refusing,
    /// Says nothing.
    Silent,
    /// Says something that is no answer.
    Confused,
}

/// A proxy on a free port of 127.0.0.1.
pub struct Tunnel {
    _background: Background,
    scheme: &'static str,
    port: Port,
    shared: Arc<Shared>,
}

struct Shared {
    socks: bool,
    /// Name and password that one has to know.
    auth: Option<(String, String)>,
    mood: Mutex<Mood>,
    /// Where it was asked to connect to.
    asked: Mutex<Vec<String>>,
}

impl Tunnel {
    /// An HTTP proxy, for those who know name and password if these are given.
    ///
    /// # Errors
    /// No port or thread to be had.
    pub fn http(auth: Option<(&str, &str)>) -> Result<Self> {
        Self::start("http", auth)
    }

    /// A SOCKS 5 proxy, as [`Tunnel::http`].
    ///
    /// # Errors
    /// As there.
    pub fn socks5(auth: Option<(&str, &str)>) -> Result<Self> {
        Self::start("socks5", auth)
    }

    fn start(scheme: &'static str, auth: Option<(&str, &str)>) -> Result<Self> {
        let port = Port::lease()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number()))
            .map_err(|e| Error::because("tunnel", e))?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            socks: scheme == "socks5",
            auth: auth.map(|(user, password)| (user.to_owned(), password.to_owned())),
            mood: Mutex::new(Mood::Helpful),
            asked: Mutex::default(),
        });
        let reports = Arc::clone(&shared);
        let main = move || accept(listener, reports);
        let background = Background::start("harness-tunnel", main)?;
        Ok(Self { _background: background, scheme, port, shared })
    }

    /// Its URL, without name and password.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port.number())
    }

    /// Its URL for this user.
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("{}://{user}:{password}@127.0.0.1:{}", self.scheme, self.port.number())
    }

    /// What happens to those who ask from now on.
    pub fn set_mood(&self, mood: Mood) {
        *lock(&self.shared.mood) = mood;
    }

    /// Where it was asked to connect to, `host:port` each.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared.asked).clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A client that goes away in the middle is the client's business.
            let _ = serve(stream, &shared).await;
        });
    }
}

async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mood = *lock(&shared.mood);
    let target = if shared.socks {
        socks_question(&mut client, shared).await?
    } else {
        http_question(&mut client, shared).await?
    };
    let Some(target) = target else { return Ok(()) };
    lock(&shared.asked).push(target.clone());
    match mood {
        Mood::Helpful => {}
        Mood::Refusing if shared.socks => {
            return client.write_all(&[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]).await;
        }
        Mood::Refusing => return client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await,
        Mood::Silent => return client.read(&mut [0]).await.map(drop),
        Mood::Confused => return client.write_all(b"220 mail.example ESMTP\r\n\r\n").await,
    }
    let mut server = TcpStream::connect(target).await?;
    let yes: &[u8] = if shared.socks {
        &[5, 0, 0, 1, 127, 0, 0, 1, 0, 1]
    } else {
        b"HTTP/1.1 200 Connection established\r\nVia: harness\r\n\r\n"
    };
    client.write_all(yes).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// None: the client was sent away.
async fn http_question(client: &mut TcpStream, shared: &Shared) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let said = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "));
    if shared.auth.as_ref().is_some_and(|(user, password)| {
        said.and_then(unbase64) != Some(format!("{user}:{password}"))
    }) {
        let no = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        client.write_all(no).await?;
        return Ok(None);
    }
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    Ok(target.map(str::to_owned))
}

async fn socks_question(client: &mut TcpStream, shared: &Shared) -> io::Result<Option<String>> {
    let [_, count] = bytes(client).await?;
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods).await?;
    match &shared.auth {
        None => client.write_all(&[5, 0]).await?,
        Some(_) if !methods.contains(&2) => {
            client.write_all(&[5, 0xff]).await?;
            return Ok(None);
        }
        Some((user, password)) => {
            client.write_all(&[5, 2]).await?;
            client.read_u8().await?;
            let said = (text(client).await?, text(client).await?);
            let right = said == (user.clone(), password.clone());
            client.write_all(&[1, u8::from(!right)]).await?;
            if !right {
                return Ok(None);
            }
        }
    }
    let [_, _, _, kind] = bytes(client).await?;
    let host = match kind {
        1 => Ipv4Addr::from(bytes::<4>(client).await?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(bytes::<16>(client).await?)),
        _ => text(client).await?,
    };
    Ok(Some(format!("{host}:{}", client.read_u16().await?)))
}

async fn bytes<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn text(client: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unbase64(text: &str) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()?;
    String::from_utf8(bytes).ok()
}
