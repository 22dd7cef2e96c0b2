//! The home page, the API reference and the other public files.

use std::collections::BTreeSet;

use gateway::policy::{POLICIES, answers_head};
use reqwest::Method;
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

use crate::answer::Answer;
use crate::target::{Target, each};

const PUBLIC_FILES: [&str; 6] = ["/", "/docs", "/docs/icon.svg", "/docs/README.md", "/docs/style.css", "/openapi.json"];

/// The elements of a page, which is well-formed XML.
fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}"))
}

/// The values of an attribute in a page.
fn values<'a>(page: &'a Document<'_>, name: &str) -> Vec<&'a str> {
    page.descendants().filter_map(|node| node.attribute(name)).collect()
}

/// Checks that a page runs no script and loads nothing but from this platform.
fn assert_harmless(answer: &Answer, page: &Document<'_>) {
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    let sources: BTreeSet<_> = policy.split("; ").skip(1).filter_map(|directive| directive.split_once(' ')).collect();
    assert!(sources.iter().all(|(_, source)| ["'self'", "'none'"].contains(source)), "{policy}");
    for node in page.descendants().filter(roxmltree::Node::is_element) {
        assert!(!["script", "style", "iframe", "form"].contains(&node.tag_name().name()), "{}", node.tag_name().name());
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(name != "style" && !name.starts_with("on"), "{}: {name}", node.tag_name().name());
        }
    }
    for link in values(page, "href").into_iter().chain(values(page, "src")) {
        assert!(link.starts_with('#') || (link.starts_with('/') && !link.starts_with("//")), "{link}");
    }
}

