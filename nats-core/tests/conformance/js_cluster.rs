use nats_core::{Client, Code};
use nats_harness::{Cluster, Config};

use super::js::*;
use super::support::versions::{is_at_least, lacks, needs};
use super::support::*;

/// A cluster of as many servers, with an account of programs and the system's.
fn cluster(count: usize) -> Cluster {
    let accounts = "accounts {
        SYS: { users: [{user: sys, password: sys}] }
        A: { jetstream: enabled, users: [{user: a, password: a}] }
        B: { jetstream: enabled, users: [{user: b, password: b}] }
    }
    system_account: SYS
    no_auth_user: a";
    Cluster::start_with(count, Config::jetstream().with(accounts)).unwrap()
}

async fn of(cluster: &Cluster, user: &str) -> Client {
    let client = options(&cluster.urls()[0]).user_and_password(user, user).connect();
    within("connect", client).await.unwrap()
}

fn copied(name: &str, num_replicas: u32) -> StreamConfig {
    let subjects = vec![format!("{name}.>")];
    StreamConfig { name: name.into(), subjects, num_replicas, ..StreamConfig::default() }
}

fn preferred(server: &str) -> Placement {
    Placement { preferred: server.to_owned(), ..Placement::default() }
}

async fn stream_until(
    js: &JetStream,
    name: &str,
    wanted: impl Fn(&StreamInfo) -> bool,
) -> StreamInfo {
    until("the stream as wanted", || js.stream_info(name), wanted).await
}

fn leader(info: &StreamInfo) -> &str {
    &info.cluster.as_ref().unwrap().leader
}

/// All servers that hold it, and all of them have all of it.
fn holders(info: &StreamInfo) -> Option<Vec<String>> {
    let cluster = info.cluster.as_ref()?;
    let whole = !cluster.leader.is_empty() && cluster.desired.is_none();
    if !whole || !cluster.replicas.iter().all(|peer| peer.current && !peer.pending) {
        return None;
    }
    let mut names: Vec<_> = cluster.replicas.iter().map(|peer| peer.name.clone()).collect();
    names.push(cluster.leader.clone());
    names.sort();
    Some(names)
}

#[tokio::test]
async fn js_manage_51() {
    let cluster = cluster(3);
    let js = of(&cluster, "a").await.jetstream();
    js.create_stream(&copied("S", 3)).await.unwrap();
    let info = stream_until(&js, "S", |info| holders(info).is_some()).await;
    let first = leader(&info).to_owned();
    js.stream_leader_step_down("S", None).await.unwrap();
    let other = |info: &StreamInfo| holders(info).is_some() && leader(info) != first;
    let info = stream_until(&js, "S", other).await;
    let next = info.cluster.as_ref().unwrap().replicas[0].name.clone();
    let preferring = js.stream_leader_step_down("S", Some(&preferred(&next))).await;
    if needs(js.client(), (2, 11), preferring).is_none() {
        return;
    }
    stream_until(&js, "S", |info| leader(info) == next).await;
    let error = js.stream_leader_step_down("S", Some(&preferred("nobody"))).await.unwrap_err();
    assert!(error.api().is_some(), "{error}");

    let config = ConsumerConfig { durable_name: "c".into(), num_replicas: 3, ..Default::default() };
    js.create_consumer("S", &config).await.unwrap();
    let other = within("another leader", async {
        loop {
            let cluster = js.consumer_info("S", "c").await.unwrap().cluster.unwrap();
            if !cluster.leader.is_empty() && cluster.replicas.iter().all(|peer| peer.current) {
                return cluster.replicas[0].name.clone();
            }
        }
    })
    .await;
    js.consumer_leader_step_down("S", "c", Some(&preferred(&other))).await.unwrap();
    within("the leader that was preferred", async {
        let leads = |cluster: Option<ClusterInfo>| cluster.is_some_and(|c| c.leader == other);
        while !js.consumer_info("S", "c").await.is_ok_and(|info| leads(info.cluster)) {}
    })
    .await;
    // Which of several streams of one name it is, only servers of a cluster tell.
    if is_at_least(js.client(), (2, 15)) {
        let reset = || js.reset_consumer("S", "c", None);
        let reset = until("a leader that resets", reset, |_| true).await;
        assert!(!reset.stream_identity.is_empty(), "{reset:?}");
    }
    let none = js.consumer_leader_step_down("S", "none", None).await;
    assert_eq!(code(none), Code::ConsumerNotFound);
    assert_eq!(code(js.stream_leader_step_down("NONE", None).await), Code::StreamNotFound);
    assert_eq!(code(js.stream_leader_step_down("a b", None).await), Code::InvalidName);
}

