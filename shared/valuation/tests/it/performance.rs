//! Performance and holdings of small portfolios worked out by hand.

use domain::{Bars, Currency, Day, ExchangeRate, InstrumentType, Price, Quantity, SplitRatio, Symbol};
use valuation::FlowKind::{Bought, Sold};
use valuation::{
    Benchmark, HeldPosition, Performance, PerformanceRequest, Quoted, RateQuote, RecentPurchase, Unvalued, holdings,
    performance, value_series,
};

use crate::support::{Records, bar, bars, day, dec, eur, flow, spanned};

fn performed(records: &Records, from: &str, to: &str, benchmark: Option<&Bars>) -> Performance {
    let series = value_series(&records.book(), day(to)).unwrap();
    let benchmark = benchmark.map(|bars| Benchmark { bars, only_adjusted: false, rates: None });
    performance(&PerformanceRequest { benchmark, ..spanned(&series, day(from), day(to)) })
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

/// 10 units bought for 100 and a fee of 1, 4 sold at 110, a dividend of 0.50 each on the other 6.
fn small() -> Records {
    Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 110.0, 1.0, 0.0), ("2013-01-04", 108.0, 1.0, 0.5)]),
        vec![flow("2013-01-02", Bought, "10", "1001", "1"), flow("2013-01-03", Sold, "4", "439", "1")],
    )
}

#[test]
fn returns_flows_and_attribution_of_three_days() {
    let found = performed(&small(), "2013-01-01", "2013-01-04", None);
    let rows: Vec<[String; 4]> = found
        .series
        .iter()
        .map(|row| [row.date.to_string(), row.value.to_string(), row.inflow.to_string(), row.outflow.to_string()])
        .collect();
    assert_eq!(
        rows,
        [
            ["2013-01-02", "1000.00", "1001.00", "0.00"],
            ["2013-01-03", "660.00", "0.00", "439.00"],
            ["2013-01-04", "648.00", "0.00", "3.00"],
        ]
    );
    let expected = 1000.0 / 1001.0 * (1099.0 / 1000.0) * (651.0 / 660.0) - 1.0;
    near(found.metrics.twr, expected);
    near(found.series[2].twr, expected);
    near(found.series[0].twr, 1000.0 / 1001.0 - 1.0);
    // Two days; 1001 in at the end of the first, 439 out after one, 3 out at the end.
    near(found.metrics.modified_dietz, (648.0 - (1001.0 - 442.0)) / (1001.0 - 439.0 / 2.0));
    near(found.metrics.max_drawdown, 651.0 / 660.0 - 1.0);
    let parts = found.attribution;
    let listed =
        [parts.start_value, parts.price_gain, parts.income, parts.fees, parts.fx, parts.flows, parts.end_value];
    assert_eq!(listed.map(|part| part.to_string()), ["0.00", "88.00", "3.00", "2.00", "0.00", "559.00", "648.00"]);
}

#[test]
fn figures_that_cannot_be_computed_have_a_reason() {
    let found = performed(&small(), "2013-01-02", "2013-01-04", None);
    for (name, reason) in [
        ("twr_annualized", "span_under_one_year"),
        ("volatility", "few_returns"),
        ("sharpe", "few_returns"),
        ("sortino", "few_returns"),
        ("beta", "no_benchmark"),
        ("information_ratio", "no_benchmark"),
    ] {
        assert_eq!(found.unavailable.get(name).map(String::as_str), Some(reason), "{name}");
    }
    assert_eq!(found.metrics.sharpe, None);
    let empty = performed(&small(), "2012-01-01", "2012-12-31", None);
    assert_eq!(empty.metrics.twr, None);
    assert_eq!(empty.unavailable["twr"], "nothing_invested");
    assert_eq!(empty.unavailable["xirr"], "no_root");
    assert_eq!(empty.unavailable["modified_dietz"], "nothing_invested");
    assert_eq!(empty.unavailable["max_drawdown"], "few_returns");
    assert_eq!(empty.attribution.end_value.to_string(), "0.00");
}

#[test]
fn a_span_starts_with_the_value_of_the_previous_day() {
    let found = performed(&small(), "2013-01-03", "2013-01-04", None);
    assert_eq!(found.attribution.start_value.to_string(), "1000.00");
    near(found.metrics.twr, 1099.0 / 1000.0 * (651.0 / 660.0) - 1.0);
}

