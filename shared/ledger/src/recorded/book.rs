//! Lots of recorded activities, and what each sale took of them.

use domain::decimal::DECIMALS;
use domain::{Currency, Day, LotMethod, Money, Quantity, Split, Symbol};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::activity::{
    Activity, ActivityEvent, AdjustmentDetails, BuyDetails, SellDetails, TransferInDetails, TransferOutDetails, Units,
};
use crate::exact;
use crate::lots::{LotPick, between};
use crate::refusal::Refusal;
use crate::rules::Rules;

/// Units that came in together, from one activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedLot {
    /// The activity that brought them.
    pub id: Uuid,
    /// When they were bought; nothing if it is not known.
    pub acquired_on: Option<Day>,
    /// When they came in.
    pub entered_on: Day,
    /// The day whose units `quantity` counts.
    pub unit_day: Day,
    /// Units held.
    pub quantity: Quantity,
    /// The total cost of the units, fee and tax of their purchase included; nothing if it is not known.
    pub cost: Option<Money>,
    /// The same in another currency, if it is known there without a rate of the day: as it was paid, or by the broker's
    /// rate into the base currency of the portfolio.
    pub paid_cost: Option<Money>,
}

/// What was taken from one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelievedPart {
    /// The lot.
    pub lot_id: Uuid,
    /// When its units were bought, if known.
    pub acquired_on: Option<Day>,
    /// Units taken, as counted on the day of the removal.
    pub quantity: Quantity,
    /// Their cost, if known.
    pub cost: Option<Money>,
    /// The same in another currency, if it is known there without a rate of the day.
    pub paid_cost: Option<Money>,
    /// Their share of the proceeds; nothing if the units were not sold.
    pub proceeds: Option<Money>,
    /// The same in another currency, if it is known there without a rate of the day.
    pub paid_proceeds: Option<Money>,
    /// Proceeds less cost; nothing if the units were not sold or their cost is not known.
    pub gain: Option<Money>,
}

/// Units that left: a sale, a transfer or an adjustment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The activity.
    pub activity_id: Uuid,
    /// Its day.
    pub day: Day,
    /// The units that left, as counted on that day.
    pub quantity: Quantity,
    /// What it took, lot by lot.
    pub parts: Vec<RelievedPart>,
    /// Whether the oldest lots were taken although the lot method is `specific`: it names none, or one that lacks units.
    pub is_by_default_order: bool,
}

/// A removal that lacked units, or units of a lot that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The activity.
    pub activity_id: Uuid,
    /// Its day.
    pub day: Day,
    /// Units held then, of the named lot if `lot_id` says so.
    pub held: Quantity,
    /// Units that it takes.
    pub needed: Quantity,
    /// The lot that it names and that lacks units.
    pub lot_id: Option<Uuid>,
}

/// What the activities of an instrument leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedPosition {
    /// The instrument.
    pub symbol: Symbol,
    /// Its currency.
    pub currency: Currency,
    /// The open lots, oldest first.
    pub lots: Vec<RecordedLot>,
    /// The removals, in order.
    pub removals: Vec<Removal>,
    /// The removals that lacked units.
    pub shortages: Vec<Shortage>,
}

/// How many units each lot gives, in the order in which they are taken.
struct Takes {
    parts: Vec<(usize, Quantity)>,
    is_by_default_order: bool,
}

/// A removal while it is applied.
struct Outflow<'a> {
    activity: &'a Activity,
    quantity: Quantity,
    /// Amount less fee, for a sale.
    proceeds: Option<Money>,
    /// The same as it was paid in another currency.
    paid_proceeds: Option<Money>,
    picks: &'a [LotPick],
}

/// What an activity does to the lots.
enum Movement<'a> {
    In(RecordedLot),
    Out(Outflow<'a>),
}

impl RecordedLot {
    /// Its units as counted on `day`: times the ratio of each split since, truncated to twelve decimals.
    pub fn units_on(&self, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        folded(self.quantity, self.unit_day, day, splits)
    }

