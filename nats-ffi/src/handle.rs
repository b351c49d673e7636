//! Handles: numbers dressed as pointers, looked up and never dereferenced.
//!
//! A handle holds a slot index, the slot's generation, the kind of object and the fork epoch. One
//! table per fork epoch maps slots to objects. A lookup is one compare-and-swap on the slot's own
//! state word, so threads that use different handles never meet; only making and freeing handles
//! takes a lock. Freeing an object that another thread uses at the moment defers its end until
//! that use ends.
//!
//! Handle: `generation:28 | slot:24 | epoch:6 | kind:5 | 1`. The lowest bit tells handles from real
//! pointers, which are aligned.
//! State word of a slot: `generation:28 | unused:3 | alive:1 | references:32`.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock};

use nats_bridge::batch::Batch;
use nats_bridge::connection::Connection;
use nats_bridge::fork::{self, PerEpoch};
use nats_bridge::publisher::Publisher;
use nats_bridge::subscription::Subscription;
use nats_bridge::sync::lock;
use nats_core::kv::KvCache;
use nats_core::{Code, Error, Result, Secret};

use crate::batch::nats_batch;
use crate::connection::nats_connection;
use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::fetched::{Fetched, nats_fetched};
use crate::headers::{Shared, nats_headers};
use crate::jetstream::{Context, nats_jetstream};
use crate::kv::{Bucket, nats_kv};
use crate::kv_codec::{Output, nats_kv_output};
use crate::kv_watch::nats_kv_cache;
use crate::nkey::{Pair, nats_nkey};
use crate::object::{Objects, nats_object_store};
use crate::object_stream::{Reading, Writing, nats_object_reader, nats_object_writer};
use crate::options::{Settings, nats_options};
use crate::publisher::nats_publisher;
use crate::question::{Asked, nats_question};
use crate::queue::{Events, nats_queue};
use crate::service::{Served, nats_service};
use crate::subscription::nats_subscription;
use crate::text::nats_text;

const _: () = assert!(size_of::<usize>() == 8, "handles need 64-bit pointers");

const GENERATIONS: u64 = 1 << 28;
const FIRST_CHUNK: usize = 64;
const CHUNKS: usize = 18;
const ALIVE: u64 = 1 << 32;
const REFERENCES: u64 = ALIVE - 1;

/// A kind of object that C programs hold handles of.
pub(crate) trait Handle: Send + Sync + Sized + 'static {
    /// The opaque C type.
    type Opaque;
    const KIND: u64;
    const NAME: &'static str;
    fn wrap(self) -> Object;
    fn of(object: &Object) -> Option<&Self>;
}

macro_rules! kinds {
    ($($number:literal $variant:ident $type:ty, $opaque:ty, $name:literal;)*) => {
        /// Everything that a slot may hold.
        pub(crate) enum Object { $($variant($type),)* }

        $(impl Handle for $type {
            type Opaque = $opaque;
            const KIND: u64 = $number;
            const NAME: &'static str = $name;
            fn wrap(self) -> Object {
                Object::$variant(self)
            }
            fn of(object: &Object) -> Option<&Self> {
                match object {
                    Object::$variant(value) => Some(value),
                    _ => None,
                }
            }
        })*

        fn kind_name(kind: u64) -> &'static str {
            match kind { $($number => $name,)* _ => "unknown object" }
        }
    };
}

kinds! {
    1 Error        Error,            nats_error,        "error";
    2 Document     Document,         nats_doc,          "document";
    3 Options      Settings,         nats_options,      "options object";
    4 Connection   Arc<Connection>,  nats_connection,   "connection";
    5 Subscription Subscription,     nats_subscription, "subscription";
    6 Headers      Shared,           nats_headers,      "headers object";
    7 Queue        Events,           nats_queue,        "queue";
    8 NKey         Pair,             nats_nkey,         "key";
    9 Question     Arc<Asked>,       nats_question,     "question";
    10 Text        Secret,           nats_text,         "text";
    11 JetStream   Context,          nats_jetstream,    "JetStream";
    12 Publisher   Arc<Publisher>,   nats_publisher,    "publisher";
    13 Batch       Arc<Batch>,       nats_batch,        "batch";
    14 Fetched     Fetched,          nats_fetched,      "list of messages";
    15 Bucket      Arc<Bucket>,      nats_kv,           "bucket";
    16 Cache       KvCache,          nats_kv_cache,     "cache";
    17 Objects     Arc<Objects>,     nats_object_store, "bucket of objects";
    18 Writer      Writing,          nats_object_writer, "writer of an object";
    19 Reader      Reading,          nats_object_reader, "reader of an object";
    20 Output      Output,           nats_kv_output,    "output of a codec";
    21 Service     Arc<Served>,      nats_service,      "service";
}