#[test]
fn the_money_weighted_return_is_that_of_the_same_flows() {
    let records = Records::of(
        bars(&[("2010-01-01", 100.0, 1.0, 0.0), ("2010-12-31", 105.0, 1.0, 0.0)]),
        vec![flow("2010-01-01", Bought, "2", "200", "0")],
    );
    let found = performed(&records, "2010-01-01", "2010-12-31", None);
    let rate = found.metrics.xirr.unwrap();
    assert!((rate - 0.050_140_75).abs() < 5e-9, "{rate}");
}

#[test]
fn a_calendar_year_that_starts_invested_is_a_full_year() {
    let records = Records::of(
        bars(&[("2012-12-31", 100.0, 1.0, 0.0), ("2013-12-31", 110.0, 1.0, 0.0)]),
        vec![flow("2012-12-31", Bought, "1", "100", "0")],
    );
    near(performed(&records, "2013-01-01", "2013-12-31", None).metrics.twr_annualized, 0.1);
}

fn wave(after: i32) -> f64 {
    let date = f64::from(after);
    ((100.0 + 5.0 * (date / 3.0).sin() + date / 10.0) * 100.0).round() / 100.0
}

fn waves(days: i32) -> Bars {
    let first = day("2013-01-01");
    Bars::from_rows((0..days).map(|after| bar(first.plus_days(after), wave(after), 1.0, 0.0))).unwrap()
}

#[test]
fn a_portfolio_that_is_its_benchmark_has_a_beta_of_one() {
    let prices = waves(90);
    let close = |date: Day| wave(date.days_since(day("2013-01-01")));
    let cost = |date: &str, units: f64| format!("{:.8}", close(day(date)) * units);
    let records = Records::of(
        prices.clone(),
        vec![
            flow("2013-01-02", Bought, "10", &cost("2013-01-02", 10.0), "0"),
            flow("2013-02-05", Sold, "4", &cost("2013-02-05", 4.0), "0"),
            flow("2013-03-01", Bought, "7", &cost("2013-03-01", 7.0), "0"),
        ],
    );
    let found = performed(&records, "2013-01-01", "2013-03-31", Some(&prices));
    near(found.metrics.beta, 1.0);
    near(found.metrics.alpha, 0.0);
    assert!(found.metrics.volatility.unwrap() > 0.0);
    assert!(found.metrics.tracking_error.unwrap() < 1e-9);
    let steady = Records::of(prices.clone(), vec![flow("2013-01-02", Bought, "3", "300", "0")]);
    let alone = performed(&steady, "2013-01-01", "2013-03-31", Some(&prices));
    near(alone.metrics.beta, 1.0);
    assert_eq!(alone.unavailable["information_ratio"], "no_deviation");
}

#[test]
fn days_without_the_benchmark_are_left_out() {
    let prices = waves(90);
    let records = Records::of(prices.clone(), vec![flow("2013-01-01", Bought, "3", "300", "0")]);
    let short = waves(15);
    let found = performed(&records, "2013-01-01", "2013-03-31", Some(&short));
    assert_eq!(found.unavailable["beta"], "few_returns");
    assert!(found.metrics.volatility.is_some());
}

#[test]
fn money_is_written_as_text_and_ratios_as_numbers() {
    let json = serde_json::to_value(performed(&small(), "2013-01-02", "2013-01-04", None)).unwrap();
    assert_eq!(json["series"][0]["value"], "1000.00");
    assert!(json["metrics"]["twr"].is_number());
    assert!(json["metrics"]["beta"].is_null());
    assert_eq!(json["attribution"]["fees"], "2.00");
    assert_eq!(json["currency"], "USD");
}

fn held<'a>(symbol: &'a Symbol, quantity: &str, cost: &str, price: &str, before: &str) -> HeldPosition<'a> {
    HeldPosition {
        symbol,
        instrument_type: InstrumentType::Stock,
        currency: Currency::USD,
        sector: None,
        quantity: Quantity::parse(quantity).unwrap(),
        held_before: Quantity::parse(quantity).unwrap(),
        cost: Ok(dec(cost)),
        realized_gain: Some(dec("1.5")),
        quoted: Ok(Quoted {
            price: Price::parse(price).unwrap(),
            day: day("2013-03-01"),
            stale: false,
            of_the_day: true,
            previous_close: Some(Price::parse(before).unwrap()),
            split_ratio: SplitRatio::ONE,
        }),
        rate: Some(ExchangeRate::ONE),
        bought_today: &[],
    }
}

