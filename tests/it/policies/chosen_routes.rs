//! The route matched for a request is the one that runs, whatever characters its path contains.

use axum::Router;
use gateway::authorizer::context;
use gateway::event::{HttpRequest, RequestContext, http_event};
use gateway::invoke::{Invocation, invoke_http};
use gateway::policy::POLICIES;
use gateway::registry::{FUNCTIONS, Handler};
use gateway::template::{PROJECT_TEMPLATE, Template};
use identity::authorization::Authorized;
use market_data::MarketData;
use reqwest::{Method, Version};
use traces::TraceHeader;

use super::*;
use crate::target::settings;

/// Tricky path parts, as sent by clients and as passed on by API Gateway.
const TRICKS: [(&str, &str); 10] = [
    ("%3F", "?"),
    ("%23", "#"),
    ("%25", "%25"),
    ("%2F", "/"),
    ("%5C", "\\"),
    ("%00", "\0"),
    ("..;", "..;"),
    ("%2F..;%2F", "/..;/"),
    ("%2F%2e%2e%2F", "/../"),
    ("%252e%252e%252F", "%252e%252e%252F"),
];
/// The statuses of a request that had no effect.
const REFUSED: [u16; 4] = [400, 404, 405, 422];

/// The paths of a route with `trick` before, inside and after each of its variables.
fn tricked(route: &str, things: &Things, trick: &str) -> Vec<String> {
    let template = route.split_once(' ').unwrap().1;
    let mut paths = Vec::new();
    for (position, segment) in template.split('/').enumerate() {
        if !segment.starts_with('{') {
            continue;
        }
        let path = things.path(route, Some("IBM"));
        let segments: Vec<_> = path.split('/').collect();
        let value = segments[position];
        let (start, end) = value.split_at(value.len() / 2);
        for altered in [format!("{trick}{value}"), format!("{start}{trick}{end}"), format!("{value}{trick}x")] {
            let mut segments = segments.clone();
            segments[position] = &altered;
            paths.push(segments.join("/"));
        }
    }
    paths
}

#[test]
fn no_character_of_a_path_reaches_another_route() {
    each(async |target: &Target| {
        let owner = Actor::new(target, "administrator").await;
        // A customer has twenty exports an hour, and refused ones count.
        let exporter = Actor::new(target, "administrator").await;
        let before = seen(&owner).await;
        let mut found = Vec::new();
        for (route, _) in POLICIES {
            let actor = if route.ends_with("/activities/export") { &exporter } else { &owner };
            for (sent, _) in TRICKS {
                for path in tricked(route, &actor.things, sent) {
                    let answer = call(&actor.target, route, &path, &actor.email).await;
                    if !REFUSED.contains(&answer.status) {
                        found.push(format!("{route} at {path}: {}: {}", answer.status, answer.text()));
                    }
                }
            }
        }
        assert!(found.is_empty(), "on {}:\n{}", target.name, found.join("\n"));
        assert_eq!(seen(&owner).await, before, "something was done on {}", target.name);
    });
}

/// The functions that answer HTTP as API Gateway invokes them, for one caller.
struct Functions {
    platform: MarketData,
    routers: Vec<(String, Router)>,
    caller: Authorized,
}

impl Functions {
    fn of(platform: MarketData, caller: Authorized) -> Self {
        let template = Template::parse(PROJECT_TEMPLATE).unwrap();
        let mut routers = Vec::new();
        for registered in FUNCTIONS {
            let Handler::Http { router, .. } = registered.handler else { continue };
            let router = router.on(platform.restricted_to(registered.name));
            let function = template.functions.iter().find(|function| function.name == registered.name).unwrap();
            routers.extend(function.routes.iter().map(|key| (key.to_string(), router.clone())));
        }
        Self { platform, routers, caller }
    }

    /// Invokes the function of `route` with the event of a request to `path` for which API Gateway chose `route`.
    async fn invoke(&self, route: &str, path: &str) -> u16 {
        let (_, router) = self.routers.iter().find(|(key, _)| key == route).unwrap();
        let method: Method = route.split_once(' ').unwrap().0.parse().unwrap();
        let headers = [("content-type", "application/json"), ("if-match", "*"), ("idempotency-key", "chosen")];
        let headers =
            headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let body = body(route, "a@example.com").map(|body| body.to_string()).unwrap_or_default();
        let request = HttpRequest {
            method: &method,
            path,
            query: "",
            version: Version::HTTP_11,
            headers: &headers,
            host: "localhost",
            peer: "127.0.0.1:1".parse().unwrap(),
            behind_proxy: false,
            body: body.as_bytes(),
            content_length: body.len() as u64,
        };
        let context = RequestContext {
            route_key: route.to_owned(),
            path_parameters: &BTreeMap::new(),
            request_id: "r-1",
            trace: TraceHeader::start(1, 1 << 32),
            time: self.platform.app.now(),
            authorizer: Some(&context(Ok(&self.caller))),
        };
        let event = http_event(&request, &context);
        let invocation =
            Invocation { function: "chosen", timeout: std::time::Duration::from_mins(1), request_id: "r-1" };
        invoke_http(router.clone(), &event, &invocation).await.status().as_u16()
    }
}

#[test]
fn an_event_whose_route_is_not_the_one_that_its_path_runs_is_refused() {
    crate::target::run(async || {
        let home = tempfile::tempdir().unwrap();
        let mut settings = settings(home.path());
        // A path with a trick may run the route after all, and counts as an export.
        settings.customer_limits.exports = 0;
        let (server, target) = Target::serve(settings).await;
        let owner = Actor::new(&target, "administrator").await;
        let customer_id = owner.things.customer.parse().map(domain::CustomerId).unwrap();
        let caller = Authorized { customer_id, role: domain::Role::Administrator, session: "0".repeat(64) };
        let functions = Functions::of(server.platform().market.clone(), caller);
        let before = seen(&owner).await;
        let mut found = Vec::new();
        for (route, _) in POLICIES {
            for (_, decoded) in TRICKS {
                for path in tricked(route, &owner.things, decoded) {
                    let status = functions.invoke(route, &path).await;
                    if !REFUSED.contains(&status) {
                        found.push(format!("{route} at {path:?}: {status}"));
                    }
                }
            }
            let others = POLICIES.iter().map(|(other, _)| owner.things.path(other, Some("IBM")));
            for path in others.filter(|path| *path != owner.things.path(route, Some("IBM"))) {
                let status = functions.invoke(route, &path).await;
                if ![404, 405].contains(&status) {
                    found.push(format!("{route} at {path}: {status}"));
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        assert_eq!(seen(&owner).await, before, "something was done");
        assert_eq!(
            functions.invoke("GET /portfolios", "/portfolios").await,
            200,
            "the events are those of API Gateway"
        );
        server.stop().await;
    });
}