/// Use of an object; keeps it from being dropped.
pub(crate) struct Using<T> {
    table: &'static Table,
    index: u32,
    value: NonNull<T>,
    _type: PhantomData<T>,
}

// SAFETY: a `Using` is a counted shared reference, and every `Handle` type is Send and Sync.
unsafe impl<T: Send + Sync> Send for Using<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Using<T> {}

/// A handle that frees its object when dropped, unless it was given away.
pub(crate) struct Owned<T: Handle>(*mut T::Opaque);

// SAFETY: the pointer is a number; what it stands for is Send.
unsafe impl<T: Handle> Send for Owned<T> {}
// SAFETY: as above, and Sync.
unsafe impl<T: Handle> Sync for Owned<T> {}

/// Puts `value` under a new handle.
pub(crate) fn insert<T: Handle>(value: T) -> Result<*mut T::Opaque> {
    let table = table()?;
    let index = table.take_slot()?;
    let slot = table.slot(index).ok_or_else(|| Error::from(Code::Internal))?;
    let generation = slot.state.load(Ordering::Relaxed) >> 36;
    // SAFETY: the slot came off the free list, so no thread reads or writes its object.
    unsafe { *slot.object.get() = Some(value.wrap()) };
    slot.state.store(generation << 36 | ALIVE | 1, Ordering::Release);
    table.live.fetch_add(1, Ordering::Relaxed);
    let epoch = u64::from(fork::epoch());
    let id = generation << 36 | u64::from(index) << 12 | epoch << 6 | T::KIND << 1 | 1;
    Ok(id as usize as *mut T::Opaque)
}

/// Puts an error under a handle; NULL when even that is impossible.
pub(crate) fn insert_error(error: Error) -> *mut nats_error {
    insert(error).unwrap_or(std::ptr::null_mut())
}

/// The object behind `handle`.
///
/// # Errors
/// `InvalidHandle`, and `Forked` for handles that were made before `fork()`.
pub(crate) fn get<T: Handle>(handle: *const T::Opaque) -> Result<Using<T>> {
    let (table, index, generation) = locate::<T>(handle)?;
    table.acquire::<T>(index, generation).ok_or_else(stale::<T>)
}

/// Like [`get`] where NULL stands for "none".
pub(crate) fn get_optional<T: Handle>(handle: *const T::Opaque) -> Result<Option<Using<T>>> {
    if handle.is_null() { Ok(None) } else { get::<T>(handle).map(Some) }
}

/// Frees a handle. NULL is fine.
pub(crate) fn free<T: Handle>(handle: *mut T::Opaque) -> Result<()> {
    free_after::<T>(handle, |_| ())
}

/// Frees a handle after `last` has seen the object, for whatever must not wait until all others
/// who use it are done.
pub(crate) fn free_after<T: Handle>(handle: *mut T::Opaque, last: impl FnOnce(&T)) -> Result<()> {
    if handle.is_null() {
        return Ok(());
    }
    let (table, index, generation) = locate::<T>(handle)?;
    let using = table.acquire::<T>(index, generation).ok_or_else(stale::<T>)?;
    if !table.retire(index, generation) {
        return Err(stale::<T>());
    }
    last(&using);
    Ok(())
}

/// A look at a handle that counts nothing: whether it still stands for its object, unchanged.
pub(crate) struct Pulse {
    id: usize,
    slot: &'static Slot,
    changes: u32,
}

