//! The flows of a portfolio by symbol: its trades and its activities.

use std::collections::{BTreeMap, HashMap};

use app::error::ServiceError;
use app::{App, listing};
use domain::decimal::DECIMALS;
use domain::portfolio::CashTreatment;
use domain::{Bars, Currency, Day, Price, Quantity, Symbol};
use ledger::activity::{AdjustmentDetails, BuyDetails, SellDetails, TransferInDetails};
use ledger::lots::LotPick;
use ledger::recorded::Removal;
use ledger::{Activity, ActivityEvent, LotMethod, Refusal, Rules, Side, lots};
use market_data::price_lines::{PriceLine, PriceLines};
use rust_decimal::Decimal;
use serde::Deserialize;
use store::documents;
use store::keys::List;
use uuid::Uuid;
use valuation::{Flow, FlowKind, Income, LotChange, LotMove};

use crate::activities::{RecordedInstrument, RecordedPositions};

/// Days after which a close is too old to be the worth of units that are transferred.
const MAX_CLOSE_AGE: i32 = 7;

/// The flows of one symbol, oldest first.
#[derive(Clone, Debug)]
pub(super) struct SymbolFlows {
    pub currency: Currency,
    pub flows: Vec<Flow>,
    /// Its recorded income and charges, oldest first.
    pub incomes: Vec<Income>,
    /// What they did to lots: of the recorded book, and of the trades.
    pub lots: [Vec<LotMove>; 2],
}

impl Default for SymbolFlows {
    fn default() -> Self {
        Self { currency: Currency::USD, flows: Vec::new(), incomes: Vec::new(), lots: Default::default() }
    }
}

/// The flows of activities, and what they did to lots.
type RecordedFlows = (Vec<Flow>, Vec<LotMove>);

/// Flows by symbol.
pub(super) type Flows = BTreeMap<Symbol, SymbolFlows>;

/// The fields of a trade that determine its flow. With thousands of trades, the others are not worth reading.
#[derive(Debug, Deserialize)]
pub(super) struct TradeFlow {
    pub id: Uuid,
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    pub price: Price,
    pub amount: Decimal,
    pub fee: Decimal,
    pub currency: Currency,
    pub market_day: Day,
    #[serde(default)]
    pub rules: Rules,
    /// What a sale took of each lot; of a pool only its total counts.
    #[serde(default)]
    pub lots: Vec<LotPick>,
    #[serde(default)]
    pub lot_method: Option<LotMethod>,
}

impl TradeFlow {
    fn flow(&self) -> Flow {
        let (kind, amount) = match self.side {
            Side::Buy => (FlowKind::Bought, self.amount + self.fee),
            Side::Sell => (FlowKind::Sold, self.amount - self.fee),
        };
        Flow {
            day: self.market_day,
            kind,
            units: self.quantity,
            price: self.price,
            amount,
            fee: self.fee,
            tax: Decimal::ZERO,
            from_cash: false,
            unit_decimals: self.rules.decimals(),
        }
    }

    /// What it did to the lots of its position.
    fn lot_moves(&self) -> impl Iterator<Item = LotMove> {
        let change = match self.side {
            Side::Buy => Some(LotChange::Entered { lot: self.id.as_u128(), units: self.quantity, amount: self.amount }),
            // The record of a sale from a pool may list lots together.
            Side::Sell if self.lot_method == Some(LotMethod::Average) => {
                Some(LotChange::LeftPool { units: self.quantity })
            }
            Side::Sell => None,
        };
        let taken = self.lots.iter().filter(move |_| change.is_none());
        let left = taken.map(|pick| LotChange::Left { lot: pick.lot_id.as_u128(), units: pick.quantity });
        change.into_iter().chain(left).map(|change| LotMove { day: self.market_day, change })
    }
}

/// The trades of a list, in order of their ids, which is that of their times.
pub(super) async fn read_trades(app: &App, list: List) -> Result<Vec<TradeFlow>, ServiceError> {
    let items = listing::read_all(app, list).await?;
    Ok(items.iter().map(documents::parse).collect::<Result<_, _>>()?)
}

/// Trades and activities together by symbol, oldest first. Within a day their order does not matter. Units that were
/// transferred are worth the close of their day in `prices`.
pub(super) fn by_symbol<'a>(
    trades: impl IntoIterator<Item = &'a TradeFlow>,
    recorded: &RecordedPositions,
    prices: &PriceLines,
    cash: CashTreatment,
) -> Result<Flows, Refusal> {
    let mut all = Flows::new();
    for (symbol, of_symbol) in recorded {
        let bars = prices.get(symbol).map(PriceLine::bars);
        let (flows, moves) = of_recorded(of_symbol, bars, cash)?;
        let currency = of_symbol.position.currency;
        all.insert(symbol.clone(), SymbolFlows { currency, flows, incomes: Vec::new(), lots: [moves, Vec::new()] });
    }
    for trade in trades {
        let fresh = || SymbolFlows { currency: trade.currency, ..SymbolFlows::default() };
        let SymbolFlows { flows, lots: [_, traded], .. } = all.entry(trade.symbol.clone()).or_insert_with(fresh);
        flows.push(trade.flow());
        traded.extend(trade.lot_moves());
    }
    for owned in all.values_mut() {
        owned.flows.sort_by_key(|flow| flow.day);
    }
    Ok(all)
}

