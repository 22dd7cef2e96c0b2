//! Random histories of one instrument.

use chrono::NaiveTime;
use domain::{Currency, Day, PortfolioId, Quantity, Split, SplitRatio};
use ledger::activity::DayRates;
use ledger::{Activity, ActivityEvent, ActivityFields, ActivitySource, ActivityType, LotPick};
use proptest::collection::vec;
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

thread_local! {
    /// The first day of every history.
    pub static FIRST: Day = "2012-01-02".parse().unwrap();
}

/// A history: its activities in the order of recording, and the splits of the market.
#[derive(Clone, Debug)]
pub struct History {
    pub activities: Vec<Activity>,
    pub splits: Vec<Split>,
}

#[derive(Clone, Debug)]
struct Step {
    day: i32,
    hour: Option<u32>,
    kind: u8,
    units: i64,
    cents: i64,
    fee: i64,
    ratio: (u64, u64),
    known: bool,
    picks: Vec<(usize, u8)>,
}

fn step() -> impl Strategy<Value = Step> {
    let when = (0_i32..50, prop::option::weighted(0.3, 0_u32..24));
    let numbers = (1_i64..400_000_000, 1_i64..500_000, 0_i64..200);
    let ratio = prop::sample::select(vec![(2, 1), (3, 1), (3, 2), (1, 3), (1, 10), (7, 3)]);
    let rest = (0_u8..31, ratio, prop::bool::weighted(0.8), vec((0_usize..6, 1_u8..4), 0..3));
    (when, numbers, rest).prop_map(|((day, hour), (units, cents, fee), (kind, ratio, known, picks))| Step {
        day,
        hour,
        kind,
        units,
        cents,
        fee,
        ratio,
        known,
        picks,
    })
}

/// The rates of every day: 1.1 dollars for a euro; a pound is 1.5 of any currency.
fn rates() -> DayRates {
    let (instrument, fee) = ("11/10".parse().ok(), "3/2".parse().ok());
    DayRates { currency: Currency::USD, base: "EUR".parse().unwrap(), instrument, fee }
}

/// Up to 30 activities over 50 days with up to four splits of the market.
pub fn histories() -> impl Strategy<Value = History> {
    let splits = vec((1_i32..50, prop::sample::select(vec![(2_u64, 1_u64), (1, 3), (3, 2), (1, 7)])), 0..4);
    (vec(step(), 1..30), splits).prop_map(|(steps, splits)| {
        let first = FIRST.with(|first| *first);
        let mut splits: Vec<Split> = splits
            .into_iter()
            .map(|(day, (new, old))| Split { day: first.plus_days(day), ratio: SplitRatio::new(new, old).unwrap() })
            .collect();
        splits.sort_by_key(|split| split.day);
        let mut activities: Vec<Activity> = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            activities.push(step.activity(number, first, &activities));
        }
        History { activities, splits }
    })
}