impl Pulse {
    /// The pulse of `handle`, which may be any number.
    pub(crate) fn of<T: Handle>(handle: *const T::Opaque) -> Result<Pulse> {
        let (table, index, _) = locate::<T>(handle)?;
        let slot = table.slot(index).ok_or_else(stale::<T>)?;
        let changes = slot.changes.load(Ordering::Acquire);
        Ok(Pulse { id: handle.addr(), slot, changes })
    }

    /// Whether `handle` is the one it was taken of, in this process, and neither freed nor changed.
    #[inline]
    pub(crate) fn beats_for<O>(&self, handle: *const O) -> bool {
        let id = self.id as u64;
        let state = self.slot.state.load(Ordering::Acquire);
        self.id == handle.addr()
            && id >> 6 & 0x3f == u64::from(fork::epoch())
            && state >> 36 == id >> 36
            && state & ALIVE != 0
            && self.slot.changes.load(Ordering::Acquire) == self.changes
    }
}

impl PartialEq for Pulse {
    /// Whether both were taken of the same handle, with no change between.
    fn eq(&self, other: &Pulse) -> bool {
        (self.id, self.changes) == (other.id, other.changes)
    }
}

impl<T> Using<T> {
    /// The object has changed.
    pub(crate) fn changed(&self) {
        if let Some(slot) = self.table.slot(self.index) {
            slot.changes.fetch_add(1, Ordering::Release);
        }
    }
}

/// How many handles are alive in this process.
pub(crate) fn live() -> usize {
    table().map_or(0, |table| table.live.load(Ordering::Relaxed))
}

impl<T> Deref for Using<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer was taken from the slot's object after the reference was counted,
        // and the object is neither moved nor dropped while references are left.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Using<T> {
    fn drop(&mut self) {
        self.table.release(self.index);
    }
}

impl<T: Handle> Owned<T> {
    pub(crate) fn new(value: T) -> Result<Owned<T>> {
        insert(value).map(Owned)
    }

    pub(crate) fn ptr(&self) -> *mut T::Opaque {
        self.0
    }

    /// Gives the handle away; it is not freed by this value any more.
    pub(crate) fn release(mut self) -> *mut T::Opaque {
        std::mem::replace(&mut self.0, std::ptr::null_mut())
    }
}

impl<T: Handle> Drop for Owned<T> {
    fn drop(&mut self) {
        // The program may have freed the handle first; then there is nothing left to do.
        let _ = free::<T>(self.0);
    }
}

/// Each has room for any object, and there is one for every subscription: large ones are boxed.
struct Slot {
    state: AtomicU64,
    /// How often an object was changed here, for [`Pulse`].
    changes: AtomicU32,
    object: UnsafeCell<Option<Object>>,
}

// SAFETY: `object` is written only while the slot is off the free list and not alive, or after the
// last reference is gone; it is read only while a reference is counted in `state`.
unsafe impl Sync for Slot {}

struct Table {
    /// Chunk `k` holds `FIRST_CHUNK << k` slots, so slots never move.
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    free: Mutex<Free>,
    live: AtomicUsize,
}

#[derive(Default)]
struct Free {
    reusable: Vec<u32>,
    unused: u32,
}

static TABLES: PerEpoch<Table> = PerEpoch::new();

fn table() -> Result<&'static Table> {
    TABLES.get(|| {
        if fork::epoch() == 0 {
            // SAFETY: the child handler only counts up an atomic. A process that cannot register
            // it (out of memory) merely loses the fork check.
            unsafe { libc::pthread_atfork(None, None, Some(entered_child)) };
        }
        Table::new()
    })
}

extern "C" fn entered_child() {
    fork::entered_child();
}

fn locate<T: Handle>(handle: *const T::Opaque) -> Result<(&'static Table, u32, u64)> {
    let id = handle.addr() as u64;
    if id == 0 {
        return Err(Error::new(Code::InvalidHandle, format!("the {} is NULL", T::NAME)));
    }
    let kind = id >> 1 & 0x1f;
    if id & 1 == 0 || kind != T::KIND {
        let found = if id & 1 == 0 { "pointer" } else { kind_name(kind) };
        let text = format!("expected a handle of a {}, found one of another {found}", T::NAME);
        return Err(Error::new(Code::InvalidHandle, text));
    }
    // Before any lock: in a child, the parent's locks may be held for ever.
    let (made, now) = (id >> 6 & 0x3f, u64::from(fork::epoch()));
    if made < now {
        return Err(Code::Forked.into());
    }
    if made > now {
        return Err(stale::<T>());
    }
    Ok((table()?, (id >> 12 & 0xff_ffff) as u32, id >> 36))
}

