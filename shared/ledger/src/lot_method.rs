//! Which lots a sale consumes.

pub use domain::LotMethod;
use domain::Quantity;
use serde::Deserialize;

use crate::exact;
use crate::lots::{Lot, LotPick};
use crate::refusal::Refusal;
use crate::rules::Rules;

/// The most lots that one sale takes from, so that its record, which lists them, stays below the item limit of 400 KB.
/// A sale at average cost takes from every lot and lists [`crate::trade_record::MAX_LINES_OF_A_POOL`].
pub const MAX_LOTS_PER_SALE: usize = 1_000;

/// A lot method that chooses the lots by itself, so that it can be tried on sales that were made by another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AutomaticLotMethod {
    /// First in, first out: the oldest lot.
    Fifo,
    /// Last in, first out: the newest lot.
    Lifo,
    /// Highest in, first out: the lot with the highest cost per current unit.
    Hifo,
    /// Every unit at the average cost of all.
    Average,
}

impl From<AutomaticLotMethod> for LotMethod {
    fn from(method: AutomaticLotMethod) -> Self {
        match method {
            AutomaticLotMethod::Fifo => Self::Fifo,
            AutomaticLotMethod::Lifo => Self::Lifo,
            AutomaticLotMethod::Hifo => Self::Hifo,
            AutomaticLotMethod::Average => Self::Average,
        }
    }
}

/// Units that a sale takes from one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Take {
    /// The index of the lot in the position.
    pub(crate) index: usize,
    /// Units of the sale's day.
    pub(crate) quantity: Quantity,
}

/// The lots that a sale of `quantity` takes from, in the order in which it takes them.
///
/// `units` are those of the lots on the day of the sale. A sale at average cost takes quantity ÷ units held from every
/// lot; under the first rules it takes from the oldest lots. Lots left without a unit by splits are otherwise taken
/// only when nothing else is left, so that their cost does not stay behind.
pub(crate) fn choose(
    lots: &[Lot],
    units: &[Quantity],
    quantity: Quantity,
    method: LotMethod,
    rules: Rules,
    picks: &[LotPick],
) -> Result<Vec<Take>, Refusal> {
    let held = exact::sum(units)?;
    if quantity > held {
        return Err(Refusal::InsufficientUnits { available: held, requested: quantity });
    }
    let mut takes = match (method, rules) {
        (LotMethod::Specific, _) => named(lots, units, quantity, picks)?,
        _ if !picks.is_empty() => return Err(Refusal::LotsNotChosen),
        (LotMethod::Average, Rules::Second) => {
            let shares = exact::shares_of_units(quantity, units)?;
            return Ok(shares.into_iter().enumerate().map(|(index, quantity)| Take { index, quantity }).collect());
        }
        _ => in_order(&ordered(lots, units, method), units, quantity)?,
    };
    if quantity == held {
        let empty = units.iter().enumerate().filter(|(_, units)| units.is_zero());
        takes.extend(empty.map(|(index, _)| Take { index, quantity: Quantity::ZERO }));
    }
    Ok(takes)
}

/// The indices of the lots with units, in the order in which they are sold. The lots are oldest first, since no trade
/// is booked on a day before that of the last one.
fn ordered(lots: &[Lot], units: &[Quantity], method: LotMethod) -> Vec<usize> {
    let mut candidates: Vec<(usize, &Lot, Quantity)> =
        lots.iter().zip(units).enumerate().map(|(index, (lot, &units))| (index, lot, units)).collect();
    candidates.retain(|(_, _, units)| !units.is_zero());
    if method == LotMethod::Lifo {
        candidates.reverse();
    }
    if method == LotMethod::Hifo {
        // The sort is stable, so of two lots with the same unit cost the older comes first.
        candidates.sort_by(|(_, left, left_units), (_, right, right_units)| {
            exact::compare_unit_costs((right.cost, *right_units), (left.cost, *left_units))
        });
    }
    candidates.into_iter().map(|(index, _, _)| index).collect()
}

fn in_order(order: &[usize], units: &[Quantity], quantity: Quantity) -> Result<Vec<Take>, Refusal> {
    let mut left = quantity;
    let mut takes = Vec::new();
    for (index, held) in order.iter().filter_map(|&index| units.get(index).map(|&held| (index, held))) {
        if left.is_zero() {
            break;
        }
        let quantity = held.min(left);
        left = left.minus(quantity)?;
        takes.push(Take { index, quantity });
    }
    Ok(takes)
}

