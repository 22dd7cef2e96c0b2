//! Money-weighted return: the yearly rate at which the present value of all flows is zero.

use domain::Day;

use super::Reason;
use super::root::brent;

/// Days of a year in the exponent.
const YEAR: f64 = 365.0;
/// The logarithm of the lowest and the highest 1 + r searched.
const LOWEST: f64 = -40.0;
const HIGHEST: f64 = 40.0;
/// Log-spaced points at which a function with several changes of sign is evaluated.
const POINTS: usize = 4_000;
/// How close two rates between two such points can be and still be found, in the logarithm of 1 + r.
const FINEST: f64 = 1e-6;
/// Precision of the logarithm of 1 + r.
const TOLERANCE: f64 = 1e-13;
/// Gaps in days whose discount is computed once per evaluation; longer ones are powers.
const SHORT_GAPS: usize = 16;

/// The rate r with Σ CF·(1 + r)^(−(t − t₀)/365) = 0, searched where ln(1 + r) is between −40 and 40.
///
/// `flows` are in order of their days; money paid in is negative, as for the investor. Flows whose sign changes once
/// have exactly one root. With more changes, the whole range is scanned at 4,000 log-spaced points, and two crossings,
/// or two rates too close to tell apart, are [`Reason::SeveralRoots`]. If all roots are beyond the range it is
/// [`Reason::RateOutOfRange`].
pub fn xirr(flows: &[(Day, f64)]) -> Result<f64, Reason> {
    let flows = Flows::new(flows);
    let log_rate = match flows.changes_of_sign() {
        0 => return Err(Reason::NoRoot),
        1 => flows.root(LOWEST, HIGHEST)?,
        _ => flows.only_root()?,
    };
    Reason::unless_finite(log_rate.exp_m1())
}

/// Flows by day, with the days between each and the previous one.
struct Flows {
    gaps: Vec<usize>,
    paid_out: Vec<f64>,
    paid_in: Vec<f64>,
}

/// Money paid out and paid in, discounted at one rate. Both are scaled alike and never overflow.
#[derive(Clone, Copy)]
struct Discounted {
    paid_out: f64,
    paid_in: f64,
    log_scale: f64,
}

impl Discounted {
    fn is_positive(self) -> bool {
        self.paid_out >= self.paid_in
    }
}

impl Flows {
    fn new(flows: &[(Day, f64)]) -> Self {
        let mut result = Self {
            gaps: Vec::new(),
            paid_out: Vec::with_capacity(flows.len()),
            paid_in: Vec::with_capacity(flows.len()),
        };
        let mut nets: Vec<f64> = Vec::with_capacity(flows.len());
        let mut before: Option<Day> = None;
        for &(day, amount) in flows {
            match (before, nets.last_mut()) {
                (Some(last), Some(net)) if last == day => *net += amount,
                _ => {
                    result.gaps.push(before.map_or(0, |last| day.days_since(last).max(0) as usize));
                    nets.push(amount);
                    before = Some(day);
                }
            }
        }
        for net in nets {
            result.paid_out.push(net.max(0.0));
            result.paid_in.push((-net).max(0.0));
        }
        result
    }

