//! `sextant health`: the health check of a platform in a container, whose image has no other HTTP client.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::server::local_url;

/// The time that the platform has to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The health of the platform that listens on `address` of this machine: the body of `GET /health`.
///
/// Errors: nothing listens there, it does not answer in time, or it is not healthy.
pub async fn check(address: SocketAddr) -> anyhow::Result<String> {
    let url = format!("{}/health", local_url(address));
    // A proxy in the environment is for providers, never for this machine.
    let client = https::client_builder().timeout(DEADLINE).no_proxy().build()?;
    let response = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    let status = response.status();
    let body = response.text().await.with_context(|| format!("{url} does not answer in full"))?;
    ensure!(status.is_success(), "{url} answers {status}: {body}");
    Ok(body)
}
