//! The things that a customer can have, and their paths.

use reqwest::Method;
use serde_json::{Value, json};

use crate::target::Target;

/// An id and a custom symbol that do not exist.
const NO_ID: &str = "0190aaaa-0000-7000-8000-000000000000";
const NO_SYMBOL: &str = "MY:NOPE";

/// One of each thing that a customer can have.
#[derive(Clone)]
pub struct Things {
    pub customer: String,
    pub portfolio: String,
    pub investment: String,
    /// A portfolio that cannot be removed, because there was this trade in it. It has this activity too.
    pub traded: String,
    pub trade: String,
    pub activity: String,
    pub backtest: String,
    pub item: String,
    pub entry: String,
    pub alert: String,
    pub session: String,
}

impl Things {
    pub async fn of(customer: &Target) -> Self {
        let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
        let item = Target::unique("MY:P").to_uppercase();
        let deposit = json!({ "amount": "1000" });
        let made = async |path: &str, body: &Value| customer.post(path, body).await.expect_status(201).json();
        let portfolio = id(&made("/portfolios", &json!({ "name": "Held", "type": "brokerage" })).await);
        let investment = id(&made(&format!("/portfolios/{portfolio}/investments"), &investment()).await);
        made("/instruments", &json!({ "symbol": item, "name": "A thing" })).await;
        customer.call(Method::PUT, &format!("/watchlist/{item}")).await.expect_status(201);
        let keyed = async |path: &str, body: &Value| {
            customer.post_with_key(path, body, &Target::unique("thing")).await.expect_status(201).json()
        };
        let entry = id(&keyed("/wallet/deposits", &deposit).await);
        let traded = id(&made("/portfolios", &json!({ "name": "Traded", "type": "brokerage" })).await);
        let trade = id(&keyed(&format!("/portfolios/{traded}/trades"), &trade()).await);
        let activity = id(&made(&format!("/portfolios/{traded}/activities"), &activity()).await);
        Self {
            customer: id(&customer.get("/customers/me").await.expect_status(200).json()),
            portfolio,
            investment,
            traded,
            trade,
            activity,
            backtest: id(&made("/backtest", &json!({ "symbol": "FB" })).await),
            item,
            alert: id(&made("/alerts", &alert()).await),
            session: id(&customer.get("/sessions").await.expect_status(200).json()["items"][0]),
            entry,
        }
    }

    pub fn none() -> Self {
        let [customer, portfolio, investment, traded, trade, activity, backtest, entry, alert, session] =
            [NO_ID; 10].map(str::to_owned);
        let item = NO_SYMBOL.to_owned();
        Self { customer, portfolio, investment, traded, trade, activity, backtest, item, entry, alert, session }
    }

    /// These things, as they would be in another's portfolios.
    pub fn below(self, other: &Self) -> Self {
        Self { portfolio: other.portfolio.clone(), traded: other.traded.clone(), ..self }
    }

    /// The path of a route with these things. `market` is the symbol for routes of public prices.
    pub fn path(&self, route: &str, market: Option<&str>) -> String {
        let path = route.split_once(' ').unwrap().1;
        let id = match path.split('/').nth(1).unwrap() {
            "alerts" => &self.alert,
            "backtest" => &self.backtest,
            "customers" => &self.customer,
            "sessions" => &self.session,
            "wallet" => &self.entry,
            _ if path.contains("{trade_id}") || path.contains("/activities") => &self.traded,
            _ => &self.portfolio,
        };
        let of_ones_own = path.starts_with("/instruments") || path.starts_with("/watchlist");
        let symbol = market.filter(|_| !of_ones_own).unwrap_or(&self.item);
        let path = path.replace("{investment_id}", &self.investment).replace("{trade_id}", &self.trade);
        let path = path.replace("{activity_id}", &self.activity);
        path.replace("{id}", id).replace("{symbol}", symbol).replace("{file}", "style.css")
    }

    /// The text without these things' ids, in which alone two refusals may differ.
    pub fn blotted(&self, text: &str) -> String {
        let Self { customer, portfolio, investment, traded, trade, activity, backtest, item, entry, alert, session } =
            self;
        let ids = [customer, portfolio, investment, traded, trade, activity, backtest, item, entry, alert, session];
        ids.iter().fold(text.to_owned(), |text, id| text.replace(id.as_str(), "*"))
    }
}

pub fn alert() -> Value {
    json!({ "symbol": "IBM", "condition": { "type": "above", "price": "300" }, "repeat": "once" })
}

pub fn trade() -> Value {
    json!({ "side": "buy", "symbol": "AAPL", "amount": "10" })
}

pub fn investment() -> Value {
    json!({ "ticker_symbol": "IBM", "quantity": 1, "purchase_price": 100, "purchase_date": "2010-01-04" })
}

pub fn activity() -> Value {
    json!({ "type": "buy", "date": "2012-06-01", "symbol": "MSFT", "quantity": 1, "unit_price": "28.45" })
}
