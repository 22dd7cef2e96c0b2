//! What an activity did, with exactly the fields that its type takes.

use domain::{Currency, Day, Money, Price, Quantity, SplitRatio, Symbol};

use super::cash::{CashDetails, ExchangeDetails};
use super::fields::ActivityFields;
use super::kind::ActivityType;
use super::paid::Paid;
use crate::exact;
use crate::lots::LotPick;
use crate::refusal::Refusal;

/// Units of an instrument, above zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// The instrument.
    pub symbol: Symbol,
    /// The number of units, as counted on the day of the activity: a split of that day has been made.
    pub quantity: Quantity,
}

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyDetails {
    /// What was bought.
    pub units: Units,
    /// Price of a unit.
    pub unit_price: Price,
    /// What the units cost, fee and tax apart; zero or more.
    pub amount: Money,
    /// The fee; zero or more.
    pub fee: Money,
    /// The tax; zero or more.
    pub tax: Money,
    /// The amounts as they were given, if not all are in the currency of the instrument.
    pub paid: Option<Box<Paid>>,
}

/// A sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellDetails {
    /// What was sold.
    pub units: Units,
    /// Price of a unit.
    pub unit_price: Price,
    /// What the units brought, fee and tax apart; zero or more.
    pub amount: Money,
    /// The fee; zero or more.
    pub fee: Money,
    /// The tax; zero or more. It is no part of the gain.
    pub tax: Money,
    /// The lots to take from, if named.
    pub lots: Vec<LotPick>,
    /// The amounts as they were given, if not all are in the currency of the instrument.
    pub paid: Option<Box<Paid>>,
}

/// Units that came in from another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferInDetails {
    /// What came in.
    pub units: Units,
    /// What a unit had cost, fees included; nothing if it is not known.
    pub unit_price: Option<Price>,
    /// The currency of the price.
    pub currency: Currency,
    /// When the units were bought, if known.
    pub acquired_on: Option<Day>,
    /// The amounts as they were given, if not all are in the currency of the instrument.
    pub paid: Option<Box<Paid>>,
}

/// Units that left for another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferOutDetails {
    /// What left.
    pub units: Units,
    /// The currency of the instrument.
    pub currency: Currency,
    /// The lots to take from, if named.
    pub lots: Vec<LotPick>,
}

/// A correction of the units held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdjustmentDetails {
    /// The units that are added or removed.
    pub units: Units,
    /// Whether they are removed.
    pub is_removal: bool,
    /// What an added unit had cost; nothing if it is not known, or if units are removed.
    pub unit_price: Option<Price>,
    /// The currency of the price.
    pub currency: Currency,
    /// The amounts as they were given, if not all are in the currency of the instrument.
    pub paid: Option<Box<Paid>>,
}

/// What an activity did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityEvent {
    /// Units were bought.
    Buy(BuyDetails),
    /// Units were sold.
    Sell(SellDetails),
    /// Units came in.
    TransferIn(TransferInDetails),
    /// Units left.
    TransferOut(TransferOutDetails),
    /// The units held were corrected.
    Adjustment(AdjustmentDetails),
    /// Each unit became others.
    Split {
        /// The instrument.
        symbol: Symbol,
        /// New units for old ones.
        ratio: SplitRatio,
        /// The currency of the instrument.
        currency: Currency,
    },
    /// Cash moved.
    Cash(CashDetails),
    /// Cash was exchanged.
    Exchange(ExchangeDetails),
}

impl ActivityEvent {
    /// The type of the activity.
    #[must_use]
    pub fn activity_type(&self) -> ActivityType {
        match self {
            Self::Buy(_) => ActivityType::Buy,
            Self::Sell(_) => ActivityType::Sell,
            Self::TransferIn(_) => ActivityType::TransferIn,
            Self::TransferOut(_) => ActivityType::TransferOut,
            Self::Adjustment(_) => ActivityType::Adjustment,
            Self::Split { .. } => ActivityType::Split,
            Self::Cash(CashDetails { kind, .. }) => (*kind).into(),
            Self::Exchange(_) => ActivityType::Exchange,
        }
    }

