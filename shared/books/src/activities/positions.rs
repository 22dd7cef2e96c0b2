//! What the activities of a portfolio leave of each instrument.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use domain::{Currency, Day, LotMethod, Split, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger::recorded::{self, MergedSplits, merge_splits};
use ledger::{Activity, ActivityType, RecordedPosition, Refusal};
use market::CallBudget;
use market_data::MarketData;
use market_data::splits::KnownSplits;

/// Histories of prices read concurrently.
const AT_ONCE: usize = 16;

/// The recorded book of each instrument.
pub(crate) type RecordedPositions = BTreeMap<Symbol, RecordedInstrument>;

/// The recorded book of an instrument on the evening of a day.
#[derive(Clone, Debug)]
pub(crate) struct RecordedInstrument {
    /// Its activities, also those of later days, in the order in which they count.
    pub(crate) activities: Vec<Activity>,
    /// What those up to the day leave.
    pub(crate) position: RecordedPosition,
    /// The splits by which units count that leave, also those of later days, oldest first.
    splits: Vec<Split>,
    /// Those of them that no market data knows.
    own_splits: Vec<Split>,
    method: LotMethod,
    through: Day,
}

impl RecordedInstrument {
    /// The splits up to its day that no market data knows.
    pub(crate) fn own_splits(&self) -> &[Split] {
        let count = self.own_splits.partition_point(|split| split.day <= self.through);
        self.own_splits.get(..count).unwrap_or_default()
    }

    /// The day on whose evening it is.
    pub(crate) fn through(&self) -> Day {
        self.through
    }

    /// Its activities after a day.
    pub(crate) fn after(&self, day: Day) -> impl Iterator<Item = &Activity> {
        self.activities.iter().filter(move |activity| activity.date > day)
    }

    /// Whether nothing is left, and nothing comes later.
    pub(crate) fn is_closed(&self) -> bool {
        self.position.lots.is_empty() && self.after(self.through).next().is_none()
    }

    /// What the oldest lots would have given to each removal, under the lot method `average`: how long units were held
    /// goes by those. Nothing under another method, by which they are those that it takes.
    pub(crate) fn by_age(&self) -> Result<Option<RecordedPosition>, Refusal> {
        if self.method != LotMethod::Average {
            return Ok(None);
        }
        let RecordedPosition { symbol, currency, .. } = &self.position;
        let activities: Vec<&Activity> = self.activities.iter().collect();
        let (method, through) = (LotMethod::Fifo, self.through);
        recorded::replay(symbol, *currency, &activities, &self.splits, method, through).map(Some)
    }

    /// The same on the evening of a later day.
    pub(crate) fn on(&self, through: Day) -> Result<Cow<'_, Self>, Refusal> {
        if self.after(self.through).all(|activity| activity.date > through) {
            return Ok(Cow::Borrowed(self));
        }
        let RecordedPosition { symbol, currency, .. } = &self.position;
        let activities: Vec<&Activity> = self.activities.iter().collect();
        let position = recorded::replay(symbol, *currency, &activities, &self.splits, self.method, through)?;
        Ok(Cow::Owned(Self { position, through, ..self.clone() }))
    }
}

/// Activities of one instrument, in the order in which they count.
#[derive(Clone, Debug)]
pub(crate) struct InstrumentHistory<'a> {
    currency: Currency,
    activities: Vec<&'a Activity>,
}

/// The activities that move units or are splits, by instrument, each in the order in which they count.
pub(crate) fn by_instrument<'a>(
    activities: impl IntoIterator<Item = &'a Activity>,
) -> BTreeMap<&'a Symbol, InstrumentHistory<'a>> {
    let mut all: BTreeMap<&Symbol, InstrumentHistory<'_>> = BTreeMap::new();
    for activity in activities.into_iter().filter(|activity| activity.event.is_of_units()) {
        let (Some(symbol), currency) = (activity.symbol(), activity.currency()) else { continue };
        let of = all.entry(symbol).or_insert(InstrumentHistory { currency, activities: Vec::new() });
        of.activities.push(activity);
    }
    for of in all.values_mut() {
        recorded::sort(&mut of.activities);
    }
    all
}

impl InstrumentHistory<'_> {
    /// What it leaves on the evening of `through`, by the splits of the market and those that it records itself.
    pub(crate) fn replay(
        &self,
        symbol: &Symbol,
        market: &[Split],
        method: LotMethod,
        through: Day,
    ) -> Result<(RecordedPosition, MergedSplits), Refusal> {
        let merged = merge_splits(market, &self.activities);
        let position = recorded::replay(symbol, self.currency, &self.activities, &merged.splits, method, through)?;
        Ok((position, merged))
    }
}

/// What the activities leave of each instrument on the evening of `through`.
pub(crate) async fn replay_all(
    market: &MarketData,
    activities: Vec<Activity>,
    method: LotMethod,
    through: Day,
    budget: CallBudget,
) -> Result<RecordedPositions, ServiceError> {
    let splits = load_splits(market, &activities, budget).await?;
    // Each sale visits every open lot, so thousands take time.
    let work = move || {
        let replayed = by_instrument(&activities).into_iter().map(|(symbol, of)| {
            let market = splits.get(symbol).map_or(&[][..], Vec::as_slice);
            let (position, MergedSplits { splits, own: own_splits, .. }) =
                of.replay(symbol, market, method, through)?;
            let activities = of.activities.into_iter().cloned().collect();
            let of_symbol = RecordedInstrument { activities, position, splits, own_splits, method, through };
            Ok((symbol.clone(), of_symbol))
        });
        replayed.collect::<Result<RecordedPositions, Refusal>>()
    };
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| ServiceError::fault("replaying the activities of a portfolio", error))??)
}

/// The splits of the instruments of which units leave, or of which the activities record splits themselves: no other
/// replay needs any. The provider is called for those of which nothing is stored.
pub(super) async fn load_splits(
    market: &MarketData,
    activities: impl IntoIterator<Item = &Activity>,
    budget: CallBudget,
) -> Result<BTreeMap<Symbol, Vec<Split>>, ServiceError> {
    let needs = |activity: &&Activity| activity.event.takes_units() || activity.activity_type() == ActivityType::Split;
    let needing =
        activities.into_iter().filter(needs).filter_map(Activity::symbol).filter(|symbol| !symbol.is_custom());
    let symbols: BTreeSet<Symbol> = needing.cloned().collect();
    let loads = symbols.into_iter().map(|symbol| async move {
        let known = KnownSplits::load(market, &symbol, budget).await?;
        Ok::<_, ServiceError>((symbol, known.map(|known| known.list).unwrap_or_default()))
    });
    stream::iter(loads.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await
}
