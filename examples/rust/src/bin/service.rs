//! A service with two endpoints: asked, answering an error, found, and stopped: service [URL]

use nats_core::Client;
use nats_core::service::{Endpoint, EndpointConfig, Queue, ServiceConfig, ServiceError};

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    let service = client.add_service(&ServiceConfig::new("calculator", "1.0.0"))?;
    let numbers = service.group("numbers", Queue::Inherit)?;
    let twice = numbers.endpoint("double", &EndpointConfig::default())?;
    let half = numbers.endpoint("half", &EndpointConfig::default())?;
    tokio::spawn(serve(twice, |number| Ok(number * 2)));
    tokio::spawn(serve(half, |number| match number % 2 {
        0 => Ok(number / 2),
        _ => Err(ServiceError::new(400, format!("{number} is odd"))),
    }));

    ask(&client, "numbers.double", "21").await?;
    ask(&client, "numbers.half", "7").await?;

    let mut found = client.discover().stats(Some("calculator"), None).await?;
    for calculator in found.all().await? {
        let places: Vec<_> = calculator.endpoints.iter().map(|one| &*one.subject).collect();
        println!("found calculator {} at {}", calculator.service.version, places.join(" and "));
    }

    service.stop().await?;
    for endpoint in service.stats().endpoints {
        println!("requests: {}, errors: {}", endpoint.num_requests, endpoint.num_errors);
    }
    Ok(())
}

/// Answers the requests of an endpoint until the service stops.
async fn serve(endpoint: Endpoint, compute: fn(i64) -> Result<i64, ServiceError>) {
    while let Some(mut request) = endpoint.next().await {
        let text = String::from_utf8_lossy(request.message().payload());
        let number = text.parse().map_err(|_| ServiceError::new(400, "expected a number"));
        let answered = match number.and_then(compute) {
            Ok(number) => request.respond(number.to_string()).await,
            Err(error) => request.respond_error(error.code, &error.description, "", None).await,
        };
        if let Err(error) = answered {
            eprintln!("{error}");
        }
    }
}

async fn ask(client: &Client, subject: &str, number: &str) -> nats_core::Result<()> {
    let reply = client.request(subject, number).await?;
    match ServiceError::of(&reply) {
        Some(ServiceError { code, description }) => {
            println!("{subject} of {number}: error {code}: {description}");
        }
        None => println!("{subject} of {number}: {}", String::from_utf8_lossy(reply.payload())),
    }
    Ok(())
}
