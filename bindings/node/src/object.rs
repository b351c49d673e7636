//! Buckets of objects as the scripts hold them.

use std::sync::Arc;

use napi_derive::napi;
use nats_bridge::object::{self as options, Reader, Writer};
use nats_bridge::queue::Queue;
use nats_core::object::{ObjectMeta, ObjectStore};
use nats_core::{Batch, Code, Error, Message};
use serde_json::json;

use crate::argument::{Payload, Text};
use crate::connection::Connection;
use crate::error::{Result, raise};
use crate::jetstream::JetStream;
use crate::queue::{Operation, Value, start};

/// Bytes of an object that crosses as a whole: what a packet can say of a payload.
const LARGEST: usize = 1 << 30;

/// A bucket of objects.
#[napi]
pub struct Objects(ObjectStore);

/// An object that is being put. Its end takes back what was not finished.
#[napi]
pub struct ObjectWriter(Option<Arc<Writer>>);

/// An object that is being read.
#[napi]
pub struct ObjectReader(Option<Arc<Reader>>);

impl Objects {
    pub(crate) fn new(store: ObjectStore) -> Objects {
        Objects(store)
    }
}

impl ObjectWriter {
    pub(crate) fn new(writer: Writer) -> ObjectWriter {
        ObjectWriter(Some(Arc::new(writer)))
    }

    fn get(&self) -> Result<Arc<Writer>> {
        self.0.clone().ok_or_else(|| over("writer: the object was taken back"))
    }
}

impl ObjectReader {
    pub(crate) fn new(reader: Reader) -> ObjectReader {
        ObjectReader(Some(Arc::new(reader)))
    }

    fn get(&self) -> Result<Arc<Reader>> {
        self.0.clone().ok_or_else(|| over("reader: the object is not read any more"))
    }
}

#[napi]
impl ObjectWriter {
    /// Takes it back unless it is finished, in the background.
    #[napi(catch_unwind)]
    pub fn leave(&mut self) {
        self.0 = None;
    }
}

#[napi]
impl ObjectReader {
    /// What is known of the object, as JSON.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it was left.
    #[napi(catch_unwind)]
    pub fn info(&self) -> Result<String> {
        Ok(options::told(self.get()?.info()).map_err(raise)?.to_json())
    }

    /// Reads no more.
    #[napi(catch_unwind)]
    pub fn leave(&mut self) {
        self.0 = None;
    }
}

#[napi]
impl Connection {
    /// Finds a bucket; completes with [`Objects`].
    ///
    /// # Errors
    /// All come with the completion.
    #[napi(catch_unwind)]
    pub fn objects(&self, token: f64, js: &JetStream, name: Text) -> Result<Operation> {
        self.cross();
        let (js, name) = (js.core().clone(), name.as_str()?.to_owned());
        start(&self.queue, token, async move {
            js.object_store(&name).await.map(|store| Value::Objects(Box::new(store)))
        })
    }

    /// Puts an object as a whole; completes with what is known of it, as JSON.
    ///
    /// # Errors
    /// INVALID_OPTION, INVALID_JSON; all others come with the completion. So for all that follow.
    #[napi(catch_unwind)]
    pub fn object_put(
        &self,
        token: f64,
        objects: &Objects,
        name: Text,
        meta: String,
        data: Payload,
        options: String,
    ) -> Result<Operation> {
        let (meta, options) = (said(&name, &meta)?, options::put_options(&options).map_err(raise)?);
        self.cross();
        let (store, bytes) = (objects.0.clone(), data.bytes().to_vec());
        start(&self.queue, token, async move {
            let info = store.put_bytes_with(meta, bytes, &options).await?;
            Ok(Value::Text(options::told(&info)?.to_json()))
        })
    }

    /// Puts a file, and reports under `token` how far that is; completes as
    /// [`Connection::object_put`].
    ///
    /// # Errors
    /// As there.
    #[napi(catch_unwind)]
    pub fn object_put_file(
        &self,
        token: f64,
        objects: &Objects,
        name: Text,
        meta: String,
        path: String,
        options: String,
    ) -> Result<Operation> {
        let (meta, options) = (said(&name, &meta)?, options::put_options(&options).map_err(raise)?);
        self.cross();
        let (store, tell) = (objects.0.clone(), progress(&self.queue, token));
        start(&self.queue, token, async move {
            let told = options::put_file(&store, meta, &path, &options, tell).await?;
            Ok(Value::Text(told.to_json()))
        })
    }

    /// Gets an object into a file, otherwise as [`Connection::object_put_file`].
    ///
    /// # Errors
    /// As there.
    #[napi(catch_unwind)]
    pub fn object_get_file(
        &self,
        token: f64,
        objects: &Objects,
        name: Text,
        path: String,
        options: String,
    ) -> Result<Operation> {
        let options = options::get_options(&options).map_err(raise)?;
        self.cross();
        let (store, name) = (objects.0.clone(), name.as_str()?.to_owned());
        let tell = progress(&self.queue, token);
        start(&self.queue, token, async move {
            let told = options::get_file(&store, &name, &path, &options, tell).await?;
            Ok(Value::Text(told.to_json()))
        })
    }

