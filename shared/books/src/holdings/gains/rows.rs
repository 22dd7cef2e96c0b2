//! A row for each lot that a sale took from.

use std::collections::{BTreeMap, HashMap};

use domain::{Currency, Day, LongTerm, LotMethod, Money, Quantity, Symbol};
use ledger::activity::SellDetails;
use ledger::fx::rate_as_paid;
use ledger::gains::{self, ListedPart, PartAmounts, PartRates, SaleTerms, TakenPart};
use ledger::recorded::Removal;
use ledger::{Activity, ActivityEvent, Refusal, RelievedLot, Trade};
use market_data::exchange_rates::ExchangeRates;
use uuid::Uuid;
use valuation::Unvalued;

use super::super::lots::{Sale, written};
use super::super::realized::{came_in, rates_of};
use super::amounts::Sums;
use super::answer::{GainOrigin, RealizedGain, TransferredLot};
use super::book::Book;
use crate::activities::RecordedInstrument;

/// The rows of sales, and what left without one.
type Listed = Result<(Vec<Row>, Vec<TransferredLot>), Refusal>;

/// A row, whose amounts know why they are missing.
pub(super) struct Row {
    pub(super) symbol: Symbol,
    pub(super) sold_on: Day,
    pub(super) currency: Currency,
    pub(super) amounts: Sums,
    pub(super) in_base: Sums,
    /// When the units were bought, and whether the gain is long-term, if known.
    pub(super) term: Option<domain::Term>,
    acquired_on: Option<Day>,
    origin: GainOrigin,
    sale_id: Uuid,
    lot_id: Option<Uuid>,
    quantity: Quantity,
}

/// A sale of either book, ready to be listed.
struct ListedSale {
    origin: GainOrigin,
    id: Uuid,
    day: Day,
    currency: Currency,
    parts: Vec<ListedPart>,
    /// Why no part of it has a gain.
    conflict: Option<Unvalued>,
}

/// What the lists of a book share.
struct Lister<'a> {
    rates: &'a ExchangeRates,
    long_term: LongTerm,
    rows: Vec<Row>,
    transfers_out: Vec<TransferredLot>,
}

/// All rows, by the day of the sale, then by symbol; and what left without a sale in the same order.
///
/// Errors: a number that the ledger cannot hold.
pub(super) fn list(book: &Book, method: LotMethod, long_term: LongTerm) -> Listed {
    let mut lister = Lister { rates: &book.rates, long_term, rows: Vec::new(), transfers_out: Vec::new() };
    let none = Vec::new();
    for (symbol, stored) in &book.lots.by_symbol {
        if let Some(recorded) = &stored.recorded {
            lister.list_recorded(symbol, recorded, method)?;
        }
        let trades = book.trades.get(symbol).unwrap_or(&none);
        let sales = book.sales.get(symbol).map_or(&[][..], Vec::as_slice);
        let by_age = book.by_age.get(symbol).map_or(&[][..], Vec::as_slice);
        lister.list_traded(symbol, trades, sales, by_age)?;
    }
    let Lister { mut rows, mut transfers_out, .. } = lister;
    rows.sort_by(|left, right| (left.sold_on, &left.symbol).cmp(&(right.sold_on, &right.symbol)));
    transfers_out.sort_by(|left, right| (left.date, &left.symbol).cmp(&(right.date, &right.symbol)));
    Ok((rows, transfers_out))
}

