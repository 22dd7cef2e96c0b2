//! Compressed bodies, in both directions.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use gateway::policy::{POLICIES, responds_with_secret};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::portfolios::opened;
use crate::target::{PASSWORD, Target, each};

async fn get(target: &Target, path: &str, accepted: &str) -> Answer {
    let headers = if accepted.is_empty() { vec![] } else { vec![("accept-encoding", accepted)] };
    target.send_with(Method::GET, path, &headers, "").await
}

#[test]
fn a_compressed_body_decompresses_to_the_plain_one() {
    each(async |target: &Target| {
        let target = target.undecoded();
        for path in [
            "/",
            "/docs",
            "/docs/style.css",
            "/openapi.json",
            "/fetch-data/AAPL?from=2010-01-04",
            "/fetch-data/AAPL?from=2010-01-04&format=csv",
            "/report/IBM/chart.svg?chart=price",
        ] {
            let plain = get(&target, path, "").await.expect_status(200);
            assert_eq!(
                (plain.header("content-encoding"), plain.header("vary")),
                (String::new(), "accept-encoding".into())
            );
            let compressed = get(&target, path, "gzip").await.expect_status(200);
            assert_eq!(compressed.header("content-encoding"), "gzip", "{path}");
            assert_eq!(compressed.header("vary"), "accept-encoding", "{path}");
            assert_eq!(compressed.header("content-type"), plain.header("content-type"), "{path}");
            assert!(compressed.bytes().len() * 10 < plain.bytes().len() * 8, "{path}: {}", compressed.bytes().len());
            assert!(compressed.decoded() == plain.bytes(), "{path}");
        }
    });
}

#[test]
fn a_client_gets_gzip_unless_it_prefers_the_plain_body() {
    each(async |target: &Target| {
        let target = target.undecoded();
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", "gzip"),
            ("br;q=0, *", "gzip"),
            ("gzip;q=0.5, identity", ""),
            ("identity", ""),
            ("br, zstd", ""),
            // A client that accepts nothing that there is gets the plain body.
            ("identity;q=0, zstd", ""),
        ] {
            let answer = get(&target, "/openapi.json", accepted).await.expect_status(200);
            assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        }
    });
}

#[test]
fn a_problem_is_compressed_like_any_other_body() {
    each(async |target: &Target| {
        let fields: serde_json::Map<_, _> = (0..40).map(|field| (format!("no_such_{field}"), json!(1))).collect();
        let query: Vec<_> = fields.keys().map(|name| format!("{name}=1")).collect();
        let answer = get(&target.undecoded(), &format!("/wallet?{}", query.join("&")), "gzip").await.expect_status(422);
        assert_eq!(
            (answer.header("content-encoding"), answer.header("content-type")),
            ("gzip".into(), "application/problem+json".into())
        );
        let problem: Value = serde_json::from_slice(&answer.decoded()).unwrap();
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
    });
}

#[test]
fn a_short_body_is_sent_as_it_is() {
    each(async |target: &Target| {
        let answer = get(&target.undecoded(), "/health", "gzip").await.expect_status(200);
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), (String::new(), String::new()));
    });
}

#[test]
fn a_response_with_a_secret_is_never_compressed() {
    each(async |target: &Target| {
        let email = format!("{}@example.com", Target::unique("long"));
        let long = "é".repeat(100);
        let person = json!({
            "email": email, "password": PASSWORD, "first_name": long, "last_name": long,
            "address": { "street": long, "city": long, "state": long, "zip_code": "12345", "country": "US" },
        });
        let registered = target.post("/customers", &person).await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        let signing_in = json!({ "email": email, "password": PASSWORD }).to_string();
        let headers = [("accept-encoding", "gzip"), ("content-type", "application/json")];
        let anonymous = target.anonymous().undecoded();
        let signed_in = anonymous.send_with(Method::POST, "/sessions", &headers, signing_in).await.expect_status(201);
        assert!(signed_in.bytes().len() > 1024, "it would be compressed for its size: {}", signed_in.bytes().len());
        assert_eq!((signed_in.header("content-encoding"), signed_in.header("vary")), (String::new(), String::new()));
    });
}

#[test]
fn every_response_with_a_token_or_a_ticket_counts_as_one_with_a_secret() {
    let document: Value = serde_json::from_str(&gateway::openapi::document().unwrap()).unwrap();
    let mut found = Vec::new();
    for (route, _) in POLICIES {
        let (method, path) = route.split_once(' ').unwrap();
        let responses = document["paths"][path][method.to_lowercase()]["responses"].as_object().unwrap();
        let successes = responses.iter().filter(|(status, _)| status.starts_with('2'));
        let schemas = successes.map(|(_, response)| &response["content"]["application/json"]["schema"]);
        let mut names = schemas.flat_map(|schema| {
            let reference = schema["$ref"].as_str().and_then(|reference| document.pointer(&reference[1..]));
            reference.unwrap_or(schema)["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
        });
        if names.any(|name| name == "token" || name == "ticket") {
            found.push(*route);
        }
    }
    assert_eq!(found, ["POST /live-tickets", "POST /sessions"]);
    for (route, _) in POLICIES {
        assert_eq!(responds_with_secret(route), found.contains(route), "{route}");
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Only on one machine: the emulated AWS passes every body of these media types on as text, which gzip is not.
#[test]
fn a_file_may_be_imported_as_gzip() {
    each(async |target: &Target| {
        if !target.is_local() {
            return;
        }
        let (path, _) = opened(target, &json!({"name": "Compressed", "type": "other"})).await;
        let import = async |media_type: &str, file: Vec<u8>| {
            let headers = [("content-type", media_type), ("content-encoding", "gzip")];
            target.send_with(Method::POST, &format!("{path}/investments/import"), &headers, file).await
        };
        let csv = b"ticker_symbol,quantity,purchase_price,purchase_date\nIBM,1,120,2010-01-04\nFB,1,20,2012-08-01\n";
        let report = import("text/csv", gzip(csv)).await.expect_status(200).json();
        assert_eq!(report["imported"], 2, "{report}");
        let rows = json!([{ "ticker_symbol": "AAPL", "quantity": "1", "purchase_price": "40", "purchase_date": "2005-02-25" }]);
        let report = import("application/json", gzip(rows.to_string().as_bytes())).await.expect_status(200).json();
        assert_eq!(report["imported"], 1, "{report}");
        // A small file that would be a large one.
        let bomb = gzip(&vec![b'\n'; (4 << 20) + 1]);
        assert!(bomb.len() < 100 << 10, "{}", bomb.len());
        import("text/csv", bomb).await.expect_problem(413, "body_too_large");
        import("text/csv", csv.to_vec()).await.expect_problem(400, "malformed_file");
        import("text/csv", gzip(csv)[..40].to_vec()).await.expect_problem(400, "malformed_file");
        let held = target.get(&format!("{path}/investments")).await.expect_status(200).json();
        assert_eq!(held["items"].as_array().unwrap().len(), 3);
    });
}