#[tokio::test]
async fn js_manage_52() {
    let cluster = cluster(3);
    let js = of(&cluster, "a").await.jetstream();
    js.create_stream(&copied("T", 2)).await.unwrap();
    let names = holders(&stream_until(&js, "T", |info| holders(info).is_some()).await).unwrap();
    js.remove_stream_peer("T", &names[0]).await.unwrap();
    stream_until(&js, "T", |info| {
        holders(info).is_some_and(|new| new.len() == 2 && !new.contains(&names[0]))
    })
    .await;
    assert_eq!(code(js.remove_stream_peer("T", "nobody").await), Code::JetStream);
    assert_eq!(code(js.remove_stream_peer("T", "").await), Code::InvalidArgument);

    js.create_stream(&copied("S", 1)).await.unwrap();
    js.publish("S.1", "one").await.unwrap();
    let first = leader(&js.stream_info("S").await.unwrap()).to_owned();
    let evacuated = js.evacuate_stream_peer("S", &first).await;
    if needs(js.client(), (2, 15), evacuated).is_none() {
        return;
    }
    let moved = stream_until(&js, "S", |info| {
        holders(info).is_some_and(|names| names.len() == 1 && names[0] != first)
    })
    .await;
    assert_eq!(moved.state.messages, 1, "with all it had");
    assert_eq!(code(js.cancel_stream_move("S").await), Code::JetStream, "none is under way");

    let config = ConsumerConfig { durable_name: "c".into(), num_replicas: 1, ..Default::default() };
    let made = js.create_consumer("T", &config).await.unwrap();
    let from = made.cluster.unwrap().leader;
    js.evacuate_consumer_peer("T", "c", &from).await.unwrap();
    within("the consumer elsewhere", async {
        while js
            .consumer_info("T", "c")
            .await
            .ok()
            .and_then(|info| info.cluster)
            .is_none_or(|cluster| cluster.leader.is_empty() || cluster.leader == from)
        {}
    })
    .await;
    assert_eq!(code(js.evacuate_stream_peer("NONE", "n").await), Code::StreamNotFound);
    assert_eq!(code(js.cancel_stream_move("NONE").await), Code::StreamNotFound);
}

#[tokio::test]
async fn js_manage_53() {
    let cluster = cluster(3);
    let js = of(&cluster, "a").await.jetstream();
    if lacks(js.client(), (2, 15), &js.cancel_stream_move("S").await) {
        return;
    }
    let made = js.create_stream(&copied("S", 1)).await.unwrap();
    let first = leader(&made).to_owned();
    // One that cannot be finished: one of the servers it is to grow to does not answer.
    let index = cluster.servers().iter().position(|server| {
        server.info().unwrap()["server_name"] != first.as_str() && server.url() != cluster.urls()[0]
    });
    let gone = &cluster.servers()[index.unwrap()];
    gone.pause().unwrap();
    let larger = StreamConfig { num_replicas: 3, ..made.config.clone() };
    // It may have led the cluster, and there is no other leader at once.
    until("the change", || js.update_stream(&larger), |_| true).await;
    let moving = stream_until(&js, "S", |info| {
        info.cluster.as_ref().is_some_and(|cluster| cluster.desired.is_some())
    })
    .await;
    let desired = moving.cluster.unwrap().desired.unwrap();
    assert_eq!(desired.origin.as_ref().map(|origin| origin.replicas), Some(1));
    assert!(!desired.created.is_empty() && desired.extra.is_empty(), "{desired:?}");
    js.cancel_stream_move("S").await.unwrap();
    let back = stream_until(&js, "S", |info| holders(info).is_some()).await;
    assert_eq!((back.config.num_replicas, leader(&back)), (1, first.as_str()));
    gone.resume().unwrap();
}

