//! Exports a portfolio's investments as a file that can be imported again.

use app::App;
use app::error::ServiceError;
use domain::{Currency, CustomerId, Day, Investment, PortfolioId, Price, Quantity, Symbol};
use serde::Serialize;
use store::limits::MAX_PAGE_ITEMS;
use store::{Query, documents, keys};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rows::{COLUMNS, Format, formula_safe};
use crate::portfolios;

/// The exported investments of a portfolio.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvestmentExport)]
pub struct Export {
    /// The investments in the order of purchase dates.
    items: Vec<Exported>,
}

/// An exported investment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedInvestment)]
struct Exported {
    /// Id of the investment.
    id: Uuid,
    /// Symbol of the instrument.
    ticker_symbol: Symbol,
    /// Units as of the purchase date.
    quantity: Quantity,
    /// Price per unit.
    purchase_price: Price,
    /// Day of the purchase.
    purchase_date: Day,
    /// The cost of the purchase in addition to the price.
    #[schema(value_type = domain::schema::DecimalString)]
    fee: String,
    /// Currency of price and fee.
    currency: Currency,
}

/// All investments of a portfolio as a file. The order tracks from the content of the rows and not from their ids, so
/// exporting an import gives the same file again.
pub async fn export(
    app: &App,
    customer: CustomerId,
    portfolio: PortfolioId,
    format: Format,
) -> Result<Vec<u8>, ServiceError> {
    portfolios::load(app, customer, portfolio).await?;
    let mut investments = read_all(app, portfolio).await?;
    investments.sort_by(|a, b| order(a).cmp(&order(b)));
    match format {
        Format::Csv => csv_file(&investments),
        Format::Json => json_file(&investments),
    }
}

fn order(investment: &Investment) -> impl Ord + '_ {
    let Investment { purchase_date, ticker_symbol, quantity, purchase_price, fee, id, .. } = investment;
    (*purchase_date, ticker_symbol.as_str(), *quantity, purchase_price.amount(), fee.amount(), *id)
}

/// Every investment of a portfolio.
pub(crate) async fn read_all(app: &App, portfolio: PortfolioId) -> Result<Vec<Investment>, ServiceError> {
    let list = keys::investments(portfolio);
    let mut query = Query::forward(list.partition, list.range, MAX_PAGE_ITEMS);
    let mut found = Vec::new();
    loop {
        let page = app.table().query(&query).await?;
        for item in &page.items {
            found.push(documents::parse(item)?);
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(found),
        }
    }
}

fn csv_file(investments: &[Investment]) -> Result<Vec<u8>, ServiceError> {
    let fault = |error: csv::Error| ServiceError::fault("exporting to CSV failed", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(fault)?;
    for investment in investments {
        let cells = [
            investment.ticker_symbol.to_string(),
            investment.quantity.to_string(),
            investment.purchase_price.to_string(),
            investment.purchase_date.to_string(),
            investment.fee.to_string(),
            investment.currency().to_string(),
        ];
        writer.write_record(cells.map(|cell| formula_safe(&cell))).map_err(fault)?;
    }
    writer.into_inner().map_err(|error| ServiceError::fault("exporting to CSV failed", error))
}

fn json_file(investments: &[Investment]) -> Result<Vec<u8>, ServiceError> {
    let exported = |investment: &Investment| Exported {
        id: investment.id,
        ticker_symbol: investment.ticker_symbol.clone(),
        quantity: investment.quantity,
        purchase_price: investment.purchase_price,
        purchase_date: investment.purchase_date,
        fee: investment.fee.to_string(),
        currency: investment.currency(),
    };
    let export = Export { items: investments.iter().map(exported).collect() };
    serde_json::to_vec(&export).map_err(|error| ServiceError::fault("exporting to JSON failed", error))
}
