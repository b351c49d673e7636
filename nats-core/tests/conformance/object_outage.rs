use std::time::Duration;

use nats_core::object::{GetOptions, ObjectStoreConfig, PutOptions};
use nats_core::{Code, ConnectOptions};
use nats_harness::{Cluster, Config, Cut, Direction, Proxy, Server};

use super::support::objects::*;
use super::support::*;

async fn through(proxy: &Proxy) -> (nats_core::Client, Events) {
    dial_watched(options(&proxy.url())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn object_41() {
    let (server, _js, store) = start().await;
    let old = store.put_bytes("x", "old").await.unwrap();
    let proxy = Proxy::start(&server.address()).unwrap();
    for after in [100_000, 1_000_000, 3_000_000] {
        let (client, _events) = through(&proxy).await;
        let theirs = client.jetstream().object_store("b").await.unwrap();
        proxy.cut_after(Direction::ToServer, after, Cut::Rst);
        let put = within("the put", theirs.put_bytes("x", content(4_000_000))).await;
        assert_eq!(code(put), Code::ConnectionLost, "{after}");
        settles(&store, &[&old]).await;
    }
    assert_eq!(store.get_string("x").await.unwrap(), "old");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn object_42() {
    let (server, _js, store) = start().await;
    let bytes = content(8_000_000);
    store.put_bytes("x", &bytes).await.unwrap();
    let proxy = Proxy::start(&server.address()).unwrap();
    let (client, mut events) = through(&proxy).await;
    let theirs = client.jetstream().object_store("b").await.unwrap();
    for after in [100_000, 2_000_000, 5_000_000] {
        proxy.cut_after(Direction::ToClient, after, Cut::Rst);
        let got = within("the get", theirs.get_bytes("x")).await.unwrap();
        assert!(got == bytes, "{after}");
        events.wait("reconnected").await;
    }
    // It is over when nothing comes for too long.
    let short = GetOptions { timeout: SHORT, ..GetOptions::default() };
    let mut reader = theirs.get("x", &short).await.unwrap();
    proxy.black_hole(Direction::ToClient);
    let end = loop {
        match within("the end", reader.next_chunk()).await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(code(end), Code::Timeout);
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn object_43() {
    let server = Server::start(Config::jetstream()).unwrap();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let js = client.jetstream();
    let store = js.create_object_store(&ObjectStoreConfig::new("b")).await.unwrap();
    let bytes = content(8_000_000);
    let old = store.put_bytes("x", &bytes).await.unwrap();
    let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
    let mut got = within("a chunk", reader.next_chunk()).await.unwrap().unwrap().to_vec();
    let mut writer = store.writer("x", &PutOptions::default()).await.unwrap();
    writer.write(&content(3_000_000)).await.unwrap();
    server.kill().unwrap();
    events.wait("disconnected").await;
    server.restart().unwrap();
    events.wait("reconnected").await;
    while let Some(chunk) = within("a chunk", reader.next_chunk()).await.unwrap() {
        got.extend_from_slice(&chunk);
    }
    assert!(got == bytes);
    let put = match writer.write(&content(3_000_000)).await {
        Ok(()) => writer.finish().await,
        Err(error) => Err(error),
    };
    // What the server had not acknowledged may be lost.
    let now = match put {
        Ok(info) => info,
        Err(error) => {
            assert_eq!(error.code(), Code::ConnectionLost);
            old
        }
    };
    settles(&store, &[&now]).await;
    store.get_bytes("x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn object_44() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let options = ConnectOptions::new().servers(cluster.urls()).reconnect_delay_max(SHORT);
    let client = within("connect", options.connect()).await.unwrap();
    let js = client.jetstream();
    let config = ObjectStoreConfig { num_replicas: 3, ..ObjectStoreConfig::new("b") };
    let store = js.create_object_store(&config).await.unwrap();
    let bytes = content(8_000_000);
    let old = within("the put", store.put_bytes("x", &bytes)).await.unwrap();
    let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
    let mut got = within("a chunk", reader.next_chunk()).await.unwrap().unwrap().to_vec();
    // Acknowledgements that are lost with the leader are missed.
    let options = PutOptions { timeout: Duration::from_secs(1), ..PutOptions::default() };
    let mut writer = store.writer("y", &options).await.unwrap();
    writer.write(&content(1_000_000)).await.unwrap();
    let leader = store.status().await.unwrap().stream.cluster.unwrap().leader;
    let number: usize = leader.strip_prefix("harness-").unwrap().parse().unwrap();
    cluster.servers()[number - 1].kill().unwrap();
    while let Some(chunk) = within("a chunk", reader.next_chunk()).await.unwrap() {
        got.extend_from_slice(&chunk);
    }
    assert!(got == bytes);
    let put = match within("a write", writer.write(&content(1_000_000))).await {
        Ok(()) => within("the end", writer.finish()).await,
        Err(error) => {
            drop(writer);
            Err(error)
        }
    };
    cluster.servers()[number - 1].restart().unwrap();
    cluster.wait_ready().unwrap();
    match put {
        Ok(info) => settles(&store, &[&old, &info]).await,
        Err(_) => settles(&store, &[&old]).await,
    }
    // Servers do not answer what comes while they elect a leader.
    within("a put", async { while store.put_bytes("y", "y").await.is_err() {} }).await;
    let got = within("a get", async {
        loop {
            if let Ok(got) = store.get_string("y").await {
                break got;
            }
        }
    });
    assert_eq!(got.await, "y");
}
