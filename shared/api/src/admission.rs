//! The context of an API Gateway event: the caller, the route, the source address and the request id.

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use crate::caller::Caller;
use crate::middleware::RequestId;
use crate::policy::ChosenRoute;
use crate::source::SourceIp;

/// Adds the context of the event to the request's extensions: the request id, the route that API Gateway chose, the
/// source address, and from the authorizer the caller or why there is none.
///
/// Without a caller, routes that need one are refused; without a route, all are; without an id, the middleware creates
/// one.
#[must_use]
pub fn with_event_context(mut request: Request) -> Request {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return request };
    let caller = context.authorizer.as_ref().map(|authorizer| Caller::from_authorizer(&authorizer.fields));
    let path = request.raw_http_path().to_owned();
    let chosen = context.route_key.clone().map(|route_key| ChosenRoute { route_key, path });
    let request_id = context.request_id.clone().map(RequestId);
    let source_ip = context.http.source_ip.as_deref().and_then(|address| address.parse().ok()).map(SourceIp);
    let extensions = request.extensions_mut();
    match caller {
        Some(Ok(caller)) => drop(extensions.insert(caller)),
        Some(Err(refusal)) => drop(extensions.insert(refusal)),
        None => {}
    }
    if let Some(chosen) = chosen {
        extensions.insert(chosen);
    }
    if let Some(id) = request_id {
        extensions.insert(id);
    }
    if let Some(address) = source_ip {
        extensions.insert(address);
    }
    request
}

#[cfg(test)]
mod tests {
    use identity::authorization::Refusal;

    use super::*;

    const CUSTOMER: &str = "0190aaaa-0000-7000-8000-000000000009";

    fn request(authorizer: &str) -> Request {
        let event = format!(
            r#"{{"version": "2.0", "routeKey": "GET /a", "rawPath": "/a", "rawQueryString": "",
                "headers": {{"host": "a.example"}}, "isBase64Encoded": false,
                "requestContext": {{"http": {{"method": "GET", "path": "/a", "sourceIp": "192.0.2.7"}}, "requestId": "r-1", "routeKey": "GET /a",
                "stage": "$default" {authorizer} }} }}"#
        );
        with_event_context(lambda_http::request::from_str(&event).unwrap())
    }

    #[test]
    fn the_caller_comes_from_the_authorizer() {
        let context = format!(r#"{{"customer_id": "{CUSTOMER}", "role": "client", "session": "ab12"}}"#);
        let request = request(&format!(r#", "authorizer": {{"lambda": {context}}}"#));
        assert_eq!(request.extensions().get::<Caller>().unwrap().customer_id.to_string(), CUSTOMER);
        assert_eq!(request.extensions().get::<RequestId>().unwrap().0, "r-1");
        let chosen = ChosenRoute { route_key: "GET /a".to_owned(), path: "/a".to_owned() };
        assert_eq!(request.extensions().get::<ChosenRoute>(), Some(&chosen));
        assert_eq!(request.extensions().get::<SourceIp>().unwrap().0.to_string(), "192.0.2.7");
    }

    #[test]
    fn the_reason_why_there_is_no_caller_comes_from_the_authorizer() {
        let refused = request(r#", "authorizer": {"lambda": {"refused": "session_ended"}}"#);
        assert_eq!(Caller::of(refused.extensions()), Err(Refusal::SessionEnded));
        assert_eq!(Caller::of(request("").extensions()), Err(Refusal::NoToken));
    }

    #[test]
    fn without_our_authorizer_there_is_no_caller() {
        let partial = format!(r#", "authorizer": {{"lambda": {{"customer_id": "{CUSTOMER}"}}}}"#);
        for authorizer in ["", r#", "authorizer": {"iam": {"accountId": "1"}}"#, &partial] {
            assert!(request(authorizer).extensions().get::<Caller>().is_none(), "{authorizer}");
        }
    }
}
