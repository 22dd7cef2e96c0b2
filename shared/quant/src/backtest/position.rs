//! A position from purchase to sale, and the costs of both.

use domain::SplitFactor;

use super::Settings;

/// The rounding error that a purchase tolerates, as a fraction of the quantity.
const ROUNDING: f64 = 1e-12;

/// Trading costs as fractions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    commission: f64,
    minimum: f64,
    slippage: f64,
    fractional: bool,
}

impl Costs {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            commission: settings.commission_percent / 100.0,
            minimum: settings.commission_minimum,
            slippage: settings.slippage_percent / 100.0,
            fractional: settings.fractional,
        }
    }

    fn fee(&self, value: f64) -> f64 {
        self.minimum.max(self.commission * value)
    }

    /// The largest quantity that `cash` can pay for at the price `fill`, fee included; `None` if it is zero.
    fn affordable(&self, cash: f64, fill: f64) -> Option<f64> {
        let most = ((cash - self.minimum) / fill).min(cash / (fill * (1.0 + self.commission)));
        let quantity = if self.fractional { most } else { (most * (1.0 + ROUNDING)).floor() };
        (quantity > 0.0 && quantity.is_finite()).then_some(quantity)
    }
}

/// An open position, with its income so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Index of the bar of the purchase.
    pub(super) entry: usize,
    /// Price paid per unit, slippage included.
    pub(super) entry_price: f64,
    /// Units bought.
    pub(super) bought: f64,
    /// Fee of the purchase.
    pub(super) entry_fee: f64,
    /// Units held now.
    pub(super) quantity: f64,
    /// The product of the splits so far.
    pub(super) splits: SplitFactor,
    /// Cash dividends so far.
    pub(super) dividends: f64,
    /// Cash in lieu of fractional units after splits.
    pub(super) cash_in_lieu: f64,
}

/// The sale of a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit {
    /// Index of the bar of the sale.
    pub(super) bar: usize,
    /// Price received per unit, slippage included.
    pub(super) price: f64,
    /// Value of the units sold.
    pub(super) proceeds: f64,
    /// Fee of the sale.
    pub(super) fee: f64,
}

impl Position {
    /// Buys as many units as `cash` can pay for at the quoted price. Returns the position and the remaining cash.
    pub(super) fn buy(bar: usize, quote: f64, cash: f64, costs: &Costs) -> Option<(Self, f64)> {
        let price = quote * (1.0 + costs.slippage);
        let quantity = costs.affordable(cash, price)?;
        let entry_fee = costs.fee(quantity * price);
        let position = Self {
            entry: bar,
            entry_price: price,
            bought: quantity,
            entry_fee,
            quantity,
            splits: SplitFactor::ONE,
            dividends: 0.0,
            cash_in_lieu: 0.0,
        };
        Some((position, (cash - quantity * price - entry_fee).max(0.0)))
    }

    /// Sells all units at the quoted price. Returns the exit and the cash after it.
    ///
    /// The fee is at most the cash, because an account without margin cannot have a negative balance.
    pub(super) fn sell(&self, bar: usize, quote: f64, cash: f64, costs: &Costs) -> (Exit, f64) {
        let price = quote * (1.0 - costs.slippage);
        let proceeds = self.quantity * price;
        let fee = costs.fee(proceeds).min(cash + proceeds);
        let left = cash + proceeds - fee;
        // Not `max`, which would turn a NaN from an overflow into zero.
        (Exit { bar, price, proceeds, fee }, if left < 0.0 { 0.0 } else { left })
    }

    /// Applies what takes effect before the open of a bar: the split, then the dividend. Returns the cash received.
    #[expect(clippy::float_cmp, reason = "a ratio of exactly 1 means no split")]
    pub(super) fn open_day(&mut self, open: f64, ratio: f64, dividend: f64, costs: &Costs) -> f64 {
        let mut paid = 0.0;
        if ratio != 1.0 {
            self.splits = self.splits.then(ratio);
            if costs.fractional {
                // Computed from the units bought, so that splits that cancel out leave no rounding error.
                self.quantity = self.splits.units(self.bought);
            } else {
                let (whole, left_over) = SplitFactor::ONE.then(ratio).whole_units(self.quantity);
                self.quantity = whole;
                paid = left_over * open;
                self.cash_in_lieu += paid;
            }
        }
        let income = self.quantity * dividend;
        self.dividends += income;
        paid + income
    }

