//! Groups whose members each have partitions of a stream.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::collections::BTreeSet;

use nats_core::jetstream::{
    ConsumeOptions, ConsumerConfig, GetMessage, GroupConfig, GroupMessages, JetStream,
    MemberMapping, StreamConfig, SubjectTransform,
};
use nats_core::{Client, Code, Publish};
use nats_harness::{Config, Server};
use support::versions::needs;
use support::*;

/// A stream of ten partitions, by the second word of its subjects.
async fn start() -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    let config = StreamConfig {
        subject_transform: Some(SubjectTransform {
            src: "orders.*".into(),
            dest: "{{partition(10,1)}}.orders.{{wildcard(1)}}".into(),
        }),
        ..support::streams::stream("ORDERS", "orders.*")
    };
    js.create_stream(&config).await.unwrap();
    (server, client, js)
}

fn two() -> GroupConfig {
    let members = vec!["m1".to_owned(), "m2".to_owned()];
    GroupConfig { max_members: 10, members, ..GroupConfig::default() }
}

async fn join(js: &JetStream, member: &str) -> nats_core::Result<GroupMessages> {
    let template = ConsumerConfig { max_ack_pending: 1, ..ConsumerConfig::default() };
    js.join_group("ORDERS", "cg", member, &template, &ConsumeOptions::default()).await
}

/// The text of the next message, which is acknowledged.
async fn take(messages: &mut GroupMessages) -> String {
    let message = within("a message", messages.next()).await.unwrap().expect("no end");
    message.ack().await.unwrap();
    text(&message)
}

#[tokio::test]
async fn a_group_is_made_read_listed_and_deleted() {
    let (_server, _client, js) = start().await;
    assert!(js.groups("ORDERS").await.unwrap().is_empty(), "there is no bucket yet");
    assert_eq!(code(js.group_config("ORDERS", "cg").await), Code::NotFound);
    for (stream, group, expected) in [
        ("NONE", "cg", Code::StreamNotFound),
        ("ORDERS", "c.g", Code::InvalidName),
        ("OR DERS", "cg", Code::InvalidName),
    ] {
        assert_eq!(code(js.create_group(stream, group, &two()).await), expected);
    }
    let wrong = GroupConfig { max_members: 0, ..two() };
    assert_eq!(code(js.create_group("ORDERS", "cg", &wrong).await), Code::InvalidArgument);
    js.create_group("ORDERS", "cg", &two()).await.unwrap();
    js.create_group("ORDERS", "cg", &two()).await.unwrap();
    let mapping = MemberMapping { member: "m".into(), partitions: vec![0] };
    let other =
        GroupConfig { max_members: 1, member_mappings: vec![mapping], ..GroupConfig::default() };
    assert_eq!(code(js.create_group("ORDERS", "cg", &other).await), Code::InvalidArgument);
    js.create_group("ORDERS", "other", &other).await.unwrap();
    assert_eq!(js.group_config("ORDERS", "cg").await.unwrap(), two());
    assert_eq!(js.groups("ORDERS").await.unwrap(), ["cg", "other"]);
    // Where Orbit keeps it, and as it does.
    let key = GetMessage::last_of("$KV.static-consumer-groups.ORDERS.cg");
    let entry = js.get_message("KV_static-consumer-groups", &key).await.unwrap();
    let expected = r#"{"max_members":10,"filter":"","members":["m1","m2"]}"#;
    assert_eq!(entry.payload, expected.as_bytes());
    js.delete_group("ORDERS", "cg").await.unwrap();
    assert_eq!(js.groups("ORDERS").await.unwrap(), ["other"]);
    assert_eq!(code(js.delete_group("ORDERS", "cg").await), Code::NotFound);
    js.create_group("ORDERS", "cg", &other).await.unwrap();
    assert_eq!(js.group_config("ORDERS", "cg").await.unwrap(), other, "made anew");
}

