//! The realised gains of each symbol in the base currency, and the flows without a rate of their day.

use std::collections::{BTreeMap, HashMap};

use app::error::ServiceError;
use domain::{Currency, Day, ExchangeRate, PortfolioId, Symbol};
use ledger::fx::{realized_in_base, side};
use ledger::recorded::Removal;
use ledger::replay::replay;
use ledger::{FoldedSplits, LotMovement, Position, RecordedPosition, Refusal, Side, Trade};
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::market_day;
use rust_decimal::Decimal;
use uuid::Uuid;
use valuation::{FlowCount, Unvalued};

use super::lots::{PortfolioLots, Sale, added};
use crate::activities::RecordedInstrument;
use crate::positions;

/// The result of the trades and activities of each symbol.
#[derive(Debug, Default)]
pub(super) struct RealizedGains {
    /// The realised gains; [`Unvalued::FxUnavailable`] if the rate of a purchase or sale day is missing, else
    /// [`Unvalued::CostUnknown`] if what a sale took had cost is not known.
    pub(super) gains: BTreeMap<Symbol, Result<Decimal, Unvalued>>,
    /// Purchases and sales converted at the rate of another day.
    pub(super) without_rate: BTreeMap<Symbol, FlowCount>,
}

impl RealizedGains {
    fn add(&mut self, symbol: &Symbol, gain: Result<Decimal, Unvalued>) {
        let sum = self.gains.entry(symbol.clone()).or_insert(Ok(Decimal::ZERO));
        *sum = added(*sum, gain);
    }
}

/// The realised gains of the sales of each symbol.
///
/// For a foreign instrument, each side of a sale is converted at the rate of its own day. What a sale from the wallet
/// took is listed in its record, if the position has folded the splits that its records name. It comes from a replay of
/// the trades if a split became known after a sale, or if a record does not list every lot of a large pool.
pub(super) async fn compute_by_symbol(
    market: &MarketData,
    id: PortfolioId,
    lots: &PortfolioLots,
    rates: &ExchangeRates,
) -> Result<RealizedGains, ServiceError> {
    let PortfolioLots { by_symbol: stored, trades: read, .. } = lots;
    let mut realized = RealizedGains::default();
    let mut foreign = Vec::new();
    for (symbol, stored) in stored {
        if let Some(recorded) = &stored.recorded {
            realized.add(symbol, of_recorded(recorded, rates)?);
        }
        let Some(position) = stored.position.as_ref() else { continue };
        if position.currency == rates.base() {
            realized.add(symbol, Ok(position.realized_gain.amount()));
        } else {
            foreign.push((position, stored.sales.as_deref()));
        }
    }
    let mut trades: BTreeMap<Symbol, Vec<Trade>> = BTreeMap::new();
    if !foreign.is_empty() {
        let read = match read {
            Some(read) => read.clone(),
            None => positions::read_trades(&market.app, id).await?,
        };
        for trade in read {
            trades.entry(trade.symbol.clone()).or_default().push(trade);
        }
    }
    for (symbol, stored) in stored {
        let trades = trades.get(symbol).map_or(&[][..], Vec::as_slice);
        if let Some(noted) = without_rate(trades, stored.recorded.as_ref(), market_day(market), rates) {
            realized.without_rate.insert(symbol.clone(), noted);
        }
    }
    for (position, replayed) in foreign {
        let gain = if let Some(sales) = replayed {
            in_base(position.currency, sales, rates)?
        } else {
            let trades = trades.remove(&position.symbol).unwrap_or_default();
            in_base(position.currency, &find_sales(position, trades).await?, rates)?
        };
        realized.add(&position.symbol, gain.ok_or(Unvalued::FxUnavailable));
    }
    Ok(realized)
}

/// The sales of a position if those at average cost had taken the oldest lots.
pub(super) async fn find_sales_by_age(position: &Position, trades: Vec<Trade>) -> Result<Vec<Sale>, ServiceError> {
    let folded = position.folded.clone().unwrap_or_else(|| FoldedSplits::of_trades(&trades));
    replay_sales(position.clone(), trades, folded, LotMovement::by_age).await
}

