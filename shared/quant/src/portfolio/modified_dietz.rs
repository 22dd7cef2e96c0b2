//! Modified Dietz return (Dietz 1966): the gain over the average invested capital.

use super::Reason;

/// Money paid in (positive) or out (negative).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedFlow {
    /// Days from the start of the span to the end of the day on which the money moved.
    pub after_days: i32,
    /// The amount.
    pub amount: f64,
}

/// (V1 − V0 − ΣF)/(V0 + Σ w·F), w = (T − t)/T, over a span of `span_days` days; every flow counts from the end of its
/// day.
pub fn modified_dietz(start: f64, end: f64, span_days: i32, flows: &[TimedFlow]) -> Result<f64, Reason> {
    if span_days < 1 {
        return Err(Reason::NothingInvested);
    }
    let span = f64::from(span_days);
    let mut net = 0.0;
    let mut capital = start;
    for flow in flows {
        net += flow.amount;
        capital += flow.amount * f64::from(span_days - flow.after_days) / span;
    }
    if capital <= 0.0 {
        return Err(Reason::NothingInvested);
    }
    Reason::unless_finite((end - start - net) / capital)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_after_a_third_has_a_weight_of_two_thirds() {
        let flows = [TimedFlow { after_days: 10, amount: 50.0 }];
        assert!((modified_dietz(100.0, 160.0, 30, &flows).unwrap() - 0.075).abs() < 1e-15);
    }

    #[test]
    fn without_invested_capital_there_is_no_return() {
        let flows = [TimedFlow { after_days: 30, amount: 50.0 }];
        assert_eq!(modified_dietz(0.0, 50.0, 30, &flows), Err(Reason::NothingInvested));
        assert_eq!(modified_dietz(100.0, 101.0, 0, &[]), Err(Reason::NothingInvested));
    }
}
