//! Messages. What Python asks for is made when it is asked for, once.

use nats_bridge::fork::Held;
use nats_core::jetstream::AckKind;
use nats_core::{Batch, Code, Error, Message};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::arguments::{self, owned_headers, payload};
use crate::collector::Paused;
use crate::done::Done;
use crate::error::{Outcome, exception};
use crate::exit;
use crate::headers::Headers;
use crate::jetstream::Metadata;
use crate::queue::{Operation, Queue, Value};
use crate::texts::{repeated, text};

/// Which class of messages a connection makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `nats_ffi.aio.msg.Msg`.
    Awaited,
    /// `nats_ffi.sync.msg.Msg`.
    Blocking,
}

/// What the messages of both APIs share.
#[pyclass(subclass, module = "nats_ffi._native")]
#[derive(Default)]
pub(crate) struct MsgBase {
    client: Option<Py<PyAny>>,
    /// What was received; none when the program made the message.
    raw: Option<Held<Message>>,
    /// Whether the program has changed where the answer goes.
    redirected: bool,
    /// Whether it was said what became of it.
    pub(crate) acked: bool,
    subject: Option<Py<PyAny>>,
    reply: Option<Py<PyAny>>,
    data: Option<Py<PyAny>>,
    headers: Option<Py<PyAny>>,
    sid: Option<u64>,
}

/// A message of the asynchronous API.
#[pyclass(extends = MsgBase, subclass, module = "nats_ffi.aio.msg")]
pub(crate) struct Msg;

/// A message of the blocking API.
#[pyclass(extends = MsgBase, subclass, module = "nats_ffi._native")]
pub(crate) struct BlockingMsg;

/// The Python object for a received message.
pub(crate) fn object(
    py: Python<'_>,
    message: Message,
    flavour: Flavour,
    client: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let base = PyClassInitializer::from(MsgBase {
        client: client.map(|client| client.clone().unbind()),
        sid: Some(message.sid()),
        raw: Some(Held::new(message)),
        ..MsgBase::default()
    });
    Ok(match flavour {
        Flavour::Awaited => Py::new(py, base.add_subclass(Msg))?.into_any(),
        Flavour::Blocking => Py::new(py, base.add_subclass(BlockingMsg))?.into_any(),
    })
}

/// Python objects for received messages.
pub(crate) fn list<'py>(
    py: Python<'py>,
    batches: Vec<Batch>,
    flavour: Flavour,
    client: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    // The collector would look at all of them again and again, and find nothing.
    let _paused = Paused::begin(py);
    let messages = batches.into_iter().flatten();
    let objects = messages.map(|message| object(py, message, flavour, client));
    PyList::new(py, objects.collect::<PyResult<Vec<_>>>()?)
}

impl MsgBase {
    /// A message that the program makes.
    fn made(
        py: Python<'_>,
        client: Option<Py<PyAny>>,
        (subject, reply): (&str, &str),
        data: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
        sid: Option<u64>,
    ) -> PyClassInitializer<MsgBase> {
        let text = |text| Some(PyString::new(py, text).into_any().unbind());
        PyClassInitializer::from(MsgBase {
            client,
            subject: text(subject),
            reply: text(reply),
            data: Some(or_empty(py, data)),
            headers: Some(headers.unwrap_or_else(|| py.None())),
            sid,
            ..MsgBase::default()
        })
    }

    /// What was received.
    pub(crate) fn message(&self) -> Option<&Held<Message>> {
        self.raw.as_ref()
    }

    /// Whose message it is.
    pub(crate) fn client_of(&self, py: Python<'_>) -> Result<Py<PyAny>, Error> {
        self.get_client(py).ok_or_else(|| {
            Error::new(Code::InvalidArgument, "the message has no client to answer with")
        })
    }

    fn received(&self) -> Outcome<Option<&Message>> {
        Ok(self.raw.as_ref().map(Held::get).transpose()?)
    }

    /// Answers, if that can be done at once.
    fn answer_now(
        slf: &Bound<'_, MsgBase>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<()> {
        // A clone, because what is read of the arguments may run Python.
        let message = slf.borrow().answerable()?.cloned().ok_or(Error::from(Code::NoReply))?;
        Ok(arguments::headers(headers, |headers| {
            payload(data, |data| message.respond_now(headers, data))
        })???)
    }

