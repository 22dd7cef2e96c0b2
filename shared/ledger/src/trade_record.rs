//! The record of a trade: the item `TRADE#uuid7` and the full response to the order.

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Money, Price, Quantity, Split, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::applied_split::AppliedSplit;
use crate::exact::{self, written};
use crate::folded::FoldedSplits;
use crate::lot_method::{LotMethod, MAX_LOTS_PER_SALE};
use crate::lots::LotPick;
use crate::position::{Position, RelievedLot};
use crate::refusal::Refusal;
use crate::rules::Rules;

/// The most lines in the record of a sale at average cost. A pool gives up a share of every lot, and can have more lots
/// than a record can list.
pub const MAX_LINES_OF_A_POOL: usize = 100;

/// The side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OrderSide)]
pub enum Side {
    /// Into the portfolio.
    Buy,
    /// Out of the portfolio.
    Sell,
}

/// An executed order. Amounts of money are written with the decimals of `currency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trade {
    /// Id of the trade, for a purchase also that of its lot.
    pub id: Uuid,
    /// Id of the portfolio that traded.
    pub portfolio_id: Uuid,
    /// Whether units were bought or sold.
    pub side: Side,
    /// The instrument that was traded.
    pub symbol: Symbol,
    /// Units, as quoted on `market_day`.
    pub quantity: Quantity,
    /// The price of one unit.
    pub price: Price,
    /// Quantity × price, rounded half to even; without the fee.
    #[schema(value_type = domain::schema::DecimalString)]
    pub amount: Decimal,
    /// The fee: added to the debit of a purchase, subtracted from the credit of a sale.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fee: Decimal,
    /// The currency of the instrument.
    pub currency: Currency,
    /// The market day.
    pub market_day: Day,
    /// The time of the price.
    #[serde(with = "domain::instant")]
    pub quote_as_of: DateTime<Utc>,
    /// When it was recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The wallet's balance in `currency` afterwards.
    #[schema(value_type = domain::schema::DecimalString)]
    pub cash_after: Decimal,
    /// The position afterwards.
    pub position: TradePosition,
    /// The sum of the gains below; null for a purchase, which realises none.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub realized_gain: Option<Decimal>,
    /// The lots that a sale consumed, in that order. A sale at average cost consumes part of every lot: its lots after
    /// the first 99 are combined in the last line, under the oldest of them.
    pub lots: Vec<RealizedLot>,
    /// The lot method of a sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lot_method: Option<LotMethod>,
    /// The splits since the position's first trade that were applied to convert units of earlier days to those of
    /// `market_day`, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<AppliedSplit>,
    /// The version of the rules that it was executed with; absent for the first.
    #[serde(default, skip_serializing_if = "Rules::is_first")]
    #[schema(value_type = u8, example = 2)]
    pub rules: Rules,
}

/// A position after a trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TradePosition {
    /// The instrument that is held.
    pub symbol: Symbol,
    /// Units, as quoted on the day of the trade.
    pub quantity: Quantity,
    /// Their total cost, including the fees of their purchases.
    #[schema(value_type = domain::schema::DecimalString)]
    pub cost: Decimal,
    /// Cost per unit, rounded half-even to twelve decimals; null without units.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub average_cost: Option<Decimal>,
}

/// What a sale took from one lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RealizedLot {
    /// The lot: the id of its purchase.
    pub lot_id: Uuid,
    /// The market day on which its units were acquired.
    pub acquired_on: Day,
    /// Units taken, as quoted on the day of the sale.
    pub quantity: Quantity,
    /// The cost of the units taken.
    #[schema(value_type = domain::schema::DecimalString)]
    pub cost: Decimal,
    /// Their share of the sale's amount less its fee.
    #[schema(value_type = domain::schema::DecimalString)]
    pub proceeds: Decimal,
    /// Proceeds less cost.
    #[schema(value_type = domain::schema::DecimalString)]
    pub gain: Decimal,
}

