//! Income, charges and taxes: what they do to returns and to the attribution.

use domain::Day;
use quant::portfolio::FlowTiming;
use rust_decimal::Decimal;
use valuation::FlowKind::{Bought, Sold};
use valuation::{Flow, Income, IncomeKind, Performance, PerformanceRequest, performance, value_series};

use crate::support::{Records, bars, day, dec, spanned, traded};

fn performed(records: &Records, from: &str, to: &str, flow_timing: FlowTiming) -> Performance {
    let series = value_series(&records.book(), day(to)).unwrap();
    performance(&PerformanceRequest { flow_timing, ..spanned(&series, day(from), day(to)) })
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

fn paid(date: Day, kind: IncomeKind, amount: &str, fee: &str, tax: &str) -> Income {
    Income { day: date, kind, amount: dec(amount), fee: dec(fee), tax: dec(tax) }
}

/// Ten units bought at 100.00, whose price stays.
fn ten(incomes: Vec<Income>) -> Records {
    let days = ["2013-01-02", "2013-01-03", "2013-01-04", "2014-01-02"];
    let prices = bars(&days.map(|date| (date, 100.0, 1.0, 0.0)));
    let mut records = Records::of(prices, vec![traded(day("2013-01-02"), Bought, "10", "100", "0")]);
    records.instruments[0].incomes = incomes;
    records
}

fn components(found: &Performance) -> String {
    let parts = found.attribution;
    let listed = [
        parts.price_gain,
        parts.income,
        parts.dividends,
        parts.interest,
        parts.fees,
        parts.taxes,
        parts.flows,
        parts.end_value,
    ];
    listed.map(|part| part.to_string()).join(" ")
}

#[test]
fn the_tax_of_a_dividend_is_a_withdrawal_before_tax_and_a_cost_after() {
    let records = ten(vec![paid(day("2013-01-03"), IncomeKind::Dividend, "10", "0", "2.5")]);
    for timing in [FlowTiming::Priced, FlowTiming::StartOfDay, FlowTiming::EndOfDay] {
        let found = performed(&records, "2013-01-02", "2013-01-03", timing);
        near(found.metrics.twr, 0.010);
        near(found.metrics.twr_after_tax, 0.007_5);
        assert_eq!(components(&found), "0.00 10.00 10.00 0.00 0.00 2.50 992.50 1000.00");
    }
    let year = performed(&records, "2013-01-02", "2014-01-02", FlowTiming::Priced).metrics;
    assert!(year.xirr.unwrap() > year.xirr_after_tax.unwrap());
}

#[test]
fn income_that_is_taken_back_is_a_loss() {
    for kind in [IncomeKind::Interest, IncomeKind::Dividend] {
        let records = ten(vec![paid(day("2013-01-03"), kind, "-5", "0", "0")]);
        near(performed(&records, "2013-01-02", "2013-01-04", FlowTiming::Priced).metrics.twr, -0.005);
    }
    let mut both = ten(vec![paid(day("2013-01-03"), IncomeKind::Fee, "5", "0", "0")]);
    let mut other = ten(vec![paid(day("2013-01-03"), IncomeKind::Fee, "-5", "0", "0")]).instruments.remove(0);
    other.symbol = "OTHER".parse().unwrap();
    both.instruments.push(other);
    near(performed(&both, "2013-01-02", "2013-01-04", FlowTiming::Priced).metrics.twr, 0.0);
}

#[test]
fn without_a_tax_there_is_no_return_after_tax() {
    let records = ten(vec![paid(day("2013-01-03"), IncomeKind::Dividend, "10", "0", "0")]);
    let found = performed(&records, "2013-01-02", "2013-01-04", FlowTiming::Priced);
    assert_eq!((found.metrics.twr_after_tax, found.metrics.xirr_after_tax), (None, None));
    let json = serde_json::to_value(&found).unwrap();
    assert!(json["metrics"].get("twr_after_tax").is_none() && found.unavailable.keys().all(|key| !key.contains("tax")));
}

#[test]
fn taxes_of_purchases_and_sales_are_like_fees_after_tax() {
    let prices = bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 110.0, 1.0, 0.0)]);
    let taxed = |flow: Flow, tax: &str| Flow { tax: dec(tax), ..flow };
    let flows = vec![
        taxed(traded(day("2013-01-02"), Bought, "10", "100", "1"), "4"),
        taxed(traded(day("2013-01-03"), Sold, "10", "110", "2"), "20"),
    ];
    let found = performed(&Records::of(prices, flows), "2013-01-02", "2013-01-03", FlowTiming::Priced);
    near(found.metrics.twr, 1000.0 / 1001.0 * (1098.0 / 1000.0) - 1.0);
    near(found.metrics.twr_after_tax, 1000.0 / 1005.0 * (1078.0 / 1000.0) - 1.0);
    let row = &found.series[1];
    assert_eq!((row.outflow.to_string(), found.series[0].inflow.to_string()), ("1098.00".into(), "1001.00".into()));
    // 1,005.00 went in, and 1,078.00 came out.
    assert_eq!(components(&found), "100.00 0.00 0.00 0.00 3.00 24.00 -73.00 0.00");
    let gain = Decimal::from(97);
    near(found.metrics.simple_return, f64::try_from(gain).unwrap() / 1001.0);
}

#[test]
fn a_charge_of_an_instrument_is_a_cost_of_its_day_and_interest_an_income() {
    let records = ten(vec![
        paid(day("2013-01-03"), IncomeKind::Fee, "5", "0", "0"),
        paid(day("2013-01-04"), IncomeKind::Interest, "8", "1", "2"),
    ]);
    let found = performed(&records, "2013-01-02", "2013-01-04", FlowTiming::Priced);
    near(found.metrics.twr, 0.995 * 1.007 - 1.0);
    near(found.metrics.twr_after_tax, 0.995 * 1.005 - 1.0);
    // 5.00 was paid in for the charge; 8.00 − 1.00 − 2.00 was paid out.
    assert_eq!(components(&found), "0.00 8.00 0.00 8.00 6.00 2.00 1000.00 1000.00");
    let flows: Vec<_> = found.series.iter().map(|row| format!("{} {}", row.inflow, row.outflow)).collect();
    assert_eq!(flows, ["1000.00 0.00", "5.00 0.00", "0.00 7.00"]);
}

#[test]
fn what_is_taken_back_leaves_the_return_as_it_was() {
    let taken_back = ten(vec![
        paid(day("2013-01-03"), IncomeKind::Dividend, "10", "0", "0"),
        paid(day("2013-01-03"), IncomeKind::Dividend, "-10", "0", "0"),
    ]);
    let found = performed(&taken_back, "2013-01-02", "2013-01-04", FlowTiming::Priced);
    near(found.metrics.twr, 0.0);
    assert_eq!(components(&found), "0.00 0.00 0.00 0.00 0.00 0.00 1000.00 1000.00");
}
