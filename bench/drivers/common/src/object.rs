//! The operations on objects, as a program would do them with any of the clients.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::args::{Args, warm_up_stream};
use crate::client::{Client, JetStream, Objects};
use crate::failure::{Failure, Result};
use crate::meter::{Measured, Meter};

/// Chunks of the object that warms a client up.
pub const OBJECT_WARM_UP: usize = 64;

/// The object's name.
pub const OBJECT: &str = "bench";

/// The content of an object, as it is read from elsewhere.
#[derive(Debug)]
pub struct Content {
    chunk: Vec<u8>,
    left: usize,
}

impl Content {
    /// So many bytes, in blocks of `chunk`.
    pub fn new(chunk: usize, count: usize) -> Content {
        Content { chunk: vec![b'x'; chunk], left: chunk * count }
    }
}

impl AsyncRead for Content {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let size = buf.remaining().min(self.left).min(self.chunk.len());
        buf.put_slice(&self.chunk[..size]);
        self.left -= size;
        Poll::Ready(Ok(()))
    }
}

/// Puts an object.
pub(crate) async fn put<C: Client>(args: &Args) -> Result<Measured> {
    let [warm_up, objects] = buckets::<C>(args).await?;
    warm_up.put(Content::new(args.size, OBJECT_WARM_UP)).await?;
    let content = Content::new(args.size, args.count);
    let meter = Meter::start();
    objects.put(content).await?;
    meter.stop()
}

/// Gets an object.
pub(crate) async fn get<C: Client>(args: &Args) -> Result<Measured> {
    let [warm_up, objects] = buckets::<C>(args).await?;
    check(warm_up.get().await?, args.size * OBJECT_WARM_UP)?;
    let meter = Meter::start();
    let got = objects.get().await?;
    let measured = meter.stop()?;
    check(got, args.size * args.count)?;
    Ok(measured)
}

/// The bucket of the warm-up, and the one that is measured.
async fn buckets<C: Client>(args: &Args) -> Result<[<C::JetStream as JetStream>::Objects; 2]> {
    let js = C::connect(args).await?.jetstream();
    Ok([js.objects(&warm_up_stream(&args.stream)).await?, js.objects(&args.stream).await?])
}

fn check(found: usize, size: usize) -> Result<()> {
    if found == size {
        return Ok(());
    }
    Err(Failure::Failed(format!("an object of {found} bytes came instead of {size}")))
}
