//! The return of a day with trades. The day is cut at each flow and valued at the flows' own prices, so that the amount
//! of money that moved never changes the return.
//!
//! Money and prices are in the currency of the portfolio. On an ex-date every price of the day includes the dividend.

use std::cmp::Ordering;

/// The purchases or the sales of one instrument on one day, combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deal {
    /// Mean price per unit; bit-identical to the close if it traded at the close.
    pub price: f64,
    /// Units held afterwards.
    pub units_after: f64,
    /// Its fees.
    pub fee: f64,
}

/// An instrument on a day on which it was traded; a sale comes after a purchase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traded {
    /// Units held at the end of the previous day, in units of this day.
    pub units: f64,
    /// The previous close, in units of this day; none before the first price.
    pub previous: Option<f64>,
    /// The close.
    pub close: f64,
    /// Purchases.
    pub purchase: Option<Deal>,
    /// Sales.
    pub sale: Option<Deal>,
}

/// All holdings that were not traded on the day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Untouched {
    /// Their value at the end of the previous day.
    pub start: f64,
    /// Their value at the close, including the dividends of an ex-date.
    pub end: f64,
    /// Other income at the close, less charges.
    pub income: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Purchase,
    Sale,
}

/// A flow at its place in the day: 0 is the previous close, 1 the close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) place: f64,
    pub(super) kind: Kind,
    instrument: usize,
    pub(super) units_before: f64,
    pub(super) deal: Deal,
}

impl Cut {
    fn is_with(&self, other: &Self) -> bool {
        self.place.total_cmp(&other.place) == Ordering::Equal && self.kind == other.kind
    }
}

impl Traded {
    /// The place of a price in the day.
    fn place(&self, price: f64) -> f64 {
        if price.total_cmp(&self.close) == Ordering::Equal {
            return 1.0;
        }
        match self.previous.map(|previous| (price - previous) / (self.close - previous)) {
            // There is no previous close, or the close has not moved from it.
            None => 0.0,
            Some(place) if !place.is_finite() => 0.0,
            // A flow at the previous close of a day that falls is at -0, which the total order puts before 0.
            Some(place) => place.clamp(0.0, 1.0) + 0.0,
        }
    }

    pub(super) fn cuts(&self, instrument: usize) -> impl Iterator<Item = Cut> {
        let bought = self.purchase.map(|deal| (self.place(deal.price), deal));
        let purchase = bought.map(|(place, deal)| {
            let units_before = self.units;
            Cut { place, kind: Kind::Purchase, instrument, units_before, deal }
        });
        let sale = self.sale.map(|deal| {
            let (after, units_before) =
                bought.map_or((0.0, self.units), |(place, purchase)| (place, purchase.units_after));
            Cut { place: self.place(deal.price).max(after), kind: Kind::Sale, instrument, units_before, deal }
        });
        purchase.into_iter().chain(sale)
    }

    /// The value of this many units at the previous close and at the close.
    pub(super) fn worth(&self, units: f64) -> [f64; 2] {
        let end = units * self.close;
        [self.previous.map_or(end, |previous| units * previous), end]
    }
}

/// Growth of a day, V with its flows over V without them: the product of the factors between its cuts. `start_value` is
/// the value of everything at the end of the previous day. None if no factor has a base above zero.
///
/// `memory` is scratch space that consecutive days share.
#[must_use]
pub fn priced_growth(
    start_value: f64,
    untouched: Untouched,
    traded: &[Traded],
    memory: &mut PricedMemory,
) -> Option<f64> {
    let PricedMemory { cuts, worth } = memory;
    cuts.clear();
    cuts.extend(traded.iter().enumerate().flat_map(|(at, one)| one.cuts(at)));
    let order =
        |a: &Cut, b: &Cut| a.place.total_cmp(&b.place).then(a.kind.cmp(&b.kind)).then(a.instrument.cmp(&b.instrument));
    cuts.sort_unstable_by(order);
    let mut day = DayInParts::new(start_value, untouched, traded, worth);
    let opening = if day.held == 0 { cuts.iter().take_while(|cut| cut.kind == Kind::Purchase).count() } else { 0 };
    day.open(&cuts[..opening]);
    for together in cuts[opening..].chunk_by(Cut::is_with) {
        day.cut(together);
    }
    let [_, end] = day.worth.total();
    day.factor(end + untouched.income);
    day.growth
}

