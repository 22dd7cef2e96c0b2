//! The slow model. Units are whole numbers of 10⁻¹², money is in cents.

use domain::{Currency, Day, LotMethod, Quantity, SplitRatio};
use ledger::{Activity, ActivityEvent, ActivityFields, LotPick};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::cash_model::hundredths;
use crate::history::{FIRST, History};

struct Lot {
    id: Uuid,
    /// The day by which its age counts.
    since: Day,
    /// Its place among the lots that came in, oldest first.
    entered: usize,
    units: i128,
    cost: Option<i128>,
    /// What it cost in euros, if it was paid in them.
    paid: Option<i128>,
}

fn finest(quantity: Quantity) -> i128 {
    let mut units = quantity.units();
    units.rescale(12);
    units.mantissa()
}

/// The nearest whole number to a/b for b above zero, an even one if two are as near.
fn rounded(a: i128, b: i128) -> i128 {
    let below = a.div_euclid(b);
    match (2 * a.rem_euclid(b)).cmp(&b) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Greater => below + 1,
        std::cmp::Ordering::Equal => below + below.rem_euclid(2),
    }
}

/// A total in parts by weight: each is the rounded share of what is left of it.
fn parts(total: i128, weights: &[i128]) -> Vec<i128> {
    let (mut left, mut weight_left) = (total, weights.iter().sum::<i128>());
    let mut shares = Vec::new();
    for &weight in weights {
        let share = if weight == 0 { 0 } else { rounded(left * weight, weight_left) };
        left -= share;
        weight_left -= weight;
        shares.push(share);
    }
    shares
}

/// The fee in the currency of the amounts: a pound is 1.5 of any.
pub fn fee(given: &ActivityFields) -> i128 {
    let fee = hundredths(given.fee);
    if given.fee_currency.is_some() { rounded(fee * 3, 2) } else { fee }
}

/// Cents in the currency of the amounts as those of dollars: by the rate given, or 1.1 for a euro.
fn dollars(given: &ActivityFields, cents: i128) -> i128 {
    match (given.currency, given.fx_rate) {
        (Some(Currency::USD) | None, _) => cents,
        (_, Some(rate)) => rounded(cents * hundredths(rate), 100),
        (_, None) => rounded(cents * 11, 10),
    }
}

fn in_euros(given: &ActivityFields, cents: i128) -> Option<i128> {
    (given.currency != Some(Currency::USD)).then_some(cents)
}

fn is_same_ratio(known: SplitRatio, given: SplitRatio) -> bool {
    (known.to_f64() / given.to_f64() - 1.0).abs() <= 0.01 + 1e-12
}

/// The splits of a day: those of the market, then the recorded ones that are none of the market.
fn splits_on(history: &History, day: Day) -> Vec<SplitRatio> {
    let mut ratios: Vec<SplitRatio> =
        history.splits.iter().filter(|split| split.day == day).map(|split| split.ratio).collect();
    for activity in activities_on(history, day) {
        let ActivityEvent::Split { ratio, .. } = activity.event else { continue };
        let of_the_market = history
            .splits
            .iter()
            .any(|known| (known.day.days_since(day)).abs() <= 5 && is_same_ratio(known.ratio, ratio));
        if !of_the_market {
            ratios.push(ratio);
        }
    }
    ratios
}

/// Seconds into the day at which it counts: without a time what brings units is at 0, what takes some at the end.
fn second(activity: &Activity) -> u32 {
    use chrono::Timelike as _;
    activity.time.map_or(if takes(activity) { 86_400 } else { 0 }, |time| time.num_seconds_from_midnight())
}

fn takes(activity: &Activity) -> bool {
    match &activity.event {
        ActivityEvent::Sell(_) | ActivityEvent::TransferOut(_) => true,
        ActivityEvent::Adjustment(adjustment) => adjustment.is_removal,
        _ => false,
    }
}

/// The activities of a day in the order in which they count.
fn activities_on(history: &History, day: Day) -> Vec<&Activity> {
    let mut left: Vec<&Activity> = history.activities.iter().filter(|activity| activity.date == day).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let mut next = 0;
        for at in 1..left.len() {
            let key = |activity: &Activity| (second(activity), takes(activity), activity.id);
            if key(left[at]) < key(left[next]) {
                next = at;
            }
        }
        ordered.push(left.remove(next));
    }
    ordered
}

