//! Finding services.

use nats_core::{Code, ManyOptions, Request};
use serde_json::{Value, json};

use super::service::*;
use super::support::*;

#[tokio::test]
async fn service_02() {
    let server = plain();
    let client = dial(&server.url()).await;
    let add = |name: &str| client.add_service(&ServiceConfig::new(name, "1.0.0")).unwrap();
    let (one, two, other) = (add("s"), add("s"), add("other"));
    let asker = dial(&server.url()).await;
    flush(&client).await;
    for verb in ["PING", "INFO", "STATS"] {
        for (place, expected) in [
            (String::new(), vec![one.id(), two.id(), other.id()]),
            (".s".to_owned(), vec![one.id(), two.id()]),
            (format!(".s.{}", two.id()), vec![two.id()]),
        ] {
            let subject = format!("$SRV.{verb}{place}");
            let wait = ManyOptions {
                max_messages: Some(expected.len() as u64),
                max_wait: PATIENCE,
                ..ManyOptions::default()
            };
            let request = Request::new(&subject, b"");
            let answers = asker.request_many(&request, &wait).await.unwrap();
            let mut ids = Vec::new();
            for _ in &expected {
                let document: Value = serde_json::from_str(&next_text(&answers).await).unwrap();
                ids.push(document["id"].as_str().unwrap().to_owned());
            }
            ids.sort_unstable();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(ids, expected, "{subject}");
        }
    }
    for subject in ["$SRV.PING.nobody", &format!("$SRV.PING.s.{}", other.id())] {
        assert_eq!(code(asker.request(subject, "").await), Code::NoResponders, "{subject}");
    }
}

#[tokio::test]
async fn service_35() {
    let server = plain();
    let client = dial(&server.url()).await;
    let add = |name: &str| client.add_service(&ServiceConfig::new(name, "1.0.0")).unwrap();
    let (one, two, other) = (add("s"), add("s"), add("other"));
    let finder = dial(&server.url()).await;
    flush(&client).await;
    let found = finder.discover_with(quick());
    let ids = async |name: Option<&str>, id: Option<&str>| {
        let mut answers = found.ping(name, id).await.unwrap();
        let pings = within("the answers", answers.all()).await.unwrap();
        let mut ids: Vec<_> = pings.into_iter().map(|ping| ping.service.id).collect();
        ids.sort_unstable();
        ids
    };
    let sorted = |services: &[&Service]| {
        let mut ids: Vec<_> = services.iter().map(|one| one.id().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(None, None).await, sorted(&[&one, &two, &other]));
    assert_eq!(ids(Some("s"), None).await, sorted(&[&one, &two]));
    assert_eq!(ids(Some("s"), Some(two.id())).await, [two.id()]);
    assert!(ids(Some("nobody"), None).await.is_empty());
    assert!(ids(Some("s"), Some(other.id())).await.is_empty());
    let info = found.info(Some("s"), Some(one.id())).await.unwrap().all().await.unwrap();
    assert_eq!(info, [one.info()]);
    let stats = found.stats(Some("other"), None).await.unwrap().all().await.unwrap();
    assert_eq!(stats, [other.stats()]);
}

#[tokio::test]
async fn service_36() {
    let server = plain();
    let client = dial(&server.url()).await;
    let found = client.discover();
    assert_eq!(code(found.ping(Some("a b"), None).await), Code::InvalidName);
    assert_eq!(code(found.info(None, Some("x")).await), Code::InvalidArgument);
    assert_eq!(code(found.stats(Some("s"), Some("x.*")).await), Code::InvalidArgument);
    let options = DiscoverOptions { prefix: "a b".into(), ..DiscoverOptions::default() };
    assert_eq!(code(client.discover_with(options).ping(None, None).await), Code::InvalidSubject);
}

#[tokio::test]
async fn service_37() {
    let server = plain();
    let client = dial(&server.url()).await;
    let liar = client.subscribe("MON.PING").unwrap();
    tokio::spawn(async move {
        let question = next(&liar).await;
        let refusal = ServiceError::new(503, "busy").headers(None).unwrap();
        let fine = json!({
            "type": "io.nats.micro.v1.ping_response", "name": "s", "id": "i", "version": "1.0.0",
            "newer": 1,
        });
        let mut other = fine.clone();
        other["type"] = "io.nats.micro.v1.info_response".into();
        let nameless = json!({"type": "io.nats.micro.v1.ping_response"});
        for answer in ["{".into(), other.to_string(), nameless.to_string()] {
            question.respond(answer).await.unwrap();
        }
        question.respond_with(Some(&refusal), "").await.unwrap();
        question.respond(fine.to_string()).await.unwrap();
        question
    });
    let wait = ManyOptions { max_messages: Some(5), max_wait: PATIENCE, ..Default::default() };
    let options = DiscoverOptions { prefix: "MON".into(), wait };
    let mut answers = client.discover_with(options).ping(None, None).await.unwrap();
    for _ in 0..3 {
        let answer = within("an answer", answers.next()).await.unwrap();
        assert_eq!(code(answer), Code::InvalidJson);
    }
    let refusal = within("an answer", answers.next()).await.unwrap().unwrap_err();
    assert_eq!(refusal.api().map(|api| (api.code, &*api.description)), Some((503, "busy")));
    let ping: ServicePing = within("an answer", answers.next()).await.unwrap().unwrap();
    assert_eq!((&*ping.service.name, ping.service.metadata.len()), ("s", 0));
    assert_eq!(ping.extra["newer"], 1);
    assert!(within("the end", answers.next()).await.is_none());
    assert!(answers.next().await.is_none());
}

#[tokio::test]
async fn service_38() {
    let server = plain();
    let client = dial(&server.url()).await;
    let silent = client.subscribe("$SRV.PING").unwrap();
    let mut answers = client.discover_with(quick()).ping(None, None).await.unwrap();
    next(&silent).await;
    server.kill().unwrap();
    assert_eq!(code(within("the end", answers.next()).await.unwrap()), Code::ConnectionLost);
    assert!(answers.next().await.is_none());
}
