use domain::{Currency, Split};
use rust_decimal::Decimal;

use super::*;
use crate::entry::Leg;
use crate::examples::{customer, day, id, no_position, order, split, stamp, terms, units, usd};
use crate::trade::{BookedTrade, buy, sell};
use crate::trade_record::Side;
use crate::wallet::{Booked, deposit, reverse, withdraw};

mod old_books;

/// Everything that is stored for one customer.
#[derive(Clone)]
struct Books {
    head: Wallet,
    entries: Vec<Entry>,
    trades: Vec<Trade>,
    positions: Vec<Position>,
}

/// Deposit 1000, deposit 50, reversal of it, buy 10 at 20, buy 5 at 40, a split, sell 12, withdraw 100.
fn sound() -> Books {
    let splits = vec![split("2012-02-03", "2")];
    let mut books = Books {
        head: Wallet::new(customer()),
        entries: Vec::new(),
        trades: Vec::new(),
        positions: vec![no_position()],
    };
    books.book(deposit(&books.head, usd("1000"), &stamp(1, "2012-01-03")));
    books.book(deposit(&books.head, usd("50"), &stamp(2, "2012-01-04")));
    books.book(reverse(&books.head, &books.entries[1], None, &stamp(3, "2012-01-05")));
    for (number, on, side, quantity) in
        [(4, "2012-02-01", Side::Buy, "10"), (5, "2012-02-02", Side::Buy, "5"), (6, "2012-02-06", Side::Sell, "12")]
    {
        let terms = TradeTerms { splits: &splits, ..terms(number, on, "20") };
        let order = order(quantity, "0.50");
        let position = &books.positions[0];
        let traded = match side {
            Side::Buy => buy(&books.head, position, &order, &terms),
            Side::Sell => sell(&books.head, position, &order, &terms),
        };
        let BookedTrade { wallet, entry, position, trade } = traded.unwrap();
        books.book(Ok(Booked { wallet, entry }));
        books.trades.push(trade);
        books.positions = vec![position];
    }
    books.book(withdraw(&books.head, usd("100"), &stamp(7, "2012-02-07")));
    books
}

impl Books {
    fn book(&mut self, booked: Result<Booked, Refusal>) {
        let Booked { wallet, entry } = booked.unwrap();
        self.head = wallet;
        self.entries.push(entry);
    }

    fn verify(&self) -> Vec<Discrepancy> {
        let mut audit = Audit::new(customer());
        for entry in &self.entries {
            let trade = self.trades.iter().find(|trade| Some(trade.id) == entry.trade_id);
            audit.entry(entry, trade);
        }
        audit.finish(&self.head, &self.positions, u64::try_from(self.trades.len()).unwrap())
    }
}

/// What verification reports after `tamper` has changed the books.
fn after(tamper: impl FnOnce(&mut Books)) -> Vec<Discrepancy> {
    let mut books = sound();
    tamper(&mut books);
    books.verify()
}

const FOREIGN: CustomerId = CustomerId(Uuid::from_u128(99));

#[test]
fn sound_books_have_no_discrepancy() {
    assert_eq!(sound().verify(), []);
    let empty = Audit::new(customer()).finish(&Wallet::new(customer()), [], 0);
    assert_eq!(empty, []);
}

#[test]
fn a_missing_or_foreign_entry_is_found() {
    let lost = after(|books| drop(books.entries.remove(6)));
    assert!(lost.contains(&Discrepancy::HeadSeq { expected: 6, found: 7 }), "{lost:?}");
    assert!(lost.contains(&Discrepancy::HeadBalance { expected: usd("938.50"), found: usd("838.50") }), "{lost:?}");
    let gap = after(|books| drop(books.entries.remove(0)));
    assert!(gap.contains(&Discrepancy::Gap { expected: 1, found: 2 }), "{gap:?}");
    let twice = after(|books| books.entries.insert(1, books.entries[0].clone()));
    assert!(twice.contains(&Discrepancy::Gap { expected: 2, found: 1 }), "{twice:?}");
    let foreign = after(|books| books.entries[0].customer = FOREIGN);
    assert!(foreign.contains(&Discrepancy::ForeignEntry { seq: 1 }), "{foreign:?}");
}

