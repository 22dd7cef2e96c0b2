//! The stored daily values of a portfolio: one item a year and one for the state, extended when read.
//!
//! They are never read for a decision, so nothing depends on them: a series that cannot be read is computed again, and
//! a process that loses the race to write it can still respond.

use std::collections::BTreeMap;

use app::error::ServiceError;
use app::{App, listing};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Currency, Day, LotMethod, PortfolioId, Symbol};
use serde::{Deserialize, Serialize};
use store::{Expect, StoreError, Version, Write, documents, keys};
use uuid::Uuid;
use valuation::{Checkpoint, SeriesYear, SymbolTotals, ValueSeries};

use super::cash::CashNote;
use super::flows::TradeFlow;
use crate::portfolios::LoadedPortfolio;

/// How long after a trade got its id it can still be committed; many times the longest request.
const COMMITTED_WITHIN_MINUTES: i64 = 10;
/// The most years written in one transaction: none is above 400 KB, and a transaction takes 4 MB.
const YEARS_A_TRANSACTION: usize = 8;
/// The most trades that are listed one by one.
const MAX_COUNTED: usize = 2_000;

/// A series, and what it includes of its sources.
#[derive(Clone, Debug)]
pub(super) struct StoredSeries {
    pub series: ValueSeries,
    /// Symbols that are not in it, with the codes of the reasons.
    pub left_out: BTreeMap<Symbol, String>,
    pub trades: TradesRead,
    /// Whether its next days need the whole history: an activity is dated after the last checkpoint of the series, or a
    /// split that no market data knows counts.
    pub needs_history: bool,
    /// The lot method of its invested capital; none if that lacks the last days.
    pub invested_by: Option<LotMethod>,
    /// What is to be said about cash.
    pub cash_notes: Vec<CashNote>,
}

/// The trades that a series includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TradesRead {
    /// Trades with lower ids are all known, and those up to the last checkpoint of the series are in it.
    pub before: Uuid,
    /// Trades from that id on which are dated up to the checkpoint, and so are in it too.
    pub counted: Vec<Uuid>,
}

/// The versions of the items read, for writing them again.
#[derive(Debug, Default)]
pub(super) struct ItemVersions {
    state: Option<Version>,
    years: BTreeMap<i32, (Version, Option<Uuid>)>,
}

/// The item next to the years.
#[derive(Serialize, Deserialize)]
struct SeriesState {
    base: Currency,
    through: Day,
    eve: Checkpoint,
    eve_totals: Vec<SymbolTotals>,
    /// The write that each year must belong to: an incomplete write of another process is not read.
    years: BTreeMap<i32, Uuid>,
    left_out: BTreeMap<Symbol, String>,
    trades: TradesRead,
    /// Named after what it first stated: whether there were lots dated later.
    #[serde(rename = "investments_ahead")]
    needs_history: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invested_by: Option<LotMethod>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cash_notes: Vec<CashNote>,
}

#[derive(Serialize, Deserialize)]
struct StoredYear {
    writing: Uuid,
    year: SeriesYear,
}

impl StoredSeries {
    /// Whether one is no newer than the other; which trades were read last does not count.
    fn says_the_same(&self, other: &Self) -> bool {
        self.series == other.series
            && self.left_out == other.left_out
            && self.needs_history == other.needs_history
            && self.invested_by == other.invested_by
            && self.cash_notes == other.cash_notes
    }
}

impl TradesRead {
    /// Before any trade.
    pub(super) fn none() -> Self {
        Self { before: Uuid::nil(), counted: Vec::new() }
    }

    /// After these trades, those with ids from [`TradesRead::before`] on, were read at `now` for a series with this
    /// checkpoint.
    pub(super) fn after(&self, read: &[TradeFlow], eve: Day, now: DateTime<Utc>) -> Self {
        let settled = now - TimeDelta::minutes(COMMITTED_WITHIN_MINUTES);
        let settled = u64::try_from(settled.timestamp_millis()).unwrap_or(0);
        let settled = uuid::Builder::from_unix_timestamp_millis(settled, &[0; 10]).into_uuid();
        let open = read.iter().filter(|trade| trade.market_day > eve).map(|trade| trade.id).min();
        let before = open.map_or(settled, |open| open.min(settled)).max(self.before);
        let counted = read.iter().filter(|trade| trade.id >= before && trade.market_day <= eve);
        Self { before, counted: counted.map(|trade| trade.id).collect() }
    }

