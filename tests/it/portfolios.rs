use futures::future::join_all;
use serde_json::{Value, json};

use crate::target::{Target, each};

const NOTHING: &str = "/portfolios/0190aaaa-0000-7000-8000-000000000000";

/// Opens a portfolio; returns its path and the response.
pub async fn opened(target: &Target, request: &Value) -> (String, Value) {
    let answer = target.post("/portfolios", request).await.expect_status(201);
    (answer.header("location"), answer.json())
}

fn profile() -> Value {
    json!({"risk": 4, "horizon_years": 20, "loss_capacity": 0.3, "targets": {"stock": 0.6, "bond": "0.4"}})
}

#[test]
fn a_portfolio_is_opened_read_listed_and_removed() {
    each(async |target: &Target| {
        let request = json!({"name": " Retirement ", "type": "roth_ira", "investment_profile": profile()});
        let (path, portfolio) = opened(target, &request).await;
        assert_eq!(path, format!("/portfolios/{}", portfolio["id"].as_str().unwrap()));
        assert_eq!((&portfolio["name"], &portfolio["type"]), (&json!("Retirement"), &json!("roth_ira")));
        assert_eq!((&portfolio["base_currency"], &portfolio["lot_method"]), (&json!("USD"), &json!("fifo")));
        assert_eq!((&portfolio["cash"], &portfolio["state"]), (&json!("ignored"), &json!("open")));
        assert_eq!(portfolio["version"], 1);
        assert_eq!(portfolio["investment_profile"]["targets"], json!({"stock": 0.6, "bond": 0.4}));
        let read = target.get(&path).await.expect_status(200);
        assert_eq!((read.json(), read.header("etag").as_str()), (portfolio.clone(), "\"1\""));
        let list = target.get("/portfolios?limit=200").await.expect_status(200).json();
        assert!(list["items"].as_array().unwrap().contains(&portfolio), "{list}");
        assert_eq!(target.delete(&path).await.expect_status(204).text(), "");
        target.get(&path).await.expect_problem(404, "not_found");
        target.delete(&path).await.expect_problem(404, "not_found");
        let list = target.get("/portfolios?limit=200").await.expect_status(200).json();
        assert!(!list["items"].as_array().unwrap().contains(&portfolio), "{list}");
    });
}

