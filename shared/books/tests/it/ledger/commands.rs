//! Generates the next command of a customer.

use books::trades::Side;
use books::wallets::Transfer;
use proptest::prelude::*;

use crate::ledger::market::{INSTRUMENTS, ONE};
use crate::ledger::model::{Command, Model, Size};

/// Commands that have an effect: sales of what is held, and reversals of what was sent, among others.
pub fn of(model: &Model) -> BoxedStrategy<Command> {
    let way = prop_oneof![3 => Just(Transfer::Deposit), 1 => Just(Transfer::Withdrawal)];
    let transfer =
        (way, 0..2_usize, 1..400_000_i64).prop_map(|(way, currency, minor)| Command::Transfer { way, currency, minor });
    let size = || {
        prop_oneof![
            2 => (1..40_i128).prop_map(|whole| Size::Units(whole * ONE)),
            2 => (1..20_000_000_000_000_i128).prop_map(Size::Units),
            1 => (1..2_000_000_000_i128).prop_map(Size::Units),
            2 => (1..200_000_i64).prop_map(Size::Minor),
        ]
    };
    let fee = || prop_oneof![2 => Just(0_i64), 1 => 1..300_i64];
    let place = || (0..2_usize, 0..INSTRUMENTS.len());
    let trade = |side| {
        (place(), size(), fee()).prop_map(move |((portfolio, instrument), size, fee)| Command::Trade {
            side,
            portfolio,
            instrument,
            size,
            fee,
        })
    };
    let mut choices = vec![(3, transfer.boxed()), (6, trade(Side::Buy).boxed()), (1, trade(Side::Sell).boxed())];
    let held: Vec<(usize, usize, i128)> = (0..2)
        .flat_map(|portfolio| (0..INSTRUMENTS.len()).map(move |instrument| (portfolio, instrument)))
        .map(|(portfolio, instrument)| (portfolio, instrument, model.units[portfolio][instrument]))
        .filter(|(_, _, units)| *units > 0)
        .collect();
    if !held.is_empty() {
        let part =
            (prop::sample::select(held), 1..=130_i128, fee()).prop_map(|((portfolio, instrument, held), part, fee)| {
                // Everything in a third of all sales, else a part, or a little too much.
                let units = if part > 90 && part <= 125 { held } else { (held / 100).max(1) * part };
                Command::Trade { side: Side::Sell, portfolio, instrument, size: Size::Units(units), fee }
            });
        choices.push((5, part.boxed()));
    }
    let transfers: Vec<usize> = (0..model.sent.len()).filter(|&key| model.sent[key].is_transfer()).collect();
    if !transfers.is_empty() {
        let transfer = prop::sample::select(transfers);
        let key = prop_oneof![4 => transfer, 1 => 0..model.sent.len()];
        choices.push((2, key.prop_map(|key| Command::Reverse { key }).boxed()));
    }
    prop::strategy::Union::new_weighted(choices).boxed()
}