    /// The earliest day of the trades read now that the series, up to `eve`, lacks.
    pub(super) fn missed(&self, read: &[TradeFlow], eve: Day) -> Option<Day> {
        let again = read.iter().filter(|trade| trade.id >= self.before && trade.market_day <= eve);
        again.filter(|trade| !self.counted.contains(&trade.id)).map(|trade| trade.market_day).min()
    }
}

/// The stored series of a portfolio, if it can be used.
pub(super) async fn load(
    app: &App,
    portfolio: PortfolioId,
) -> Result<(Option<StoredSeries>, ItemVersions), ServiceError> {
    let mut versions = ItemVersions::default();
    let mut years = BTreeMap::new();
    let mut state: Option<SeriesState> = None;
    let state_key = keys::series_state(portfolio);
    for item in listing::read_all(app, keys::series(portfolio)).await? {
        if item.key == state_key {
            versions.state = Some(item.version);
            state = documents::parse(&item).ok();
            continue;
        }
        let Some(number) = item.key.sk.rsplit('#').next().and_then(|year| year.parse::<i32>().ok()) else { continue };
        let year: Option<StoredYear> = documents::parse(&item).ok();
        versions.years.insert(number, (item.version, year.as_ref().map(|year| year.writing)));
        years.extend(year.map(|year| (number, year)));
    }
    let Some(state) = state else { return Ok((None, versions)) };
    let mut all = Vec::with_capacity(state.years.len());
    for (number, writing) in &state.years {
        match years.remove(number).filter(|year| year.writing == *writing) {
            Some(year) => all.push(year.year),
            None => return Ok((None, versions)),
        }
    }
    let SeriesState {
        base, through, eve, eve_totals, left_out, trades, needs_history, invested_by, cash_notes, ..
    } = state;
    let series = ValueSeries { base, through, years: all, eve, eve_totals };
    Ok((Some(StoredSeries { series, left_out, trades, needs_history, invested_by, cash_notes }), versions))
}

/// Stores a series in place of the one that was read, unless the portfolio or another process's copy has changed since.
/// A series that cannot be stored is computed again on the next read.
pub(super) async fn save(
    app: &App,
    held: &LoadedPortfolio,
    before: Option<&StoredSeries>,
    versions: &ItemVersions,
    kept: &StoredSeries,
) {
    let stands = before.is_some_and(|before| before.says_the_same(kept)) && held.record.dirty_from.is_none();
    if stands || kept.trades.counted.len() > MAX_COUNTED {
        return;
    }
    match write(app, held, before, versions, kept).await {
        Ok(()) => {}
        Err(ServiceError::Store(StoreError::Conflict { .. })) => {
            tracing::debug!(portfolio = %held.record.portfolio.id, "daily values were not stored: another process was faster");
        }
        Err(error) => {
            tracing::warn!(portfolio = %held.record.portfolio.id, %error, "daily values were not stored");
        }
    }
}

