//! `/portfolios/{id}/gains`: what the sales of a portfolio realised.

use api::{Caller, Fields, IdPath, Problem, Query, responses};
use app::exports::{ExportLink, FileFormat};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use books::holdings::gains::{self, PortfolioGains};
use domain::{Day, PortfolioId};
use market_data::MarketData;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::download;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GainsQuery {
    /// Only what was sold in this year; all by default.
    #[param(value_type = Option<i32>, minimum = 1900, maximum = 2199)]
    year: Option<String>,
    /// `json` (default) or `csv`.
    #[param(pattern = "^(json|csv)$")]
    format: Option<String>,
}

impl GainsQuery {
    fn parse(&self) -> Result<(Option<i32>, FileFormat), Problem> {
        let mut fields = Fields::default();
        let (first, last) = (Day::FIRST.year(), Day::LAST.year());
        let year = self.year.as_deref().map(|text| {
            let is_plain = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            let year = text.parse().ok().filter(|year| is_plain && (first..=last).contains(year));
            year.ok_or_else(|| format!("must be a year between {first} and {last}"))
        });
        let year = fields.take_optional("year", year);
        let format = match self.format.as_deref() {
            None | Some("json") => Ok(FileFormat::Json),
            Some("csv") => Ok(FileFormat::Csv),
            Some(_) => Err("must be json or csv"),
        };
        let format = fields.take("format", format);
        fields.finish(year.zip(format))
    }
}

/// What the sales of a portfolio realised, lot by lot, with totals by year and by symbol.
///
/// Recorded sales and sales from the wallet are listed together. Rules on wash sales are not applied, and it is no tax advice.
#[utoipa::path(
    get,
    path = "/portfolios/{id}/gains",
    operation_id = "portfolio_gains",
    tag = "activities",
    params(("id" = String, Path, description = "Id of the portfolio"), GainsQuery),
    responses(
        (status = 200, description = "The gains. The JSON has at most 1,000 rows, and a link to all of them if there are more; CSV has the sales alone", content((PortfolioGains = "application/json"), (String = "text/csv"))),
        (status = 303, description = "With `format=csv` and more than 1,000 sales: `Location` is the link to the file, and the body has it too", body = ExportLink),
        responses::OwnPortfolio, responses::Parameters,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<GainsQuery>,
    id: Result<IdPath, Problem>,
) -> Result<Response, Problem> {
    let (year, format) = query.parse()?;
    let (customer, portfolio) = (caller.customer_id, PortfolioId(id?.0));
    match format {
        FileFormat::Json => Ok(axum::Json(gains::find(&market, customer, portfolio, year).await?).into_response()),
        FileFormat::Csv => download::respond(gains::find_as_csv(&market, customer, portfolio, year).await?),
    }
}
