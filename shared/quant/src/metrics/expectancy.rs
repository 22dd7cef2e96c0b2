//! Expectancy of a trade.

use super::{Unavailable, mean};
use crate::backtest::Trade;

/// Mean return of the closed trades.
pub fn expectancy(trades: &[Trade]) -> Result<f64, Unavailable> {
    if trades.is_empty() {
        return Err(Unavailable::NoClosedTrades);
    }
    mean(&trades.iter().map(|trade| trade.return_).collect::<Vec<_>>())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A trade of which only the result matters.
    pub(in crate::metrics) fn trade(pnl: f64, return_: f64) -> Trade {
        let day: domain::Day = "2013-01-02".parse().unwrap();
        Trade {
            entry_date: day,
            entry_price: 1.0,
            exit_date: day,
            exit_price: 1.0,
            quantity: 1.0,
            split_factor: 1.0,
            dividends: 0.0,
            fees: 0.0,
            pnl,
            return_,
            days: 0,
        }
    }

    #[test]
    fn it_is_the_mean_return() {
        assert_eq!(expectancy(&[trade(10.0, 0.5), trade(-1.0, -0.25)]), Ok(0.125));
        assert_eq!(expectancy(&[]), Err(Unavailable::NoClosedTrades));
    }
}
