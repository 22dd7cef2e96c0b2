//! The limits by customer on what is expensive to answer.

use app::customer_limits::CustomerLimits;
use gateway::Settings;
use reqwest::Method;
use serde_json::json;

use crate::answer::Answer;
use crate::target::{Target, each, run, settings};

const CSV: &str = "ticker_symbol,quantity,purchase_price,purchase_date\nIBM,3,1,2010-01-04\n";

/// What a response says is left of this limit, whose policy is also right.
#[track_caller]
fn left(answer: &Answer, name: &str, limit: usize) -> usize {
    assert_eq!(answer.header("ratelimit-policy"), format!("\"{name}\";q={limit};w=3600"), "{}", answer.request);
    let state = answer.header("ratelimit");
    let parts = state.strip_prefix(&format!("\"{name}\";r=")).and_then(|rest| rest.split_once(";t="));
    let (remaining, seconds) = parts.unwrap_or_else(|| panic!("{}: {state}", answer.request));
    assert!((1..=3_600).contains(&seconds.parse::<u64>().unwrap()), "{state}");
    remaining.parse().unwrap()
}

#[track_caller]
fn assert_refused(answer: Answer, name: &str, limit: usize) {
    assert_eq!(left(&answer, name, limit), 0);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((3_000..=3_600).contains(&seconds), "{seconds}");
    let problem = answer.expect_problem(429, "rate_limited");
    assert_eq!(problem["detail"], format!("Too many {name}s within an hour. Try again in {seconds} seconds."));
}

#[track_caller]
fn assert_unlimited(answer: &Answer) {
    let headers = ["ratelimit", "ratelimit-policy", "retry-after"].map(|name| answer.header(name));
    assert_eq!(headers, ["", "", ""], "{}", answer.request);
}

#[test]
fn the_twenty_first_export_of_a_customer_within_an_hour_is_refused() {
    each(async |target: &Target| {
        let (customer, other) = (target.newcomer().await, target.newcomer().await);
        let body = json!({ "name": "Limited", "type": "other" });
        let portfolio = customer.post("/portfolios", &body).await.expect_status(201).json();
        let export = format!("/portfolios/{}/investments/export", portfolio["id"].as_str().unwrap());
        assert_eq!(left(&customer.get("/customers/me/export").await.expect_status(200), "export", 20), 19);
        // A refused request counts, too.
        assert_eq!(left(&customer.get(&format!("{export}?format=xls")).await.expect_status(422), "export", 20), 18);
        assert_eq!(left(&customer.get(&format!("{export}?no_such=1")).await.expect_status(422), "export", 20), 17);
        let missing = "/portfolios/0190aaaa-0000-7000-8000-000000000000/investments/export";
        assert_eq!(left(&customer.get(missing).await.expect_status(404), "export", 20), 16);
        // One without a caller does not.
        assert_unlimited(&customer.anonymous().get(&export).await.expect_status(401));
        for remaining in (0..16).rev() {
            assert_eq!(left(&customer.get(&export).await.expect_status(200), "export", 20), remaining);
        }
        assert_refused(customer.get(&export).await, "export", 20);
        assert_refused(customer.get("/customers/me/export").await, "export", 20);
        // Other routes and other customers are not affected.
        assert_unlimited(&customer.get("/portfolios").await.expect_status(200));
        assert_eq!(left(&other.get("/customers/me/export").await.expect_status(200), "export", 20), 19);
    });
}

/// Runs a check on a platform of its own with these limits.
fn with_limits(customer_limits: CustomerLimits, check: impl AsyncFnOnce(&Target, &std::path::Path)) {
    run(async || {
        let home = tempfile::tempdir().unwrap();
        let settings = settings(home.path());
        let data = settings.home.clone();
        let (server, target) = Target::serve(Settings { customer_limits, ..settings }).await;
        check(&target.newcomer().await, &data).await;
        server.stop().await;
    });
}

