//! The loop that takes events, for HTTP and for everything else.

use api::Caller;
use api::caller::Admission;
use api::policy::Chosen;
use axum::Router;
use lambda_http::request::RequestContext;
use lambda_http::{LambdaEvent, Request, RequestExt, service_fn};
use serde_json::Value;
use services::App;
use tower::ServiceExt;
use tracing::Instrument;

use crate::aws::Aws;
use crate::configuration::Configuration;
use crate::engines::Engines;
use crate::{Error, logs, metrics, warm_up};

/// Answers HTTP requests with the router that `make` makes, until Lambda stops the process.
pub async fn run_http(engines: Engines, make: fn(App) -> Router) -> Result<(), Error> {
    let (service_name, app) = started(engines).await?;
    let router = make(app);
    let service = service_fn(|request: Request| {
        let span = logs::span(&service_name, &request.lambda_context());
        router.clone().oneshot(admitted(request)).instrument(span)
    });
    until_terminated(lambda_http::run(service)).await
}

/// Hands every event to `handle`, until Lambda stops the process.
///
/// A failure is logged here, once, and reported to Lambda, which retries and in the end keeps the event.
pub async fn run_event<H, E>(engines: Engines, handle: H) -> Result<(), Error>
where
    H: AsyncFn(&App, Value) -> Result<Value, E>,
    E: std::error::Error,
{
    let (service_name, app) = started(engines).await?;
    let collector = metrics::start(&service_name)?;
    let service = service_fn(|event: LambdaEvent<Value>| {
        let span = logs::span(&service_name, &event.context);
        let (handle, app) = (&handle, &app);
        async move {
            let handled = handle(app, event.payload).await;
            metrics::write(collector);
            handled.map_err(|error| {
                tracing::error!(%error, "the event failed");
                Error::from(error.to_string())
            })
        }
        .instrument(span)
    });
    until_terminated(lambda_runtime::run(service)).await
}

/// The name that log lines carry, and the application on its engines, with the connection to the table open.
async fn started(engines: Engines) -> Result<(String, App), Error> {
    let configuration = Configuration::from_environment()?;
    logs::start(&configuration);
    let aws = Aws::new(configuration);
    let app = App::limited(engines(&aws), aws.configuration.source_limits.clone());
    warm_up::open_connection(&app).await;
    Ok((aws.configuration.service, app))
}

/// Ends when Lambda, or whoever stands in for it, asks the process to stop; no event is under way then.
async fn until_terminated(run: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = run => ended,
        _ = terminate.recv() => Ok(()),
    }
}

/// The request with what its event says beside it: its id, its route, its source, and the caller that the authorizer named.
fn admitted(mut request: Request) -> Request {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return request };
    let caller = context.authorizer.as_ref().and_then(|authorizer| Caller::from_authorizer(&authorizer.fields));
    let path = request.raw_http_path().to_owned();
    let chosen = context.route_key.clone().map(|route_key| Chosen { route_key, path });
    let request_id = context.request_id.clone();
    let source_ip = context.http.source_ip.as_deref().and_then(|address| address.parse().ok());
    api::caller::admit(request.extensions_mut(), Admission { caller, request_id, chosen, source_ip });
    request
}

#[cfg(test)]
mod tests {
    use api::door::RequestId;
    use api::source::SourceIp;

    use super::*;

    const CUSTOMER: &str = "0190aaaa-0000-7000-8000-000000000009";

    fn request(authorizer: &str) -> Request {
        let event = format!(
            r#"{{"version": "2.0", "routeKey": "GET /a", "rawPath": "/a", "rawQueryString": "",
                "headers": {{"host": "a.example"}}, "isBase64Encoded": false,
                "requestContext": {{"http": {{"method": "GET", "path": "/a", "sourceIp": "192.0.2.7"}}, "requestId": "r-1", "routeKey": "GET /a",
                "stage": "$default" {authorizer} }} }}"#
        );
        admitted(lambda_http::request::from_str(&event).unwrap())
    }

    #[test]
    fn the_caller_is_whom_the_authorizer_names() {
        let context = format!(r#"{{"customer_id": "{CUSTOMER}", "role": "client", "session": "ab12"}}"#);
        let request = request(&format!(r#", "authorizer": {{"lambda": {context}}}"#));
        assert_eq!(request.extensions().get::<Caller>().unwrap().customer_id.to_string(), CUSTOMER);
        assert_eq!(request.extensions().get::<RequestId>().unwrap().0, "r-1");
        let chosen = Chosen { route_key: "GET /a".to_owned(), path: "/a".to_owned() };
        assert_eq!(request.extensions().get::<Chosen>(), Some(&chosen));
        assert_eq!(request.extensions().get::<SourceIp>().unwrap().0.to_string(), "192.0.2.7");
    }

    #[test]
    fn where_no_authorizer_of_ours_speaks_there_is_no_caller() {
        let partial = format!(r#", "authorizer": {{"lambda": {{"customer_id": "{CUSTOMER}"}}}}"#);
        for authorizer in ["", r#", "authorizer": {"iam": {"accountId": "1"}}"#, &partial] {
            assert!(request(authorizer).extensions().get::<Caller>().is_none(), "{authorizer}");
        }
    }
}