#[test]
fn a_holding_has_its_value_gain_and_share() {
    let (one, two) = ("ONE".parse().unwrap(), "TWO".parse().unwrap());
    let mut second = held(&two, "1", "50", "100", "100");
    second.sector = Some("Energy");
    let found = holdings(Currency::USD, &[held(&one, "20", "1500", "100", "99"), second]);
    assert_eq!((found.value.to_string(), found.cost.to_string()), ("2100.00".to_owned(), "1550.00".to_owned()));
    let first = &found.items[0];
    assert_eq!(first.value.unwrap().to_string(), "2000.00");
    assert_eq!(first.unrealized_gain.unwrap().to_string(), "500.00");
    assert_eq!(first.realized_gain.unwrap().to_string(), "1.50");
    assert_eq!(first.day_change.unwrap().to_string(), "20.00");
    assert_eq!((first.allocation, found.items[1].allocation), (Some(0.952), Some(0.048)));
    let sectors: Vec<&str> = found.sectors.iter().map(|share| share.name.as_str()).collect();
    assert_eq!(sectors, ["unknown", "Energy"]);
    assert_eq!(found.currencies[0].value.to_string(), "2100.00");
    assert_eq!((found.instrument_types[0].name.as_str(), found.day_change.to_string()), ("stock", "20.00".to_owned()));
}

#[test]
fn a_day_change_counts_splits_and_purchases_of_the_day() {
    let symbol = "ONE".parse().unwrap();
    let bought = [RecentPurchase { quantity: Quantity::parse("4").unwrap(), price: Price::parse("51").unwrap() }];
    let mut position = held(&symbol, "10", "400", "52", "100");
    position.bought_today = &bought;
    position.held_before = Quantity::parse("6").unwrap();
    position.quoted.as_mut().unwrap().split_ratio = SplitRatio::new(2, 1).unwrap();
    // 6 units at 52 − 100/2, 4 units at 52 − 51.
    let found = holdings(Currency::USD, &[position]);
    assert_eq!(found.items[0].day_change.unwrap().to_string(), "16.00");
    position.quoted.as_mut().unwrap().previous_close = None;
    let first_day = holdings(Currency::USD, &[position]);
    assert_eq!((first_day.items[0].day_change, first_day.items[0].value), (None, Some(dec("520.00"))));
    assert_eq!(first_day.unavailable["ONE/day_change"], "no_previous_close");
    position.held_before = Quantity::ZERO;
    assert_eq!(holdings(Currency::USD, &[position]).items[0].day_change.unwrap().to_string(), "4.00");
}

#[test]
fn a_three_for_one_split_keeps_the_day_change() {
    let symbol = "ONE".parse().unwrap();
    for (new, old, price, quantity, change) in
        [(3, 1, "34", "30", "20.00"), (1, 3, "303", "10", "30.00"), (7, 3, "43", "7", "1.00")]
    {
        let mut position = held(&symbol, quantity, "400", price, "100");
        position.quoted.as_mut().unwrap().split_ratio = SplitRatio::new(new, old).unwrap();
        let found = holdings(Currency::USD, &[position]);
        assert_eq!(found.items[0].day_change.map(|change| change.to_string()).as_deref(), Some(change), "{new}:{old}");
        assert!(found.unavailable.is_empty());
    }
}

#[test]
fn an_older_price_has_no_day_change() {
    let symbol = "ONE".parse().unwrap();
    let mut position = held(&symbol, "1", "200000", "275000", "250000");
    position.quoted.as_mut().unwrap().of_the_day = false;
    let found = holdings(Currency::USD, &[position]);
    assert_eq!(found.items[0].day_change.unwrap().to_string(), "0.00");
    assert_eq!((found.value.to_string(), found.day_change.to_string()), ("275000.00".into(), "0.00".into()));
}

