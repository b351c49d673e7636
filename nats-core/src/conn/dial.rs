//! Opens the connection to a server: directly, through a proxy, or as the program wants it.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::options::ConnectOptions;
use super::proxy::Proxy;
use super::server_addr::ServerAddr;
use super::transport::{DialTarget, Foreign, Transport};
use crate::error::{Code, Error, Result};

/// Time between two of the kernel's questions to a silent peer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// A connection to a server.
pub(crate) enum Dialled {
    Tcp(TcpStream),
    Other(Box<dyn Transport>),
}

/// Connects to the server at `addr`. Names are resolved anew on each call.
pub(crate) async fn dial(addr: &ServerAddr, options: &ConnectOptions) -> Result<Dialled> {
    if let Some(dialer) = &options.dialer {
        let (url, host, port) = (addr.to_string(), addr.host.clone(), addr.port);
        let stream = dialer(DialTarget { url, host, port }).await?;
        return Ok(Dialled::Other(Box::new(Foreign(stream))));
    }
    let Some(proxy) = &options.proxy else {
        return tcp(&addr.host, addr.port, options).await.map(Dialled::Tcp);
    };
    let proxy = Proxy::parse(proxy)?;
    let stream = tcp(&proxy.host, proxy.port, options).await;
    let mut stream = stream.map_err(|error| error.context("proxy"))?;
    proxy.tunnel(&mut stream, addr).await?;
    Ok(Dialled::Tcp(stream))
}

async fn tcp(host: &str, port: u16, options: &ConnectOptions) -> Result<TcpStream> {
    let resolved = tokio::net::lookup_host((host, port)).await;
    let resolved =
        resolved.map_err(|error| Error::new(Code::Io, format!("resolving the name: {error}")))?;
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    fastrand::shuffle(&mut addresses);
    connect_any(addresses, options).await
}

/// Connects to the first address that answers (ADR-11), of which each has its share of the time.
async fn connect_any(addresses: Vec<SocketAddr>, options: &ConnectOptions) -> Result<TcpStream> {
    let share = options.connect_timeout / u32::try_from(addresses.len()).unwrap_or(1).max(1);
    let mut failures = Vec::new();
    for address in addresses {
        match timeout(share, connect(address, options)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failures.push(format!("{address}: {error}")),
            Err(_) => {
                failures.push(format!("{address}: no connection within {} ms", share.as_millis()));
            }
        }
    }
    if failures.is_empty() {
        failures.push("the name has no address".into());
    }
    Err(Error::new(Code::Io, failures.join(", ")))
}

async fn connect(address: SocketAddr, options: &ConnectOptions) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(local) = options.local_address {
        socket.bind(local)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    if !options.tcp_keepalive.is_zero() {
        let (idle, interval) = (options.tcp_keepalive, KEEPALIVE_INTERVAL);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(interval))?;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(options.write_timeout).filter(|limit| !limit.is_zero()))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_fails() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let up = listener.local_addr().unwrap();
        let refusing = {
            let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            gone.local_addr().unwrap()
        };
        let nowhere: SocketAddr = "[::ffff:0:0]:1".parse().unwrap();
        let options = ConnectOptions::new();
        let stream = connect_any(vec![refusing, nowhere, up], &options).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), up);
        let error = connect_any(vec![refusing, nowhere], &options).await.unwrap_err();
        assert!(error.text().contains(&refusing.to_string()), "{error}");
        assert!(error.text().contains(&nowhere.to_string()), "{error}");
        assert!(connect_any(vec![], &options).await.unwrap_err().text().contains("no address"));
    }
}
