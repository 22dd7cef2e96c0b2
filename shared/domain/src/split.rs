//! Share splits: how many new units an old unit becomes.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::bars::{Bar, BarError, Bars};
use crate::day::Day;
use crate::decimal::{DECIMALS, DecimalError, Quantity};

/// The largest numerator or denominator of a ratio.
const LARGEST_TERM: u64 = 1_000_000_000_000;
/// A decimal whose reduced denominator is at most this is taken exactly: 0.05, 1.0725.
const EXACT_DENOMINATOR: u64 = 400;
/// A decimal with at least this many significant digits after the point may be a rounded fraction: 0.333.
const ROUNDED_DIGITS: u32 = 3;
/// The smaller term of a fraction that was rounded to a decimal.
const SMALLER_TERM: u64 = 10;
/// The larger one.
const LARGER_TERM: u64 = 1_000;
/// The largest term of a fraction that is recovered from its nearest float: far below 10⁷, up to which floats tell any
/// two fractions apart.
const LARGEST_TERM_OF_A_FLOAT: u64 = 100_000;
/// Decimals of a ratio that are read; further ones add nothing.
const READ_DECIMALS: u32 = 12;

/// New units for old units, an exact fraction above zero in lowest terms: 2 for two for one, 1/45 for one for
/// forty-five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SplitRatio {
    new: u64,
    old: u64,
}

/// A split of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The first day quoted in new units.
    pub day: Day,
    /// New units per old unit.
    pub ratio: SplitRatio,
}

/// The splits in a history, oldest first.
///
/// Errors: a ratio that is not a number above zero, or too large.
pub fn splits_of(bars: &Bars) -> Result<Vec<Split>, DecimalError> {
    let days = bars.dates().iter().zip(bars.split_ratio()).filter(|&(_, &ratio)| (ratio - 1.0).abs() > f64::EPSILON);
    days.map(|(&day, &ratio)| Ok(Split { day, ratio: SplitRatio::from_bar(ratio)? })).collect()
}

/// The same bars with more splits, which their source does not know. A split on a day without a bar adds one: at the
/// close before it in new units, or at the first close if there is none before.
///
/// Errors: a price that is too small in new units.
pub fn with_splits(bars: &Bars, splits: &[Split]) -> Result<Bars, BarError> {
    let mut rows: Vec<Bar> = bars.iter().collect();
    for split in splits {
        let at = rows.partition_point(|bar| bar.date < split.day);
        if let Some(bar) = rows.get_mut(at).filter(|bar| bar.date == split.day) {
            let both = SplitRatio::from_bar(bar.split_ratio).and_then(|known| known.then(split.ratio));
            bar.split_ratio = both.map_or(bar.split_ratio * split.ratio.to_f64(), SplitRatio::to_f64);
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| rows.get(before));
        let before = before.map(|bar| bar.close * split.ratio.old_units() as f64 / split.ratio.new_units() as f64);
        let Some(close) = before.or_else(|| rows.first().map(|first| first.close)) else { continue };
        let (open, high, low, adjusted_close) = (close, close, close, close);
        let split_ratio = split.ratio.to_f64();
        let bar =
            Bar { date: split.day, open, high, low, close, volume: 0.0, adjusted_close, split_ratio, dividend: 0.0 };
        rows.insert(at, bar);
    }
    Bars::from_rows(rows)
}

impl SplitRatio {
    /// No split.
    pub const ONE: Self = Self { new: 1, old: 1 };

    /// `new` units for `old` ones.
    ///
    /// Errors: a term of zero, or one above 10¹² in lowest terms.
    pub fn new(new: u64, old: u64) -> Result<Self, DecimalError> {
        if new == 0 || old == 0 {
            return Err(DecimalError::Zero);
        }
        let common = greatest_common_divisor(new, old);
        let (new, old) = (new / common, old / common);
        if new.max(old) > LARGEST_TERM { Err(DecimalError::TooLarge) } else { Ok(Self { new, old }) }
    }

