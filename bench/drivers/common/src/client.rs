//! How a client does what is measured.

use std::future::Future;

use crate::args::{Args, Mode};
use crate::failure::Result;
use crate::object::Content;

/// A connection of the client under test. Clones share it.
pub trait Client: Clone + Send + Sync + 'static {
    /// A message to publish, with payload and headers, as the client wants it.
    type Message: Message;
    /// A subscription.
    type Subscription: Subscription;
    /// The JetStream of the connection.
    type JetStream: JetStream<Message = Self::Message>;
    /// How it can receive.
    const MODES: &'static [Mode];

    /// The name in the report.
    fn name(args: &Args) -> &'static str;

    /// The version of the client.
    fn version() -> String;

    /// Connects; ready when the handshake is done.
    fn connect(args: &Args) -> impl Future<Output = Result<Self>> + Send;

    /// Publishes a message.
    fn publish(
        &self,
        subject: &'static str,
        message: &Self::Message,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Waits until everything that was published is out.
    fn flush(&self) -> impl Future<Output = Result<()>> + Send;

    /// Subscribes.
    fn subscribe(
        &self,
        subject: &'static str,
    ) -> impl Future<Output = Result<Self::Subscription>> + Send;

    /// Sends a request; returns the size of the answer's payload.
    fn request(
        &self,
        subject: &'static str,
        message: &Self::Message,
    ) -> impl Future<Output = Result<usize>> + Send;

    /// Answers requests with what they bring, as a service with one endpoint, as long as the client
    /// lives.
    fn serve(&self, subject: &'static str) -> impl Future<Output = Result<()>> + Send;

    /// The JetStream of the connection.
    fn jetstream(&self) -> Self::JetStream;
}

/// The JetStream of a connection of the client under test. A stream's name is its subject.
pub trait JetStream: Send + Sync + 'static {
    /// As the client's.
    type Message: Message;
    /// A consumer that messages are pulled from.
    type Consumer: Consumer;
    /// A bucket of keys.
    type Bucket: Bucket<Message = Self::Message>;
    /// A bucket of objects.
    type Objects: Objects;

    /// Publishes a message and waits until the stream has stored it.
    fn publish(
        &self,
        stream: &str,
        message: &Self::Message,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Publishes a message `count` times, with at most `window` acknowledgements under way, and
    /// looks at each of these.
    fn publish_all(
        &self,
        stream: &str,
        message: &Self::Message,
        count: usize,
        window: usize,
    ) -> impl Future<Output = Result<()>> + Send;

    /// A consumer that is there.
    fn consumer(
        &self,
        stream: &str,
        name: &str,
    ) -> impl Future<Output = Result<Self::Consumer>> + Send;

    /// A bucket that is there.
    fn bucket(&self, name: &str) -> impl Future<Output = Result<Self::Bucket>> + Send;

    /// A bucket of objects that is there.
    fn objects(&self, name: &str) -> impl Future<Output = Result<Self::Objects>> + Send;
}

/// A bucket of objects of the client under test, and in it the object [`OBJECT`](crate::OBJECT).
pub trait Objects: Send + Sync + 'static {
    /// Puts it.
    fn put(&self, content: Content) -> impl Future<Output = Result<()>> + Send;

    /// Gets it piece by piece; returns its size.
    fn get(&self) -> impl Future<Output = Result<usize>> + Send;
}

/// A bucket of keys of the client under test.
pub trait Bucket: Send + Sync + 'static {
    /// As the client's.
    type Message: Message;

    /// Gives a key the payload of a message as its value, and waits until that is stored.
    fn put(&self, key: &str, message: &Self::Message) -> impl Future<Output = Result<()>> + Send;

    /// Gets the value of a key; returns its size.
    fn get(&self, key: &str) -> impl Future<Output = Result<usize>> + Send;

    /// Watches all keys until all that there was has come; returns how many entries came.
    fn watch(&self, batch: &mut impl Batch) -> impl Future<Output = Result<usize>> + Send;
}

/// A consumer of a stream.
pub trait Consumer: Send + 'static {
    /// Its messages without end.
    type Messages: Subscription;

    /// Asks once for `max` messages, and acknowledges them if that is wanted; returns how many came.
    fn fetch(
        &mut self,
        max: usize,
        acknowledge: bool,
        batch: &mut impl Batch,
    ) -> impl Future<Output = Result<usize>> + Send;

    /// Takes its messages without end.
    fn consume(&mut self, mode: Mode) -> impl Future<Output = Result<Self::Messages>> + Send;
}

/// A message to publish any number of times.
pub trait Message: Send + Sync + Sized + 'static {
    /// Makes one.
    ///
    /// # Errors
    /// What the client says of its headers.
    fn new(payload: Vec<u8>, headers: impl Iterator<Item = (String, &'static str)>)
    -> Result<Self>;
}

/// Receives the messages of a batch.
pub trait Batch: Send {
    /// The next message of the batch has a payload of this size.
    fn message(&mut self, size: usize);
}

impl<F: FnMut(usize) + Send> Batch for F {
    #[inline]
    fn message(&mut self, size: usize) {
        self(size);
    }
}

/// A subscription of the client under test.
pub trait Subscription: Send + 'static {
    /// Awaits one message; returns the size of its payload, or None when no more will come.
    fn next(&mut self) -> impl Future<Output = Option<usize>> + Send;

    /// Awaits messages and hands over all that are there; returns how many, or None when no more
    /// will come. A client without batches gives one.
    fn batch(&mut self, batch: &mut impl Batch) -> impl Future<Output = Option<usize>> + Send {
        async {
            let size = self.next().await?;
            batch.message(size);
            Some(1)
        }
    }
}
