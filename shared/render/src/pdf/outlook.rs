//! The forecast in figures: some of its days, its track record, and the grade of the checked one.

use quant::forecast::Point;

use crate::chart::forecast::MISSING;
use crate::figures::{NOT_AVAILABLE, number, percent, price_in, ratio};
use crate::palette::MUTED;
use crate::pdf::key_figures::explained;
use crate::pdf::paper::{MARGIN, Paper, WIDTH};
use crate::pdf::style::{BODY, SMALL};
use crate::pdf::table::{Cell, Column, Table};
use crate::pdf::wrap::wrap;
use crate::report::{Forecast, ForecastCheck, Report};
use crate::sketch::Anchor;

/// Steps that are printed as figures.
const STEPS: [usize; 7] = [1, 5, 10, 20, 30, 45, 60];

const COLUMNS: [Column; 7] = [
    Column { heading: "Trading day", width: 55.0, align: Anchor::Start },
    Column { heading: "Date", width: 64.0, align: Anchor::Start },
    Column { heading: "Expected", width: 77.0, align: Anchor::End },
    Column { heading: "80 % from", width: 76.5, align: Anchor::End },
    Column { heading: "80 % to", width: 76.5, align: Anchor::End },
    Column { heading: "95 % from", width: 77.0, align: Anchor::End },
    Column { heading: "95 % to", width: 77.0, align: Anchor::End },
];

const TABLE: Table<'static> = Table { left: MARGIN, columns: &COLUMNS, row_height: 11.4, size: 7.0, striped: true };

pub(crate) fn draw(paper: &mut Paper, report: &Report) {
    let steps = report.forecast.as_ref().map_or_else(Vec::new, steps);
    let texts: Vec<String> =
        report.forecast_check.iter().map(check_in_words).chain(report.forecast.iter().map(record_in_words)).collect();
    if texts.is_empty() {
        paper.heading("Forecast", BODY.leading());
        paper.paragraph(MISSING, BODY);
        paper.skip(6.0);
        return;
    }
    let lines: usize = texts.iter().map(|text| wrap(text, WIDTH, SMALL).len()).sum();
    paper.heading("Forecast in figures", TABLE.height(steps.len()) + lines as f32 * SMALL.leading() + 10.0);
    if !steps.is_empty() {
        points(paper, report, &steps);
    }
    for text in texts {
        paper.paragraph(&text, SMALL);
        paper.skip(2.0);
    }
    paper.skip(4.0);
}

/// The printed steps with their points.
fn steps(forecast: &Forecast) -> Vec<(usize, &Point)> {
    STEPS.into_iter().filter_map(|step| Some((step, forecast.points.get(step - 1)?))).collect()
}

fn points(paper: &mut Paper, report: &Report, steps: &[(usize, &Point)]) {
    let top = paper.y();
    TABLE.headings(paper, top);
    for (index, (step, point)) in steps.iter().enumerate() {
        let price = |value| Cell::new(price_in(value, report.currency));
        let cells = [
            Cell::new(format!("+{step}")).coloured(MUTED),
            Cell::new(point.date.to_string()),
            price(point.value).bold(),
            price(point.lower_80),
            price(point.upper_80),
            price(point.lower_95),
            price(point.upper_95),
        ];
        TABLE.row(paper, top, index, &cells);
    }
    paper.skip(TABLE.height(steps.len()) + 4.0);
}

fn optional(value: Option<f64>, write: fn(f64) -> String) -> String {
    value.map_or_else(|| NOT_AVAILABLE.to_owned(), write)
}

/// The result of the forecast that was made in hindsight.
fn check_in_words(check: &ForecastCheck) -> String {
    let came = check.points.iter().filter(|step| step.actual.is_some()).count();
    let grade = &check.grade;
    let mut text = format!(
        "Checked: model {} as of {}, made in hindsight, with actual prices for {came} of {} days. Error relative to the naive \
         forecast (rMASE, below 1 is better) {}; actual prices inside the 80 % band {}, inside the 95 % band {}.",
        check.model,
        check.as_of,
        check.points.len(),
        optional(grade.rmase, ratio),
        optional(grade.coverage_80, percent),
        optional(grade.coverage_95, percent),
    );
    add_reason(&mut text, check.unavailable.get("rmase"));
    text
}

/// The model's track record.
fn record_in_words(forecast: &Forecast) -> String {
    let score = &forecast.score;
    let origins = number(score.origins as f64, 0);
    let made = format!("Today: model {} as of {}", forecast.model, forecast.as_of);
    if let (None, Some(reason)) = (score.rmase, forecast.unavailable.get("rmase")) {
        return format!("{made}. Its track record is {NOT_AVAILABLE}: {} ({origins}).", explained(reason));
    }
    format!(
        "{made}. Track record over {origins} earlier origins: rMASE {}; interval score of the 95 % band relative to naive \
         (rMSIS) {}; actual prices inside the 80 % band {}, inside the 95 % band {}.",
        optional(score.rmase, ratio),
        optional(score.rmsis, ratio),
        optional(score.coverage_80, percent),
        optional(score.coverage_95, percent),
    )
}

fn add_reason(text: &mut String, reason: Option<&String>) {
    if let Some(reason) = reason {
        text.push_str(&[" ", NOT_AVAILABLE, ": ", &explained(reason), "."].concat());
    }
}