impl Lister<'_> {
    fn list_traded(
        &mut self,
        symbol: &Symbol,
        trades: &[Trade],
        sales: &[Sale],
        by_age: &[Sale],
    ) -> Result<(), Refusal> {
        let trades: HashMap<Uuid, &Trade> = trades.iter().map(|trade| (trade.id, trade)).collect();
        let oldest: HashMap<Uuid, &Sale> = by_age.iter().map(|sale| (sale.trade_id, sale)).collect();
        for sale in sales {
            let Some(trade) = trades.get(&sale.trade_id) else { continue };
            let money = |amount| Money::new(amount, trade.currency);
            let proceeds = money(trade.amount - trade.fee)?;
            let terms = SaleTerms { proceeds, fee: money(trade.fee)?, tax: money(rust_decimal::Decimal::ZERO)? };
            let taken: Vec<TakenPart> = sale.lots.iter().map(of_relieved).collect();
            let bought = taken.iter().map(|part| part.acquired_on.unwrap_or(sale.day));
            let rates = self.rates_of(trade.currency, sale.day, bought);
            let mut parts = gains::list(&taken, &terms, rates.as_deref(), self.rates.base())?;
            if let (Some(LotMethod::Average), Some(oldest)) = (trade.lot_method, oldest.get(&sale.trade_id)) {
                let oldest: Vec<TakenPart> = oldest.lots.iter().map(of_relieved).collect();
                parts = gains::by_age(&parts, &oldest)?;
            }
            let found: rust_decimal::Decimal = sale.lots.iter().map(|lot| lot.quantity.units()).sum();
            self.add(
                symbol,
                ListedSale {
                    origin: GainOrigin::Trade,
                    id: trade.id,
                    day: sale.day,
                    currency: trade.currency,
                    parts: parts_or_none(parts, trade.quantity, &terms),
                    conflict: (found < trade.quantity.units()).then_some(Unvalued::SplitConflict),
                },
            );
        }
        Ok(())
    }

    fn list_recorded(
        &mut self,
        symbol: &Symbol,
        recorded: &RecordedInstrument,
        method: LotMethod,
    ) -> Result<(), Refusal> {
        let activities: HashMap<Uuid, &Activity> =
            recorded.activities.iter().map(|activity| (activity.id, activity)).collect();
        let came_in = came_in(recorded);
        let by_age = if method == LotMethod::Average { recorded.by_age()? } else { None };
        let oldest: HashMap<Uuid, &Removal> =
            by_age.iter().flat_map(|position| &position.removals).map(|one| (one.activity_id, one)).collect();
        let short = recorded.position.shortages.iter().filter(|shortage| shortage.lot_id.is_none());
        let short: Vec<Uuid> = short.map(|shortage| shortage.activity_id).collect();
        let currency = recorded.position.currency;
        for removal in &recorded.position.removals {
            let Some(activity) = activities.get(&removal.activity_id) else { continue };
            let ActivityEvent::Sell(sold) = &activity.event else {
                self.transfers_out.extend(transferred(symbol, currency, activity, removal));
                continue;
            };
            let SellDetails { units, amount, fee, tax, .. } = sold;
            let proceeds = Money::new(amount.amount() - fee.amount(), currency)?;
            let terms = SaleTerms { proceeds, fee: *fee, tax: *tax };
            let taken: Vec<TakenPart> = taken(removal);
            let rates = self.rates_of_removal(currency, removal, &came_in);
            let mut parts = gains::list(&taken, &terms, rates.as_deref(), self.rates.base())?;
            if let Some(oldest) = oldest.get(&removal.activity_id) {
                parts = gains::by_age(&parts, &self::taken(oldest))?;
            }
            self.add(
                symbol,
                ListedSale {
                    origin: GainOrigin::Activity,
                    id: activity.id,
                    day: removal.day,
                    currency,
                    parts: parts_or_none(parts, units.quantity, &terms),
                    conflict: short.contains(&activity.id).then_some(Unvalued::SplitConflict),
                },
            );
        }
        Ok(())
    }

    /// The rates of each part of a sale; nothing if one is missing.
    fn rates_of(&self, currency: Currency, sold: Day, bought: impl Iterator<Item = Day>) -> Option<Vec<PartRates>> {
        bought.map(|bought| rates_of(self.rates, currency, sold, bought)).collect()
    }

    /// The same for a recorded sale. What was paid in base has the rate that it was paid at.
    fn rates_of_removal(
        &self,
        currency: Currency,
        removal: &Removal,
        came_in: &HashMap<Uuid, Day>,
    ) -> Option<Vec<PartRates>> {
        let (base, at) = (self.rates.base(), |day| self.rates.of_flow(currency, day));
        let sold = removal.parts.iter().filter_map(|part| Some((part, part.proceeds?)));
        let rates = sold.map(|(part, proceeds)| {
            let day = part.acquired_on.or_else(|| came_in.get(&part.lot_id).copied()).unwrap_or(removal.day);
            let bought = part.cost.and_then(|cost| rate_as_paid(cost, part.paid_cost, base)).or_else(|| at(day));
            rate_as_paid(proceeds, part.paid_proceeds, base).or_else(|| at(removal.day)).zip(bought)
        });
        rates.collect()
    }

    fn add(&mut self, symbol: &Symbol, sale: ListedSale) {
        let ListedSale { origin, id: sale_id, day: sold_on, currency, parts, conflict } = sale;
        for ListedPart { lot_id, acquired_on, quantity, amounts, in_base } in parts {
            let reason = conflict.unwrap_or(Unvalued::CostUnknown);
            let known = |amounts: PartAmounts| match conflict {
                Some(_) => PartAmounts { gain: None, ..amounts },
                None => amounts,
            };
            self.rows.push(Row {
                symbol: symbol.clone(),
                sold_on,
                currency,
                amounts: Sums::of(&known(amounts), reason),
                in_base: in_base.map_or(Sums::none(Unvalued::FxUnavailable), |base| Sums::of(&known(base), reason)),
                term: acquired_on.and_then(|acquired_on| self.long_term.term(acquired_on, sold_on)),
                acquired_on,
                origin,
                sale_id,
                lot_id,
                quantity,
            });
        }
    }
}