#[test]
fn the_home_page_needs_no_token_and_its_links_lead_somewhere() {
    each(async |target: &Target| {
        let answer = target.anonymous().get("/").await.expect_status(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let text = answer.text();
        let page = parsed(&text);
        assert_harmless(&answer, &page);
        let links: BTreeSet<_> = values(&page, "href").into_iter().chain(values(&page, "src")).collect();
        for link in ["/docs", "/openapi.json", "/health", "/docs/README.md"] {
            assert!(links.contains(link), "{link}");
        }
        for link in links {
            target.anonymous().get(link).await.expect_status(200);
        }
    });
}

#[test]
fn the_reference_has_every_operation_schema_and_problem_code() {
    each(async |target: &Target| {
        let answer = target.anonymous().get("/docs").await.expect_status(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let text = answer.text();
        let page = parsed(&text);
        assert_harmless(&answer, &page);
        let ids = values(&page, "id");
        let anchors: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(anchors.len(), ids.len(), "an anchor is there once");

        let document = target.get("/openapi.json").await.expect_status(200).json();
        let mut expected = Vec::new();
        for operation in
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
        {
            expected.push(operation["operationId"].as_str().unwrap().to_owned());
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        expected.extend(schemas.keys().map(|name| format!("schema-{name}")));
        expected.extend(api::ProblemCode::ALL.iter().map(|code| format!("problem-{}", code.as_str())));
        let missing: Vec<_> = expected.iter().filter(|id| !anchors.contains(id.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for link in values(&page, "href").into_iter().filter_map(|link| link.strip_prefix('#')) {
            assert!(anchors.contains(link), "#{link} leads nowhere");
        }
    });
}

#[test]
fn the_reference_shows_what_a_client_sends() {
    each(async |target: &Target| {
        let text = target.get("/docs").await.expect_status(200).text();
        let page = parsed(&text);
        let examples: Vec<String> = page
            .descendants()
            .filter(|node| node.has_tag_name("pre"))
            .map(|node| node.descendants().filter(roxmltree::Node::is_text).filter_map(|inner| inner.text()).collect())
            .collect();
        assert_eq!(examples.len(), POLICIES.len(), "an example an operation");
        let of = |start: &str| {
            examples.iter().find(|example| example.starts_with(start)).unwrap_or_else(|| panic!("{start}"))
        };
        let deposit = of("curl -X POST \"$URL/wallet/deposits\"");
        assert!(
            deposit.contains("-H \"Authorization: Bearer $TOKEN\"") && deposit.contains("Idempotency-Key"),
            "{deposit}"
        );
        let body = deposit.split("-d '").nth(1).unwrap().strip_suffix('\'').unwrap();
        assert!(serde_json::from_str::<Value>(body).unwrap()["amount"].is_string(), "{deposit}");
        assert!(!of("curl -X POST \"$URL/sessions\"").contains("Authorization"));
        assert!(of("curl \"$URL/portfolios/$ID/trades/$TRADE_ID\"").contains("$TOKEN"));
    });
}

/// Without the time of the response and what belongs to one request alone.
fn lasting(answer: &Answer) -> Vec<(String, String)> {
    let passing = ["date", "x-request-id", "apigw-requestid", "connection", "server", "content-length"];
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut headers: Vec<_> =
        headers.filter(|(name, _)| !passing.contains(&name.as_str()) && !name.starts_with("x-amz")).collect();
    headers.sort();
    headers
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    each(async |target: &Target| {
        let target = target.anonymous().undecoded();
        let paths =
            POLICIES.iter().filter_map(|(route, _)| route.strip_prefix("GET ")).filter(|path| answers_head(path));
        for path in paths {
            for accepted in ["identity", "gzip"] {
                let sent = async |method| target.send_with(method, path, &[("accept-encoding", accepted)], "").await;
                let (get, head) = (sent(Method::GET).await, sent(Method::HEAD).await);
                assert_eq!((get.status, head.status), (200, 200), "{path}");
                assert!(!get.bytes().is_empty() && head.bytes().is_empty(), "{path}");
                assert_eq!(lasting(&head), lasting(&get), "{path}");
                if target.is_local() {
                    assert_eq!(head.header("content-length"), get.bytes().len().to_string(), "{path}");
                }
            }
        }
    });
}

#[test]
fn a_cache_may_keep_a_public_file_and_asks_for_it_by_its_tag() {
    each(async |target: &Target| {
        let target = target.anonymous().undecoded();
        for path in PUBLIC_FILES {
            let get = async |headers: &[(&str, &str)]| target.send_with(Method::GET, path, headers, "").await;
            let plain = get(&[]).await.expect_status(200);
            let tag = plain.header("etag");
            assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34, "{path}: {tag}");
            // The document is large and changes with a deployment only; a page and its files are renewed together.
            let seconds = if path == "/openapi.json" { 86_400 } else { 300 };
            assert_eq!(plain.header("cache-control"), format!("public, max-age={seconds}"), "{path}");
            assert_eq!(plain.header("vary"), "accept-encoding", "{path}");
            let compressed = get(&[("accept-encoding", "gzip")]).await.expect_status(200);
            let weak = format!("W/{tag}");
            // The tag names other bytes, and is therefore not the strong one.
            let is_compressed = !compressed.header("content-encoding").is_empty();
            assert_eq!(compressed.header("etag"), if is_compressed { weak.clone() } else { tag.clone() }, "{path}");
            for known in [&tag, &weak, &format!("\"other\", {weak}"), "*"] {
                for accepted in ["identity", "gzip"] {
                    let unchanged =
                        get(&[("if-none-match", known), ("accept-encoding", accepted)]).await.expect_status(304);
                    assert!(unchanged.bytes().is_empty(), "{path}");
                    for header in ["etag", "cache-control", "vary"] {
                        assert_eq!(unchanged.header(header), plain.header(header), "{path}: {header}");
                    }
                }
            }
            get(&[("if-none-match", "\"other\"")]).await.expect_status(200);
        }
    });
}

#[test]
fn a_file_that_the_reference_does_not_have_is_not_found() {
    each(async |target: &Target| {
        for path in ["/docs/script.js", "/docs/style.CSS", "/docs/..%2Fstyle.css", "/docs/style.css/x", "/style.css"] {
            let answer = target.anonymous().get(path).await;
            assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
        }
        target.anonymous().get("/docs/script.js").await.expect_problem(404, "route_not_found");
    });
}
