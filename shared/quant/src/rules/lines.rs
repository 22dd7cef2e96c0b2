//! The indicators of a rule that can be drawn over the price chart.

use std::collections::BTreeSet;

use domain::{Bars, Day};

use super::program::{Arithmetic, Column, Id, Named, Node, Program, Windowed};
use super::{Columns, Rule, evaluate};

/// A series counts as a price if its factor is at most this far from 1: `sma(close * 1.1, 20)` has 1.1.
const PRICE_SCALE: std::ops::RangeInclusive<f64> = 0.5..=2.0;

/// An indicator on the scale of the price.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceLine {
    /// As the rule writes it, such as `sma(50)`.
    pub name: String,
    /// One value per bar of the span, in units of the span's last day; none where it is undefined.
    pub values: Vec<Option<f64>>,
}

/// The indicators of both rules that are on the scale of the price, each once, in the order in which they are written:
/// averages, bands, highest and lowest. Oscillators, deviations and indicators of the volume are excluded.
///
/// They are computed as in a backtest from `from` to `to`, warmed up by earlier bars.
#[must_use]
pub fn price_lines(bars: &Bars, from: Day, to: Day, rules: [&Rule; 2]) -> Vec<PriceLine> {
    let (first, end) = (bars.count_before(from), bars.count_through(to));
    let since = bars.split_ratio()[..end].iter().skip(bars.count_through(from));
    let splits: f64 = since.product();
    let columns = Columns::on_scale_of(bars, end, from);
    let (mut lines, mut seen) = (Vec::new(), BTreeSet::new());
    for rule in rules {
        let levels = levels(&rule.program);
        let on_scale = |named: &&Named| levels[usize::from(named.id)].is_some_and(|level| PRICE_SCALE.contains(&level));
        let drawn: Vec<&Named> =
            rule.indicators.iter().filter(on_scale).filter(|named| seen.insert(named.name.as_str())).collect();
        let ids: Vec<Id> = drawn.iter().map(|named| named.id).collect();
        let evaluation = evaluate(rule.program.clone(), &ids, &columns);
        for named in drawn {
            let value = |value: &f64| value.is_finite().then_some(value / splits);
            let values = evaluation.numbers(named.id).unwrap_or_default();
            lines.push(PriceLine { name: named.name.clone(), values: values.iter().skip(first).map(value).collect() });
        }
    }
    lines
}

/// How many prices each number is: 1 for a close or an average of closes, 0 for a difference of two prices; none for
/// what is not a price.
/// what is no price at all.
fn levels(program: &Program) -> Vec<Option<f64>> {
    let mut levels: Vec<Option<f64>> = Vec::with_capacity(program.nodes().len());
    for node in program.nodes() {
        let of = |id: Id| levels[usize::from(id)];
        let level = match *node {
            Node::Column(Column::Open | Column::High | Column::Low | Column::Close) => Some(1.0),
            Node::Literal(_) | Node::Atr(_) => Some(0.0),
            Node::Negate(a) => of(a).map(|level| -level),
            Node::Arithmetic(Arithmetic::Add, a, b) => of(a).zip(of(b)).map(|(a, b)| a + b),
            Node::Arithmetic(Arithmetic::Subtract, a, b) => of(a).zip(of(b)).map(|(a, b)| a - b),
            Node::Arithmetic(Arithmetic::Multiply, a, b) => match (program.literal(a), program.literal(b)) {
                (Some(factor), _) => of(b).map(|level| factor * level),
                (None, Some(factor)) => of(a).map(|level| factor * level),
                (None, None) => None,
            },
            Node::Arithmetic(Arithmetic::Divide, a, b) => program.literal(b).and_then(|divisor| Some(of(a)? / divisor)),
            Node::Windowed(Windowed::Sma | Windowed::Ema | Windowed::Highest | Windowed::Lowest, source, _) => {
                of(source)
            }
            Node::Windowed(Windowed::Stdev, source, _) => of(source).map(|_| 0.0),
            Node::Column(Column::Volume)
            | Node::Windowed(Windowed::Rsi | Windowed::Roc, ..)
            | Node::Less(..)
            | Node::LessOrEqual(..)
            | Node::CrossesAbove(..)
            | Node::And(..)
            | Node::Or(..)
            | Node::Not(_)
            | Node::Constant(_) => None,
        };
        levels.push(level);
    }
    levels
}

#[cfg(test)]
mod tests {
    use domain::Bar;

    use super::*;

    /// Closes 1, 2, 3, … with a split of 2 on the fifth bar; each high is 1 above, each low half of the close.
    fn bars() -> Bars {
        let row = |day: u32| {
            let close = f64::from(day);
            let split_ratio = if day == 5 { 2.0 } else { 1.0 };
            let date = Day::new(2013, 1, day).unwrap();
            let (high, low) = (close + 1.0, close / 2.0);
            Bar { date, open: close, high, low, close, volume: 9.0, adjusted_close: close, split_ratio, dividend: 0.0 }
        };
        Bars::from_rows((1..=8).map(row)).unwrap()
    }

    fn drawn(buy: &str, sell: &str) -> Vec<PriceLine> {
        let rules = [Rule::parse(buy).unwrap(), Rule::parse(sell).unwrap()];
        let day = |day| Day::new(2013, 1, day).unwrap();
        price_lines(&bars(), day(3), day(8), [&rules[0], &rules[1]])
    }

    fn names(buy: &str, sell: &str) -> Vec<String> {
        drawn(buy, sell).into_iter().map(|line| line.name).collect()
    }

    #[test]
    fn only_indicators_on_the_scale_of_the_price_are_drawn() {
        let oscillators =
            "rsi(3) < 30 and macd(2, 3) > macd_signal(2, 3, 2) and atr(2) > 1 and roc(2) > 0 and stdev(2) > 0";
        assert!(
            names(oscillators, "sma(volume, 2) > 1 and sma(close * volume, 2) > 0 and ema(rsi(2), 3) < 40").is_empty()
        );
        let buy = "close > SMA( 2 ) and rsi(2) > 1 and open > sma(2) and close < bollinger_upper(3,2) * 1.05 and ema((high + low) / 2, 2) > lowest(3)";
        let expected = ["sma(2)", "bollinger_upper(3, 2)", "ema((high+low)/2, 2)", "lowest(3)", "highest(close, 2)"];
        assert_eq!(names(buy, "close < sma(2) or close < highest(close, 2) or sma(close - open, 2) > 0"), expected);
    }

    #[test]
    fn a_line_is_in_units_of_the_last_day_and_warmed_up() {
        let lines = drawn("close > sma(2)", "close < sma(4)");
        let values = |line: &PriceLine| line.values.clone();
        // Closes of the first four bars are worth half after the split.
        assert_eq!(values(&lines[0]), [1.25, 1.75, 3.5, 5.5, 6.5, 7.5].map(Some));
        assert_eq!(values(&lines[1])[..2], [None, Some(1.25)]);
    }
}