/// The flows up to `today` that are converted at the rate of another day, without trades in the base currency.
pub(super) fn without_rate(
    trades: &[Trade],
    recorded: Option<&RecordedInstrument>,
    today: Day,
    rates: &ExchangeRates,
) -> Option<FlowCount> {
    let traded = trades.iter().map(|trade| (trade.currency, trade.market_day));
    let moving = recorded.into_iter().flat_map(|recorded| &recorded.activities);
    let moving = moving.filter(|activity| activity.event.units().is_some());
    let flows =
        traded.chain(moving.map(|activity| (activity.currency(), activity.date))).filter(|&(_, day)| day <= today);
    let of_another_day = |&(currency, day): &(Currency, Day)| {
        rates.on(currency, day).is_none() && rates.of_flow(currency, day).is_some()
    };
    let days: Vec<Day> = flows.filter(of_another_day).map(|(_, day)| day).collect();
    let first = *days.iter().min()?;
    Some(FlowCount { flows: u32::try_from(days.len()).unwrap_or(u32::MAX), first })
}

/// The realised gain of the recorded sales; not known if more units left than were held.
fn of_recorded(recorded: &RecordedInstrument, rates: &ExchangeRates) -> Result<Result<Decimal, Unvalued>, Refusal> {
    if recorded.position.lacks_units() {
        return Ok(Err(Unvalued::SplitConflict));
    }
    let RecordedPosition { currency, removals, .. } = &recorded.position;
    let came_in = came_in(recorded);
    let mut sum = Ok(Decimal::ZERO);
    for Removal { day, parts, .. } in removals {
        let mut exchanged = Vec::with_capacity(parts.len());
        for part in parts {
            // What was not sold has no proceeds.
            let Some(proceeds) = part.proceeds else { continue };
            let bought = part.acquired_on.or_else(|| came_in.get(&part.lot_id).copied()).unwrap_or(*day);
            let Some(cost) = part.cost else {
                sum = Err(Unvalued::CostUnknown);
                continue;
            };
            let at = |day| rates.of_flow(*currency, day);
            let sold = side(proceeds, at(*day), part.paid_proceeds, rates.base());
            let Some(sides) = sold.zip(side(cost, at(bought), part.paid_cost, rates.base())) else {
                return Ok(Err(Unvalued::FxUnavailable));
            };
            exchanged.push(sides);
        }
        let gain = realized_in_base(exchanged, rates.base())?.amount();
        sum = sum.map(|sum| sum + gain);
    }
    Ok(sum)
}

/// The day on which the units of each activity came in, or left.
pub(super) fn came_in(recorded: &RecordedInstrument) -> HashMap<Uuid, Day> {
    recorded.activities.iter().map(|activity| (activity.id, activity.date)).collect()
}

/// The rates of a sale: that of its day, and that of the purchase.
pub(super) fn rates_of(
    rates: &ExchangeRates,
    currency: Currency,
    sold_on: Day,
    bought_on: Day,
) -> Option<(ExchangeRate, ExchangeRate)> {
    rates.of_flow(currency, sold_on).zip(rates.of_flow(currency, bought_on))
}

/// What the sales of a stored position took.
pub(super) async fn find_sales(position: &Position, trades: Vec<Trade>) -> Result<Vec<Sale>, ServiceError> {
    let folded = position.folded.clone().unwrap_or_else(|| FoldedSplits::of_trades(&trades));
    match recorded(&trades, &folded) {
        Some(sales) => Ok(sales),
        None => replay_sales(position.clone(), trades, folded, std::convert::identity).await,
    }
}

/// The sales as listed in their records, if these use the folded splits.
fn recorded(trades: &[Trade], folded: &FoldedSplits) -> Option<Vec<Sale>> {
    if FoldedSplits::of_trades(trades).splits != folded.splits {
        return None;
    }
    let sales = trades.iter().filter(|trade| trade.side == Side::Sell);
    let taken = |sale: &Trade| Some(Sale { trade_id: sale.id, day: sale.market_day, lots: sale.lots_taken()? });
    sales.map(taken).collect()
}

