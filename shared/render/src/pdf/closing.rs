//! Notes on the data, the method in small print, and the disclaimer.

use quant::backtest::Warning;

use crate::pdf::paper::{HEADING, Paper, WIDTH};
use crate::pdf::style::{BODY, SMALL, Style};
use crate::pdf::wrap::wrap;
use crate::report::Report;
use crate::typeface::is_printable;

/// Printed lines of notes.
const NOTE_LINES: usize = 8;

/// Printed if the instrument's name has characters that the font lacks.
const NAME_CUT: &str = "The name of the instrument contains characters that this document's font lacks. They are left out here; the JSON has the full name.";

const BACKTEST: &str = "Backtest: rules are evaluated on each day's close with the data known by then. There is one position at a \
     time, bought with all the cash. Splits change the units held; dividends are paid in cash. Buy and hold runs through \
     the same engine with the same costs.";

const FORECAST: &str = "Forecast: the point and the bands use only prices up to the stated day. The checked forecast was made \
     afterwards from the data of its day and is labelled as made in hindsight. If a 95 % band is right, about one price in \
     twenty lies outside it.";

const DISCLAIMER: &str = "Past results, and simulated results in particular, say little about future results: a simulation ignores \
     illiquid markets, taxes and human hesitation. This report is for information only. It is neither investment advice nor \
     an offer to buy or sell. Prices come from the source named on the first page and may contain errors.";

/// How the figures are computed, if a year has this many bars.
fn figures(periods_per_year: u32) -> String {
    let bars = match periods_per_year {
        252 => "trading days",
        365 => "days",
        52 => "weeks",
        12 => "months",
        _ => "bars",
    };
    format!(
        "Figures: {periods_per_year} {bars} a year, sample standard deviation. CAGR uses calendar days over 365.25. Sharpe \
         and Sortino are annualised; Calmar is CAGR over the maximum drawdown. VaR is the 5 % quantile of the \
         returns from bar to bar, CVaR the mean of the returns at or below it. The length of a drawdown runs from its peak to the \
         recovery, or to the end of the span."
    )
}

/// The last word of the disclaimer, which can be the only one of its line.
#[cfg(test)]
pub(crate) const LAST_WORD: &str = "errors.";

/// The end of a report, wrapped into lines.
pub(crate) struct Closing {
    notes: Vec<String>,
    method: [String; 4],
}

impl Closing {
    pub(crate) fn of(report: &Report) -> Self {
        let name = (!is_printable(&report.name)).then(|| NAME_CUT.to_owned());
        let warnings = report.warnings.iter().map(|Warning { code, detail }| format!("{detail} ({code})"));
        let notes = name.into_iter().chain(warnings);
        let mut notes: Vec<String> = notes.flat_map(|note| wrap(&format!("• {note}"), WIDTH, BODY)).collect();
        if notes.len() > NOTE_LINES {
            notes.truncate(NOTE_LINES - 1);
            notes.push("… the JSON has further notes.".to_owned());
        }
        let texts = [BACKTEST, &figures(report.periods_per_year), FORECAST, DISCLAIMER];
        Self { notes, method: texts.map(str::to_owned) }
    }

    /// Height of the whole closing part.
    pub(crate) fn height(&self) -> f32 {
        let notes = if self.notes.is_empty() { 0.0 } else { self.notes_height() + HEADING };
        notes + HEADING + self.method_height() + 6.0
    }

    fn method_height(&self) -> f32 {
        self.method.iter().map(|text| lines_height(text, SMALL) + 2.0).sum()
    }

    fn notes_height(&self) -> f32 {
        self.notes.len() as f32 * BODY.leading() + 4.0
    }

    pub(crate) fn draw(self, paper: &mut Paper) {
        if !self.notes.is_empty() {
            paper.heading("Notes on the data", self.notes_height());
            for line in &self.notes {
                paper.paragraph(line, BODY);
            }
            paper.skip(4.0);
        }
        paper.heading("Method and disclaimer", self.method_height());
        for text in &self.method {
            paper.paragraph(text, SMALL);
            paper.skip(2.0);
        }
    }
}

fn lines_height(text: &str, style: Style) -> f32 {
    wrap(text, WIDTH, style).len() as f32 * style.leading()
}
