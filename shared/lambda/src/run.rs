//! The event loop, for HTTP and for other events.

use std::convert::Infallible;

use api::admission::with_event_context;
use app::Platform;
use axum::Router;
use axum::response::Response;
use lambda_http::request::RequestContext;
use lambda_http::{LambdaEvent, Request, RequestExt as _, service_fn};
use metrics_cloudwatch_embedded::Collector;
use serde_json::Value;
use tower::ServiceExt;
use traces::FunctionSpan;
use tracing::Instrument;

use crate::aws::Aws;
use crate::configuration::Configuration;
use crate::engines::Engines;
use crate::metrics::{Invocation, Outcome};
use crate::{Error, logs, metrics, warm_up};

/// Answers HTTP requests with the router that `make` makes, until Lambda stops the process. It asks for the smallest
/// platform that its use cases need, which the engines make: the application, or market data.
pub async fn run_http<P: Platform>(engines: Engines<P>, make: fn(P) -> Router) -> Result<(), Error> {
    let function = engines.function();
    let (service_name, platform, measured) = start(engines).await?;
    let router = make(platform);
    let service = service_fn(|request: Request| {
        let invocation = Invocation::start();
        let span = logs::request_span(&service_name, &request, invocation.cold_start);
        let traced = traced_request(function, &request, invocation.cold_start);
        let answering = router.clone().oneshot(with_event_context(request));
        async move {
            let Ok(response) = traced.run(answering).await;
            let status = response.status().as_u16();
            measured.end(&invocation, Outcome::of_status(status));
            traced.end_with_status(status);
            traces::flush().await;
            Ok::<Response, Infallible>(response)
        }
        .instrument(span)
    });
    run_until_terminated(lambda_http::run(service)).await
}

/// The span of a request to a function.
fn traced_request(function: &str, request: &Request, cold_start: bool) -> FunctionSpan {
    let context = request.lambda_context();
    let trace = logs::trace_of(request, &context);
    let invocation = traces::Invocation { function, id: &context.request_id, cold_start, trace };
    let route_key = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref(),
        _ => None,
    };
    FunctionSpan::of_request(&invocation, route_key.unwrap_or_default())
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
    let function = engines.function();
    let (service_name, platform, measured) = start(engines).await?;
    let service = service_fn(|event: LambdaEvent<Value>| {
        let invocation = Invocation::start();
        let span = logs::span(&service_name, &event.context, invocation.cold_start);
        let traced = traced_event(function, &event, invocation.cold_start);
        let (handle, platform) = (&handle, &platform);
        async move {
            let handled = traced.run(handle(platform, event.payload)).await;
            measured.end(&invocation, if handled.is_ok() { Outcome::Success } else { Outcome::ServerError });
            traced.end(handled.is_ok());
            traces::flush().await;
            handled.map_err(|error| {
                tracing::error!(%error, "the event failed");
                Error::from(error.to_string())
            })
        }
        .instrument(span)
    });
    run_until_terminated(lambda_runtime::run(service)).await
}

/// The span of another event of a function.
fn traced_event(function: &str, event: &LambdaEvent<Value>, cold_start: bool) -> FunctionSpan {
    let (id, trace) = (event.context.request_id.as_str(), event.context.xray_trace_id.as_deref());
    FunctionSpan::of_event(&traces::Invocation { function, id, cold_start, trace }, &event.payload)
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