/// Every open lot, every part of every removal and every shortage, as text.
pub fn replay(history: &History, method: LotMethod) -> Vec<String> {
    let mut lots: Vec<Lot> = Vec::new();
    let (mut taken, mut shortages, mut entered) = (Vec::new(), Vec::new(), 0);
    let all = (0..80).flat_map(|at| splits_on(history, FIRST.with(|first| first.plus_days(at))));
    let fractional_splits = all.filter(|ratio| ratio.old_units() > 1).count() as i128;
    for at in 0..80 {
        let day = FIRST.with(|first| first.plus_days(at));
        for ratio in splits_on(history, day) {
            for lot in &mut lots {
                lot.units = lot.units * i128::from(ratio.new_units()) / i128::from(ratio.old_units());
            }
        }
        for activity in activities_on(history, day) {
            let given = activity.event.fields();
            let amounts = || [hundredths(given.amount.unwrap()), fee(&given), hundredths(given.tax)];
            let mut enter =
                |lots: &mut Vec<Lot>, units: Quantity, since: Day, cost: Option<i128>, paid: Option<i128>| {
                    entered += 1;
                    lots.push(Lot { id: activity.id, since, entered, units: finest(units), cost, paid });
                };
            let mut leave = |lots: &mut Vec<Lot>, units: Quantity, picks: &[LotPick], proceeds: Proceeds| {
                let removal = Removal { id: activity.id, needed: finest(units), picks, proceeds };
                remove(lots, &removal, method, fractional_splits, (&mut taken, &mut shortages));
            };
            let value = |units: Quantity, price: domain::Price| {
                let mut price = price.amount();
                price.rescale(12);
                rounded(finest(units) / 1_000_000 * price.mantissa() / 1_000_000, 10_i128.pow(10))
            };
            match &activity.event {
                ActivityEvent::Buy(buy) => {
                    let cost = amounts().map(|amount| dollars(&given, amount)).iter().sum();
                    let paid = in_euros(&given, amounts().iter().sum());
                    enter(&mut lots, buy.units.quantity, day, Some(cost), paid);
                }
                ActivityEvent::TransferIn(details) => {
                    let cost = details.unit_price.map(|price| value(details.units.quantity, price));
                    enter(&mut lots, details.units.quantity, details.acquired_on.unwrap_or(day), cost, None);
                }
                ActivityEvent::Adjustment(details) if !details.is_removal => {
                    enter(&mut lots, details.units.quantity, day, None, None);
                }
                ActivityEvent::Split { .. } | ActivityEvent::Cash(_) | ActivityEvent::Exchange(_) => {}
                ActivityEvent::Sell(sale) => {
                    let [amount, fee, _] = amounts();
                    let proceeds = Some(dollars(&given, amount) - dollars(&given, fee));
                    leave(&mut lots, sale.units.quantity, &sale.lots, (proceeds, in_euros(&given, amount - fee)));
                }
                ActivityEvent::TransferOut(details) => {
                    leave(&mut lots, details.units.quantity, &details.lots, (None, None));
                }
                ActivityEvent::Adjustment(details) => leave(&mut lots, details.units.quantity, &[], (None, None)),
            }
        }
    }
    lots.sort_by_key(|lot| (lot.since, lot.entered));
    let open = lots
        .iter()
        .map(|lot| format!("lot {} {} {} {}", lot.id, written_units(lot.units), written(lot.cost), written(lot.paid)));
    open.chain(taken).chain(shortages).collect()
}

fn written_units(units: i128) -> Decimal {
    Decimal::from_i128_with_scale(units, 12).normalize()
}

fn written(cents: Option<i128>) -> String {
    cents.map_or("?".to_owned(), |cents| Decimal::from_i128_with_scale(cents, 2).to_string())
}

/// What a sale brought in dollars, and in euros if it was paid in them.
type Proceeds = (Option<i128>, Option<i128>);

struct Removal<'a> {
    id: Uuid,
    needed: i128,
    picks: &'a [LotPick],
    proceeds: Proceeds,
}