fn stale<T: Handle>() -> Error {
    let text = format!("the {} was freed already or never existed", T::NAME);
    Error::new(Code::InvalidHandle, text)
}

impl Table {
    const fn new() -> Table {
        Table {
            chunks: [const { OnceLock::new() }; CHUNKS],
            free: Mutex::new(Free { reusable: Vec::new(), unused: 0 }),
            live: AtomicUsize::new(0),
        }
    }

    fn slot(&self, index: u32) -> Option<&Slot> {
        let position = index as usize + FIRST_CHUNK;
        let chunk = (position / FIRST_CHUNK).ilog2() as usize;
        self.chunks.get(chunk)?.get()?.get(position - (FIRST_CHUNK << chunk))
    }

    /// A slot that nobody uses; makes its chunk when it is the first of one.
    fn take_slot(&self) -> Result<u32> {
        let mut free = lock(&self.free);
        if let Some(index) = free.reusable.pop() {
            return Ok(index);
        }
        let index = free.unused;
        let chunk = ((index as usize + FIRST_CHUNK) / FIRST_CHUNK).ilog2() as usize;
        let Some(cell) = self.chunks.get(chunk) else {
            return Err(Error::new(Code::Internal, "16 million handles are alive"));
        };
        cell.get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| Slot::new()).collect());
        free.unused += 1;
        Ok(index)
    }

    fn acquire<T: Handle>(&'static self, index: u32, generation: u64) -> Option<Using<T>> {
        let slot = self.slot(index)?;
        let mut state = slot.state.load(Ordering::Relaxed);
        loop {
            let current = state >> 36 == generation && state & ALIVE != 0;
            if !current || state & REFERENCES == REFERENCES {
                return None;
            }
            let (won, lost) = (Ordering::Acquire, Ordering::Relaxed);
            match slot.state.compare_exchange_weak(state, state + 1, won, lost) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        // SAFETY: a reference is counted, so the object is there and stays there.
        let object = unsafe { (*slot.object.get()).as_ref() };
        match object.and_then(T::of) {
            Some(value) => {
                let value = NonNull::from(value);
                Some(Using { table: self, index, value, _type: PhantomData })
            }
            None => {
                self.release(index);
                None
            }
        }
    }

    /// Ends the handle's own reference; false when another thread did so before.
    fn retire(&self, index: u32, generation: u64) -> bool {
        let Some(slot) = self.slot(index) else {
            return false;
        };
        let retired = slot.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
            (state >> 36 == generation && state & ALIVE != 0).then_some(state & !ALIVE)
        });
        if retired.is_ok() {
            self.live.fetch_sub(1, Ordering::Relaxed);
            self.release(index);
        }
        retired.is_ok()
    }

    fn release(&self, index: u32) {
        let Some(slot) = self.slot(index) else { return };
        let before = slot.state.fetch_sub(1, Ordering::Release);
        if before & (ALIVE | REFERENCES) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: that was the last reference of a retired handle; nobody can acquire it again.
        let object = unsafe { (*slot.object.get()).take() };
        let generation = (before >> 36) + 1;
        if generation < GENERATIONS {
            slot.state.store(generation << 36, Ordering::Release);
            lock(&self.free).reusable.push(index);
        }
        // Last, because the end of an object may use the table again.
        drop(object);
    }
}

impl Slot {
    fn new() -> Slot {
        // Generations begin at 1 so that no handle is a small number.
        let (state, changes) = (AtomicU64::new(1 << 36), AtomicU32::new(0));
        Slot { state, changes, object: UnsafeCell::new(None) }
    }
}

const _: () = assert!(size_of::<Slot>() <= 64);

#[cfg(test)]
#[path = "handle_tests.rs"]
mod tests;
