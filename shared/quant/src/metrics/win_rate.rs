//! Win rate.

use super::Unavailable;
use crate::backtest::Trade;

/// Share of the closed trades with a gain after costs.
pub fn win_rate(trades: &[Trade]) -> Result<f64, Unavailable> {
    if trades.is_empty() {
        return Err(Unavailable::NoClosedTrades);
    }
    Ok(trades.iter().filter(|trade| trade.pnl > 0.0).count() as f64 / trades.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::expectancy::tests::trade;

    #[test]
    fn a_trade_that_breaks_even_is_not_a_win() {
        assert_eq!(win_rate(&[trade(1.0, 0.1), trade(0.0, 0.0)]), Ok(0.5));
        assert_eq!(win_rate(&[]), Err(Unavailable::NoClosedTrades));
    }
}