    /// What was received, unless the program has changed where the answer goes.
    fn answerable(&self) -> Outcome<Option<&Message>> {
        Ok(self.received()?.filter(|_| !self.redirected))
    }

    /// Answers; the client's way of it is called when that cannot be done at once.
    fn answer(
        slf: &Bound<'_, MsgBase>,
        data: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
    ) -> Outcome<Py<PyAny>> {
        let py = slf.py();
        let reply = slf.borrow_mut().get_reply(py);
        // In a forked child there is none to read: what the client does then says so when awaited.
        if let Ok(reply) = reply
            && !reply.bind(py).is_truthy()?
        {
            return Err(Error::from(Code::NoReply).into());
        }
        let data = or_empty(py, data);
        let given = headers.as_ref().map(|headers| headers.bind(py));
        if MsgBase::answer_now(slf, data.bind(py), given).is_ok() {
            return Ok(Done::get(py)?.into_any());
        }
        // Whatever is in the way, the client waits for it or says what it is.
        let client = slf.borrow().client_of(py)?;
        Ok(exit::run(py, || client.call_method1(py, "_respond", (slf, data, headers)))?)
    }
}

#[pymethods]
impl MsgBase {
    #[getter]
    fn get_subject(&mut self, py: Python<'_>) -> Outcome<Py<PyAny>> {
        if self.subject.is_none() {
            let made = self.received()?.map(|message| repeated(py, message.subject_bytes()));
            self.subject = made;
        }
        Ok(attribute(py, &self.subject))
    }

    #[setter]
    fn set_subject(&mut self, value: Py<PyAny>) {
        self.subject = Some(value);
    }

    #[getter]
    fn get_reply(&mut self, py: Python<'_>) -> Outcome<Py<PyAny>> {
        if self.reply.is_none() {
            let reply = self.received()?.and_then(Message::reply).unwrap_or_default();
            self.reply = Some(PyString::new(py, reply).into_any().unbind());
        }
        Ok(attribute(py, &self.reply))
    }

    #[setter]
    fn set_reply(&mut self, value: Py<PyAny>) {
        self.redirected = true;
        self.reply = Some(value);
    }

    #[getter]
    fn get_data(&mut self, py: Python<'_>) -> Outcome<Py<PyAny>> {
        if self.data.is_none() {
            let payload = self.received()?.map(Message::payload).unwrap_or_default();
            self.data = Some(PyBytes::new(py, payload).into_any().unbind());
        }
        Ok(attribute(py, &self.data))
    }

    #[setter]
    fn set_data(&mut self, value: Py<PyAny>) {
        self.data = Some(value);
    }

    #[getter]
    fn get_headers(&mut self, py: Python<'_>) -> Outcome<Py<PyAny>> {
        if self.headers.is_none()
            && let Some(message) = self.received()?
        {
            if let Some(error) = message.decode_error()
                && message.headers().is_some_and(|block| block.check().is_err())
            {
                return Err(error.into());
            }
            let made = header_dict(py, message)?;
            self.headers = Some(made);
        }
        Ok(attribute(py, &self.headers))
    }

    #[setter]
    fn set_headers(&mut self, value: Py<PyAny>) {
        self.headers = Some(value);
    }

    #[getter]
    fn get_header(&mut self, py: Python<'_>) -> Outcome<Py<PyAny>> {
        self.get_headers(py)
    }

    #[getter]
    fn get_all_headers(&mut self, py: Python<'_>) -> Outcome<Headers> {
        if let Some(message) = self.received()? {
            let list = message.headers().map(|block| block.to_headers()).transpose()?;
            return Ok(Headers::new(list.unwrap_or_default()));
        }
        let given = self.get_headers(py)?.into_bound(py);
        let given = Some(given).filter(|given| !given.is_none());
        Ok(Headers::new(owned_headers(given.as_ref())?.unwrap_or_default()))
    }

    #[getter]
    fn get_subject_bytes(&mut self, py: Python<'_>) -> Outcome<Py<PyAny>> {
        if let Some(message) = self.received()? {
            return Ok(PyBytes::new(py, message.subject_bytes()).into_any().unbind());
        }
        Ok(self.get_subject(py)?.call_method0(py, "encode")?)
    }