#[test]
fn a_holding_without_a_price_or_a_rate_has_a_reason() {
    let (one, two, three) = ("ONE".parse().unwrap(), "TWO".parse().unwrap(), "THREE".parse().unwrap());
    let mut no_price = held(&one, "1", "10", "1", "1");
    no_price.quoted = Err(Unvalued::PriceUnavailable);
    let mut no_rate = held(&two, "1", "10", "1", "1");
    no_rate.currency = eur();
    no_rate.rate = None;
    let (tiny, sold) = ("TINY".parse().unwrap(), "SOLD".parse().unwrap());
    let too_small = HeldPosition { quoted: Err(Unvalued::PriceTooSmall), ..held(&tiny, "1", "10", "1", "1") };
    let conflict = HeldPosition { quoted: Err(Unvalued::SplitConflict), ..held(&sold, "1", "10", "1", "1") };
    let others = holdings(Currency::USD, &[too_small, conflict]);
    assert_eq!((others.value.to_string(), others.items.len()), ("0.00".to_owned(), 2));
    assert_eq!((&*others.unavailable["TINY"], &*others.unavailable["SOLD"]), ("price_too_small", "split_conflict"));
    let found = holdings(Currency::USD, &[no_price, no_rate, held(&three, "1", "10", "12", "12")]);
    assert_eq!(found.unavailable["ONE"], "price_unavailable");
    assert_eq!(found.unavailable["TWO"], "fx_unavailable");
    assert_eq!((found.items[0].value, found.items[0].allocation, found.items[1].day_change), (None, None, None));
    assert_eq!((found.value.to_string(), found.items[2].allocation), ("12.00".to_owned(), Some(1.0)));
    assert_eq!((found.cost.to_string(), found.unrealized_gain.to_string()), ("10.00".to_owned(), "2.00".to_owned()));
}

#[test]
fn a_holding_of_unknown_cost_has_a_value_and_no_gain() {
    let (one, two) = ("ONE".parse().unwrap(), "TWO".parse().unwrap());
    let unknown = HeldPosition { cost: Err(Unvalued::CostUnknown), ..held(&one, "1", "0", "30", "28") };
    let found = holdings(Currency::USD, &[unknown, held(&two, "1", "10", "12", "12")]);
    let first = &found.items[0];
    assert_eq!((first.cost, first.unrealized_gain, first.value), (None, None, Some(dec("30.00"))));
    assert_eq!((first.day_change, first.allocation), (Some(dec("2.00")), Some(0.714)));
    assert_eq!((found.value, found.cost, found.unrealized_gain), (dec("42.00"), dec("10.00"), dec("2.00")));
    let reason = || "cost_unknown".to_owned();
    assert_eq!(found.unavailable, [("ONE/cost".into(), reason()), ("ONE/unrealized_gain".into(), reason())].into());
}

#[test]
fn a_foreign_holding_is_converted_at_the_rate_of_the_day() {
    let symbol = "ONE".parse().unwrap();
    let mut position = held(&symbol, "2", "200", "150", "140");
    position.currency = eur();
    position.rate = Some("1.5".parse().unwrap());
    let found = holdings(Currency::USD, &[position]);
    assert_eq!(found.value.to_string(), "450.00");
    // The gain over a basis of 100 dollars each, at 1.5 dollars a euro.
    assert_eq!(found.items[0].unrealized_gain.unwrap().to_string(), "250.00");
    assert_eq!(found.items[0].day_change.unwrap().to_string(), "30.00");
    assert_eq!(found.currencies[0].name, "EUR");
}

#[test]
fn drawdown_includes_the_first_day_but_not_the_very_first_purchase() {
    let records = Records::of(
        bars(&[("2013-01-02", 80.0, 1.0, 0.0), ("2013-01-03", 60.0, 1.0, 0.0), ("2013-01-04", 66.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "10", "1000", "0")],
    );
    let whole = performed(&records, "2013-01-01", "2013-01-04", None).metrics;
    near(whole.twr, -0.34);
    near(whole.max_drawdown, -0.25);
    let span = performed(&records, "2013-01-03", "2013-01-04", None).metrics;
    near(span.max_drawdown, -0.25);
    near(performed(&records, "2013-01-04", "2013-01-04", None).metrics.max_drawdown, 0.0);
}

#[test]
fn a_day_without_a_rate_counts_in_the_next_row() {
    let mut records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-14", 120.0, 1.0, 2.0), ("2013-01-15", 130.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "10", "1000", "0"), flow("2013-01-14", Bought, "90", "10800", "0")],
    );
    records.instruments[0].currency = eur();
    (records.rate_days, records.rates) =
        (vec![day("2013-01-02"), day("2013-01-15")], [1.25, 1.5].map(RateQuote::direct).to_vec());
    let found = performed(&records, "2013-01-01", "2013-01-15", None);
    assert_eq!(found.days_without_rate, [day("2013-01-14")]);
    let rows: Vec<[String; 3]> = found
        .series
        .iter()
        .map(|row| [row.date.to_string(), row.inflow.to_string(), row.outflow.to_string()])
        .collect();
    // 10,800 and a dividend of 20, both at the last rate before.
    assert_eq!(rows, [["2013-01-02", "1250.00", "0.00"], ["2013-01-15", "13500.00", "25.00"]]);
    near(found.metrics.twr, 1.22 * (130.0 / 120.0) * (1.5 / 1.25) - 1.0);
    let ends_inside = performed(&records, "2013-01-01", "2013-01-14", None);
    assert_eq!((ends_inside.series.len(), ends_inside.attribution.end_value.to_string()), (1, "1250.00".to_owned()));
    let within = performed(&records, "2013-01-14", "2013-01-14", None);
    assert_eq!((within.series.len(), within.attribution.end_value.to_string()), (0, "1250.00".to_owned()));
    assert_eq!(within.metrics.twr, None);
    for figure in ["twr", "twr_annualized", "xirr", "modified_dietz"] {
        assert_eq!(within.unavailable[figure], "fx_unavailable", "{figure}");
    }
    let starts_inside = performed(&records, "2013-01-15", "2013-01-15", None);
    near(starts_inside.metrics.twr, found.metrics.twr.unwrap());
    assert_eq!(starts_inside.attribution.start_value.to_string(), "1250.00");
}

