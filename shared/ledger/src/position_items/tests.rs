use super::*;
use crate::examples::{day, id, no_position, split, units, usd};
use crate::lot_items::{LOTS_PER_ITEM, MAX_INLINE_LOTS, MAX_OLDER_ITEMS};
use crate::lot_method::LotMethod;
use crate::position::Sale;
use crate::refusal::Refusal;
use crate::rules::Rules;

/// A position of this many lots of one unit, the first with the lowest cost.
fn of_lots(lots: u64) -> Position {
    let mut position = no_position();
    for number in 0..lots {
        let cost = Money::new(Decimal::from(number), Currency::USD).unwrap();
        position.purchase(id(u128::from(number)), day("2012-02-01"), units("1"), cost).unwrap();
    }
    position
}

fn sold(position: &Position, quantity: &str, method: LotMethod) -> Position {
    let mut left = position.clone();
    let (quantity, proceeds) = (units(quantity), usd("1"));
    let (on, rules) = (day("2012-02-02"), Rules::CURRENT);
    let sale = Sale { day: on, splits: &[], method, rules, picks: &[], quantity, proceeds };
    left.sale(&sale).unwrap();
    left
}

fn read_back(position: &Position) -> Position {
    let head = serde_json::from_str(&serde_json::to_string(&position.head()).unwrap()).unwrap();
    let older = position.older_lots_changed_since(&no_position());
    Position::from_items(head, older).unwrap()
}

#[test]
fn the_head_holds_two_hundred_lots_and_the_next_moves_them_out() {
    let full = of_lots(200);
    assert!(full.head().older_items().is_empty());
    let moved = of_lots(201);
    assert_eq!(moved.head().older_items(), [0]);
    let written = moved.older_lots_changed_since(&full);
    assert_eq!(written.iter().map(|older| older.lots.len()).collect::<Vec<_>>(), [200]);
    assert_eq!(moved.head().lots.len(), 1);
    for position in [full, moved, of_lots(650)] {
        assert_eq!(read_back(&position), position);
    }
}

#[test]
fn a_purchase_writes_at_most_one_item_of_older_lots() {
    let mut position = no_position();
    for number in 0..1000_u128 {
        let before = position.clone();
        position.purchase(id(number), day("2012-02-01"), units("1"), usd("1")).unwrap();
        assert!(position.older_lots_changed_since(&before).len() <= 1);
        assert!(position.head().lots.len() <= MAX_INLINE_LOTS);
    }
}

#[test]
fn a_sale_writes_the_items_it_took_from_and_deletes_those_it_emptied() {
    let before = of_lots(650);
    assert_eq!(before.head().older_items(), [0, 1, 2]);
    let first_in = sold(&before, "250", LotMethod::Fifo);
    let written = first_in.older_lots_changed_since(&before);
    assert_eq!(written.iter().map(|older| (older.item, older.is_empty())).collect::<Vec<_>>(), [(0, true), (1, false)]);
    assert_eq!(first_in.head().older_items(), [1, 2]);
    assert_eq!(read_back(&first_in), first_in);
    assert!(sold(&before, "10", LotMethod::Lifo).older_lots_changed_since(&before).is_empty());
    assert_eq!(sold(&before, "650", LotMethod::Hifo).older_lots_changed_since(&before).len(), 3);
    assert_eq!(sold(&before, "1", LotMethod::Average).older_lots_changed_since(&before).len(), 3);
}

#[test]
fn missing_or_foreign_items_are_an_error() {
    let position = of_lots(401);
    let older = position.older_lots_changed_since(&no_position());
    for wrong in [vec![], older[..1].to_vec(), [older.clone(), older[..1].to_vec()].concat()] {
        let refused = Position::from_items(position.head(), wrong);
        assert!(matches!(refused, Err(PositionItemsError::OlderItems { .. })));
    }
    let mut head = position.head();
    head.realized_gain = "0.001".parse().unwrap();
    assert!(matches!(Position::from_items(head, older), Err(PositionItemsError::Amount(_))));
}

#[test]
fn items_and_the_sale_of_everything_stay_inside_the_stores_limits() {
    let mut largest = of_lots(200);
    largest.portfolio_id = Uuid::max();
    for lot in &mut largest.lots {
        (lot.id, lot.number) = (Uuid::max(), u64::MAX);
        (lot.quantity, lot.cost) = (units("999999999999.99999999"), usd("999999999999.99"));
    }
    largest.first_inline = u64::MAX;
    let item = serde_json::to_string(&largest.head()).unwrap();
    assert!(item.len() < 50_000, "{} bytes", item.len());
    assert!(item.len().checked_mul(MAX_OLDER_ITEMS).unwrap() < 3_500_000);
}

#[test]
fn folded_splits_of_an_old_item_are_known_only_if_nothing_was_sold() {
    let mut position = of_lots(3);
    position.split_conflict = true;
    if let Some(folded) = &mut position.folded {
        folded.fold(&[split("2012-02-02", "1.5")], day("2012-02-02"));
    }
    assert_eq!(read_back(&position), position);
    let of_old_code = |position: &Position| {
        let mut head = serde_json::to_value(position.head()).unwrap();
        head.as_object_mut().unwrap().remove("folded").unwrap();
        Position::from_items(serde_json::from_value(head).unwrap(), Vec::new()).unwrap()
    };
    assert_eq!(of_old_code(&of_lots(3)).folded, of_lots(3).folded);
    assert_eq!(of_old_code(&sold(&of_lots(3), "1", LotMethod::Fifo)).folded, None);
}

#[test]
fn a_purchase_that_needs_too_many_items_is_refused() {
    let most = u64::try_from(MAX_OLDER_ITEMS).unwrap().checked_mul(LOTS_PER_ITEM).unwrap().checked_add(200).unwrap();
    let mut full = no_position();
    let lot = Lot {
        id: id(1),
        number: 0,
        acquired_on: day("2012-02-01"),
        unit_day: day("2012-02-01"),
        quantity: units("1"),
        cost: usd("1"),
    };
    full.lots = (0..most).map(|number| Lot { number, ..lot }).collect();
    full.next_lot = most;
    full.first_inline = most.checked_sub(200).unwrap();
    let before = full.clone();
    let refused = full.purchase(id(2), day("2012-02-01"), units("1"), usd("1"));
    assert_eq!((refused, &full), (Err(Refusal::TooManyLots), &before));
    full.lots.drain(..200);
    assert_eq!(full.purchase(id(2), day("2012-02-01"), units("1"), usd("1")), Ok(()));
    assert_eq!(full.head().older_items().len(), MAX_OLDER_ITEMS);
}
