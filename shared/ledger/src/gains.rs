//! The gain of a sale lot by lot, so that the parts that a list shows sum to the whole: in the instrument's currency and
//! in the portfolio's.
//!
//! Start with [`list`]. A sale at average cost takes a share of every lot, but how long its units were held goes by the
//! oldest ones: [`by_age`] spreads its cost over those.

use domain::{Currency, Day, ExchangeRate, Money, Quantity};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::exact;
use crate::refusal::Refusal;

/// What a sale took of one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenPart {
    /// The lot.
    pub lot_id: Uuid,
    /// When its units were bought, if known.
    pub acquired_on: Option<Day>,
    /// Units taken, as counted on the day of the sale.
    pub quantity: Quantity,
    /// Their cost, if known.
    pub cost: Option<Money>,
    /// Their share of the proceeds, which are after the fee.
    pub proceeds: Money,
}

/// What a sale brought and what it was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleTerms {
    /// The proceeds, after the fee.
    pub proceeds: Money,
    /// The fee.
    pub fee: Money,
    /// The tax, which is no part of the gain.
    pub tax: Money,
}

/// Amounts of a part of a sale, all in one currency. The gain is proceeds less cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartAmounts {
    /// What the units had cost, if known.
    pub cost: Option<Money>,
    /// What they brought, after the fee.
    pub proceeds: Money,
    /// The fee.
    pub fee: Money,
    /// The tax, which is no part of the gain.
    pub tax: Money,
    /// The gain, if the cost is known.
    pub gain: Option<Money>,
}

/// A part of a sale as a list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// The lot; nothing for units that no lot had.
    pub lot_id: Option<Uuid>,
    /// When the units were bought, if known.
    pub acquired_on: Option<Day>,
    /// The units.
    pub quantity: Quantity,
    /// The amounts in the instrument's currency.
    pub amounts: PartAmounts,
    /// The amounts in the portfolio's currency; nothing without an exchange rate.
    pub in_base: Option<PartAmounts>,
}

/// The rates of a part: that of the day of the sale, and that of the day of its purchase.
pub type PartRates = (ExchangeRate, ExchangeRate);

/// The parts of a sale as a list shows them, if every lot leaves at its own cost. `rates` are those of the parts into
/// `base`; nothing if one is missing.
///
/// Each column sums to the whole, in `base` too: there the sums from the first part to each other one are exact and
/// rounded half-even, and a part is the difference of two of them.
pub fn list(
    taken: &[TakenPart],
    terms: &SaleTerms,
    rates: Option<&[PartRates]>,
    base: Currency,
) -> Result<Vec<ListedPart>, Refusal> {
    let quantities: Vec<Quantity> = taken.iter().map(|part| part.quantity).collect();
    let (fees, taxes) = (exact::shares(terms.fee, &quantities)?, exact::shares(terms.tax, &quantities)?);
    let mut amounts = Vec::with_capacity(taken.len());
    for ((part, fee), tax) in taken.iter().zip(fees).zip(taxes) {
        let gain = part.cost.map(|cost| exact::minus(part.proceeds, cost)).transpose()?;
        amounts.push(PartAmounts { cost: part.cost, proceeds: part.proceeds, fee, tax, gain });
    }
    let in_base = rates.map(|rates| in_base(&amounts, rates, base)).transpose()?;
    let listed = taken.iter().zip(amounts).enumerate().map(|(index, (part, amounts))| ListedPart {
        lot_id: Some(part.lot_id),
        acquired_on: part.acquired_on,
        quantity: part.quantity,
        amounts,
        in_base: in_base.as_ref().and_then(|parts| parts.get(index).copied()),
    });
    Ok(listed.collect())
}

/// The same sale over the lots that it would have taken if the oldest went first, each with its share of every amount by
/// units. If what any part had cost is not known, no part has a cost.
pub fn by_age(listed: &[ListedPart], oldest: &[TakenPart]) -> Result<Vec<ListedPart>, Refusal> {
    let oldest: Vec<&TakenPart> = oldest.iter().filter(|part| !part.quantity.is_zero()).collect();
    let Some(amounts) = sum(listed.iter().map(|part| Some(part.amounts)))?.filter(|_| !oldest.is_empty()) else {
        return Ok(listed.to_vec());
    };
    let quantities: Vec<Quantity> = oldest.iter().map(|part| part.quantity).collect();
    let amounts = spread(&amounts, &quantities)?;
    let in_base = sum(listed.iter().map(|part| part.in_base))?;
    let in_base = in_base.map(|whole| spread(&whole, &quantities)).transpose()?;
    let spread = oldest.into_iter().zip(amounts).enumerate().map(|(index, (part, amounts))| ListedPart {
        lot_id: Some(part.lot_id),
        acquired_on: part.acquired_on,
        quantity: part.quantity,
        amounts,
        in_base: in_base.as_ref().and_then(|parts| parts.get(index).copied()),
    });
    Ok(spread.collect())
}

