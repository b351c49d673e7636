//! The connections of the proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time;

use crate::proxy::{Control, Cut, Flow, Shared, TO_CLIENT, TO_SERVER};

const CHUNK: usize = 64 * 1024;
// A slow direction moves its bytes in this many portions a second.
const DRIPS_PER_SECOND: u64 = 20;
const REBIND_EVERY: Duration = Duration::from_millis(20);

type Orders = watch::Receiver<Control>;

/// Accepts connections while the test wants it.
pub(crate) async fn accept(
    listener: std::net::TcpListener,
    mut orders: Orders,
    shared: Arc<Shared>,
) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let Ok(mut listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                // Before it is counted: `cut_now` cuts exactly those that it counts, or more.
                let cuts = orders.borrow().cuts;
                shared.update(|state| {
                    state.connections += 1;
                    state.active += 1;
                });
                tokio::spawn(connection(client, cuts, orders.clone(), Arc::clone(&shared)));
            }
            changed = orders.changed() => {
                if changed.is_err() {
                    return;
                }
                if !orders.borrow_and_update().accepting {
                    drop(listener);
                    listener = listen_again(address, &mut orders, &shared).await;
                }
            }
        }
    }
}

async fn listen_again(address: SocketAddr, orders: &mut Orders, shared: &Shared) -> TcpListener {
    shared.update(|state| state.listening = false);
    // The sender lives as long as this task, so the wait ends with a wanted value only.
    let _ = orders.wait_for(|control| control.accepting).await;
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            shared.update(|state| state.listening = true);
            return listener;
        }
        time::sleep(REBIND_EVERY).await;
    }
}

async fn connection(client: TcpStream, cuts: u64, orders: Orders, shared: Arc<Shared>) {
    let target = orders.borrow().target.clone();
    let mut streams = vec![client];
    let cut = match TcpStream::connect(target).await {
        Ok(server) => {
            streams.push(server);
            forward_until_cut(&mut streams, cuts, orders, &shared).await
        }
        Err(_) => Cut::Rst,
    };
    if cut == Cut::Fin {
        for stream in &mut streams {
            // A peer that has gone already needs no end.
            let _ = stream.shutdown().await;
        }
        shared.update(|state| state.active -= 1);
        // Closing with unread bytes would make an RST of the FIN.
        streams.into_iter().for_each(|stream| drop(tokio::spawn(drain(stream))));
    } else {
        for stream in streams {
            // Dropped at once: with this option that sends the RST.
            let _ = stream.set_zero_linger();
        }
        shared.update(|state| state.active -= 1);
    }
}

/// Moves bytes both ways until both sides have ended, one broke or the test wants a cut.
async fn forward_until_cut(
    streams: &mut [TcpStream],
    cuts: u64,
    orders: Orders,
    shared: &Shared,
) -> Cut {
    let mut cut_orders = orders.clone();
    let [client, server] = streams else {
        return Cut::Rst;
    };
    tokio::select! {
        cut = cut_order(&mut cut_orders, cuts) => cut,
        cut = forward(client, server, orders, shared) => cut,
    }
}

/// Waits for `cut_now`.
async fn cut_order(orders: &mut Orders, cuts: u64) -> Cut {
    match orders.wait_for(|control| control.cuts != cuts).await {
        Ok(control) => control.cut,
        Err(_) => Cut::Fin,
    }
}

async fn forward(
    client: &mut TcpStream,
    server: &mut TcpStream,
    orders: Orders,
    shared: &Shared,
) -> Cut {
    for stream in [&*client, &*server] {
        // What arrives in pieces leaves in pieces.
        let _ = stream.set_nodelay(true);
    }
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let up = Pump { side: TO_SERVER, orders: orders.clone(), shared };
    let down = Pump { side: TO_CLIENT, orders, shared };
    let both = tokio::try_join!(
        up.run(client_read, server_write), //
        down.run(server_read, client_write),
    );
    both.err().unwrap_or(Cut::Fin)
}

async fn drain(mut stream: TcpStream) {
    let mut scrap = [0; 4096];
    while stream.read(&mut scrap).await.is_ok_and(|count| count > 0) {}
}

/// One direction of one connection.
struct Pump<'a> {
    side: usize,
    orders: Orders,
    shared: &'a Shared,
}

impl Pump<'_> {
    /// Moves bytes until the sender ends its side (`Ok`) or the connection is to be cut.
    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Cut> {
        let mut buffer = vec![0; CHUNK];
        loop {
            self.orders.mark_unchanged();
            // Ends the connection when the test has asked for a cut after no further byte.
            self.account(0)?;
            let count = tokio::select! {
                count = from.read(&mut buffer) => count.map_err(|_| Cut::Rst)?,
                _ = self.orders.changed() => continue,
            };
            if count == 0 {
                self.flow_other_than(&[Flow::Stall, Flow::Discard]).await;
                // The other direction may go on; a peer that has gone is its business.
                let _ = to.shutdown().await;
                return Ok(());
            }
            self.deliver(&buffer[..count], &mut to).await?;
        }
    }

    /// Does with the bytes what the test has ordered, and looks at the orders again and again.
    async fn deliver(
        &mut self,
        mut bytes: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let flow = self.flow_other_than(&[Flow::Stall]).await;
            if flow == Flow::Discard {
                return Ok(());
            }
            let (portion, rest) = bytes.split_at(self.portion(flow).min(bytes.len()));
            to.write_all(portion).await.map_err(|_| Cut::Rst)?;
            self.account(portion.len())?;
            if let Flow::Drip(rate) = flow {
                let pause = Duration::from_secs_f64(portion.len() as f64 / rate as f64);
                // A new order ends the pause early.
                let _ = time::timeout(pause, self.orders.changed()).await;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// How many bytes may be written at once.
    fn portion(&self, flow: Flow) -> usize {
        let by_flow = match flow {
            Flow::Drip(rate) => rate / DRIPS_PER_SECOND,
            Flow::Pass | Flow::Stall | Flow::Discard => CHUNK as u64,
        };
        let armed = self.shared.update(|state| state.cut_after[self.side]);
        let left = armed.map_or(u64::MAX, |(left, _)| left);
        by_flow.min(left).clamp(1, CHUNK as u64) as usize
    }

    /// Waits while one of these orders holds; returns the one that holds then.
    async fn flow_other_than(&mut self, held: &[Flow]) -> Flow {
        let side = self.side;
        let order = self.orders.wait_for(|control| !held.contains(&control.flows[side])).await;
        order.map_or(Flow::Pass, |control| control.flows[side])
    }

    /// Counts bytes that have passed; an error when they were the last ones before a cut.
    fn account(&self, count: usize) -> Result<(), Cut> {
        let count = count as u64;
        self.shared.update(|state| {
            state.bytes[self.side] += count;
            let Some((left, cut)) = state.cut_after[self.side] else {
                return Ok(());
            };
            let left = left.saturating_sub(count);
            state.cut_after[self.side] = (left > 0).then_some((left, cut));
            if left == 0 { Err(cut) } else { Ok(()) }
        })
    }
}