    /// The units that it moves; none for a split or cash.
    #[must_use]
    pub fn units(&self) -> Option<&Units> {
        match self {
            Self::Buy(BuyDetails { units, .. })
            | Self::Sell(SellDetails { units, .. })
            | Self::TransferIn(TransferInDetails { units, .. })
            | Self::TransferOut(TransferOutDetails { units, .. })
            | Self::Adjustment(AdjustmentDetails { units, .. }) => Some(units),
            Self::Split { .. } | Self::Cash(_) | Self::Exchange(_) => None,
        }
    }

    /// Whether it changes the lots of its instrument: it moves units, or is a split.
    #[must_use]
    pub fn is_of_units(&self) -> bool {
        !matches!(self, Self::Cash(_) | Self::Exchange(_))
    }

    /// The instrument; only what moves cash can be without one.
    #[must_use]
    pub fn symbol(&self) -> Option<&Symbol> {
        match self {
            Self::Buy(BuyDetails { units, .. })
            | Self::Sell(SellDetails { units, .. })
            | Self::TransferIn(TransferInDetails { units, .. })
            | Self::TransferOut(TransferOutDetails { units, .. })
            | Self::Adjustment(AdjustmentDetails { units, .. }) => Some(&units.symbol),
            Self::Split { symbol, .. } => Some(symbol),
            Self::Cash(CashDetails { symbol, .. }) => symbol.as_ref(),
            Self::Exchange(_) => None,
        }
    }

    /// The currency of its amounts; of an exchange, the one that was given.
    #[must_use]
    pub fn currency(&self) -> Currency {
        match self {
            Self::Buy(BuyDetails { fee, .. }) | Self::Sell(SellDetails { fee, .. }) => fee.currency(),
            Self::TransferIn(TransferInDetails { currency, .. })
            | Self::TransferOut(TransferOutDetails { currency, .. })
            | Self::Adjustment(AdjustmentDetails { currency, .. })
            | Self::Split { currency, .. } => *currency,
            Self::Cash(CashDetails { amount, .. }) | Self::Exchange(ExchangeDetails { amount, .. }) => {
                amount.currency()
            }
        }
    }

    /// Whether units come in: a purchase, a transfer in, or an adjustment that adds units.
    #[must_use]
    pub fn brings_units(&self) -> bool {
        self.units().is_some() && !self.takes_units()
    }

    /// Whether units leave: a sale, a transfer out, or an adjustment that removes units.
    #[must_use]
    pub fn takes_units(&self) -> bool {
        match self {
            Self::Sell(_) | Self::TransferOut(_) => true,
            Self::Adjustment(adjustment) => adjustment.is_removal,
            Self::Buy(_) | Self::TransferIn(_) | Self::Split { .. } | Self::Cash(_) | Self::Exchange(_) => false,
        }
    }

    /// Whether cash comes in and no units move: also of an exchange.
    #[must_use]
    pub fn brings_cash(&self) -> bool {
        match self {
            Self::Cash(details) => details.brings_cash(),
            Self::Exchange(_) => true,
            _ => false,
        }
    }

    /// The total cost of the units that come in, fee and tax included; nothing if it is not known, or if no units come in.
    ///
    /// Errors: a cost larger than the largest amount.
    pub fn cost(&self) -> Result<Option<Money>, Refusal> {
        let at_price = |units: &Units, price: &Option<Price>, currency: Currency| {
            price.map(|price| exact::value(units.quantity, price, currency)).transpose()
        };
        match self {
            Self::Buy(BuyDetails { amount, fee, tax, .. }) => exact::plus(exact::plus(*amount, *fee)?, *tax).map(Some),
            Self::TransferIn(TransferInDetails { units, unit_price, currency, .. })
            | Self::Adjustment(AdjustmentDetails { units, unit_price, currency, is_removal: false, .. }) => {
                at_price(units, unit_price, *currency)
            }
            _ => Ok(None),
        }
    }

    /// Its amounts as they were given, if not all are in the currency of the instrument.
    #[must_use]
    pub fn paid(&self) -> Option<&Paid> {
        match self {
            Self::Buy(BuyDetails { paid, .. })
            | Self::Sell(SellDetails { paid, .. })
            | Self::TransferIn(TransferInDetails { paid, .. })
            | Self::Adjustment(AdjustmentDetails { paid, .. })
            | Self::Cash(CashDetails { paid, .. })
            | Self::Exchange(ExchangeDetails { paid, .. }) => paid.as_deref(),
            Self::TransferOut(_) | Self::Split { .. } => None,
        }
    }

