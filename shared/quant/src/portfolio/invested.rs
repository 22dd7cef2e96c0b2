//! The gain over the money put in, and over the capital that was invested on average.

use super::Reason;

/// Gain/money put in. The gain is end − start − the sum of the payments; the money put in is the start value + the
/// highest running sum of the payments, at least 0. `payments` are those of each day, in (positive) less out, oldest
/// first: money that comes out and goes in again counts once.
pub fn simple_return(start: f64, end: f64, payments: impl IntoIterator<Item = f64>) -> Result<f64, Reason> {
    let (mut net, mut highest) = (0.0_f64, 0.0_f64);
    for payment in payments {
        net += payment;
        highest = highest.max(net);
    }
    let put_in = start + highest;
    if put_in <= 0.0 {
        return Err(Reason::NothingPutIn);
    }
    Reason::unless_finite((end - start - net) / put_in)
}

/// The mean of the capital on the evenings from the first step to the day before `end`. An evening without capital is
/// left out. A step is the number of a day and the capital from its evening on, oldest first.
pub fn mean_invested(steps: &[(i32, f64)], end: i32) -> Result<f64, Reason> {
    let (mut sum, mut evenings) = (0.0, 0.0);
    let ends = steps.iter().skip(1).map(|&(day, _)| day).chain([end]);
    for (&(day, capital), until) in steps.iter().zip(ends) {
        let count = f64::from(until.min(end) - day);
        if capital > 0.0 && count > 0.0 {
            sum += capital * count;
            evenings += count;
        }
    }
    if evenings <= 0.0 {
        return Err(Reason::NothingInvested);
    }
    Reason::unless_finite(sum / evenings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Result<f64, Reason>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn money_that_goes_in_again_counts_once() {
        // 100 in, 60 out, 50 in again: at no time more than 100 of one's own.
        near(simple_return(0.0, 99.0, [100.0, -60.0, 50.0]), 9.0 / 100.0);
        near(simple_return(200.0, 330.0, [-50.0, 150.0]), 30.0 / 300.0);
        near(simple_return(200.0, 120.0, [-100.0]), 20.0 / 200.0);
    }

    #[test]
    fn without_money_put_in_there_is_no_simple_return() {
        assert_eq!(simple_return(0.0, 0.0, []), Err(Reason::NothingPutIn));
        assert_eq!(simple_return(0.0, 0.0, [-5.0, 5.0]), Err(Reason::NothingPutIn));
    }

    #[test]
    fn the_mean_is_weighted_by_evenings() {
        near(mean_invested(&[(0, 285.8), (8, 559.0)], 26), 474.938_461_538);
        near(mean_invested(&[(0, 100.0), (2, 0.0), (8, 50.0)], 10), 75.0);
        near(mean_invested(&[(0, 100.0), (2, 900.0)], 2), 100.0);
    }

    #[test]
    fn without_an_evening_of_capital_there_is_no_mean() {
        assert_eq!(mean_invested(&[(3, 100.0)], 3), Err(Reason::NothingInvested));
        assert_eq!(mean_invested(&[(0, 0.0)], 3), Err(Reason::NothingInvested));
        assert_eq!(mean_invested(&[], 3), Err(Reason::NothingInvested));
    }
}
