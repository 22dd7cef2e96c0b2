//! Verification: recomputes a wallet's books from its entries and trades, entry by entry.
//!
//! The audit checks each entry alone (its legs, its number, its running balance). Then it repeats the command of the
//! entry on the books of that time, with the rules of its day, and compares the result with what is stored, field by
//! field. A position that was replayed with splits that became known later is replayed here too. The audit keeps the
//! open lots and one small record for each trade, deposit and withdrawal in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use domain::{CustomerId, Money, Split, Symbol};
use uuid::Uuid;

use crate::discrepancy::{Discrepancy, MAX_DISCREPANCIES};
use crate::entry::{Account, Entry, EntryType, LegAmount};
use crate::exact;
use crate::position::Position;
use crate::refusal::Refusal;
use crate::replay::{LotMovement, replay};
use crate::rules::Rules;
use crate::trade::{BookedTrade, OrderSize, TradeOrder, TradeTerms, execute};
use crate::trade_record::Trade;
use crate::wallet::{Balances, Cause, LAST_SEQ, Stamp, Wallet, cash_legs};

/// A verification in progress. Pass it every entry in the order of `seq`, then call [`Audit::finish`].
#[derive(Debug)]
pub struct Audit {
    customer: CustomerId,
    seq: u64,
    /// The sums of the amounts.
    sums: Balances,
    /// The balances that the entries state.
    stated: Balances,
    /// By portfolio and symbol.
    positions: BTreeMap<(Uuid, Symbol), ReplayedPosition>,
    /// Deposits and withdrawals, and whether they are reversed.
    reversible: BTreeMap<Uuid, (Money, bool)>,
    trades: u64,
    found: Vec<Discrepancy>,
}

/// A position after its trades so far.
#[derive(Debug, Default)]
struct ReplayedPosition {
    /// Nothing if a trade could not be repeated and was reported.
    position: Option<Position>,
    /// The trades, for a position that was replayed since.
    movements: Vec<LotMovement>,
}

impl Audit {
    /// Starts the verification of a customer's wallet.
    #[must_use]
    pub fn new(customer: CustomerId) -> Self {
        Self {
            customer,
            seq: 0,
            sums: Balances::default(),
            stated: Balances::default(),
            positions: BTreeMap::new(),
            reversible: BTreeMap::new(),
            trades: 0,
            found: Vec::new(),
        }
    }

    /// Takes the next entry and, if it names a trade, that trade's record.
    pub fn entry(&mut self, entry: &Entry, trade: Option<&Trade>) {
        let seq = entry.seq;
        if entry.customer != self.customer {
            self.report(Discrepancy::ForeignEntry { seq });
        }
        let expected = self.seq.saturating_add(1);
        if seq != expected {
            self.report(Discrepancy::Gap { expected, found: seq });
        }
        self.seq = seq;
        for unbalanced in entry.unbalanced() {
            self.report(Discrepancy::Unbalanced { seq, of: unbalanced.of });
        }
        if cash_of_wallet(entry) != Some(entry.amount.amount()) {
            self.report(Discrepancy::CashLegs { seq });
        }
        self.check_balance(entry).unwrap_or_else(|refusal| self.report(Discrepancy::Refused { seq, refusal }));
        self.repeat(entry, trade).unwrap_or_else(|refusal| self.report(Discrepancy::Refused { seq, refusal }));
    }

