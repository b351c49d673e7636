//! Objects: options, and writers and readers for one caller at a time.

use std::collections::BTreeMap;
use std::path::Path;

use nats_core::object::{
    GetOptions, ObjectInfo, ObjectMeta, ObjectReader, ObjectStore, ObjectUpdate,
    ObjectWatchOptions, ObjectWriter, PutOptions,
};
use nats_core::{Code, Error, Message, MessageRef, Result};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::doc::Doc;
use crate::ops;
use crate::table::{Row, Set, apply};

/// The options of an object that is put.
pub const PUT: &[Row<PutOptions>] = &[
    Row {
        key: "previous",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The revision that the object is to have; 0: there is to be none.",
        set: Set::Integer(0, u64::MAX, |o, v| o.previous = Some(v)),
    },
    Row {
        key: "window_bytes",
        unit: "bytes",
        default: "4194304",
        since: "0.1",
        doc: "How much may be under way to the server.",
        set: Set::Integer(1, 1 << 40, |o, v| o.window_bytes = v as usize),
    },
    Row {
        key: "timeout_ms",
        unit: "ms",
        default: "10000",
        since: "0.1",
        doc: "How long the server may take for the next acknowledgement.",
        set: Set::Millis(1, |o, v| o.timeout = v),
    },
];

/// The options of an object that is read.
pub const GET: &[Row<GetOptions>] = &[
    Row {
        key: "show_deleted",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "One that was deleted is an object without content.",
        set: Set::Bool(|o, v| o.show_deleted = v),
    },
    Row {
        key: "offset",
        unit: "bytes",
        default: "0",
        since: "0.1",
        doc: "Where to begin.",
        set: Set::Integer(0, u64::MAX, |o, v| o.offset = v),
    },
    Row {
        key: "length",
        unit: "bytes",
        default: "all",
        since: "0.1",
        doc: "How much from there on, at most.",
        set: Set::Integer(0, u64::MAX, |o, v| o.length = Some(v)),
    },
    Row {
        key: "nuid",
        unit: "",
        default: "any",
        since: "0.1",
        doc: "The id that the content is to have: what was read before is gone on with.",
        set: Set::Text(|o, v| o.nuid = v),
    },
    Row {
        key: "timeout_ms",
        unit: "ms",
        default: "30000",
        since: "0.1",
        doc: "How long the next chunk may take.",
        set: Set::Millis(1, |o, v| o.timeout = v),
    },
];

/// The options of a watch of objects.
pub const WATCH: &[Row<ObjectWatchOptions>] = &[
    Row {
        key: "include_history",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Begin with all that is known of objects; otherwise with what is known of each now.",
        set: Set::Bool(|o, v| o.include_history = v),
    },
    Row {
        key: "updates_only",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Begin with what comes from now on.",
        set: Set::Bool(|o, v| o.updates_only = v),
    },
    Row {
        key: "ignore_deletes",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Leave out that objects were deleted.",
        set: Set::Bool(|o, v| o.ignore_deletes = v),
    },
    Row {
        key: "heartbeat_ms",
        unit: "ms",
        default: "5000",
        since: "0.1",
        doc: "How often the server says that it is there.",
        set: Set::Millis(1, |o, v| o.heartbeat = Some(v)),
    },
];

/// The options of an object that is put from a JSON object.
///
/// # Errors
/// Those of [`apply`]; so for all three.
pub fn put_options(json: &str) -> Result<PutOptions> {
    let mut options = PutOptions::default();
    apply(PUT, &mut options, json)?;
    Ok(options)
}

/// The options of an object that is read from a JSON object.
pub fn get_options(json: &str) -> Result<GetOptions> {
    let mut options = GetOptions::default();
    apply(GET, &mut options, json)?;
    Ok(options)
}

/// The options of a watch from a JSON object.
pub fn watch_options(json: &str) -> Result<ObjectWatchOptions> {
    let mut options = ObjectWatchOptions::default();
    apply(WATCH, &mut options, json)?;
    Ok(options)
}

/// What is said of an object, in the form of ADR-20.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Said {
    name: Option<String>,
    description: String,
    headers: BTreeMap<String, Vec<String>>,
    metadata: BTreeMap<String, String>,
    options: SaidOptions,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SaidOptions {
    max_chunk_size: u32,
}

/// What a document says of the object `name`; empty text says nothing.
///
/// # Errors
/// [`Code::InvalidJson`] with the path of what is wrong.
pub fn meta(name: &str, json: &str) -> Result<ObjectMeta> {
    let said: Said = match json.trim() {
        "" => Said::default(),
        json => ops::read(Doc::parse(json)?)?,
    };
    Ok(ObjectMeta {
        name: said.name.unwrap_or_else(|| name.to_owned()),
        description: said.description,
        headers: said.headers,
        metadata: said.metadata,
        chunk_size: said.options.max_chunk_size,
    })
}

