//! How each figure is formatted. The PDF and the charts print figures only through this module.
//!
//! A figure of [`Metrics`] has its JSON name; [`METRICS`] lists them in reading order with label and unit. A test takes
//! `figure.text(metrics, currency)` and looks for it in the PDF. Numbers are rounded half away from zero on the value's
//! exact binary expansion, grouped by thousands with a comma, and negative ones have a true minus sign.

use domain::Currency;
use quant::metrics::Metrics;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Shown in place of a figure that cannot be computed; its reason is in a footnote.
pub const NOT_AVAILABLE: &str = "n/a";

/// The sign of negative figures.
pub const MINUS: char = '−';

/// From here on a number is written with an exponent, so that it fits into its column.
const LARGEST_WRITTEN_OUT: f64 = 1e12;

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A fraction, written as a percentage: `66.39 %`.
    Percent,
    /// A plain ratio: `1.23`.
    Ratio,
    /// An amount in the report's currency: `$16,639.42`.
    Money,
    /// Whole calendar days: `1,234 days`.
    Days,
    /// A count: `12`.
    Count,
}

/// One figure of a backtest.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Name in the JSON.
    pub name: &'static str,
    /// Label in the PDF.
    pub label: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The value; none if it cannot be computed.
    pub value: fn(&Metrics) -> Option<f64>,
}

const fn figure(name: &'static str, label: &'static str, unit: Unit, value: fn(&Metrics) -> Option<f64>) -> Figure {
    Figure { name, label, unit, value }
}

/// Every figure of [`Metrics`], in reading order: return, risk, ratios, then trades.
pub const METRICS: [Figure; 24] = [
    figure("final_equity", "Final equity", Unit::Money, |m| Some(m.final_equity)),
    figure("total_return", "Total return", Unit::Percent, |m| Some(m.total_return)),
    figure("cagr", "Annual growth (CAGR)", Unit::Percent, |m| m.cagr),
    figure("volatility", "Volatility, annual", Unit::Percent, |m| m.volatility),
    figure("max_drawdown", "Maximum drawdown", Unit::Percent, |m| Some(m.max_drawdown)),
    figure("max_drawdown_days", "Drawdown length", Unit::Days, |m| Some(f64::from(m.max_drawdown_days))),
    figure("ulcer_index", "Ulcer index", Unit::Percent, |m| m.ulcer_index),
    figure("var_95", "VaR, 95 %", Unit::Percent, |m| m.var_95),
    figure("cvar_95", "CVaR, 95 %", Unit::Percent, |m| m.cvar_95),
    figure("sharpe", "Sharpe ratio", Unit::Ratio, |m| m.sharpe),
    figure("sortino", "Sortino ratio", Unit::Ratio, |m| m.sortino),
    figure("calmar", "Calmar ratio", Unit::Ratio, |m| m.calmar),
    figure("probabilistic_sharpe", "Probability of Sharpe > 0", Unit::Percent, |m| m.probabilistic_sharpe),
    figure("exposure", "Time in the market", Unit::Percent, |m| m.exposure),
    figure("trades", "Closed trades", Unit::Count, |m| Some(m.trades as f64)),
    figure("win_rate", "Trades won", Unit::Percent, |m| m.win_rate),
    figure("profit_factor", "Profit factor", Unit::Ratio, |m| m.profit_factor),
    figure("expectancy", "Mean return per trade", Unit::Percent, |m| m.expectancy),
    figure("best_trade", "Best trade", Unit::Percent, |m| m.best_trade),
    figure("worst_trade", "Worst trade", Unit::Percent, |m| m.worst_trade),
    figure("average_days_held", "Mean holding time", Unit::Days, |m| m.average_days_held),
    figure("fees", "Fees paid", Unit::Money, |m| Some(m.fees)),
    figure("sqn", "System quality (SQN)", Unit::Ratio, |m| m.sqn),
    figure("kelly", "Kelly fraction", Unit::Percent, |m| m.kelly),
];

impl Figure {
    /// The figure as printed, [`NOT_AVAILABLE`] if it has no value.
    #[must_use]
    pub fn text(&self, metrics: &Metrics, currency: Currency) -> String {
        match (self.value)(metrics).filter(|value| value.is_finite()) {
            None => NOT_AVAILABLE.to_owned(),
            Some(value) => match self.unit {
                Unit::Percent => percent(value),
                Unit::Ratio => ratio(value),
                Unit::Money => money(value, currency),
                Unit::Days => days(value),
                Unit::Count => number(value, 0),
            },
        }
    }
}

/// The figure with that JSON name.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Figure> {
    METRICS.iter().find(|figure| figure.name == name)
}

/// A number with this many decimals: `1,234.50`, `−0.12`.
#[must_use]
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NOT_AVAILABLE.to_owned();
    }
    if value.abs() >= LARGEST_WRITTEN_OUT {
        return format!("{value:.3e}").replace('-', &MINUS.to_string());
    }
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::with_capacity(digits.len() + whole.len() / 3 + 4);
    // A negative number that rounds to zero is written as zero.
    if value < 0.0 && digits.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        text.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A fraction as a percentage: `66.39 %`.
#[must_use]
pub fn percent(fraction: f64) -> String {
    let text = number(fraction * 100.0, 2);
    if text == NOT_AVAILABLE { text } else { text + " %" }
}

