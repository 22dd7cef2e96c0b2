//! A symbol's bars: one item per year, and a head item with their source and the list of years.
//!
//! Several items cannot be read at one instant, so the head lists the checksum of every year. A reader that finds a
//! year from another write than the head reads again, and never serves a mixture. Every save writes the head at the
//! version that it read, so that concurrent saves of one symbol are serialised, and writes only the years whose bytes
//! changed.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Bars, Currency, Day, Symbol};
use serde::{Deserialize, Serialize};

use crate::documents;
use crate::error::StoreError;
use crate::item::{Body, Item, Key};
use crate::keys;
use crate::limits::{MAX_KEYS, MAX_PAGE_ITEMS, MAX_WRITES};
use crate::pack::{pack, stored_checksum, unpack_onto};
use crate::query::{Query, Range};
use crate::retry::{Retry, retry};
use crate::table::Table;
use crate::write::{DeleteExpect, Expect, Write};

/// How long a save or load keeps trying while others write the same symbol.
const DEADLINE: Duration = Duration::from_secs(3);
/// Years in one transaction: all of its writes except that of the head.
const YEARS_A_TRANSACTION: usize = MAX_WRITES - 1;

/// Capacity for a year's bars; a market that never closes has more.
const TRADING_DAYS_A_YEAR: usize = 253;

/// The source of a series and the warnings for its readers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesHead {
    /// Name of the provider.
    pub source: String,
    /// What the prices mean: `quoted` or `split_adjusted`.
    pub basis: String,
    /// Currency of the prices.
    pub currency: Currency,
    /// The provider's revision of the series, if it has one.
    pub revision: Option<String>,
    /// Instant when the series was requested.
    #[serde(with = "domain::instant")]
    pub fetched_at: DateTime<Utc>,
    /// Further warnings for the reader.
    pub notes: Vec<String>,
}

/// A stored series.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSeries {
    /// Its source and warnings.
    pub head: SeriesHead,
    /// All of its bars.
    pub bars: Bars,
}

/// The head item: the head as saved, and the years that belong to it.
#[derive(Serialize, Deserialize)]
struct HeadItem {
    #[serde(flatten)]
    head: SeriesHead,
    /// The day of the last bar.
    #[serde(default)]
    last: Option<Day>,
    /// The checksum of each year's bytes in hex, since JSON has no 64-bit integers.
    years: BTreeMap<i32, String>,
}

/// What is known of a series from its head alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its source and warnings.
    pub head: SeriesHead,
    /// The day of the last bar; `None` for heads written before this field existed.
    pub last: Option<Day>,
}

/// The items of a series, still packed.
struct Found {
    head: Option<Item>,
    years: BTreeMap<i32, Item>,
}

/// A year to write: its bytes and their checksum.
struct PackedYear {
    bytes: Vec<u8>,
    checksum: String,
    last: Day,
}

/// Saves a whole series, replacing the stored one. Of concurrent saves the last one wins.
///
/// A history of more years than fit in a transaction (99) is written in several transactions, newest years first. Until
/// the last one, a reader sees a shorter series fetched in 1970, so that an interrupted save is fetched again.
pub async fn save(table: &dyn Table, symbol: &Symbol, bars: &Bars, head: &SeriesHead) -> Result<(), StoreError> {
    let partition = keys::bars(symbol);
    let packed = pack_years(&partition, bars)?;
    retry(Retry::within(DEADLINE), || async {
        let found = find(table, &partition).await?;
        save_over(table, &partition, &packed, head, found, None).await
    })
    .await
}

/// Changes the series in a partition: `change` gets the stored series and returns its replacement. Concurrent changes
/// are serialised. `asserted` is the check of another item, without which nothing is written.
pub async fn change<F>(table: &dyn Table, partition: &str, asserted: &Write, change: F) -> Result<(), StoreError>
where
    F: Fn(Option<StoredSeries>) -> Result<(Bars, SeriesHead), StoreError> + Send + Sync,
{
    retry(Retry::within(DEADLINE), || async {
        let found = find(table, partition).await?;
        let (bars, head) = change(unpacked(partition, &found)?)?;
        save_over(table, partition, &pack_years(partition, &bars)?, &head, found, Some(asserted)).await
    })
    .await
}

