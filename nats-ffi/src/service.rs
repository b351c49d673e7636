//! Services: added, with endpoints, told of and stopped.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::service::Service;
use nats_bridge::subscription::Subscription;
use nats_bridge::{discover, wait};
use nats_core::Code;

use crate::connection::nats_connection;
use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::queue::{Value, nats_queue, start};
use crate::subscription::{Opened, hand_out, nats_msg_cb, nats_subscription};
use crate::types::{
    NATS_OK, nats_destroy_cb, nats_status, nats_str, null, timeout, timeout_option,
};
use crate::user::User;

/// A service: requests answered under a name, with statistics, found by whoever asks (ADR-32). Any
/// thread. Free it with nats_service_free(), which ends it.
///
/// Its endpoints are subscriptions, by which requests come as messages. A request is counted once:
/// when it is answered first, by nats_msg_respond(), nats_msg_respond_msg(),
/// nats_msg_respond_error() or nats_msg_respond_failed(), of which the latter two count an error;
/// otherwise when the last reference to it is freed, as given up, or as an error when an answer
/// could not be sent. Its time runs from the moment at which the program gets it. So a handler may
/// keep a request and answer it later, on any thread. A stop waits until every request is counted.
pub struct nats_service(());

/// A service, and the connection that callbacks are told.
pub(crate) struct Served {
    service: Service,
    nc: usize,
}

/// Told that a service has ended: 0 when it was asked to; otherwise why, with a text that is only
/// lent. Runs on a delivery thread; the rules are those of `nats_msg_cb`.
pub type nats_stopped_cb =
    Option<unsafe extern "C" fn(reason: nats_status, text: nats_str, user: *mut c_void)>;

/// Adds a service: an instance with an id of its own, which answers to those who look for services
/// as long as it is not stopped or freed, across reconnects. It has no endpoints yet.
///
/// `config_json`: a JSON object with the keys of "Service" in docs/options.md; "name" and "version"
/// are needed.
///
/// Errors: `INVALID_NAME`, `INVALID_ARGUMENT` for the version, `INVALID_QUEUE_GROUP`,
/// `INVALID_OPTION`, `INVALID_JSON`; `CONNECTION_DRAINING`, `CONNECTION_CLOSED`; `IO` when the
/// system has no randomness. A refusal by the server comes later, as the end of the service
/// (nats_service_stopped()).
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_new(
    nc: *mut nats_connection,
    config_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_service>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let connection = Arc::clone(&*handle::get::<Arc<Connection>>(nc)?);
        let config = config_json.text("config", Code::InvalidOption)?;
        let service = Service::add(&connection, config)?;
        handle::insert(Arc::new(Served { service, nc: nc.expose_provenance() }))
    })
}

/// Adds an endpoint. Several may have the same name, and the same subject. Endpoints whose subjects
/// begin alike have the same "group", and there is no object for a group.
///
/// `config_json`: a JSON object with the keys of "Endpoint" in docs/options.md; "name" is needed.
/// `cb`: called with each request, one at a time and in order, or NULL for an endpoint that is read
/// with nats_subscription_next(), nats_subscription_take() and nats_subscription_watch(). `user`,
/// `destroy` and `out`: as nats_subscribe_with(). The endpoint ends when the subscription does, by
/// nats_subscription_unsubscribe(), nats_subscription_drain() or nats_subscription_free(), and is
/// none of the service's any more, which goes on.
///
/// Errors: `INVALID_NAME`, `INVALID_SUBJECT`, `INVALID_QUEUE_GROUP`, `INVALID_OPTION`,
/// `INVALID_JSON`; `SUBSCRIPTION_CLOSED` when the service has stopped; `CONNECTION_DRAINING`,
/// `CONNECTION_CLOSED`; `IO` when no delivery thread can be started. A refusal by the server comes
/// later, as the end of the service.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_add_endpoint(
    service: *mut nats_service,
    config_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let served = Arc::clone(&*handle::get::<Arc<Served>>(service)?);
        let config = config_json.text("config", Code::InvalidOption)?;
        let open = || served.service.endpoint(config).map(Opened::from);
        let connection = Arc::clone(served.service.connection());
        hand_out(connection, served.nc, open, (cb, user), out)
    })
}

/// Where those ask for statistics whom the program answers, of a service with "own_stats": each
/// with what nats_service_stats() tells, to whose endpoints it has added "data" of its own (for
/// example by nats_doc_set_json() at "endpoints.0.data"). The subscription is the same at each
/// call.
///
/// `cb`, `user`, `destroy`, `out`: as nats_subscribe_with().
///
/// Errors: `INVALID_ARGUMENT` without "own_stats"; `IO` when no delivery thread can be started.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_stats_requests(
    service: *mut nats_service,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let served = Arc::clone(&*handle::get::<Arc<Served>>(service)?);
        let open = || served.service.stats_requests().map(Opened::from);
        let connection = Arc::clone(served.service.connection());
        hand_out(connection, served.nc, open, (cb, user), out)
    })
}

/// What a service is: the document with which it answers INFO, as {"type":
/// "io.nats.micro.v1.info_response", "name": text, "id": text, "version": text, "metadata": {},
/// "description": text, "endpoints": [{"name": text, "subject": text, "queue_group": text,
/// "metadata": {}}]}. Free `*out` with nats_doc_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_info(
    service: *mut nats_service,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let info = handle::get::<Arc<Served>>(service)?.service.info()?;
        handle::insert(Document::new(info))
    })
}

