//! The title block: the instrument, the source of its prices, and the rules tested.

use domain::{Currency, instant};

use crate::figures::{exact_money, number, percent};
use crate::palette::{BLUE, INK, MUTED};
use crate::pdf::paper::{MARGIN, PAGE, Paper, WIDTH};
use crate::pdf::style::{BODY, Style};
use crate::pdf::wrap::wrap;
use crate::report::{Report, Strategy};
use crate::sketch::Anchor;
use crate::typeface::Weight;

/// The most lines of a rule before it is truncated; the JSON has the full text.
const RULE_LINES: usize = 5;

/// Space for the label of a fact or a rule.
const LABEL: f32 = 62.0;

pub(crate) fn draw(paper: &mut Paper, report: &Report) {
    let top = paper.y();
    let right = PAGE.0 - MARGIN;
    paper.shade((MARGIN, top - 8.0), (right, top - 5.5), BLUE);
    paper.put(right, top + 12.0, Anchor::End, Style::new(9.0, Weight::Bold, BLUE), "Sextant");
    paper.put(right, top + 23.0, Anchor::End, Style::new(7.0, Weight::Regular, MUTED), "Performance report");
    let name = Style::new(20.0, Weight::Bold, INK);
    paper.put_name((MARGIN, top + 16.0), name, WIDTH - 100.0, &report.printed_name());
    let line = format!("{} · {} to {} · {}", report.symbol, report.from, report.to, report.currency);
    paper.put(MARGIN, top + 31.0, Anchor::Start, Style::new(9.0, Weight::Regular, MUTED), &line);
    paper.skip(44.0);

    let made = instant::text(report.generated_at);
    fact(paper, "Prices", &format!("{}, as of {}; report generated {made}", report.source, report.as_of));
    fact(paper, "Buy when", &report.strategy.buy);
    fact(paper, "Sell when", &report.strategy.sell);
    fact(paper, "Terms", &terms(&report.strategy, report));
    paper.skip(6.0);
}

fn fact(paper: &mut Paper, label: &str, text: &str) {
    let mut lines = wrap(text, WIDTH - LABEL, BODY);
    if lines.len() > RULE_LINES {
        lines.truncate(RULE_LINES - 1);
        lines.push("… the JSON has the full text".to_owned());
    }
    let label_style = Style { weight: Weight::Bold, colour: MUTED, ..BODY };
    for (index, line) in lines.iter().enumerate() {
        let baseline = paper.y() + BODY.size;
        if index == 0 {
            paper.put(MARGIN, baseline, Anchor::Start, label_style, label);
        }
        paper.put(MARGIN + LABEL, baseline, Anchor::Start, BODY, line);
        paper.skip(BODY.leading());
    }
}

/// Cash, fills and costs in a sentence.
pub(crate) fn terms(strategy: &Strategy, report: &Report) -> String {
    let currency = report.currency;
    let fill = match strategy.fill.as_str() {
        "next_open" => "orders filled at the next open",
        "close" => "orders filled at the close of the signal",
        other => other,
    };
    let units = if strategy.fractional { "fractional units allowed" } else { "whole units only" };
    format!(
        "{} initial investment; {fill}; {units}; {}; {}; risk-free rate {} a year",
        exact_money(strategy.initial_investment, currency),
        commission(strategy, currency),
        slippage(strategy),
        percent(strategy.risk_free_rate),
    )
}

fn commission(strategy: &Strategy, currency: Currency) -> String {
    let least = exact_money(strategy.commission_minimum, currency);
    match (strategy.commission_percent > 0.0, strategy.commission_minimum.is_zero()) {
        (false, true) => "no commission".to_owned(),
        (false, false) => format!("commission {least} per side"),
        (true, true) => format!("commission {} % per side", rate(strategy.commission_percent)),
        (true, false) => format!("commission {} % per side, at least {least}", rate(strategy.commission_percent)),
    }
}

fn slippage(strategy: &Strategy) -> String {
    if strategy.slippage_percent > 0.0 {
        format!("slippage {} % per side", rate(strategy.slippage_percent))
    } else {
        "no slippage".to_owned()
    }
}

/// A rate given in percent, with only the decimals it needs: `0.1`, `0.05`, `0`.
fn rate(percent: f64) -> String {
    let text = number(percent, 4);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_only_the_decimals_it_needs() {
        assert_eq!(rate(0.1), "0.1");
        assert_eq!(rate(0.05), "0.05");
        assert_eq!(rate(0.0), "0");
        assert_eq!(rate(12.0), "12");
    }
}