#[tokio::test]
async fn js_manage_54() {
    let cluster = cluster(3);
    let js = of(&cluster, "a").await.jetstream();
    let system = of(&cluster, "sys").await.jetstream();
    let told = system.advisories(Some("$JS.EVENT.ADVISORY.DOMAIN.>")).unwrap();
    flush(system.client()).await;
    system.meta_leader_step_down(None).await.unwrap();
    let new = within("the new leader", told.next()).await.unwrap().unwrap();
    let AdvisoryEvent::DomainLeaderElected(new) = new.event else { panic!("{new:?}") };
    assert!(!new.server.is_empty() && new.replicas.len() == 3, "{new:?}");
    let refused = system.meta_leader_step_down(Some(&preferred("nobody"))).await;
    if !lacks(system.client(), (2, 11), &refused) {
        assert_eq!(code(refused), Code::JetStream);
    }

    let made = js.create_stream(&copied("S", 1)).await.unwrap();
    let first = leader(&made).to_owned();
    let place = StreamMove { server: first.clone(), ..StreamMove::default() };
    let moved = system.move_stream("A", "S", &place).await.unwrap();
    assert_eq!(moved.config.name, "S");
    let now =
        stream_until(&js, "S", |info| holders(info).is_some_and(|names| names != [&*first])).await;
    let second = leader(&now).to_owned();
    // For older servers a move may not be over when another server leads.
    if is_at_least(system.client(), (2, 15)) {
        assert_eq!(code(system.cancel_account_stream_move("A", "S").await), Code::JetStream);
    }
    let other = of(&cluster, "b").await.jetstream();
    other.create_stream(&copied("B", 1)).await.unwrap();
    assert!(system.purge_account("B").await.unwrap());
    within("the account without streams", async {
        while other.account_info().await.unwrap().tier.streams != 0 {}
    })
    .await;

    let nobody = ServerPeer { name: "nobody".into(), ..ServerPeer::default() };
    assert_eq!(code(system.remove_server(&nobody).await), Code::JetStream);
    assert_eq!(code(system.remove_server(&ServerPeer::default()).await), Code::InvalidArgument);

    let peer = ServerPeer { name: second.clone(), ..ServerPeer::default() };
    let evacuated = system.evacuate_server(&peer).await;
    if needs(system.client(), (2, 15), evacuated).is_none() {
        return;
    }
    stream_until(&js, "S", |info| holders(info).is_some_and(|names| names != [&*second])).await;
    let rescues = system.rescue_meta(2).await.unwrap();
    assert_eq!(rescues.len(), 3, "every server answers");
    for rescue in rescues {
        assert!(rescue.error.is_some_and(|error| error.description.contains("leader is known")));
    }
    assert_eq!(code(system.rescue_meta(0).await), Code::InvalidArgument);
}

#[tokio::test]
async fn js_manage_58() {
    let cluster = cluster(3);
    let system = of(&cluster, "sys").await.jetstream();
    if lacks(system.client(), (2, 15), &system.rescue_meta(1).await) {
        return;
    }
    let names: Vec<String> = cluster
        .servers()
        .iter()
        .map(|server| server.info().unwrap()["server_name"].as_str().unwrap().to_owned())
        .collect();
    cluster.servers()[1].kill().unwrap();
    cluster.servers()[2].kill().unwrap();
    // Of three servers one cannot agree with anybody, until fewer are needed.
    // A leader notices only after some time that nobody follows.
    let rescue = async {
        loop {
            let rescue = system.rescue_meta(1).await.unwrap().remove(0);
            if rescue.error.is_none() {
                return rescue;
            }
        }
    };
    let rescued = tokio::time::timeout(3 * PATIENCE, rescue).await.expect("a lower quorum");
    assert_eq!(
        (rescued.server.as_str(), rescued.prev_quorum, rescued.new_quorum),
        (&*names[0], 2, 1)
    );
    for name in &names[1..] {
        let peer = ServerPeer { name: name.clone(), ..ServerPeer::default() };
        within("the server taken out", async {
            while let Err(error) = system.remove_server(&peer).await {
                assert!(matches!(error.code(), Code::Timeout | Code::JetStream), "{error}");
            }
        })
        .await;
    }
    let js = of(&cluster, "a").await.jetstream();
    within("a stream", async { while js.create_stream(&copied("S", 1)).await.is_err() {} }).await;
}

#[tokio::test]
async fn js_manage_55() {
    let cluster = cluster(3);
    let client = of(&cluster, "a").await;
    let options = JetStreamOptions { timeout: SHORT, ..Default::default() };
    let js = client.jetstream_with(options).unwrap();
    let error = js.meta_leader_step_down(None).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.text().contains("system account"), "{error}");
}