#[test]
fn a_change_needs_its_version_and_a_stale_one_changes_nothing() {
    each(async |target: &Target| {
        let (path, _) = opened(target, &json!({"name": "A", "type": "isa", "base_currency": "GBP"})).await;
        let change = json!({"name": "B", "lot_method": "hifo"});
        target.patch(&path, &change, "").await.expect_problem(428, "precondition_required");
        target.patch(&path, &change, "\"7\"").await.expect_problem(412, "precondition_failed");
        target.patch(&path, &change, "1").await.expect_problem(400, "invalid_if_match");
        target.patch(NOTHING, &change, "").await.expect_problem(404, "not_found");
        let changed = target.patch(&path, &change, "\"1\"").await.expect_status(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        let portfolio = changed.json();
        assert_eq!((&portfolio["name"], &portfolio["lot_method"]), (&json!("B"), &json!("hifo")));
        assert_eq!((&portfolio["base_currency"], &portfolio["type"]), (&json!("GBP"), &json!("isa")));
        target.patch(&path, &change, "\"1\"").await.expect_problem(412, "precondition_failed");
        let same = target.patch(&path, &change, "W/\"2\"").await.expect_status(200);
        assert_eq!(same.header("etag"), "\"2\"", "a change without a difference makes no version");
        let reset = target.patch(&path, &json!({"lot_method": null}), "*").await.expect_status(200).json();
        assert_eq!((&reset["lot_method"], &reset["version"]), (&json!("fifo"), &json!(3)));
        let tracked = target.patch(&path, &json!({"cash": "tracked"}), "*").await.expect_status(200).json();
        assert_eq!((&tracked["cash"], &tracked["version"]), (&json!("tracked"), &json!(4)));
        let ignored = target.patch(&path, &json!({"cash": null}), "*").await.expect_status(200).json();
        assert_eq!(ignored["cash"], "ignored");
        let opened_with = json!({"name": "T", "type": "isa", "cash": "tracked"});
        assert_eq!(opened(target, &opened_with).await.1["cash"], "tracked");
    });
}

#[test]
fn the_period_after_which_a_gain_is_long_term_is_a_year_until_it_is_set() {
    each(async |target: &Target| {
        let (path, portfolio) = opened(target, &json!({"name": "A", "type": "brokerage"})).await;
        assert_eq!(portfolio["long_term"], "P1Y");
        let same = target.patch(&path, &json!({"long_term": "P12M"}), "\"1\"").await.expect_status(200).json();
        assert_eq!((&same["long_term"], &same["version"]), (&json!("P1Y"), &json!(1)), "it is the same period");
        for (given, version) in [(json!("P6M"), 2), (json!("none"), 3), (json!(null), 4)] {
            let changed = target.patch(&path, &json!({"long_term": given}), "*").await.expect_status(200).json();
            let expected = if given.is_null() { json!("P1Y") } else { given };
            assert_eq!((&changed["long_term"], &changed["version"]), (&expected, &json!(version)));
        }
        let (_, other) = opened(target, &json!({"name": "A", "type": "brokerage", "long_term": "P2Y"})).await;
        assert_eq!(other["long_term"], "P2Y");
    });
}

#[test]
fn one_of_several_parallel_changes_of_a_version_succeeds() {
    each(async |target: &Target| {
        let (path, _) = opened(target, &json!({"name": "A", "type": "other"})).await;
        let changes: Vec<Value> = (0..8).map(|number| json!({"name": format!("N{number}")})).collect();
        let answers = join_all(changes.iter().map(|change| target.patch(&path, change, "\"1\""))).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
        assert_eq!(target.get(&path).await.json()["version"], 2);
    });
}

#[test]
fn every_version_of_an_investment_profile_stays_readable() {
    each(async |target: &Target| {
        let (path, _) = opened(target, &json!({"name": "A", "type": "sipp"})).await;
        let incomplete = json!({"investment_profile": {"risk": 3, "targets": {"etf": 1}}});
        let problem = target.patch(&path, &incomplete, "*").await.expect_problem(422, "invalid_fields");
        assert_eq!(problem["errors"][0]["pointer"], "/investment_profile/horizon_years");
        let first = target.patch(&path, &json!({"investment_profile": profile()}), "*").await.expect_status(200).json();
        assert_eq!(first["investment_profile"]["version"], 1);
        let merge = json!({"investment_profile": {"risk": 6, "targets": {"bond": null, "crypto": 0.4}}});
        let second = target.patch(&path, &merge, "*").await.expect_status(200).json();
        let now = &second["investment_profile"];
        assert_eq!((&now["version"], &now["risk"], &now["horizon_years"]), (&json!(2), &json!(6), &json!(20)));
        assert_eq!(now["targets"], json!({"stock": 0.6, "crypto": 0.4}));
        target.patch(&path, &json!({"investment_profile": null}), "*").await.expect_status(200);
        let third = target.patch(&path, &json!({"investment_profile": profile()}), "*").await.expect_status(200).json();
        assert_eq!(third["investment_profile"]["version"], 3, "a number is never used twice");
        let old = target.get(&format!("{path}?profile_version=1")).await.expect_status(200).json();
        assert_eq!(old["investment_profile"], first["investment_profile"]);
        let old = target.get(&format!("{path}?profile_version=2")).await.expect_status(200).json();
        assert_eq!(old["investment_profile"], second["investment_profile"]);
        target.get(&format!("{path}?profile_version=4")).await.expect_problem(404, "not_found");
        target.get(&format!("{path}?profile_version=0")).await.expect_problem(422, "invalid_fields");
    });
}

#[test]
fn an_empty_portfolio_is_closed_and_opened_again() {
    each(async |target: &Target| {
        let (path, _) = opened(target, &json!({"name": "A", "type": "savings"})).await;
        let closed = target.patch(&path, &json!({"state": "closed"}), "\"1\"").await.expect_status(200).json();
        assert_eq!(closed["state"], "closed");
        let open = target.patch(&path, &json!({"state": "open"}), "\"2\"").await.expect_status(200).json();
        assert_eq!(open["state"], "open");
    });
}

#[test]
fn the_same_key_opens_one_portfolio_and_repeats_the_response() {
    each(async |target: &Target| {
        let key = Target::unique("open");
        let request = json!({"name": "A", "type": "401k", "investment_profile": profile()});
        let copies = (0..6).map(|_| target.post_with_key("/portfolios", &request, &key));
        let answers = join_all(copies).await;
        let first = answers[0].json();
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.json() == first));
        let path = format!("/portfolios/{}", first["id"].as_str().unwrap());
        target.patch(&path, &json!({"name": "B"}), "*").await.expect_status(200);
        let again = target.post_with_key("/portfolios", &request, &key).await.expect_status(201);
        assert_eq!((again.json(), again.header("idempotency-replayed").as_str()), (first, "true"));
        let other = target.post_with_key("/portfolios", &json!({"name": "C", "type": "isa"}), &key).await;
        other.expect_problem(422, "idempotency_key_reused");
    });
}

