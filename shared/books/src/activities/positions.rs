//! What the activities of a portfolio leave of each instrument.

use std::collections::BTreeMap;

use app::error::ServiceError;
use domain::{Currency, Day, LotMethod, Split, Symbol};
use ledger::recorded::{self, merge_splits};
use ledger::{Activity, RecordedPosition, Refusal};
use market_data::MarketData;
use market_data::splits::KnownSplits;

/// The recorded book of each instrument, with the splits by which its units count.
pub(crate) type RecordedPositions = BTreeMap<Symbol, (RecordedPosition, Vec<Split>)>;

/// Activities of one instrument, in the order in which they count.
#[derive(Clone, Debug)]
pub(super) struct InstrumentHistory<'a> {
    currency: Currency,
    activities: Vec<&'a Activity>,
}

/// Activities by instrument, each in the order in which they count.
pub(super) fn by_instrument<'a>(
    activities: impl IntoIterator<Item = &'a Activity>,
) -> BTreeMap<&'a Symbol, InstrumentHistory<'a>> {
    let mut all: BTreeMap<&Symbol, InstrumentHistory<'_>> = BTreeMap::new();
    for activity in activities {
        let currency = activity.currency();
        let of = all.entry(activity.symbol()).or_insert(InstrumentHistory { currency, activities: Vec::new() });
        of.activities.push(activity);
    }
    all.values_mut().for_each(|of| recorded::sort(&mut of.activities));
    all
}

impl InstrumentHistory<'_> {
    /// What it leaves on the evening of `through`, by the splits of the market and those that it records itself.
    pub(super) fn replay(
        &self,
        symbol: &Symbol,
        market: &[Split],
        method: LotMethod,
        through: Day,
    ) -> Result<(RecordedPosition, Vec<Split>), Refusal> {
        let mut splits = merge_splits(market, &self.activities).splits;
        splits.retain(|split| split.day <= through);
        let position = recorded::replay(symbol, self.currency, &self.activities, &splits, method, through)?;
        Ok((position, splits))
    }
}

/// What the activities leave of each instrument on the evening of `through`, from the splits that are available without
/// a call.
pub(crate) async fn replay_all(
    market: &MarketData,
    activities: Vec<Activity>,
    method: LotMethod,
    through: Day,
) -> Result<RecordedPositions, ServiceError> {
    let symbols: Vec<Symbol> = by_instrument(&activities).into_keys().cloned().collect();
    let splits = load_splits(market, symbols).await?;
    // Each sale visits every open lot, so thousands take time.
    let work = move || {
        let replayed = by_instrument(&activities).into_iter().map(|(symbol, of)| {
            let market = splits.get(symbol).map_or(&[][..], Vec::as_slice);
            Ok((symbol.clone(), of.replay(symbol, market, method, through)?))
        });
        replayed.collect::<Result<RecordedPositions, Refusal>>()
    };
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| ServiceError::fault("replaying the activities of a portfolio", error))??)
}

/// The splits of these instruments that are available without a call.
pub(super) async fn load_splits(
    market: &MarketData,
    symbols: Vec<Symbol>,
) -> Result<BTreeMap<Symbol, Vec<Split>>, ServiceError> {
    let mut all = BTreeMap::new();
    for symbol in symbols {
        let known = if symbol.is_custom() { None } else { KnownSplits::load_available(market, &symbol).await? };
        all.insert(symbol, known.map(|known| known.list).unwrap_or_default());
    }
    Ok(all)
}