/// What is known of an object, as a document.
///
/// # Errors
/// [`Code::Internal`]: it cannot be one.
pub fn told(info: &ObjectInfo) -> Result<Doc> {
    ops::write(info)
}

/// What a message of a watch tells; None: it is the mark behind what there was.
///
/// # Errors
/// Those of [`ObjectStore::update_of`].
pub fn update(store: &ObjectStore, message: MessageRef<'_>) -> Result<Option<Doc>> {
    match store.update_of(message)? {
        ObjectUpdate::Info(info) => told(&info).map(Some),
        ObjectUpdate::CaughtUp => Ok(None),
    }
}

/// Puts a file; tells of bytes so far, and of all.
///
/// # Errors
/// Those of [`ObjectStore::put_file`].
pub async fn put_file(
    store: &ObjectStore,
    meta: ObjectMeta,
    path: &str,
    options: &PutOptions,
    progress: impl FnMut(u64, u64),
) -> Result<Doc> {
    told(&store.put_file(meta, Path::new(path), options, progress).await?)
}

/// Reads an object into a file; tells of bytes so far, and of all.
///
/// # Errors
/// Those of [`ObjectStore::get_file`].
pub async fn get_file(
    store: &ObjectStore,
    name: &str,
    path: &str,
    options: &GetOptions,
    progress: impl FnMut(u64, u64),
) -> Result<Doc> {
    told(&store.get_file(name, Path::new(path), options, progress).await?)
}

/// An object as a whole, as a message with it as its payload.
///
/// # Errors
/// Those of [`ObjectStore::get`] and of [`ObjectReader::next_chunk`].
pub async fn get(
    store: &ObjectStore,
    name: &str,
    options: &GetOptions,
) -> Result<(ObjectInfo, Message)> {
    let mut reader = store.get(name, options).await?;
    let bytes = reader.read_all().await?;
    Ok((reader.info().clone(), Message::of_payload(bytes.into())?))
}

/// An object that is being put, in pieces.
pub struct Writer(Mutex<Option<ObjectWriter>>);

impl Writer {
    /// Begins to put an object.
    ///
    /// # Errors
    /// Those of [`ObjectStore::writer`].
    pub async fn open(
        store: &ObjectStore,
        meta: ObjectMeta,
        options: &PutOptions,
    ) -> Result<Writer> {
        Ok(Writer(Mutex::new(Some(store.writer(meta, options).await?))))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// Those of [`ObjectWriter::write`]; [`Code::InvalidArgument`] behind the end.
    pub async fn write(&self, bytes: &[u8]) -> Result<()> {
        self.0.lock().await.as_mut().ok_or_else(over)?.write(bytes).await
    }

    /// Makes the object visible; what is known of it.
    ///
    /// # Errors
    /// Those of [`ObjectWriter::finish`]; [`Code::InvalidArgument`] behind the end.
    pub async fn finish(&self) -> Result<ObjectInfo> {
        let writer = self.0.lock().await.take().ok_or_else(over)?;
        writer.finish().await
    }

    /// Takes it back.
    ///
    /// # Errors
    /// Those of [`ObjectWriter::abort`]; [`Code::InvalidArgument`] behind the end.
    pub async fn abort(&self) -> Result<()> {
        let writer = self.0.lock().await.take().ok_or_else(over)?;
        writer.abort().await
    }
}

/// An object that is being read, in chunks.
pub struct Reader {
    info: ObjectInfo,
    reader: Mutex<ObjectReader>,
}

impl Reader {
    /// Begins to read an object.
    ///
    /// # Errors
    /// Those of [`ObjectStore::get`].
    pub async fn open(store: &ObjectStore, name: &str, options: &GetOptions) -> Result<Reader> {
        let reader = store.get(name, options).await?;
        Ok(Reader { info: reader.info().clone(), reader: Mutex::new(reader) })
    }

    /// What is known of the object.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The next chunk, as the payload of a message; None: that was all, and it was right.
    ///
    /// # Errors
    /// Those of [`ObjectReader::next_chunk`].
    pub async fn next(&self) -> Result<Option<Message>> {
        self.reader.lock().await.next_chunk().await?.map(Message::of_payload).transpose()
    }

    /// The next bytes, at most so many, as the payload of a message; None: that was all, and it was right.
    ///
    /// # Errors
    /// Those of [`ObjectReader::next_chunk`].
    pub async fn read(&self, most: usize) -> Result<Option<Message>> {
        self.reader.lock().await.next_part(most).await?.map(Message::of_payload).transpose()
    }
}

fn over() -> Error {
    Error::new(Code::InvalidArgument, "writer: the object was finished or taken back already")
}