/// A sale of units that no lot had: a split that became known later took them away.
#[must_use]
pub fn of_no_lot(quantity: Quantity, terms: &SaleTerms) -> ListedPart {
    let SaleTerms { proceeds, fee, tax } = *terms;
    let amounts = PartAmounts { cost: None, proceeds, fee, tax, gain: None };
    ListedPart { lot_id: None, acquired_on: None, quantity, amounts, in_base: None }
}

/// Amounts in `base`, each part as the difference of two rounded sums.
fn in_base(parts: &[PartAmounts], rates: &[PartRates], base: Currency) -> Result<Vec<PartAmounts>, Refusal> {
    let mut sums = RoundedSums::default();
    let mut all = Vec::with_capacity(parts.len());
    for (part, (sold, bought)) in parts.iter().zip(rates) {
        let exchanged = |money: Money, rate: &ExchangeRate| rate.exchange(money.amount()).ok_or(Refusal::TooLarge);
        let proceeds = exchanged(part.proceeds, sold)?;
        let gain = match part.cost {
            Some(cost) => Some(proceeds.checked_sub(exchanged(cost, bought)?).ok_or(Refusal::TooLarge)?),
            None => None,
        };
        let fee = sums.fee.add(exchanged(part.fee, sold)?, base)?;
        let tax = sums.tax.add(exchanged(part.tax, sold)?, base)?;
        let proceeds = sums.proceeds.add(proceeds, base)?;
        let gain = gain.map(|gain| sums.gain.add(gain, base)).transpose()?;
        let cost = gain.map(|gain| exact::minus(proceeds, gain)).transpose()?;
        all.push(PartAmounts { cost, proceeds, fee, tax, gain });
    }
    Ok(all)
}

/// A sum that is exact, and what of it was shown so far.
#[derive(Default)]
struct RoundedSum {
    exact: Decimal,
    shown: Decimal,
}

#[derive(Default)]
struct RoundedSums {
    proceeds: RoundedSum,
    fee: RoundedSum,
    tax: RoundedSum,
    gain: RoundedSum,
}

impl RoundedSum {
    /// What the rounded sum grows by.
    fn add(&mut self, amount: Decimal, currency: Currency) -> Result<Money, Refusal> {
        self.exact = self.exact.checked_add(amount).ok_or(Refusal::TooLarge)?;
        let rounded = self.exact.round_dp(currency.decimals());
        let part = rounded.checked_sub(self.shown).ok_or(Refusal::TooLarge)?;
        self.shown = rounded;
        Ok(Money::new(part, currency)?)
    }
}

/// The sum of all parts; nothing if one is missing or there is none.
fn sum(parts: impl Iterator<Item = Option<PartAmounts>>) -> Result<Option<PartAmounts>, Refusal> {
    let mut whole: Option<PartAmounts> = None;
    for part in parts {
        let Some(part) = part else { return Ok(None) };
        whole = Some(match whole {
            Some(whole) => whole.plus(&part)?,
            None => part,
        });
    }
    Ok(whole)
}

/// The amounts of a whole in proportion to units.
fn spread(whole: &PartAmounts, quantities: &[Quantity]) -> Result<Vec<PartAmounts>, Refusal> {
    let shares = |amount: Money| exact::shares(amount, quantities);
    let (proceeds, fees, taxes) = (shares(whole.proceeds)?, shares(whole.fee)?, shares(whole.tax)?);
    let costs = whole.cost.map(shares).transpose()?;
    let mut parts = Vec::with_capacity(quantities.len());
    for (index, ((proceeds, fee), tax)) in proceeds.into_iter().zip(fees).zip(taxes).enumerate() {
        let cost = costs.as_ref().and_then(|costs| costs.get(index).copied());
        let gain = cost.map(|cost| exact::minus(proceeds, cost)).transpose()?;
        parts.push(PartAmounts { cost, proceeds, fee, tax, gain });
    }
    Ok(parts)
}

impl PartAmounts {
    fn plus(&self, other: &Self) -> Result<Self, Refusal> {
        let both = |left: Option<Money>, right: Option<Money>| {
            left.zip(right).map(|(left, right)| exact::plus(left, right)).transpose()
        };
        Ok(Self {
            cost: both(self.cost, other.cost)?,
            proceeds: exact::plus(self.proceeds, other.proceeds)?,
            fee: exact::plus(self.fee, other.fee)?,
            tax: exact::plus(self.tax, other.tax)?,
            gain: both(self.gain, other.gain)?,
        })
    }
}

#[cfg(test)]
mod tests;
