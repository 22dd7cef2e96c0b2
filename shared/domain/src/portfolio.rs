//! Portfolios: the accounts that hold a customer's positions, and their investment profiles.

mod settings;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

pub use settings::{CashTreatment, LotMethod};

use crate::decimal::{self, from_f64};
use crate::{Currency, CustomerId, InstrumentType, LongTerm};

/// The longest name of a portfolio, in characters.
pub const MAX_NAME_LENGTH: usize = 100;
/// The longest horizon of an investment profile, in years.
pub const MAX_HORIZON_YEARS: u8 = 100;
/// Decimals of a fraction in an investment profile.
const FRACTION_DECIMALS: u32 = 6;

/// The id of a portfolio, a UUID of version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct PortfolioId(pub Uuid);

/// A display name of 1 to 100 characters, without control characters or surrounding blanks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(
    value_type = String,
    pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\x00-\x20\x7F-\x9F\s][^\x00-\x1F\x7F-\x9F]*$",
    min_length = 1,
    max_length = 100,
    example = "Retirement"
)]
pub struct PortfolioName(String);

/// A portfolio of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Portfolio {
    /// Id of the portfolio.
    pub id: PortfolioId,
    /// The customer who owns it.
    pub customer_id: CustomerId,
    /// Display name of the portfolio.
    pub name: PortfolioName,
    /// Kind of account.
    #[serde(rename = "type")]
    pub kind: PortfolioType,
    /// Currency of its value and performance.
    pub base_currency: Currency,
    /// Which lots a sale consumes.
    pub lot_method: LotMethod,
    /// Whether the cash of its activities is part of its value and performance.
    #[serde(default)]
    #[schema(required)]
    pub cash: CashTreatment,
    /// How long units must have been held for a realised gain to be long-term: years (`P1Y`) or months (`P6M`), or `none`.
    #[serde(default)]
    #[schema(required)]
    pub long_term: LongTerm,
    /// Whether it accepts trades and investments.
    pub state: PortfolioState,
    /// Its purpose; null if the customer has not stated it.
    #[schema(required)]
    pub investment_profile: Option<InvestmentProfile>,
    /// When it was opened.
    #[serde(with = "crate::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "crate::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, counted from 1; the value of `ETag` and `If-Match`.
    #[schema(minimum = 1)]
    pub version: u64,
}

/// The kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortfolioType {
    /// An ordinary, taxed account.
    Brokerage,
    /// A traditional individual retirement account (US).
    Ira,
    /// A retirement account funded after tax (US).
    RothIra,
    /// An employer's retirement plan (US).
    #[serde(rename = "401k")]
    EmployerPlan,
    /// An individual savings account (UK).
    Isa,
    /// A self-invested personal pension (UK).
    Sipp,
    /// Savings.
    Savings,
    /// Cryptocurrencies.
    Crypto,
    /// Anything else.
    Other,
}

/// Whether a portfolio accepts trades and investments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PortfolioState {
    /// It accepts trades and investments.
    Open,
    /// It holds nothing and accepts nothing; its history stays.
    Closed,
}

/// The purpose of a portfolio. Each change makes a new version; old ones are retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InvestmentProfile {
    /// Version of the profile, counted from 1.
    #[schema(minimum = 1)]
    pub version: u32,
    /// When it takes effect.
    #[serde(with = "crate::instant")]
    pub since: DateTime<Utc>,
    /// What the customer states.
    #[serde(flatten)]
    pub aims: InvestmentAims,
}

/// Risk, horizon, capacity for loss and targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InvestmentAims {
    /// From 1 (lowest) to 7 (highest), as in the risk indicator of European funds.
    #[schema(value_type = u8, minimum = 1, maximum = 7)]
    pub risk: RiskLevel,
    /// Years until the money is needed.
    #[schema(minimum = 1, maximum = 100)]
    pub horizon_years: u8,
    /// The fraction of the value that may be lost without harm to the customer's standard of living.
    #[schema(value_type = f64, minimum = 0, maximum = 1)]
    pub loss_capacity: Fraction,
    /// The target fraction of the value for each kind of instrument; the fractions sum to 1.
    pub targets: Targets,
}

/// A level of risk from 1 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct RiskLevel(u8);

/// A number from 0 to 1 with at most six decimals, exact; in JSON a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "f64")]
pub struct Fraction(Decimal);

