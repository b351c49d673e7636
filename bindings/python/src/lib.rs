//! The native module `nats_ffi._native`: the bridge as Python objects.
//!
//! No thread of the library ever calls into the interpreter. Results wait in a [`queue::Queue`]
//! until Python takes them, a whole batch at a time, so the end of the interpreter needs no
//! agreement with them. Modules stand in layer order.

mod error;
mod exit;
mod given;
mod arguments;
mod headers;
mod nkey;
mod jwt;
mod done;
mod texts;
mod collector;
mod message;
mod ack;
mod jetstream;
mod kv;
mod object;
mod log;
mod queue;
mod batch;
mod callback;
mod subscription;
mod stream_batch;
mod publisher;
mod service;
mod connection;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<headers::Headers>()?;
    module.add_class::<nkey::KeyPair>()?;
    module.add_class::<done::Done>()?;
    module.add_class::<message::MsgBase>()?;
    module.add_class::<message::Msg>()?;
    module.add_class::<message::BlockingMsg>()?;
    module.add_class::<queue::Queue>()?;
    module.add_class::<queue::Operation>()?;
    module.add_class::<queue::Question>()?;
    module.add_class::<subscription::Subscription>()?;
    module.add_class::<connection::Connection>()?;
    module.add_class::<jetstream::JetStream>()?;
    module.add_class::<stream_batch::StreamBatch>()?;
    module.add_class::<publisher::Publisher>()?;
    module.add_class::<service::Service>()?;
    module.add_class::<service::Endpoint>()?;
    module.add_class::<kv::Bucket>()?;
    module.add_class::<kv::Entry>()?;
    module.add_class::<kv::Cache>()?;
    module.add_class::<object::Objects>()?;
    module.add_class::<object::Progress>()?;
    module.add_class::<object::ObjectWriter>()?;
    module.add_class::<object::ObjectReader>()?;
    module.add_class::<jetstream::PubAck>()?;
    module.add_class::<jetstream::Metadata>()?;
    module.add_function(wrap_pyfunction!(jwt::encode_user, module)?)?;
    module.add_function(wrap_pyfunction!(jwt::encode_account, module)?)?;
    module.add_function(wrap_pyfunction!(jwt::decode_jwt, module)?)?;
    module.add_function(wrap_pyfunction!(jwt::format_creds, module)?)?;
    module.add_function(wrap_pyfunction!(jwt::parse_creds, module)?)?;
    module.add_function(wrap_pyfunction!(connection::connect, module)?)?;
    module.add_function(wrap_pyfunction!(jetstream::ack_all, module)?)?;
    module.add_function(wrap_pyfunction!(log::set_log, module)?)?;
    module.add_function(wrap_pyfunction!(exit::entered_child, module)?)?;
    module.add_function(wrap_pyfunction!(exit::shutdown, module)?)
}
