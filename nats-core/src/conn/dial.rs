//! Opens the TCP connection to a server: all its addresses, in the order of the resolver.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::server_addr::ServerAddr;
use crate::error::{Code, Error, Result};

/// An idle connection whose peer vanished without a word is noticed by the kernel within a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Connects to the first address of `addr` that answers. The name is resolved anew on each call.
pub(crate) async fn dial(addr: &ServerAddr) -> Result<TcpStream> {
    let resolved = tokio::net::lookup_host((addr.host.as_str(), addr.port)).await;
    let addresses =
        resolved.map_err(|error| Error::new(Code::Io, format!("resolving the name: {error}")))?;
    let mut failure = Error::new(Code::Io, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                prepare(&stream)?;
                return Ok(stream);
            }
            Err(error) => failure = Error::new(Code::Io, format!("{address}: {error}")),
        }
    }
    Err(failure)
}

fn prepare(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    Ok(())
}