#[test]
fn holdings_over_a_span_without_a_row_earn_nothing() {
    let found = performed(&small(), "2013-01-05", "2013-01-06", None);
    assert_eq!((found.series.len(), found.attribution.start_value.to_string()), (0, "648.00".to_owned()));
    assert_eq!(
        (found.metrics.twr, found.metrics.modified_dietz, found.metrics.xirr),
        (Some(0.0), Some(0.0), Some(0.0))
    );
    let before = performed(&small(), "2012-12-28", "2012-12-31", None);
    assert_eq!((before.metrics.twr, &*before.unavailable["twr"]), (None, "nothing_invested"));
}

#[test]
fn flows_without_a_rate_before_a_span_count_on_its_first_day() {
    let mut records = Records::of(
        bars(&[
            ("2013-01-02", 100.0, 1.0, 0.0),
            ("2013-01-13", 120.0, 1.0, 2.0),
            ("2013-01-15", 130.0, 1.0, 0.0),
            ("2013-01-20", 130.0, 1.0, 0.0),
        ]),
        vec![flow("2013-01-02", Bought, "10", "1000", "0"), flow("2013-01-13", Bought, "90", "10800", "0")],
    );
    records.instruments[0].currency = eur();
    (records.rate_days, records.rates) =
        (vec![day("2013-01-02"), day("2013-01-15")], [1.25, 1.5].map(RateQuote::direct).to_vec());
    let found = performed(&records, "2013-01-15", "2013-01-20", None).metrics;
    // 1,250 at the end of the previous day; 13,500 less a dividend of 25 on the 15th; 19,500 on the 20th.
    near(found.xirr.map(f64::ln_1p), 365.0 / 5.0 * (19_500.0_f64 / (1_250.0 + 13_475.0)).ln());
    near(found.modified_dietz, (19_500.0 - 1_250.0 - 13_475.0) / (1_250.0 + 13_475.0 * 5.0 / 6.0));
}

#[test]
fn a_purchase_before_the_first_rate_is_converted_at_it() {
    let mut records = Records::of(
        bars(&[("2013-01-02", 100.0, 1.0, 0.0), ("2013-01-03", 110.0, 1.0, 0.0), ("2013-01-04", 121.0, 1.0, 0.0)]),
        vec![flow("2013-01-02", Bought, "10", "1000", "0")],
    );
    records.instruments[0].currency = eur();
    (records.rate_days, records.rates) = (vec![day("2013-01-03")], vec![RateQuote::direct(1.5)]);
    let found = performed(&records, "2013-01-01", "2013-01-04", None);
    let rows: Vec<[String; 2]> =
        found.series.iter().map(|row| [row.inflow.to_string(), row.value.to_string()]).collect();
    assert_eq!(rows, [["1500.00", "1650.00"], ["0.00", "1815.00"]]);
    near(found.metrics.twr, 0.21);
    records.rates = vec![RateQuote::direct(0.0)];
    let refused = value_series(&records.book(), day("2013-01-04"));
    assert_eq!(refused.unwrap_err().code(), "fx_unavailable");
}

#[test]
fn a_price_too_small_for_the_ledger_is_reported() {
    let records =
        Records::of(bars(&[("2013-01-02", 1e-10, 1.0, 0.0)]), vec![flow("2013-01-02", Bought, "10", "1000", "0")]);
    assert_eq!(value_series(&records.book(), day("2013-01-02")).unwrap_err().code(), "price_too_small");
}