    /// Reads `4:1`, `1/45` or a decimal. A decimal is exactly itself if its reduced denominator is at most 400
    /// (1.0725). Another one with at least three significant digits after the point is the fraction n/m with the
    /// smallest m that rounds to it, the smaller term at most 10 and the larger at most 1,000 (0.333 is 1/3, 0.022222
    /// is 1/45). If there is none, it is itself (1.0349).
    ///
    /// A trailing zero is a digit like any other: 0.333 is 1/3, and 0.3330, to which 1/3 does not round, is itself.
    ///
    /// Errors: not a number above zero, or too large.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let text = text.trim();
        if let Some((new, old)) = text.split_once([':', '/']) {
            let (new, old) = (whole_terms(new)?, whole_terms(old)?);
            return Self::of_terms(cross(new.0, old.1)?, cross(new.1, old.0)?);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number =
            if digits { text.parse::<Decimal>().map_err(|_| DecimalError::NotANumber)? } else { scientific(text)? };
        Self::from_decimal(number)
    }

    /// Reads a stored ratio: a fraction, or a decimal taken exactly. A decimal with more than twelve places is the
    /// fraction of small terms that it was cut from.
    ///
    /// Errors: as for [`SplitRatio::parse`].
    pub(crate) fn as_stored(text: &str) -> Result<Self, DecimalError> {
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > READ_DECIMALS as usize {
            return Self::from_bar(text.parse().map_err(|_| DecimalError::NotANumber)?);
        }
        if text.contains(['/', ':']) {
            return Self::parse(text);
        }
        let (new, old) = whole_terms(text)?;
        Self::new(new, old)
    }

    /// The ratio behind the float of a bar. A decimal of at most twelve places is exactly itself, since a rounded
    /// fraction became that fraction when its text was read. Any other float is the fraction with terms up to 100,000
    /// and exactly this quotient, or else what [`SplitRatio::parse`] makes of its shortest text.
    ///
    /// Errors: as for [`SplitRatio::parse`].
    pub fn from_bar(ratio: f64) -> Result<Self, DecimalError> {
        if !ratio.is_finite() {
            return Err(DecimalError::NotANumber);
        }
        if ratio <= 0.0 {
            return Err(DecimalError::Zero);
        }
        let text = ratio.to_string();
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals <= READ_DECIMALS as usize {
            let (new, old) = whole_terms(&text)?;
            return Self::new(new, old);
        }
        quotient(ratio).map_or_else(|| Self::parse(&text), Ok)
    }

    /// The nearest float, which a bar stores.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.new as f64 / self.old as f64
    }

    /// New units.
    #[must_use]
    pub fn new_units(self) -> u64 {
        self.new
    }

    /// The old units that they replace.
    #[must_use]
    pub fn old_units(self) -> u64 {
        self.old
    }

    /// Whether every old unit becomes a whole number of new ones.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.old == 1
    }

    /// One split after another.
    ///
    /// Errors: a term that is too large.
    pub fn then(self, next: Self) -> Result<Self, DecimalError> {
        Self::of_terms(cross(self.new, next.new)?, cross(self.old, next.old)?)
    }

    fn of_terms(new: u128, old: u128) -> Result<Self, DecimalError> {
        if new == 0 || old == 0 {
            return Err(DecimalError::Zero);
        }
        let common = greatest_common_divisor(new, old);
        let term = |term: u128| u64::try_from(term / common).map_err(|_| DecimalError::TooLarge);
        Self::new(term(new)?, term(old)?)
    }

    fn from_decimal(number: Decimal) -> Result<Self, DecimalError> {
        if number <= Decimal::ZERO {
            return Err(if number.is_zero() { DecimalError::Zero } else { DecimalError::Negative });
        }
        // Trailing zeros stay: they show to how many places it was rounded.
        let read = number.round_dp(READ_DECIMALS);
        let mantissa = u128::try_from(read.mantissa()).map_err(|_| DecimalError::TooLarge)?;
        let exact = Self::of_terms(mantissa, 10_u128.pow(read.scale()));
        if exact.is_ok_and(|exact| exact.old <= EXACT_DENOMINATOR) {
            return exact;
        }
        rounded_fraction(read).map_or(exact, Ok)
    }
}

impl Quantity {
    /// The same holding after a split, truncated to twelve decimals: never rounded up.
    ///
    /// Errors: more than [`LARGEST`](crate::decimal::LARGEST).
    pub fn split(self, ratio: SplitRatio) -> Result<Self, DecimalError> {
        let mut units = self.units();
        units.rescale(DECIMALS);
        let new = units.mantissa().checked_mul(ratio.new_units().into()).ok_or(DecimalError::TooLarge)?;
        let cut = new.checked_div(ratio.old_units().into()).ok_or(DecimalError::Zero)?;
        Self::new(Decimal::try_from_i128_with_scale(cut, DECIMALS).map_err(|_| DecimalError::TooLarge)?)
    }
}

