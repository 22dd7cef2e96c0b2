//! Kelly fraction (Kelly 1956).

use super::{Unavailable, mean, win_rate};
use crate::backtest::Trade;

/// W − (1 − W)/(average gain/average loss), on returns of the closed trades; W is the win rate.
pub fn kelly(trades: &[Trade]) -> Result<f64, Unavailable> {
    let wins = win_rate(trades)?;
    let average = |keep: fn(&Trade) -> bool| {
        let returns: Vec<f64> = trades.iter().filter(|trade| keep(trade)).map(|trade| trade.return_.abs()).collect();
        mean(&returns).ok().filter(|average| *average > 0.0)
    };
    let loss = average(|trade| trade.pnl < 0.0).ok_or(Unavailable::NoLosses)?;
    let gain = average(|trade| trade.pnl > 0.0).ok_or(Unavailable::NoGains)?;
    Unavailable::unless_finite(wins - (1.0 - wins) / (gain / loss))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::expectancy::tests::trade;

    #[test]
    fn even_odds_at_two_to_one_bet_a_quarter() {
        assert_eq!(kelly(&[trade(20.0, 0.2), trade(-10.0, -0.1)]), Ok(0.25));
    }

    #[test]
    fn it_needs_a_gain_and_a_loss() {
        assert_eq!(kelly(&[trade(20.0, 0.2)]), Err(Unavailable::NoLosses));
        assert_eq!(kelly(&[trade(-20.0, -0.2)]), Err(Unavailable::NoGains));
        assert_eq!(kelly(&[]), Err(Unavailable::NoClosedTrades));
    }
}
