//! The document that describes a JSON provider, checked before the first call.

use std::collections::BTreeMap;

use domain::Symbol;
use reqwest::header::{HOST, HeaderName};
use serde::Deserialize;

use super::url_template::{UrlFault, UrlTemplate};
use crate::api_plan::ApiPlan;
use crate::http::KEY_PLACEHOLDER;
use crate::price_unit::PriceUnit;

/// The source's name in responses, and the name of its quota.
pub const SOURCE: &str = "json";

/// How far back `{from}` is, in years.
const YEARS: u16 = 20;
const MOST_YEARS: u16 = 100;

/// A document that can be used.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub(super) unit: PriceUnit,
    pub(super) prices: Prices,
    pub(super) plan: ApiPlan,
    pub(super) years: u16,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) suffixes: Option<BTreeMap<String, String>>,
    pub(super) symbols: BTreeMap<Symbol, String>,
    pub(super) bars: BarsSection,
    pub(super) quote: Option<QuoteSection>,
    pub(super) errors: Option<ErrorsSection>,
}

/// Where the daily bars are.
#[derive(Clone, Debug)]
pub(super) struct BarsSection {
    pub(super) url: UrlTemplate,
    pub(super) layout: Layout,
    pub(super) date_format: DateFormat,
    pub(super) open: Pointer,
    pub(super) high: Pointer,
    pub(super) low: Pointer,
    pub(super) close: Pointer,
    pub(super) adjusted_close: Option<Pointer>,
    pub(super) volume: Option<Pointer>,
    pub(super) dividend: Option<Pointer>,
    pub(super) split: Option<Pointer>,
    pub(super) currency: Option<Pointer>,
}

/// How the bars are arranged.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// `rows` is an array with an element for each day; the other pointers start at the element.
    Rows { rows: Pointer, date: Pointer },
    /// `rows` is an object with a member for each day, named by its date.
    ByDate { rows: Pointer },
    /// Each pointer leads to an array with a number for each day.
    Columns { date: Pointer },
}

/// Where the last price is.
#[derive(Clone, Debug)]
pub(super) struct QuoteSection {
    pub(super) url: UrlTemplate,
    pub(super) price: Pointer,
    pub(super) previous_close: Option<Pointer>,
    pub(super) date: Pointer,
    pub(super) date_format: DateFormat,
    pub(super) currency: Option<Pointer>,
}

/// What an error that comes with status 200 means.
#[derive(Clone, Debug)]
pub(super) struct ErrorsSection {
    pub(super) code: Pointer,
    pub(super) unknown_symbol: Vec<String>,
    pub(super) rate_limited: Vec<String>,
    pub(super) key_refused: Vec<String>,
}

/// What the prices mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Prices {
    /// As traded on the day.
    Quoted,
    /// Divided by all later splits.
    SplitAdjusted,
    /// Adjusted for all later splits and dividends.
    Adjusted,
}

/// How dates are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DateFormat {
    /// `2026-01-02`, also with a time after it, or `20260102`.
    #[default]
    Iso,
    /// Seconds since 1970; the day is that in UTC.
    UnixSeconds,
    /// Milliseconds since 1970; the day is that in UTC.
    UnixMilliseconds,
}

/// A JSON pointer (RFC 6901) with the name of its member in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) member: &'static str,
    pub(super) text: String,
}

