//! Operations on the servers of a cluster: those that hold a stream or consumer, and all of them.

use nats_core::jetstream::{JetStream, Placement, ServerPeer, StreamMove};
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, Running, api_errors, read, write};
use crate::doc::Doc;

const BY_SYSTEM: &str = "{}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepDown {
    stream: String,
    consumer: Option<String>,
    placement: Option<Placement>,
}

/// Another server leads a stream.
pub const STREAM_LEADER_STEPDOWN: Op = Op {
    name: "stream_leader_stepdown",
    input: Some(r#"{"stream": name, "placement": {"preferred": server}}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND"),
    doc: "Has the leader of a stream step down for another server, or for the one that is preferred \
          (server 2.11).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let StepDown { stream, placement, .. } = read(input)?;
            js.stream_leader_step_down(&stream, placement.as_ref()).await?;
            Ok(Doc::new())
        })
    }),
};

/// Another server leads a consumer.
pub const CONSUMER_LEADER_STEPDOWN: Op = Op {
    name: "consumer_leader_stepdown",
    input: Some(r#"{"stream": name, "consumer": name, "placement": {"preferred": server}}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND"),
    doc: "Has the leader of a consumer step down for another server, or for the one that is preferred \
          (server 2.11).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let StepDown { stream, consumer, placement } = read(input)?;
            let consumer = consumer.unwrap_or_default();
            js.consumer_leader_step_down(&stream, &consumer, placement.as_ref()).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPeer {
    stream: String,
    consumer: Option<String>,
    peer: String,
}

/// Takes a stream away from a server.
pub const STREAM_PEER_REMOVE: Op = Op {
    name: "stream_peer_remove",
    input: Some(r#"{"stream": name, "peer": name or id of a server}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "STREAM_NOT_FOUND"),
    doc: "Takes a stream away from a server at once: what it has is not copied first. Another server \
          takes its place.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let OfPeer { stream, peer, .. } = read(input)?;
            js.remove_stream_peer(&stream, &peer).await?;
            Ok(Doc::new())
        })
    }),
};

/// Moves a stream from a server.
pub const STREAM_PEER_EVACUATE: Op = Op {
    name: "stream_peer_evacuate",
    input: Some(r#"{"stream": name, "peer": name or id of a server}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "STREAM_NOT_FOUND", "UNSUPPORTED"),
    doc: "Begins to move a stream and its consumers from a server to another one, which has all of it \
          before the first lets go (server 2.15); \"cluster.desired\" of nats_stream_info() tells how \
          far it is.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let OfPeer { stream, peer, .. } = read(input)?;
            js.evacuate_stream_peer(&stream, &peer).await?;
            Ok(Doc::new())
        })
    }),
};

/// Moves a consumer from a server.
pub const CONSUMER_PEER_EVACUATE: Op = Op {
    name: "consumer_peer_evacuate",
    input: Some(r#"{"stream": name, "consumer": name, "peer": name or id of a server}"#),
    output: "{}",
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "STREAM_NOT_FOUND",
        "CONSUMER_NOT_FOUND",
        "UNSUPPORTED"
    ),
    doc: "Begins to move a consumer from a server to another one that holds its stream (server 2.15).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let OfPeer { stream, consumer, peer } = read(input)?;
            js.evacuate_consumer_peer(&stream, &consumer.unwrap_or_default(), &peer).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    stream: String,
}

