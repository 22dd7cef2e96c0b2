//! The flows of a portfolio by symbol: its trades and the lots held elsewhere.

use std::collections::BTreeMap;

use app::error::ServiceError;
use app::{App, listing};
use domain::decimal::DECIMALS;
use domain::{Currency, Day, Investment, PortfolioId, Price, Quantity, Symbol};
use ledger::{Rules, Side};
use rust_decimal::Decimal;
use serde::Deserialize;
use store::documents;
use store::keys::{self, List};
use uuid::Uuid;
use valuation::{Flow, FlowKind};

use crate::investments;

/// The flows of one symbol, oldest first.
#[derive(Clone, Debug)]
pub(super) struct SymbolFlows {
    pub currency: Currency,
    pub flows: Vec<Flow>,
}

/// Flows by symbol.
pub(super) type Flows = BTreeMap<Symbol, SymbolFlows>;

/// The fields of a trade that determine its flow. With thousands of trades, the others are not worth reading.
#[derive(Debug, Deserialize)]
pub(super) struct TradeFlow {
    pub id: Uuid,
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    pub price: Price,
    pub amount: Decimal,
    pub fee: Decimal,
    pub currency: Currency,
    pub market_day: Day,
    #[serde(default)]
    pub rules: Rules,
}

impl TradeFlow {
    fn flow(&self) -> Flow {
        let (kind, amount) = match self.side {
            Side::Buy => (FlowKind::Bought, self.amount + self.fee),
            Side::Sell => (FlowKind::Sold, self.amount - self.fee),
        };
        Flow {
            day: self.market_day,
            kind,
            units: self.quantity,
            price: self.price,
            amount,
            fee: self.fee,
            unit_decimals: self.rules.decimals(),
        }
    }
}

/// The trades of a list, in order of their ids, which is that of their times.
pub(super) async fn read_trades(app: &App, list: List) -> Result<Vec<TradeFlow>, ServiceError> {
    let items = listing::read_all(app, list).await?;
    Ok(items.iter().map(documents::parse).collect::<Result<_, _>>()?)
}

/// The lots held elsewhere of a portfolio.
pub(super) async fn read_investments(app: &App, portfolio: PortfolioId) -> Result<Vec<Investment>, ServiceError> {
    let items = listing::read_all(app, keys::investments(portfolio)).await?;
    Ok(items.iter().map(documents::parse).collect::<Result<_, _>>()?)
}

/// Both together by symbol, oldest first. Within a day their order does not matter.
pub(super) fn by_symbol<'a>(
    trades: impl IntoIterator<Item = &'a TradeFlow>,
    investments: &[Investment],
) -> Result<Flows, ServiceError> {
    let mut all = Flows::new();
    let mut add = |symbol: &Symbol, currency: Currency, flow: Flow| {
        let owned = all.entry(symbol.clone()).or_insert_with(|| SymbolFlows { currency, flows: Vec::new() });
        owned.flows.push(flow);
    };
    for one in investments {
        let cost = investments::cost(one)
            .map_err(|error| ServiceError::fault("the cost of a stored investment is out of range", error))?;
        let (kind, amount, fee) = (FlowKind::Added, cost.amount(), one.fee.amount());
        let flow = Flow {
            day: one.purchase_date,
            kind,
            units: one.quantity,
            price: one.purchase_price,
            amount,
            fee,
            unit_decimals: DECIMALS,
        };
        add(&one.ticker_symbol, one.currency(), flow);
    }
    for trade in trades {
        add(&trade.symbol, trade.currency, trade.flow());
    }
    for owned in all.values_mut() {
        owned.flows.sort_by_key(|flow| flow.day);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_of_a_trade_has_its_amount_and_fee() {
        let record = r#"{"id":"0190aaaa-0000-7000-8000-000000000001","portfolio_id":"0190aaaa-0000-7000-8000-000000000000",
            "side":"sell","symbol":"AAPL","quantity":"2.5","price":"430.47","amount":"1076.18","fee":"1.50",
            "currency":"USD","market_day":"2013-03-01","lots":[{"anything":"else"}]}"#;
        let trade: TradeFlow = serde_json::from_str(record).unwrap();
        let flows = by_symbol([&trade], &[]).unwrap();
        let flow = flows[&trade.symbol].flows[0];
        assert_eq!((flow.kind, flow.amount.to_string().as_str()), (FlowKind::Sold, "1074.68"));
        assert_eq!((flow.fee.to_string().as_str(), flow.day), ("1.50", trade.market_day));
        assert_eq!(flow.unit_decimals, 8, "a record without a version is of the first rules");
        let current: TradeFlow = serde_json::from_str(&record.replacen('{', r#"{"rules":2,"#, 1)).unwrap();
        assert_eq!(by_symbol([&current], &[]).unwrap()[&trade.symbol].flows[0].unit_decimals, DECIMALS);
    }
}