    /// Takes the share of its cost in another currency that some of its units have.
    fn take_paid(&mut self, quantity: Quantity) -> Result<Option<Money>, Refusal> {
        let Some(paid) = &mut self.paid_cost else { return Ok(None) };
        let share = if quantity == self.quantity { *paid } else { exact::share(*paid, quantity, self.quantity)? };
        *paid = exact::minus(*paid, share)?;
        Ok(Some(share))
    }

    /// The day on which they were bought, or came in if that is not known.
    #[must_use]
    pub fn held_since(&self) -> Day {
        self.acquired_on.unwrap_or(self.entered_on)
    }
}

impl RecordedPosition {
    /// Nothing held and nothing ever recorded.
    #[must_use]
    pub fn new(symbol: Symbol, currency: Currency) -> Self {
        Self { symbol, currency, lots: Vec::new(), removals: Vec::new(), shortages: Vec::new() }
    }

    /// Units held, as counted on `day`.
    pub fn units_on(&self, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        let units: Vec<Quantity> = self.lots.iter().map(|lot| lot.units_on(day, splits)).collect::<Result<_, _>>()?;
        exact::sum(&units)
    }

    /// Whether more units left than were held. A removal that only lacks units of a lot that it names takes others.
    #[must_use]
    pub fn lacks_units(&self) -> bool {
        self.shortages.iter().any(|shortage| shortage.lot_id.is_none())
    }

    fn add(&mut self, lot: RecordedLot) {
        let at = self.lots.partition_point(|held| held.held_since() <= lot.held_since());
        self.lots.insert(at, lot);
    }

    fn remove(&mut self, outflow: &Outflow<'_>, splits: &[Split], method: LotMethod) -> Result<(), Refusal> {
        let (activity_id, day, needed) = (outflow.activity.id, outflow.activity.date, outflow.quantity);
        for lot in &mut self.lots {
            lot.quantity = lot.units_on(day, splits)?;
            lot.unit_day = day;
        }
        let units: Vec<Quantity> = self.lots.iter().map(|lot| lot.quantity).collect();
        let held = exact::sum(&units)?;
        let quantity = needed.min(held);
        if needed > held && !is_lost_at_splits(needed.minus(held)?, self.lots.len(), splits) {
            self.shortages.push(Shortage { activity_id, day, held, needed, lot_id: None });
        }
        let takes = match (method, outflow.picks) {
            (LotMethod::Specific, picks) if !picks.is_empty() => self.named(outflow, picks, quantity, held)?,
            _ => self.chosen(quantity, held, method)?,
        };
        let parts = self.take(&takes, (quantity, held), method, outflow)?;
        let is_by_default_order = takes.is_by_default_order;
        self.removals.push(Removal { activity_id, day, quantity, parts, is_by_default_order });
        Ok(())
    }

    /// The named lots; the oldest ones, if a named one lacks units.
    fn named(
        &mut self,
        outflow: &Outflow<'_>,
        picks: &[LotPick],
        quantity: Quantity,
        total: Quantity,
    ) -> Result<Takes, Refusal> {
        let mut parts = Vec::with_capacity(picks.len());
        for pick in picks {
            let at = self.lots.iter().position(|lot| lot.id == pick.lot_id);
            let held = at.and_then(|at| self.lots.get(at)).map_or(Quantity::ZERO, |lot| lot.quantity);
            match at {
                Some(at) if pick.quantity <= held => parts.push((at, pick.quantity)),
                _ => {
                    let (activity_id, day) = (outflow.activity.id, outflow.activity.date);
                    let lot_id = Some(pick.lot_id);
                    self.shortages.push(Shortage { activity_id, day, held, needed: pick.quantity, lot_id });
                    let takes = self.chosen(quantity, total, LotMethod::Fifo)?;
                    return Ok(Takes { is_by_default_order: true, ..takes });
                }
            }
        }
        Ok(Takes { parts, is_by_default_order: false })
    }