/// Scratch space that consecutive days share; no value carries over from one day to the next.
#[derive(Debug, Default)]
pub struct PricedMemory {
    cuts: Vec<Cut>,
    worth: Sums,
}

/// A day on its way from cut to cut.
struct DayInParts<'a> {
    traded: &'a [Traded],
    /// Holdings by instrument at the previous close and at the close; the last is everything not traded.
    worth: &'a mut Sums,
    /// Instruments with units held.
    held: usize,
    /// The base of the next factor.
    base: f64,
    growth: Option<f64>,
}

impl<'a> DayInParts<'a> {
    fn new(start_value: f64, untouched: Untouched, traded: &'a [Traded], worth: &'a mut Sums) -> Self {
        let rest = [untouched.start, untouched.end];
        worth.fill(traded.len() + 1, traded.iter().map(|one| one.worth(one.units)).chain([rest]));
        let untouched = usize::from(rest != [0.0, 0.0]);
        let held = untouched + traded.iter().filter(|one| one.units > 0.0).count();
        Self { traded, worth, held, base: start_value, growth: None }
    }

    /// Growth up to a value, from the value after the previous cut.
    fn factor(&mut self, value: f64) {
        if self.base > 0.0 {
            self.growth = Some(self.growth.unwrap_or(1.0) * (value / self.base).max(0.0));
        }
    }

    /// The first purchases of a day that begins with nothing are one flow.
    fn open(&mut self, purchases: &[Cut]) {
        for cut in purchases {
            self.base += cut.deal.units_after * cut.deal.price + cut.deal.fee;
            self.holds(cut);
        }
    }

    fn cut(&mut self, together: &[Cut]) {
        let Some(Cut { place, kind, .. }) = together.first() else { return };
        for cut in together {
            self.worth.set(cut.instrument, [0.0, 0.0]);
        }
        let [start, end] = self.worth.total();
        let rest = start + place * (end - start);
        let (mut before, mut after, mut fees) = (rest, rest, 0.0);
        for cut in together {
            before += cut.units_before * cut.deal.price;
            after += cut.deal.units_after * cut.deal.price;
            fees += cut.deal.fee;
            self.holds(cut);
        }
        match kind {
            Kind::Purchase => {
                self.factor(before);
                self.base = after + fees;
            }
            Kind::Sale => {
                self.factor(before - fees);
                self.base = after;
            }
        }
        if self.held == 0 {
            self.base = 0.0;
        }
    }

    /// Sets the units that a flow leaves.
    fn holds(&mut self, cut: &Cut) {
        self.worth.set(cut.instrument, self.traded[cut.instrument].worth(cut.deal.units_after));
        self.held += usize::from(cut.deal.units_after > 0.0);
        self.held -= usize::from(cut.units_before > 0.0).min(self.held);
    }
}

/// Pairs and their sum. Changing a pair takes additions logarithmic in the number of pairs, and nothing is ever
/// subtracted, so a sum has no trace of earlier values.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// A tree in an array: the children of n are 2n and 2n + 1; the leaves are the second half.
    nodes: Vec<[f64; 2]>,
}

impl Sums {
    /// Replaces all pairs by this many new ones.
    pub(super) fn fill(&mut self, pairs: usize, leaves: impl Iterator<Item = [f64; 2]>) {
        let count = pairs.next_power_of_two();
        self.nodes.clear();
        self.nodes.resize(count, [0.0, 0.0]);
        self.nodes.extend(leaves);
        self.nodes.resize(2 * count, [0.0, 0.0]);
        for node in (1..count).rev() {
            self.add_up(node);
        }
    }