    /// The exit of a position that a split left without a whole unit. Its fraction has been paid out as cash in lieu.
    pub(super) fn wiped_out(bar: usize, open: f64) -> Exit {
        Exit { bar, price: open, proceeds: 0.0, fee: 0.0 }
    }

    /// Cost of the purchase, fee included.
    pub(super) fn invested(&self) -> f64 {
        self.bought * self.entry_price + self.entry_fee
    }

    /// Gain if the units held now are worth `value` after fees.
    pub(super) fn gain(&self, value: f64) -> f64 {
        value + self.dividends + self.cash_in_lieu - self.invested()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(commission: f64, minimum: f64, fractional: bool) -> Costs {
        Costs { commission, minimum, slippage: 0.0, fractional }
    }

    #[test]
    fn the_fee_must_be_affordable_too() {
        let quantity = |costs: Costs, cash| Position::buy(0, 10.0, cash, &costs).map(|(position, _)| position.bought);
        assert_eq!(quantity(costs(0.0, 0.0, false), 100.0), Some(10.0));
        assert_eq!(quantity(costs(0.01, 0.0, false), 100.0), Some(9.0));
        assert_eq!(quantity(costs(0.0, 5.0, false), 100.0), Some(9.0));
        assert_eq!(quantity(costs(0.0, 5.0, true), 100.0), Some(9.5));
        assert_eq!(quantity(costs(0.25, 0.0, true), 100.0), Some(8.0));
        assert_eq!(quantity(costs(0.0, 100.0, true), 100.0), None);
        assert_eq!(quantity(costs(0.0, 0.0, false), 9.99), None);
    }

    #[test]
    fn a_purchase_is_not_lost_to_rounding() {
        // 0.1 × 3 is a little above 0.3 in binary.
        let (position, cash) = Position::buy(0, 0.1, 0.3, &costs(0.0, 0.0, false)).unwrap();
        assert_eq!((position.bought, cash), (3.0, 0.0));
    }

    #[test]
    fn a_split_leaves_whole_units_and_pays_for_the_rest() {
        let (mut position, _) = Position::buy(0, 10.0, 50.0, &costs(0.0, 0.0, false)).unwrap();
        let paid = position.open_day(7.0, 1.5, 0.5, &costs(0.0, 0.0, false));
        assert_eq!((position.quantity, position.splits.to_f64()), (7.0, 1.5));
        // Half a unit at the open, then the dividend on whole units.
        assert_eq!((paid, position.cash_in_lieu, position.dividends), (3.5 + 3.5, 3.5, 3.5));
        let (mut position, _) = Position::buy(0, 10.0, 50.0, &costs(0.0, 0.0, true)).unwrap();
        assert_eq!(position.open_day(7.0, 1.5, 0.5, &costs(0.0, 0.0, true)), 3.75);
    }

    #[test]
    fn thirds_and_forty_fifths_of_units_are_exact() {
        for (bought, ratio, left) in [(45.0, 1.0 / 45.0, 1.0), (3.0, 1.0 / 3.0, 1.0), (190.0, 1.0 / 190.0, 1.0)] {
            for fractional in [false, true] {
                let costs = costs(0.0, 0.0, fractional);
                let (mut position, _) = Position::buy(0, 1.0, bought, &costs).unwrap();
                let paid = position.open_day(1.0 / ratio, ratio, 0.0, &costs);
                assert_eq!((position.quantity, paid), (left, 0.0), "{bought} × {ratio}");
                position.open_day(1.0, bought / left, 0.0, &costs);
                assert_eq!((position.quantity, position.splits), (bought, SplitFactor::ONE), "{bought} × {ratio}");
            }
        }
    }

    #[test]
    fn a_sale_leaves_no_debt() {
        let costs = costs(0.0, 100.0, false);
        let position = Position { quantity: 2.0, ..Position::buy(0, 1.0, 1000.0, &costs).unwrap().0 };
        let (exit, cash) = position.sell(1, 10.0, 30.0, &costs);
        assert_eq!((exit.fee, cash), (50.0, 0.0));
    }
}
