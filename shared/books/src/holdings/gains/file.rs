//! Realised gains as CSV: a line for each row of a sale, whose columns sum to the totals.

use app::error::ServiceError;
use domain::{Currency, Term};
use import_files::formulas::formula_safe;
use rust_decimal::Decimal;

use super::answer::{GainOrigin, PortfolioGains, RealizedGain};

/// The columns.
const COLUMNS: [&str; 22] = [
    "symbol",
    "origin",
    "sale_id",
    "lot_id",
    "acquired_on",
    "sold_on",
    "quantity",
    "days_held",
    "term",
    "currency",
    "cost",
    "proceeds",
    "fee",
    "tax",
    "gain",
    "base_currency",
    "base_cost",
    "base_proceeds",
    "base_fee",
    "base_tax",
    "base_gain",
    "unavailable",
];

/// The sales as CSV. Texts are made harmless for spreadsheets; numbers stay numbers, those below zero too.
pub(super) fn csv(gains: &PortfolioGains) -> Result<Vec<u8>, ServiceError> {
    let fault = |error: csv::Error| ServiceError::fault("gains to CSV", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(fault)?;
    for row in &gains.items {
        writer.write_record(cells(row, gains.currency)).map_err(fault)?;
    }
    writer.into_inner().map_err(|error| ServiceError::fault("gains to CSV", error))
}

fn cells(row: &RealizedGain, base: Currency) -> [String; COLUMNS.len()] {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    let number = text::<Decimal>;
    let origin = match row.origin {
        GainOrigin::Trade => "trade",
        GainOrigin::Activity => "activity",
    };
    let reasons: Vec<String> = row.unavailable.iter().map(|(figure, reason)| format!("{figure}: {reason}")).collect();
    [
        formula_safe(row.symbol.as_str()),
        origin.to_owned(),
        row.sale_id.to_string(),
        text(row.lot_id),
        text(row.acquired_on),
        row.sold_on.to_string(),
        row.quantity.to_string(),
        text(row.days_held),
        row.term.map_or("", Term::name).to_owned(),
        row.currency.to_string(),
        number(row.amounts.cost),
        number(row.amounts.proceeds),
        number(row.amounts.fee),
        number(row.amounts.tax),
        number(row.amounts.gain),
        base.to_string(),
        number(row.base.cost),
        number(row.base.proceeds),
        number(row.base.fee),
        number(row.base.tax),
        number(row.base.gain),
        reasons.join("; "),
    ]
}