/// The outlines of these series, in the order of `symbols`, which must be distinct. A hundred take one read.
pub async fn read_outlines(table: &dyn Table, symbols: &[Symbol]) -> Result<Vec<Option<Outline>>, StoreError> {
    let mut found = Vec::with_capacity(symbols.len());
    for some in symbols.chunks(MAX_KEYS) {
        let keys: Vec<Key> = some.iter().map(keys::bars_head).collect();
        for item in table.get_many(&keys).await? {
            let head = item.as_ref().map(documents::parse::<HeadItem>).transpose()?;
            found.push(head.map(|HeadItem { head, last, .. }| Outline { head, last }));
        }
    }
    Ok(found)
}

/// The stored series of a symbol, if any.
pub async fn load(table: &dyn Table, symbol: &Symbol) -> Result<Option<StoredSeries>, StoreError> {
    load_from(table, &keys::bars(symbol)).await
}

/// The series stored in a partition, if any.
pub async fn load_from(table: &dyn Table, partition: &str) -> Result<Option<StoredSeries>, StoreError> {
    retry(Retry::within(DEADLINE), || async { unpacked(partition, &find(table, partition).await?) })
        .await
        .map_err(|error| still_torn(partition, error))
}

/// Unpacks the series, or returns a conflict if head and years are from different writes.
fn unpacked(partition: &str, found: &Found) -> Result<Option<StoredSeries>, StoreError> {
    let Some(head) = &found.head else { return Ok(None) };
    let item: HeadItem = documents::parse(head)?;
    let mut bars = Bars::with_capacity(item.years.len() * TRADING_DAYS_A_YEAR);
    for (&year, checksum) in &item.years {
        let key = keys::year_of(partition, year);
        // Written by another save than the head; the next read finds both from one save.
        let torn = StoreError::Conflict { write: 0 };
        let Some(found) = found.years.get(&year) else { return Err(torn) };
        let bytes = bytes(found)?;
        if checksum_of(&key, bytes)? != *checksum {
            return Err(torn);
        }
        let before = bars.len();
        unpack_onto(bytes, &mut bars).map_err(|error| StoreError::corrupt(&key, &error))?;
        if bars.dates()[before..].iter().any(|day| day.year() != year) {
            return Err(StoreError::corrupt(&key, "bars of another year"));
        }
    }
    Ok(Some(StoredSeries { head: item.head, bars }))
}

/// A head and a year that still do not match after all retries were not written by [`save`].
fn still_torn(partition: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict { .. } => {
            StoreError::corrupt(&keys::head_of(partition), "the years do not match the head")
        }
        other => other,
    }
}

fn pack_years(partition: &str, bars: &Bars) -> Result<BTreeMap<i32, PackedYear>, StoreError> {
    let mut years = BTreeMap::new();
    let mut start = 0;
    while let Some(first) = bars.get(start) {
        let year = first.date.year();
        let end = start + bars.dates()[start..].partition_point(|day| day.year() == year);
        let key = keys::year_of(partition, year);
        let bytes = pack(&bars.slice(start, end)).map_err(|error| StoreError::corrupt(&key, &error))?;
        let checksum = checksum_of(&key, &bytes)?;
        let last = bars.dates()[end - 1];
        years.insert(year, PackedYear { bytes, checksum, last });
        start = end;
    }
    Ok(years)
}