impl Trade {
    /// What a sale took from each lot, if its lines list every one of them.
    #[must_use]
    pub fn lots_taken(&self) -> Option<Vec<RelievedLot>> {
        let may_be_together = self.lot_method == Some(LotMethod::Average) && self.lots.len() >= MAX_LINES_OF_A_POOL;
        let taken = |line: &RealizedLot| line.relieved(self.currency).ok();
        if may_be_together { None } else { self.lots.iter().map(taken).collect() }
    }

    /// The lots that the order named; none unless the lot method is `specific`.
    pub(crate) fn picks(&self) -> Vec<LotPick> {
        if self.lot_method != Some(LotMethod::Specific) {
            return Vec::new();
        }
        let named = self.lots.iter().filter(|lot| !lot.quantity.is_zero());
        named.map(|lot| LotPick { lot_id: lot.lot_id, quantity: lot.quantity }).collect()
    }
}

impl FoldedSplits {
    /// The splits folded by these trades of one position, oldest first, according to their records: for a position that
    /// was stored before it recorded its splits.
    #[must_use]
    pub fn of_trades<'a>(trades: impl IntoIterator<Item = &'a Trade>) -> Self {
        let mut folded = Self::default();
        for trade in trades {
            folded.open(trade.market_day);
            if trade.side == Side::Sell {
                let splits: Vec<Split> = trade.splits.iter().map(Split::from).collect();
                folded.fold(&splits, trade.market_day);
            }
        }
        folded
    }
}

impl TradePosition {
    /// The position in units of `day`.
    pub(crate) fn of(position: &Position, rules: Rules, day: Day, splits: &[Split]) -> Result<Self, Refusal> {
        let quantity = position.units_by(rules, day, splits)?;
        let cost = position.cost()?;
        let average_cost = exact::cost_per_unit(cost, quantity, rules.decimals())?;
        Ok(Self { symbol: position.symbol.clone(), quantity, cost: written(cost), average_cost })
    }
}

impl From<&RelievedLot> for RealizedLot {
    fn from(relieved: &RelievedLot) -> Self {
        Self {
            lot_id: relieved.lot_id,
            acquired_on: relieved.acquired_on,
            quantity: relieved.quantity,
            cost: written(relieved.cost),
            proceeds: written(relieved.proceeds),
            gain: written(relieved.gain),
        }
    }
}

impl RealizedLot {
    fn relieved(&self, currency: Currency) -> Result<RelievedLot, Refusal> {
        let Self { lot_id, acquired_on, quantity, .. } = *self;
        let money = |amount| Money::new(amount, currency);
        let (cost, proceeds, gain) = (money(self.cost)?, money(self.proceeds)?, money(self.gain)?);
        Ok(RelievedLot { lot_id, acquired_on, quantity, cost, proceeds, gain })
    }
}

/// The lines of a sale's record.
pub(crate) fn lines(lots: &[RelievedLot], method: LotMethod) -> Result<Vec<RealizedLot>, Refusal> {
    let listed = if method == LotMethod::Average { MAX_LINES_OF_A_POOL } else { MAX_LOTS_PER_SALE };
    if lots.len() <= listed {
        return Ok(lots.iter().map(RealizedLot::from).collect());
    }
    if method != LotMethod::Average {
        return Err(Refusal::SaleOfTooManyLots { most: MAX_LOTS_PER_SALE });
    }
    let (first, rest) = lots.split_at(listed.saturating_sub(1));
    let together = rest.iter().copied().map(Ok).reduce(|sum, next| sum?.and(&next?));
    first.iter().copied().map(Ok).chain(together).map(|lot| lot.map(|lot| RealizedLot::from(&lot))).collect()
}

impl RelievedLot {
    /// The sum of both, under this lot.
    fn and(self, other: &Self) -> Result<Self, Refusal> {
        Ok(Self {
            quantity: self.quantity.plus(other.quantity)?,
            cost: exact::plus(self.cost, other.cost)?,
            proceeds: exact::plus(self.proceeds, other.proceeds)?,
            gain: exact::plus(self.gain, other.gain)?,
            ..self
        })
    }
}

/// The sum of the gains of a sale's lots.
pub(crate) fn gain_of(lots: &[RelievedLot], currency: Currency) -> Result<Money, Refusal> {
    lots.iter().try_fold(exact::zero(currency)?, |sum, lot| exact::plus(sum, lot.gain))
}