/// Why a document cannot be used. No variant has the text of a URL or header, which could contain a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// Not JSON, or with a member missing, unknown or of another type.
    #[error("the description of the JSON provider: {0}")]
    Document(String),
    /// A URL that cannot be used.
    #[error("{member}: {fault}")]
    Url {
        /// The member.
        member: &'static str,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// Not a JSON pointer.
    #[error("{member}: {pointer:?} is not a JSON pointer; it must be like /values/0/close")]
    Pointer {
        /// The member.
        member: &'static str,
        /// Its value.
        pointer: String,
    },
    /// Neither rows nor a date.
    #[error("bars: name rows, or date, or both; see docs/prices.md")]
    Layout,
    /// Another currency than those of ISO 4217.
    #[error("currency: must be the ISO 4217 code of a currency in use, or GBX, GBp, ZAc or ILA")]
    Currency,
    /// Not a number of years.
    #[error("years: must be from 1 to {MOST_YEARS}")]
    Years,
    /// The last price has another host than the bars.
    #[error("quote.url: the host must be that of bars.url")]
    OtherHost,
    /// Not the name of a header, or of one that is not for a key.
    #[error("headers: a name is not that of a header that may be set")]
    HeaderName,
    /// Braces in a header that enclose no key.
    #[error("headers: the only placeholder of a header is {KEY_PLACEHOLDER}")]
    HeaderPlaceholder,
    /// The key, or a header without it, has characters that a header cannot have.
    #[error("headers: the value of a header, with the key in it, has characters that a header cannot have")]
    HeaderValue,
    /// A placeholder for a key that is not set.
    #[error("{KEY_PLACEHOLDER} is used, but no key is set")]
    NoKey,
    /// The HTTP client cannot be created, or the base URL of a test cannot be used.
    #[error(transparent)]
    Client(#[from] crate::http::SettingsError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    currency: String,
    prices: Prices,
    #[serde(default)]
    calls_per_day: usize,
    #[serde(default)]
    calls_per_minute: usize,
    #[serde(default = "years")]
    years: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    suffixes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    symbols: BTreeMap<Symbol, String>,
    bars: BarsDocument,
    quote: Option<QuoteDocument>,
    errors: Option<ErrorsDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BarsDocument {
    url: String,
    rows: Option<String>,
    date: Option<String>,
    #[serde(default)]
    date_format: DateFormat,
    open: String,
    high: String,
    low: String,
    close: String,
    adjusted_close: Option<String>,
    volume: Option<String>,
    dividend: Option<String>,
    split: Option<String>,
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuoteDocument {
    url: String,
    price: String,
    previous_close: Option<String>,
    date: String,
    #[serde(default)]
    date_format: DateFormat,
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorsDocument {
    code: String,
    #[serde(default)]
    unknown_symbol: Vec<String>,
    #[serde(default)]
    rate_limited: Vec<String>,
    #[serde(default)]
    key_refused: Vec<String>,
}

fn years() -> u16 {
    YEARS
}

/// What an error of the parser says, without a text that it quotes: that could be a key in a wrong place.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if found.contains(": string \"") => format!("expected {expected}"),
        _ => text,
    }
}

impl Configuration {
    /// Reads a document.
    ///
    /// Errors: [`ConfigurationError`], which names the member that is wrong.
    pub fn read(text: &str) -> Result<Self, ConfigurationError> {
        let document: Document =
            serde_json::from_str(text).map_err(|error| ConfigurationError::Document(without_values(&error)))?;
        let limit = |calls| Some(calls).filter(|calls| *calls > 0);
        let plan =
            ApiPlan { calls_a_day: limit(document.calls_per_day), calls_a_minute: limit(document.calls_per_minute) };
        if !(1..=MOST_YEARS).contains(&document.years) {
            return Err(ConfigurationError::Years);
        }
        let bars = bars(document.bars)?;
        let quote = document.quote.map(quote).transpose()?;
        if quote.as_ref().is_some_and(|quote| !quote.url.host().eq_ignore_ascii_case(bars.url.host())) {
            return Err(ConfigurationError::OtherHost);
        }
        Ok(Self {
            unit: document.currency.parse().map_err(|_| ConfigurationError::Currency)?,
            prices: document.prices,
            plan,
            years: document.years,
            headers: document.headers.into_iter().map(header).collect::<Result<_, _>>()?,
            suffixes: document.suffixes,
            symbols: document.symbols,
            bars,
            quote,
            errors: document.errors.map(errors).transpose()?,
        })
    }

    /// The calls that the provider allows.
    #[must_use]
    pub fn plan(&self) -> ApiPlan {
        self.plan
    }

    pub(super) fn has_key(&self) -> bool {
        self.bars.url.has_key()
            || self.quote.as_ref().is_some_and(|quote| quote.url.has_key())
            || self.headers.iter().any(|(_, value)| value.contains(KEY_PLACEHOLDER))
    }

    /// The symbol in the provider's notation; `None` if the provider does not have it.
    pub(super) fn written(&self, symbol: &Symbol) -> Option<String> {
        if let Some(written) = self.symbols.get(symbol) {
            return Some(written.clone());
        }
        let text = symbol.as_str();
        // Pairs, metals and custom instruments have a form of our own.
        if symbol.is_custom() || text.contains('=') {
            return None;
        }
        let Some(suffixes) = &self.suffixes else { return Some(text.to_owned()) };
        let (ticker, suffix) = text.find('.').map_or((text, ""), |dot| text.split_at(dot));
        suffixes.get(suffix).map(|theirs| format!("{ticker}{theirs}"))
    }
}

fn bars(document: BarsDocument) -> Result<BarsSection, ConfigurationError> {
    let rows = document.rows.map(|text| anywhere("bars.rows", text)).transpose()?;
    let date = document.date.map(|text| pointer("bars.date", text)).transpose()?;
    let layout = match (rows, date) {
        (Some(rows), Some(date)) => Layout::Rows { rows, date },
        (Some(rows), None) => Layout::ByDate { rows },
        (None, Some(date)) => Layout::Columns { date },
        (None, None) => return Err(ConfigurationError::Layout),
    };
    Ok(BarsSection {
        url: url("bars.url", &document.url)?,
        layout,
        date_format: document.date_format,
        open: pointer("bars.open", document.open)?,
        high: pointer("bars.high", document.high)?,
        low: pointer("bars.low", document.low)?,
        close: pointer("bars.close", document.close)?,
        adjusted_close: optional("bars.adjusted_close", document.adjusted_close)?,
        volume: optional("bars.volume", document.volume)?,
        dividend: optional("bars.dividend", document.dividend)?,
        split: optional("bars.split", document.split)?,
        currency: optional("bars.currency", document.currency)?,
    })
}

fn quote(document: QuoteDocument) -> Result<QuoteSection, ConfigurationError> {
    Ok(QuoteSection {
        url: url("quote.url", &document.url)?,
        price: pointer("quote.price", document.price)?,
        previous_close: optional("quote.previous_close", document.previous_close)?,
        date: pointer("quote.date", document.date)?,
        date_format: document.date_format,
        currency: optional("quote.currency", document.currency)?,
    })
}

fn errors(document: ErrorsDocument) -> Result<ErrorsSection, ConfigurationError> {
    Ok(ErrorsSection {
        code: pointer("errors.code", document.code)?,
        unknown_symbol: document.unknown_symbol,
        rate_limited: document.rate_limited,
        key_refused: document.key_refused,
    })
}

fn url(member: &'static str, text: &str) -> Result<UrlTemplate, ConfigurationError> {
    UrlTemplate::parse(text).map_err(|fault| ConfigurationError::Url { member, fault })
}

fn header((name, value): (String, String)) -> Result<(HeaderName, String), ConfigurationError> {
    let name: HeaderName = name.parse().map_err(|_| ConfigurationError::HeaderName)?;
    if name == HOST {
        return Err(ConfigurationError::HeaderName);
    }
    if value.replace(KEY_PLACEHOLDER, "").contains(['{', '}']) {
        return Err(ConfigurationError::HeaderPlaceholder);
    }
    Ok((name, value))
}

fn optional(member: &'static str, text: Option<String>) -> Result<Option<Pointer>, ConfigurationError> {
    text.map(|text| pointer(member, text)).transpose()
}

fn pointer(member: &'static str, text: String) -> Result<Pointer, ConfigurationError> {
    if text.is_empty() {
        return Err(ConfigurationError::Pointer { member, pointer: text });
    }
    anywhere(member, text)
}

/// A pointer that may also be empty, for the whole response.
fn anywhere(member: &'static str, text: String) -> Result<Pointer, ConfigurationError> {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if escapes && (text.is_empty() || text.starts_with('/')) {
        Ok(Pointer { member, text })
    } else {
        Err(ConfigurationError::Pointer { member, pointer: text })
    }
}

#[cfg(test)]
mod tests;
