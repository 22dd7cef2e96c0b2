//! System quality number (Tharp 2008).

use super::{Unavailable, mean, sample_deviation};
use crate::backtest::Trade;

/// √n × mean return of the closed trades / their standard deviation.
pub fn sqn(trades: &[Trade]) -> Result<f64, Unavailable> {
    match trades.len() {
        0 => return Err(Unavailable::NoClosedTrades),
        1 => return Err(Unavailable::FewTrades),
        _ => {}
    }
    let returns: Vec<f64> = trades.iter().map(|trade| trade.return_).collect();
    let deviation = sample_deviation(&returns)?;
    if deviation == 0.0 {
        return Err(Unavailable::NoDeviation);
    }
    Unavailable::unless_finite((returns.len() as f64).sqrt() * mean(&returns)? / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::expectancy::tests::trade;

    #[test]
    fn it_grows_with_the_root_of_the_trades() {
        let two = sqn(&[trade(1.0, 0.1), trade(1.0, 0.3)]).unwrap();
        assert!((two - 2.0).abs() < 1e-12);
    }

    #[test]
    fn one_trade_or_equal_trades_have_none() {
        assert_eq!(sqn(&[]), Err(Unavailable::NoClosedTrades));
        assert_eq!(sqn(&[trade(1.0, 0.1)]), Err(Unavailable::FewTrades));
        assert_eq!(sqn(&[trade(1.0, 0.1), trade(2.0, 0.1)]), Err(Unavailable::NoDeviation));
    }
}
