//! The splits of an instrument that its bars report.

use app::ServiceError;
use domain::split::splits_of;
use domain::{Day, DecimalError, Split, Symbol};
use ledger::FoldedSplits;
use market::{CallBudget, Note};

use crate::history;
use crate::market_data::MarketData;
use crate::series::PriceSeries;

/// The known splits of an instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSplits {
    /// The splits, oldest first.
    pub list: Vec<Split>,
    /// The first day of the bars that they were read from; none if the source does not report splits.
    since: Option<Day>,
}

impl KnownSplits {
    /// The splits of a history.
    ///
    /// Errors: a ratio that is not above zero.
    pub fn of(series: &PriceSeries) -> Result<Self, DecimalError> {
        let unknown = series.notes.iter().any(|note| matches!(note, Note::SplitsUnknown));
        Ok(Self { list: splits_of(&series.bars)?, since: (!unknown).then_some(series.first) })
    }

    /// The splits of a symbol that are available without a call; none if there is no history of it.
    pub async fn load_available(market: &MarketData, symbol: &Symbol) -> Result<Option<Self>, ServiceError> {
        let series = match history::find_without_call(market, symbol).await {
            Err(ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_)) => None,
            found => found?,
        };
        let known = series.map(|series| Self::of(&series)).transpose();
        known.map_err(|error| ServiceError::fault("splits", error))
    }

    /// The splits of a symbol; the provider is called if nothing of it is stored. None if there is no history of it.
    pub async fn load(market: &MarketData, symbol: &Symbol, budget: CallBudget) -> Result<Option<Self>, ServiceError> {
        let available = Self::load_available(market, symbol).await?;
        if available.is_some() {
            return Ok(available);
        }
        match history::load_available(market, symbol, budget).await {
            Ok(series) => Self::of(&series).map(Some).map_err(|error| ServiceError::fault("splits", error)),
            Err(
                ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_) | ServiceError::TooManyNewSymbols { .. },
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The splits by which the units of a position are counted. Splits already applied to it stay for days that the
    /// history, which may have become shorter, does not cover.
    #[must_use]
    pub fn for_units(&self, folded: &FoldedSplits) -> Vec<Split> {
        let applied = folded.splits.iter().filter(|split| self.since.is_none_or(|since| split.day < since)).copied();
        let known = self.list.iter().filter(|_| self.since.is_some()).copied();
        applied.chain(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(day: &str, ratio: &str) -> Split {
        Split { day: day.parse().unwrap(), ratio: ratio.parse().unwrap() }
    }

    fn folded() -> FoldedSplits {
        let splits = vec![split("2010-06-01", "2"), split("2012-06-01", "3")];
        FoldedSplits { opened_on: Some(Day::FIRST), unit_day: Some(Day::LAST), splits }
    }

    #[test]
    fn days_that_bars_cover_use_known_splits_and_earlier_days_the_applied_ones() {
        let since = Some("2011-01-03".parse().unwrap());
        let known = KnownSplits { list: vec![split("2012-06-01", "4")], since };
        assert_eq!(known.for_units(&folded()), [split("2010-06-01", "2"), split("2012-06-01", "4")]);
        let none = KnownSplits { list: Vec::new(), since };
        assert_eq!(none.for_units(&folded()), [split("2010-06-01", "2")]);
    }

    #[test]
    fn a_source_that_does_not_report_splits_changes_none() {
        assert_eq!(KnownSplits::default().for_units(&folded()), folded().splits);
    }
}