impl Step {
    fn activity(&self, number: usize, first: Day, earlier: &[Activity]) -> Activity {
        let date = first.plus_days(self.day);
        let fields = if self.kind < 20 { self.of_units(date, earlier) } else { self.of_cash() };
        let at = "2026-11-30T00:00:00Z".parse().unwrap();
        Activity {
            id: Uuid::from_u128(number as u128 + 1),
            portfolio_id: PortfolioId(Uuid::nil()),
            date,
            time: self.hour.and_then(|hour| NaiveTime::from_hms_opt(hour, 0, 0)),
            event: fields.event_at(date, &rates(), Some("why")).unwrap(),
            note: Some("why".to_owned()),
            external_id: None,
            source: ActivitySource::Recorded,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    fn of_units(&self, date: Day, earlier: &[Activity]) -> ActivityFields {
        // Most are whole units, some have four decimals.
        let units = if self.units % 3 == 0 { self.units / 10_000 * 10_000 } else { self.units };
        let units = Decimal::new(units.max(1), 4);
        let cents = |cents| Decimal::new(cents, 2);
        let kind = match self.kind {
            0..=7 => ActivityType::Buy,
            8..=13 => ActivityType::Sell,
            14 | 15 => ActivityType::TransferIn,
            16 => ActivityType::TransferOut,
            17 | 18 => ActivityType::Adjustment,
            _ => ActivityType::Split,
        };
        let mut fields = ActivityFields { symbol: "AAPL".parse().ok(), ..ActivityFields::new(kind) };
        match kind {
            ActivityType::Buy | ActivityType::Sell => {
                fields.amount = Some(cents(self.cents));
                (fields.fee, fields.tax) = (cents(self.fee), cents(self.fee / 3));
                if self.cents % 2 == 0 {
                    fields.currency = "EUR".parse().ok();
                    fields.fx_rate = self.known.then(|| "1.25".parse().unwrap());
                }
                fields.fee_currency = (self.cents % 3 == 0).then(|| "GBP".parse().unwrap());
            }
            ActivityType::TransferIn => {
                fields.cost_unknown = !self.known;
                fields.unit_price = self.known.then(|| cents(self.cents));
                fields.acquired_on = self.known.then(|| date.plus_days(-(self.units % 40) as i32));
            }
            ActivityType::Split => {
                fields.ratio = SplitRatio::new(self.ratio.0, self.ratio.1).ok();
            }
            _ => {}
        }
        fields.quantity = match kind {
            ActivityType::Split => None,
            ActivityType::Adjustment if self.known => Some(-units),
            _ => Some(units),
        };
        if matches!(kind, ActivityType::Sell | ActivityType::TransferOut) {
            fields.lots = self.lots(units, earlier);
        }
        fields
    }

    /// Cash in dollars or euros, now and then of an instrument; what can be taken back often is.
    fn of_cash(&self) -> ActivityFields {
        let kind = match self.kind {
            20 | 21 => ActivityType::Deposit,
            22 => ActivityType::Withdrawal,
            23 => ActivityType::Exchange,
            24 => ActivityType::Dividend,
            25 => ActivityType::Interest,
            26 => ActivityType::Fee,
            27 => ActivityType::Tax,
            28 => ActivityType::TransferIn,
            29 => ActivityType::TransferOut,
            _ => ActivityType::Adjustment,
        };
        let mut fields = ActivityFields { amount: Some(Decimal::new(self.cents, 2)), ..ActivityFields::new(kind) };
        fields.currency = if self.known { Some(Currency::USD) } else { "EUR".parse().ok() };
        (fields.fee, fields.tax) = (Decimal::new(self.fee, 2), Decimal::new(self.fee / 3, 2));
        fields.fee_currency = (self.cents % 3 == 0).then(|| "GBP".parse().unwrap());
        match kind {
            ActivityType::Exchange => {
                (fields.to_amount, fields.to_currency) = (Some(Decimal::from(self.units)), "JPY".parse().ok());
            }
            ActivityType::Interest | ActivityType::Fee | ActivityType::Tax | ActivityType::Adjustment => {
                fields.amount = Some(Decimal::new(if self.units % 3 == 0 { -self.cents } else { self.cents }, 2));
            }
            ActivityType::Dividend => fields.symbol = "AAPL".parse().ok(),
            _ => {}
        }
        fields
    }

    /// Lots that a removal names: other activities, in parts that add up; some of them are no lots.
    fn lots(&self, units: Decimal, earlier: &[Activity]) -> Vec<LotPick> {
        let mut named: Vec<Uuid> = Vec::new();
        for (index, _) in &self.picks {
            if let Some(one) = earlier.get(*index).filter(|one| !named.contains(&one.id)) {
                named.push(one.id);
            }
        }
        let Some((last, others)) = named.split_last() else { return Vec::new() };
        let part = (units / Decimal::from(named.len() as u64 + 1)).round_dp(4);
        if part.is_zero() {
            return Vec::new();
        }
        let rest = units - part * Decimal::from(others.len() as u64);
        let pick = |&lot_id, quantity| LotPick { lot_id, quantity: Quantity::new(quantity).unwrap() };
        others.iter().map(|lot| pick(lot, part)).chain([pick(last, rest)]).collect()
    }
}

impl History {
    /// What all purchases and transfers cost whose cost is known.
    pub fn known_cost(&self) -> Decimal {
        let cost = |activity: &Activity| match &activity.event {
            ActivityEvent::Buy(buy) => buy.amount.amount() + buy.fee.amount() + buy.tax.amount(),
            ActivityEvent::TransferIn(details) => details
                .unit_price
                .map_or(Decimal::ZERO, |price| (details.units.quantity.units() * price.amount()).round_dp(2)),
            _ => Decimal::ZERO,
        };
        self.activities.iter().map(cost).sum()
    }

    /// What each sale brings after its fee.
    pub fn proceeds(&self) -> Vec<(Uuid, Decimal)> {
        let sales = self.activities.iter().filter_map(|activity| match &activity.event {
            ActivityEvent::Sell(sale) => Some((activity.id, sale.amount.amount() - sale.fee.amount())),
            _ => None,
        });
        sales.collect()
    }
}
