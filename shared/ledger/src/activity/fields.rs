//! The fields of an activity as they come from outside, and the mistakes that they can have.

use domain::{Currency, Day, DecimalError, MoneyError, Quantity, SplitRatio, Symbol};
use rust_decimal::Decimal;
use serde::Serialize;

use super::kind::{ActivityType, MAX_NOTE_LENGTH};
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
    /// The money that the units cost or brought, fee and tax apart.
    pub amount: Option<Decimal>,
    /// The fee.
    pub fee: Decimal,
    /// The tax.
    pub tax: Decimal,
    /// The currency of all amounts; that of the instrument by default.
    pub currency: Option<Currency>,
    /// When units that came in were bought.
    pub acquired_on: Option<Day>,
    /// New units for old ones.
    pub ratio: Option<SplitRatio>,
    /// The lots that units are taken from.
    pub lots: Vec<LotPick>,
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
    /// Another currency than the instrument's.
    #[error("must be {expected}, in which {symbol} is priced")]
    OtherCurrency {
        /// The currency of the instrument.
        expected: Currency,
        /// The instrument.
        symbol: Symbol,
    },
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
    #[error("must say why the units are adjusted, in at most {MAX_NOTE_LENGTH} characters")]
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
            | Self::Negative { field }
            | Self::Decimal { field, .. }
            | Self::Money { field, .. } => field,
            Self::AmountMismatch { .. } => "amount",
            Self::OtherCurrency { .. } => "currency",
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
            acquired_on: None,
            ratio: None,
            lots: Vec::new(),
        }
    }

    /// The fields that the type takes, besides symbol and currency.
    pub(super) fn taken(&self) -> &'static [&'static str] {
        match self.kind {
            ActivityType::Buy => &["quantity", "unit_price", "amount", "fee", "tax"],
            ActivityType::Sell => &["quantity", "unit_price", "amount", "fee", "tax", "lots"],
            ActivityType::TransferIn => &["quantity", "unit_price", "cost_unknown", "acquired_on"],
            ActivityType::TransferOut => &["quantity", "lots"],
            ActivityType::Adjustment => &["quantity", "unit_price"],
            ActivityType::Split => &["ratio"],
        }
    }

    /// The fields that are given, besides type, symbol and currency.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        [
            ("quantity", self.quantity.is_some()),
            ("unit_price", self.unit_price.is_some()),
            ("cost_unknown", self.cost_unknown),
            ("amount", self.amount.is_some()),
            ("fee", !self.fee.is_zero()),
            ("tax", !self.tax.is_zero()),
            ("acquired_on", self.acquired_on.is_some()),
            ("ratio", self.ratio.is_some()),
            ("lots", !self.lots.is_empty()),
        ]
        .into_iter()
        .filter_map(|(field, is_given)| is_given.then_some(field))
    }
}