    /// What [`Self::cost`] is in another currency than the instrument's, without a rate of the day: as it was paid, or by the
    /// broker's rate into the base currency of the portfolio. Nothing if it was paid in the instrument's currency.
    ///
    /// Errors: a cost larger than the largest amount.
    pub fn paid_cost(&self) -> Result<Option<Money>, Refusal> {
        let Some(paid) = self.paid().filter(|_| self.brings_units()) else { return Ok(None) };
        let cost = match (self.units(), paid.amount, paid.unit_price) {
            (_, Some(amount), _) => exact::plus(exact::plus(amount, paid.fee)?, paid.tax)?,
            (Some(units), None, Some(price)) => exact::value(units.quantity, price, paid.currency)?,
            _ => return Ok(None),
        };
        paid.known(cost, self.currency())
    }

    /// What a sale brought after its fee, in another currency than the instrument's, as [`Self::paid_cost`] is known.
    ///
    /// Errors: an amount larger than the largest one.
    pub fn paid_proceeds(&self) -> Result<Option<Money>, Refusal> {
        let (Self::Sell(_), Some(paid)) = (self, self.paid()) else { return Ok(None) };
        let Some(amount) = paid.amount else { return Ok(None) };
        paid.known(exact::minus(amount, paid.fee)?, self.currency())
    }

    /// The fields, all that are not absent: [`ActivityFields::event_at`] makes the same event of them, with the same rates.
    #[must_use]
    pub fn fields(&self) -> ActivityFields {
        let mut fields = ActivityFields::new(self.activity_type());
        fields.symbol = self.symbol().cloned();
        fields.currency = Some(self.currency());
        if let Some(units) = self.units() {
            fields.quantity = Some(units.quantity.units());
        }
        match self {
            Self::Buy(BuyDetails { unit_price, amount, fee, tax, .. })
            | Self::Sell(SellDetails { unit_price, amount, fee, tax, .. }) => {
                (fields.unit_price, fields.amount) = (Some(unit_price.amount()), Some(amount.amount()));
                (fields.fee, fields.tax) = (fee.amount(), tax.amount());
            }
            Self::TransferIn(TransferInDetails { unit_price, acquired_on, .. }) => {
                fields.unit_price = unit_price.map(Price::amount);
                (fields.cost_unknown, fields.acquired_on) = (unit_price.is_none(), *acquired_on);
            }
            Self::TransferOut(_) => {}
            Self::Adjustment(AdjustmentDetails { units, is_removal, unit_price, .. }) => {
                let mut quantity = units.quantity.units();
                quantity.set_sign_negative(*is_removal);
                fields.quantity = Some(quantity);
                fields.unit_price = unit_price.map(Price::amount);
            }
            Self::Split { ratio, .. } => fields.ratio = Some(*ratio),
            Self::Cash(CashDetails { amount, fee, tax, reverses, .. }) => {
                (fields.amount, fields.reverses) = (Some(amount.amount()), *reverses);
                (fields.fee, fields.tax) = (fee.amount(), tax.amount());
            }
            Self::Exchange(ExchangeDetails { amount, to_amount, fee, tax, .. }) => {
                (fields.amount, fields.to_amount) = (Some(amount.amount()), Some(to_amount.amount()));
                fields.to_currency = Some(to_amount.currency());
                (fields.fee, fields.tax) = (fee.amount(), tax.amount());
            }
        }
        if let Self::Sell(SellDetails { lots, .. }) | Self::TransferOut(TransferOutDetails { lots, .. }) = self {
            fields.lots.clone_from(lots);
        }
        if let Some(paid) = self.paid() {
            fields.currency = Some(paid.currency);
            fields.unit_price = paid.unit_price.map(Price::amount);
            fields.amount = paid.amount.map(Money::amount);
            fields.fee = paid.fee_paid.map_or(paid.fee, |(fee, _)| fee).amount();
            fields.tax = paid.tax.amount();
            fields.fee_currency = paid.fee_paid.map(|(fee, _)| fee.currency());
            fields.fx_rate = paid.fx_rate.map(Price::amount);
            fields.base_rate = paid.base.map(|(rate, _)| rate.amount());
        }
        fields
    }
}
