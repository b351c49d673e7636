//! How services are found, and what they tell of themselves, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::collections::BTreeMap;

use nats_core::service::{
    DiscoverOptions, EndpointConfig, Queue, Service, ServiceConfig, ServiceError, ServicePing,
};
use nats_core::{Client, Code, ManyOptions, Request};
use serde_json::{Value, json};
use support::services::*;
use support::*;

/// The answer to what a monitor asks, as it comes.
async fn asked(client: &Client, subject: &str) -> Value {
    let answer = within("an answer", client.request(subject, "")).await.unwrap();
    serde_json::from_slice(answer.payload()).unwrap()
}

fn noted(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

#[tokio::test]
async fn documents_have_every_member_and_no_other() {
    let server = plain();
    let client = dial(&server.url()).await;
    let config = ServiceConfig {
        description: "says it again".into(),
        metadata: noted("region", "\"north\"\n"),
        ..ServiceConfig::new("echo", "1.2.3-rc.1+b")
    };
    let service = client.add_service(&config).unwrap();
    let _plain = service.endpoint("plain", &EndpointConfig::default()).unwrap();
    let noted = EndpointConfig { metadata: noted("k", "v"), ..at("other.*.>") };
    let other = service.endpoint("other", &noted).unwrap();
    let id = service.id();
    assert_eq!((service.name(), other.name(), other.subject()), ("echo", "other", "other.*.>"));
    assert_eq!(
        asked(&client, "$SRV.PING").await,
        json!({
            "type": "io.nats.micro.v1.ping_response", "name": "echo", "id": id,
            "version": "1.2.3-rc.1+b", "metadata": {"region": "\"north\"\n"},
        })
    );
    let info = json!({
        "type": "io.nats.micro.v1.info_response", "name": "echo", "id": id,
        "version": "1.2.3-rc.1+b", "metadata": {"region": "\"north\"\n"},
        "description": "says it again",
        "endpoints": [
            {"name": "plain", "subject": "plain", "queue_group": "q", "metadata": {}},
            {"name": "other", "subject": "other.*.>", "queue_group": "q", "metadata": {"k": "v"}},
        ],
    });
    assert_eq!(asked(&client, "$SRV.INFO").await, info);
    assert_eq!(serde_json::to_value(service.info()).unwrap(), info);
    let mut stats = asked(&client, "$SRV.STATS").await;
    assert_eq!(serde_json::to_value(service.stats()).unwrap(), stats);
    let started = stats["started"].take();
    let started = started.as_str().unwrap();
    assert!(started.len() == 30 && started.ends_with('Z') && &started[10..11] == "T", "{started}");
    let zero = |name: &str, subject: &str| {
        json!({
            "name": name, "subject": subject, "queue_group": "q", "num_requests": 0,
            "num_errors": 0, "last_error": "", "processing_time": 0, "average_processing_time": 0,
        })
    };
    assert_eq!(
        stats,
        json!({
            "type": "io.nats.micro.v1.stats_response", "name": "echo", "id": id,
            "version": "1.2.3-rc.1+b", "metadata": {"region": "\"north\"\n"}, "started": null,
            "endpoints": [zero("plain", "plain"), zero("other", "other.*.>")],
        })
    );
}

#[tokio::test]
async fn monitors_ask_all_or_those_of_a_name_or_one() {
    let server = plain();
    let client = dial(&server.url()).await;
    let add = |name: &str| client.add_service(&ServiceConfig::new(name, "1.0.0")).unwrap();
    let (one, two, other) = (add("s"), add("s"), add("other"));
    assert_ne!(one.id(), two.id());
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
    for verb in ["PING", "INFO", "STATS"] {
        for (subject, id) in [
            (format!("$SRV.{verb}.other"), other.id()),
            (format!("$SRV.{verb}.s.{}", one.id()), one.id()),
        ] {
            assert_eq!(asked(&finder, &subject).await["id"], id, "{subject}");
        }
    }
}

#[tokio::test]
async fn bad_questions_are_refused() {
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
async fn an_answer_that_is_none_is_an_error_and_not_the_end() {
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
async fn a_lost_connection_ends_the_answers_with_an_error() {
    let server = plain();
    let client = dial(&server.url()).await;
    let silent = client.subscribe("$SRV.PING").unwrap();
    let mut answers = client.discover_with(quick()).ping(None, None).await.unwrap();
    next(&silent).await;
    server.kill().unwrap();
    assert_eq!(code(within("the end", answers.next()).await.unwrap()), Code::ConnectionLost);
    assert!(answers.next().await.is_none());
}

#[tokio::test]
async fn programs_add_to_the_statistics() {
    let server = plain();
    let client = dial(&server.url()).await;
    let config = ServiceConfig::new("s", "1.0.0").stats_data(|stats| match &*stats.name {
        "e" => Some(json!({"asked": stats.num_requests})),
        "panics" => panic!("a fault of the program"),
        _ => None,
    });
    let service = client.add_service(&config).unwrap();
    let _endpoints = ["e", "none", "panics"]
        .map(|name| service.endpoint(name, &EndpointConfig::default()).unwrap());
    let stats = asked(&client, "$SRV.STATS.s").await;
    assert_eq!(stats["endpoints"][0]["data"], json!({"asked": 0}));
    for index in [1, 2] {
        assert!(stats["endpoints"][index].get("data").is_none(), "{stats}");
    }
    assert_eq!(service.stats().endpoints[0].data, Some(json!({"asked": 0})));
}

#[tokio::test]
async fn programs_answer_for_the_statistics() {
    let server = plain();
    let client = dial(&server.url()).await;
    let config = ServiceConfig { own_stats: true, ..ServiceConfig::new("s", "1.0.0") };
    let service = client.add_service(&config).unwrap();
    let _endpoint = service.endpoint("e", &EndpointConfig::default()).unwrap();
    let requests = service.stats_requests().unwrap().clone();
    let answering = tokio::spawn({
        let service = service.clone();
        async move {
            while let Some(request) = requests.next().await {
                let mut stats = service.stats();
                stats.endpoints[0].data = Some(json!([1]));
                request.respond(serde_json::to_vec(&stats).unwrap()).await.unwrap();
            }
            requests.end_reason().unwrap().code()
        }
    });
    for subject in ["$SRV.STATS", "$SRV.STATS.s", &format!("$SRV.STATS.s.{}", service.id())] {
        assert_eq!(asked(&client, subject).await["endpoints"][0]["data"], json!([1]));
    }
    assert_eq!(
        asked(&client, "$SRV.PING.s").await["name"],
        "s",
        "the others are the service's own"
    );
    assert_eq!(asked(&client, "$SRV.INFO.s").await["name"], "s");
    within("the stop", service.stop()).await.unwrap();
    assert_eq!(within("the end", answering).await.unwrap(), Code::SubscriptionClosed);
    let (plain, _) = serving(&client).await;
    assert!(plain.stats_requests().is_none());
}

#[tokio::test]
async fn groups_nest_and_hand_down_what_they_say() {
    let server = plain();
    let client = dial(&server.url()).await;
    let config =
        ServiceConfig { queue_group: Queue::named("mine"), ..ServiceConfig::new("s", "1.0.0") };
    let service = client.add_service(&config).unwrap();
    let outer = service.group("v1", Queue::Inherit).unwrap();
    let inner = outer.group("numbers", Queue::named("n.1")).unwrap();
    let deep = inner.group("", Queue::Disabled).unwrap().group("*", Queue::Inherit).unwrap();
    assert_eq!(
        (outer.prefix(), inner.prefix(), deep.prefix()),
        ("v1", "v1.numbers", "v1.numbers.*")
    );
    let none = EndpointConfig::default();
    let served = [
        service.endpoint("a", &none),
        service.endpoint("a", &queued(Queue::Disabled)),
        outer.endpoint("b", &none),
        inner.endpoint("c", &at("add.two")),
        inner.endpoint("d", &queued(Queue::named("own"))),
        deep.endpoint("e", &at(">")),
        service.group("", Queue::Inherit).unwrap().endpoint("f", &none),
    ]
    .map(Result::unwrap);
    let endpoints = service.info().endpoints;
    let seen: Vec<_> =
        endpoints.iter().map(|one| (&*one.name, &*one.subject, &*one.queue_group)).collect();
    assert_eq!(
        seen,
        [
            ("a", "a", "mine"),
            ("a", "a", ""),
            ("b", "v1.b", "mine"),
            ("c", "v1.numbers.add.two", "n.1"),
            ("d", "v1.numbers.d", "own"),
            ("e", "v1.numbers.*.>", ""),
            ("f", "f", "mine"),
        ]
    );
    echo(&served[5]);
    let answer = client.request("v1.numbers.x.y.z", "deep").await.unwrap();
    assert_eq!(text(&answer), "deep");
    assert_eq!(counted(&service, 1).await.endpoints[5].num_requests, 1);
}

#[tokio::test]
async fn errors_come_to_those_who_ask() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (_service, endpoint) = serving(&client).await;
    echo(&endpoint);
    let answer = client.request("e", "bad").await.unwrap();
    assert_eq!(answer.header("Nats-Service-Error-Code"), Some("400"));
    assert_eq!(answer.header("Nats-Service-Error"), Some("no good"));
    assert_eq!(
        (text(&answer), ServiceError::of(&answer)),
        ("why".into(), Some(ServiceError::new(400, "no good")))
    );
    let error = client.request_service(&Request::new("e", b"bad")).await.unwrap_err();
    assert_eq!(error.to_string(), "SERVICE_ERROR: the service answered 400: no good");
    let fine = client.request_service(&Request::new("e", b"good")).await.unwrap();
    assert_eq!((text(&fine), ServiceError::of(&fine)), ("good".into(), None));
    assert_eq!(code(client.request_service(&Request::new("x", b"")).await), Code::NoResponders);
}