    /// Gets an object of at most 1 GiB as a whole; completes with a message that has it as its payload.
    ///
    /// # Errors
    /// As [`Connection::object_put`].
    #[napi(catch_unwind)]
    pub fn object_get(
        &self,
        token: f64,
        objects: &Objects,
        name: Text,
        options: String,
    ) -> Result<Operation> {
        let options = options::get_options(&options).map_err(raise)?;
        self.cross();
        let (store, name) = (objects.0.clone(), name.as_str()?.to_owned());
        start(&self.queue, token, async move {
            let (_, object) = options::get(&store, &name, &options).await?;
            if object.payload().len() > LARGEST {
                let text = "name: expected an object of at most 1 GiB; larger ones come in chunks";
                return Err(Error::new(Code::InvalidArgument, text));
            }
            Ok(Value::Message(object))
        })
    }

    /// Begins to put an object; completes with an [`ObjectWriter`].
    ///
    /// # Errors
    /// As [`Connection::object_put`].
    #[napi(catch_unwind)]
    pub fn object_writer(
        &self,
        token: f64,
        objects: &Objects,
        name: Text,
        meta: String,
        options: String,
    ) -> Result<Operation> {
        let (meta, options) = (said(&name, &meta)?, options::put_options(&options).map_err(raise)?);
        self.cross();
        let store = objects.0.clone();
        start(&self.queue, token, async move {
            Writer::open(&store, meta, &options).await.map(Value::Writer)
        })
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// INVALID_ARGUMENT behind the end; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn object_write(
        &self,
        token: f64,
        writer: &ObjectWriter,
        data: Payload,
    ) -> Result<Operation> {
        let (writer, bytes) = (writer.get()?, data.bytes().to_vec());
        start(
            &self.queue,
            token,
            async move { writer.write(&bytes).await.map(|()| Value::Nothing) },
        )
    }

    /// Makes the object visible; completes with what is known of it, as JSON.
    ///
    /// # Errors
    /// As [`Connection::object_write`].
    #[napi(catch_unwind)]
    pub fn object_finish(&self, token: f64, writer: &ObjectWriter) -> Result<Operation> {
        let writer = writer.get()?;
        start(&self.queue, token, async move {
            Ok(Value::Text(options::told(&writer.finish().await?)?.to_json()))
        })
    }

    /// Begins to read an object; completes with an [`ObjectReader`].
    ///
    /// # Errors
    /// As [`Connection::object_put`].
    #[napi(catch_unwind)]
    pub fn object_reader(
        &self,
        token: f64,
        objects: &Objects,
        name: Text,
        options: String,
    ) -> Result<Operation> {
        let options = options::get_options(&options).map_err(raise)?;
        self.cross();
        let (store, name) = (objects.0.clone(), name.as_str()?.to_owned());
        start(&self.queue, token, async move {
            Reader::open(&store, &name, &options).await.map(Value::Reader)
        })
    }

    /// The next chunk; completes with a message that has it as its payload, or with nothing: that was
    /// all, and it was right.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it was left; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn object_next(&self, token: f64, reader: &ObjectReader) -> Result<Operation> {
        let reader = reader.get()?;
        start(&self.queue, token, async move {
            Ok(reader.next().await?.map_or(Value::Nothing, Value::Message))
        })
    }

    /// Watches objects; completes with a [`Subscription`](crate::subscription::Subscription) whose
    /// payloads are what [`told`] makes of them.
    ///
    /// # Errors
    /// As [`Connection::object_put`].
    #[napi(catch_unwind)]
    pub fn object_watch(
        &self,
        token: f64,
        objects: &Objects,
        options: String,
    ) -> Result<Operation> {
        let options = options::watch_options(&options).map_err(raise)?;
        self.cross();
        let store = objects.0.clone();
        start(&self.queue, token, async move {
            let core = store.subscribe(&options).await?;
            Ok(Value::ObjectWatch(Box::new((core, store))))
        })
    }
}

/// What the messages of a watch tell, as JSON: what is known of an object; nothing for the mark
/// behind what there was; an array of the text of what is wrong with a message.
pub(crate) fn told(store: &ObjectStore, batch: &Batch) -> nats_core::Result<Vec<Batch>> {
    let text = |index| match options::update(store, batch.get(index)) {
        Ok(told) => told.map(|info| info.to_json()).unwrap_or_default(),
        Err(error) => json!([error.text()]).to_string(),
    };
    let message = |index| Message::of_payload(text(index).into()).map(Batch::from);
    (0..batch.len()).map(message).collect()
}

/// What a document says of the object with a name.
fn said(name: &Text, meta: &str) -> Result<ObjectMeta> {
    options::meta(name.as_str()?, meta).map_err(raise)
}

/// Reports how far an operation is: bytes so far, and all.
fn progress(queue: &Queue<Value>, token: f64) -> impl FnMut(u64, u64) + Send + 'static {
    let queue = queue.downgrade();
    move |so_far, total| {
        if let Some(queue) = queue.upgrade() {
            queue.ticket(token as u64).complete(Ok(Value::Progress(so_far, total)));
        }
    }
}

fn over(text: &'static str) -> napi::Error<crate::error::Number> {
    raise(Error::new(Code::InvalidArgument, text))
}