    fn changes_of_sign(&self) -> usize {
        let signs = self.paid_out.iter().zip(&self.paid_in).filter(|(out, into)| **out > 0.0 || **into > 0.0);
        let positive: Vec<bool> = signs.map(|(out, into)| out > into).collect();
        positive.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// Both sides at the rate whose logarithm is given, by Horner's rule from the end at which the discount is
    /// smallest, so that every factor is at most 1.
    fn discounted(&self, log_rate: f64) -> Discounted {
        let factor = (-log_rate.abs() / YEAR).exp();
        let mut powers = [1.0; SHORT_GAPS];
        for gap in 1..SHORT_GAPS {
            powers[gap] = powers[gap - 1] * factor;
        }
        let power = |gap: usize| powers.get(gap).copied().unwrap_or_else(|| factor.powf(gap as f64));
        let (mut paid_out, mut paid_in) = (0.0, 0.0);
        let flows = self.gaps.iter().zip(self.paid_out.iter().zip(&self.paid_in));
        if log_rate >= 0.0 {
            for (&gap, (out, into)) in flows.rev() {
                let power = power(gap);
                paid_out = (paid_out + out) * power;
                paid_in = (paid_in + into) * power;
            }
            return Discounted { paid_out, paid_in, log_scale: 0.0 };
        }
        for (&gap, (out, into)) in flows {
            let power = power(gap);
            paid_out = paid_out * power + out;
            paid_in = paid_in * power + into;
        }
        let days: usize = self.gaps.iter().sum();
        Discounted { paid_out, paid_in, log_scale: -log_rate * days as f64 / YEAR }
    }

    fn root(&self, low: f64, high: f64) -> Result<f64, Reason> {
        let net = |log_rate| {
            let at = self.discounted(log_rate);
            at.paid_out - at.paid_in
        };
        brent(low, high, TOLERANCE, net).ok_or(Reason::RateOutOfRange)
    }

    /// Why the range has no root. Either a root lies beyond an end at which the sign is not yet that of the dominating
    /// flow (the last for the lowest rates, the first for the highest), or two lie beyond an end at which it is.
    fn without_root(&self, lowest: Discounted, highest: Discounted) -> Reason {
        let moving: Vec<(usize, bool, f64)> = self.moving().collect();
        let total: f64 = moving.iter().map(|(_, _, amount)| amount).sum();
        // Beyond that rate, a flow this many days from the next one outweighs all others together.
        let decided = |amount: f64, days: usize| (YEAR / days.max(1) as f64 * (total / amount).ln()).max(HIGHEST);
        let ([first, second, ..], [.., before, last]) = (moving.as_slice(), moving.as_slice()) else {
            return Reason::NoRoot;
        };
        if lowest.is_positive() != last.1 || highest.is_positive() != first.1 {
            return Reason::RateOutOfRange;
        }
        let (far, near) = (decided(first.2, second.0 - first.0), -decided(last.2, last.0 - before.0));
        let beyond = [(HIGHEST, highest, far, self.discounted(far)), (near, self.discounted(near), LOWEST, lowest)];
        let extrema = beyond.map(|(low, at_low, high, at_high)| self.extremum_between((low, at_low), (high, at_high)));
        if extrema == [Extremum::None; 2] { Reason::NoRoot } else { Reason::RateOutOfRange }
    }

    /// The flows that are not zero: days since the first one, whether it is paid out, and its amount.
    fn moving(&self) -> impl Iterator<Item = (usize, bool, f64)> {
        let mut days = 0;
        let flows = self.gaps.iter().zip(self.paid_out.iter().zip(&self.paid_in)).map(move |(gap, (out, into))| {
            days += gap;
            (days, out > into, out.max(*into))
        });
        flows.filter(|&(_, _, amount)| amount > 0.0)
    }

    /// The root where the scan crosses zero, if it does so once.
    fn only_root(&self) -> Result<f64, Reason> {
        let point = |at: usize| LOWEST + (HIGHEST - LOWEST) * at as f64 / (POINTS - 1) as f64;
        let (mut crossing, mut touches) = (None, false);
        let (lowest, highest) = (self.discounted(point(0)), self.discounted(point(POINTS - 1)));
        // Intervals still to be searched, the lowest on top.
        let mut open = vec![((0, lowest), (POINTS - 1, highest))];
        while let Some(((low, at_low), (high, at_high))) = open.pop() {
            if high - low > 1 {
                if !is_settled(at_low, at_high) {
                    let middle = low.midpoint(high);
                    let at_middle = self.discounted(point(middle));
                    open.push(((middle, at_middle), (high, at_high)));
                    open.push(((low, at_low), (middle, at_middle)));
                }
            } else if at_low.is_positive() == at_high.is_positive() {
                match self.extremum_between((point(low), at_low), (point(high), at_high)) {
                    Extremum::Crosses => return Err(Reason::SeveralRoots),
                    Extremum::Touches => touches = true,
                    Extremum::None => {}
                }
            } else if crossing.replace(low).is_some() {
                return Err(Reason::SeveralRoots);
            }
        }
        let none = || if touches { Reason::SeveralRoots } else { self.without_root(lowest, highest) };
        let low = crossing.ok_or_else(none)?;
        self.root(point(low), point(low + 1))
    }

    /// Whether the sign changes and changes back between two rates with the same sign.
    fn extremum_between(&self, low: (f64, Discounted), high: (f64, Discounted)) -> Extremum {
        let mut open = vec![(low, high)];
        let mut found = Extremum::None;
        while let Some((low, high)) = open.pop() {
            if is_settled(low.1, high.1) {
                continue;
            }
            if high.0 - low.0 <= FINEST {
                found = Extremum::Touches;
                continue;
            }
            let middle = low.0.midpoint(high.0);
            let at_middle = self.discounted(middle);
            if at_middle.is_positive() != low.1.is_positive() {
                return Extremum::Crosses;
            }
            open.push(((middle, at_middle), high));
            open.push((low, (middle, at_middle)));
        }
        found
    }
}

/// What both sides do between two rates at which the same side is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extremum {
    /// That side is larger throughout.
    None,
    /// They come too close to tell.
    Touches,
    /// The other side is larger in between.
    Crosses,
}

