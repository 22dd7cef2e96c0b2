//! Refusals and failures as `application/problem+json` (RFC 9457): which code stands for which error.

use app::ServiceError;
use app::error::{RowError, shortened};
use app::hasher::HasherError;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::Price;
use ledger::Refusal;
use market::ProviderError;
use serde::Serialize;
use store::StoreError;
use store::error::Remedy;

use crate::problem_code::ProblemCode;
use crate::replayed::Replayed;

/// Media type of every problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Said where a password could be neither checked nor kept.
const UNCHECKED: &str = "passwords cannot be checked for now; nothing was counted as an attempt";

/// What went wrong, for a program (`code`) and for a person (`title`, `detail`).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub type_: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// Stable name of the kind of problem, in `snake_case`.
    #[schema(value_type = String)]
    pub code: ProblemCode,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With the code `price_changed`: the price of one unit that the order expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_price: Option<Box<Price>>,
    /// With the code `price_changed`: the price of one unit now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_price: Option<Box<Price>>,
    /// Id of the request, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip)]
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer to the field; `/name` for a query or path parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
    /// Where in a rule's text, counted in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl FieldError {
    /// An error of the field that `pointer` names.
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: shortened(&pointer.into()), detail: shortened(&detail.into()), column: None }
    }
}

