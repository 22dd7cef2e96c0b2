//! Amounts in another currency than the instrument's.

use domain::{Currency, ExchangeRate, Money, Price};
use rust_decimal::Decimal;

use crate::refusal::Refusal;

/// The currencies and rates that the amounts of an activity depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRates {
    /// The currency of the instrument; without one, the currency of cash if none is given.
    pub currency: Currency,
    /// The base currency of the portfolio.
    pub base: Currency,
    /// The instrument's currency for one of the activity's on that day, if it is known.
    pub instrument: Option<ExchangeRate>,
    /// The activity's currency for one of the fee's on that day, if it is known.
    pub fee: Option<ExchangeRate>,
}

/// The pairs of currencies whose rate of the day an activity needs: from the first into the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeededRates {
    /// From the activity's currency into the instrument's.
    pub instrument: Option<(Currency, Currency)>,
    /// From the fee's currency into the activity's.
    pub fee: Option<(Currency, Currency)>,
}

/// The amounts of an activity as they were given, where they are not all in the currency of its instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The currency of the amounts.
    pub currency: Currency,
    /// Price of a unit, or what it had cost.
    pub unit_price: Option<Price>,
    /// What the units cost or brought, fee and tax apart.
    pub amount: Option<Money>,
    /// The fee, converted if it was paid in another currency.
    pub fee: Money,
    /// The tax.
    pub tax: Money,
    /// The broker's rate, if given: the instrument's currency for one of `currency`.
    pub fx_rate: Option<Price>,
    /// The rate that converts: the broker's, or else that of the day; nothing if both currencies are the same.
    pub rate: Option<ExchangeRate>,
    /// The fee as it was paid in a third currency, and that day's rate of it into `currency`.
    pub fee_paid: Option<(Money, ExchangeRate)>,
    /// The broker's rate into the base currency of the portfolio, if given: that currency for one of `currency`.
    pub base: Option<(Price, Currency)>,
}

impl DayRates {
    /// No rates: all amounts are in this currency.
    #[must_use]
    pub fn none(currency: Currency) -> Self {
        Self { currency, base: currency, instrument: None, fee: None }
    }
}

impl Paid {
    /// An amount in `currency` as it is known without a rate of the day, in another currency than `counted`: in base by the
    /// broker's rate, or as it was paid.
    pub(super) fn known(&self, amount: Money, counted: Currency) -> Result<Option<Money>, Refusal> {
        match self.by_base_rate(amount)? {
            Some(in_base) => Ok(Some(in_base)),
            None => Ok(Some(amount).filter(|_| self.currency != counted)),
        }
    }

    /// An amount in `currency` in the base currency of the portfolio, if a rate into it is given.
    pub(crate) fn by_base_rate(&self, amount: Money) -> Result<Option<Money>, Refusal> {
        self.base.map(|(rate, base)| exchanged(amount, rate_of(rate)?, base)).transpose()
    }
}

/// A rate as given, exactly.
pub(super) fn rate_of(rate: Price) -> Result<ExchangeRate, Refusal> {
    rate.to_string().parse().map_err(|_| Refusal::TooLarge)
}

/// An amount in another currency, rounded half-even to its unit.
pub(super) fn exchanged(amount: Money, rate: ExchangeRate, into: Currency) -> Result<Money, Refusal> {
    let exchanged = rate.exchange(amount.amount()).ok_or(Refusal::TooLarge)?;
    Ok(Money::new(exchanged.round_dp(into.decimals()), into)?)
}

/// A price in another currency, rounded half-even to twelve decimals.
pub(super) fn exchanged_price(price: Price, rate: ExchangeRate) -> Option<Decimal> {
    Some(rate.exchange(price.amount())?.round_dp(domain::decimal::DECIMALS))
}
