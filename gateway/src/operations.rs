//! Operator commands on one machine: the function `operator`, on the folder of a platform that may be running.

use app::Channels;
use serde_json::Value;

use crate::home::Home;
use crate::platform::{Engines, Settings};

/// Runs an operator command and returns its result.
pub async fn run(settings: &Settings, command: Value) -> anyhow::Result<Value> {
    let home = Home::open_unlocked(&settings.home)?;
    let engines = Engines::open(&home, settings, Channels::none())?;
    Ok(operator::handle(&engines.market.restricted_to("operator"), command).await?)
}
