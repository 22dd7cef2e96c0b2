//! The flows, prices, rates and cash that the daily values of a portfolio are computed from.

use std::collections::BTreeMap;

use domain::portfolio::CashTreatment;
use domain::{Bars, Currency, Symbol};
use ledger::Refusal;
use market_data::exchange_rates::ExchangeRates;
use market_data::price_lines::{self, FX_UNAVAILABLE, PRICE_UNAVAILABLE, PriceLines};
use valuation::{Flow, InstrumentRecords, PortfolioBook};

use super::cash::{self, TrackedCurrency};
use super::flows::{self, Flows, TradeFlow};
use super::recorded::RecordedHistory;

/// The flows, prices and rates that a series is computed from.
#[derive(Clone)]
pub(super) struct ValuationSources {
    pub base: Currency,
    pub flows: Flows,
    pub prices: PriceLines,
    pub rates: ExchangeRates,
    pub left_out: BTreeMap<Symbol, String>,
    /// Its cash by currency, if that is part of its value.
    pub cash: Option<Vec<TrackedCurrency>>,
    /// The activities, if the flows are complete.
    pub recorded: Option<RecordedHistory>,
}

impl ValuationSources {
    /// Counts the tracked cash of the whole history again: what instruments without a value pay is a flow.
    pub(super) fn count_cash(&mut self) -> Result<(), Refusal> {
        if let (Some(_), Some(history)) = (&self.cash, &self.recorded) {
            let is_valued = |symbol: &Symbol| self.prices.contains_key(symbol) && !self.left_out.contains_key(symbol);
            self.cash = Some(cash::tracked(history, &self.flows, &self.prices, is_valued)?);
        }
        let unknown = self.cash.iter().flatten().filter(|cash| !self.rates.knows(cash.currency));
        self.left_out.extend(unknown.map(|cash| (cash.symbol.clone(), FX_UNAVAILABLE.to_owned())));
        Ok(())
    }

    /// The flows of all trades and of the whole history, in place of those of the last days.
    pub(super) fn set_history(
        &mut self,
        trades: &[TradeFlow],
        recorded: RecordedHistory,
        treatment: CashTreatment,
    ) -> Result<(), Refusal> {
        self.flows = flows::by_symbol(trades, &recorded.positions, &self.prices, treatment)?;
        cash::add_incomes(&mut self.flows, &recorded.cash, &self.prices, &self.rates, self.cash.is_some());
        self.recorded = Some(recorded);
        self.count_cash()
    }

    /// The records that can be valued.
    pub(super) fn book(&self) -> PortfolioBook<'_> {
        let line = |symbol: &'_ Symbol| -> Option<InstrumentRecords<'_>> {
            let (symbol, prices) = self.prices.get_key_value(symbol)?;
            let owned = self.flows.get(symbol);
            let currency = owned.map_or(prices.series.as_ref()?.currency, |owned| owned.currency);
            let (bars, flows): (&Bars, &[Flow]) = (prices.bars(), owned.map_or(&[], |owned| &owned.flows));
            let lots = owned.map_or(&[][..], |owned| &owned.lots);
            let incomes = owned.map_or(&[][..], |owned| &owned.incomes);
            Some(InstrumentRecords { symbol, currency, bars, flows, incomes, lots })
        };
        let valued = self.prices.keys().filter(|symbol| !self.left_out.contains_key(*symbol));
        let is_known = |cash: &&TrackedCurrency| !self.left_out.contains_key(&cash.symbol);
        let cash = self.cash.as_ref().map(|all| all.iter().filter(is_known).map(TrackedCurrency::records).collect());
        PortfolioBook { base: self.base, lines: valued.filter_map(line).collect(), cash, rates: self.rates.all() }
    }

    /// Symbols without a price in the currency in which their lots were paid, and those in currencies without a rate.
    pub(super) fn without_price(&self) -> BTreeMap<Symbol, String> {
        let reason = |(symbol, line): (&Symbol, &price_lines::PriceLine)| {
            let Some(series) = &line.series else { return Some((symbol.clone(), PRICE_UNAVAILABLE.to_owned())) };
            let paid_in = self.flows.get(symbol).map_or(series.currency, |owned| owned.currency);
            let code = if paid_in != series.currency {
                PRICE_UNAVAILABLE
            } else if !self.rates.knows(paid_in) {
                FX_UNAVAILABLE
            } else {
                return None;
            };
            Some((symbol.clone(), code.to_owned()))
        };
        self.prices.iter().filter_map(reason).collect()
    }
}
