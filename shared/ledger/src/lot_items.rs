//! Which lots of a position are stored in its head, and which in items of older lots.

use crate::lots::Lot;
use crate::refusal::Refusal;

/// Lots stored in the head.
pub const MAX_INLINE_LOTS: usize = 200;

/// Lot numbers per item of older lots.
pub const LOTS_PER_ITEM: u64 = 200;

/// The most items of older lots that a position has. All of them, as a sale at average cost writes them, are about 3
/// MB; with the rest of a trade they are under 70 items: inside the 100 items and 4 MB of a transaction.
pub const MAX_OLDER_ITEMS: usize = 60;

/// The number below which lots move out of the head once `new` is added.
pub(crate) fn first_inline(lots: &[Lot], new: &Lot, first_inline: u64) -> Result<u64, Refusal> {
    let inline = lots.iter().filter(|lot| lot.number >= first_inline).count();
    if inline < MAX_INLINE_LOTS {
        return Ok(first_inline);
    }
    let oldest = lots.iter().find(|lot| lot.number >= first_inline).unwrap_or(new);
    let moved = item_of(oldest).checked_add(1).and_then(|item| item.checked_mul(LOTS_PER_ITEM));
    let moved = moved.ok_or(Refusal::TooLarge)?;
    let mut items: Vec<u64> = lots.iter().filter(|lot| lot.number < moved).map(item_of).collect();
    items.dedup();
    if items.len() > MAX_OLDER_ITEMS { Err(Refusal::TooManyLots) } else { Ok(moved) }
}

/// The number of the item that holds a lot outside the head.
pub(crate) fn item_of(lot: &Lot) -> u64 {
    lot.number.checked_div(LOTS_PER_ITEM).unwrap_or_default()
}