    fn add_up(&mut self, node: usize) {
        let ([a, b], [c, d]) = (self.nodes[2 * node], self.nodes[2 * node + 1]);
        self.nodes[node] = [a + c, b + d];
    }

    pub(super) fn set(&mut self, leaf: usize, pair: [f64; 2]) {
        let mut node = self.nodes.len() / 2 + leaf;
        self.nodes[node] = pair;
        while node > 1 {
            node /= 2;
            self.add_up(node);
        }
    }

    pub(super) fn total(&self) -> [f64; 2] {
        self.nodes[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(units: f64, previous: f64, close: f64) -> Traded {
        Traded { units, previous: Some(previous), close, purchase: None, sale: None }
    }

    fn deal(price: f64, units_after: f64, fee: f64) -> Deal {
        Deal { price, units_after, fee }
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-15 * expected.max(1.0), "{found} is not {expected}");
    }

    fn growth(start_value: f64, untouched: Untouched, traded: &[Traded]) -> Option<f64> {
        // What an earlier day left in the memory has no effect.
        let mut memory = PricedMemory::default();
        let earlier = Traded { purchase: Some(deal(7.0, 5.0, 1.0)), ..held(3.0, 6.0, 8.0) };
        let _ = priced_growth(58.0, Untouched { start: 40.0, end: 50.0, income: 2.0 }, &[earlier; 5], &mut memory);
        priced_growth(start_value, untouched, traded, &mut memory)
    }

    #[test]
    fn the_price_of_a_purchase_does_not_change_the_return() {
        for price in [90.0, 100.0, 103.0, 110.0, 130.0] {
            for units in [11.0, 1e9] {
                let bought = Traded { purchase: Some(deal(price, units, 0.0)), ..held(10.0, 100.0, 110.0) };
                near(growth(1000.0, Untouched::default(), &[bought]), 1.1);
                let traded = Traded { sale: Some(deal(95.0, 10.0, 0.0)), ..bought };
                near(growth(1000.0, Untouched::default(), &[traded]), 1.1 * 95.0 / 95.0);
            }
        }
    }

    #[test]
    fn a_sale_at_the_previous_close_comes_after_the_purchase_of_the_day_whichever_way_the_price_goes() {
        for close in [90.0, 99.95, 100.0, 100.05, 110.0] {
            for price in [130.0, 100.0, 50.0] {
                let purchase = Some(deal(price, 15.0, 0.0));
                let traded = Traded { purchase, sale: Some(deal(100.0, 14.0, 0.0)), ..held(10.0, 100.0, close) };
                let found = growth(1000.0, Untouched::default(), &[traded]).unwrap();
                assert!((found - close / 100.0).abs() < 1e-14, "close {close}, bought at {price}: {found}");
            }
        }
    }

    #[test]
    fn fees_are_lost() {
        let bought = Traded { purchase: Some(deal(110.0, 20.0, 5.0)), ..held(10.0, 100.0, 110.0) };
        near(growth(1000.0, Untouched::default(), &[bought]), 1.1 * 2200.0 / 2205.0);
        let sold = Traded { sale: Some(deal(110.0, 0.0, 5.0)), ..held(10.0, 100.0, 110.0) };
        near(growth(1000.0, Untouched::default(), &[sold]), 1095.0 / 1000.0);
        let eaten = Traded { sale: Some(deal(110.0, 5.0, 2000.0)), ..held(10.0, 100.0, 110.0) };
        assert_eq!(growth(1000.0, Untouched::default(), &[eaten]), Some(0.0), "never below zero");
    }

    #[test]
    fn untraded_holdings_move_as_far_as_the_flow_is_into_the_day() {
        // Half way from 100 to 110, when the rest is half way from 1,000 to 2,000.
        let bought = Traded { purchase: Some(deal(105.0, 20.0, 0.0)), ..held(10.0, 100.0, 110.0) };
        let rest = Untouched { start: 1000.0, end: 2000.0, income: 0.0 };
        near(growth(2000.0, rest, &[bought]), 2550.0 / 2000.0 * (4200.0 / 3600.0));
        // Income comes at the close.
        let rest = Untouched { income: 36.0, ..rest };
        near(growth(2000.0, rest, &[bought]), 2550.0 / 2000.0 * (4236.0 / 3600.0));
    }

    #[test]
    fn purchases_of_a_day_that_begins_empty_are_one_flow() {
        let first = Traded { purchase: Some(deal(105.0, 10.0, 1.0)), ..held(0.0, 100.0, 110.0) };
        let second = Traded { purchase: Some(deal(50.0, 20.0, 2.0)), ..held(0.0, 50.0, 60.0) };
        near(growth(0.0, Untouched::default(), &[first, second]), 2300.0 / 2053.0);
        let sold = Traded { sale: Some(deal(120.0, 0.0, 1.0)), ..first };
        near(growth(0.0, Untouched::default(), &[sold]), 1199.0 / 1051.0);
        assert_eq!(growth(0.0, Untouched::default(), &[]), None);
    }

    #[test]
    fn a_purchase_after_everything_is_sold_starts_anew() {
        let sold = Traded { sale: Some(deal(100.0, 0.0, 0.0)), ..held(10.0, 100.0, 110.0) };
        let bought = Traded { purchase: Some(deal(58.0, 5.0, 0.0)), ..held(0.0, 50.0, 60.0) };
        near(growth(1000.0, Untouched::default(), &[sold, bought]), 300.0 / 290.0);
        // In the other order, the first one's move to the close counts too.
        let late = Traded { sale: Some(deal(110.0, 0.0, 0.0)), ..sold };
        let before_it = 1080.0 / 1000.0;
        near(growth(1000.0, Untouched::default(), &[late, bought]), before_it * (1400.0 / 1370.0));
    }

    #[test]
    fn flows_at_one_place_are_one_cut_with_purchases_first() {
        let one = Traded { purchase: Some(deal(110.0, 11.0, 1.0)), ..held(10.0, 100.0, 110.0) };
        let two = Traded { purchase: Some(deal(60.0, 12.0, 1.0)), ..held(10.0, 50.0, 60.0) };
        let expected = 1700.0 / 1500.0 * (1930.0 / 1932.0);
        near(growth(1500.0, Untouched::default(), &[one, two]), expected);
        let sale = Traded { sale: Some(deal(60.0, 0.0, 3.0)), ..held(10.0, 50.0, 60.0) };
        // 1,700 at the purchase, 1,811 after it with its fee; the fee of the sale; 1,210 left.
        near(growth(1500.0, Untouched::default(), &[one, sale]), 1700.0 / 1500.0 * (1807.0 / 1811.0));
    }

    #[test]
    fn a_price_has_its_place_between_the_closes() {
        let day = held(1.0, 100.0, 110.0);
        let places = [90.0, 100.0, 105.0, 110.0, 120.0].map(|price| day.place(price));
        assert_eq!(places, [0.0, 0.0, 0.5, 1.0, 1.0]);
        let falling = held(1.0, 110.0, 100.0);
        assert_eq!([110.0, 105.0, 100.0].map(|price| falling.place(price)), [0.0, 0.5, 1.0]);
        let still = held(1.0, 100.0, 100.0);
        assert_eq!([90.0, 100.0, 110.0].map(|price| still.place(price)), [0.0, 1.0, 0.0]);
        let first = Traded { previous: None, ..day };
        assert_eq!([90.0, 110.0].map(|price| first.place(price)), [0.0, 1.0]);
    }
}
