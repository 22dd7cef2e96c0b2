//! How a position is stored: a head with its younger lots inline, and items of at most 200 older lots each.
//!
//! Once a lot has left the head it never changes its item: item k holds the lots numbered from 200·k to 200·k + 199. So
//! a purchase writes the head and, about every 200th time, one more item; a sale writes the head and the items of the
//! lots it took from. A lot takes under 250 bytes, an item under 50 KB. At most
//! [`MAX_OLDER_ITEMS`](crate::lot_items::MAX_OLDER_ITEMS) items keep a sale of everything inside one transaction; a
//! purchase that would need another one is refused.
//!
//! Items of older lots are written only together with the head. A writer that reads the head and then its items, and
//! writes on the condition that the head is unchanged, has thereby asserted all of them.

use std::collections::BTreeMap;

use domain::{Currency, Day, Money, MoneyError, Quantity, Split, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::applied_split::AppliedSplit;
use crate::exact::written;
use crate::folded::FoldedSplits;
use crate::lot_items::item_of;
use crate::lots::Lot;
use crate::position::Position;

/// The item `POSITION#symbol`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionHead {
    portfolio_id: Uuid,
    symbol: Symbol,
    currency: Currency,
    lots: Vec<StoredLot>,
    /// Numbers of the items `LOT#symbol#%06d` that hold the older lots.
    older_items: Vec<u64>,
    next_lot: u64,
    first_inline: u64,
    trades: u64,
    last_traded: Option<Day>,
    realized_gain: Decimal,
    /// Absent if the code that wrote it did not record them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folded: Option<StoredFolded>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    split_conflict: bool,
}

/// The splits folded into the units of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFolded {
    opened_on: Option<Day>,
    unit_day: Option<Day>,
    splits: Vec<AppliedSplit>,
}

/// An item `LOT#symbol#%06d`; without lots it is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderLots {
    /// The number in its key.
    pub item: u64,
    lots: Vec<StoredLot>,
}

/// A lot without its currency, which is the position's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredLot {
    id: Uuid,
    number: u64,
    acquired_on: Day,
    unit_day: Day,
    quantity: Quantity,
    cost: Decimal,
}

/// Why items are not a valid position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionItemsError {
    /// An amount that the position's currency cannot express.
    #[error("an amount of the position does not fit its currency: {0}")]
    Amount(#[from] MoneyError),
    /// The items of older lots are not those that the head names.
    #[error("the position has its older lots in items {expected:?}, but {found:?} were read")]
    OlderItems {
        /// Items that the head names.
        expected: Vec<u64>,
        /// Items read.
        found: Vec<u64>,
    },
}

impl PositionHead {
    /// Numbers of the items that hold the older lots, ascending. Usually there are none to read.
    #[must_use]
    pub fn older_items(&self) -> &[u64] {
        &self.older_items
    }

    /// The splits folded into its units; none if the code that wrote it did not record them.
    #[must_use]
    pub fn folded(&self) -> Option<FoldedSplits> {
        self.folded.clone().map(FoldedSplits::from)
    }

    /// Whether a sale took more units than there were, by the folded splits.
    #[must_use]
    pub fn is_in_conflict(&self) -> bool {
        self.split_conflict
    }

    /// Whether it has no lot, so that no unit is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty() && self.older_items.is_empty()
    }
}

impl OlderLots {
    /// Whether it is empty, so that the item is deleted rather than put.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }
}

impl Position {
    /// The item `POSITION#symbol`.
    #[must_use]
    pub fn head(&self) -> PositionHead {
        let (older, inline) = self.older_and_inline();
        PositionHead {
            portfolio_id: self.portfolio_id,
            symbol: self.symbol.clone(),
            currency: self.currency,
            lots: inline,
            older_items: older.into_keys().collect(),
            next_lot: self.next_lot,
            first_inline: self.first_inline,
            trades: self.trades,
            last_traded: self.last_traded,
            realized_gain: written(self.realized_gain),
            folded: self.folded.as_ref().map(StoredFolded::from),
            split_conflict: self.split_conflict,
        }
    }