/// Whether one side is larger at every rate between two. Both sides fall as the rate rises, so it is enough that the
/// smaller value of one is above the larger value of the other. This spares the scan points at which nothing can cross.
fn is_settled(low: Discounted, high: Discounted) -> bool {
    let rescale = (high.log_scale - low.log_scale).exp();
    let (out_high, in_high) = (high.paid_out * rescale, high.paid_in * rescale);
    out_high > low.paid_in || in_high > low.paid_out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flows(flows: &[(&str, f64)]) -> Vec<(Day, f64)> {
        flows.iter().map(|(day, amount)| (day.parse().unwrap(), *amount)).collect()
    }

    #[test]
    fn rates_that_other_programs_find() {
        for (listed, expected) in [
            (flows(&[("2010-01-01", -200.0), ("2010-12-31", 210.0)]), 0.050_140_75),
            (flows(&[("2015-12-31", -1000.0), ("2016-06-01", 150.0), ("2016-12-31", 1230.0)]), 0.412_128_788),
            (
                flows(&[
                    ("2008-01-01", -10_000.0),
                    ("2008-03-01", 2750.0),
                    ("2008-10-30", 4250.0),
                    ("2009-02-15", 3250.0),
                    ("2009-04-01", 2750.0),
                ]),
                0.373_362_535,
            ),
        ] {
            let rate = xirr(&listed).unwrap();
            assert!((rate - expected).abs() < 5e-9, "{rate} is not {expected}");
        }
    }

    #[test]
    fn flows_with_two_rates_have_none() {
        let twice = flows(&[("2010-01-01", -100.0), ("2011-01-01", 230.0), ("2012-01-01", -132.0)]);
        assert_eq!(xirr(&twice), Err(Reason::SeveralRoots));
    }

    #[test]
    fn flows_with_many_sign_changes_may_have_one_rate() {
        let listed = flows(&[
            ("2010-01-01", -100.0),
            ("2010-07-01", 30.0),
            ("2010-08-01", -30.0),
            ("2011-01-01", 110.0),
            ("2011-01-01", 0.0),
        ]);
        let rate = xirr(&listed).unwrap();
        assert!((0.05..0.15).contains(&rate), "{rate}");
    }

    #[test]
    fn money_that_only_goes_in_has_no_rate() {
        assert_eq!(xirr(&flows(&[("2010-01-01", -1.0), ("2011-01-01", -1.0)])), Err(Reason::NoRoot));
        assert_eq!(xirr(&flows(&[("2010-01-01", -1.0), ("2010-01-01", 2.0)])), Err(Reason::NoRoot));
        assert_eq!(xirr(&[]), Err(Reason::NoRoot));
    }

    #[test]
    fn a_rate_beyond_the_range_is_reported_as_such() {
        // Doubled within a day is 2^365; a thousandfold within a day is beyond e^40.
        let doubled = xirr(&flows(&[("2010-01-01", -1.0), ("2010-01-02", 1.1)])).unwrap();
        assert!((doubled.ln_1p() - 365.0 * 1.1_f64.ln()).abs() < 1e-9, "{doubled}");
        for (first, last) in [(-1.0, 1000.0), (-1000.0, 1.0)] {
            let listed = flows(&[("2010-01-01", first), ("2010-01-02", last)]);
            assert_eq!(xirr(&listed), Err(Reason::RateOutOfRange));
        }
        let often = flows(&[("2010-01-01", -1.0), ("2010-01-02", 2000.0), ("2010-01-03", -1.0), ("2010-01-04", 2.0)]);
        assert_eq!(xirr(&often), Err(Reason::RateOutOfRange));
        let none = flows(&[("2010-01-01", -1.0), ("2011-01-01", 1.0), ("2012-01-01", -1.0)]);
        assert_eq!(xirr(&none), Err(Reason::NoRoot), "−1 + x − x² has no zero");
    }

    #[test]
    fn two_rates_beyond_one_end_of_the_range_are_reported_as_such() {
        // −1 + 2.6x − 1.689x² at 1.268 and 1.332 a day; backwards at their reciprocals.
        let days = ["2010-01-01", "2010-01-02", "2010-01-03"];
        let on = |amounts: [f64; 3]| days.map(|day| day.parse().unwrap()).into_iter().zip(amounts).collect::<Vec<_>>();
        assert_eq!(xirr(&on([-100.0, 260.0, -168.9])), Err(Reason::RateOutOfRange));
        assert_eq!(xirr(&on([-168.9, 260.0, -100.0])), Err(Reason::RateOutOfRange));
        assert_eq!(xirr(&on([-100.0, 260.0, -170.0])), Err(Reason::NoRoot), "260² is below 4 × 100 × 170");
        assert_eq!(xirr(&on([-170.0, 260.0, -100.0])), Err(Reason::NoRoot));
        let far = [("2010-01-01", -1.0), ("2010-01-02", 1e6), ("2010-01-03", -1e9), ("2060-01-01", -1.0)];
        assert_eq!(xirr(&flows(&far)), Err(Reason::RateOutOfRange));
    }

    #[test]
    fn a_double_root_counts_as_several() {
        let double = flows(&[("2010-01-01", -100.0), ("2011-01-01", 220.0), ("2012-01-01", -121.0)]);
        assert_eq!(xirr(&double), Err(Reason::SeveralRoots), "ten per cent, twice");
    }

    #[test]
    fn two_rates_between_two_points_of_the_scan_are_found() {
        // Ten and eleven per cent.
        let listed = flows(&[("2010-01-01", -100.0), ("2011-01-01", 221.0), ("2012-01-01", -122.1)]);
        assert_eq!(xirr(&listed), Err(Reason::SeveralRoots));
    }

    #[test]
    fn sixty_years_do_not_overflow() {
        let listed = flows(&[("1950-01-01", -1.0), ("1970-01-01", 2.0), ("1980-01-01", -1.0), ("2010-01-01", 50.0)]);
        assert!(xirr(&listed).unwrap().is_finite());
        let lost = flows(&[("1950-01-01", -1e9), ("2010-01-01", 1e-9)]);
        assert!((-1.0..0.0).contains(&xirr(&lost).unwrap()));
    }

    /// Every point of the scan in turn; the intervals must agree with it.
    fn crossings(flows: &Flows) -> usize {
        let sign = |at: usize| {
            let log_rate = LOWEST + (HIGHEST - LOWEST) * at as f64 / (POINTS - 1) as f64;
            flows.discounted(log_rate).is_positive()
        };
        (1..POINTS).filter(|&at| sign(at) != sign(at - 1)).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn intervals_find_the_same_rates_as_the_whole_scan(
            listed in prop::collection::vec((1_i32..400, -100.0_f64..100.0), 2..12)
        ) {
            let mut day = Day::FIRST;
            let mut dated = Vec::new();
            for (gap, amount) in listed {
                day = day.plus_days(gap);
                dated.push((day, amount));
            }
            let flows = Flows::new(&dated);
            let found = flows.only_root();
            match crossings(&flows) {
                0 => prop_assert!(found.is_err()),
                // Two more may lie between two points of the scan.
                1 => if let Ok(root) = found {
                    let [below, above] = [root - 1e-9, root + 1e-9].map(|x| flows.discounted(x).is_positive());
                    prop_assert_ne!(below, above);
                } else {
                    prop_assert_eq!(found, Err(Reason::SeveralRoots));
                },
                _ => prop_assert_eq!(found, Err(Reason::SeveralRoots)),
            }
        }
    }
}
