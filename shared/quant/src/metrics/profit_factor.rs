//! Profit factor.

use super::Unavailable;
use crate::backtest::Trade;

/// Σ gains / |Σ losses| of the closed trades, in money.
pub fn profit_factor(trades: &[Trade]) -> Result<f64, Unavailable> {
    if trades.is_empty() {
        return Err(Unavailable::NoClosedTrades);
    }
    let gains: f64 = trades.iter().map(|trade| trade.pnl.max(0.0)).sum();
    let losses: f64 = trades.iter().map(|trade| trade.pnl.min(0.0)).sum();
    if losses == 0.0 {
        return Err(Unavailable::NoLosses);
    }
    Unavailable::unless_finite(gains / losses.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::expectancy::tests::trade;

    #[test]
    fn it_is_the_ratio_of_gains_to_losses_in_money() {
        assert_eq!(profit_factor(&[trade(30.0, 0.01), trade(-10.0, -0.5)]), Ok(3.0));
        assert_eq!(profit_factor(&[trade(30.0, 0.01)]), Err(Unavailable::NoLosses));
        assert_eq!(profit_factor(&[]), Err(Unavailable::NoClosedTrades));
    }
}
