//! The engine compared with a slow one that counts in exact decimals, day by day, and shares no code with it.

use domain::{Bar, Bars, Day};
use proptest::prelude::*;
use quant::backtest::{Fill, Settings, Side, run};
use quant::rules::Rule;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// A day: prices and the dividend in cents, the split as new units for old ones.
#[derive(Clone, Copy, Debug)]
struct Row {
    open: i64,
    close: i64,
    split: (i64, i64),
    dividend: i64,
}

/// Costs in hundredths of a percent and cents, thresholds of the rules in units of money.
#[derive(Clone, Copy, Debug)]
struct Play {
    from: usize,
    buy_above: i64,
    sell_below: i64,
    commission: i64,
    minimum: i64,
    slippage: i64,
    fill: Fill,
    fractional: bool,
}

/// A trade, closed or not: bar of the purchase, units bought, bar of the sale, gain.
#[derive(Clone, Copy, Debug)]
struct HandTrade {
    entry: usize,
    bought: Decimal,
    exit: Option<usize>,
    gain: Decimal,
}

struct Held {
    entry: usize,
    bought: Decimal,
    units: Decimal,
    paid: Decimal,
    received: Decimal,
}

fn cents(amount: i64) -> Decimal {
    Decimal::new(amount, 2)
}

impl Play {
    fn fee(&self, value: Decimal) -> Decimal {
        (value * Decimal::new(self.commission, 4)).max(cents(self.minimum))
    }

    fn purchase(&self, at: usize, quote: Decimal, cash: Decimal) -> Option<Held> {
        let price = quote * (Decimal::ONE + Decimal::new(self.slippage, 4));
        let by_rate = cash / (price * (Decimal::ONE + Decimal::new(self.commission, 4)));
        let mut units = by_rate.min((cash - cents(self.minimum)) / price);
        if !self.fractional {
            // The last of 28 digits may be rounded down.
            units = (units + Decimal::new(1, 18)).floor();
        }
        (units > Decimal::ZERO).then(|| {
            let paid = units * price;
            Held { entry: at, bought: units, units, paid: paid + self.fee(paid), received: Decimal::ZERO }
        })
    }

    fn sale(&self, units: Decimal, quote: Decimal, cash: Decimal) -> Decimal {
        let proceeds = units * quote * (Decimal::ONE - Decimal::new(self.slippage, 4));
        proceeds - self.fee(proceeds).min(cash + proceeds)
    }
}

/// The result of a run.
struct Hand {
    equity: Vec<Decimal>,
    trades: Vec<HandTrade>,
    pending: Option<Side>,
}

/// The definitions, followed day by day.
fn by_hand(rows: &[Row], play: &Play) -> Hand {
    let mut cash = Decimal::from(1_000);
    let mut held: Option<Held> = None;
    let mut order: Option<Side> = None;
    let mut scale = (Decimal::ONE, Decimal::ONE);
    let mut hand = Hand { equity: Vec::new(), trades: Vec::new(), pending: None };
    for (at, row) in rows.iter().enumerate().skip(play.from) {
        let (new, old) = (Decimal::from(row.split.0), Decimal::from(row.split.1));
        if at > play.from {
            scale = reduced(scale.0 * new, scale.1 * old);
        }
        if let Some(position) = &mut held {
            let units = position.units * new / old;
            position.units = if play.fractional { units } else { units.floor() };
            let paid_out = (units - position.units) * cents(row.open) + position.units * cents(row.dividend);
            position.received += paid_out;
            cash += paid_out;
            if position.units.is_zero() {
                hand.trades.push(closed(position, at, position.received));
                (held, order) = (None, None);
            }
        }
        if let Some(side) = order.take() {
            deal(play, side, at, cents(row.open), (&mut cash, &mut held, &mut hand.trades));
        }
        let close = cents(row.close) * scale.0 / scale.1;
        let side = match held {
            None => (close > Decimal::from(play.buy_above)).then_some(Side::Buy),
            Some(_) => (close < Decimal::from(play.sell_below)).then_some(Side::Sell),
        };
        match (play.fill, side) {
            (Fill::Close, Some(side)) => {
                deal(play, side, at, cents(row.close), (&mut cash, &mut held, &mut hand.trades));
            }
            (Fill::NextOpen, side) => order = side,
            (Fill::Close, None) => {}
        }
        hand.equity.push(cash + held.as_ref().map_or(Decimal::ZERO, |position| position.units * cents(row.close)));
    }
    hand.pending = order;
    if let Some(position) = &held {
        let worth = position.units * cents(rows[rows.len() - 1].close);
        let gain = worth + position.received - position.paid;
        hand.trades.push(HandTrade { entry: position.entry, bought: position.bought, exit: None, gain });
    }
    hand
}

fn closed(position: &Held, at: usize, received: Decimal) -> HandTrade {
    let gain = received - position.paid;
    HandTrade { entry: position.entry, bought: position.bought, exit: Some(at), gain }
}

type Books<'a> = (&'a mut Decimal, &'a mut Option<Held>, &'a mut Vec<HandTrade>);