/// The flows of the activities of an instrument. What leaves is what its replay found to be there.
fn of_recorded(
    recorded: &RecordedInstrument,
    bars: Option<&Bars>,
    cash: CashTreatment,
) -> Result<RecordedFlows, Refusal> {
    let removals = recorded.position.removals.iter();
    let removed: HashMap<Uuid, &Removal> = removals.map(|removal| (removal.activity_id, removal)).collect();
    let mut flows = Vec::with_capacity(recorded.activities.len());
    let mut moves = Vec::with_capacity(recorded.activities.len());
    for activity in &recorded.activities {
        let removal = removed.get(&activity.id).copied();
        let mut flow = of_activity(activity, removal.map(|removal| removal.quantity), bars)?;
        // Cash of another currency counts apart, as money that leaves or comes in.
        let is_of_its_currency = activity.event.paid().is_none_or(|paid| paid.currency == activity.currency());
        let is_paid = is_of_its_currency && matches!(activity.event, ActivityEvent::Buy(_) | ActivityEvent::Sell(_));
        if let Some(flow) = &mut flow {
            flow.from_cash = is_paid && cash == CashTreatment::Tracked;
        }
        if let Some(entered) = flow.filter(|flow| flow.kind.is_inflow()) {
            let (lot, amount) = (activity.id.as_u128(), entered.amount - entered.fee);
            let change = LotChange::Entered { lot, units: entered.units, amount };
            moves.push(LotMove { day: activity.date, change });
        }
        let parts = removal.into_iter().flat_map(|removal| &removal.parts);
        let left = parts.map(|part| LotChange::Left { lot: part.lot_id.as_u128(), units: part.quantity });
        moves.extend(left.map(|change| LotMove { day: activity.date, change }));
        flows.extend(flow);
    }
    Ok((flows, moves))
}

/// The flow of an activity; none if it moves no units, or units without any worth.
fn of_activity(activity: &Activity, removed: Option<Quantity>, bars: Option<&Bars>) -> Result<Option<Flow>, Refusal> {
    let Some(units) = activity.event.units() else { return Ok(None) };
    let (day, units, unit_decimals) = (activity.date, removed.unwrap_or(units.quantity), DECIMALS);
    let tax = Decimal::ZERO;
    let flow =
        |kind, price, amount, fee| Flow { day, kind, units, price, amount, fee, tax, from_cash: false, unit_decimals };
    let transferred = |kind, unit_price: Option<Price>| {
        let Some(price) = bars.and_then(|bars| worth_on(day, bars, unit_price)).or(unit_price) else { return Ok(None) };
        let worth = lots::value(units, price, activity.currency())?;
        Ok(Some(flow(kind, price, worth.amount(), Decimal::ZERO)))
    };
    match &activity.event {
        ActivityEvent::Buy(BuyDetails { unit_price, amount, fee, tax, .. }) => {
            let (cost, fee, tax) = (amount.amount() + fee.amount(), fee.amount(), tax.amount());
            Ok(Some(Flow { tax, ..flow(FlowKind::Added, *unit_price, cost, fee) }))
        }
        ActivityEvent::Sell(SellDetails { unit_price, amount, fee, tax, .. }) => {
            let (proceeds, fee, tax) = (amount.amount() - fee.amount(), fee.amount(), tax.amount());
            Ok(Some(Flow { tax, ..flow(FlowKind::Sold, *unit_price, proceeds, fee) }))
        }
        ActivityEvent::TransferIn(TransferInDetails { unit_price, .. })
        | ActivityEvent::Adjustment(AdjustmentDetails { is_removal: false, unit_price, .. }) => {
            transferred(FlowKind::Added, *unit_price)
        }
        ActivityEvent::TransferOut(_) | ActivityEvent::Adjustment(_) => transferred(FlowKind::Removed, None),
        ActivityEvent::Split { .. } | ActivityEvent::Cash(_) | ActivityEvent::Exchange(_) => Ok(None),
    }
}

/// The worth of a transferred unit: the close of the day, or the last one of the seven days before. Without one it is
/// what it had cost; if that is not known either, the last close before, else the first one after.
fn worth_on(day: Day, bars: &Bars, unit_price: Option<Price>) -> Option<Price> {
    let before = bars.count_through(day).checked_sub(1);
    let is_recent = before.and_then(|at| bars.dates().get(at)).is_some_and(|&on| day.days_since(on) <= MAX_CLOSE_AGE);
    let close = |at: usize| Price::from_bar(*bars.close().get(at)?).ok();
    if is_recent { before.and_then(close) } else { unit_price.or_else(|| close(before.unwrap_or(0))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_of_a_trade_has_its_amount_and_fee() {
        let record = r#"{"id":"0190aaaa-0000-7000-8000-000000000001","portfolio_id":"0190aaaa-0000-7000-8000-000000000000",
            "side":"sell","symbol":"AAPL","quantity":"2.5","price":"430.47","amount":"1076.18","fee":"1.50",
            "currency":"USD","market_day":"2013-03-01","lots":[{"lot_id":"0190aaaa-0000-7000-8000-000000000002","quantity":"2.5","gain":"1.00"}]}"#;
        let trade: TradeFlow = serde_json::from_str(record).unwrap();
        let of =
            |trade| by_symbol([trade], &RecordedPositions::new(), &PriceLines::new(), CashTreatment::Ignored).unwrap();
        let flows = of(&trade);
        let flow = flows[&trade.symbol].flows[0];
        assert_eq!((flow.kind, flow.amount.to_string().as_str()), (FlowKind::Sold, "1074.68"));
        assert_eq!((flow.fee.to_string().as_str(), flow.day), ("1.50", trade.market_day));
        assert_eq!(flow.unit_decimals, 8, "a record without a version is of the first rules");
        let current: TradeFlow = serde_json::from_str(&record.replacen('{', r#"{"rules":2,"#, 1)).unwrap();
        assert_eq!(of(&current)[&trade.symbol].flows[0].unit_decimals, DECIMALS);
    }
}