fn named(lots: &[Lot], units: &[Quantity], quantity: Quantity, picks: &[LotPick]) -> Result<Vec<Take>, Refusal> {
    if picks.is_empty() {
        return Err(Refusal::LotsNeeded);
    }
    if picks.len() > MAX_LOTS_PER_SALE {
        return Err(Refusal::SaleOfTooManyLots { most: MAX_LOTS_PER_SALE });
    }
    let mut takes: Vec<Take> = Vec::with_capacity(picks.len());
    let mut total = Quantity::ZERO;
    for pick in picks {
        let lot = lots.iter().zip(units).enumerate().find(|(_, (lot, _))| lot.id == pick.lot_id);
        let (index, (_, &available)) = lot.ok_or(Refusal::UnknownLot(pick.lot_id))?;
        if takes.iter().any(|take| take.index == index) {
            return Err(Refusal::LotNamedTwice(pick.lot_id));
        }
        if pick.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        if pick.quantity > available {
            return Err(Refusal::InsufficientUnits { available, requested: pick.quantity });
        }
        total = total.plus(pick.quantity)?;
        takes.push(Take { index, quantity: pick.quantity });
    }
    if total == quantity { Ok(takes) } else { Err(Refusal::LotsDoNotAddUp { named: total, ordered: quantity }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{id, order, pick, sold_by, split, terms, three_lots, units};
    use crate::trade::{TradeOrder, TradeTerms, sell};

    #[test]
    fn each_method_takes_its_own_lots_first() {
        for (method, taken) in [
            (LotMethod::Fifo, ["11:10:100.00", "12:5:150.00"]),
            (LotMethod::Lifo, ["13:10:200.00", "12:5:150.00"]),
            (LotMethod::Hifo, ["12:10:300.00", "13:5:100.00"]),
        ] {
            assert_eq!(sold_by(method, "15", Vec::new()).1, taken, "{method}");
        }
        let of_the_pool = ["11:5:50.00", "12:5:150.00", "13:5:100.00"];
        assert_eq!(sold_by(LotMethod::Average, "15", Vec::new()).1, of_the_pool);
        let named = vec![pick(13, "1"), pick(11, "2.5")];
        assert_eq!(sold_by(LotMethod::Specific, "3.5", named).1, ["13:1:20.00", "11:2.5:25.00"]);
    }

    #[test]
    fn highest_cost_counts_splits_and_takes_the_older_of_equals() {
        // Split four for one before the last purchase: 2.50 and 7.50 a unit against 20.
        let before = three_lots();
        let splits = [split("2012-02-03", "4")];
        let hifo = TradeTerms { splits: &splits, lot_method: LotMethod::Hifo, ..terms(14, "2012-02-06", "40") };
        let sale = sell(&before.wallet, &before.position, &order("20", "0"), &hifo).unwrap();
        let taken: Vec<_> = sale.trade.lots.iter().map(|lot| lot.lot_id).collect();
        assert_eq!(taken, [id(13), id(12)]);

        let splits = [split("2012-02-02", "0.5")];
        let hifo = TradeTerms { splits: &splits, ..hifo };
        let sale = sell(&before.wallet, &before.position, &order("12", "0"), &hifo).unwrap();
        let taken: Vec<_> = sale.trade.lots.iter().map(|lot| lot.lot_id).collect();
        assert_eq!(taken, [id(12), id(11)], "20 a unit both, and lot 11 is older than 13");
    }

    #[test]
    fn named_lots_must_be_held_once_and_add_up() {
        let before = three_lots();
        let refused = |method, quantity, lots| {
            let terms = TradeTerms { lot_method: method, ..terms(14, "2012-02-06", "40") };
            sell(&before.wallet, &before.position, &TradeOrder { lots, ..order(quantity, "0") }, &terms).unwrap_err()
        };
        let specific = |quantity, lots| refused(LotMethod::Specific, quantity, lots);
        assert_eq!(specific("1", vec![]), Refusal::LotsNeeded);
        assert_eq!(specific("1", vec![pick(99, "1")]), Refusal::UnknownLot(id(99)));
        assert_eq!(specific("2", vec![pick(11, "1"), pick(11, "1")]), Refusal::LotNamedTwice(id(11)));
        assert_eq!(specific("1", vec![pick(11, "0"), pick(12, "1")]), Refusal::ZeroQuantity);
        let (available, requested) = (units("10"), units("11"));
        assert_eq!(specific("11", vec![pick(11, "11")]), Refusal::InsufficientUnits { available, requested });
        let (named, ordered) = (units("1"), units("2"));
        assert_eq!(specific("2", vec![pick(11, "1")]), Refusal::LotsDoNotAddUp { named, ordered });
        assert_eq!(refused(LotMethod::Fifo, "1", vec![pick(11, "1")]), Refusal::LotsNotChosen);
    }
}
