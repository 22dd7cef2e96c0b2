//! The fields of an activity as they come from outside, and the mistakes that they can have.

use domain::{Currency, Day, DecimalError, MoneyError, Quantity, SplitRatio, Symbol};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::kind::{ActivityType, MAX_NOTE_LENGTH};
use super::paid::NeededRates;
use crate::lot_method::MAX_LOTS_PER_SALE;
use crate::lots::LotPick;

/// The fields of an activity, each as given. A type takes some of them and needs some of those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActivityFields {
    /// What the activity is.
    #[serde(rename = "type")]
    pub kind: ActivityType,
    /// The instrument.
    pub symbol: Option<Symbol>,
    /// Units; below zero only for an adjustment.
    pub quantity: Option<Decimal>,
    /// Price of a unit, or its cost.
    pub unit_price: Option<Decimal>,
    /// Whether the cost of units that came in is not known.
    pub cost_unknown: bool,
    /// The money: what units cost or brought, or the cash that moved, fee and tax apart. Below zero only for an
    /// adjustment of cash, and for income or a charge that is taken back.
    pub amount: Option<Decimal>,
    /// The fee.
    pub fee: Decimal,
    /// The tax.
    pub tax: Decimal,
    /// The currency of all amounts; by default that of the instrument, or without one that of the portfolio.
    pub currency: Option<Currency>,
    /// The cash that an exchange brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_amount: Option<Decimal>,
    /// The currency of that cash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_currency: Option<Currency>,
    /// When units that came in were bought.
    pub acquired_on: Option<Day>,
    /// New units for old ones.
    pub ratio: Option<SplitRatio>,
    /// The lots that units are taken from.
    pub lots: Vec<LotPick>,
    /// The currency of the fee, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_currency: Option<Currency>,
    /// The broker's rate: the instrument's currency for one of `currency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fx_rate: Option<Decimal>,
    /// The broker's rate into the base currency of the portfolio: that currency for one of `currency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_rate: Option<Decimal>,
    /// The activity that this one takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverses: Option<Uuid>,
}

/// A mistake in the fields of an activity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivityMistake {
    /// A field that the type does not take.
    #[error("{kind} does not take it")]
    NotTaken {
        /// The field.
        field: &'static str,
        /// The type.
        kind: ActivityType,
    },
    /// A field that the type needs.
    #[error("{kind} needs it")]
    Missing {
        /// The field.
        field: &'static str,
        /// The type.
        kind: ActivityType,
    },
    /// A number that must be above zero.
    #[error("must be above zero")]
    NotPositive {
        /// The field.
        field: &'static str,
    },
    /// A number that must be above or below zero.
    #[error("must not be zero")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// A number that must not be below zero.
    #[error("must not be below zero")]
    Negative {
        /// The field.
        field: &'static str,
    },
    /// A quantity or a price that the ledger cannot hold.
    #[error("{error}")]
    Decimal {
        /// The field.
        field: &'static str,
        /// Why.
        error: DecimalError,
    },
    /// An amount that its currency cannot express.
    #[error("{error}")]
    Money {
        /// The field.
        field: &'static str,
        /// Why.
        error: MoneyError,
    },
    /// The amount is not quantity × price.
    #[error("is {amount}, but quantity × unit_price is {product}: correct one of the three")]
    AmountMismatch {
        /// The amount given.
        amount: Decimal,
        /// Quantity × price, in the currency's unit.
        product: Decimal,
    },
    /// A rate of a currency to itself that is not 1.
    #[error("must be 1, because both currencies are {currency}")]
    RateOfItself {
        /// The field.
        field: &'static str,
        /// The currency.
        currency: Currency,
    },
    /// A rate of the day that is not known.
    #[error("no rate of {from} into {into} is known on that day")]
    RateUnknown {
        /// The field that needs it.
        field: &'static str,
        /// The currency of an amount.
        from: Currency,
        /// The currency that it has to be converted into.
        into: Currency,
    },
    /// Another currency than the instrument's.
    #[error("must be {expected}, in which {symbol} is priced")]
    OtherCurrency {
        /// The currency of the instrument.
        expected: Currency,
        /// The instrument.
        symbol: Symbol,
    },
    /// An exchange of a currency for itself.
    #[error("must be another currency than the one given for it")]
    SameCurrency,
    /// Units that were bought after they came in.
    #[error("must not be after the date of the activity")]
    AcquiredLater,
    /// A cost and `cost_unknown` together, or neither.
    #[error("give either unit_price or cost_unknown=true")]
    CostOrUnknown,
    /// More named lots than a record holds.
    #[error("must name at most {MAX_LOTS_PER_SALE} lots")]
    TooManyLots,
    /// A lot that is named twice.
    #[error("must name each lot once")]
    LotNamedTwice,
    /// Named lots that give more or fewer units than leave.
    #[error("add up to {named} units, but {quantity} leave")]
    LotsDoNotAddUp {
        /// The sum over the named lots.
        named: Quantity,
        /// The units that leave.
        quantity: Quantity,
    },
    /// An adjustment without a note, or a note of blanks.
    #[error("must say why the units or the cash are adjusted, in at most {MAX_NOTE_LENGTH} characters")]
    NoteNeeded,
}

