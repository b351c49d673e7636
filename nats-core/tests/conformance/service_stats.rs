//! What services tell of themselves.

use std::collections::BTreeMap;

use nats_core::Code;
use serde_json::json;

use super::service::*;
use super::support::*;

fn noted(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

#[tokio::test]
async fn service_01() {
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
async fn service_17() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    echo(&endpoint);
    for payload in ["1", "bad", "2", "3"] {
        client.request("e", payload).await.unwrap();
    }
    let stats = counted(&service, 4).await.endpoints.remove(0);
    assert_eq!((stats.num_errors, &*stats.last_error), (1, "400:no good"));
    assert!(stats.processing_time > 0);
    assert_eq!(stats.average_processing_time, stats.processing_time / 4);
    assert_eq!(endpoint.stats(), stats);
}

#[tokio::test]
async fn service_18() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    echo(&endpoint);
    let started = service.stats().started;
    client.request("e", "bad").await.unwrap();
    counted(&service, 1).await;
    service.reset();
    let reset = service.stats();
    assert!(reset.started > started, "{} {started}", reset.started);
    let again = &reset.endpoints[0];
    assert_eq!((again.num_requests, again.num_errors, again.processing_time), (0, 0, 0));
    assert_eq!((&*again.last_error, &*again.queue_group), ("", "q"));
    client.request("e", "4").await.unwrap();
    counted(&service, 1).await;
}

#[tokio::test]
async fn service_19() {
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
