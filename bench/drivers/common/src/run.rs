//! A driver from its arguments to its line of JSON.

use std::process::ExitCode;

use serde_json::json;
use tokio::runtime::Builder;

use crate::args::{Args, Op};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::jetstream;
use crate::kv;
use crate::meter::{Measured, rss_kib};
use crate::object;
use crate::ops;
use crate::service;

/// The whole program: reads the arguments, measures, prints one line of JSON.
pub fn run<C: Client>() -> ExitCode {
    drive(std::env::args().skip(1), C::name, C::version(), block_on::<C>)
}

/// A program that measures in a way of its own.
pub fn drive(
    words: impl Iterator<Item = String>,
    name: impl Fn(&Args) -> &'static str,
    version: String,
    measure: impl FnOnce(&Args) -> Result<Measured>,
) -> ExitCode {
    let line = |args: Args| {
        let rss_before_kib = rss_kib()?;
        let measured = measure(&args)?;
        Ok(json!({
            "client": name(&args),
            "version": version,
            "seconds": measured.seconds,
            "cpu_seconds": measured.cpu_seconds,
            "rss_before_kib": rss_before_kib,
            "rss_peak_kib": measured.rss_peak_kib,
            "rss_kib": measured.rss_kib,
            "threads": measured.threads,
            "p50_us": measured.p50_us,
            "p99_us": measured.p99_us,
        }))
    };
    match Args::read(words).and_then(line) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(Failure::Failed(text)) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
        Err(Failure::Unsupported(reason)) => {
            println!("{}", json!({ "unsupported": reason }));
            ExitCode::from(3)
        }
    }
}

fn block_on<C: Client>(args: &Args) -> Result<Measured> {
    if let Op::Subscribe(mode) | Op::Pubsub(mode) | Op::JsConsume(mode) = args.op
        && !C::MODES.contains(&mode)
    {
        let text = format!("{} does not receive in this way", C::name(args));
        return Err(Failure::Unsupported(text));
    }
    let mut builder =
        if args.multi { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let runtime = builder.enable_all().build().map_err(|error| Failure::of("runtime", error))?;
    runtime.block_on(measure::<C>(args))
}

async fn measure<C: Client>(args: &Args) -> Result<Measured> {
    match args.op {
        Op::Publish => ops::publish::<C>(args).await,
        Op::Subscribe(mode) => ops::subscribe::<C>(args, mode).await,
        Op::Pubsub(mode) => ops::pubsub::<C>(args, mode).await,
        Op::Request => ops::request::<C>(args).await,
        Op::Service => service::serve::<C>(args).await,
        Op::Connect => ops::connect::<C>(args).await,
        Op::JsPublish => jetstream::publish::<C>(args).await,
        Op::JsPublishAsync => jetstream::publish_all::<C>(args).await,
        Op::JsFetch => jetstream::fetch::<C>(args, false).await,
        Op::JsFetchAck => jetstream::fetch::<C>(args, true).await,
        Op::JsConsume(mode) => jetstream::consume::<C>(args, mode).await,
        Op::KvPut => kv::put::<C>(args).await,
        Op::KvGet => kv::get::<C>(args).await,
        Op::KvWatch => kv::watch::<C>(args).await,
        Op::ObjectPut => object::put::<C>(args).await,
        Op::ObjectGet => object::get::<C>(args).await,
    }
}