fn deal(play: &Play, side: Side, at: usize, quote: Decimal, (cash, held, trades): Books<'_>) {
    match side {
        Side::Buy => {
            *held = play.purchase(at, quote, *cash);
            *cash -= held.as_ref().map_or(Decimal::ZERO, |position| position.paid);
        }
        Side::Sell => {
            let position = held.take().expect("only what is held is sold");
            let got = play.sale(position.units, quote, *cash);
            *cash += got;
            trades.push(closed(&position, at, position.received + got));
        }
    }
}

fn reduced(new: Decimal, old: Decimal) -> (Decimal, Decimal) {
    let (mut high, mut low) = (new, old);
    while !low.is_zero() {
        (high, low) = (low, high % low);
    }
    (new / high, old / high)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let price =
        || prop_oneof![1 => 500..6_000_i64, 1 => prop::sample::select(vec![1_000, 1_500, 2_000, 3_000, 4_500, 9_000])];
    let split = prop_oneof![
        12 => Just((1, 1)),
        2 => prop::sample::select(vec![(2, 1), (3, 1), (3, 2), (7, 1), (1, 3), (2, 3), (1, 10), (1, 45)]),
    ];
    let dividend = prop_oneof![6 => Just(0), 1 => 1..300_i64];
    let row = (price(), price(), split, dividend);
    let row = row.prop_map(|(open, close, split, dividend)| Row { open, close, split, dividend });
    prop::collection::vec(row, 2..60)
}

fn play() -> impl Strategy<Value = Play> {
    let thresholds = (0_usize..2, 1..60_i64, 1..60_i64);
    let costs = (0..200_i64, 0..1_500_i64, 0..300_i64);
    let costs = prop_oneof![1 => Just((0, 0, 0)), 3 => costs];
    (thresholds, costs, any::<bool>(), any::<bool>()).prop_map(|(thresholds, costs, close, fractional)| Play {
        from: thresholds.0,
        buy_above: thresholds.1,
        sell_below: thresholds.2,
        commission: costs.0,
        minimum: costs.1,
        slippage: costs.2,
        fill: if close { Fill::Close } else { Fill::NextOpen },
        fractional,
    })
}

fn day(at: usize) -> Day {
    "2013-01-01".parse::<Day>().unwrap().plus_days(at as i32)
}

fn bars(rows: &[Row]) -> Bars {
    let bar = |(at, row): (usize, &Row)| {
        let (open, close) = (row.open as f64 / 100.0, row.close as f64 / 100.0);
        Bar {
            date: day(at),
            open,
            high: open.max(close),
            low: open.min(close),
            close,
            volume: 1.0,
            adjusted_close: close,
            split_ratio: row.split.0 as f64 / row.split.1 as f64,
            dividend: row.dividend as f64 / 100.0,
        }
    };
    Bars::from_rows(rows.iter().enumerate().map(bar)).unwrap()
}

fn settings(play: &Play) -> Settings {
    Settings {
        initial_investment: 1_000.0,
        buy: Rule::parse(&format!("close > {}", play.buy_above)).unwrap(),
        sell: Rule::parse(&format!("close < {}", play.sell_below)).unwrap(),
        fill: play.fill,
        commission_percent: play.commission as f64 / 100.0,
        commission_minimum: play.minimum as f64 / 100.0,
        slippage_percent: play.slippage as f64 / 100.0,
        fractional: play.fractional,
        risk_free_rate: 0.0,
    }
}

/// Whether the engine's number is this one, apart from the rounding of floats at this magnitude.
fn same(ours: f64, exact: Decimal, magnitude: f64) -> bool {
    (ours - exact.to_f64().unwrap()).abs() <= 1e-9 * magnitude.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_engine_agrees_with_exact_decimals_day_by_day(rows in rows(), play in play()) {
        let hand = by_hand(&rows, &play);
        let outcome = run(&bars(&rows), day(play.from), day(rows.len() - 1), &settings(&play)).unwrap();
        let most = outcome.equity.iter().copied().fold(1_000.0, f64::max);
        prop_assert_eq!(outcome.equity.len(), hand.equity.len());
        for (at, (&ours, &exact)) in outcome.equity.iter().zip(&hand.equity).enumerate() {
            prop_assert!(same(ours, exact, most), "equity of bar {}: {} and {}", at, ours, exact);
            prop_assert!(ours >= 0.0, "cash is never below zero");
        }
        let (closed, open): (Vec<&HandTrade>, Vec<&HandTrade>) = hand.trades.iter().partition(|trade| trade.exit.is_some());
        prop_assert_eq!((outcome.trades.len(), outcome.open_trade.is_some()), (closed.len(), !open.is_empty()));
        for (ours, exact) in outcome.trades.iter().zip(closed) {
            prop_assert_eq!((ours.entry_date, ours.exit_date), (day(exact.entry), day(exact.exit.unwrap())));
            prop_assert!(same(ours.quantity, exact.bought, ours.quantity), "{ours:?} {exact:?}");
            prop_assert!(same(ours.pnl, exact.gain, most), "{ours:?} {exact:?}");
        }
        if let Some((ours, exact)) = outcome.open_trade.zip(open.first()) {
            prop_assert_eq!(ours.entry_date, day(exact.entry));
            prop_assert!(same(ours.quantity, exact.bought, ours.quantity), "{ours:?} {exact:?}");
            prop_assert!(same(ours.pnl, exact.gain, most), "{ours:?} {exact:?}");
        }
        prop_assert_eq!(outcome.pending_order.map(|order| order.side), hand.pending);
    }
}