    /// Compares the result with the head of the wallet, all positions of the customer's portfolios, and the number of
    /// trades stored under them.
    ///
    /// The list is empty for sound books and holds at most [`MAX_DISCREPANCIES`].
    pub fn finish<'a>(
        mut self,
        head: &Wallet,
        positions: impl IntoIterator<Item = &'a Position>,
        trades_stored: u64,
    ) -> Vec<Discrepancy> {
        if head.customer != self.customer {
            self.report(Discrepancy::ForeignHead);
        }
        if head.seq != self.seq {
            self.report(Discrepancy::HeadSeq { expected: self.seq, found: head.seq });
        }
        let sums: Vec<Money> = self.sums.iter().collect();
        let extra = head.balances.iter().filter(|held| !sums.iter().any(|sum| sum.currency() == held.currency()));
        let extra: Vec<Money> = extra.filter_map(|held| exact::zero(held.currency()).ok()).collect();
        for expected in sums.into_iter().chain(extra) {
            match head.balance(expected.currency()) {
                Ok(found) if found == expected => {}
                Ok(found) => self.report(Discrepancy::HeadBalance { expected, found }),
                Err(refusal) => self.report(Discrepancy::Refused { seq: head.seq, refusal }),
            }
        }
        if trades_stored != self.trades {
            self.report(Discrepancy::TradeCount { expected: self.trades, found: trades_stored });
        }
        for stored in positions {
            self.compare_position(stored);
        }
        for ((portfolio_id, symbol), _) in std::mem::take(&mut self.positions) {
            self.report(Discrepancy::PositionMissing { portfolio_id, symbol });
        }
        self.found
    }

    fn report(&mut self, discrepancy: Discrepancy) {
        if self.found.len() < MAX_DISCREPANCIES {
            self.found.push(discrepancy);
        }
    }

    fn check_balance(&mut self, entry: &Entry) -> Result<(), Refusal> {
        let (seq, currency) = (entry.seq, entry.amount.currency());
        exact::same_currency(currency, entry.balance)?;
        let expected = exact::plus(self.stated.of(currency)?, entry.amount);
        self.stated.set(entry.balance);
        if expected.as_ref() != Ok(&entry.balance) {
            self.report(Discrepancy::RunningBalance { seq, expected: expected.ok(), found: entry.balance });
        }
        if entry.balance.is_negative() {
            self.report(Discrepancy::BelowZero { seq, balance: entry.balance });
        }
        self.sums.set(exact::plus(self.sums.of(currency)?, entry.amount)?);
        Ok(())
    }

    /// Repeats the command that the entry records.
    fn repeat(&mut self, entry: &Entry, trade: Option<&Trade>) -> Result<(), Refusal> {
        match (entry.entry_type, trade) {
            (EntryType::Deposit | EntryType::Withdrawal, None) => self.repeat_cash(entry),
            (EntryType::Reversal, None) => self.repeat_reversal(entry),
            (EntryType::Buy | EntryType::Sell, Some(trade)) => self.repeat_trade(entry, trade),
            (EntryType::Buy | EntryType::Sell, None) => {
                self.report(Discrepancy::TradeMissing { seq: entry.seq, trade_id: entry.trade_id });
                Ok(())
            }
            (EntryType::Deposit | EntryType::Withdrawal | EntryType::Reversal, Some(_)) => {
                self.report(Discrepancy::EntryDiffers { seq: entry.seq });
                Ok(())
            }
        }
    }

    fn repeat_cash(&mut self, entry: &Entry) -> Result<(), Refusal> {
        let right_sign = match entry.entry_type {
            EntryType::Deposit => entry.amount.is_positive(),
            _ => entry.amount.is_negative(),
        };
        let twice = self.reversible.insert(entry.id, (entry.amount, false)).is_some();
        if !right_sign || twice {
            self.report(Discrepancy::EntryDiffers { seq: entry.seq });
            return Ok(());
        }
        self.compare_entry(entry, None)
    }

    fn repeat_reversal(&mut self, entry: &Entry) -> Result<(), Refusal> {
        let reversed = entry.reverses.and_then(|id| self.reversible.get_mut(&id).map(|reversed| (id, reversed)));
        let Some((id, (amount, already))) = reversed else {
            self.report(Discrepancy::ReversesNothing { seq: entry.seq });
            return Ok(());
        };
        let (amount, already) = (*amount, std::mem::replace(already, true));
        if already {
            self.report(Discrepancy::ReversedTwice { seq: entry.seq });
        }
        if exact::negative(amount)? != entry.amount {
            self.report(Discrepancy::ReversalAmount { seq: entry.seq });
        }
        self.compare_entry(entry, Some(id))
    }

    /// Books the entry's amount again and compares.
    fn compare_entry(&mut self, entry: &Entry, reverses: Option<Uuid>) -> Result<(), Refusal> {
        let legs = cash_legs(entry.amount)?;
        let cause = Cause { entry_type: entry.entry_type, trade_id: None, reverses, legs };
        let booked = self.wallet_before(entry)?.book(entry.amount, cause, &stamp_of(entry))?;
        if booked.entry != *entry {
            self.report(Discrepancy::EntryDiffers { seq: entry.seq });
        }
        Ok(())
    }

    fn repeat_trade(&mut self, entry: &Entry, trade: &Trade) -> Result<(), Refusal> {
        let seq = entry.seq;
        self.trades = self.trades.saturating_add(1);
        if entry.trade_id != Some(trade.id) {
            self.report(Discrepancy::TradeMissing { seq, trade_id: entry.trade_id });
            return Ok(());
        }
        let wallet = self.wallet_before(entry)?;
        let key = (trade.portfolio_id, trade.symbol.clone());
        let repeated = match self.positions.entry(key.clone()) {
            Slot::Vacant(slot) => {
                let position = Some(Position::new(trade.portfolio_id, trade.symbol.clone(), trade.currency)?);
                slot.insert(ReplayedPosition { position, movements: Vec::new() })
            }
            Slot::Occupied(slot) => slot.into_mut(),
        };
        // It is put back once the trade is repeated, and stays out if that fails.
        let Some(position) = repeated.position.take() else { return Ok(()) };
        let booked = repeated_trade(trade, entry, &wallet, position, &repeated.movements)?;
        repeated.movements.push(LotMovement::try_from(trade)?);
        repeated.position = Some(booked.position);
        if booked.entry != *entry {
            self.report(Discrepancy::EntryDiffers { seq });
        }
        if booked.trade != *trade {
            self.report(Discrepancy::TradeDiffers { seq, trade_id: trade.id });
        }
        Ok(())
    }

    /// A wallet as it must have been just before the entry.
    fn wallet_before(&self, entry: &Entry) -> Result<Wallet, Refusal> {
        let seq = entry.seq.checked_sub(1).filter(|&seq| seq < LAST_SEQ).ok_or(Refusal::TooLarge)?;
        let mut wallet = Wallet { seq, ..Wallet::new(self.customer) };
        wallet.balances.set(exact::minus(entry.balance, entry.amount)?);
        Ok(wallet)
    }

    fn compare_position(&mut self, stored: &Position) {
        let (portfolio_id, symbol) = (stored.portfolio_id, stored.symbol.clone());
        match self.positions.remove(&(portfolio_id, symbol.clone())) {
            Some(ReplayedPosition { position: Some(position), movements }) => {
                let expected = expected(position, &movements, stored);
                if expected.as_ref() != Ok(stored) {
                    let lot_id = expected.ok().and_then(|expected| first_difference(&expected, stored));
                    self.report(Discrepancy::PositionDiffers { portfolio_id, symbol, lot_id });
                }
            }
            // One of its trades could not be repeated, which was reported there.
            Some(ReplayedPosition { position: None, .. }) => {}
            None => self.report(Discrepancy::PositionWithoutTrades { portfolio_id, symbol }),
        }
    }
}

