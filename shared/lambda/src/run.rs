//! The event loop, for HTTP and for other events.

use api::admission::with_event_context;
use app::Platform;
use axum::Router;
use lambda_http::{LambdaEvent, Request, RequestExt, service_fn};
use serde_json::Value;
use tower::ServiceExt;
use tracing::Instrument;

use crate::aws::Aws;
use crate::configuration::Configuration;
use crate::engines::Engines;
use crate::{Error, logs, metrics, warm_up};

/// Answers HTTP requests with the router that `make` makes, until Lambda stops the process. It asks for the smallest
/// platform that its use cases need, which the engines make: the application, or market data.
pub async fn run_http<P: Platform>(engines: Engines<P>, make: fn(P) -> Router) -> Result<(), Error> {
    let (service_name, platform) = start(engines).await?;
    let router = make(platform);
    let service = service_fn(|request: Request| {
        let span = logs::span(&service_name, &request.lambda_context());
        router.clone().oneshot(with_event_context(request)).instrument(span)
    });
    run_until_terminated(lambda_http::run(service)).await
}

/// Hands every event to `handle`, until Lambda stops the process.
///
/// A failure is logged here, once, and reported to Lambda, which retries and finally moves the event to a queue.
pub async fn run_event<P, H, E>(engines: Engines<P>, handle: H) -> Result<(), Error>
where
    P: Platform,
    H: AsyncFn(&P, Value) -> Result<Value, E>,
    E: std::error::Error,
{
    let (service_name, platform) = start(engines).await?;
    let collector = metrics::start(&service_name)?;
    let service = service_fn(|event: LambdaEvent<Value>| {
        let span = logs::span(&service_name, &event.context);
        let (handle, platform) = (&handle, &platform);
        async move {
            let handled = handle(platform, event.payload).await;
            metrics::write(collector);
            handled.map_err(|error| {
                tracing::error!(%error, "the event failed");
                Error::from(error.to_string())
            })
        }
        .instrument(span)
    });
    run_until_terminated(lambda_runtime::run(service)).await
}

/// The name that log lines carry, and the platform on its engines, with the connection to the table open.
async fn start<P: Platform>(engines: Engines<P>) -> Result<(String, P), Error> {
    let configuration = Configuration::from_environment()?;
    logs::start(&configuration);
    let aws = Aws::new(configuration);
    let platform = engines.start(&aws);
    warm_up::open_connection(platform.app()).await;
    Ok((aws.configuration.service, platform))
}

/// Ends when Lambda or its emulator asks the process to stop, when no event is in progress.
async fn run_until_terminated(run: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = run => ended,
        _ = terminate.recv() => Ok(()),
    }
}
