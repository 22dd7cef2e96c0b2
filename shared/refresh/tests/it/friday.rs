//! A refresh at noon and in the evening of one Friday, in a world with tracked symbols.

use std::time::Duration;

use market_data::MarketData;
use market_data::last_run::RefreshSummary;
use refresh::refresh;
use testing::exchange::{World, bars_through, time};

/// Friday noon in New York.
pub const NOON: &str = "2026-11-20T17:00:00Z";
/// Half past six in the evening of the same day.
pub const EVENING: &str = "2026-11-20T23:30:00Z";
/// The time limit of a run.
pub const TIME_LIMIT: Duration = Duration::from_mins(4);

/// Runs a slot.
pub async fn slot(platform: &MarketData, at: &str) -> RefreshSummary {
    refresh(platform, time(at), TIME_LIMIT).await.unwrap()
}

/// A world at noon in which these symbols are tracked, whose bars end the evening before.
pub async fn holding(symbols: &[&str]) -> World {
    let world = World::at(NOON);
    for name in symbols {
        world.track(name, bars_through("2026-11-19", 30, 10.0)).await;
    }
    world.exchange.calls();
    world
}
