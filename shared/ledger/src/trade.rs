//! Purchases and sales at the market price.

use chrono::{DateTime, Utc};
use domain::split::Split;
use domain::{Currency, Money, Price, Quantity};
use uuid::Uuid;

use crate::applied_split::AppliedSplit;
use crate::entry::{Account, Entry, EntryType, Leg};
use crate::exact::{self, written};
use crate::lot_method::LotMethod;
use crate::lots::LotPick;
use crate::position::{Position, RelievedLot, Sale};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::trade_record::{self, Side, Trade, TradePosition, gain_of};
use crate::wallet::{Booked, Cause, Stamp, Wallet};

/// An order to buy or sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeOrder {
    /// The size.
    pub size: OrderSize,
    /// The fee, zero or more.
    pub fee: Money,
    /// The lots to sell from if the lot method is `specific`; otherwise none.
    pub lots: Vec<LotPick>,
}

/// The size of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSize {
    /// This many units, as of the market day of the trade.
    Quantity(Quantity),
    /// As many units as this amount can buy, without the fee: amount ÷ price, truncated to twelve decimals.
    Amount(Money),
}

/// Everything about a trade that the order does not state: price, splits, lot method, ids and times.
#[derive(Clone, Copy, Debug)]
pub struct TradeTerms<'a> {
    /// The id of the new trade.
    pub trade_id: Uuid,
    /// The id of the new ledger entry, the market day, and the time of the trade.
    pub stamp: Stamp,
    /// The price of one unit, in the position's currency.
    pub price: Price,
    /// The time of the price.
    pub quote_as_of: DateTime<Utc>,
    /// The splits of the instrument, oldest first; those after the market day of the trade are ignored.
    pub splits: &'a [Split],
    /// The portfolio's lot method.
    pub lot_method: LotMethod,
}

/// The result of a trade. All of it must be written in one transaction, on the condition that the wallet and the position
/// that were passed in are unchanged in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedTrade {
    /// The new head of the wallet.
    pub wallet: Wallet,
    /// The new ledger entry. Its number is the `seq` of the new head.
    pub entry: Entry,
    /// The new position.
    pub position: Position,
    /// The record of the trade.
    pub trade: Trade,
}

/// Buys: the wallet pays quantity × price plus the fee, and the position gets a new lot whose cost is that sum.
pub fn buy(
    wallet: &Wallet,
    position: &Position,
    order: &TradeOrder,
    terms: &TradeTerms<'_>,
) -> Result<BookedTrade, Refusal> {
    execute(Side::Buy, Rules::CURRENT, wallet, position.clone(), order, terms)
}

/// Sells: the wallet receives quantity × price less the fee, and the lots give up units and cost.
///
/// If the fee exceeds the value of the units, the wallet pays the difference. A sale whose value rounds to zero is refused,
/// unless it closes the position, so that every position can be closed.
pub fn sell(
    wallet: &Wallet,
    position: &Position,
    order: &TradeOrder,
    terms: &TradeTerms<'_>,
) -> Result<BookedTrade, Refusal> {
    execute(Side::Sell, Rules::CURRENT, wallet, position.clone(), order, terms)
}

/// Executes an order under these rules. It takes the position by value and changes it; after a refusal it is dropped.
pub(crate) fn execute(
    side: Side,
    rules: Rules,
    wallet: &Wallet,
    mut position: Position,
    order: &TradeOrder,
    terms: &TradeTerms<'_>,
) -> Result<BookedTrade, Refusal> {
    wallet.takes_commands()?;
    let splits = &position.splits_until(rules, terms.stamp.market_day, terms.splits);
    let terms = &TradeTerms { splits, ..*terms };
    let fill = Fill::of(side, rules, order, terms, position.currency)?;
    let lots = match side {
        Side::Buy => fill.add_lot(&mut position, order, terms)?,
        Side::Sell => fill.relieve_lots(&mut position, order, terms)?,
    };
    let booked = fill.book(wallet, &position, terms)?;
    fill.record(booked, position, &lots, terms)
}

/// A filled order.
struct Fill {
    side: Side,
    rules: Rules,
    quantity: Quantity,
    value: Money,
    fee: Money,
}

impl Fill {
    fn of(
        side: Side,
        rules: Rules,
        order: &TradeOrder,
        terms: &TradeTerms<'_>,
        currency: Currency,
    ) -> Result<Self, Refusal> {
        let fee = order.fee;
        exact::same_currency(currency, fee)?;
        if fee.is_negative() {
            return Err(Refusal::NegativeFee);
        }
        let quantity = order.size.quantity(terms.price, currency)?;
        Ok(Self { side, rules, quantity, value: exact::value(quantity, terms.price, currency)?, fee })
    }