/// Fractions by kind of instrument that sum to exactly 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "BTreeMap<InstrumentType, Fraction>")]
#[schema(as = TargetAllocation, value_type = BTreeMap<String, f64>, example = json!({"stock": 0.6, "bond": 0.4}))]
pub struct Targets(BTreeMap<InstrumentType, Fraction>);

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortfolioError {
    /// A name that is empty or blank.
    #[error("must have at least one character")]
    NameEmpty,
    /// A name longer than [`MAX_NAME_LENGTH`].
    #[error("must have at most {MAX_NAME_LENGTH} characters")]
    NameTooLong,
    /// A line break or another control character.
    #[error("must not have control characters")]
    NameWithControlCharacter,
    /// Not from 1 to 7.
    #[error("must be between 1 and 7")]
    RiskLevel,
    /// Not from 1 to [`MAX_HORIZON_YEARS`].
    #[error("must be between 1 and {MAX_HORIZON_YEARS} years")]
    Horizon,
    /// Not from 0 to 1, or with more than six decimals.
    #[error("must be between 0 and 1, with at most {FRACTION_DECIMALS} decimals: 60 % is 0.6")]
    Fraction,
    /// Targets that sum to something else.
    #[error("must sum to 1, not to {sum}")]
    TargetsSum {
        /// Their sum.
        sum: Decimal,
    },
}

impl PortfolioName {
    /// The name without surrounding blanks.
    pub fn parse(text: &str) -> Result<Self, PortfolioError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(PortfolioError::NameEmpty);
        }
        if name.chars().count() > MAX_NAME_LENGTH {
            return Err(PortfolioError::NameTooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(PortfolioError::NameWithControlCharacter);
        }
        Ok(Self(name.to_owned()))
    }
}

impl Portfolio {
    /// Whether it accepts trades and investments.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == PortfolioState::Open
    }
}

impl RiskLevel {
    /// A level from 1 to 7.
    pub fn new(level: u8) -> Result<Self, PortfolioError> {
        if (1..=7).contains(&level) { Ok(Self(level)) } else { Err(PortfolioError::RiskLevel) }
    }
}

impl Fraction {
    /// Exactly this fraction.
    pub fn new(fraction: Decimal) -> Result<Self, PortfolioError> {
        let fraction = fraction.normalize();
        let inside = (Decimal::ZERO..=Decimal::ONE).contains(&fraction) && fraction.scale() <= FRACTION_DECIMALS;
        if inside { Ok(Self(fraction)) } else { Err(PortfolioError::Fraction) }
    }

    /// Reads `0.6` exactly, as [`decimal::read`] does.
    pub fn parse(text: &str) -> Result<Self, PortfolioError> {
        Self::new(decimal::read(text).map_err(|_| PortfolioError::Fraction)?)
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }
}

impl Targets {
    /// These fractions, which must sum to 1.
    pub fn new(fractions: BTreeMap<InstrumentType, Fraction>) -> Result<Self, PortfolioError> {
        let sum: Decimal = fractions.values().map(|fraction| fraction.0).sum();
        if sum == Decimal::ONE { Ok(Self(fractions)) } else { Err(PortfolioError::TargetsSum { sum }) }
    }

    /// The fractions by kind of instrument.
    #[must_use]
    pub fn fractions(&self) -> &BTreeMap<InstrumentType, Fraction> {
        &self.0
    }
}

impl fmt::Display for PortfolioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for PortfolioName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PortfolioName {
    type Error = PortfolioError;

    fn try_from(text: String) -> Result<Self, PortfolioError> {
        Self::parse(&text)
    }
}

impl From<PortfolioName> for String {
    fn from(name: PortfolioName) -> Self {
        name.0
    }
}

impl TryFrom<u8> for RiskLevel {
    type Error = PortfolioError;

    fn try_from(level: u8) -> Result<Self, PortfolioError> {
        Self::new(level)
    }
}

impl From<RiskLevel> for u8 {
    fn from(level: RiskLevel) -> Self {
        level.0
    }
}

impl TryFrom<f64> for Fraction {
    type Error = PortfolioError;

    fn try_from(number: f64) -> Result<Self, PortfolioError> {
        Self::new(from_f64(number).map_err(|_| PortfolioError::Fraction)?)
    }
}

/// Six decimals survive a round trip through a JSON number.
impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.to_f64().unwrap_or_default())
    }
}

impl TryFrom<BTreeMap<InstrumentType, Fraction>> for Targets {
    type Error = PortfolioError;

    fn try_from(fractions: BTreeMap<InstrumentType, Fraction>) -> Result<Self, PortfolioError> {
        Self::new(fractions)
    }
}

#[cfg(test)]
mod tests;
