//! Value and money put in by day, over all portfolios and the cash.

use std::collections::BTreeSet;

use domain::{Currency, Day};
use market_data::exchange_rates::ExchangeRates;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use valuation::{Amount, DayValue};

use super::cash::CashByDay;
use super::exchange::exchanged;

/// The value of everything at the end of a day, and the money that was put in until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PutInDay {
    /// The day whose end it is.
    pub date: Day,
    /// The value of all portfolios at their closes, and the cash, at the exchange rates of the day.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// The cash, and the flows of all portfolios up to the day, each at the rate of its own day: purchases and lots held
    /// elsewhere less sales and dividends. What is left of `value` is what the market and dividends have added.
    #[schema(value_type = domain::schema::DecimalString)]
    pub put_in: Decimal,
}

/// The daily values of a portfolio in the currency of the overview.
pub(super) struct PortfolioHistory {
    base: Currency,
    /// Days that have a value: the value in the base currency, and what was put in, in that of the overview.
    days: Vec<(Day, Decimal, Amount)>,
}

impl PortfolioHistory {
    /// None if a flow cannot be converted.
    pub(super) fn new(base: Currency, days: &[DayValue], rates: &ExchangeRates) -> Option<Self> {
        let mut put_in = Amount::ZERO;
        let mut all = Vec::with_capacity(days.len());
        for day in days {
            let net = day.inflow - day.outflow + day.taxes;
            if !net.is_zero() {
                put_in = put_in + net.exchanged(rates.of_flow(base, day.date)?)?;
            }
            if !day.without_rate {
                all.push((day.date, day.shown.rounded(base), put_in));
            }
        }
        Some(Self { base, days: all })
    }

    /// Value and money put in at the end of a day; none if a rate is missing.
    fn on(&self, day: Day, rates: &ExchangeRates) -> Option<(Decimal, Decimal)> {
        let at = self.days.partition_point(|(date, ..)| *date <= day);
        let Some((_, value, put_in)) = at.checked_sub(1).map(|at| self.days[at]) else {
            return Some((Decimal::ZERO, Decimal::ZERO));
        };
        let value = if value.is_zero() { value } else { exchanged(value, rates.on(self.base, day)?, rates.base())? };
        Some((value, put_in.rounded(rates.base())))
    }
}

/// A row for every day from `since` to `today` on which a portfolio has a value or cash moved, and for `today`. A day
/// without an exchange rate has none; the second value says whether there is such a day.
pub(super) fn by_day(
    portfolios: &[PortfolioHistory],
    cash: &CashByDay,
    rates: &ExchangeRates,
    (since, today): (Day, Day),
) -> (Vec<PutInDay>, bool) {
    let valued = portfolios.iter().flat_map(|portfolio| portfolio.days.iter().map(|(day, ..)| *day));
    let days: BTreeSet<Day> =
        valued.chain(cash.days()).chain([today]).filter(|day| (since..=today).contains(day)).collect();
    let row = |&date: &Day| {
        let cash = cash.on(date, rates)?;
        let mut sums = portfolios.iter().map(|portfolio| portfolio.on(date, rates));
        let (value, put_in) = sums.try_fold((cash, cash), |(value, put_in), of_portfolio| {
            let (more, more_put_in) = of_portfolio?;
            Some((value + more, put_in + more_put_in))
        })?;
        Some(PutInDay { date, value, put_in })
    };
    let rows: Vec<PutInDay> = days.iter().filter_map(row).collect();
    let lacks_rates = rows.len() < days.len();
    (rows, lacks_rates)
}
