//! Services, their instances, endpoints and groups.

use nats_core::{Code, ManyOptions, Request};

use super::service::*;
use super::support::*;

/// What each of the instances has counted, once it is so many in all.
async fn totals(services: &[Service], sum: u64) -> Vec<u64> {
    within("all of the counts", async {
        loop {
            let total = |service: &Service| {
                service.stats().endpoints.iter().map(|one| one.num_requests).sum::<u64>()
            };
            let totals: Vec<_> = services.iter().map(total).collect();
            if totals.iter().sum::<u64>() == sum {
                return totals;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn service_03() {
    let server = plain();
    let (one, two) = (dial(&server.url()).await, dial(&server.url()).await);
    let asker = dial(&server.url()).await;
    let mut services = Vec::new();
    for client in [&one, &two] {
        let (service, endpoint) = serving(client).await;
        echo(&endpoint);
        services.push(service);
    }
    assert_ne!(services[0].id(), services[1].id());
    for n in 0..100 {
        asker.request("e", n.to_string()).await.unwrap();
    }
    let shares = totals(&services, 100).await;
    assert!(shares.iter().all(|count| *count > 0), "{shares:?}");
}

#[tokio::test]
async fn service_04() {
    let server = plain();
    let client = dial(&server.url()).await;
    let add = |name: &str, version: &str| client.add_service(&ServiceConfig::new(name, version));
    for name in ["", "a.b", "a b", "*", ">", "ä", "a\r\n"] {
        let error = add(name, "1.0.0").unwrap_err();
        assert_eq!(error.code(), Code::InvalidName, "{name:?}");
        assert!(error.text().starts_with("name "), "{error}");
    }
    for version in ["", "1", "v1.0.0", "1.0.0\r\n"] {
        let error = add("s", version).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{version:?}");
        assert!(error.text().starts_with("version "), "{error}");
    }
    let config =
        ServiceConfig { queue_group: Queue::named(""), ..ServiceConfig::new("s", "1.0.0") };
    let error = client.add_service(&config).unwrap_err();
    assert_eq!(error.code(), Code::InvalidQueueGroup);
    assert!(error.text().starts_with("queue_group: "), "{error}");
    flush(&client).await;
    assert_eq!(code(client.request("$SRV.PING", "").await), Code::NoResponders);
}

#[tokio::test]
async fn service_05() {
    let server = plain();
    let client = dial(&server.url()).await;
    let service = client.add_service(&ServiceConfig::new("s", "1.0.0")).unwrap();
    let none = EndpointConfig::default();
    for name in ["", "a.b", "a b", ">"] {
        assert_eq!(code(service.endpoint(name, &none)), Code::InvalidName, "{name:?}");
    }
    let group = service.group("g", Queue::Inherit).unwrap();
    for subject in ["", "a..b", ".a", "a b", ">.a", "a\r\nPUB x 0"] {
        let error = service.endpoint("e", &at(subject)).unwrap_err();
        assert_eq!(error.code(), Code::InvalidSubject, "{subject:?}");
        assert!(error.text().starts_with("subject: "), "{error}");
        assert_eq!(code(group.endpoint("e", &at(subject))), Code::InvalidSubject, "{subject:?}");
    }
    for queue in ["", "a b", "*"] {
        let queue = Queue::named(queue);
        assert_eq!(code(service.endpoint("e", &queued(queue.clone()))), Code::InvalidQueueGroup);
        assert_eq!(code(service.group("g", queue.clone())), Code::InvalidQueueGroup);
    }
    for prefix in [">", "a.>", "a b", "a."] {
        assert_eq!(code(service.group(prefix, Queue::Inherit)), Code::InvalidSubject, "{prefix:?}");
    }
    assert!(service.info().endpoints.is_empty());
}

#[tokio::test]
async fn service_06() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, named) = serving(&client).await;
    let other = service.endpoint("e", &at("other.*.>")).unwrap();
    assert_eq!((named.name(), named.subject()), ("e", "e"));
    assert_eq!((other.name(), other.subject()), ("e", "other.*.>"));
    echo(&named);
    echo(&other);
    for subject in ["e", "other.a.b.c"] {
        let answer = within("an answer", client.request(subject, subject)).await.unwrap();
        assert_eq!(text(&answer), subject);
    }
    let stats = counted(&service, 2).await;
    assert_eq!(stats.endpoints.iter().map(|one| one.num_requests).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn service_07() {
    let server = plain();
    let client = dial(&server.url()).await;
    let service = client.add_service(&ServiceConfig::new("s", "1.0.0")).unwrap();
    let outer = service.group("v1", Queue::Inherit).unwrap();
    let inner = outer.group("numbers", Queue::Inherit).unwrap();
    let deep = inner.group("", Queue::Inherit).unwrap().group("*", Queue::Inherit).unwrap();
    assert_eq!(
        (outer.prefix(), inner.prefix(), deep.prefix()),
        ("v1", "v1.numbers", "v1.numbers.*")
    );
    let none = EndpointConfig::default();
    let served = [
        outer.endpoint("b", &none),
        inner.endpoint("c", &at("add.two")),
        deep.endpoint("e", &at(">")),
        service.group("", Queue::Inherit).unwrap().endpoint("f", &none),
    ]
    .map(Result::unwrap);
    let subjects: Vec<_> = served.iter().map(Endpoint::subject).collect();
    assert_eq!(subjects, ["v1.b", "v1.numbers.add.two", "v1.numbers.*.>", "f"]);
    echo(&served[2]);
    let answer = client.request("v1.numbers.x.y.z", "deep").await.unwrap();
    assert_eq!(text(&answer), "deep");
    assert_eq!(counted(&service, 1).await.endpoints[2].num_requests, 1);
}

#[tokio::test]
async fn service_08() {
    let server = plain();
    let client = dial(&server.url()).await;
    let config =
        ServiceConfig { queue_group: Queue::named("mine"), ..ServiceConfig::new("s", "1.0.0") };
    let service = client.add_service(&config).unwrap();
    let plain = client.add_service(&ServiceConfig::new("plain", "1.0.0")).unwrap();
    let outer = service.group("v1", Queue::Inherit).unwrap();
    let inner = outer.group("numbers", Queue::named("n.1")).unwrap();
    let none = EndpointConfig::default();
    let _served = [
        plain.endpoint("z", &none),
        service.endpoint("a", &none),
        service.endpoint("a", &queued(Queue::Disabled)),
        outer.endpoint("b", &none),
        inner.endpoint("c", &none),
        inner.endpoint("d", &queued(Queue::named("own"))),
        inner.group("", Queue::Disabled).unwrap().endpoint("e", &none),
    ]
    .map(Result::unwrap);
    let groups = |service: &Service| {
        let endpoints = service.info().endpoints;
        endpoints.into_iter().map(|one| one.queue_group).collect::<Vec<_>>()
    };
    assert_eq!(groups(&plain), ["q"]);
    assert_eq!(groups(&service), ["mine", "", "mine", "n.1", "own", ""]);
}

#[tokio::test]
async fn service_09() {
    let server = plain();
    let (one, two) = (dial(&server.url()).await, dial(&server.url()).await);
    let asker = dial(&server.url()).await;
    let mut services = Vec::new();
    for client in [&one, &two] {
        let config =
            ServiceConfig { queue_group: Queue::Disabled, ..ServiceConfig::new("s", "1.0.0") };
        let service = client.add_service(&config).unwrap();
        let group = service.group("g", Queue::Disabled).unwrap();
        let none = EndpointConfig::default();
        for endpoint in [
            service.endpoint("all", &none),
            group.endpoint("grouped", &none),
            service.endpoint("alone", &queued(Queue::named(service.id()))),
        ] {
            echo(&endpoint.unwrap());
        }
        flush(client).await;
        services.push(service);
    }
    for subject in ["all", "g.grouped", "alone"] {
        let wait = ManyOptions { max_messages: Some(2), max_wait: PATIENCE, ..Default::default() };
        let replies = asker.request_many(&Request::new(subject, b"x"), &wait).await.unwrap();
        assert_eq!([next_text(&replies).await, next_text(&replies).await], ["x", "x"]);
    }
    assert_eq!(totals(&services, 6).await, [3, 3]);
}
