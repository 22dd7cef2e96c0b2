//! The slow model of cash: day by day, in hundredths of each currency.

use std::collections::BTreeMap;

use domain::Currency;
use ledger::{ActivityFields, ActivityType};
use rust_decimal::Decimal;

use crate::history::{FIRST, History};
use crate::model;

/// The end of each day on which cash of a currency moved: the currency, the day, what is there.
pub fn balances(history: &History) -> Vec<String> {
    let mut held: BTreeMap<String, i128> = BTreeMap::new();
    let mut lines = Vec::new();
    for at in 0..80 {
        let day = FIRST.with(|first| first.plus_days(at));
        let mut moved = Vec::new();
        for activity in history.activities.iter().filter(|activity| activity.date == day) {
            for (currency, hundredths) in moves(&activity.event.fields()) {
                *held.entry(currency.clone()).or_default() += hundredths;
                moved.push(currency);
            }
        }
        moved.sort();
        moved.dedup();
        lines.extend(moved.into_iter().map(|currency| format!("{currency} {day} {}", held[&currency])));
    }
    lines.sort();
    lines
}

/// What came in, and below zero what left.
fn moves(given: &ActivityFields) -> Vec<(String, i128)> {
    let currency = given.currency.map(Currency::code).unwrap().to_owned();
    let amount = given.amount.map(hundredths);
    let charges = model::fee(given) + hundredths(given.tax);
    let of_units = given.quantity.is_some() || given.ratio.is_some();
    let first = match given.kind {
        ActivityType::Split => return Vec::new(),
        ActivityType::TransferIn | ActivityType::TransferOut | ActivityType::Adjustment if of_units => {
            return Vec::new();
        }
        ActivityType::Buy
        | ActivityType::Withdrawal
        | ActivityType::TransferOut
        | ActivityType::Exchange
        | ActivityType::Fee
        | ActivityType::Tax => -amount.unwrap() - charges,
        ActivityType::Sell
        | ActivityType::Deposit
        | ActivityType::TransferIn
        | ActivityType::Dividend
        | ActivityType::Interest
        | ActivityType::Adjustment => amount.unwrap() - charges,
    };
    let second =
        given.to_amount.map(|got| (given.to_currency.map(Currency::code).unwrap().to_owned(), hundredths(got)));
    [(currency, first)].into_iter().chain(second).collect()
}

pub fn hundredths(amount: Decimal) -> i128 {
    let mut amount = amount;
    amount.rescale(2);
    amount.mantissa()
}
