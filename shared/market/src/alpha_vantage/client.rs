//! Asking over HTTP: paced, counted, inside a deadline and a size.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::Symbol;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{Response, StatusCode, header, redirect};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout_at};

use super::budget::{Budget, QuotaExhausted};
use super::refusal::Refusal;
use super::settings::{Settings, SettingsError};
use crate::error::ProviderError;
use crate::provider::Patience;

/// Tells the provider who asks.
const USER_AGENT: &str = concat!("sextant/", env!("CARGO_PKG_VERSION"));

/// What to ask, without the key.
pub(super) struct Query<'a> {
    function: &'static str,
    symbol: &'a Symbol,
    symbol_parameter: &'static str,
    option: Option<(&'static str, &'static str)>,
}

impl<'a> Query<'a> {
    pub(super) fn new(function: &'static str, symbol: &'a Symbol) -> Self {
        Self { function, symbol, symbol_parameter: "symbol", option: None }
    }

    /// For functions that search.
    pub(super) fn keywords(function: &'static str, symbol: &'a Symbol) -> Self {
        Self { symbol_parameter: "keywords", ..Self::new(function, symbol) }
    }

    pub(super) fn with(self, name: &'static str, value: &'static str) -> Self {
        Self { option: Some((name, value)), ..self }
    }
}

pub(super) struct Client {
    http: reqwest::Client,
    settings: Settings,
    budget: Arc<dyn Budget>,
    /// `None` when calls need no spacing.
    pace: Option<DefaultDirectRateLimiter>,
}

impl Client {
    pub(super) fn new(settings: Settings, budget: Arc<dyn Budget>) -> Result<Self, SettingsError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .https_only(settings.is_encrypted())
            .referer(false)
            .connect_timeout(settings.limits.connect);
        if !settings.is_encrypted() {
            // This machine needs no proxy to reach itself.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|_| SettingsError::Client)?;
        let pace = Quota::with_period(settings.limits.spacing)
            .map(|quota| RateLimiter::direct(quota.allow_burst(NonZeroU32::MIN)));
        Ok(Self { http, settings, budget, pace })
    }

    pub(super) fn deadline(&self, patience: Patience) -> Instant {
        Instant::now() + self.settings.limits.total(patience)
    }

    pub(super) fn spacing(&self) -> Duration {
        self.settings.limits.spacing
    }

    pub(super) async fn day_used_up(&self) -> QuotaExhausted {
        self.budget.refused().await
    }

    /// Asks until there is an answer, a refusal that waiting does not cure, or no time left.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        query: Query<'_>,
        deadline: Instant,
        read: fn(&[u8], &Symbol) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut attempt = 1;
        loop {
            let answer = match self.fetch(&query, deadline).await {
                Ok(body) => parse(body, query.symbol.clone(), read).await,
                Err(error) => Err(Refusal::Failed(error)),
            };
            let retry_after = match answer {
                Err(Refusal::TooFast) => self.settings.limits.spacing,
                Err(Refusal::Failed(ProviderError::RateLimited { retry_after })) => retry_after,
                answer => return answer,
            };
            let pause = retry_after.saturating_add(self.jitter(attempt));
            if attempt >= self.settings.limits.attempts || pause >= time_left(deadline) {
                return Err(ProviderError::RateLimited { retry_after }.into());
            }
            attempt += 1;
            sleep(pause).await;
        }
    }

    /// A random part of a pause that doubles with each attempt, so that callers refused together do not
    /// come back together.
    fn jitter(&self, attempt: u32) -> Duration {
        let longest = self.settings.limits.backoff.saturating_mul(1 << (attempt - 1).min(8));
        longest.mul_f64(rand::random_range(0.0..=1.0))
    }

    async fn fetch(&self, query: &Query<'_>, deadline: Instant) -> Result<Vec<u8>, ProviderError> {
        self.wait_for_turn(deadline).await?;
        self.budget.take().await?;
        let (function, symbol) = (query.function, query.symbol);
        let fetched = timeout_at(deadline, self.send(query)).await.unwrap_or(Err(ProviderError::TimedOut));
        match &fetched {
            Ok(body) => tracing::debug!(function, %symbol, bytes = body.len(), "answer"),
            Err(error) => tracing::warn!(function, %symbol, %error, "no answer"),
        }
        fetched
    }

    /// Waits for the next slot of the pacing, unless the deadline comes first.
    async fn wait_for_turn(&self, deadline: Instant) -> Result<(), ProviderError> {
        let Some(pace) = &self.pace else { return Ok(()) };
        while let Err(full) = pace.check() {
            let wait = full.wait_time_from(DefaultClock::default().now());
            if wait >= time_left(deadline) {
                return Err(ProviderError::RateLimited { retry_after: wait });
            }
            sleep(wait).await;
        }
        Ok(())
    }

    async fn send(&self, query: &Query<'_>) -> Result<Vec<u8>, ProviderError> {
        let mut url = self.settings.base().clone();
        url.set_path("query");
        url.query_pairs_mut()
            .clear()
            .append_pair("function", query.function)
            .append_pair(query.symbol_parameter, query.symbol.as_str())
            .extend_pairs(query.option)
            .append_pair("apikey", self.settings.key.expose_secret());
        let response = self.http.get(url).send().await.map_err(unavailable)?;
        match response.status() {
            StatusCode::OK => read_limited(response, self.settings.limits.max_bytes).await,
            StatusCode::TOO_MANY_REQUESTS => {
                let retry_after = retry_after(&response).unwrap_or(self.settings.limits.spacing);
                Err(ProviderError::RateLimited { retry_after })
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ProviderError::KeyRefused),
            other => Err(ProviderError::Unavailable { status: Some(other.as_u16()) }),
        }
    }
}

fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Parsing years of bars takes about a millisecond, too long for the thread that serves others.
async fn parse<T: Send + 'static>(
    body: Vec<u8>,
    symbol: Symbol,
    read: fn(&[u8], &Symbol) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let parsed = tokio::task::spawn_blocking(move || read(&body, &symbol)).await;
    parsed.unwrap_or_else(|_| Err(Refusal::malformed("cannot be read")))
}

/// Collects the body as it is decompressed, so that a small answer cannot unfold into a large one.
async fn read_limited(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, ProviderError> {
    let announced = response.content_length().unwrap_or_default();
    if announced > max_bytes as u64 {
        return Err(ProviderError::TooLarge);
    }
    let mut body = Vec::with_capacity(announced as usize);
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(ProviderError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Seconds of a `Retry-After`; a date there is not worth a clock.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Takes from the error what we may know of it: its own text holds the whole address, key included.
///
/// An answer that breaks off and one that cannot be decompressed look alike here; both may come whole
/// another time.
fn unavailable(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    if error.is_timeout() {
        ProviderError::TimedOut
    } else {
        ProviderError::Unavailable { status: error.status().map(|status| status.as_u16()) }
    }
}
