//! `/customers/me/overview`: everything of a customer in one answer. It needs prices, which the function `customers` has
//! no permission to request.

use api::{Caller, Fields, Problem, Query, responses};
use axum::Json;
use axum::extract::State;
use books::overview::{self, Attention, AttentionKind, CustomerOverview, MAX_DAYS, OverviewRequest};
use chrono::TimeDelta;
use domain::Currency;
use market_data::MarketData;
use notifications::alerts::{self, Alert};
use serde::Deserialize;
use utoipa::IntoParams;

/// Days of values by day, unless the client asks for another number.
const DEFAULT_DAYS: i32 = 30;
/// For how long a fired alert needs attention.
const FIRED_WITHIN: TimeDelta = TimeDelta::days(7);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverviewQuery {
    /// Calendar days of values by day, up to the market's today.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 366, default = 30, example = 30)]
    days: Option<String>,
    /// The currency of every amount; USD by default.
    #[param(value_type = Option<Currency>, example = "USD")]
    currency: Option<String>,
}

impl OverviewQuery {
    fn parse(&self) -> Result<OverviewRequest, Problem> {
        let mut fields = Fields::default();
        let days = self.days.as_deref().map_or(Ok(DEFAULT_DAYS), |days| {
            let days = days.parse::<u16>().ok().map(i32::from).filter(|days| (1..=MAX_DAYS).contains(days));
            days.ok_or_else(|| format!("must be a whole number from 1 to {MAX_DAYS}"))
        });
        let days = fields.take("days", days);
        let currency = fields.take("currency", self.currency.as_deref().map_or(Ok(Currency::USD), str::parse));
        fields.finish(days.zip(currency).map(|(days, currency)| OverviewRequest { days, currency }))
    }
}

/// Everything that the caller holds, in one small response.
///
/// Total value and cash, the portfolios with value, gain and return, value and money put in by day, the positions over all
/// portfolios, and what needs attention. Every figure is the sum of those that holdings and performance of the portfolios
/// show.
#[utoipa::path(
    get,
    path = "/customers/me/overview",
    operation_id = "customer_overview",
    tag = "portfolios",
    params(OverviewQuery),
    responses(
        (status = 200, description = "Sums over all portfolios and the cash, in one currency", body = CustomerOverview),
        responses::Parameters,
    )
)]
pub(crate) async fn read(
    State(market): State<MarketData>,
    caller: Caller,
    Query(query): Query<OverviewQuery>,
) -> Result<Json<CustomerOverview>, Problem> {
    let (request, customer) = (query.parse()?, caller.customer_id);
    let since = market.app.now() - FIRED_WITHIN;
    let found = overview::compute(&market, customer, request).await?;
    let fired = alerts::list_fired_since(&market.app, customer, since).await?;
    Ok(Json(found.with_attention(fired.iter().map(attention))))
}

fn attention(alert: &Alert) -> Attention {
    let on = alert.last_fired_on.map(|day| format!(" on {day}")).unwrap_or_default();
    Attention {
        kind: AttentionKind::AlertFired,
        detail: format!("{}: an alert fired{on}.", alert.symbol),
        link: format!("/alerts/{}/history", alert.id),
    }
}
