//! `sextant listen`: a client of live quotes, of this machine's platform or of one in AWS.
//!
//! It keeps to what [docs/live.md](../../docs/live.md) asks of every client: a ping each five minutes, a new connection
//! before the two hours of API Gateway are over and after any end, resumed by subscribing again. What a customer is to
//! see of all this is a quote once, whatever became of the connection.

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
pub use failure::Ended;
use failure::{Failure, PATIENCE, passing};
use seen::Seen;

/// What is waited after the first failure, at most; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// What is ever waited between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Somebody who hears of symbols.
pub struct Listener {
    http: Client,
    tickets: Url,
    live: Url,
    token: SecretString,
    symbols: Vec<Symbol>,
    seen: Seen,
}

#[derive(Deserialize)]
struct Ticket {
    /// Good for one connection, within a minute.
    ticket: String,
}

impl Listener {
    /// A listener to the platform at `url`, whose live connections are at `live_url`, or at `live` under it.
    ///
    /// Errors: an address that is none, or no way to speak TLS.
    pub fn new(url: &str, live_url: Option<&str>, token: SecretString, symbols: Vec<Symbol>) -> anyhow::Result<Self> {
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/')))?;
        let live = match live_url {
            Some(live) => Url::parse(&http_of(live))?,
            None => base.join("live")?,
        };
        // A connection is upgraded, which later versions do not know.
        let http = Client::builder().http1_only().connect_timeout(PATIENCE).build()?;
        Ok(Self { http, tickets: base.join("live-tickets")?, live, token, symbols, seen: Seen::default() })
    }

    /// Listens until it is over for good; `hear` is told of each quote once, of alerts, and of symbols without a price.
    pub async fn listen(&mut self, mut hear: impl FnMut(&Value) -> ControlFlow<()>) -> Result<Infallible, Ended> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.listen_once(&mut hear).await {
                Ok(Over::Renewed) => pause = FIRST_PAUSE,
                Ok(Over::Lost { had_snapshot }) => {
                    if had_snapshot {
                        pause = FIRST_PAUSE;
                    }
                    tracing::info!("the live connection was lost; connecting again");
                    sleep(pause.mul_f64(rand::random_range(0.0..=1.0))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::ForGood(ended)) => return Err(ended),
                Err(Failure::Passing(error)) => {
                    tracing::warn!(error, "not connected; trying again");
                    sleep(pause.mul_f64(rand::random_range(0.0..=1.0))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn listen_once(&mut self, hear: &mut impl FnMut(&Value) -> ControlFlow<()>) -> Result<Over, Failure> {
        let ticket = self.fetch_ticket().await?;
        let mut url = self.live.clone();
        url.query_pairs_mut().append_pair("ticket", &ticket);
        let socket = handshake::connect(&self.http, url).await?;
        converse(socket, &self.symbols, &mut self.seen, hear).await
    }

    async fn fetch_ticket(&self) -> Result<String, Failure> {
        let asked = self.http.post(self.tickets.clone()).bearer_auth(self.token.expose_secret()).timeout(PATIENCE);
        let answer = asked.send().await.map_err(passing)?;
        match answer.status() {
            StatusCode::CREATED => Ok(answer.json::<Ticket>().await.map_err(passing)?.ticket),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Ended::SignedOut.into()),
            StatusCode::NOT_FOUND => Err(Ended::Refused("there is no platform at this address".to_owned()).into()),
            status => Err(Failure::Passing(format!("no ticket: {status}"))),
        }
    }
}

/// An address of a WebSocket as the one at which it is asked for.
fn http_of(live: &str) -> String {
    match live.strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => live.to_owned(),
    }
}
