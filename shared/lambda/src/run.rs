//! The event loop, for HTTP and for other events.

use std::convert::Infallible;

use api::admission::with_event_context;
use app::Platform;
use axum::Router;
use axum::response::Response;
use lambda_http::{LambdaEvent, Request, service_fn};
use metrics_cloudwatch_embedded::Collector;
use serde_json::Value;
use tower::ServiceExt;
use tracing::Instrument;

use crate::aws::Aws;
use crate::configuration::Configuration;
use crate::engines::Engines;
use crate::metrics::{Invocation, Outcome};
use crate::{Error, logs, metrics, warm_up};

/// Answers HTTP requests with the router that `make` makes, until Lambda stops the process. It asks for the smallest
/// platform that its use cases need, which the engines make: the application, or market data.
pub async fn run_http<P: Platform>(engines: Engines<P>, make: fn(P) -> Router) -> Result<(), Error> {
    let (service_name, platform, measured) = start(engines).await?;
    let router = make(platform);
    let service = service_fn(|request: Request| {
        let invocation = Invocation::start();
        let span = logs::request_span(&service_name, &request, invocation.cold_start);
        let answering = router.clone().oneshot(with_event_context(request));
        async move {
            let Ok(response) = answering.await;
            measured.end(&invocation, Outcome::of_status(response.status().as_u16()));
            Ok::<Response, Infallible>(response)
        }
        .instrument(span)
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
    let (service_name, platform, measured) = start(engines).await?;
    let service = service_fn(|event: LambdaEvent<Value>| {
        let invocation = Invocation::start();
        let span = logs::span(&service_name, &event.context, invocation.cold_start);
        let (handle, platform) = (&handle, &platform);
        async move {
            let handled = handle(platform, event.payload).await;
            measured.end(&invocation, if handled.is_ok() { Outcome::Success } else { Outcome::ServerError });
            handled.map_err(|error| {
                tracing::error!(%error, "the event failed");
                Error::from(error.to_string())
            })
        }
        .instrument(span)
    });
    run_until_terminated(lambda_runtime::run(service)).await
}

/// The name that log lines carry, the platform on its engines, with the connection to the table open, and where its
/// metrics go.
async fn start<P: Platform>(engines: Engines<P>) -> Result<(String, P, Measured), Error> {
    let configuration = Configuration::from_environment()?;
    logs::start(&configuration);
    let collector = metrics::start(&configuration.service)?;
    let aws = Aws::new(configuration);
    let platform = engines.start(&aws);
    warm_up::open_connection(platform.app()).await;
    let measured = Measured { collector, counts_invocations: aws.configuration.function_metrics };
    Ok((aws.configuration.service, platform, measured))
}

/// The metrics of this process.
#[derive(Clone, Copy)]
struct Measured {
    collector: &'static Collector,
    /// Whether invocations are counted too, and not only what services measure.
    counts_invocations: bool,
}

impl Measured {
    /// Counts an invocation that ends, and writes all that was measured meanwhile.
    fn end(self, invocation: &Invocation, outcome: Outcome) {
        if self.counts_invocations {
            invocation.count(outcome);
        }
        metrics::write(self.collector);
    }
}

/// Ends when Lambda or its emulator asks the process to stop, when no event is in progress.
async fn run_until_terminated(run: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = run => ended,
        _ = terminate.recv() => Ok(()),
    }
}