/// What a service has done: the document with which it answers STATS, as {"type":
/// "io.nats.micro.v1.stats_response", "name": text, "id": text, "version": text, "metadata": {},
/// "started": time, "endpoints": [{"name": text, "subject": text, "queue_group": text,
/// "num_requests": n, "num_errors": n, "last_error": text, "processing_time": ns,
/// "average_processing_time": ns}]}. Also when it has stopped. Free `*out` with nats_doc_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_stats(
    service: *mut nats_service,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let stats = handle::get::<Arc<Served>>(service)?.service.stats()?;
        handle::insert(Document::new(stats))
    })
}

/// Counts from zero, as of now.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_reset(
    service: *mut nats_service,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        handle::get::<Arc<Served>>(service)?.service.core().reset();
        Ok(())
    })
}

/// Stops a service: no more requests come, those that have come are still handed out, and once all
/// are counted it has ended. Of several stops the first one decides, and all wait for its end.
/// Inside a callback of the connection the stop is started and the call returns at once.
///
/// `timeout_ms`: how long requests may take, in milliseconds; 0 stands for the option
/// "drain_timeout_ms".
///
/// Errors: `TIMEOUT` when requests were not counted in time, `CONNECTION_CLOSED` when the
/// connection was closed meanwhile: the service has ended all the same.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_stop(
    service: *mut nats_service,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let served = Arc::clone(&*handle::get::<Arc<Served>>(service)?);
        let stop = served.service.stop(timeout_option(timeout_ms)?);
        let connection = served.service.connection();
        if connection.in_callback() {
            return Ok(());
        }
        wait::read_for(connection.client(), stop)?
    })
}

/// Like nats_service_stop() with the default timeout; completes on `queue` without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_stop_async(
    service: *mut nats_service,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let stop = handle::get::<Arc<Served>>(service)?.service.stop(None);
        start(queue, token, async move { stop.await.map(|()| Value::Nothing) })
    })
}

/// Waits until a service has ended, for at most `timeout_ms` milliseconds; 0 only looks. Success:
/// it was asked to.
///
/// Errors: `TIMEOUT` when it goes on; otherwise why it has ended: `CONNECTION_CLOSED`; `PERMISSION`
/// when the server has refused a subject of it; `SLOW_CONSUMER` when an endpoint had to wait too
/// long whose "overflow" is "error". The text names the endpoint.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_stopped(
    service: *mut nats_service,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let limit = timeout(timeout_ms)?;
        let stopped = handle::get::<Arc<Served>>(service)?.service.core().stopped();
        wait::block_on_for(stopped, limit)?
    })
}

/// Like nats_service_stopped(), without waiting; completes on `queue` without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_stopped_async(
    service: *mut nats_service,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let stopped = handle::get::<Arc<Served>>(service)?.service.core().stopped();
        start(queue, token, async move { stopped.await.map(|()| Value::Nothing) })
    })
}

/// Has `cb` called once when a service has ended, at once when it has already; with the codes of
/// nats_service_stopped(). `cb`: must not be NULL. `destroy`: may be NULL; runs after the call.
///
/// Errors: `IO` when no delivery thread can be started.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_on_stopped(
    service: *mut nats_service,
    cb: nats_stopped_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let cb = cb.ok_or_else(|| null("cb"))?;
        let served = Arc::clone(&*handle::get::<Arc<Served>>(service)?);
        served.service.on_stopped(move |ended| {
            let (reason, text) = match &ended {
                Ok(()) => (NATS_OK, ""),
                Err(error) => (error.code().number(), error.text()),
            };
            // SAFETY: the program gave the function for such calls; `user` is still owned.
            unsafe { cb(reason, nats_str::view(text.as_bytes()), user.ptr()) }
        })
    })
}

/// Ends a service at once, unless it was stopped before: then that stop goes on. Its endpoints end
/// with it; their subscriptions are freed by themselves. NULL is fine; a service that was freed
/// before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_service_free(service: *mut nats_service) -> nats_status {
    guard_status(|| handle::free::<Arc<Served>>(service))
}

/// Asks services, and yields a subscription with their answers as they come: messages whose payload
/// is a document for nats_doc_parse(), as nats_service_info() and nats_service_stats() have them;
/// an answer that is an error is seen by nats_msg_service_error(). They end with
/// `SUBSCRIPTION_ENDED` when no more come, or with `NO_RESPONDERS` when there is no service. Free
/// it with nats_subscription_free().
///
/// `what`: "ping", "info" or "stats". `options_json`: a JSON object with the keys of "Question to
/// services" in docs/options.md, or empty. nats_services_ping(), nats_services_info() and
/// nats_services_stats() wait for all answers.
///
/// Errors: `INVALID_ARGUMENT`, also for an id without a name; `INVALID_NAME`; `INVALID_SUBJECT` for
/// the prefix; `INVALID_OPTION`, `INVALID_JSON`; those of nats_publish().
#[unsafe(no_mangle)]
pub extern "C" fn nats_services_ask(
    nc: *mut nats_connection,
    what: nats_str,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let client = handle::get::<Arc<Connection>>(nc)?.client().clone();
        let what = what.text("what", Code::InvalidArgument)?;
        let options = options_json.text("options", Code::InvalidOption)?;
        let answers = wait::block_on(discover::ask(&client, what, options))??;
        handle::insert(Subscription::polled(answers))
    })
}