impl Row {
    /// The row as it is shown.
    pub(super) fn shown(self, base: Currency) -> RealizedGain {
        let reasons = [("gain", self.amounts.reason()), ("base/gain", self.in_base.reason())];
        let reasons = reasons.into_iter().filter_map(|(figure, reason)| Some((figure.to_owned(), reason?)));
        RealizedGain {
            unavailable: reasons.collect::<BTreeMap<String, String>>(),
            symbol: self.symbol,
            origin: self.origin,
            sale_id: self.sale_id,
            lot_id: self.lot_id,
            acquired_on: self.acquired_on,
            sold_on: self.sold_on,
            quantity: self.quantity,
            days_held: self.acquired_on.map(|acquired_on| self.sold_on.days_since(acquired_on)),
            term: self.term,
            currency: self.currency,
            amounts: self.amounts.shown(self.currency),
            base: self.in_base.shown(base),
        }
    }
}

/// The parts of a sale, or one of all its units if no lot had any.
fn parts_or_none(parts: Vec<ListedPart>, quantity: Quantity, terms: &SaleTerms) -> Vec<ListedPart> {
    if parts.is_empty() { vec![gains::of_no_lot(quantity, terms)] } else { parts }
}

fn of_relieved(lot: &RelievedLot) -> TakenPart {
    let RelievedLot { lot_id, acquired_on, quantity, cost, proceeds, .. } = *lot;
    TakenPart { lot_id, acquired_on: Some(acquired_on), quantity, cost: Some(cost), proceeds }
}

/// What a recorded sale took; nothing of another removal.
fn taken(removal: &Removal) -> Vec<TakenPart> {
    let part = |part: &ledger::recorded::RelievedPart| {
        let ledger::recorded::RelievedPart { lot_id, acquired_on, quantity, cost, proceeds, .. } = *part;
        Some(TakenPart { lot_id, acquired_on, quantity, cost, proceeds: proceeds? })
    };
    removal.parts.iter().filter_map(part).collect()
}

fn transferred<'a>(
    symbol: &'a Symbol,
    currency: Currency,
    activity: &'a Activity,
    removal: &'a Removal,
) -> impl Iterator<Item = TransferredLot> + 'a {
    removal.parts.iter().map(move |part| TransferredLot {
        symbol: symbol.clone(),
        kind: activity.activity_type(),
        activity_id: activity.id,
        lot_id: part.lot_id,
        acquired_on: part.acquired_on,
        date: removal.day,
        quantity: part.quantity,
        currency,
        cost: part.cost.map(|cost| written(cost.amount(), currency)),
    })
}
