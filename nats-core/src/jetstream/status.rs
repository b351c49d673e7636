//! What the status messages of a request for messages mean (ADR-37).

use crate::client::message::MessageRef;
use crate::conn::mailbox::{Mailbox, Taken};
use crate::error::{Code, Error};
use crate::proto::block::View;

/// What a status says of a request.
#[derive(Debug)]
pub(super) enum Said {
    /// The server is there.
    Alive,
    /// The request is over, with this much of it left.
    Over(Left),
    /// The request is over, and another one may be answered.
    Again(Error),
    /// No request will be answered.
    Never(Error),
}

/// What a request has asked for and not got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// Whether the server speaks of the request: otherwise it is a message of the stream.
#[inline]
pub(super) fn is_status(message: View<'_>) -> bool {
    message.status() != 0 && message.payload().is_empty()
}

/// Takes up to `max` messages of the stream, or what the server says before they come.
pub(super) fn take_alike(mailbox: &Mailbox, max: usize) -> Option<(Taken, bool)> {
    let mut says = false;
    let taken = mailbox.take_some(|run| {
        says = is_status(run.view(0));
        let most = max.min(run.len());
        (1..most).find(|index| is_status(run.view(*index)) != says).unwrap_or(most)
    })?;
    Some((taken, says))
}

/// What a status says of the request.
pub(super) fn of(name: &str, message: MessageRef<'_>) -> Said {
    let header = |name: &str| std::str::from_utf8(message.headers()?.get(name)?).ok();
    let number = |name: &str| header(name).and_then(|text| text.parse().ok());
    let left = Left {
        messages: number("Nats-Pending-Messages").unwrap_or(0),
        bytes: number("Nats-Pending-Bytes").unwrap_or(0),
    };
    let status = message.status().unwrap_or_default();
    judge(name, status, message.description().unwrap_or_default(), left)
}

fn judge(name: &str, status: u16, description: &str, left: Left) -> Said {
    let told = |code| Error::new(code, format!("{name}: {status} {description}"));
    let text = description.to_ascii_lowercase();
    let says = |begin: &str| text.starts_with(begin);
    match status {
        100 => Said::Alive,
        404 | 408 => Said::Over(left),
        409 if says("batch completed") || says("message size exceeds maxbytes") => Said::Over(left),
        409 if says("consumer deleted") => Said::Never(told(Code::ConsumerNotFound)),
        409 if says("stream deleted") => Said::Never(told(Code::StreamNotFound)),
        409 if says("consumer is push based") => Said::Never(told(Code::PullRefused)),
        // As is what asks for more than the consumer allows.
        400 => Said::Never(told(Code::PullRefused)),
        409 if says("exceeded maxrequest") => Said::Never(told(Code::PullRefused)),
        503 => {
            let text = format!("{name}: nobody answers, there is no such consumer");
            Said::Again(Error::new(Code::NoResponders, text))
        }
        // Too many wait, the leader has changed, the server shuts down, another client is pinned; and
        // what only newer servers say (ADR-37).
        _ => Said::Again(told(Code::PullRefused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_meaning() {
        let left = Left { messages: 5, bytes: 0 };
        let said = |status, text| judge("S.C", status, text, left);
        assert!(matches!(said(100, "Idle Heartbeat"), Said::Alive));
        for (status, text) in [
            (404, "No Messages"),
            (408, "Request Timeout"),
            (409, "Batch Completed"),
            (409, "Message Size Exceeds MaxBytes"),
        ] {
            assert!(matches!(said(status, text), Said::Over(rest) if rest == left), "{text}");
        }
        for (status, text, expected) in [
            (409, "Leadership Change", Code::PullRefused),
            (409, "Server Shutdown", Code::PullRefused),
            (409, "Exceeded MaxWaiting", Code::PullRefused),
            (409, "Something New", Code::PullRefused),
            (499, "Something New", Code::PullRefused),
            (599, "Something New", Code::PullRefused),
            (423, "Nats-Wrong-Pin-Id", Code::PullRefused),
            (503, "", Code::NoResponders),
        ] {
            let Said::Again(error) = said(status, text) else { panic!("{text}") };
            assert_eq!(error.code(), expected, "{text}");
        }
        for (status, text, expected) in [
            (409, "Consumer Deleted", Code::ConsumerNotFound),
            (409, "Stream Deleted", Code::StreamNotFound),
            (409, "Consumer is push based", Code::PullRefused),
            (409, "Exceeded MaxRequestBatch of 5", Code::PullRefused),
            (400, "Bad Request", Code::PullRefused),
        ] {
            let Said::Never(error) = said(status, text) else { panic!("{text}") };
            assert_eq!(error.code(), expected, "{text}");
            assert!(error.text().contains(text), "{error}");
        }
    }
}
