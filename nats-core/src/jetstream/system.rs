//! JetStream of a whole cluster, for connections of the system account.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{EMPTY, json as encode, read};
use super::config::is_default;
use super::config::stream::Placement;
use super::context::JetStream;
use super::inbox::Inbox;
use super::level;
use super::name::check;
use super::peers::placed;
use super::stream::StreamInfo;
use crate::error::{ApiError, Code, Error, Result};

/// How long to wait for one more server to answer what all are asked.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// A server of the cluster; its id counts before its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerPeer {
    /// Its name.
    #[serde(rename = "peer", skip_serializing_if = "is_default")]
    pub name: String,
    /// Its id, as [`super::PeerInfo::peer`] tells it.
    #[serde(rename = "peer_id", skip_serializing_if = "is_default")]
    pub id: String,
}

/// Where a stream is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamMove {
    /// The server that is to let go of it; empty: all of them.
    #[serde(skip_serializing_if = "is_default")]
    pub server: String,
    /// The cluster of that server.
    #[serde(skip_serializing_if = "is_default")]
    pub cluster: String,
    /// The domain of that server.
    #[serde(skip_serializing_if = "is_default")]
    pub domain: String,
    /// Tags that the new servers must have; they do not become part of the configuration.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
}

/// What one server says to a smaller quorum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Rescue {
    /// The server's name.
    pub server: String,
    /// The server's id.
    pub server_id: String,
    /// How many servers it took.
    #[serde(skip_serializing_if = "is_default")]
    pub prev_quorum: u32,
    /// How many it takes now.
    #[serde(skip_serializing_if = "is_default")]
    pub new_quorum: u32,
    /// Why it refuses: because there is a leader, for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
}

impl JetStream {
    /// Has the leader of the cluster's JetStream step down; another server leads it then, one of
    /// `placement` if that is given, whose `preferred` names it (server 2.11).
    ///
    /// # Errors
    /// [`Code::Timeout`] when the connection is not the system account's, as servers do not answer;
    /// [`Code::JetStream`] when nobody can take over; those of [`JetStream::account_info`]. So with all
    /// of these requests.
    pub async fn meta_leader_step_down(&self, placement: Option<&Placement>) -> Result<()> {
        level::of_meta_successor(placement, &self.client)?;
        self.by_system("META.LEADER.STEPDOWN", &placed(placement)?).await
    }

    /// Takes a server out of the cluster's JetStream for good; it should be gone.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] without name and id; [`Code::JetStream`] when it is no member.
    pub async fn remove_server(&self, server: &ServerPeer) -> Result<()> {
        self.by_system("SERVER.REMOVE", &of_server(server)?).await
    }

    /// Begins to move all streams and consumers from a server, as far as others can take them (server
    /// 2.15).
    ///
    /// # Errors
    /// [`Code::Unsupported`], and those of [`JetStream::remove_server`].
    pub async fn evacuate_server(&self, server: &ServerPeer) -> Result<()> {
        let body = of_server(server)?;
        level::of_operation("to evacuate a server", (2, 15), &self.client)?;
        self.by_system("SERVER.EVACUATE", &body).await
    }

    /// Lowers, for a while, how many servers it takes to agree, so that those that are left of a cluster
    /// can be administered although most are lost for good (ADR-61, server 2.15). Every server answers
    /// for itself.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for zero; [`Code::Unsupported`]; [`Code::Timeout`] when none answers.
    pub async fn rescue_meta(&self, quorum_needed: u32) -> Result<Vec<Rescue>> {
        if quorum_needed == 0 {
            let text = "quorum_needed: expected at least 1";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        level::of_operation("to rescue the quorum", (2, 15), &self.client)?;
        let subject = format!("{}META.RESCUE", self.way.prefix);
        let mut inbox = Inbox::open(&self.client, &subject, self.way.timeout)?;
        inbox.ask(&subject, &encode(&json!({"quorum_needed": quorum_needed}))?).await?;
        let mut answers = Vec::new();
        loop {
            match inbox.next().await {
                // An answer with an error is one of a server, too.
                Ok(message) => {
                    answers.push(serde_json::from_slice(message.payload()).map_err(|e| {
                        Error::new(Code::Protocol, format!("the answer to {subject}: {e}"))
                    })?)
                }
                Err(error) if error.code() == Code::Timeout && !answers.is_empty() => {
                    return Ok(answers);
                }
                Err(error) => return Err(self.of_system(error)),
            }
            inbox.wait_at_most(STRAGGLERS);
        }
    }

    /// Removes all streams and consumers of an account; whether that was begun.
    ///
    /// # Errors
    /// [`Code::InvalidName`].
    pub async fn purge_account(&self, account: &str) -> Result<bool> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            initiated: bool,
        }
        check("account", account)?;
        let path = format!("ACCOUNT.PURGE.{account}");
        let answer = self.ask(&path, EMPTY, None).await.map_err(|error| self.of_system(error))?;
        Ok(read::<Answer>(&path, answer.payload())?.initiated)
    }

    /// Moves a stream of an account to other servers; how it is then.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::StreamNotFound`]; [`Code::JetStream`] when no server can take it.
    pub async fn move_stream(
        &self,
        account: &str,
        stream: &str,
        to: &StreamMove,
    ) -> Result<StreamInfo> {
        check("account", account)?;
        check("stream", stream)?;
        let path = format!("ACCOUNT.STREAM.MOVE.{account}.{stream}");
        let answer = self.ask(&path, &encode(to)?, None).await;
        read(&path, answer.map_err(|error| self.of_system(error))?.payload())
    }

    /// Takes back a move of a stream of an account.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::StreamNotFound`]; [`Code::JetStream`] when it is not being moved.
    pub async fn cancel_account_stream_move(&self, account: &str, stream: &str) -> Result<()> {
        check("account", account)?;
        check("stream", stream)?;
        let path = format!("ACCOUNT.STREAM.CANCEL_MOVE.{account}.{stream}");
        self.by_system(&path, EMPTY).await
    }

    async fn by_system(&self, path: &str, body: &[u8]) -> Result<()> {
        self.done(path, body).await.map_err(|error| self.of_system(error))
    }

    /// Servers do not answer other accounts.
    fn of_system(&self, error: Error) -> Error {
        if error.code() != Code::Timeout || self.client.server_info().acc_is_sys {
            return error;
        }
        error.context("only connections of the system account are answered")
    }
}

fn of_server(server: &ServerPeer) -> Result<Vec<u8>> {
    if server.name.is_empty() && server.id.is_empty() {
        let text = "server: expected its name or id";
        return Err(Error::new(Code::InvalidArgument, text));
    }
    encode(server)
}