async fn write(
    app: &App,
    held: &LoadedPortfolio,
    before: Option<&StoredSeries>,
    versions: &ItemVersions,
    kept: &StoredSeries,
) -> Result<(), ServiceError> {
    let portfolio = held.record.portfolio.id;
    let writing = app.new_id();
    let mut years = BTreeMap::new();
    let mut writes = Vec::new();
    let stood = |number: i32| before?.series.years.iter().find(|year| year.year == number);
    for year in &kept.series.years {
        let at = versions.years.get(&year.year).copied();
        if let Some((_, Some(writing))) = at.filter(|_| stood(year.year) == Some(year)) {
            years.insert(year.year, writing);
            continue;
        }
        years.insert(year.year, writing);
        let key = keys::series_year(portfolio, year.year);
        let body = documents::body(&key, &StoredYear { writing, year: year.clone() })?;
        let expect = Expect::from(at.map(|(version, _)| version));
        writes.push(Write::Put { key, body, expires_at: None, expect });
    }
    let key = keys::series_state(portfolio);
    let StoredSeries { series, left_out, trades, needs_history, invested_by, cash_notes } = kept.clone();
    let ValueSeries { base, through, eve, eve_totals, .. } = series;
    let state =
        SeriesState { base, through, eve, eve_totals, years, left_out, trades, needs_history, invested_by, cash_notes };
    let body = documents::body(&key, &state)?;
    let as_read = Write::Check { key: key.clone(), expect: versions.state.into() };
    let state = Write::Put { key, body, expires_at: None, expect: versions.state.into() };
    // The state comes last: until then a reader finds years that do not belong to the writes it names. Each transaction
    // asserts the sources of the series, so that no further year is written once they have changed.
    while writes.len() > YEARS_A_TRANSACTION {
        let rest = writes.split_off(YEARS_A_TRANSACTION);
        let mut some = std::mem::replace(&mut writes, rest);
        some.extend([held.unchanged(), as_read.clone()]);
        app.table().transact(some).await?;
    }
    writes.extend([state, held.unchanged_and_clean()?]);
    app.table().transact(writes).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{Price, Quantity};
    use ledger::{Rules, Side};
    use rust_decimal::Decimal;

    use super::*;

    const NOW: &str = "2026-11-20T12:00:00Z";

    fn id(instant: &str, number: u8) -> Uuid {
        let instant: DateTime<Utc> = instant.parse().unwrap();
        let millis = u64::try_from(instant.timestamp_millis()).unwrap();
        uuid::Builder::from_unix_timestamp_millis(millis, &[number; 10]).into_uuid()
    }

    fn trade(id: Uuid, day: &str) -> TradeFlow {
        TradeFlow {
            id,
            side: Side::Buy,
            symbol: "AAPL".parse().unwrap(),
            quantity: Quantity::ZERO,
            price: Price::parse("1").unwrap(),
            amount: Decimal::ZERO,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            market_day: day.parse().unwrap(),
            rules: Rules::CURRENT,
            lots: Vec::new(),
            lot_method: None,
        }
    }

    fn after(trades: &[TradeFlow], eve: &str) -> TradesRead {
        TradesRead::none().after(trades, eve.parse().unwrap(), NOW.parse().unwrap())
    }

    #[test]
    fn trades_of_the_last_day_are_read_again_and_older_ones_are_not() {
        let trades = [
            trade(id("2026-11-18T15:00:00Z", 1), "2026-11-18"),
            trade(id("2026-11-19T15:00:00Z", 1), "2026-11-19"),
            trade(id("2026-11-19T16:00:00Z", 1), "2026-11-19"),
        ];
        let read = after(&trades, "2026-11-18");
        assert_eq!((read.before, read.counted.len()), (trades[1].id, 0));
        assert_eq!(after(&trades, "2026-11-19").before, id("2026-11-20T11:50:00Z", 0).min(read_settled()));
    }

    fn read_settled() -> Uuid {
        after(&[], "2026-11-19").before
    }

    #[test]
    fn a_trade_committed_after_a_younger_one_is_found_missing() {
        let eve = "2026-11-19".parse().unwrap();
        let younger = trade(id("2026-11-20T11:59:00Z", 9), "2026-11-19");
        let read = after(std::slice::from_ref(&younger), "2026-11-19");
        assert_eq!(read.counted, [younger.id]);
        let late = trade(id("2026-11-20T11:58:00Z", 1), "2026-11-19");
        assert!(late.id >= read.before, "it is among those read again");
        assert_eq!(read.missed(&[late, younger], eve), Some(eve));
        let known = trade(read.counted[0], "2026-11-19");
        let new = trade(id("2026-11-20T12:00:00Z", 1), "2026-11-20");
        assert_eq!(read.missed(&[known, new], eve), None);
    }
}