    fn chosen(&self, quantity: Quantity, held: Quantity, method: LotMethod) -> Result<Takes, Refusal> {
        if method == LotMethod::Average {
            let units: Vec<Quantity> = self.lots.iter().map(|lot| lot.quantity).collect();
            let shares = if held.is_zero() { units } else { exact::shares_of_units(quantity, &units)? };
            return Ok(Takes { parts: shares.into_iter().enumerate().collect(), is_by_default_order: false });
        }
        let mut left = quantity;
        let mut parts = Vec::new();
        for at in self.in_order(method) {
            let Some(lot) = self.lots.get(at) else { continue };
            // When everything leaves, so do lots left without a unit by splits: their cost must not stay behind.
            if left.is_zero() && quantity != held {
                break;
            }
            let taken = lot.quantity.min(left);
            left = left.minus(taken)?;
            parts.push((at, taken));
        }
        Ok(Takes { parts, is_by_default_order: method == LotMethod::Specific })
    }

    /// The lots in the order in which a method takes them. Lots of unknown cost come last, except in the order of age.
    fn in_order(&self, method: LotMethod) -> Vec<usize> {
        let mut order: Vec<(usize, &RecordedLot)> = self.lots.iter().enumerate().collect();
        match method {
            LotMethod::Fifo | LotMethod::Average | LotMethod::Specific => {}
            LotMethod::Lifo => {
                order.reverse();
                order.sort_by_key(|(_, lot)| lot.cost.is_none());
            }
            // The sort is stable, so of two lots with the same unit cost the older comes first.
            LotMethod::Hifo => order.sort_by(|(_, left), (_, right)| match (left.cost, right.cost) {
                (Some(a), Some(b)) => exact::compare_unit_costs((b, right.quantity), (a, left.quantity)),
                (left, right) => left.is_none().cmp(&right.is_none()),
            }),
        }
        order.into_iter().map(|(at, _)| at).collect()
    }

    fn take(
        &mut self,
        takes: &Takes,
        (quantity, held): (Quantity, Quantity),
        method: LotMethod,
        outflow: &Outflow<'_>,
    ) -> Result<Vec<RelievedPart>, Refusal> {
        let costs =
            if method == LotMethod::Average { self.pooled_costs(quantity, held)? } else { self.own_costs(takes)? };
        let quantities: Vec<Quantity> = takes.parts.iter().map(|&(_, quantity)| quantity).collect();
        let shared = |amount: Option<Money>| match amount {
            Some(amount) => Ok::<_, Refusal>(exact::shares(amount, &quantities)?.into_iter().map(Some).collect()),
            None => Ok(vec![None; quantities.len()]),
        };
        let proceeds = shared(outflow.proceeds)?.into_iter().zip(shared(outflow.paid_proceeds)?);
        let mut parts = Vec::with_capacity(takes.parts.len());
        for ((&(at, quantity), cost), (proceeds, paid_proceeds)) in takes.parts.iter().zip(costs).zip(proceeds) {
            let Some(lot) = self.lots.get_mut(at) else { continue };
            let paid_cost = lot.take_paid(quantity)?;
            lot.quantity = lot.quantity.minus(quantity)?;
            if let (Some(left), Some(cost)) = (&mut lot.cost, cost) {
                *left = exact::minus(*left, cost)?;
            }
            let gain = proceeds.zip(cost).map(|(proceeds, cost)| exact::minus(proceeds, cost)).transpose()?;
            let (lot_id, acquired_on) = (lot.id, lot.acquired_on);
            if !quantity.is_zero() || cost.is_some_and(|cost| !cost.amount().is_zero()) {
                parts.push(RelievedPart {
                    lot_id,
                    acquired_on,
                    quantity,
                    cost,
                    paid_cost,
                    proceeds,
                    paid_proceeds,
                    gain,
                });
            }
        }
        let is_empty =
            |lot: &RecordedLot| lot.quantity.is_zero() && lot.cost.is_none_or(|cost| cost.amount().is_zero());
        self.lots.retain(|lot| !is_empty(lot));
        Ok(parts)
    }

    /// The cost of each take if every lot leaves at its own cost.
    fn own_costs(&self, takes: &Takes) -> Result<Vec<Option<Money>>, Refusal> {
        let cost_of = |&(at, quantity): &(usize, Quantity)| {
            let Some(RecordedLot { quantity: held, cost: Some(cost), .. }) = self.lots.get(at) else { return Ok(None) };
            if quantity == *held { Ok(Some(*cost)) } else { exact::share(*cost, quantity, *held).map(Some) }
        };
        takes.parts.iter().map(cost_of).collect()
    }

