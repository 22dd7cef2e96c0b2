//! Amounts in another currency than the instrument's: their check and their conversion.

use domain::{Currency, ExchangeRate, Money, MoneyError, Price};
use rust_decimal::Decimal;

use super::{Charges, Check, Counted};
use crate::activity::fields::ActivityMistake;
use crate::activity::paid::{Paid, exchanged, exchanged_price, rate_of};

#[cfg(test)]
mod tests;

/// The rates of an activity, as far as they are given or needed.
struct CheckedRates {
    fx_rate: Option<Price>,
    /// Into the currency of the instrument; nothing if it is that of the amounts.
    rate: Option<ExchangeRate>,
    base: Option<(Price, Currency)>,
}

impl Check<'_> {
    /// The fee in the currency of the amounts, and as it was paid if that is another one.
    pub(super) fn fee(&mut self) -> Option<(Money, Option<(Money, ExchangeRate)>)> {
        let fee = self.fields.fee;
        let Some(paid_in) = self.fields.fee_currency.filter(|paid_in| *paid_in != self.currency && !fee.is_zero())
        else {
            return Some((self.charge("fee", fee)?, None));
        };
        let currency = std::mem::replace(&mut self.currency, paid_in);
        let paid = self.charge("fee", fee);
        self.currency = currency;
        let field = "fee_currency";
        let rate = self.rates.fee.ok_or(ActivityMistake::RateUnknown { field, from: paid_in, into: currency });
        let (paid, rate) = (paid?, self.note(rate)?);
        Some((self.converted("fee", paid, rate, currency)?, Some((paid, rate))))
    }

    /// A trade in the currency of the instrument.
    pub(super) fn counted(&mut self, (unit_price, amount): (Price, Money), charges: Charges) -> Option<Counted> {
        let Charges { fee, tax, fee_paid } = charges;
        let rates = self.checked_rates()?;
        let paid = Paid { unit_price: Some(unit_price), amount: Some(amount), ..self.paid(&rates, charges) };
        let is_other = rates.rate.is_some() || rates.base.is_some() || fee_paid.is_some();
        let paid = is_other.then(|| Box::new(paid));
        let Some(rate) = rates.rate else { return Some(Counted { unit_price, amount, fee, tax, paid }) };
        let unit_price = self.converted_price(unit_price, rate);
        let [amount, fee, tax] = [("amount", amount), ("fee", fee), ("tax", tax)]
            .map(|(field, money)| self.converted(field, money, rate, self.instrument));
        Some(Counted { unit_price: unit_price?, amount: amount?, fee: fee?, tax: tax?, paid })
    }

    /// The cost of a unit in the currency of the instrument, and how it was given.
    pub(super) fn counted_price(&mut self, unit_price: Price) -> Option<(Price, Option<Box<Paid>>)> {
        let rates = self.checked_rates()?;
        let zero = self.money("fee", Decimal::ZERO)?;
        let paid = self.paid(&rates, Charges { fee: zero, tax: zero, fee_paid: None });
        let is_other = rates.rate.is_some() || rates.base.is_some();
        let paid = is_other.then(|| Box::new(Paid { unit_price: Some(unit_price), ..paid }));
        match rates.rate {
            Some(rate) => Some((self.converted_price(unit_price, rate)?, paid)),
            None => Some((unit_price, paid)),
        }
    }

    /// How an amount of cash was given, if not all of it is in the currency of the amount.
    #[expect(clippy::option_option, reason = "a mistake, nothing special, or how it was given")]
    pub(super) fn paid_in_cash(&mut self, amount: Money, charges: Charges) -> Option<Option<Box<Paid>>> {
        let rates = self.checked_rates()?;
        let paid = Paid { amount: Some(amount), ..self.paid(&rates, charges) };
        Some((rates.base.is_some() || charges.fee_paid.is_some()).then(|| Box::new(paid)))
    }

    fn paid(&self, rates: &CheckedRates, Charges { fee, tax, fee_paid }: Charges) -> Paid {
        let &CheckedRates { fx_rate, rate, base } = rates;
        Paid { currency: self.currency, unit_price: None, amount: None, fee, tax, fx_rate, rate, fee_paid, base }
    }

    fn checked_rates(&mut self) -> Option<CheckedRates> {
        let fx_rate = self.given_rate("fx_rate", self.fields.fx_rate, self.instrument);
        let base_rate = self.given_rate("base_rate", self.fields.base_rate, self.rates.base);
        let (fx_rate, base_rate) = fx_rate.zip(base_rate)?;
        let rate = match fx_rate {
            _ if self.currency == self.instrument => None,
            Some(given) => Some(self.exact_rate("fx_rate", given)?),
            None => {
                let (from, into) = (self.currency, self.instrument);
                let unknown = ActivityMistake::RateUnknown { field: "currency", from, into };
                Some(self.note(self.rates.instrument.ok_or(unknown))?)
            }
        };
        Some(CheckedRates { fx_rate, rate, base: base_rate.map(|rate| (rate, self.rates.base)) })
    }

    /// A rate of the currency of the amounts into another one, if it is given. That of a currency to itself is 1, and
    /// says nothing.
    #[expect(clippy::option_option, reason = "a mistake, not given, or given")]
    fn given_rate(&mut self, field: &'static str, rate: Option<Decimal>, into: Currency) -> Option<Option<Price>> {
        let Some(rate) = rate else { return Some(None) };
        if rate <= Decimal::ZERO {
            return self.note(Err(ActivityMistake::NotPositive { field }));
        }
        let rate = self.note(Price::new(rate).map_err(|error| ActivityMistake::Decimal { field, error }))?;
        if self.currency != into {
            return Some(Some(rate));
        }
        let currency = into;
        let is_one = rate.amount() == Decimal::ONE;
        self.note(if is_one { Ok(None) } else { Err(ActivityMistake::RateOfItself { field, currency }) })
    }

    fn exact_rate(&mut self, field: &'static str, rate: Price) -> Option<ExchangeRate> {
        let error = domain::DecimalError::TooLarge;
        self.note(rate_of(rate).map_err(|_| ActivityMistake::Decimal { field, error }))
    }

    fn converted(&mut self, field: &'static str, amount: Money, rate: ExchangeRate, into: Currency) -> Option<Money> {
        let error = MoneyError::TooLarge;
        self.note(exchanged(amount, rate, into).map_err(|_| ActivityMistake::Money { field, error }))
    }

    fn converted_price(&mut self, price: Price, rate: ExchangeRate) -> Option<Price> {
        let field = "unit_price";
        let exact = exchanged_price(price, rate).ok_or(domain::DecimalError::TooLarge);
        self.note(exact.and_then(Price::new).map_err(|error| ActivityMistake::Decimal { field, error }))
    }
}