#[test]
fn a_backtest_that_is_replayed_does_not_count() {
    with_limits(CustomerLimits { backtests: 3, ..CustomerLimits::default() }, async |customer, _| {
        let backtest = json!({ "symbol": "FB" });
        let first = customer.post_with_key("/backtest", &backtest, "once").await.expect_status(201);
        assert_eq!(left(&first, "backtest", 3), 2);
        for _ in 0..5 {
            let replay = customer.post_with_key("/backtest", &backtest, "once").await.expect_status(201);
            assert_eq!((replay.header("idempotency-replayed").as_str(), left(&replay, "backtest", 3)), ("true", 2));
            assert_eq!(replay.bytes(), first.bytes());
        }
        let reused = customer.post_with_key("/backtest", &json!({ "symbol": "IBM" }), "once").await;
        assert_eq!(left(&reused.expect_status(422), "backtest", 3), 1);
        assert_eq!(left(&customer.post("/backtest", &backtest).await.expect_status(201), "backtest", 3), 0);
        assert_refused(customer.post("/backtest", &backtest).await, "backtest", 3);
        assert_unlimited(&customer.get("/backtest").await.expect_status(200));
    });
}

#[test]
fn imports_and_their_dry_runs_share_a_limit_and_charts_have_none() {
    let limits = CustomerLimits { imports: 3, reports: 1, exports: 0, ..CustomerLimits::default() };
    with_limits(limits, async |customer, _| {
        let body = json!({ "name": "Limited", "type": "other" });
        let portfolio = customer.post("/portfolios", &body).await.expect_status(201).json();
        let import = format!("/portfolios/{}/investments/import", portfolio["id"].as_str().unwrap());
        let send = async |query: &str, file: &str| {
            let headers = [("content-type", "text/csv")];
            customer.send_with(Method::POST, &format!("{import}{query}"), &headers, file.to_owned()).await
        };
        assert_eq!(left(&send("?dry_run=true", CSV).await.expect_status(200), "import", 3), 2);
        assert_eq!(left(&send("", "nonsense").await.expect_status(422), "import", 3), 1);
        assert_eq!(left(&send("", CSV).await.expect_status(200), "import", 3), 0);
        assert_refused(send("?dry_run=true", CSV).await, "import", 3);
        assert_eq!(left(&customer.get("/report/FB").await.expect_status(200), "report", 1), 0);
        assert_refused(customer.get("/report/FB?format=pdf").await, "report", 1);
        assert_unlimited(&customer.get("/report/FB/chart.svg").await.expect_status(200));
        assert_unlimited(&customer.get("/customers/me/export").await.expect_status(200));
    });
}

#[test]
fn a_report_that_fails_because_of_the_storage_does_not_count() {
    with_limits(CustomerLimits { reports: 2, ..CustomerLimits::default() }, async |customer, data| {
        assert_eq!(left(&customer.get("/report/FB").await.expect_status(200), "report", 2), 1);
        // A file in the place of the folder, in which no report can be stored.
        let objects = data.join("objects");
        std::fs::remove_dir_all(&objects).unwrap();
        std::fs::write(&objects, "").unwrap();
        for _ in 0..3 {
            let failed = customer.get("/report/IBM").await;
            assert_eq!(left(&failed, "report", 2), 1);
            failed.expect_problem(503, "storage_unavailable");
        }
    });
}

#[test]
fn of_two_hundred_parallel_reports_sixty_are_made() {
    with_limits(CustomerLimits::default(), async |customer, _| {
        customer.get("/report/FB").await.expect_status(200);
        let path = "/report/FB?from=2012-05-18&to=2012-12-31";
        let all = futures::future::join_all((0..200).map(|_| customer.get(path))).await;
        let statuses = |status: u16| all.iter().filter(|answer| answer.status == status).count();
        assert_eq!((statuses(200), statuses(429)), (59, 141));
    });
}