    #[getter]
    fn get_status(&self) -> Outcome<Option<u16>> {
        Ok(self.received()?.and_then(Message::status))
    }

    #[getter]
    fn get_description(&self) -> Outcome<Option<String>> {
        Ok(self.received()?.and_then(Message::description).map(str::to_owned))
    }

    #[getter]
    fn get_decode_error<'py>(&self, py: Python<'py>) -> Outcome<Option<Bound<'py, PyAny>>> {
        let error = self.received()?.and_then(Message::decode_error);
        Ok(error.map(|error| exception(py, &error)).transpose()?)
    }

    #[getter]
    fn get_sid(&self) -> Outcome<u64> {
        let text = "the message was not received, so it has no sid";
        Ok(self.sid.ok_or_else(|| Error::new(Code::NotFound, text))?)
    }

    #[getter(_client)]
    fn get_client(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.client.as_ref().map(|client| client.clone_ref(py))
    }

    #[setter(_client)]
    fn set_client(&mut self, client: Option<Py<PyAny>>) {
        self.client = client;
    }

    #[getter]
    fn get_metadata(&self) -> Outcome<Metadata> {
        Ok(Metadata::read(self.delivered()?)?)
    }

    #[getter]
    fn get_is_acked(&self) -> bool {
        self.acked
    }

    /// Nobody else may say anything from now on, if this is the last thing to say; returns where it
    /// is said.
    #[pyo3(signature = (is_final, /))]
    fn _claim(&mut self, is_final: bool) -> Outcome<String> {
        self.claim(is_final)?;
        Ok(self.delivered()?.to_owned())
    }

    /// What could not be said may be said again.
    fn _release(&mut self) {
        self.acked = false;
    }

    /// Whether [`MsgBase::_respond_when_room`] can answer it.
    #[getter(_answerable)]
    fn get_answerable(&self) -> bool {
        self.raw.is_some() && !self.redirected
    }

    /// Answers once there is room.
    #[pyo3(signature = (queue, token, data, headers, /))]
    fn _respond_when_room(
        &self,
        queue: &Queue,
        token: u64,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Operation> {
        let message = self.received()?.cloned().ok_or(Error::from(Code::NoReply))?;
        let headers = owned_headers(headers)?;
        let data = payload(data, <[u8]>::to_vec)?;
        queue.start(token, async move {
            message.respond_with(headers.as_ref(), data).await.map(|()| Value::Nothing)
        })
    }

    fn __repr__(&mut self, py: Python<'_>) -> Outcome<String> {
        let repr = |value: Py<PyAny>| value.bind(py).repr().map(|text| text.to_string());
        let headers = self.get_headers(py).map(repr).unwrap_or(Ok("malformed".into()));
        Ok(format!(
            "Msg(subject={}, reply={}, data={}, headers={})",
            repr(self.get_subject(py)?)?,
            repr(self.get_reply(py)?)?,
            repr(self.get_data(py)?)?,
            headers?,
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.client)
    }

    fn __clear__(&mut self) {
        self.client = None;
    }
}

#[pymethods]
impl Msg {
    #[new]
    #[pyo3(
        signature = (_client=None, subject="", reply="", data=None, headers=None, *, _sid=None),
        text_signature = "(_client=None, subject='', reply='', data=b'', headers=None, *, \
                          _sid=None)"
    )]
    fn new(
        py: Python<'_>,
        _client: Option<Py<PyAny>>,
        subject: &str,
        reply: &str,
        data: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
        _sid: Option<u64>,
    ) -> PyClassInitializer<Msg> {
        MsgBase::made(py, _client, (subject, reply), data, headers, _sid).add_subclass(Msg)
    }

    #[pyo3(
        signature = (data=None, headers=None),
        text_signature = "($self, data=b'', headers=None)"
    )]
    fn respond(
        slf: &Bound<'_, Msg>,
        data: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
    ) -> Outcome<Py<PyAny>> {
        MsgBase::answer(slf.as_super(), data, headers)
    }

    fn ack(slf: &Bound<'_, Msg>) -> Outcome<Py<PyAny>> {
        MsgBase::say(slf.as_super(), AckKind::Ack)
    }

    #[pyo3(signature = (timeout=1.0))]
    fn ack_sync(slf: &Bound<'_, Msg>, timeout: f64) -> Outcome<Py<PyAny>> {
        MsgBase::say_sync(slf.as_super(), timeout)
    }

    #[pyo3(signature = (delay=None))]
    fn nak(slf: &Bound<'_, Msg>, delay: Option<f64>) -> Outcome<Py<PyAny>> {
        MsgBase::say_nak(slf.as_super(), delay)
    }

    fn in_progress(slf: &Bound<'_, Msg>) -> Outcome<Py<PyAny>> {
        MsgBase::say(slf.as_super(), AckKind::InProgress)
    }

    #[pyo3(signature = (reason=None))]
    fn term(slf: &Bound<'_, Msg>, reason: Option<&Bound<'_, PyAny>>) -> Outcome<Py<PyAny>> {
        MsgBase::say_term(slf.as_super(), reason)
    }
}

