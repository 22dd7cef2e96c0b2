//! The context that API Gateway gets for each kind of token, and what the lookup reads.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::sync::Arc;

use identity::sessions::{self, SessionKind};
use market_data::MarketData;
use serde_json::{Value, json};
use testing::people::{person, register, sign_in};
use testing::{CountingTable, SilentProvider, TestBed};

struct World {
    market: MarketData,
    table: Arc<CountingTable>,
    _test_bed: TestBed,
}

impl World {
    fn new() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = Arc::new(CountingTable::new(Arc::new(test_bed.table())));
        let market = test_bed.platform(table.clone(), Arc::new(SilentProvider::default()));
        Self { market, table, _test_bed: test_bed }
    }

    /// The context of a request with these headers, and the reads that it took.
    async fn asked(&self, headers: &Value) -> (Value, usize) {
        self.table.take_counts();
        let event = json!({ "version": "2.0", "type": "REQUEST", "routeKey": "GET /wallet", "headers": headers });
        let response = authorizer::handle(&self.market.app, event).await.unwrap();
        assert_eq!(response["isAuthorized"], true, "the function of the route refuses, not API Gateway");
        (response["context"].clone(), self.table.take_counts().reads)
    }
}

#[tokio::test]
async fn a_request_without_a_token_is_refused_without_a_read() {
    let world = World::new();
    for headers in [
        json!({}),
        json!({ "authorization": "" }),
        json!({ "authorization": "Bearer" }),
        json!({ "authorization": "Basic YWRhOnBhc3N3b3Jk" }),
        json!({ "cookie": "token=1" }),
    ] {
        assert_eq!(world.asked(&headers).await, (json!({ "refused": "no_token" }), 0), "{headers}");
    }
    let event = json!({ "version": "2.0", "type": "REQUEST", "routeKey": "GET /wallet" });
    let response = authorizer::handle(&world.market.app, event).await.unwrap();
    assert_eq!(response["context"], json!({ "refused": "no_token" }), "an event without headers");
}

#[tokio::test]
async fn text_that_cannot_be_a_token_takes_no_read_and_an_unknown_token_one() {
    let world = World::new();
    let unknown = json!({ "refused": "unknown_token" });
    for token in ["x", &"z".repeat(64), &format!("{0},Bearer {0}", "0".repeat(64))] {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        assert_eq!(world.asked(&headers).await, (unknown.clone(), 0), "{token}");
    }
    let headers = json!({ "authorization": format!("bearer  {}", "0".repeat(64)) });
    assert_eq!(world.asked(&headers).await, (unknown, 1));
}

#[tokio::test]
async fn a_token_has_its_caller_until_the_session_ends() {
    let world = World::new();
    let ada = person("Ada");
    register(&world.market.app, ada.clone()).await;
    let signed_in = sign_in(&world.market.app, &ada.email, SessionKind::Api).await;
    let headers = json!({ "authorization": format!("Bearer {}", signed_in.token) });
    let caller = json!({ "customer_id": signed_in.id, "role": "client", "session": signed_in.session });
    assert_eq!(world.asked(&headers).await, (caller, 2));
    sessions::end(&world.market.app, &signed_in.session).await.unwrap();
    assert_eq!(world.asked(&headers).await.0, json!({ "refused": "session_ended" }));
}