    /// The items `LOT#symbol#%06d` to write with the head after a command that led from `before` to here: to put, or to
    /// delete if [`OlderLots::is_empty`].
    #[must_use]
    pub fn older_lots_changed_since(&self, before: &Self) -> Vec<OlderLots> {
        let (old, _) = before.older_and_inline();
        let (mut new, _) = self.older_and_inline();
        for &item in old.keys() {
            new.entry(item).or_default();
        }
        new.retain(|item, lots| old.get(item) != Some(lots));
        new.into_iter().map(|(item, lots)| OlderLots { item, lots }).collect()
    }

    /// The position stored as this head and the items of older lots that it names.
    pub fn from_items(head: PositionHead, mut older: Vec<OlderLots>) -> Result<Self, PositionItemsError> {
        older.sort_by_key(|lots| lots.item);
        let found: Vec<u64> = older.iter().map(|lots| lots.item).collect();
        if found != head.older_items {
            return Err(PositionItemsError::OlderItems { expected: head.older_items, found });
        }
        let stored = older.into_iter().flat_map(|older| older.lots).chain(head.lots);
        let lots = stored.map(|lot| lot.lot(head.currency)).collect::<Result<Vec<_>, _>>()?;
        let folded = head.folded.map(FoldedSplits::from).or_else(|| without_sales(&lots, head.trades));
        Ok(Self {
            portfolio_id: head.portfolio_id,
            symbol: head.symbol,
            currency: head.currency,
            lots,
            next_lot: head.next_lot,
            first_inline: head.first_inline,
            trades: head.trades,
            last_traded: head.last_traded,
            realized_gain: Money::new(head.realized_gain, head.currency)?,
            folded,
            split_conflict: head.split_conflict,
        })
    }

    fn older_and_inline(&self) -> (BTreeMap<u64, Vec<StoredLot>>, Vec<StoredLot>) {
        let mut older: BTreeMap<u64, Vec<StoredLot>> = BTreeMap::new();
        let mut inline = Vec::new();
        for lot in &self.lots {
            if lot.number < self.first_inline {
                older.entry(item_of(lot)).or_default().push(StoredLot::from(lot));
            } else {
                inline.push(StoredLot::from(lot));
            }
        }
        (older, inline)
    }
}

/// The folded splits of a position that was stored without them and whose every trade left a lot: none, since nothing
/// was sold.
fn without_sales(lots: &[Lot], trades: u64) -> Option<FoldedSplits> {
    let opened_on = lots.first().map(|lot| lot.acquired_on);
    let all = u64::try_from(lots.len()).is_ok_and(|lots| lots == trades);
    all.then(|| FoldedSplits { opened_on, ..FoldedSplits::default() })
}

impl From<&FoldedSplits> for StoredFolded {
    fn from(folded: &FoldedSplits) -> Self {
        let FoldedSplits { opened_on, unit_day, ref splits } = *folded;
        Self { opened_on, unit_day, splits: splits.iter().map(AppliedSplit::from).collect() }
    }
}

impl From<StoredFolded> for FoldedSplits {
    fn from(stored: StoredFolded) -> Self {
        let StoredFolded { opened_on, unit_day, splits } = stored;
        Self { opened_on, unit_day, splits: splits.iter().map(Split::from).collect() }
    }
}

impl From<&Lot> for StoredLot {
    fn from(lot: &Lot) -> Self {
        let Lot { id, number, acquired_on, unit_day, quantity, cost } = *lot;
        Self { id, number, acquired_on, unit_day, quantity, cost: written(cost) }
    }
}

impl StoredLot {
    fn lot(self, currency: Currency) -> Result<Lot, MoneyError> {
        let Self { id, number, acquired_on, unit_day, quantity, cost } = self;
        Ok(Lot { id, number, acquired_on, unit_day, quantity, cost: Money::new(cost, currency)? })
    }
}

#[cfg(test)]
mod tests;