/// The position as it must be stored: the result of its trades, or of a replay with the splits that it states as
/// folded. Which items hold its lots is not part of the books.
fn expected(position: Position, movements: &[LotMovement], stored: &Position) -> Result<Position, Refusal> {
    let position = match &stored.folded {
        Some(folded) if position.folded.as_ref() != Some(folded) => {
            replay(&position, movements, &folded.splits, |_, _| ())?
        }
        Some(_) => position,
        None => Position { folded: None, ..position },
    };
    Ok(Position { first_inline: stored.first_inline, ..position })
}

/// The sum of the entry's legs on the wallet in the currency of its amount; nothing if they touch another currency.
fn cash_of_wallet(entry: &Entry) -> Option<rust_decimal::Decimal> {
    let legs = entry.legs.iter().filter(|leg| leg.account == Account::Wallet);
    legs.map(|leg| match &leg.amount {
        LegAmount::Cash { currency, cash } if *currency == entry.amount.currency() => Some(*cash),
        LegAmount::Cash { .. } | LegAmount::Units { .. } => None,
    })
    .try_fold(rust_decimal::Decimal::ZERO, |sum, cash| sum.checked_add(cash?))
}

fn stamp_of(entry: &Entry) -> Stamp {
    Stamp { entry_id: entry.id, market_day: entry.market_day, created_at: entry.created_at }
}

/// The trade executed again on the books of that time, at its own price, with its own splits and rules.
fn repeated_trade(
    trade: &Trade,
    entry: &Entry,
    wallet: &Wallet,
    position: Position,
    before: &[LotMovement],
) -> Result<BookedTrade, Refusal> {
    let splits: Vec<Split> = trade.splits.iter().map(Split::from).collect();
    // Under the first rules no position was replayed.
    let replayed = trade.rules != Rules::First && !position.is_folded_by(&splits);
    let position = if replayed { replay(&position, before, &splits, |_, _| ())? } else { position };
    let fee = Money::new(trade.fee, trade.currency)?;
    let order = TradeOrder { size: OrderSize::Quantity(trade.quantity), fee, lots: trade.picks() };
    let terms = TradeTerms {
        trade_id: trade.id,
        stamp: stamp_of(entry),
        price: trade.price,
        quote_as_of: trade.quote_as_of,
        splits: &splits,
        lot_method: trade.lot_method.unwrap_or_default(),
    };
    execute(trade.side, trade.rules, wallet, position, &order, &terms)
}

/// The first lot that is not the same in both; nothing if all are.
fn first_difference(repeated: &Position, stored: &Position) -> Option<Uuid> {
    let longer = if repeated.lots.len() > stored.lots.len() { &repeated.lots } else { &stored.lots };
    let differs = |index: &usize| repeated.lots.get(*index) != stored.lots.get(*index);
    (0..longer.len()).find(differs).and_then(|index| longer.get(index)).map(|lot| lot.id)
}

#[cfg(test)]
mod tests;
