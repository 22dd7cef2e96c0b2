//! The recorded book against a slow model of it, written from the definitions and not from the code: a replay day by day
//! on whole numbers, which converts every lot at every split and picks the next activity and the next lot by looking at
//! all of them.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

#[path = "recorded/cash_model.rs"]
mod cash_model;
#[path = "recorded/history.rs"]
mod history;
#[path = "recorded/model.rs"]
mod model;

use std::collections::BTreeMap;

use domain::{Currency, Day, LotMethod};
use history::{History, histories};
use ledger::recorded::{self, RecordedPosition, merge_splits};
use ledger::{Activity, Rules, cash};
use proptest::prelude::*;
use proptest::test_runner::Config;
use uuid::Uuid;

const METHODS: [LotMethod; 5] =
    [LotMethod::Fifo, LotMethod::Lifo, LotMethod::Hifo, LotMethod::Average, LotMethod::Specific];

fn fast(history: &History, activities: &[Activity], method: LotMethod, through: Day) -> RecordedPosition {
    let mut sorted: Vec<&Activity> = activities.iter().collect();
    recorded::sort(&mut sorted);
    let splits = merge_splits(&history.splits, &sorted).splits;
    recorded::replay(&"AAPL".parse().unwrap(), Currency::USD, &sorted, &splits, method, through).unwrap()
}

/// A position as text: every open lot, every part of every removal, every shortage.
fn written(position: &RecordedPosition, history: &History) -> Vec<String> {
    let mut sorted: Vec<&Activity> = history.activities.iter().collect();
    recorded::sort(&mut sorted);
    let splits = merge_splits(&history.splits, &sorted).splits;
    let cents = |money: Option<domain::Money>| money.map_or("?".to_owned(), |money| money.to_string());
    let mut lines = Vec::new();
    for lot in &position.lots {
        let later = splits.iter().filter(|split| lot.unit_day < split.day);
        let units = later.fold(lot.quantity, |units, split| units.split(split.ratio).unwrap());
        lines.push(format!("lot {} {units} {} {}", lot.id, cents(lot.cost), cents(lot.paid_cost)));
    }
    for removal in &position.removals {
        for part in &removal.parts {
            let (cost, proceeds, gain) = (cents(part.cost), cents(part.proceeds), cents(part.gain));
            let (sale, lot, units) = (removal.activity_id, part.lot_id, part.quantity);
            let (paid, in_euros) = (cents(part.paid_cost), cents(part.paid_proceeds));
            lines.push(format!("{sale} took {lot} {units} {cost} {proceeds} {gain} {paid} {in_euros}"));
        }
    }
    for shortage in &position.shortages {
        lines.push(format!("{} lacks {:?}", shortage.activity_id, shortage.lot_id));
    }
    lines
}

/// Each run tries other histories; a failure prints the smallest one.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(Config { cases: 1_000, ..config() })]

    #[test]
    fn the_replay_agrees_with_the_slow_model_by_every_lot_method(history in histories()) {
        for method in METHODS {
            let fast = fast(&history, &history.activities, method, Day::LAST);
            prop_assert_eq!(written(&fast, &history), model::replay(&history, method), "{}", method);
        }
    }

    #[test]
    fn the_balances_of_cash_agree_with_the_slow_model(history in histories()) {
        let movements = cash::movements(&history.activities).unwrap();
        let found = cash::balances(&movements).into_iter().flat_map(|one| {
            let line = move |day: cash::CashDay| {
                format!("{} {} {}", one.currency, day.date, cash_model::hundredths(day.balance))
            };
            one.days.into_iter().map(line).collect::<Vec<_>>()
        });
        let mut found: Vec<String> = found.collect();
        found.sort();
        prop_assert_eq!(found, cash_model::balances(&history));
    }
}

proptest! {
    #![proptest_config(Config { cases: 300, ..config() })]

    #[test]
    fn the_order_of_recording_changes_nothing_where_times_tell_activities_apart(
        mut history in histories(), seed in any::<u64>()
    ) {
        for (number, activity) in history.activities.iter_mut().enumerate() {
            activity.time = chrono::NaiveTime::from_num_seconds_from_midnight_opt(number as u32 * 7_919 % 86_400, 0);
        }
        let mut shuffled = history.activities.clone();
        // 1,009 is a prime, so that the numbers are in another order for nearly every seed.
        shuffled.sort_by_key(|activity| activity.id.as_u128().wrapping_mul(u128::from(seed | 1)) % 1_009);
        for method in METHODS {
            let (read, otherwise) = (
                fast(&history, &history.activities, method, Day::LAST),
                fast(&history, &shuffled, method, Day::LAST),
            );
            prop_assert_eq!(read, otherwise);
        }
    }

    #[test]
    fn cost_is_neither_made_nor_lost(history in histories()) {
        for method in METHODS {
            let position = fast(&history, &history.activities, method, Day::LAST);
            let costs = position.lots.iter().filter_map(|lot| lot.cost);
            let taken = position.removals.iter().flat_map(|removal| &removal.parts).filter_map(|part| part.cost);
            let found: rust_decimal::Decimal = costs.chain(taken).map(domain::Money::amount).sum();
            prop_assert_eq!(found, history.known_cost(), "{}", method);
        }
    }

    #[test]
    fn proceeds_are_shared_out_to_the_cent(history in histories()) {
        for method in METHODS {
            let position = fast(&history, &history.activities, method, Day::LAST);
            let mut shared: BTreeMap<Uuid, rust_decimal::Decimal> = BTreeMap::new();
            for removal in &position.removals {
                let proceeds = removal.parts.iter().filter_map(|part| part.proceeds).map(domain::Money::amount).sum();
                shared.insert(removal.activity_id, proceeds);
            }
            for (sale, proceeds) in history.proceeds() {
                let took_nothing = position.removals.iter().any(|one| one.activity_id == sale && one.parts.is_empty());
                prop_assert!(took_nothing || shared[&sale] == proceeds, "{} {}", method, sale);
            }
        }
    }

    #[test]
    fn an_evening_is_what_the_activities_up_to_it_leave(history in histories(), at in 0_i32..60) {
        let evening = history::FIRST.with(|first| first.plus_days(at));
        let until: Vec<Activity> =
            history.activities.iter().filter(|activity| activity.date <= evening).cloned().collect();
        for method in METHODS {
            let (whole, part) = (
                fast(&history, &history.activities, method, evening),
                fast(&history, &until, method, Day::LAST),
            );
            // A later recorded split changes no unit of an earlier evening.
            prop_assert_eq!(whole.lots, part.lots);
            prop_assert_eq!(whole.removals, part.removals);
        }
    }
}

#[test]
fn units_are_cut_to_twelve_decimals_by_the_current_rules() {
    assert_eq!(Rules::CURRENT.decimals(), 12, "the model cuts to twelve");
}
