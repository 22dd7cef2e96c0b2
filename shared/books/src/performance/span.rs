//! What a span of a performance needs beside its daily values: the totals of each symbol, and the invested capital.

use app::error::ServiceError;
use domain::{Day, Portfolio};
use market::CallBudget;
use market_data::MarketData;
use store::keys;
use valuation::{Amount, InvestedDay, SpanStart, SymbolTotals, ValueSeries};
use valuation::{invested_days, invested_without_removals, totals_by_symbol};

use super::incremental_series::{ValuedPortfolio, run_blocking};
use super::{flows, recorded};

/// The details of a span.
#[derive(Debug)]
pub(super) struct SpanDetails {
    /// The totals of each symbol that was held or moved, by symbol.
    pub totals: Vec<SymbolTotals>,
    /// The invested capital from the evening before the span on.
    pub invested: Vec<InvestedDay>,
}

impl ValuedPortfolio {
    /// The details of the days from `first` to `last`, with the invested capital up to `to`: from what is stored if that
    /// suffices, else from all records. A span without a day ends before it begins.
    pub(super) async fn compute_details(
        &mut self,
        market: &MarketData,
        portfolio: &Portfolio,
        budget: CallBudget,
        (first, last): (Day, Day),
        to: Day,
    ) -> Result<SpanDetails, ServiceError> {
        let series = &self.kept.series;
        let totals = (first <= last).then(|| series.totals_of_whole_years(first, last)).flatten();
        let invested = totals.as_ref().and_then(|totals| invested_as_stored(series, totals, first, to));
        if let (Some(totals), Some(invested)) = (&totals, invested) {
            return Ok(SpanDetails { totals: totals.clone(), invested });
        }
        self.read_history(market, portfolio, budget).await?;
        let (sources, series) = (self.sources.clone(), self.kept.series.clone());
        let computed = run_blocking(move || {
            let book = sources.book();
            let totals = match totals {
                Some(totals) => totals,
                None => totals_by_symbol(&book, &series, first, last)?,
            };
            let invested = match invested_as_stored(&series, &totals, first, to) {
                Some(invested) => invested,
                None => invested_days(&book, Some(SpanStart { first, totals: &totals }), to)?,
            };
            Ok(SpanDetails { totals, invested })
        });
        computed.await?.map_err(|error: valuation::ValuationError| {
            ServiceError::fault("the attribution of a computed series failed", error)
        })
    }

    /// All flows, if only those of the last days are known.
    async fn read_history(
        &mut self,
        market: &MarketData,
        portfolio: &Portfolio,
        budget: CallBudget,
    ) -> Result<(), ServiceError> {
        if self.sources.recorded.is_none() {
            let read = flows::read_trades(&market.app, keys::trades(portfolio.id)).await?;
            let recorded = recorded::read(market, portfolio, budget).await?;
            self.sources.set_history(&read, recorded, portfolio.cash)?;
        }
        Ok(())
    }
}

/// The invested capital of a span from that since the first purchase: nothing was held before the span, or nothing left
/// in it.
fn invested_as_stored(series: &ValueSeries, totals: &[SymbolTotals], first: Day, to: Day) -> Option<Vec<InvestedDay>> {
    let days = series.invested(to);
    let before = days.partition_point(|day| day.date < first);
    if before.checked_sub(1).is_none_or(|last| days[last].capital.is_zero()) {
        return Some(days[before..].to_vec());
    }
    let start = totals.iter().map(|totals| totals.start).sum::<Amount>();
    invested_without_removals(&days, start, first, to)
}
