//! The outcome of a call by its key: records of earlier versions, and what a lookup costs.

use std::sync::Arc;

use app::ServiceError;
use app::idempotency::{self, ReservedKey};
use books::activities::{self, NewActivity};
use books::outcomes::{self, CallResult};
use books::wallets::{self, Transfer};
use domain::portfolio::PortfolioType;
use domain::{Currency, CustomerId, Money, Role};
use ledger::{ActivityFields, ActivityType, Refusal};
use market::Sample;
use market_data::MarketData;
use store::{Body, Table as _, Write, keys};
use testing::people::{open_portfolio, opening};
use testing::{CountingTable, Counts, TestBed};
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(7));
const RESULT: &str = "01a22a46-92d7-72c1-ba08-b94b4ae92f2d";

struct World {
    table: Arc<CountingTable>,
    market: MarketData,
    _bed: TestBed,
}

impl World {
    fn new() -> Self {
        let bed = TestBed::at("2026-11-20T15:00:00Z");
        let table = Arc::new(CountingTable::new(Arc::new(bed.table())));
        Self { market: bed.platform(table.clone(), Arc::new(Sample::new())), table, _bed: bed }
    }

    async fn find(&self, key: &str) -> Result<outcomes::Outcome, ServiceError> {
        outcomes::find(&self.market.app, CUSTOMER, Role::Client, key).await
    }

    /// The outcome of a call whose record is this JSON, without the call itself.
    async fn found_in(&self, record: &str) -> CallResult {
        let body = Body::Json(format!(r#"{{"fingerprint":"8e0c",{record}}}"#));
        let write = Write::create(keys::idempotency(CUSTOMER, record), body);
        self.table.transact(vec![write]).await.unwrap();
        let outcome = self.find(record).await.unwrap();
        assert_eq!(outcome.call, None);
        outcome.result
    }
}

#[tokio::test]
async fn a_record_of_an_earlier_version_states_what_is_known() {
    let world = World::new();
    let result = world.found_in(&format!(r#""result":"{RESULT}""#)).await;
    assert!(matches!(result, CallResult::Succeeded(id) if id.to_string() == RESULT), "{result:?}");
    let result = world.found_in(r#""entry":1"#).await;
    let CallResult::Created(object) = result else { panic!("{result:?}") };
    assert!(object.id.is_none() && object.link.is_none() && object.body.is_none(), "{object:?}");
    let refused = r#""insufficient_funds":{"available":"994.50","requested":"5000.00","currency":"USD"}"#;
    let result = world.found_in(refused).await;
    assert!(matches!(result, CallResult::Refused(Refusal::InsufficientFunds { .. })), "{result:?}");
    let refused = r#""insufficient_units":{"available":"1.73230422","requested":"900"}"#;
    let result = world.found_in(refused).await;
    assert!(matches!(result, CallResult::Refused(Refusal::InsufficientUnits { .. })), "{result:?}");
}

#[tokio::test]
async fn a_lookup_writes_nothing_and_reads_the_record_and_what_it_points_to() {
    let world = World::new();
    let ten = Money::parse("10", Currency::USD).unwrap();
    wallets::transfer(&world.market, CUSTOMER, Transfer::Deposit, ten, Some("ten")).await.unwrap();
    world.table.take_counts();
    let outcome = world.find("ten").await.unwrap();
    assert_eq!(world.table.take_counts(), Counts { reads: 2, ..Counts::default() });
    let call = outcome.call.unwrap();
    let called = call.route.method_and_path().unwrap();
    assert_eq!(called, ("POST".to_owned(), "/wallet/deposits".to_owned()));
    assert_eq!(call.completed_at.to_rfc3339(), "2026-11-20T15:00:00+00:00");
    assert!(matches!(world.find("never sent").await, Err(ServiceError::NotFound { .. })));
    assert_eq!(world.table.take_counts(), Counts { reads: 1, ..Counts::default() });
}

#[tokio::test]
async fn the_outcome_of_recording_an_activity_is_its_response() {
    let world = World::new();
    let portfolio = open_portfolio(&world.market.app, CUSTOMER, opening(PortfolioType::Brokerage)).await;
    let fields = ActivityFields {
        symbol: Some("AAPL".parse().unwrap()),
        quantity: Some("2".parse().unwrap()),
        unit_price: Some("430".parse().unwrap()),
        ..ActivityFields::new(ActivityType::Buy)
    };
    let new = NewActivity { date: "2013-01-02".parse().unwrap(), time: None, fields, note: None, external_id: None };
    let made = activities::record(&world.market, CUSTOMER, portfolio, &new, Some("bought")).await.unwrap().value;
    let result = world.find("bought").await.unwrap().result;
    let CallResult::Created(object) = result else { panic!("{result:?}") };
    assert_eq!(
        (object.id, object.link),
        (Some(made.id), Some(format!("/portfolios/{portfolio}/activities/{}", made.id)))
    );
    let body: serde_json::Value = serde_json::from_str(object.body.unwrap().get()).unwrap();
    assert_eq!(body, serde_json::to_value(made).unwrap());
}

#[tokio::test]
async fn the_call_is_no_part_of_what_a_repeated_request_is_compared_with() {
    let world = World::new();
    let app = &world.market.app;
    let reserved = ReservedKey::new(CUSTOMER, Some("key"), "POST /things", &"a thing").unwrap();
    assert!(idempotency::commit(app, reserved.clone(), app.new_id(), Vec::new()).await.unwrap().is_none());
    assert!(reserved.look_up(app).await.unwrap().is_some());
    let other = ReservedKey::new(CUSTOMER, Some("key"), "POST /things", &"another").unwrap();
    assert!(matches!(other.look_up(app).await, Err(ServiceError::IdempotencyKeyReused)));
}
