//! What every route does with a request, whatever the route is for: with an unknown parameter, an encoded body, HEAD, and
//! a trailing slash.

use gateway::policy::answers_head;

use super::*;

/// The method of a route, and a path that it matches. Nothing has its ids: every request here is refused before one is
/// looked up.
fn method_and_path(route: &str) -> (Method, String) {
    let (method, template) = route.split_once(' ').unwrap();
    let segments = template.split('/').map(|segment| if segment.starts_with('{') { "style.css" } else { segment });
    (method.parse().unwrap(), segments.collect::<Vec<_>>().join("/"))
}

#[test]
fn every_route_refuses_a_parameter_that_it_does_not_have() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        for (route, _) in POLICIES {
            let (method, path) = method_and_path(route);
            let answer = administrator.call(method, &format!("{path}?no_such=1")).await;
            let problem = answer.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], "/no_such", "{route}: {problem}");
        }
    });
}

#[test]
fn every_route_refuses_a_parameter_that_is_sent_twice() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        let document: Value = serde_json::from_str(&gateway::openapi::document().unwrap()).unwrap();
        for (route, _) in POLICIES {
            let (method, path) = method_and_path(route);
            let template = route.split_once(' ').unwrap().1;
            let operation = &document["paths"][template][method.as_str().to_lowercase()];
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
                let name = parameter["name"].as_str().unwrap();
                let answer = administrator.call(method.clone(), &format!("{path}?{name}=1&{name}=1")).await;
                let problem = answer.expect_problem(422, "invalid_fields");
                assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"), "{route}: {problem}");
            }
        }
    });
}

#[test]
fn every_route_refuses_an_encoding_that_it_does_not_accept() {
    each(async |target: &Target| {
        let administrator = target.newcomer_as("administrator").await;
        let document: Value = serde_json::from_str(&gateway::openapi::document().unwrap()).unwrap();
        for (route, _) in POLICIES {
            let (method, path) = method_and_path(route);
            let template = route.split_once(' ').unwrap().1;
            if document["paths"][template][method.as_str().to_lowercase()].get("requestBody").is_none() {
                continue;
            }
            let answer = administrator.send_with(method, &path, &[("content-encoding", "br")], "{}").await;
            let accepted = if route.ends_with("/import") { "gzip, identity" } else { "identity" };
            assert_eq!(answer.header("accept-encoding"), accepted, "{route}");
            answer.expect_problem(415, "unsupported_content_encoding");
        }
        // The order of refusals: the parameters first, and the body last.
        let sent = async |path: &str| {
            let headers = [("content-encoding", "br"), ("content-type", "text/plain")];
            administrator.send_with(Method::POST, path, &headers, "{").await
        };
        sent("/portfolios?no_such=1").await.expect_problem(422, "invalid_fields");
        sent("/portfolios").await.expect_problem(415, "unsupported_content_encoding");
        let answer =
            administrator.send_with(Method::POST, "/portfolios", &[("content-encoding", "identity")], "{").await;
        answer.expect_problem(415, "unsupported_media_type");
    });
}

#[test]
fn head_is_answered_on_the_paths_of_probes_alone() {
    each(async |target: &Target| {
        for (route, _) in POLICIES {
            let (method, path) = method_and_path(route);
            let template = route.split_once(' ').unwrap().1;
            let answer = target.call(Method::HEAD, &path).await;
            assert!(answer.bytes().is_empty(), "{path}");
            if answers_head(template) {
                answer.expect_status(200);
                continue;
            }
            let allowed = answer.header("allow");
            assert!(allowed.split(", ").any(|name| name == method.as_str()), "{route}: {allowed}");
            assert!(!allowed.contains("HEAD"), "{route}: {allowed}");
            answer.expect_status(405);
        }
    });
}

#[test]
fn a_path_with_trailing_slashes_is_redirected_to_the_one_without() {
    each(async |target: &Target| {
        let target = target.anonymous();
        for (route, _) in POLICIES.iter().filter(|(route, _)| !route.ends_with(" /")) {
            let (method, path) = method_and_path(route);
            for (slashes, query) in [("/", ""), ("/", "?a=1&b=%20%2F&c"), ("//", "?a=1")] {
                let answer = target.call(method.clone(), &format!("{path}{slashes}{query}")).await;
                assert_eq!(answer.header("location"), format!("{path}{query}"), "{route}");
                assert!(answer.bytes().is_empty(), "{route}");
                answer.expect_status(308);
            }
        }
    });
}

#[test]
fn a_redirect_leads_to_a_route_of_this_host_alone() {
    each(async |target: &Target| {
        for path in
            ["/nope/", "//example.com/", "//example.com//", "///", "//", "/fetch-data/", "/portfolios//", "//docs/"]
        {
            let answer = target.call(Method::GET, path).await;
            // A path that has a route without its second slash.
            let location = answer.header("location");
            assert!(location.is_empty() || location == "/portfolios", "{path}: {location}");
            let expected = if location.is_empty() { 404 } else { 308 };
            answer.expect_status(expected);
        }
    });
}