    /// Adds the lot of a purchase, which relieves no lots.
    fn add_lot(
        &self,
        position: &mut Position,
        order: &TradeOrder,
        terms: &TradeTerms<'_>,
    ) -> Result<Vec<RelievedLot>, Refusal> {
        if !order.lots.is_empty() {
            return Err(Refusal::LotsNotChosen);
        }
        if self.value.amount().is_zero() {
            return Err(Refusal::ZeroValue);
        }
        let cost = exact::plus(self.value, self.fee)?;
        position.purchase(terms.trade_id, terms.stamp.market_day, self.quantity, cost)?;
        Ok(Vec::new())
    }

    /// Takes the sold units from the lots that the lot method selects.
    fn relieve_lots(
        &self,
        position: &mut Position,
        order: &TradeOrder,
        terms: &TradeTerms<'_>,
    ) -> Result<Vec<RelievedLot>, Refusal> {
        let sale = Sale {
            day: terms.stamp.market_day,
            splits: terms.splits,
            method: terms.lot_method,
            rules: self.rules,
            picks: &order.lots,
            quantity: self.quantity,
            proceeds: exact::minus(self.value, self.fee)?,
        };
        let lots = position.sale(&sale)?;
        if self.value.amount().is_zero() && !position.lots.is_empty() {
            return Err(Refusal::ZeroValue);
        }
        Ok(lots)
    }

    /// Books the trade on the wallet.
    fn book(&self, wallet: &Wallet, position: &Position, terms: &TradeTerms<'_>) -> Result<Booked, Refusal> {
        let entry_type = match self.side {
            Side::Buy => EntryType::Buy,
            Side::Sell => EntryType::Sell,
        };
        let legs = self.legs(position)?;
        let cause = Cause { entry_type, trade_id: Some(terms.trade_id), reverses: None, legs };
        wallet.book(self.cash_change()?, cause, &terms.stamp)
    }

    /// The change of the wallet's cash: negative for a purchase.
    fn cash_change(&self) -> Result<Money, Refusal> {
        match self.side {
            Side::Buy => exact::negative(exact::plus(self.value, self.fee)?),
            Side::Sell => exact::minus(self.value, self.fee),
        }
    }

    /// The legs: money against units, and the fee if there is one.
    fn legs(&self, position: &Position) -> Result<Vec<Leg>, Refusal> {
        let holdings = Account::Holdings { portfolio_id: position.portfolio_id };
        let (payer, payee, giver, taker) = match self.side {
            Side::Buy => (Account::Wallet, Account::Market, Account::Market, holdings),
            Side::Sell => (Account::Market, Account::Wallet, holdings, Account::Market),
        };
        let mut legs = Leg::payment(payer, payee, self.value)?.to_vec();
        legs.extend(Leg::delivery(giver, taker, &position.symbol, self.quantity)?);
        if self.fee.is_positive() {
            legs.extend(Leg::payment(Account::Wallet, Account::Fees, self.fee)?);
        }
        Ok(legs)
    }

    /// The record of the trade, with all that is written with it.
    fn record(
        self,
        booked: Booked,
        position: Position,
        lots: &[RelievedLot],
        terms: &TradeTerms<'_>,
    ) -> Result<BookedTrade, Refusal> {
        let Stamp { market_day, created_at, .. } = terms.stamp;
        let (realized_gain, lot_method) = match self.side {
            Side::Buy => (None, None),
            Side::Sell => (Some(written(gain_of(lots, position.currency)?)), Some(terms.lot_method)),
        };
        let trade = Trade {
            id: terms.trade_id,
            portfolio_id: position.portfolio_id,
            side: self.side,
            symbol: position.symbol.clone(),
            quantity: self.quantity,
            price: terms.price,
            amount: written(self.value),
            fee: written(self.fee),
            currency: position.currency,
            market_day,
            quote_as_of: terms.quote_as_of,
            created_at,
            cash_after: written(booked.entry.balance),
            position: TradePosition::of(&position, self.rules, market_day, terms.splits)?,
            realized_gain,
            lots: trade_record::lines(lots, terms.lot_method)?,
            lot_method,
            splits: terms.splits.iter().map(AppliedSplit::from).collect(),
            rules: self.rules,
        };
        Ok(BookedTrade { wallet: booked.wallet, entry: booked.entry, position, trade })
    }
}

impl OrderSize {
    fn quantity(self, price: Price, currency: Currency) -> Result<Quantity, Refusal> {
        let (quantity, if_zero) = match self {
            Self::Quantity(quantity) => (quantity, Refusal::ZeroQuantity),
            Self::Amount(amount) => {
                exact::same_currency(currency, amount)?;
                if !amount.is_positive() {
                    return Err(Refusal::NotPositive);
                }
                (exact::quantity_for(amount, price)?, Refusal::BelowSmallestQuantity)
            }
        };
        if quantity.is_zero() { Err(if_zero) } else { Ok(quantity) }
    }
}

#[cfg(test)]
mod tests;