/// Takes units out of the lots.
fn remove(
    lots: &mut Vec<Lot>,
    removal: &Removal<'_>,
    method: LotMethod,
    fractional_splits: i128,
    (taken, shortages): (&mut Vec<String>, &mut Vec<String>),
) {
    let Removal { id, needed, picks, proceeds } = *removal;
    let held: i128 = lots.iter().map(|lot| lot.units).sum();
    let lost = lots.len() as i128 * fractional_splits;
    if needed > held && needed - held > lost {
        shortages.push(format!("{id} lacks None"));
    }
    let quantity = needed.min(held);
    lots.sort_by_key(|lot| (lot.since, lot.entered));
    let mut method = method;
    let mut takes: Vec<(usize, i128)> = Vec::new();
    if method == LotMethod::Specific {
        method = LotMethod::Fifo;
        for pick in picks {
            let at = lots.iter().position(|lot| lot.id == pick.lot_id && lot.units >= finest(pick.quantity));
            let Some(at) = at else {
                shortages.push(format!("{id} lacks {:?}", Some(pick.lot_id)));
                takes.clear();
                break;
            };
            takes.push((at, finest(pick.quantity)));
        }
    }
    if takes.is_empty() {
        takes = chosen(lots, quantity, held, method);
    }
    let costs: Vec<Option<i128>> = if method == LotMethod::Average {
        let weights: Vec<i128> = lots.iter().map(|lot| lot.cost.unwrap_or(0)).collect();
        let pool: i128 = weights.iter().sum();
        let leaves = if quantity == held { pool } else { rounded(pool * quantity, held) };
        parts(leaves, &weights).into_iter().zip(lots.iter()).map(|(share, lot)| lot.cost.map(|_| share)).collect()
    } else {
        let of_lot = |&(at, part): &(usize, i128)| {
            lots[at].cost.map(|cost| if part == lots[at].units { cost } else { rounded(cost * part, lots[at].units) })
        };
        takes.iter().map(of_lot).collect()
    };
    let weights: Vec<i128> = takes.iter().map(|&(_, part)| part).collect();
    let shared = |amount: Option<i128>| -> Vec<Option<i128>> {
        match amount {
            Some(amount) => parts(amount, &weights).into_iter().map(Some).collect(),
            None => vec![None; takes.len()],
        }
    };
    let (proceeds, in_euros) = (shared(proceeds.0), shared(proceeds.1));
    for (((&(at, part), &cost), &proceeds), &in_euros) in takes.iter().zip(&costs).zip(&proceeds).zip(&in_euros) {
        let units = lots[at].units;
        let paid = lots[at].paid.map(|paid| if part == units { paid } else { rounded(paid * part, units) });
        lots[at].paid = lots[at].paid.zip(paid).map(|(all, taken)| all - taken);
        lots[at].units -= part;
        if let (Some(left), Some(cost)) = (lots[at].cost.as_mut(), cost) {
            *left -= cost;
        }
        let gain = proceeds.zip(cost).map(|(proceeds, cost)| proceeds - cost);
        if part > 0 || cost.is_some_and(|cost| cost != 0) {
            let (cost, proceeds, gain) = (written(cost), written(proceeds), written(gain));
            let (lot, units, paid, in_euros) = (lots[at].id, written_units(part), written(paid), written(in_euros));
            taken.push(format!("{id} took {lot} {units} {cost} {proceeds} {gain} {paid} {in_euros}"));
        }
    }
    lots.retain(|lot| lot.units > 0 || lot.cost.is_some_and(|cost| cost != 0));
}

/// How many units each lot gives if none is named, in the order in which they are taken.
fn chosen(lots: &[Lot], quantity: i128, held: i128, method: LotMethod) -> Vec<(usize, i128)> {
    if method == LotMethod::Average {
        let weights: Vec<i128> = lots.iter().map(|lot| lot.units).collect();
        return parts(quantity, &weights).into_iter().enumerate().collect();
    }
    let mut takes = Vec::new();
    let mut left = quantity;
    let mut order: Vec<usize> = (0..lots.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&lots[a], &lots[b]);
        let age = (a.since, a.entered).cmp(&(b.since, b.entered));
        let dearer = || match (a.cost, b.cost) {
            (Some(x), Some(y)) => (y * a.units).cmp(&(x * b.units)),
            (x, y) => x.is_none().cmp(&y.is_none()),
        };
        match method {
            LotMethod::Lifo => a.cost.is_none().cmp(&b.cost.is_none()).then(age.reverse()),
            LotMethod::Hifo => dearer().then(age),
            _ => age,
        }
    });
    for at in order {
        if left == 0 && quantity != held {
            break;
        }
        let part = lots[at].units.min(left);
        left -= part;
        takes.push((at, part));
    }
    takes
}