#[pymethods]
impl BlockingMsg {
    #[new]
    #[pyo3(
        signature = (_client=None, subject="", reply="", data=None, headers=None, *, _sid=None),
        text_signature = "(_client=None, subject='', reply='', data=b'', headers=None, *, \
                          _sid=None)"
    )]
    fn new(
        py: Python<'_>,
        _client: Option<Py<PyAny>>,
        subject: &str,
        reply: &str,
        data: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
        _sid: Option<u64>,
    ) -> PyClassInitializer<BlockingMsg> {
        MsgBase::made(py, _client, (subject, reply), data, headers, _sid).add_subclass(BlockingMsg)
    }

    #[pyo3(
        signature = (data=None, headers=None),
        text_signature = "($self, data=b'', headers=None)"
    )]
    fn respond(
        slf: &Bound<'_, BlockingMsg>,
        data: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
    ) -> Outcome<()> {
        MsgBase::answer(slf.as_super(), data, headers).map(drop)
    }

    fn ack(slf: &Bound<'_, BlockingMsg>) -> Outcome<()> {
        MsgBase::say(slf.as_super(), AckKind::Ack).map(drop)
    }

    #[pyo3(signature = (timeout=1.0))]
    fn ack_sync(slf: &Bound<'_, BlockingMsg>, timeout: f64) -> Outcome<()> {
        MsgBase::say_sync(slf.as_super(), timeout).map(drop)
    }

    #[pyo3(signature = (delay=None))]
    fn nak(slf: &Bound<'_, BlockingMsg>, delay: Option<f64>) -> Outcome<()> {
        MsgBase::say_nak(slf.as_super(), delay).map(drop)
    }

    fn in_progress(slf: &Bound<'_, BlockingMsg>) -> Outcome<()> {
        MsgBase::say(slf.as_super(), AckKind::InProgress).map(drop)
    }

    #[pyo3(signature = (reason=None))]
    fn term(slf: &Bound<'_, BlockingMsg>, reason: Option<&Bound<'_, PyAny>>) -> Outcome<()> {
        MsgBase::say_term(slf.as_super(), reason).map(drop)
    }
}

fn attribute(py: Python<'_>, value: &Option<Py<PyAny>>) -> Py<PyAny> {
    value.as_ref().map_or_else(|| py.None(), |value| value.clone_ref(py))
}

fn or_empty(py: Python<'_>, data: Option<Py<PyAny>>) -> Py<PyAny> {
    data.unwrap_or_else(|| PyBytes::new(py, b"").into_any().unbind())
}

/// The headers as a dict, the status line in it as `Status` and `Description`; `None` without any.
fn header_dict(py: Python<'_>, message: &Message) -> PyResult<Py<PyAny>> {
    let Some(block) = message.headers() else { return Ok(py.None()) };
    let dict = PyDict::new(py);
    if let Some(status) = message.status() {
        dict.set_item("Status", status.to_string())?;
    }
    if let Some(description) = message.description() {
        dict.set_item("Description", description)?;
    }
    for (name, value) in block.iter() {
        dict.set_item(repeated(py, name), text(py, value))?;
    }
    Ok(if dict.is_empty() { py.None() } else { dict.into_any().unbind() })
}
