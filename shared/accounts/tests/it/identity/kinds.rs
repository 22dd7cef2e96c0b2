//! How an export and an erasure handle each kind of a customer's items.

use std::collections::BTreeSet;

use accounts::{erasure, export};
use app::{Precondition, listing};
use books::activities::{self, ActivityChange, NewActivity};
use chrono::TimeDelta;
use domain::{CustomerId, PortfolioId};
use identity::sessions::SessionKind;
use ledger::{ActivityFields, ActivityType};
use market_data::custom_instruments::{self, NewCustomInstrument};
use serde_json::{Value, json};
use store::keys::{self, Kind, List};
use store::{Body, Key, Table as _, Write};
use uuid::Uuid;

use crate::identity::{PASSWORD, World, ada, json, password};

/// The kinds whose items only other services create. The tests of alerts and advisors cover them.
const ELSEWHERE: [Kind; 4] = [Kind::Client, Kind::Alert, Kind::Firing, Kind::EmailSubscription];

const PORTFOLIO: PortfolioId = PortfolioId(Uuid::from_u128(9));

impl World {
    /// A customer with an item of every kind but those of [`ELSEWHERE`].
    async fn with_everything() -> (Self, CustomerId) {
        let world = Self::empty();
        let id = world.register(ada(), PASSWORD, "first").await.unwrap().value.id;
        world.token(SessionKind::Api).await;
        let house = NewCustomInstrument {
            symbol: "MY:HOUSE".parse().unwrap(),
            name: "House".to_owned(),
            currency: domain::Currency::USD,
            instrument_type: domain::InstrumentType::Item,
        };
        custom_instruments::create(&world.platform.app, id, &house, None).await.unwrap();
        let (ibm, one, instant) = ("IBM".parse().unwrap(), Uuid::from_u128(1), "2026-11-20T12:00:00Z");
        let portfolio = json!({
            "portfolio": {
                "id": PORTFOLIO, "customer_id": id, "name": "Old", "type": "brokerage", "base_currency": "USD",
                "lot_method": "fifo", "state": "open", "investment_profile": null, "created_at": instant,
                "updated_at": instant, "version": 1,
            },
            "profiles": 0, "dirty_from": "2010-01-04", "removing": false,
        });
        let investment = json!({
            "id": one, "portfolio_id": PORTFOLIO, "ticker_symbol": "IBM", "instrument_type": "stock", "quantity": "1",
            "purchase_price": "100", "purchase_date": "2010-01-04", "fee": "0", "currency": "USD",
            "created_at": instant, "updated_at": instant, "version": 1,
        });
        for (key, body) in [
            (keys::legacy_profile(id), json!({})),
            (keys::portfolio(id, PORTFOLIO), portfolio),
            (keys::investment(PORTFOLIO, one), investment),
            (keys::watch(id, &ibm), json!({ "symbol": "IBM", "added_at": instant })),
            (keys::connection_of(id, "a="), json!({})),
            (keys::advisor_of(id), json!({})),
            (keys::export(id, one), json!({})),
            (keys::request_count(id, "report"), json!({})),
            (keys::stored_response(id, one), json!({})),
            (keys::backtest(id, one), json!({})),
            (keys::report(id, "ab12"), json!({})),
            (keys::watch_count(id), json!(1)),
            (keys::alert_count(id), json!(1)),
            (keys::portfolio_count(id), json!(1)),
            (keys::portfolio_profile(PORTFOLIO, 1), json!({})),
            (keys::position(PORTFOLIO, &ibm), json!({})),
            (keys::older_lots(PORTFOLIO, &ibm, 1), json!({})),
            (keys::trade(PORTFOLIO, one), json!({})),
            (keys::series_state(PORTFOLIO), json!({})),
            (keys::activities_head(PORTFOLIO), json!({ "generation": 1 })),
            (keys::activity_version(PORTFOLIO, one, 1), json!({ "quantity": "1" })),
            (keys::investment_count(PORTFOLIO), json!(1)),
            (keys::import(PORTFOLIO, "ab12"), json!({})),
            (keys::wallet_entry(id, 1), json!({})),
        ] {
            world.plant(key, &body).await;
        }
        (world, id)
    }

    async fn plant(&self, key: Key, body: &Value) {
        self.table.inner().transact(vec![Write::create(key, Body::Json(body.to_string()))]).await.unwrap();
    }

    /// The keys of all items of a customer with [`PORTFOLIO`].
    async fn keys_of(&self, id: CustomerId) -> Vec<Key> {
        let mut found = Vec::new();
        for list in lists(id) {
            found.extend(listing::read_all(&self.platform.app, list).await.unwrap().into_iter().map(|item| item.key));
        }
        found
    }

    async fn kinds_of(&self, id: CustomerId) -> BTreeSet<Kind> {
        self.keys_of(id).await.iter().filter_map(Kind::of).collect()
    }

    pub async fn erase(&self, id: CustomerId) {
        erasure::erase(&self.platform.app, id, password(PASSWORD)).await.unwrap();
        self.forward(TimeDelta::hours(2));
    }

    pub async fn sweep(&self, id: CustomerId) -> bool {
        erasure::sweep(&self.platform.app, id).await.unwrap()
    }

    /// The content of a new export.
    pub async fn exported(&self, id: CustomerId) -> Value {
        export::export(&self.platform.app, id).await.unwrap();
        let newest = listing::read_all(&self.platform.app, keys::exports(id)).await.unwrap().pop().unwrap();
        let object = json(&newest)["object"].as_str().unwrap().parse().unwrap();
        serde_json::from_slice(&self.platform.app.objects().get(&object).await.unwrap().unwrap()).unwrap()
    }
}

