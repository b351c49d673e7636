//! The servers that hold a stream or consumer: who leads, who is to let go, and moves that are taken
//! back. For accounts of a cluster.

use serde_json::{Value, json};

use super::api::{EMPTY, json as encode};
use super::config::stream::Placement;
use super::context::JetStream;
use super::level;
use super::name::check;
use crate::error::{Code, Error, Result};

impl JetStream {
    /// Has the leader of a stream step down; another server leads it then: one of `placement`, if that
    /// is given (server 2.11), whose `preferred` names it.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::StreamNotFound`]; [`Code::JetStream`] when the server that is
    /// preferred does not hold the stream; [`Code::Unsupported`] with a placement before server 2.11;
    /// those of [`JetStream::account_info`].
    pub async fn stream_leader_step_down(
        &self,
        stream: &str,
        placement: Option<&Placement>,
    ) -> Result<()> {
        check("stream", stream)?;
        level::of_successor(placement, &self.client)?;
        let path = format!("STREAM.LEADER.STEPDOWN.{stream}");
        self.done(&path, &placed(placement)?).await
    }

    /// Has the leader of a consumer step down, as [`JetStream::stream_leader_step_down`].
    ///
    /// # Errors
    /// [`Code::ConsumerNotFound`], and those of [`JetStream::stream_leader_step_down`].
    pub async fn consumer_leader_step_down(
        &self,
        stream: &str,
        consumer: &str,
        placement: Option<&Placement>,
    ) -> Result<()> {
        check("stream", stream)?;
        check("consumer", consumer)?;
        level::of_successor(placement, &self.client)?;
        let path = format!("CONSUMER.LEADER.STEPDOWN.{stream}.{consumer}");
        self.done(&path, &placed(placement)?).await
    }

    /// Takes a stream away from a server, given by its name or id, at once: what it has is not copied
    /// first. Another server takes its place.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::InvalidArgument`] without a peer; [`Code::StreamNotFound`];
    /// [`Code::JetStream`] when the server does not hold the stream, or none can take its place; those
    /// of [`JetStream::account_info`].
    pub async fn remove_stream_peer(&self, stream: &str, peer: &str) -> Result<()> {
        check("stream", stream)?;
        self.done(&format!("STREAM.PEER.REMOVE.{stream}"), &of_peer(peer)?).await
    }

    /// Moves a stream and its consumers from a server, given by its name or id, to another one, which
    /// has all of it before the first lets go (server 2.15). This begins it; how far it is,
    /// [`super::ClusterInfo::desired`] tells.
    ///
    /// # Errors
    /// [`Code::Unsupported`], and those of [`JetStream::remove_stream_peer`].
    pub async fn evacuate_stream_peer(&self, stream: &str, peer: &str) -> Result<()> {
        check("stream", stream)?;
        let body = of_peer(peer)?;
        level::of_operation("to evacuate a peer", (2, 15), &self.client)?;
        self.done(&format!("STREAM.PEER.EVACUATE.{stream}"), &body).await
    }

    /// The same for one consumer, which can only go to servers that hold its stream (server 2.15).
    ///
    /// # Errors
    /// [`Code::ConsumerNotFound`], and those of [`JetStream::evacuate_stream_peer`].
    pub async fn evacuate_consumer_peer(
        &self,
        stream: &str,
        consumer: &str,
        peer: &str,
    ) -> Result<()> {
        check("stream", stream)?;
        check("consumer", consumer)?;
        let body = of_peer(peer)?;
        level::of_operation("to evacuate a peer", (2, 15), &self.client)?;
        self.done(&format!("CONSUMER.PEER.EVACUATE.{stream}.{consumer}"), &body).await
    }

    /// Takes back a move, a scaling or a change of retention of a stream that is under way: it goes back
    /// to where and what it was (server 2.15).
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::Unsupported`]; [`Code::StreamNotFound`]; [`Code::JetStream`] when
    /// none is under way; those of [`JetStream::account_info`].
    pub async fn cancel_stream_move(&self, stream: &str) -> Result<()> {
        check("stream", stream)?;
        level::of_operation("to cancel a move", (2, 15), &self.client)?;
        self.done(&format!("STREAM.CANCEL_MOVE.{stream}"), EMPTY).await
    }

    /// A request whose answer says no more than that it was done.
    pub(super) async fn done(&self, path: &str, body: &[u8]) -> Result<()> {
        self.call::<Value>(path, body).await.map(drop)
    }
}

pub(super) fn placed(placement: Option<&Placement>) -> Result<Vec<u8>> {
    match placement {
        Some(placement) => encode(&json!({"placement": placement})),
        None => Ok(EMPTY.to_vec()),
    }
}

fn of_peer(peer: &str) -> Result<Vec<u8>> {
    if peer.is_empty() {
        let text = "peer: expected the name or id of a server";
        return Err(Error::new(Code::InvalidArgument, text));
    }
    encode(&json!({"peer": peer}))
}