#[test]
fn an_entry_with_changed_amounts_is_found() {
    let amount = after(|books| books.entries[0].amount = usd("1001"));
    assert!(amount.contains(&Discrepancy::CashLegs { seq: 1 }), "{amount:?}");
    let (expected, found) = (usd("839.50"), usd("838.50"));
    assert!(amount.contains(&Discrepancy::HeadBalance { expected, found }), "{amount:?}");
    let balance = after(|books| books.entries[0].balance = usd("1001"));
    let (expected, found) = (Some(usd("1000")), usd("1001"));
    assert!(balance.contains(&Discrepancy::RunningBalance { seq: 1, expected, found }), "{balance:?}");
    let below = after(|books| books.entries[6].balance = usd("-0.01"));
    assert!(below.contains(&Discrepancy::BelowZero { seq: 7, balance: usd("-0.01") }), "{below:?}");
    let leg = after(|books| books.entries[0].legs.push(Leg::cash(Account::Fees, usd("1"))));
    assert!(leg.contains(&Discrepancy::Unbalanced { seq: 1, of: "USD".to_owned() }), "{leg:?}");
    let to_market = after(|books| books.entries[0].legs[0].account = Account::Market);
    assert_eq!(to_market, [Discrepancy::EntryDiffers { seq: 1 }]);
    let type_changed = after(|books| books.entries[6].entry_type = EntryType::Deposit);
    assert_eq!(type_changed, [Discrepancy::EntryDiffers { seq: 7 }]);
}

#[test]
fn an_impossible_reversal_is_found() {
    let nothing = after(|books| books.entries[2].reverses = Some(id(99)));
    assert_eq!(nothing, [Discrepancy::ReversesNothing { seq: 3 }]);
    let amount = after(|books| books.entries[2].reverses = Some(id(1)));
    assert_eq!(amount, [Discrepancy::ReversalAmount { seq: 3 }]);
    let twice = after(|books| {
        let second = books.entries[2].clone();
        let before = Wallet { seq: 7, ..books.head.clone() };
        let cause = crate::wallet::Cause {
            entry_type: EntryType::Reversal,
            trade_id: None,
            reverses: second.reverses,
            legs: second.legs.clone(),
        };
        books.book(before.book(second.amount, cause, &stamp(8, "2012-02-08")));
    });
    assert_eq!(twice, [Discrepancy::ReversedTwice { seq: 8 }]);
}

#[test]
fn a_missing_or_changed_trade_is_found() {
    let lost = after(|books| drop(books.trades.remove(1)));
    assert!(lost.contains(&Discrepancy::TradeMissing { seq: 5, trade_id: Some(id(5)) }), "{lost:?}");
    let orphan = after(|books| books.trades.push(Trade { id: id(98), ..books.trades[0].clone() }));
    assert_eq!(orphan, [Discrepancy::TradeCount { expected: 3, found: 4 }]);
    let changed = [Discrepancy::TradeDiffers { seq: 6, trade_id: id(6) }];
    let cent = "0.01".parse::<Decimal>().unwrap();
    assert_eq!(after(|books| books.trades[2].realized_gain = Some(cent)), changed);
    assert_eq!(after(|books| books.trades[2].cash_after = cent), changed);
    assert_eq!(after(|books| books.trades[2].lots[0].gain = cent), changed);
    assert_eq!(after(|books| books.trades[2].position.cost = cent), changed);
    assert_eq!(after(|books| books.trades[2].market_day = day("2012-02-07")), changed);
    let quantity = after(|books| books.trades[0].quantity = units("11"));
    assert!(quantity.contains(&Discrepancy::EntryDiffers { seq: 4 }), "{quantity:?}");
    let refused = after(|books| books.trades[2].quantity = units("31"));
    let refusal = Refusal::InsufficientUnits { available: units("30"), requested: units("31") };
    assert_eq!(refused, [Discrepancy::Refused { seq: 6, refusal }]);
    let named_by_a_deposit = {
        let books = sound();
        let mut audit = Audit::new(customer());
        audit.entry(&books.entries[0], Some(&books.trades[0]));
        audit.finish(&Wallet { seq: 1, ..books.head }, [], 0)
    };
    assert!(named_by_a_deposit.contains(&Discrepancy::EntryDiffers { seq: 1 }), "{named_by_a_deposit:?}");
}

