//! A portfolio's activities as a file of the format `sextant`, which an import reads again.
//!
//! The fields are those of the stored form, under its names and in its order; a new one is exported by itself. What a
//! portfolio gives its activities besides their id is left out, so that an export of an imported export is the same file.

use app::error::ServiceError;
use app::exports::{self, Download, File, FileFormat};
use domain::{CustomerId, Portfolio, PortfolioId};
use import_files::fields::GENERATED;
use import_files::formats::sextant;
use import_files::formulas::formula_safe;
use ledger::Activity;
use ledger::activity::field_names;
use market_data::MarketData;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::read_history;
use crate::portfolios;

/// The version of the form.
const VERSION: u32 = 1;
/// The most activities of a file that is an answer itself.
const MAX_INLINE_ACTIVITIES: usize = 1_000;
/// What is no setting of a portfolio.
const NO_SETTINGS: [&str; 7] =
    ["id", "customer_id", "state", "investment_profile", "created_at", "updated_at", "version"];

/// An export of the activities of a portfolio.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivityExport {
    /// The format of the file.
    #[schema(pattern = "^sextant$")]
    format: &'static str,
    /// The version of its form.
    #[schema(minimum = 1, maximum = 1)]
    version: u32,
    /// The settings of the portfolio, which an import does not change.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    portfolio: Map<String, Value>,
    /// The activities in the order of recording, each with the fields that it has.
    #[schema(value_type = Vec<Object>)]
    activities: Vec<ExportedActivity>,
}

/// The fields of an activity, in the order of the columns.
#[derive(Debug)]
struct ExportedActivity(Map<String, Value>);

impl Serialize for ExportedActivity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for column in columns() {
            if let Some(value) = self.0.get(column) {
                object.serialize_entry(column, value)?;
            }
        }
        object.end()
    }
}

/// The columns of an export: the fields of an activity, its id among them.
pub(crate) fn columns() -> impl Iterator<Item = &'static str> {
    field_names().iter().copied().filter(|name| *name == "id" || !GENERATED.contains(name))
}

/// All activities of a portfolio as a file, in the order of recording; a link to it if they are many.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn export(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    format: FileFormat,
) -> Result<Download, ServiceError> {
    let portfolio = portfolios::find(&market.app, customer, id).await?;
    let history = read_history(&market.app, id).await?;
    let activities: Vec<Activity> = history.activities().cloned().collect();
    let count = activities.len();
    let bytes = match format {
        FileFormat::Csv => csv_file(&activities)?,
        FileFormat::Json => json_file(&portfolio, &activities)?,
    };
    let file = File { name: "activities", format, bytes };
    Ok(if count <= MAX_INLINE_ACTIVITIES {
        Download::Whole(file)
    } else {
        Download::Linked(exports::publish(&market.app, customer, file).await?)
    })
}

fn json_file(portfolio: &Portfolio, activities: &[Activity]) -> Result<Vec<u8>, ServiceError> {
    let mut settings = fields_of(portfolio)?;
    settings.retain(|name, _| !NO_SETTINGS.contains(&name.as_str()));
    let activities = activities.iter().map(|activity| fields_of(activity).map(ExportedActivity));
    let activities = activities.collect::<Result<_, _>>()?;
    let export = ActivityExport { format: sextant::NAME, version: VERSION, portfolio: settings, activities };
    serde_json::to_vec(&export).map_err(fault)
}

fn csv_file(activities: &[Activity]) -> Result<Vec<u8>, ServiceError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns()).map_err(fault)?;
    for activity in activities {
        let fields = fields_of(activity)?;
        let cells = columns().map(|column| fields.get(column).map(cell).unwrap_or_default());
        writer.write_record(cells).map_err(fault)?;
    }
    writer.into_inner().map_err(fault)
}

fn fields_of(value: &impl Serialize) -> Result<Map<String, Value>, ServiceError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(fault("it is no object")),
        Err(error) => Err(fault(error)),
    }
}

/// A text as it is, made harmless for spreadsheets unless it is a number; anything else as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if is_number(text) => text.clone(),
        Value::String(text) => formula_safe(text),
        other => other.to_string(),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn fault(cause: impl std::fmt::Display) -> ServiceError {
    ServiceError::fault("exporting activities", cause)
}

#[cfg(test)]
mod tests;