/// The sales as a replay finds them: each visits every open lot, so thousands take time.
async fn replay_sales(
    position: Position,
    trades: Vec<Trade>,
    folded: FoldedSplits,
    made: fn(LotMovement) -> LotMovement,
) -> Result<Vec<Sale>, ServiceError> {
    let work = move || {
        let movements = trades.iter().map(|trade| LotMovement::try_from(trade).map(made));
        let movements = movements.collect::<Result<Vec<_>, Refusal>>()?;
        let mut sales = Vec::new();
        replay(&position, &movements, &folded.splits, |sale, lots| {
            sales.push(Sale { trade_id: sale.id(), day: sale.day(), lots: lots.to_vec() });
        })?;
        Ok::<_, Refusal>(sales)
    };
    let sales = tokio::task::spawn_blocking(work).await;
    Ok(sales.map_err(|error| ServiceError::fault("replaying the trades of a position", error))??)
}

/// The sum of the gains of all sales.
fn in_base(currency: Currency, sales: &[Sale], rates: &ExchangeRates) -> Result<Option<Decimal>, Refusal> {
    let mut sum = Decimal::ZERO;
    for Sale { day, lots, .. } in sales {
        let exchanged = lots.iter().map(|lot| {
            let (sold, bought) = rates_of(rates, currency, *day, lot.acquired_on)?;
            Some(((lot.proceeds, sold), (lot.cost, bought)))
        });
        let Some(exchanged) = exchanged.collect::<Option<Vec<_>>>() else { return Ok(None) };
        sum += realized_in_base(exchanged, rates.base())?.amount();
    }
    Ok(Some(sum))
}

#[cfg(test)]
mod tests {
    use domain::Split;
    use serde_json::{Value, json};

    use super::*;

    fn trade(side: &str, day: &str, fields: &Value) -> Trade {
        let mut trade = json!({
            "id": "0190aaaa-0000-7000-8000-000000000001", "portfolio_id": "0190aaaa-0000-7000-8000-000000000000",
            "side": side, "symbol": "SAP", "quantity": "20", "price": "10", "amount": "200.00", "fee": "0.00",
            "currency": "EUR", "market_day": day, "quote_as_of": "2013-01-02T15:00:00Z",
            "created_at": "2013-01-02T15:00:00Z", "cash_after": "0.00",
            "position": {"symbol": "SAP", "quantity": "0", "cost": "0.00", "average_cost": null},
            "realized_gain": null, "lots": [], "rules": 2,
        });
        trade.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(trade).unwrap()
    }

    fn line() -> Value {
        json!({
            "lot_id": "0190aaaa-0000-7000-8000-000000000001", "acquired_on": "2013-01-02", "quantity": "0.2",
            "cost": "1.00", "proceeds": "2.00", "gain": "1.00",
        })
    }

    fn bought_and_sold(lines: usize) -> [Trade; 2] {
        let split = json!([{"day": "2013-01-03", "ratio": "2"}]);
        let sold = json!({"lots": vec![line(); lines], "splits": split, "lot_method": "average"});
        [trade("buy", "2013-01-02", &json!({})), trade("sell", "2013-01-04", &sold)]
    }

    #[test]
    fn a_complete_record_with_the_folded_splits_is_what_a_sale_took() {
        let trades = bought_and_sold(99);
        let folded = FoldedSplits::of_trades(&trades);
        let sales = recorded(&trades, &folded).unwrap();
        assert_eq!((sales.len(), sales[0].day, sales[0].lots.len()), (1, "2013-01-04".parse().unwrap(), 99));
        let other = Split { day: "2013-01-03".parse().unwrap(), ratio: "3".parse().unwrap() };
        let late = FoldedSplits { splits: vec![other], ..folded.clone() };
        assert_eq!(recorded(&trades, &late), None, "made with a different split than is known now");
        assert_eq!(recorded(&bought_and_sold(100), &folded), None, "the last line may stand for many lots");
    }
}