/// Takes back a move.
pub const STREAM_CANCEL_MOVE: Op = Op {
    name: "stream_cancel_move",
    input: Some(r#"{"stream": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "UNSUPPORTED"),
    doc: "Takes back a move, a scaling or a change of retention of a stream that is under way (server \
          2.15).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            js.cancel_stream_move(&read::<Named>(input)?.stream).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Placed {
    placement: Option<Placement>,
}

/// Another server leads the cluster.
pub const META_LEADER_STEPDOWN: Op = Op {
    name: "meta_leader_stepdown",
    input: Some(r#"{"placement": {"cluster": name, "tags": [tags], "preferred": server}}"#),
    output: BY_SYSTEM,
    errors: api_errors!(),
    doc: "Has the leader of the cluster's JetStream step down for another server. For connections of \
          the system account; others get no answer.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            js.meta_leader_step_down(read::<Placed>(input)?.placement.as_ref()).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quorum {
    quorum_needed: u32,
}

/// Fewer servers have to agree.
pub const META_RESCUE: Op = Op {
    name: "meta_rescue",
    input: Some(r#"{"quorum_needed": n}"#),
    output: r#"{"servers": [{"server": name, "server_id": id, "prev_quorum": n, "new_quorum": n, "error": why not}]}"#,
    errors: api_errors!("INVALID_ARGUMENT", "UNSUPPORTED"),
    doc: "Lowers, for a while, how many servers it takes to agree, so that those that are left of a \
          cluster can be administered although most are lost for good (ADR-61, server 2.15). For \
          connections of the system account; every server answers for itself.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let servers = js.rescue_meta(read::<Quorum>(input)?.quorum_needed).await?;
            write(&json!({"servers": servers}))
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Server {
    peer: String,
    peer_id: String,
}

impl From<Server> for ServerPeer {
    fn from(Server { peer: name, peer_id: id }: Server) -> ServerPeer {
        ServerPeer { name, id }
    }
}

/// Takes a server out of the cluster.
pub const SERVER_REMOVE: Op = Op {
    name: "server_remove",
    input: Some(r#"{"peer": name of a server, "peer_id": its id}"#),
    output: BY_SYSTEM,
    errors: api_errors!("INVALID_ARGUMENT"),
    doc: "Takes a server out of the cluster's JetStream for good; it should be gone. For connections of \
          the system account.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            js.remove_server(&read::<Server>(input)?.into()).await?;
            Ok(Doc::new())
        })
    }),
};

/// Moves everything from a server.
pub const SERVER_EVACUATE: Op = Op {
    name: "server_evacuate",
    input: Some(r#"{"peer": name of a server, "peer_id": its id}"#),
    output: BY_SYSTEM,
    errors: api_errors!("INVALID_ARGUMENT", "UNSUPPORTED"),
    doc: "Begins to move all streams and consumers from a server, as far as others can take them \
          (server 2.15). For connections of the system account.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            js.evacuate_server(&read::<Server>(input)?.into()).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    account: String,
}

/// Empties an account.
pub const ACCOUNT_PURGE: Op = Op {
    name: "account_purge",
    input: Some(r#"{"account": name}"#),
    output: r#"{"initiated": bool}"#,
    errors: api_errors!("INVALID_NAME"),
    doc: "Begins to remove all streams and consumers of an account. For connections of the system \
          account.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let initiated = js.purge_account(&read::<Account>(input)?.account).await?;
            Ok(Doc::from(json!({"initiated": initiated})))
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    account: String,
    stream: String,
    #[serde(default)]
    server: String,
    #[serde(default)]
    cluster: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// Moves a stream of an account.
pub const ACCOUNT_STREAM_MOVE: Op = Op {
    name: "account_stream_move",
    input: Some(
        r#"{"account": name, "stream": name, "server": that is to let go of it, "cluster": of that server, "domain": of that server, "tags": [of the servers it may go to]}"#,
    ),
    output: "what nats_stream_info() tells",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND"),
    doc: "Moves a stream of an account from a server, or from all that hold it, to others. For \
          connections of the system account.",
    run: Run::JetStream(move_stream),
};

fn move_stream(js: JetStream, input: Doc) -> Running {
    Box::pin(async move {
        let Move { account, stream, server, cluster, domain, tags } = read(input)?;
        let to = StreamMove { server, cluster, domain, tags };
        write(&js.move_stream(&account, &stream, &to).await?)
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAccount {
    account: String,
    stream: String,
}

/// Takes back a move of a stream of an account.
pub const ACCOUNT_STREAM_CANCEL_MOVE: Op = Op {
    name: "account_stream_cancel_move",
    input: Some(r#"{"account": name, "stream": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND"),
    doc: "Takes back a move of a stream of an account. For connections of the system account.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let OfAccount { account, stream } = read(input)?;
            js.cancel_account_stream_move(&account, &stream).await?;
            Ok(Doc::new())
        })
    }),
};
