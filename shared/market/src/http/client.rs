//! The HTTP client for providers: paced, counted, and limited in time and size.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::address::{Address, SettingsError};
use super::breaker::{Breaker, Permit};
use super::limits::Limits;
use super::pace::Pace;
use super::quota::{Quota, QuotaExhausted};
use super::refusal::Refusal;
use super::retry_after;
use crate::api_plan::CallsLeft;
use crate::call_budget::CallBudget;
use crate::call_limits::{LONGEST_NOTE, SHORTEST_CALL, SILENCE};
use crate::error::ProviderError;

/// What the client needs to know about a provider.
pub(crate) struct Site {
    /// The provider's name in log lines.
    pub(crate) name: &'static str,
    /// Its address.
    pub(crate) address: Address,
    /// Limits of time and size.
    pub(crate) limits: Limits,
    /// The `User-Agent` header.
    pub(crate) user_agent: &'static str,
    /// The API key; never in a log line or error.
    pub(crate) key: Option<ApiKey>,
    /// Headers of every request, with the key filled in.
    pub(crate) headers: HeaderMap,
    /// What a response with status 404 means.
    pub(crate) not_found: NotFound,
    /// How long to wait if the provider asks for fewer calls without saying for how long.
    pub(crate) pause_unsaid: Duration,
}

/// The placeholder that stands for the API key.
pub(crate) const KEY_PLACEHOLDER: &str = "{key}";

/// An API key, and where it is in a URL.
pub(crate) struct ApiKey {
    pub(crate) secret: SecretString,
    pub(crate) place: KeyPlace,
}

/// Where the API key is in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// At the end of every query, under this name.
    Query(&'static str),
    /// In place of [`KEY_PLACEHOLDER`] in the path and in the values of the query.
    Placeholder,
}

/// What a response with status 404 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// The service is not there.
    Unavailable,
    /// Its body says.
    Explained,
    /// The provider does not have the symbol.
    UnknownSymbol,
}

/// A request, without the key.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The function, for log lines.
    pub(crate) function: &'static str,
    /// The subject, for log lines.
    pub(crate) about: String,
    /// The path, segment by segment.
    pub(crate) path: Vec<String>,
    /// The query.
    pub(crate) pairs: Vec<(Cow<'static, str>, String)>,
}

pub(crate) struct Client {
    http: reqwest::Client,
    site: Site,
    quota: Arc<dyn Quota>,
    /// `None` if the quota already spaces the calls of all processes.
    pace: Option<Pace>,
    breaker: Breaker,
}

impl Client {
    pub(crate) fn new(site: Site, quota: Arc<dyn Quota>) -> Result<Self, SettingsError> {
        let (limits, is_encrypted) = (site.limits, site.address.is_encrypted());
        let mut builder = https::client_builder()
            .user_agent(site.user_agent)
            .redirect(redirect::Policy::none())
            .https_only(is_encrypted)
            .referer(false)
            .connect_timeout(limits.connect);
        if !is_encrypted {
            // A server on this machine needs no proxy and no certificates, which take long to load.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(|_| SettingsError::Client)?;
        let breaker = Breaker::new(limits.failures_to_open, limits.open_for);
        let pace = (!quota.keeps_distance()).then(|| Pace::new(limits.spacing));
        Ok(Self { http, site, quota, pace, breaker })
    }

    /// Records that the provider reported the day's calls as used up.
    pub(crate) async fn mark_day_used_up(&self) -> QuotaExhausted {
        let noted = timeout_at(Instant::now() + LONGEST_NOTE, self.quota.mark_exhausted());
        noted.await.unwrap_or(QuotaExhausted { until: None })
    }

    /// The calls left: none while the breaker is open.
    pub(crate) async fn read_calls_left(&self) -> Option<CallsLeft> {
        if self.breaker.is_open() {
            return Some(CallsLeft::of_a_day(0));
        }
        self.quota.read_state().await.map(|state| state.left)
    }

    /// How long until more calls may be made than now, if known.
    pub(crate) async fn find_wait_for_calls(&self) -> Option<Duration> {
        match self.breaker.open_for() {
            Some(left) => Some(left),
            None => self.quota.read_state().await?.more_in(),
        }
    }

    /// Calls until there is data, a refusal that a retry cannot cure, or no time left. `read` turns a response into
    /// data about `asked`.
    pub(crate) async fn ask<A, T>(
        &self,
        request: &Request,
        asked: &A,
        call: CallBudget,
        read: fn(&[u8], &A) -> Result<T, Refusal>,
    ) -> Result<T, Refusal>
    where
        A: Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        let mut attempt = 1;
        loop {
            let answer = match self.fetch(request, call).await {
                Ok(body) => parse(body, asked.clone(), read).await,
                Err(error) => Err(Refusal::Failed(error)),
            };
            let retry_after = match answer {
                Err(Refusal::TooFast) => self.site.pause_unsaid,
                Err(Refusal::Failed(ProviderError::RateLimited { retry_after })) => retry_after,
                answer => return answer,
            };
            let pause = retry_after.saturating_add(self.jitter(attempt));
            let is_too_late = pause.saturating_add(SHORTEST_CALL) > call.time_left();
            if attempt >= self.site.limits.attempts || is_too_late {
                return Err(ProviderError::RateLimited { retry_after }.into());
            }
            attempt += 1;
            sleep(pause).await;
        }
    }

