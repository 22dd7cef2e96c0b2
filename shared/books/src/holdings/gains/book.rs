//! What the rows are made of.

use std::collections::BTreeMap;

use app::error::ServiceError;
use domain::{LotMethod, PortfolioId, Symbol};
use ledger::Trade;
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::{held_through, market_day};
use market_data::price_lines::PriceLines;
use market_data::warnings::{self, on_rates_of_another_day};
use quant::backtest::Warning;

use super::super::lots::{PortfolioLots, Sale};
use super::super::realized::{find_sales, find_sales_by_age, without_rate};
use crate::positions;

/// Everything that the rows are made of.
pub(super) struct Book {
    pub(super) lots: PortfolioLots,
    pub(super) trades: BTreeMap<Symbol, Vec<Trade>>,
    /// The sales from the wallet.
    pub(super) sales: BTreeMap<Symbol, Vec<Sale>>,
    /// The same if those at average cost had taken the oldest lots.
    pub(super) by_age: BTreeMap<Symbol, Vec<Sale>>,
    pub(super) rates: ExchangeRates,
}

impl Book {
    pub(super) async fn read(
        market: &MarketData,
        id: PortfolioId,
        lots: PortfolioLots,
        rates: ExchangeRates,
    ) -> Result<Self, ServiceError> {
        let mut trades: BTreeMap<Symbol, Vec<Trade>> = BTreeMap::new();
        for trade in positions::read_trades(&market.app, id).await? {
            trades.entry(trade.symbol.clone()).or_default().push(trade);
        }
        let (mut sales, mut by_age) = (BTreeMap::new(), BTreeMap::new());
        for (symbol, stored) in &lots.by_symbol {
            let (Some(position), Some(trades)) = (&stored.position, trades.get(symbol)) else { continue };
            sales.insert(symbol.clone(), find_sales(position, trades.clone()).await?);
            if trades.iter().any(|trade| trade.lot_method == Some(LotMethod::Average)) {
                by_age.insert(symbol.clone(), find_sales_by_age(position, trades.clone()).await?);
            }
        }
        Ok(Self { lots, trades, sales, by_age, rates })
    }

    pub(super) fn warnings(&self, market: &MarketData, lines: &PriceLines, year: Option<i32>) -> Vec<Warning> {
        let mut found = Vec::new();
        for (symbol, stored) in &self.lots.by_symbol {
            let through = held_through(market, lines.get(symbol).and_then(|line| line.last_day(market)));
            found.extend(warnings::on_activities_to_come(symbol, stored.to_come(through).1, through));
            let removals = stored.recorded.iter().flat_map(|recorded| &recorded.position.removals);
            let of_year = removals.filter(|removal| year.is_none_or(|year| removal.day.year() == year));
            let unnamed = of_year.filter(|removal| removal.is_by_default_order).count();
            found.extend(warnings::on_lots_not_named(symbol, unnamed));
            let trades = self.trades.get(symbol).map_or(&[][..], Vec::as_slice);
            let noted = without_rate(trades, stored.recorded.as_ref(), market_day(market), &self.rates);
            found.extend(on_rates_of_another_day(symbol, noted));
        }
        found.extend(self.rates.warnings(self.lots.currencies()));
        found
    }
}