impl Problem {
    /// A problem with this code and its status, and with as much of the detail as a person reads.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            type_: format!("urn:sextant:problem:{}", code.as_str()),
            title: title_of(code.as_str()),
            status: code.status().as_u16(),
            detail: shortened(&detail.into()),
            code,
            errors: Vec::new(),
            expected_price: None,
            current_price: None,
            request_id: None,
            headers: Vec::new(),
        }
    }

    /// 422 with the fields at fault.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer.trim_start_matches('/'), only.detail),
            several => format!("{} fields are not acceptable", several.len()),
        };
        Self { errors, ..Self::new(ProblemCode::InvalidFields, detail) }
    }

    /// 500: the cause stands in the log, never in the answer.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ProblemCode::Internal, "something went wrong on our side; it has been logged")
    }

    /// A problem that may pass, with `Retry-After` in seconds.
    fn passing(code: ProblemCode, detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        Self::new(code, detail).with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// The problem with one more response header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn from_provider(error: &ProviderError) -> Self {
        tracing::warn!(%error, "no prices");
        let detail = format!("no prices for now: {error}");
        match error {
            ProviderError::UnknownSymbol => Self::new(ProblemCode::UnknownSymbol, detail),
            ProviderError::QuotaExhausted { .. } => Self::passing(ProblemCode::ProviderQuotaExhausted, detail, 3_600),
            ProviderError::RateLimited { retry_after } => {
                Self::passing(ProblemCode::ProviderUnavailable, detail, retry_after.as_secs().max(1))
            }
            ProviderError::PriceTooSmall => Self::new(ProblemCode::PriceTooSmall, detail),
            ProviderError::NotGiven => Self::internal(),
            ProviderError::TimedOut | ProviderError::Unavailable { .. } => {
                Self::passing(ProblemCode::ProviderUnavailable, detail, 5)
            }
            ProviderError::KeyRefused | ProviderError::TooLarge | ProviderError::Malformed { .. } => {
                Self::passing(ProblemCode::ProviderUnusable, detail, 300)
            }
        }
    }

    fn from_refusal(refusal: &Refusal) -> Self {
        let detail = refusal.to_string();
        let invalid = |pointer: &str| Self::new(ProblemCode::InvalidFields, &*detail).at(pointer);
        let conflict = |code| Self::new(code, &*detail);
        match refusal {
            Refusal::WalletFrozen => Self::new(ProblemCode::WalletFrozen, detail),
            Refusal::InsufficientFunds { .. } => conflict(ProblemCode::InsufficientFunds),
            Refusal::InsufficientUnits { .. } => conflict(ProblemCode::InsufficientUnits),
            Refusal::NotReversible => conflict(ProblemCode::NotReversible),
            Refusal::AlreadyReversed(_) => conflict(ProblemCode::AlreadyReversed),
            Refusal::BackDated { .. } => conflict(ProblemCode::PriceUnavailable),
            Refusal::TooManyLots | Refusal::SaleOfTooManyLots { .. } => conflict(ProblemCode::TooManyLots),
            Refusal::TooLarge => Self::new(ProblemCode::TooLarge, detail),
            Refusal::NotPositive | Refusal::ZeroValue | Refusal::BelowSmallestQuantity => invalid("/amount"),
            Refusal::NegativeFee => invalid("/fee"),
            Refusal::ZeroQuantity => invalid("/quantity"),
            Refusal::UnknownLot(_)
            | Refusal::LotNamedTwice(_)
            | Refusal::LotsNeeded
            | Refusal::LotsNotChosen
            | Refusal::LotsDoNotAddUp { .. } => invalid("/lots"),
            Refusal::ForeignEntry | Refusal::OtherCurrency { .. } => {
                tracing::error!(error = %refusal, "books that do not belong together");
                Self::internal()
            }
        }
    }

    /// 409 with both prices.
    fn price_changed(detail: String, expected: Price, current: Price) -> Self {
        let problem = Self::new(ProblemCode::PriceChanged, detail);
        Self { expected_price: Some(expected.into()), current_price: Some(current.into()), ..problem }
    }

    /// 503 because something that we rely on failed, which stands in the log.
    fn unanswered(code: ProblemCode, detail: &str, retry_after_seconds: u64, error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, code = code.as_str(), "what we rely on failed");
        Self::passing(code, detail, retry_after_seconds)
    }

    fn from_hasher(error: &HasherError) -> Self {
        const CODE: ProblemCode = ProblemCode::HasherUnavailable;
        match error {
            HasherError::Overloaded => {
                tracing::warn!(%error, code = CODE.as_str(), "refused");
                Self::passing(CODE, UNCHECKED, 1)
            }
            HasherError::Failed(_) => Self::unanswered(CODE, UNCHECKED, 1, error),
        }
    }

    fn from_store(error: &StoreError) -> Self {
        if matches!(error, StoreError::ForeignCursor) {
            return Self::new(ProblemCode::InvalidCursor, "the cursor does not belong to this list");
        }
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let later =
            || Self::passing(ProblemCode::StoreUnavailable, "the store did not answer; nothing is half done", 1);
        match error.remedy() {
            Remedy::StartOver => {
                tracing::info!(%error, "given up: every attempt lost a race for an item, or came to a busy store");
                later()
            }
            Remedy::AskLater => {
                tracing::error!(%error, cause, "the store failed");
                later()
            }
            Remedy::None => {
                tracing::error!(%error, cause, "the store failed");
                Self::internal()
            }
        }
    }

    fn at(self, pointer: &str) -> Self {
        let error = FieldError::new(pointer, self.detail.clone());
        Self { errors: vec![error], ..self }
    }

    pub(crate) fn identified(self, request_id: &str) -> Self {
        Self { request_id: Some(request_id.to_owned()), ..self }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        // A struct of strings and numbers always serialises; an empty body would still carry the status.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// `/rows/17/quantity`: rows are counted from 1, as a person counts them; the words name the line of the file.
fn of_rows(mistakes: Vec<RowError>) -> Vec<FieldError> {
    let pointer = |row, field| if field == "row" { format!("/rows/{row}") } else { format!("/rows/{row}/{field}") };
    let error = |RowError { row, line, field, detail }: RowError| {
        FieldError::new(pointer(row, field), format!("line {line}: {detail}"))
    };
    mistakes.into_iter().map(error).collect()
}

/// `unknown_symbol` → `Unknown symbol`.
fn title_of(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), [(header::CONTENT_TYPE, PROBLEM_JSON)], self.body()).into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        // The door adds the request's id and writes the body anew.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        match error {
            ServiceError::UnknownSymbol { .. } => Self::new(ProblemCode::UnknownSymbol, detail),
            ServiceError::NotFound { .. } => Self::new(ProblemCode::NotFound, detail),
            ServiceError::NoBars { .. } => Self::new(ProblemCode::NoBarsInSpan, detail).at("/from"),
            ServiceError::FromAfterTo { .. } => Self::new(ProblemCode::InvalidFields, detail).at("/from"),
            ServiceError::NotEnoughBars { .. } => Self::new(ProblemCode::NotEnoughBars, detail),
            ServiceError::Rule { field, error } => {
                let column = Some(error.column);
                let located = format!("column {}: {}", error.column, error.message);
                let error = FieldError { column, ..FieldError::new(format!("/{field}"), located) };
                Self { errors: vec![error], ..Self::new(ProblemCode::InvalidRule, detail) }
            }
            ServiceError::Field { field, detail } => Self::fields(vec![FieldError::new(format!("/{field}"), detail)]),
            ServiceError::IdempotencyKeyReused => Self::new(ProblemCode::IdempotencyKeyReused, detail),
            ServiceError::MalformedFile { .. } => Self::new(ProblemCode::MalformedFile, detail),
            ServiceError::InvalidRows { errors, .. } => {
                Self { errors: of_rows(errors), ..Self::new(ProblemCode::InvalidRows, detail) }
            }
            ServiceError::DuplicateRows { errors, .. } => {
                Self { errors: of_rows(errors), ..Self::new(ProblemCode::DuplicateRows, detail) }
            }
            ServiceError::LimitReached { .. } => Self::new(ProblemCode::LimitReached, detail),
            ServiceError::PriceUnavailable { .. } | ServiceError::PriceUnconfirmed { .. } => {
                Self::new(ProblemCode::PriceUnavailable, detail)
            }
            ServiceError::PriceTooSmall { .. } => Self::new(ProblemCode::PriceTooSmall, detail),
            ServiceError::PriceChanged { expected, current } => Self::price_changed(detail, expected, current),
            ServiceError::PortfolioClosed => Self::new(ProblemCode::PortfolioClosed, detail),
            ServiceError::PortfolioNotEmpty { .. } => Self::new(ProblemCode::PortfolioNotEmpty, detail),
            ServiceError::PortfolioHasTrades => Self::new(ProblemCode::PortfolioHasTrades, detail),
            ServiceError::SymbolTaken { .. } => Self::new(ProblemCode::SymbolTaken, detail),
            ServiceError::PreconditionRequired => Self::new(ProblemCode::PreconditionRequired, detail),
            ServiceError::PreconditionFailed { .. } => Self::new(ProblemCode::PreconditionFailed, detail),
            ServiceError::EmailTaken => Self::new(ProblemCode::EmailTaken, detail),
            ServiceError::InvalidCredentials => Self::new(ProblemCode::InvalidCredentials, detail),
            ServiceError::WrongPassword => Self::new(ProblemCode::WrongPassword, detail),
            ServiceError::AccountDisabled => Self::new(ProblemCode::AccountDisabled, detail),
            ServiceError::LastAdministrator => Self::new(ProblemCode::LastAdministrator, detail),
            ServiceError::OwnAccount => Self::new(ProblemCode::OwnAccount, detail),
            ServiceError::InvalidToken => Self::new(ProblemCode::InvalidToken, detail),
            ServiceError::TooManyAttempts { retry_after_seconds } => {
                Self::passing(ProblemCode::TooManyAttempts, detail, retry_after_seconds)
            }
            ServiceError::TooManyNewSymbols { retry_after_seconds }
            | ServiceError::RateLimited { retry_after_seconds } => {
                Self::passing(ProblemCode::RateLimited, detail, retry_after_seconds)
            }
            ServiceError::Refused(refusal) => Self::from_refusal(&refusal),
            ServiceError::RefusedBefore(refusal) => {
                let (name, value) = Replayed::HEADER;
                Self::from_refusal(&refusal).with_header(name, value)
            }
            ServiceError::Provider(error) => Self::from_provider(&error),
            ServiceError::Store(error) => Self::from_store(&error),
            ServiceError::Objects(error) => {
                Self::unanswered(ProblemCode::StorageUnavailable, "the storage of reports did not answer", 1, &error)
            }
            ServiceError::Hasher(error) => Self::from_hasher(&error),
            ServiceError::Mail(error) => Self::unanswered(
                ProblemCode::MailUnavailable,
                "the service that sends e-mail did not answer",
                5,
                &error,
            ),
            ServiceError::Fault(cause) => {
                tracing::error!(error = %cause, "fault");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests;