/// The fraction with the smallest denominator that rounds to this decimal at its own number of places.
fn rounded_fraction(number: Decimal) -> Option<SplitRatio> {
    let places = number.scale();
    let whole_digits = number.trunc().mantissa();
    let fraction = (number - number.trunc()).mantissa();
    let significant = if whole_digits == 0 { fraction.checked_ilog10()? + 1 } else { places };
    if significant < ROUNDED_DIGITS {
        return None;
    }
    let half = Decimal::try_new(5, places + 1).ok()?;
    (1..=LARGER_TERM).find_map(|old| {
        let new = u64::try_from(number.checked_mul(old.into())?.round().mantissa()).ok()?;
        let fits = (1..=SMALLER_TERM).contains(&new.min(old)) && new.max(old) <= LARGER_TERM;
        let quotient = fits.then(|| Decimal::from(new).checked_div(old.into()))??;
        ((quotient - number).abs() <= half).then(|| SplitRatio::new(new, old).ok())?
    })
}

/// The fraction with terms up to [`LARGEST_TERM_OF_A_FLOAT`] whose nearest float is this one: a convergent of its
/// continued fraction (Legendre's theorem).
fn quotient(ratio: f64) -> Option<SplitRatio> {
    let (mut before, mut terms) = ((0, 1), (1, 0));
    let mut rest = ratio;
    loop {
        let whole = rest.floor();
        if whole > LARGEST_TERM_OF_A_FLOAT as f64 {
            return None;
        }
        let next = (whole as u64 * terms.0 + before.0, whole as u64 * terms.1 + before.1);
        if next.0.max(next.1) > LARGEST_TERM_OF_A_FLOAT {
            return None;
        }
        if (next.0 as f64 / next.1 as f64).total_cmp(&ratio).is_eq() {
            return SplitRatio::new(next.0, next.1).ok();
        }
        (before, terms) = (terms, next);
        rest = (rest - whole).recip();
    }
}

/// A number before or after the colon as a fraction.
fn whole_terms(text: &str) -> Result<(u64, u64), DecimalError> {
    let number: Decimal = text.trim().parse().map_err(|_| DecimalError::NotANumber)?;
    let number = number.normalize();
    let new = u64::try_from(number.mantissa()).map_err(|_| DecimalError::TooLarge)?;
    Ok((new, 10_u64.checked_pow(number.scale()).ok_or(DecimalError::TooFine)?))
}

fn scientific(text: &str) -> Result<Decimal, DecimalError> {
    Decimal::from_scientific(text).or_else(|_| text.parse()).map_err(|_| DecimalError::NotANumber)
}

fn cross(left: u64, right: u64) -> Result<u128, DecimalError> {
    u128::from(left).checked_mul(right.into()).ok_or(DecimalError::TooLarge)
}

fn greatest_common_divisor<T: Copy + PartialEq + Default + std::ops::Rem<Output = T>>(left: T, right: T) -> T {
    let (mut left, mut right) = (left, right);
    while right != T::default() {
        (left, right) = (right, left % right);
    }
    left
}

/// A decimal if it ends within twelve places, `0.5`; else a fraction, `1/3`.
impl fmt::Display for SplitRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ten = 10_u64.pow(READ_DECIMALS);
        if ten.is_multiple_of(self.old)
            && let Some(mantissa) = i128::from(self.new).checked_mul((ten / self.old).into())
            && let Ok(decimal) = Decimal::try_from_i128_with_scale(mantissa, READ_DECIMALS)
        {
            return fmt::Display::fmt(&decimal.normalize(), f);
        }
        write!(f, "{}/{}", self.new, self.old)
    }
}

impl FromStr for SplitRatio {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SplitRatio {
    type Error = DecimalError;

    fn try_from(text: String) -> Result<Self, DecimalError> {
        Self::as_stored(&text)
    }
}

impl From<SplitRatio> for String {
    fn from(ratio: SplitRatio) -> Self {
        ratio.to_string()
    }
}

#[cfg(test)]
mod tests;
