//! The rule language as its users see it: what is accepted, and what is refused at which column.

use std::collections::BTreeMap;

use domain::{Bar, Bars, Day};
use quant::backtest::{Fill, Settings, run};
use quant::rules::{MAX_CHARACTERS, MAX_DEPTH, Rule};

fn bars(closes: &[f64]) -> Bars {
    let first: Day = "2013-01-01".parse().unwrap();
    Bars::from_rows(closes.iter().enumerate().map(|(at, &close)| Bar {
        date: first.plus_days(at as i32),
        open: close,
        high: close + 1.0,
        low: close - 0.5,
        close,
        volume: 1000.0 + close,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    }))
    .unwrap()
}

/// The bars on whose close a rule fires: as a purchase at that close, starting anew from each bar.
fn fires(rule: &str, closes: &[f64]) -> Vec<usize> {
    let bars = bars(closes);
    let settings = Settings {
        initial_investment: 1e6,
        buy: Rule::parse(rule).unwrap(),
        sell: Rule::never(),
        fill: Fill::Close,
        commission_percent: 0.0,
        commission_minimum: 0.0,
        slippage_percent: 0.0,
        fractional: true,
        risk_free_rate: 0.0,
    };
    let day = |at: usize| bars.dates()[at];
    let fired = |at: &usize| run(&bars, day(*at), day(*at), &settings).unwrap().open_trade.is_some();
    (0..bars.len()).filter(fired).collect()
}

const CLOSES: [f64; 8] = [10.0, 11.0, 12.0, 11.0, 10.0, 9.0, 12.0, 13.0];

#[test]
fn rules_fire_where_their_conditions_hold() {
    let cases: [(&str, &[usize]); 18] = [
        ("close > 11", &[2, 6, 7]),
        ("close >= 11", &[1, 2, 3, 6, 7]),
        ("11 <= close", &[1, 2, 3, 6, 7]),
        ("close < 10", &[5]),
        ("close > 11 and close < 13", &[2, 6]),
        ("close < 10 or close > 12", &[5, 7]),
        ("not close < 12", &[2, 6, 7]),
        ("not (close < 12 or close > 12)", &[2, 6]),
        ("close > 10 or close > 10 and close < 0", &[1, 2, 3, 6, 7]),
        ("close * 2 + 1 > 5 * 5 - 1", &[2, 6, 7]),
        ("-close < -11", &[2, 6, 7]),
        ("CLOSE > Sma(3)", &[2, 6, 7]),
        ("crosses_above(close, 11)", &[2, 6]),
        ("crosses_below(close, 11)", &[4]),
        ("sma(volume, 3) > 1011", &[3, 7]),
        ("close > highest(close, 2) - 0.1 and roc(1) > 0.2", &[6]),
        ("highest(3) <= 12", &[5]),
        ("lowest(3) >= 10", &[3]),
    ];
    for (rule, expected) in cases {
        assert_eq!(fires(rule, &CLOSES), expected, "{rule}");
    }
}

#[test]
fn an_undefined_rule_does_not_fire_and_neither_does_its_negation() {
    // The average of three is undefined on the first two bars.
    assert_eq!(fires("sma(3) > 0", &CLOSES), [2, 3, 4, 5, 6, 7]);
    assert_eq!(fires("not sma(3) > 1000", &CLOSES), [2, 3, 4, 5, 6, 7]);
    assert_eq!(fires("sma(3) > 0 or close > 0", &CLOSES).len(), 8, "true beats undefined");
    assert_eq!(fires("not (sma(3) > 0 and close < 0)", &CLOSES).len(), 8, "false beats undefined");
    for rule in ["1 / (close - close) > 0", "1 / (1 / (close - close)) >= 0", "not 1 / (close - close) > 0", "1/0 < 1"]
    {
        assert!(fires(rule, &CLOSES).is_empty(), "{rule}");
    }
    assert!(fires("not crosses_above(close, 100)", &CLOSES[..1]).is_empty(), "a single bar has no predecessor");
}

#[test]
fn bands_and_macd_are_made_of_averages() {
    let closes: Vec<f64> = (0..60).map(|at| 100.0 + 10.0 * (f64::from(at) * 0.7).sin()).collect();
    for (rule, same) in [
        ("close > bollinger_upper(5, 1)", "close > sma(5) + 1 * stdev(5)"),
        ("close < bollinger_lower(volume, 5, 1.5) - 900", "close < sma(volume, 5) - 1.5 * stdev(volume, 5) - 900"),
        ("macd(3, 9) > 1", "ema(3) - ema(9) > 1"),
        ("macd(3, 9) > macd_signal(3, 9, 4)", "macd(3, 9) > ema(macd(3, 9), 4)"),
        ("crosses_below(close, sma(4))", "crosses_above(sma(4), close)"),
    ] {
        let fired = fires(rule, &closes);
        assert!(!fired.is_empty(), "{rule}");
        assert_eq!(fired, fires(same, &closes), "{rule}");
    }
}