#[test]
fn a_head_that_is_not_the_sum_of_its_entries_is_found() {
    assert_eq!(after(|books| books.head.customer = FOREIGN), [Discrepancy::ForeignHead]);
    assert_eq!(after(|books| books.head.seq = 8), [Discrepancy::HeadSeq { expected: 7, found: 8 }]);
    let richer = after(|books| books.head.balances.set(usd("9999")));
    assert_eq!(richer, [Discrepancy::HeadBalance { expected: usd("838.50"), found: usd("9999") }]);
    let euro = "EUR".parse::<Currency>().unwrap();
    let euros = |amount| Money::parse(amount, euro).unwrap();
    let another = after(|books| books.head.balances.set(euros("1")));
    assert_eq!(another, [Discrepancy::HeadBalance { expected: euros("0"), found: euros("1") }]);
}

#[test]
fn a_position_that_is_not_the_result_of_its_trades_is_found() {
    let (portfolio_id, symbol) = (id(8), no_position().symbol);
    let differs = |lot_id| [Discrepancy::PositionDiffers { portfolio_id, symbol: symbol.clone(), lot_id }];
    assert_eq!(after(|books| books.positions[0].lots[1].cost = usd("1")), differs(Some(id(5))));
    assert_eq!(after(|books| books.positions[0].lots[0].quantity = units("1")), differs(Some(id(4))));
    assert_eq!(after(|books| books.positions[0].lots.truncate(1)), differs(Some(id(5))));
    assert_eq!(after(|books| books.positions[0].realized_gain = usd("1")), differs(None));
    let missing = after(|books| books.positions.clear());
    assert_eq!(missing, [Discrepancy::PositionMissing { portfolio_id, symbol: symbol.clone() }]);
    let invented = after(|books| books.positions.push(Position { portfolio_id: id(9), ..no_position() }));
    assert_eq!(invented, [Discrepancy::PositionWithoutTrades { portfolio_id: id(9), symbol: symbol.clone() }]);
}

#[test]
fn a_position_replayed_with_a_later_known_split_is_sound() {
    for splits in [vec![], vec![split("2012-02-03", "3")], vec![split("2012-02-03", "2"), split("2012-02-04", "7")]] {
        let mut books = sound();
        let movements: Vec<_> = books.trades.iter().map(|trade| LotMovement::try_from(trade).unwrap()).collect();
        let replayed = replay(&books.positions[0], &movements, &splits, |_, _| ()).unwrap();
        assert_ne!(replayed, books.positions[0]);
        books.positions = vec![replayed];
        assert_eq!(books.verify(), [], "read, replayed and stored");

        let terms = TradeTerms { splits: &splits, ..terms(8, "2012-02-08", "20") };
        let traded = sell(&books.head, &books.positions[0], &order("1", "0"), &terms).unwrap();
        books.book(Ok(Booked { wallet: traded.wallet, entry: traded.entry }));
        books.trades.push(traded.trade);
        books.positions = vec![traded.position];
        assert_eq!(books.verify(), [], "and traded on");
        books.positions[0].lots[0].cost = usd("1");
        assert!(books.verify()[0].breaks_the_books());
    }
}

#[test]
fn a_split_conflict_does_not_freeze_the_wallet() {
    let conflict = Discrepancy::SplitConflict { portfolio_id: id(8), symbol: no_position().symbol };
    assert!(!conflict.breaks_the_books());
    assert!(conflict.to_string().starts_with("split_conflict: "));
}

#[test]
fn the_splits_of_a_trade_are_verified_too() {
    let found = after(|books| books.trades[2].splits.clear());
    assert!(found.iter().any(Discrepancy::breaks_the_books), "{found:?}");
}

#[test]
fn a_thoroughly_broken_ledger_gives_a_short_list() {
    let mut audit = Audit::new(customer());
    let entry = sound().entries[0].clone();
    for _ in 0..500 {
        audit.entry(&entry, None);
    }
    assert_eq!(audit.finish(&Wallet::new(FOREIGN), [], 0).len(), MAX_DISCREPANCIES);
}