#[tokio::test]
async fn each_message_goes_to_the_member_of_its_partition() {
    let (_server, client, js) = start().await;
    js.create_group("ORDERS", "cg", &two()).await.unwrap();
    assert_eq!(code(join(&js, "m3").await), Code::InvalidArgument);
    assert_eq!(code(join(&js, "m.1").await), Code::InvalidName);
    let Some(mut first) = needs(&client, (2, 11), join(&js, "m1").await) else { return };
    let mut second = join(&js, "m2").await.unwrap();
    for number in 0..60 {
        publish(&client, &format!("orders.{}", number % 20), number.to_string()).await;
    }
    flush(&client).await;
    let mut taken = 0;
    let mut keys = [BTreeSet::new(), BTreeSet::new()];
    while taken < 60 {
        let (message, member) = within("a message", async {
            tokio::select! {
                message = first.next() => (message, 0),
                message = second.next() => (message, 1),
            }
        })
        .await;
        let message = message.unwrap().unwrap();
        assert_eq!(message.partition().unwrap() / 5, member, "five in a row for each");
        assert!(message.subject().starts_with("orders."), "{}", message.subject());
        keys[member as usize].insert(message.subject().to_owned());
        message.ack().await.unwrap();
        taken += 1;
    }
    assert!(keys[0].is_disjoint(&keys[1]) && keys[0].len() + keys[1].len() == 20, "{keys:?}");
    assert_eq!(js.active_members("ORDERS", "cg").await.unwrap(), ["m1", "m2"]);
    let info = js.consumer_info("ORDERS", "cg-m1").await.unwrap();
    assert_eq!(info.config.filter_subjects, ["0.>", "1.>", "2.>", "3.>", "4.>"]);
    assert_eq!(info.config.priority_groups, ["m1"]);
}

#[tokio::test]
async fn another_program_takes_over_when_one_steps_down() {
    let (_server, client, js) = start().await;
    let config = GroupConfig { members: vec!["m1".into()], ..two() };
    js.create_group("ORDERS", "cg", &config).await.unwrap();
    let Some(mut active) = needs(&client, (2, 11), join(&js, "m1").await) else { return };
    publish(&client, "orders.a", "1").await;
    assert_eq!(take(&mut active).await, "1");
    let mut standby = join(&js, "m1").await.unwrap();
    assert!(tokio::time::timeout(SHORT * 3, standby.next()).await.is_err());
    publish(&client, "orders.a", "2").await;
    assert_eq!(take(&mut active).await, "2");
    // The server picks whom it likes of those who ask: it is only the other one that does.
    active.stopper().stop();
    assert!(within("the end", active.next()).await.unwrap().is_none());
    flush(&client).await;
    js.step_down_member("ORDERS", "cg", "m1").await.unwrap();
    publish(&client, "orders.a", "3").await;
    assert_eq!(take(&mut standby).await, "3");
}

#[tokio::test]
async fn members_end_with_their_group() {
    let (_server, client, js) = start().await;
    js.create_group("ORDERS", "cg", &two()).await.unwrap();
    let Some(mut messages) = needs(&client, (2, 11), join(&js, "m1").await) else { return };
    assert!(tokio::time::timeout(SHORT, messages.next()).await.is_err());
    js.delete_group("ORDERS", "cg").await.unwrap();
    assert!(within("the end", messages.next()).await.unwrap().is_none());
    assert!(within("the end", messages.next()).await.unwrap().is_none(), "and stays so");

    js.create_group("ORDERS", "cg", &two()).await.unwrap();
    let mut messages = join(&js, "m1").await.unwrap();
    let other = br#"{"max_members":10,"filter":"","members":["m2"]}"#;
    let key = "$KV.static-consumer-groups.ORDERS.cg";
    js.publish_with(&Publish::new(key, other), &Default::default()).await.unwrap();
    assert_eq!(code(within("the end", messages.next()).await), Code::InvalidArgument);
    let gone = js.consumer_info("ORDERS", "cg-m1").await;
    assert_eq!(code(gone), Code::ConsumerNotFound, "nobody needs its consumer");
    publish(&client, key, "{").await;
    flush(&client).await;
    assert_eq!(code(js.group_config("ORDERS", "cg").await), Code::InvalidJson);
}