impl ActivityMistake {
    /// The field that the mistake is in.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::NotTaken { field, .. }
            | Self::Missing { field, .. }
            | Self::NotPositive { field }
            | Self::Zero { field }
            | Self::Negative { field }
            | Self::Decimal { field, .. }
            | Self::Money { field, .. }
            | Self::RateOfItself { field, .. }
            | Self::RateUnknown { field, .. } => field,
            Self::AmountMismatch { .. } => "amount",
            Self::OtherCurrency { .. } => "currency",
            Self::SameCurrency => "to_currency",
            Self::AcquiredLater => "acquired_on",
            Self::CostOrUnknown => "unit_price",
            Self::TooManyLots | Self::LotNamedTwice | Self::LotsDoNotAddUp { .. } => "lots",
            Self::NoteNeeded => "note",
        }
    }
}

impl ActivityFields {
    /// No field but the type.
    #[must_use]
    pub fn new(kind: ActivityType) -> Self {
        Self {
            kind,
            symbol: None,
            quantity: None,
            unit_price: None,
            cost_unknown: false,
            amount: None,
            fee: Decimal::ZERO,
            tax: Decimal::ZERO,
            currency: None,
            to_amount: None,
            to_currency: None,
            acquired_on: None,
            ratio: None,
            lots: Vec::new(),
            fee_currency: None,
            fx_rate: None,
            base_rate: None,
            reverses: None,
        }
    }

    /// Whether it moves cash alone: its type does, or an amount is given in place of units.
    pub(super) fn is_of_cash(&self) -> bool {
        match self.kind {
            ActivityType::TransferIn | ActivityType::TransferOut | ActivityType::Adjustment => {
                self.amount.is_some() && self.quantity.is_none() && self.symbol.is_none()
            }
            ActivityType::Buy | ActivityType::Sell | ActivityType::Split => false,
            ActivityType::Deposit
            | ActivityType::Withdrawal
            | ActivityType::Exchange
            | ActivityType::Dividend
            | ActivityType::Interest
            | ActivityType::Fee
            | ActivityType::Tax => true,
        }
    }

    /// The rates of its day that it needs, for an instrument of this currency, or without one for cash of this currency if
    /// none is given.
    #[must_use]
    pub fn needed_rates(&self, instrument: Currency) -> NeededRates {
        let currency = self.currency.unwrap_or(instrument);
        let is_foreign = currency != instrument && self.fx_rate.is_none() && self.takes_another_currency();
        let fee = self.fee_currency.filter(|fee| *fee != currency && !self.fee.is_zero());
        NeededRates { instrument: is_foreign.then_some((currency, instrument)), fee: fee.map(|fee| (fee, currency)) }
    }

    /// Whether it moves units for money, which can be in another currency than the instrument's.
    pub(super) fn takes_another_currency(&self) -> bool {
        match self.kind {
            ActivityType::Buy | ActivityType::Sell => true,
            ActivityType::TransferIn | ActivityType::Adjustment => self.unit_price.is_some() && !self.is_of_cash(),
            _ => false,
        }
    }

    /// The fields that the type takes, besides the currency.
    pub(super) fn taken(&self) -> &'static [&'static str] {
        match self.kind {
            ActivityType::Buy => {
                &["symbol", "quantity", "unit_price", "amount", "fee", "tax", "fee_currency", "fx_rate", "base_rate"]
            }
            ActivityType::Sell => &[
                "symbol",
                "quantity",
                "unit_price",
                "amount",
                "fee",
                "tax",
                "fee_currency",
                "fx_rate",
                "base_rate",
                "lots",
            ],
            ActivityType::TransferIn | ActivityType::TransferOut | ActivityType::Adjustment if self.is_of_cash() => {
                &["amount", "fee", "tax", "fee_currency", "base_rate"]
            }
            ActivityType::TransferIn => {
                &["symbol", "quantity", "unit_price", "fx_rate", "base_rate", "cost_unknown", "acquired_on"]
            }
            ActivityType::TransferOut => &["symbol", "quantity", "lots"],
            ActivityType::Adjustment => &["symbol", "quantity", "unit_price", "fx_rate", "base_rate"],
            ActivityType::Split => &["symbol", "ratio"],
            ActivityType::Deposit | ActivityType::Withdrawal => &["amount", "fee", "tax", "fee_currency", "base_rate"],
            ActivityType::Exchange => &["amount", "to_amount", "to_currency", "fee", "tax", "fee_currency"],
            ActivityType::Dividend | ActivityType::Interest | ActivityType::Fee | ActivityType::Tax => {
                &["symbol", "amount", "fee", "tax", "fee_currency", "base_rate", "reverses"]
            }
        }
    }

    /// The fields that are given, besides type and currency.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        [
            ("symbol", self.symbol.is_some()),
            ("quantity", self.quantity.is_some()),
            ("unit_price", self.unit_price.is_some()),
            ("cost_unknown", self.cost_unknown),
            ("amount", self.amount.is_some()),
            ("fee", !self.fee.is_zero()),
            ("tax", !self.tax.is_zero()),
            ("to_amount", self.to_amount.is_some()),
            ("to_currency", self.to_currency.is_some()),
            ("fee_currency", self.fee_currency.is_some()),
            ("fx_rate", self.fx_rate.is_some()),
            ("base_rate", self.base_rate.is_some()),
            ("acquired_on", self.acquired_on.is_some()),
            ("ratio", self.ratio.is_some()),
            ("lots", !self.lots.is_empty()),
            ("reverses", self.reverses.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, is_given)| is_given.then_some(field))
    }
}