    /// The cost of a share of every lot if all are one pool. A lot of unknown cost has none in it.
    fn pooled_costs(&self, quantity: Quantity, held: Quantity) -> Result<Vec<Option<Money>>, Refusal> {
        let zero = exact::zero(self.currency)?;
        let costs: Vec<Money> = self.lots.iter().map(|lot| lot.cost.unwrap_or(zero)).collect();
        let pool = costs.iter().try_fold(zero, |sum, &cost| exact::plus(sum, cost))?;
        let taken = if quantity == held { pool } else { exact::share(pool, quantity, held)? };
        let shares = exact::shares_by_cost(taken, &costs)?;
        Ok(self.lots.iter().zip(shares).map(|(lot, share)| lot.cost.map(|_| share)).collect())
    }
}

/// What the activities of one instrument leave. `activities` are in the order of [`super::sort`], `splits` are those
/// that count ([`super::merge_splits`]), oldest first; what is dated after `through` does not exist yet.
///
/// Errors: a number that the ledger cannot hold.
pub fn replay(
    symbol: &Symbol,
    currency: Currency,
    activities: &[&Activity],
    splits: &[Split],
    method: LotMethod,
    through: Day,
) -> Result<RecordedPosition, Refusal> {
    let mut position = RecordedPosition::new(symbol.clone(), currency);
    for activity in activities.iter().filter(|activity| activity.date <= through) {
        match movement(activity)? {
            Some(Movement::In(lot)) => position.add(lot),
            Some(Movement::Out(outflow)) => position.remove(&outflow, splits, method)?,
            None => {}
        }
    }
    Ok(position)
}

/// What an activity does to the lots; nothing if it is a split, which is known by its place among the
/// splits, or cash.
fn movement(activity: &Activity) -> Result<Option<Movement<'_>>, Refusal> {
    let (cost, paid_cost) = (activity.event.cost()?, activity.event.paid_cost()?);
    let lot = |units: &Units, acquired_on: Option<Day>| {
        let (id, entered_on, quantity) = (activity.id, activity.date, units.quantity);
        Movement::In(RecordedLot { id, acquired_on, entered_on, unit_day: entered_on, quantity, cost, paid_cost })
    };
    let paid_proceeds = activity.event.paid_proceeds()?;
    let outflow = |units: &Units, proceeds: Option<Money>, picks| {
        Movement::Out(Outflow { activity, quantity: units.quantity, proceeds, paid_proceeds, picks })
    };
    Ok(Some(match &activity.event {
        ActivityEvent::Buy(BuyDetails { units, .. }) => lot(units, Some(activity.date)),
        ActivityEvent::TransferIn(TransferInDetails { units, acquired_on, .. }) => lot(units, *acquired_on),
        ActivityEvent::Adjustment(AdjustmentDetails { units, is_removal: false, .. }) => lot(units, None),
        ActivityEvent::Sell(SellDetails { units, amount, fee, lots, .. }) => {
            outflow(units, Some(exact::minus(*amount, *fee)?), lots)
        }
        ActivityEvent::TransferOut(TransferOutDetails { units, lots, .. }) => outflow(units, None, lots),
        ActivityEvent::Adjustment(AdjustmentDetails { units, is_removal: true, .. }) => outflow(units, None, &[]),
        ActivityEvent::Split { .. } | ActivityEvent::Cash(_) | ActivityEvent::Exchange(_) => return Ok(None),
    }))
}

/// Units of one day as those of a later day: times the ratio of each split in between, truncated to twelve decimals.
fn folded(units: Quantity, from: Day, to: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
    between(splits, from, to).try_fold(units, |units, split| Rules::CURRENT.split(units, split.ratio))
}

/// Whether so few units can be missing because lots were truncated one by one at splits: at most one finest unit for
/// each lot and fractional split.
fn is_lost_at_splits(missing: Quantity, lots: usize, splits: &[Split]) -> bool {
    let fractional = splits.iter().filter(|split| !split.ratio.is_whole()).count();
    let lost = lots.saturating_mul(fractional);
    let lost = i128::try_from(lost).ok().and_then(|lost| Decimal::try_from_i128_with_scale(lost, DECIMALS).ok());
    lost.is_some_and(|lost| missing.units() <= lost)
}
