//! Exports a portfolio's investments as a file that can be imported again.

use app::error::ServiceError;
use domain::{Currency, CustomerId, Day, PortfolioId, Price, Quantity, Symbol};
use import_files::formulas::formula_safe;
use market_data::MarketData;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rows::{COLUMNS, Format};
use crate::investments::{self, RecordedInvestment};
use crate::{activities, portfolios};

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
    /// Units as recorded, as of the purchase date.
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

/// The open investments of a portfolio as a file, as they were recorded. The order comes from the content of the rows
/// and not from their ids, so exporting an import gives the same file again.
pub async fn export(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    format: Format,
) -> Result<Vec<u8>, ServiceError> {
    let method = portfolios::load(&market.app, customer, portfolio).await?.record.portfolio.lot_method;
    let history = activities::read_history(&market.app, portfolio).await?;
    let open = investments::find_open(market, &history, method, market.budget_for(customer)).await?;
    let mut rows: Vec<_> = investments::open_investments(&history, &open).collect();
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    match format {
        Format::Csv => csv_file(&rows),
        Format::Json => json_file(&rows),
    }
}

fn order<'a>(investment: &RecordedInvestment<'a>) -> impl Ord + use<'a> {
    let RecordedInvestment { activity, symbol, quantity, price, fee } = investment;
    (activity.date, symbol.as_str(), *quantity, price.amount(), fee.amount(), activity.id)
}

fn csv_file(investments: &[RecordedInvestment<'_>]) -> Result<Vec<u8>, ServiceError> {
    let fault = |error: csv::Error| ServiceError::fault("exporting to CSV failed", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(fault)?;
    for investment in investments {
        let cells = [
            investment.symbol.to_string(),
            investment.quantity.to_string(),
            investment.price.to_string(),
            investment.activity.date.to_string(),
            investment.fee.to_string(),
            investment.fee.currency().to_string(),
        ];
        writer.write_record(cells.map(|cell| formula_safe(&cell))).map_err(fault)?;
    }
    writer.into_inner().map_err(|error| ServiceError::fault("exporting to CSV failed", error))
}

fn json_file(investments: &[RecordedInvestment<'_>]) -> Result<Vec<u8>, ServiceError> {
    let exported = |investment: &RecordedInvestment<'_>| Exported {
        id: investment.activity.id,
        ticker_symbol: investment.symbol.clone(),
        quantity: investment.quantity,
        purchase_price: investment.price,
        purchase_date: investment.activity.date,
        fee: investment.fee.to_string(),
        currency: investment.fee.currency(),
    };
    let export = Export { items: investments.iter().map(exported).collect() };
    serde_json::to_vec(&export).map_err(|error| ServiceError::fault("exporting to JSON failed", error))
}