fn lists(id: CustomerId) -> [List; 4] {
    let held = keys::portfolio_contents(PORTFOLIO);
    [keys::customer_items(id), keys::profile_items(id), held, keys::wallet_items(id)]
}

#[tokio::test]
async fn an_erasure_keeps_the_ledger_and_what_it_points_to_and_removes_the_rest() {
    let (world, id) = World::with_everything().await;
    let every: BTreeSet<_> = Kind::ALL.iter().copied().filter(|kind| !ELSEWHERE.contains(kind)).collect();
    let before: BTreeSet<_> = world.kinds_of(id).await.into_iter().chain([Kind::WalletHead]).collect();
    assert_eq!(before, every, "every kind except the head of an unused wallet");
    world.erase(id).await;
    let kept = [
        Kind::Profile,
        Kind::Portfolio,
        Kind::Position,
        Kind::OlderLots,
        Kind::Trade,
        Kind::WalletHead,
        Kind::WalletEntry,
    ];
    assert_eq!(world.kinds_of(id).await, BTreeSet::from(kept));
    let renamed = json(&world.table.get(&keys::portfolio(id, PORTFOLIO)).await.unwrap().unwrap());
    assert_eq!(renamed["portfolio"]["name"], "erased");
    assert!(world.sweep(id).await);
}

#[tokio::test]
async fn an_item_of_an_unknown_kind_stays_and_keeps_the_erasure_unfinished() {
    let (world, id) = World::with_everything().await;
    let novel = lists(id).map(|list| Key::new(list.partition, "NOVEL#1"));
    for key in &novel[..3] {
        world.plant(key.clone(), &json!({ "said": "anything" })).await;
    }
    world.erase(id).await;
    assert!(!world.sweep(id).await);
    let left: Vec<_> = world.keys_of(id).await.into_iter().filter(|key| Kind::of(key).is_none()).collect();
    assert_eq!(left, novel[..3]);
    assert!(!world.kinds_of(id).await.contains(&Kind::Backtest), "items of known kinds are removed");
    for key in &novel[..3] {
        let gone = Write::Delete { key: key.clone(), expect: store::DeleteExpect::Any };
        world.table.inner().transact(vec![gone]).await.unwrap();
    }
    assert!(world.sweep(id).await);
}

#[tokio::test]
async fn an_export_contains_every_kind_except_profile_sessions_connections_exports_and_counted_requests() {
    let (world, id) = World::with_everything().await;
    let export = world.exported(id).await;
    let names = |records: &Value| records.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let own = [
        "advisor",
        "alerts",
        "backtest",
        "item",
        "items",
        "portfolio",
        "portfolios",
        "registration",
        "report",
        "result",
        "watch",
        "watches",
    ];
    assert_eq!(names(&export["records"]), own);
    let held = ["activities", "activity_version", "import", "lot", "position", "profile", "series", "trade"];
    assert_eq!(names(&export["portfolios"][0]), held, "the lots are among the activities");
    assert_eq!(names(&export["wallet"]), ["entry"]);
    assert!(export.get("not_shown").is_none(), "{export}");
    // Without a head the lots were never packed.
    let gone = Write::Delete { key: keys::activities_head(PORTFOLIO), expect: store::DeleteExpect::Any };
    world.table.inner().transact(vec![gone]).await.unwrap();
    let held =
        ["activity_version", "import", "investment", "investments", "lot", "position", "profile", "series", "trade"];
    assert_eq!(names(&world.exported(id).await["portfolios"][0]), held);
}

#[tokio::test]
async fn an_export_lists_the_keys_of_unknown_items_without_their_content() {
    let (world, id) = World::with_everything().await;
    let novel = lists(id).map(|list| Key::new(list.partition, "NOVEL#1"));
    for key in &novel {
        world.plant(key.clone(), &json!({ "token": "secret" })).await;
    }
    let export = world.exported(id).await;
    assert_eq!(export["not_shown"], json!(novel.map(|key| key.to_string())));
    assert!(!export.to_string().contains("secret"));
}

#[tokio::test]
async fn an_export_contains_every_activity_and_the_versions_before_its_changes() {
    let (world, id) = World::with_everything().await;
    let market = &world.platform;
    let fields = ActivityFields {
        symbol: "IBM".parse().ok(),
        quantity: "2".parse().ok(),
        unit_price: "100".parse().ok(),
        ..ActivityFields::new(ActivityType::Buy)
    };
    let date = "2010-01-04".parse().unwrap();
    let purchase = NewActivity { date, time: None, fields, note: None, external_id: None };
    let gone = [keys::activities_head(PORTFOLIO), keys::activity_version(PORTFOLIO, Uuid::from_u128(1), 1)];
    let gone = gone.map(|key| Write::Delete { key, expect: store::DeleteExpect::Any });
    world.table.inner().transact(gone.to_vec()).await.unwrap();
    let bought = activities::record(market, id, PORTFOLIO, &purchase, None).await.unwrap().value;
    let change = ActivityChange { quantity: "3".parse().ok(), ..ActivityChange::default() };
    activities::correct(market, id, PORTFOLIO, bought.id, &Precondition::Any, &change).await.unwrap();
    let export = world.exported(id).await;
    let exported = |kind: &str, field: &str| -> Vec<Value> {
        export["portfolios"][0][kind].as_array().unwrap().iter().map(|record| record[field].clone()).collect()
    };
    assert_eq!(exported("activities", "quantity"), [json!("1"), json!("3")], "the lot stored before, and this one");
    assert_eq!(exported("activity_version", "quantity"), [json!("2")]);
    assert!(export["portfolios"][0].get("investment").is_none(), "it is an activity now");
    world.erase(id).await;
    world.sweep(id).await;
    let trackers = keys::trackers(&"IBM".parse().unwrap());
    assert!(listing::read_all(&world.platform.app, trackers).await.unwrap().is_empty());
}
