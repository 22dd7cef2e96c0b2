//! What the sales of each symbol have gained, in the base currency.

use std::collections::BTreeMap;

use domain::{PortfolioId, Symbol};
use ledger::fx::realized_in_base;
use ledger::replay::replay;
use ledger::{Movement, Position, Refusal, Relieved, Trade};
use rust_decimal::Decimal;

use super::lots::Stored;
use crate::error::ServiceError;
use crate::exchange_rates::ExchangeRates;
use crate::{App, positions};

/// By symbol what its sales have gained; none without a rate of a day of a purchase or a sale.
///
/// Of a foreign instrument each side of a sale is exchanged at the rate of its own day. What a sale took comes from a
/// replay of the trades by the splits that the position has folded: those may have become known after the sale, and a
/// record does not list every lot of a large pool.
pub(super) async fn by_symbol(
    app: &App,
    id: PortfolioId,
    stored: &BTreeMap<Symbol, Stored>,
    rates: &ExchangeRates,
) -> Result<BTreeMap<Symbol, Option<Decimal>>, ServiceError> {
    let mut gains = BTreeMap::new();
    let mut foreign = Vec::new();
    for position in stored.values().filter_map(|stored| stored.position.as_ref()) {
        if position.currency == rates.base() {
            gains.insert(position.symbol.clone(), Some(position.realized_gain.amount()));
        } else {
            foreign.push(position);
        }
    }
    if foreign.is_empty() {
        return Ok(gains);
    }
    let trades = positions::of_portfolio(app, id).await?;
    for position in foreign {
        let of_symbol = trades.iter().filter(|trade| trade.symbol == position.symbol);
        gains.insert(position.symbol.clone(), in_base(position, of_symbol, rates)?);
    }
    Ok(gains)
}

fn in_base<'a>(
    position: &Position,
    trades: impl Iterator<Item = &'a Trade>,
    rates: &ExchangeRates,
) -> Result<Option<Decimal>, Refusal> {
    let movements = trades.map(Movement::try_from).collect::<Result<Vec<_>, _>>()?;
    let splits = position.folded.as_ref().map_or(&[][..], |folded| &folded.splits);
    let mut sum = Ok(Some(Decimal::ZERO));
    replay(position, &movements, splits, |sale, lots| {
        let gain = lots.iter().map(|lot| of_lot(sale, lot, rates));
        let gain = gain.sum::<Result<Option<Decimal>, Refusal>>();
        sum = sum.clone().and_then(|sum| Ok(sum.zip(gain?).map(|(sum, gain)| sum + gain)));
    })?;
    sum
}

/// What a sale gained on what it took of a lot.
fn of_lot(sale: &Movement, lot: &Relieved, rates: &ExchangeRates) -> Result<Option<Decimal>, Refusal> {
    let rate = |day| rates.of_flow(sale.currency(), day);
    let Some((sold, bought)) = rate(sale.day()).zip(rate(lot.acquired_on)) else { return Ok(None) };
    Ok(Some(realized_in_base(lot.proceeds, sold, lot.cost, bought, rates.base())?.amount()))
}