async fn save_over(
    table: &dyn Table,
    partition: &str,
    packed: &BTreeMap<i32, PackedYear>,
    head: &SeriesHead,
    found: Found,
    asserted: Option<&Write>,
) -> Result<(), StoreError> {
    let mut changes = changes(partition, packed, &found.years);
    let mut head_at = found.head.map(|head| head.version);
    loop {
        let most = YEARS_A_TRANSACTION - usize::from(asserted.is_some());
        let later = changes.split_off(changes.len().min(most));
        let item = listed(packed, head, &later);
        let key = keys::head_of(partition);
        let body = documents::body(&key, &item)?;
        let mut writes = vec![Write::Put { key, body, expires_at: None, expect: Expect::from(head_at) }];
        writes.extend(changes.into_iter().map(|(_, write)| write));
        writes.extend(asserted.cloned());
        let versions = table.transact(writes).await?;
        if later.is_empty() {
            return Ok(());
        }
        head_at = versions.first().copied().flatten();
        changes = later;
    }
}

/// The head to write while the changes in `later` are outstanding: it does not list the years that they touch.
fn listed(packed: &BTreeMap<i32, PackedYear>, head: &SeriesHead, later: &[(i32, Write)]) -> HeadItem {
    let mut years: BTreeMap<i32, String> =
        packed.iter().map(|(&year, packed)| (year, packed.checksum.clone())).collect();
    let mut head = head.clone();
    if let Some(newest) = later.iter().map(|(year, _)| *year).max() {
        // Changes go from new to old, so the listed years are the end of the series without a gap.
        years.retain(|&year, _| year > newest);
        head.fetched_at = DateTime::UNIX_EPOCH;
    }
    let last = packed.values().next_back().map(|year| year.last);
    HeadItem { head, last, years }
}

/// The writes, newest year first: the years whose bytes differ, and the removal of obsolete years.
fn changes(partition: &str, packed: &BTreeMap<i32, PackedYear>, stored: &BTreeMap<i32, Item>) -> Vec<(i32, Write)> {
    let puts = packed.iter().filter_map(|(&year, packed)| {
        let stored = stored.get(&year);
        let body = Body::Bytes(packed.bytes.clone());
        if stored.is_some_and(|item| item.body == body) {
            return None;
        }
        let expect = Expect::from(stored.map(|item| item.version));
        Some((year, Write::Put { key: keys::year_of(partition, year), body, expires_at: None, expect }))
    });
    let removals = stored.iter().filter(|(year, _)| !packed.contains_key(year)).map(|(&year, item)| {
        let expect = DeleteExpect::Version(item.version);
        (year, Write::Delete { key: item.key.clone(), expect })
    });
    let mut changes: Vec<_> = puts.chain(removals).collect();
    changes.sort_by_key(|(year, _)| std::cmp::Reverse(*year));
    changes
}

async fn find(table: &dyn Table, partition: &str) -> Result<Found, StoreError> {
    let mut query = Query::forward(partition, Range::All, MAX_PAGE_ITEMS);
    let head_key = keys::head_of(partition);
    let mut found = Found { head: None, years: BTreeMap::new() };
    loop {
        let page = table.query(&query).await?;
        for item in page.items {
            if item.key == head_key {
                found.head = Some(item);
            } else {
                found.years.insert(year_of(&item.key)?, item);
            }
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(found),
        }
    }
}

fn year_of(key: &Key) -> Result<i32, StoreError> {
    let year = key.sk.strip_prefix(keys::YEAR_PREFIX).and_then(|year| year.parse().ok());
    year.ok_or_else(|| StoreError::corrupt(key, "not a year of bars"))
}

fn bytes(item: &Item) -> Result<&[u8], StoreError> {
    match &item.body {
        Body::Bytes(bytes) => Ok(bytes),
        Body::Json(_) => Err(StoreError::corrupt(&item.key, "found JSON instead of packed bars")),
    }
}

fn checksum_of(key: &Key, bytes: &[u8]) -> Result<String, StoreError> {
    let checksum = stored_checksum(bytes).map_err(|error| StoreError::corrupt(key, &error))?;
    Ok(format!("{checksum:016x}"))
}