    /// A random part of a pause that doubles with each attempt, so that callers refused together do not retry together.
    fn jitter(&self, attempt: u32) -> Duration {
        let longest = self.site.limits.backoff.saturating_mul(1 << (attempt - 1).min(8));
        longest.mul_f64(rand::random_range(0.0..=1.0))
    }

    /// Waits for a counted permit for one call. Fails immediately if the breaker is open or no call is left.
    async fn acquire_permit(&self, call: CallBudget) -> Result<Permit<'_>, ProviderError> {
        let left_alone = ProviderError::Unavailable { status: None };
        if self.breaker.is_open() {
            return Err(left_alone);
        }
        let in_time = |_| ProviderError::TimedOut;
        if let Some(pace) = &self.pace {
            if let Some(standing) = timeout_at(call.deadline, self.quota.read_state()).await.map_err(in_time)? {
                standing.beyond(call.reserve)?;
            }
            pace.wait(call.deadline).await?;
        }
        let permit = self.breaker.permit().map_err(|_| left_alone.clone())?;
        let taken = self.quota.take(self.site.limits.spacing, call);
        let wait = timeout_at(call.deadline, taken).await.map_err(in_time)??;
        if wait.is_zero() {
            return Ok(permit);
        }
        sleep(wait).await;
        // Other calls may have failed while this one waited.
        if permit.stands() { Ok(permit) } else { Err(left_alone) }
    }

    async fn fetch(&self, request: &Request, call: CallBudget) -> Result<Vec<u8>, ProviderError> {
        let permit = self.acquire_permit(call).await?;
        let permit = permit.sent(SILENCE.min(self.site.limits.connect));
        let span = self.span();
        let sent = timeout_at(call.deadline, self.send(request, &span)).instrument(span.clone()).await;
        let fetched = sent.unwrap_or(Err(NoData { error: ProviderError::TimedOut, is_failure: true }));
        if let Err(NoData { error, .. }) = &fetched {
            span.record("error.type", error_type(error).as_ref());
            span.record("otel.status_code", "error");
        }
        match &fetched {
            // Whether this is a failure of the provider depends on how long it was given.
            Err(NoData { error: ProviderError::TimedOut, .. }) => drop(permit),
            Err(NoData { is_failure: true, .. }) => permit.failed(),
            _ => permit.answered(),
        }
        let fetched = fetched.map_err(|none| none.error);
        let (source, function, about) = (self.site.name, request.function, &request.about);
        match &fetched {
            Ok(body) => tracing::debug!(source, function, about, bytes = body.len(), "answer"),
            Err(error) => tracing::warn!(source, function, about, %error, "no answer"),
        }
        fetched
    }

    /// The span of a call in a trace. It has the host and never the URL, which contains the key.
    fn span(&self) -> Span {
        tracing::info_span!(
            "provider",
            otel.name = "GET",
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = "GET",
            http.response.status_code = Empty,
            server.address = self.site.address.host(),
            error.type = Empty,
        )
    }

    async fn send(&self, request: &Request, span: &Span) -> Result<Vec<u8>, NoData> {
        let http_request = self.http.get(self.url(request)).headers(self.site.headers.clone());
        let response = http_request.send().await.map_err(unavailable)?;
        let status = response.status();
        span.record("http.response.status_code", i64::from(status.as_u16()));
        let asks_to_wait = retry_after::wait(response.headers());
        let error = match status {
            StatusCode::OK => return read_limited(response, self.site.limits.max_bytes).await,
            StatusCode::NOT_FOUND if self.site.not_found == NotFound::Explained => {
                return read_limited(response, self.site.limits.max_bytes).await;
            }
            StatusCode::NOT_FOUND if self.site.not_found == NotFound::UnknownSymbol => ProviderError::UnknownSymbol,
            StatusCode::TOO_MANY_REQUESTS => {
                ProviderError::RateLimited { retry_after: asks_to_wait.unwrap_or(self.site.pause_unsaid) }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.site.key.is_some() => ProviderError::KeyRefused,
            other => match asks_to_wait {
                Some(retry_after) if other == StatusCode::SERVICE_UNAVAILABLE => {
                    ProviderError::RateLimited { retry_after }
                }
                _ => ProviderError::Unavailable { status: Some(other.as_u16()) },
            },
        };
        Err(NoData { error, is_failure: status.is_server_error() })
    }

    /// The URL of a request, with the key.
    fn url(&self, request: &Request) -> Url {
        let (in_place, at_the_end) = match &self.site.key {
            None => (None, None),
            Some(ApiKey { secret, place: KeyPlace::Placeholder }) => (Some(secret.expose_secret()), None),
            Some(ApiKey { secret, place: KeyPlace::Query(name) }) => (None, Some((*name, secret.expose_secret()))),
        };
        let fill = |text: &str| in_place.map_or(text.to_owned(), |key| text.replace(KEY_PLACEHOLDER, key));
        let path: Vec<String> = request.path.iter().map(|segment| fill(segment)).collect();
        let mut url = self.site.address.at(&path);
        let pairs = request.pairs.iter().map(|(name, value)| (name, fill(value)));
        url.query_pairs_mut().extend_pairs(pairs).extend_pairs(at_the_end);
        url
    }
}

