//! What is said of messages that a consumer has delivered.

use nats_core::jetstream::{AckKind, Metadata};
use nats_core::{Code, Error, Result};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arguments::{self, duration_of};
use crate::done::Done;
use crate::error::Outcome;
use crate::exit;
use crate::message::MsgBase;

impl MsgBase {
    /// The reply subject of a message that a consumer has delivered.
    pub(crate) fn delivered(&self) -> Result<&str> {
        let message = self.message().ok_or(Error::from(Code::NotJetStream))?.get()?;
        let reply = message.reply().unwrap_or_default();
        if Metadata::is_reply(reply) { Ok(reply) } else { Err(Code::NotJetStream.into()) }
    }

    /// Nobody else may say anything from now on, if this is the last thing to say.
    pub(crate) fn claim(&mut self, is_final: bool) -> Result<()> {
        self.delivered()?;
        if self.acked {
            return Err(Code::AlreadyAcked.into());
        }
        self.acked = is_final;
        Ok(())
    }

    /// Says that it was handled, if that can be done at once.
    pub(crate) fn ack_now(&mut self) -> Result<()> {
        self.say_now(AckKind::Ack)
    }

    fn say_now(&mut self, kind: AckKind<'_>) -> Result<()> {
        self.claim(kind.is_final())?;
        let message = self.message().ok_or(Error::from(Code::NotJetStream))?.get()?;
        let said = message.respond_now(None, &kind.payload());
        if said.is_err() && kind.is_final() {
            self.acked = false;
        }
        said
    }

    /// Says what became of it; the client's way of it is called when there is no room.
    pub(crate) fn say(slf: &Bound<'_, MsgBase>, kind: AckKind<'_>) -> Outcome<Py<PyAny>> {
        let py = slf.py();
        let said = slf.borrow_mut().say_now(kind);
        match said {
            Ok(()) => Ok(Done::get(py)?.into_any()),
            Err(full) if full.code() == Code::OutboundFull => {
                let payload = PyBytes::new(py, &kind.payload());
                let client = slf.borrow().client_of(py)?;
                let arguments = (slf, payload, kind.is_final());
                Ok(exit::run(py, || client.call_method1(py, "_say", arguments))?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says that it was not handled.
    pub(crate) fn say_nak(slf: &Bound<'_, MsgBase>, delay: Option<f64>) -> Outcome<Py<PyAny>> {
        let delay = delay.map(|delay| duration_of("delay", delay)).transpose()?;
        MsgBase::say(slf, AckKind::Nak(delay.filter(|delay| !delay.is_zero())))
    }

    /// Says that it will never be handled.
    pub(crate) fn say_term(
        slf: &Bound<'_, MsgBase>,
        reason: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Py<PyAny>> {
        MsgBase::say(slf, AckKind::Term(arguments::optional(reason, "reason")?))
    }

    /// Says that it was handled, and waits for the server: the client's way of it.
    pub(crate) fn say_sync(slf: &Bound<'_, MsgBase>, timeout: f64) -> Outcome<Py<PyAny>> {
        let py = slf.py();
        slf.borrow().delivered()?;
        let client = slf.borrow().client_of(py)?;
        Ok(exit::run(py, || client.call_method1(py, "_ack_sync", (slf, timeout)))?)
    }
}