#[test]
fn invalid_fields_of_a_portfolio_are_refused_with_their_pointer() {
    each(async |target: &Target| {
        let aims = |change: Value| {
            let mut profile = profile();
            profile.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            json!({"name": "A", "type": "isa", "investment_profile": profile})
        };
        let cases = [
            (json!({"type": "isa"}), ""),
            (json!({"name": "A"}), ""),
            (json!({"name": "", "type": "isa"}), "/name"),
            (json!({"name": "   ", "type": "isa"}), "/name"),
            (json!({"name": "a".repeat(101), "type": "isa"}), "/name"),
            (json!({"name": "a\u{0}b", "type": "isa"}), "/name"),
            (json!({"name": 7, "type": "isa"}), "/name"),
            (json!({"name": "A", "type": "pension"}), "/type"),
            (json!({"name": "A", "type": "isa", "base_currency": "usd"}), "/base_currency"),
            (json!({"name": "A", "type": "isa", "base_currency": "EURO"}), "/base_currency"),
            (json!({"name": "A", "type": "isa", "lot_method": "random"}), "/lot_method"),
            (json!({"name": "A", "type": "isa", "cash": "counted"}), "/cash"),
            (json!({"name": "A", "type": "isa", "long_term": "P0Y"}), "/long_term"),
            (json!({"name": "A", "type": "isa", "long_term": "a year"}), "/long_term"),
            (json!({"name": "A", "type": "isa", "state": "closed"}), "/state"),
            (json!({"name": "A", "type": "isa", "investment_profile": {"risk": 4}}), "/investment_profile"),
            (aims(json!({"risk": 8})), "/investment_profile/risk"),
            (aims(json!({"risk": 0})), "/investment_profile/risk"),
            (aims(json!({"risk": 2.5})), "/investment_profile/risk"),
            (aims(json!({"horizon_years": 101})), "/investment_profile/horizon_years"),
            (aims(json!({"loss_capacity": 1.01})), "/investment_profile/loss_capacity"),
            (aims(json!({"targets": {}})), "/investment_profile/targets"),
            (aims(json!({"targets": {"stock": 0.9}})), "/investment_profile/targets"),
            (aims(json!({"targets": {"stock": -0.5, "bond": 1.5}})), "/investment_profile/targets/stock"),
            (aims(json!({"targets": {"gold": 1}})), "/investment_profile/targets/gold"),
        ];
        for (request, pointer) in cases {
            let problem = target.post("/portfolios", &request).await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{request}: {problem}");
        }
        let (path, _) = opened(target, &json!({"name": "A", "type": "isa"})).await;
        for (change, pointer) in [
            (json!({"name": null}), "/name"),
            (json!({"type": null}), "/type"),
            (json!({"state": "sold"}), "/state"),
            (json!({"long_term": "P1W"}), "/long_term"),
            (json!({"base_currency": null}), "/base_currency"),
            (json!({"id": "x"}), "/id"),
            (json!({"investment_profile": {"risk": null}}), "/investment_profile/risk"),
        ] {
            let problem = target.patch(&path, &change, "*").await.expect_problem(422, "invalid_fields");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{change}: {problem}");
        }
        for id in ["17", "null", "0190aaaa-0000-7000-8000-000000000000"] {
            target.get(&format!("/portfolios/{id}")).await.expect_problem(404, "not_found");
            target.delete(&format!("/portfolios/{id}")).await.expect_problem(404, "not_found");
        }
        target.get("/portfolios?limit=0").await.expect_problem(422, "invalid_fields");
        target.get("/portfolios?cursor=nonsense").await.expect_problem(400, "invalid_cursor");
    });
}