#[test]
fn mistakes_are_reported_with_their_column() {
    let cases = [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("close", 1, "compare it with something"),
        ("close >", 8, "found the end of the rule"),
        ("close > sma(1, 2, 3)", 9, "sma takes 1 or 2 arguments, not 3"),
        ("close > sma()", 9, "sma takes 1 or 2 arguments, not 0"),
        ("atr(high, 3) > 1", 1, "atr takes 1 argument, not 2"),
        ("macd(12) > 0", 1, "macd takes 2 or 3 arguments, not 1"),
        ("crosses_above(close) ", 1, "crosses_above takes 2 arguments, not 1"),
        ("close > smma(5)", 9, "did you mean `sma`?"),
        ("clsoe > 5", 1, "did you mean `close`?"),
        ("close > fibonacci(5)", 9, "columns are open, high, low, close and volume"),
        ("close > sma(0)", 13, "from 1 to 1000"),
        ("close > sma(1001)", 13, "from 1 to 1000"),
        ("close > sma(2.5)", 13, "whole number"),
        ("close > sma(close)", 13, "whole number"),
        ("close > sma(-5)", 13, "whole number"),
        ("close > bollinger_upper(20, close)", 29, "multiple"),
        ("close > sma", 9, "needs its arguments in parentheses"),
        ("close(5) > 1", 1, "is a column and takes no arguments"),
        ("close < 5 < 6", 11, "cannot be chained"),
        ("close and open", 1, "`and` needs a condition and this is a number"),
        ("close > 1 and 5", 15, "`and` needs a condition and this is a number"),
        ("not close", 5, "`not` needs a condition"),
        ("(close > 1) + 2 > 3", 1, "`+` needs a number and this is a condition"),
        ("close > (open > 1)", 9, "`>` needs a number"),
        ("sma(close > 1, 5) > 1", 5, "`sma` needs a number"),
        ("(close > 1", 11, "expected `)` for the `(` at column 1"),
        ("close > 1)", 10, "no matching"),
        ("close > 1 close", 11, "expected `and`, `or` or the end"),
        ("close == 1", 7, "equality"),
        ("close > $fast", 9, "parameters are only allowed in a sweep"),
        ("close > 1 ; drop", 11, "not part of the rule language"),
        ("close > 'é'", 9, "not part of the rule language"),
    ];
    for (rule, column, part) in cases {
        let error = Rule::parse(rule).expect_err(rule);
        assert_eq!(error.column, column, "{rule}: {}", error.message);
        assert!(error.message.contains(part), "{rule}: {}", error.message);
    }
}

#[test]
fn the_length_of_a_mistake_is_that_of_the_word_at_its_column() {
    for (rule, marked) in [
        ("close > smma(5)", "smma"),
        ("clsoe > 5", "clsoe"),
        ("close > sma(1001)", "1001"),
        ("close <= $fast", "$fast"),
        ("close > 1 close", "close"),
        ("(close > 1) + 2 > 3", "("),
        ("close > 'é'", "'"),
        ("close == 1", "=="),
        ("close <> 1", "<>"),
        ("close > 1 && open > 1", "&&"),
        ("close > 1 | open > 1", "|"),
        ("close > 1.2.3", "1.2.3"),
        ("é", "é"),
        // Something is missing at the end.
        ("close >", ""),
        ("(close > 1", ""),
        ("", ""),
    ] {
        let error = Rule::parse(rule).expect_err(rule);
        let found: String = rule.chars().skip(error.column - 1).take(error.length).collect();
        assert_eq!(found, marked, "{rule}: {error}");
        assert_eq!(found.chars().count(), error.length, "{rule}: {error}");
    }
}

#[test]
fn length_and_depth_have_exact_limits() {
    let long = |characters: usize| format!("{}close > 1", " ".repeat(characters - 9));
    assert!(Rule::parse(&long(MAX_CHARACTERS)).is_ok());
    let error = Rule::parse(&long(10_000)).unwrap_err();
    assert_eq!((error.column, error.length), (MAX_CHARACTERS + 1, 10_000 - MAX_CHARACTERS));
    assert!(error.message.contains("at most 1000 characters; this one has 10000"), "{}", error.message);
    let deep =
        |open: &str, close: &str, levels: usize| format!("{}close > 1{}", open.repeat(levels), close.repeat(levels));
    for (open, close) in [("(", ")"), ("not ", "")] {
        assert!(Rule::parse(&deep(open, close, MAX_DEPTH)).is_ok(), "{open}");
        let error = Rule::parse(&deep(open, close, MAX_DEPTH + 1)).unwrap_err();
        assert!(error.message.contains("32 levels deep"), "{}", error.message);
    }
    assert!(Rule::parse(&format!("{}close > 1", "-".repeat(MAX_DEPTH + 1))).is_err());
}

#[test]
fn parameters_are_bound_to_values() {
    let parameters = BTreeMap::from([("fast".to_owned(), 5.0), ("half".to_owned(), 2.5)]);
    let bind = |text: &str| Rule::bind(text, &parameters);
    assert!(bind("sma($fast) > sma($fast * 2)").is_ok());
    let error = bind("sma($half) > 1").unwrap_err();
    assert_eq!((error.column, error.message.contains("whole number")), (5, true));
    let error = bind("sma($slow) > 1").unwrap_err();
    assert_eq!((error.column, error.message.contains("`$slow` has no values")), (5, true));
}

#[test]
fn a_rule_keeps_its_text() {
    let text = " close <  SMA( 50 )";
    let rule: Rule = text.parse().unwrap();
    assert_eq!((rule.text(), rule.to_string().as_str()), (text, text));
}

#[test]
fn errors_are_printed_with_their_column() {
    let error = Rule::parse("close > sma(1, 2, 3)").unwrap_err();
    assert_eq!(error.to_string(), "column 9: sma takes 1 or 2 arguments, not 3");
}
