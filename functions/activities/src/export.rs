//! `/portfolios/{id}/activities/export`: the recorded history as a file that can be imported again.

use api::{Caller, Fields, IdPath, Problem, Query, responses};
use app::exports::{ExportLink, FileFormat};
use axum::extract::State;
use axum::response::Response;
use books::activities::{self, ActivityExport};
use domain::PortfolioId;
use market_data::MarketData;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::download;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` (default) or `json`.
    #[param(pattern = "^(csv|json)$")]
    format: Option<String>,
}

/// All activities of a portfolio in the order of recording, as a file that an import reads again.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/activities/export",
    operation_id = "export_activities",
    tag = "activities",
    params(("id" = String, Path, description = "Id of the portfolio"), ExportQuery),
    responses(
        (status = 200, description = "The file of all activities", content((String = "text/csv"), (ActivityExport = "application/json"))),
        (status = 303, description = "With more than 1,000 activities: `Location` is the link to the file, and the body has it too", body = ExportLink),
        responses::OwnPortfolio, responses::Parameters,
    )
)]
pub(crate) async fn export(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
    id: Result<IdPath, Problem>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let format = match query.format.as_deref() {
        None | Some("csv") => Ok(FileFormat::Csv),
        Some("json") => Ok(FileFormat::Json),
        Some(_) => Err("must be csv or json"),
    };
    let format = fields.take("format", format);
    let format = fields.finish(format)?;
    download::respond(activities::export(&market, caller.customer_id, PortfolioId(id?.0), format).await?)
}
