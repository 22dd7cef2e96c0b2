//! The check of an activity's fields, by type.

mod cash;
mod currencies;

use domain::decimal::DECIMALS;
use domain::{Currency, Day, DecimalError, ExchangeRate, Money, MoneyError, Price, Quantity, Symbol};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::cash::CashType;
use super::event::{
    ActivityEvent, AdjustmentDetails, BuyDetails, SellDetails, TransferInDetails, TransferOutDetails, Units,
};
use super::fields::{ActivityFields, ActivityMistake};
use super::kind::ActivityType;
use super::paid::{DayRates, Paid};
use crate::exact;
use crate::lot_method::MAX_LOTS_PER_SALE;
use crate::lots::LotPick;

/// The largest difference between an amount and quantity × price, as a fraction of the amount …
const MISMATCH_FRACTION: Decimal = Decimal::from_parts(5, 0, 0, false, 3);
/// … and in money: a larger difference in both is a mistake.
const MISMATCH_AMOUNT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Fields being checked, with the mistakes found.
struct Check<'a> {
    fields: &'a ActivityFields,
    date: Day,
    /// The currency of the amounts.
    currency: Currency,
    /// The currency of the instrument.
    instrument: Currency,
    rates: &'a DayRates,
    mistakes: Vec<ActivityMistake>,
}

/// A fee and a tax in the currency of the amounts.
#[derive(Clone, Copy)]
struct Charges {
    fee: Money,
    tax: Money,
    /// The fee as it was paid in another currency, and the rate.
    fee_paid: Option<(Money, ExchangeRate)>,
}

/// The amounts of a trade in the currency of the instrument, and as they were given.
struct Counted {
    unit_price: Price,
    amount: Money,
    fee: Money,
    tax: Money,
    paid: Option<Box<Paid>>,
}

impl ActivityFields {
    /// The same as [`Self::event_at`] if all amounts are in one currency: that of the instrument, or without one that of
    /// cash.
    pub fn event(
        &self,
        date: Day,
        currency: Currency,
        note: Option<&str>,
    ) -> Result<ActivityEvent, Vec<ActivityMistake>> {
        self.event_at(date, &DayRates::none(currency), note)
    }

    /// What happened on `date`; or every mistake. A fee or a tax of zero is taken by every type.
    ///
    /// If a trade has no amount, it is quantity × price, rounded half-even to the currency's unit; if it has no price, that
    /// is amount ÷ quantity, rounded half-even to twelve decimals. Amounts in another currency than the instrument's are
    /// converted by `fx_rate`, or else by the rate of the day, each rounded half-even to its unit.
    pub fn event_at(
        &self,
        date: Day,
        rates: &DayRates,
        note: Option<&str>,
    ) -> Result<ActivityEvent, Vec<ActivityMistake>> {
        let is_of_cash = self.is_of_cash();
        let currency = self.currency.unwrap_or(rates.currency);
        // Cash of any currency can belong to an instrument, and counts in its own.
        let instrument = if is_of_cash { currency } else { rates.currency };
        let mut check = Check { fields: self, date, currency, instrument, rates, mistakes: Vec::new() };
        check.refuse_what_is_not_taken();
        let event = match self.kind {
            ActivityType::Buy => check.buy(),
            ActivityType::Sell => check.sell(),
            ActivityType::TransferIn if is_of_cash => check.cash(CashType::TransferIn),
            ActivityType::TransferIn => check.transfer_in(),
            ActivityType::TransferOut if is_of_cash => check.cash(CashType::TransferOut),
            ActivityType::TransferOut => check.transfer_out(),
            ActivityType::Adjustment if is_of_cash => check.cash_adjustment(note),
            ActivityType::Adjustment => check.adjustment(note),
            ActivityType::Split => check.split(),
            ActivityType::Deposit => check.cash(CashType::Deposit),
            ActivityType::Withdrawal => check.cash(CashType::Withdrawal),
            ActivityType::Exchange => check.exchange(),
            ActivityType::Dividend => check.dividend(),
            ActivityType::Interest => check.cash(CashType::Interest),
            ActivityType::Fee => check.cash(CashType::Fee),
            ActivityType::Tax => check.cash(CashType::Tax),
        };
        match event {
            Some(event) if check.mistakes.is_empty() => Ok(event),
            _ => Err(check.mistakes),
        }
    }
}