/// A fraction as a percentage for a table whose heading has the sign: `66.39`.
#[must_use]
pub fn percent_points(fraction: f64) -> String {
    number(fraction * 100.0, 2)
}

/// A ratio: `1.23`.
#[must_use]
pub fn ratio(value: f64) -> String {
    number(value, 2)
}

/// A number of calendar days: `1 day`, `1,234 days`; a mean is rounded.
#[must_use]
pub fn days(value: f64) -> String {
    let text = number(value, 0);
    let unit = if text == "1" { " day" } else { " days" };
    text + unit
}

/// An amount in a currency with its own decimals: `$16,639.42`, `−$12.00`, `CHF 5.00`.
#[must_use]
pub fn money(amount: f64, currency: Currency) -> String {
    with_symbol(&number(amount, currency.decimals() as usize), currency)
}

/// An exact amount, such as the initial investment.
#[must_use]
pub fn exact_money(amount: Decimal, currency: Currency) -> String {
    // Amounts are at most 10^12 with two decimals, which a double represents to the cent.
    money(amount.to_f64().unwrap_or(f64::NAN), currency)
}

/// A price per unit: two decimals from 1 up, four significant digits below.
#[must_use]
pub fn price(value: f64) -> String {
    number(value, significant_decimals(value))
}

/// A price with its currency: `$560.99`.
#[must_use]
pub fn price_in(value: f64, currency: Currency) -> String {
    with_symbol(&price(value), currency)
}

/// A number of units: whole, or with as many decimals as needed, at most eight, and none from ten million up.
#[must_use]
pub fn quantity(value: f64) -> String {
    if value.fract() == 0.0 {
        return number(value, 0);
    }
    let decimals = match value.abs() {
        small if small < 1.0 => significant_decimals(value).clamp(4, 8),
        units if units < 1e5 => 4,
        thousands if thousands < 1e7 => 2,
        _ => return number(value, 0),
    };
    let text = number(value, decimals);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn significant_decimals(value: f64) -> usize {
    let magnitude = value.abs();
    if magnitude >= 1.0 || magnitude == 0.0 || !magnitude.is_finite() {
        return 2;
    }
    (3 - magnitude.log10().floor() as i32).clamp(2, 12) as usize
}

/// The sign of a currency, or its code and a space.
pub(crate) fn symbol(currency: Currency) -> String {
    match currency.code() {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        code => format!("{code} "),
    }
}

fn with_symbol(number: &str, currency: Currency) -> String {
    match number.strip_prefix(MINUS) {
        _ if number == NOT_AVAILABLE => number.to_owned(),
        Some(magnitude) => format!("{MINUS}{}{magnitude}", symbol(currency)),
        None => format!("{}{number}", symbol(currency)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_signed_and_rounded_as_printed() {
        assert_eq!(percent(0.663_941_873), "66.39 %");
        assert_eq!(percent(-0.424_699_512), "−42.47 %");
        assert_eq!(percent(-0.000_01), "0.00 %");
        assert_eq!(percent(123.4), "12,340.00 %");
        assert_eq!(ratio(1.234), "1.23");
        assert_eq!(number(-1_234_567.5, 0), "−1,234,568");
        assert_eq!(days(1.2), "1 day");
        assert_eq!(days(1234.0), "1,234 days");
    }

    #[test]
    fn money_carries_its_currency_and_decimals() {
        assert_eq!(money(16_639.418_73, Currency::USD), "$16,639.42");
        assert_eq!(money(-12.0, Currency::USD), "−$12.00");
        assert_eq!(money(1234.5, "JPY".parse().unwrap()), "¥1,234");
        assert_eq!(money(5.0, "CHF".parse().unwrap()), "CHF 5.00");
        assert_eq!(exact_money(Decimal::new(1_000_050, 2), Currency::USD), "$10,000.50");
    }

    #[test]
    fn small_prices_keep_four_significant_digits() {
        assert_eq!(price(560.99), "560.99");
        assert_eq!(price(1.0), "1.00");
        assert_eq!(price(0.123_456), "0.1235");
        assert_eq!(price(0.000_001_234_5), "0.000001234");
        assert_eq!(price(1_234_567_890.5), "1,234,567,890.50");
        assert_eq!(price(0.0), "0.00");
    }

    #[test]
    fn quantities_have_only_the_decimals_they_need() {
        assert_eq!(quantity(358.0), "358");
        assert_eq!(quantity(12.345_678), "12.3457");
        assert_eq!(quantity(0.000_012_34), "0.00001234");
        assert_eq!(quantity(1_000_000.5), "1,000,000.5");
        assert_eq!(quantity(8_545_258_292.970_5), "8,545,258,293");
    }

    #[test]
    fn a_number_too_long_for_a_column_has_an_exponent() {
        assert_eq!(number(-1.5e13, 2), "−1.500e13");
        assert_eq!(money(1.5e13, Currency::USD), "$1.500e13");
        assert_eq!(number(999_999_999_999.0, 0), "999,999,999,999");
    }

    #[test]
    fn values_that_are_not_finite_are_not_available() {
        for value in [f64::NAN, f64::INFINITY] {
            assert_eq!(percent(value), NOT_AVAILABLE);
            assert_eq!(money(value, Currency::USD), NOT_AVAILABLE);
            assert_eq!(price(value), NOT_AVAILABLE);
        }
    }
}
