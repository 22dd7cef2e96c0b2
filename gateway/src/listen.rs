//! `sextant listen`: a client of live quotes, for the local platform or one on AWS.
//!
//! It follows the rules of [docs/live.md](../../docs/live.md) for clients: a ping every five minutes, and a new
//! connection and subscription before API Gateway's two hours are over and after every disconnect. The user sees each
//! quote once, whatever happens to the connection.

mod conversation;
mod failure;
mod handshake;
mod seen;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use domain::Symbol;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use conversation::{Over, converse};
pub use failure::ListenError;
use failure::{DEADLINE, Failure, passing};
use seen::SeenQuotes;

/// The longest pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A client that is subscribed to symbols.
pub struct Listener {
    http: Client,
    tickets: Url,
    live: Url,
    token: SecretString,
    symbols: Vec<Symbol>,
    seen: SeenQuotes,
}

#[derive(Deserialize)]
struct Ticket {
    /// Valid for one connection, within a minute.
    ticket: String,
}

impl Listener {
    /// A listener to the platform at `url`. Its live connections are at `live_url`, or at `live` under `url`.
    ///
    /// Errors: an invalid URL, or TLS is not available.
    pub fn new(url: &str, live_url: Option<&str>, token: SecretString, symbols: Vec<Symbol>) -> anyhow::Result<Self> {
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/')))?;
        let live = match live_url {
            Some(live) => Url::parse(&http_of(live))?,
            None => base.join("live")?,
        };
        // WebSocket upgrades need HTTP/1.1.
        let http = https::client_builder().http1_only().connect_timeout(DEADLINE).build()?;
        Ok(Self { http, tickets: base.join("live-tickets")?, live, token, symbols, seen: SeenQuotes::default() })
    }

    /// Listens until a permanent error or until `on_message` breaks. `on_message` gets each quote once, alerts, and
    /// symbols without a price.
    pub async fn listen(
        &mut self,
        mut on_message: impl FnMut(&Value) -> ControlFlow<()>,
    ) -> Result<Infallible, ListenError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.listen_once(&mut on_message).await {
                Ok(Over::Renewed) => pause = FIRST_PAUSE,
                Ok(Over::Lost { had_snapshot }) => {
                    if had_snapshot {
                        pause = FIRST_PAUSE;
                    }
                    tracing::info!("the live connection was lost; reconnecting");
                    sleep(pause.mul_f64(rand::random_range(0.0..=1.0))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Temporary(error)) => {
                    tracing::warn!(error, "cannot connect; trying again");
                    sleep(pause.mul_f64(rand::random_range(0.0..=1.0))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn listen_once(&mut self, on_message: &mut impl FnMut(&Value) -> ControlFlow<()>) -> Result<Over, Failure> {
        let ticket = self.fetch_ticket().await?;
        let mut url = self.live.clone();
        url.query_pairs_mut().append_pair("ticket", &ticket);
        let socket = handshake::connect(&self.http, url).await?;
        converse(socket, &self.symbols, &mut self.seen, on_message).await
    }

    async fn fetch_ticket(&self) -> Result<String, Failure> {
        let asked = self.http.post(self.tickets.clone()).bearer_auth(self.token.expose_secret()).timeout(DEADLINE);
        let answer = asked.send().await.map_err(passing)?;
        match answer.status() {
            StatusCode::CREATED => Ok(answer.json::<Ticket>().await.map_err(passing)?.ticket),
            StatusCode::UNAUTHORIZED => Err(ListenError::SignedOut.into()),
            StatusCode::NOT_FOUND => {
                Err(ListenError::Refused("no Sextant platform at this address; check --url".to_owned()).into())
            }
            status => Err(Failure::Temporary(format!("cannot get a ticket: {status}"))),
        }
    }
}

/// Converts a WebSocket URL to the HTTP URL for its handshake.
fn http_of(live: &str) -> String {
    match live.strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => live.to_owned(),
    }
}