/// The value of `error.type` for an error, in a trace.
fn error_type(error: &ProviderError) -> Cow<'static, str> {
    match error {
        ProviderError::Unavailable { status: Some(status) } => status.to_string().into(),
        ProviderError::Unavailable { status: None } => "unavailable".into(),
        ProviderError::TimedOut => "timeout".into(),
        ProviderError::RateLimited { .. } => "rate_limited".into(),
        ProviderError::KeyRefused => "key_refused".into(),
        ProviderError::UnknownSymbol => "unknown_symbol".into(),
        _ => "_OTHER".into(),
    }
}

/// Why a call returned no body.
struct NoData {
    error: ProviderError,
    /// Whether the provider failed, as opposed to responding without data.
    is_failure: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("site", &self.site.name)
            .field("address", &self.site.address)
            .finish_non_exhaustive()
    }
}

/// Parsing years of bars takes about a millisecond, too long for a thread that serves other requests.
async fn parse<A: Send + 'static, T: Send + 'static>(
    body: Vec<u8>,
    asked: A,
    read: fn(&[u8], &A) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let parsed = tokio::task::spawn_blocking(move || read(&body, &asked)).await;
    parsed.unwrap_or_else(|_| Err(Refusal::malformed("cannot be read")))
}

/// Collects the body while it is decompressed, so that a small response cannot expand beyond the limit.
async fn read_limited(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, NoData> {
    let too_large = NoData { error: ProviderError::TooLarge, is_failure: false };
    let announced = response.content_length().unwrap_or_default();
    if announced > max_bytes as u64 {
        return Err(too_large);
    }
    let mut body = Vec::with_capacity(announced as usize);
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Converts the error without its text, which contains the whole URL including the key.
///
/// A response that breaks off and one that cannot be decompressed look alike here; both may succeed later.
fn unavailable(error: reqwest::Error) -> NoData {
    let error = if error.without_url().is_timeout() {
        ProviderError::TimedOut
    } else {
        ProviderError::Unavailable { status: None }
    };
    NoData { error, is_failure: true }
}