impl Check<'_> {
    fn refuse_what_is_not_taken(&mut self) {
        let (kind, taken) = (self.fields.kind, self.fields.taken());
        let refused = self.fields.given().filter(|field| !taken.contains(field));
        self.mistakes.extend(refused.map(|field| ActivityMistake::NotTaken { field, kind }));
        if let Some(symbol) = &self.fields.symbol
            && self.currency != self.instrument
            && !self.fields.takes_another_currency()
        {
            self.mistakes.push(ActivityMistake::OtherCurrency { expected: self.instrument, symbol: symbol.clone() });
        }
    }

    fn note<T>(&mut self, result: Result<T, ActivityMistake>) -> Option<T> {
        result.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn needed<T>(&mut self, field: &'static str, value: Option<T>) -> Option<T> {
        let kind = self.fields.kind;
        self.note(value.ok_or(ActivityMistake::Missing { field, kind }))
    }

    fn symbol(&mut self) -> Option<Symbol> {
        self.needed("symbol", self.fields.symbol.clone())
    }

    fn units_of(&mut self, quantity: Option<Decimal>) -> Option<Units> {
        let symbol = self.symbol();
        let quantity = self.needed("quantity", quantity).and_then(|quantity| self.quantity(quantity));
        Some(Units { symbol: symbol?, quantity: quantity? })
    }

    fn units(&mut self) -> Option<Units> {
        self.units_of(self.fields.quantity)
    }

    fn quantity(&mut self, quantity: Decimal) -> Option<Quantity> {
        let field = "quantity";
        if quantity <= Decimal::ZERO {
            return self.note(Err(ActivityMistake::NotPositive { field }));
        }
        self.note(Quantity::new(quantity).map_err(|error| ActivityMistake::Decimal { field, error }))
    }

    fn price(&mut self, price: Decimal) -> Option<Price> {
        let field = "unit_price";
        if price <= Decimal::ZERO {
            return self.note(Err(ActivityMistake::NotPositive { field }));
        }
        self.note(Price::new(price).map_err(|error| ActivityMistake::Decimal { field, error }))
    }

    /// An amount of zero or more.
    fn charge(&mut self, field: &'static str, amount: Decimal) -> Option<Money> {
        if amount < Decimal::ZERO {
            return self.note(Err(ActivityMistake::Negative { field }));
        }
        self.money(field, amount)
    }

    /// The fee and the tax.
    fn charges(&mut self) -> Option<Charges> {
        let (fee, tax) = (self.fee(), self.charge("tax", self.fields.tax));
        let ((fee, fee_paid), tax) = fee.zip(tax)?;
        Some(Charges { fee, tax, fee_paid })
    }

    fn money(&mut self, field: &'static str, amount: Decimal) -> Option<Money> {
        self.note(Money::new(amount, self.currency).map_err(|error| ActivityMistake::Money { field, error }))
    }

    /// The price of a unit and the money of a trade.
    fn terms(&mut self, quantity: Option<Quantity>) -> Option<(Price, Money)> {
        let price = self.fields.unit_price.map(|price| self.price(price));
        let amount = self.fields.amount.map(|amount| self.charge("amount", amount));
        if price.is_none() && amount.is_none() {
            self.needed::<()>("unit_price", None);
        }
        let quantity = quantity?;
        match (price, amount) {
            (Some(price), Some(amount)) => {
                let (price, amount) = price.zip(amount)?;
                let product = self.product(quantity, price)?;
                self.compare(amount, product)?;
                Some((price, amount))
            }
            (Some(price), None) => {
                let price = price?;
                Some((price, self.product(quantity, price)?))
            }
            (None, Some(amount)) => {
                let amount = amount?;
                let price = exact::cost_per_unit(amount, quantity, DECIMALS).ok().flatten();
                Some((self.price(price.unwrap_or_default())?, amount))
            }
            (None, None) => None,
        }
    }

    fn product(&mut self, quantity: Quantity, price: Price) -> Option<Money> {
        let field = "quantity";
        let product = exact::value(quantity, price, self.currency);
        let product = self.note(product.map_err(|_| ActivityMistake::Money { field, error: MoneyError::TooLarge }))?;
        Some(product)
    }

    fn compare(&mut self, amount: Money, product: Money) -> Option<()> {
        let (amount, product) = (amount.amount(), product.amount());
        let off = amount.checked_sub(product).map(|off| off.abs());
        let allowed = amount.checked_mul(MISMATCH_FRACTION).map(|fraction| fraction.max(MISMATCH_AMOUNT));
        let is_near = off.zip(allowed).is_some_and(|(off, allowed)| off <= allowed);
        self.note(if is_near { Ok(()) } else { Err(ActivityMistake::AmountMismatch { amount, product }) })
    }

    fn buy(&mut self) -> Option<ActivityEvent> {
        let (units, charges) = (self.units(), self.charges());
        let terms = self.terms(units.as_ref().map(|units| units.quantity));
        let (terms, charges) = terms.zip(charges)?;
        let Counted { unit_price, amount, fee, tax, paid } = self.counted(terms, charges)?;
        let bought = ActivityEvent::Buy(BuyDetails { units: units?, unit_price, amount, fee, tax, paid });
        let cost = bought.cost().map_err(|_| ActivityMistake::Money { field: "amount", error: MoneyError::TooLarge });
        self.note(cost)?;
        Some(bought)
    }

    fn sell(&mut self) -> Option<ActivityEvent> {
        let (units, charges) = (self.units(), self.charges());
        let lots = self.lots(units.as_ref());
        let terms = self.terms(units.as_ref().map(|units| units.quantity));
        let (terms, charges) = terms.zip(charges)?;
        let Counted { unit_price, amount, fee, tax, paid } = self.counted(terms, charges)?;
        Some(ActivityEvent::Sell(SellDetails { units: units?, unit_price, amount, fee, tax, lots: lots?, paid }))
    }

    /// The named lots, each once, that give all of the units.
    fn lots(&mut self, units: Option<&Units>) -> Option<Vec<LotPick>> {
        let lots = &self.fields.lots;
        if lots.len() > MAX_LOTS_PER_SALE {
            return self.note(Err(ActivityMistake::TooManyLots));
        }
        let mut ids: Vec<Uuid> = lots.iter().map(|pick| pick.lot_id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return self.note(Err(ActivityMistake::LotNamedTwice));
        }
        if lots.iter().any(|pick| pick.quantity.is_zero()) {
            return self.note(Err(ActivityMistake::NotPositive { field: "lots" }));
        }
        let named = exact::sum(&lots.iter().map(|pick| pick.quantity).collect::<Vec<_>>());
        let named =
            self.note(named.map_err(|_| ActivityMistake::Decimal { field: "lots", error: DecimalError::TooLarge }))?;
        match units {
            Some(units) if !lots.is_empty() && named != units.quantity => {
                self.note(Err(ActivityMistake::LotsDoNotAddUp { named, quantity: units.quantity }))
            }
            _ => Some(lots.clone()),
        }
    }

    /// What a unit that came in had cost, if it is given and no mistake, and how it was given.
    fn cost_of_unit(&mut self, units: Option<&Units>) -> (Option<Price>, Option<Box<Paid>>) {
        let price = self.fields.unit_price.and_then(|price| self.price(price));
        let counted = price.and_then(|price| {
            if let Some(units) = units {
                self.product(units.quantity, price)?;
            }
            self.counted_price(price)
        });
        counted.map_or((None, None), |(price, paid)| (Some(price), paid))
    }

    fn transfer_in(&mut self) -> Option<ActivityEvent> {
        let units = self.units();
        if self.fields.cost_unknown == self.fields.unit_price.is_some() {
            self.mistakes.push(ActivityMistake::CostOrUnknown);
        }
        let (unit_price, paid) = self.cost_of_unit(units.as_ref());
        let (acquired_on, currency) = (self.fields.acquired_on, self.instrument);
        if acquired_on.is_some_and(|day| day > self.date) {
            self.mistakes.push(ActivityMistake::AcquiredLater);
        }
        Some(ActivityEvent::TransferIn(TransferInDetails { units: units?, unit_price, currency, acquired_on, paid }))
    }

    fn transfer_out(&mut self) -> Option<ActivityEvent> {
        let units = self.units();
        let lots = self.lots(units.as_ref());
        Some(ActivityEvent::TransferOut(TransferOutDetails { units: units?, currency: self.instrument, lots: lots? }))
    }

    /// The note that an adjustment needs.
    fn reason(&mut self, note: Option<&str>) {
        if note.is_none_or(|note| note.trim().is_empty()) {
            self.mistakes.push(ActivityMistake::NoteNeeded);
        }
    }

    fn adjustment(&mut self, note: Option<&str>) -> Option<ActivityEvent> {
        let is_removal = self.fields.quantity.is_some_and(|quantity| quantity.is_sign_negative());
        let units = self.units_of(self.fields.quantity.map(|quantity| quantity.abs()));
        self.reason(note);
        if is_removal && self.fields.unit_price.is_some() {
            self.mistakes.push(ActivityMistake::NotTaken { field: "unit_price", kind: self.fields.kind });
        }
        let ((unit_price, paid), currency) = (self.cost_of_unit(units.as_ref()), self.instrument);
        Some(ActivityEvent::Adjustment(AdjustmentDetails { units: units?, is_removal, unit_price, currency, paid }))
    }

    fn split(&mut self) -> Option<ActivityEvent> {
        let (symbol, ratio) = (self.symbol(), self.needed("ratio", self.fields.ratio));
        Some(ActivityEvent::Split { symbol: symbol?, ratio: ratio?, currency: self.instrument })
    }
}
