//! A service, as a program would offer it with any of the clients.

use crate::args::Args;
use crate::client::{Client, Message};
use crate::failure::Result;
use crate::meter::{Measured, Meter};
use crate::ops::ask;

const ASK: &str = "bench.ask";
const SERVE: &str = "bench.serve";

/// Answers what the other side asks.
pub(crate) async fn serve<C: Client>(args: &Args) -> Result<Measured> {
    let client = C::connect(args).await?;
    client.serve(SERVE).await?;
    client.flush().await?;
    be_asked(&client, args, args.warm_up()).await?;
    let meter = Meter::start();
    be_asked(&client, args, args.count).await?;
    meter.stop()
}

/// Orders so many requests; the order is answered as the last of them was.
async fn be_asked<C: Client>(client: &C, args: &Args, count: usize) -> Result<()> {
    let text = format!("{count} {} {}", args.size, args.inflight);
    let order = C::Message::new(text.into_bytes(), std::iter::empty())?;
    ask(client, ASK, &order, args.size).await
}
