//! What the tests of services share.

use std::time::Duration;

pub(crate) use nats_core::service::*;
use nats_core::{Client, Publish};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::support::*;

/// A service `s` with an endpoint `e`, known to the server.
pub(crate) async fn serving(client: &Client) -> (Service, Endpoint) {
    let service = client.add_service(&ServiceConfig::new("s", "1.0.0")).unwrap();
    let endpoint = service.endpoint("e", &EndpointConfig::default()).unwrap();
    flush(client).await;
    (service, endpoint)
}

/// Answers every request with its payload, except that those which say `bad` get an error.
pub(crate) fn echo(endpoint: &Endpoint) -> JoinHandle<()> {
    let endpoint = endpoint.clone();
    tokio::spawn(async move {
        while let Some(mut request) = endpoint.next().await {
            let payload = request.message().payload_bytes();
            if payload == "bad" {
                request.respond_error(400, "no good", "why", None).await.unwrap();
            } else {
                request.respond(payload).await.unwrap();
            }
        }
    })
}

/// An endpoint at another subject.
pub(crate) fn at(subject: &str) -> EndpointConfig {
    EndpointConfig { subject: Some(subject.to_owned()), ..EndpointConfig::default() }
}

/// An endpoint with another policy.
pub(crate) fn queued(queue_group: Queue) -> EndpointConfig {
    EndpointConfig { queue_group, ..EndpointConfig::default() }
}

/// Answers that end soon after the last one.
pub(crate) fn quick() -> DiscoverOptions {
    let mut options = DiscoverOptions::default();
    options.wait.max_wait = PATIENCE;
    options.wait.stall = Some(Duration::from_secs(1));
    options
}

/// The statistics, once so many requests are counted.
pub(crate) async fn counted(service: &Service, requests: u64) -> ServiceStats {
    within("the count", async {
        loop {
            let stats = service.stats();
            if stats.endpoints.iter().map(|one| one.num_requests).sum::<u64>() == requests {
                return stats;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Asks without waiting; the answer goes to `answers`.
pub(crate) async fn ask(client: &Client, payload: &str) {
    let question = Publish::new("e", payload.as_bytes()).reply("answers");
    within("publish", client.publish_with(&question)).await.unwrap();
}

/// The answer to what a monitor asks, as it comes.
pub(crate) async fn asked(client: &Client, subject: &str) -> Value {
    let answer = within("an answer", client.request(subject, "")).await.unwrap();
    serde_json::from_slice(answer.payload()).unwrap()
}
