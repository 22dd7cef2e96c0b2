//! Errors as `application/problem+json` (RFC 9457): which error has which problem code.

use app::ServiceError;
use app::error::{FieldMistake, RowError, shortened};
use app::hasher::HasherError;
use app::mail::MailError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Price;
use ledger::Refusal;
use market::ProviderError;
use serde::Serialize;
use store::StoreError;
use store::error::Remedy;

use crate::problem_code::ProblemCode;
use crate::replayed::Replayed;

/// When to ask a platform that sends no e-mail again: it needs another configuration first.
const NO_SENDER_RETRY_SECONDS: u64 = 3_600;

/// Media type of every problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// The challenge of every 401, which RFC 9110 requires (section 15.5.2), unless the problem has its own.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// The detail if a password could be neither checked nor hashed.
const UNCHECKED: &str = "Passwords cannot be checked for now. No attempt was counted. Try again.";

/// An error, for a program (`code`) and for a person (`title`, `detail`).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// URI of the kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    pub type_: String,
    /// Short name of the kind of problem.
    pub title: String,
    /// HTTP status code of the response.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong with the request, and what to do.
    pub detail: String,
    /// Stable code of the kind of problem, in `snake_case`.
    #[schema(value_type = domain::schema::ReasonCode)]
    pub code: ProblemCode,
    /// The invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With the code `price_changed`: the price of one unit that the order expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expected_price: Option<Box<Price>>,
    /// With the code `price_changed`: the current price of one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current_price: Option<Box<Price>>,
    /// Id of the request, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub request_id: Option<String>,
    #[serde(skip)]
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer to the field; `/name` for a query or path parameter.
    #[schema(format = "json-pointer")]
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
    /// Position in the text of a trading rule, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub column: Option<usize>,
    /// With `column`: the number of characters from there on that are wrong, such as those of a word; 0 if something is
    /// missing at the end of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub length: Option<usize>,
}

impl FieldError {
    /// An error of the field at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: shortened(&pointer.into()), detail: shortened(&detail.into()), column: None, length: None }
    }

    /// An error of a field of the body.
    fn of_field(FieldMistake { field, detail }: FieldMistake) -> Self {
        Self::new(format!("/{field}"), detail)
    }

    /// An error of the parameter with this name, which may have any characters: they are escaped as RFC 6901 says.
    #[must_use]
    pub fn of_parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(format!("/{}", name.replace('~', "~0").replace('/', "~1")), detail)
    }

    /// An error of the rule in `field`: of `length` characters from this column on.
    pub(crate) fn in_rule(field: &str, column: usize, length: usize, message: &str) -> Self {
        let located = Self::new(format!("/{field}"), format!("column {column}: {message}"));
        Self { column: Some(column), length: Some(length), ..located }
    }
}

impl Problem {
    /// A problem with this code, its status, and the detail, which is truncated to a readable length.
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

    /// 422 with the invalid fields.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer.trim_start_matches('/'), only.detail),
            several => format!("{} fields are invalid.", several.len()),
        };
        Self { errors, ..Self::new(ProblemCode::InvalidFields, detail) }
    }

    /// 500: the cause is in the log, never in the response.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ProblemCode::Internal, "Internal error. It was logged. Report it with the request id.")
    }

    /// A temporary problem, with `Retry-After` in seconds.
    fn temporary(code: ProblemCode, detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        Self::new(code, detail).with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// The problem with an additional response header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn from_provider(error: &ProviderError) -> Self {
        tracing::warn!(%error, "no prices are available");
        let detail = format!("No prices are available: {error}.");
        match error {
            ProviderError::UnknownSymbol => Self::new(ProblemCode::UnknownSymbol, detail),
            ProviderError::QuotaExhausted { .. } => Self::temporary(ProblemCode::ProviderQuotaExhausted, detail, 3_600),
            ProviderError::RateLimited { retry_after } => {
                Self::temporary(ProblemCode::ProviderUnavailable, detail, retry_after.as_secs().max(1))
            }
            ProviderError::PriceTooSmall => Self::new(ProblemCode::PriceTooSmall, detail),
            ProviderError::NotGiven => Self::internal(),
            ProviderError::TimedOut | ProviderError::Unavailable { .. } => {
                Self::temporary(ProblemCode::ProviderUnavailable, detail, 5)
            }
            ProviderError::KeyRefused | ProviderError::TooLarge | ProviderError::Malformed { .. } => {
                Self::temporary(ProblemCode::ProviderUnusable, detail, 300)
            }
        }
    }

    /// Marks the problem as the stored response to an earlier request with the same key.
    fn into_replayed(self) -> Self {
        let (name, value) = Replayed::HEADER;
        self.with_header(name, value)
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
                tracing::error!(error = %refusal, "an entry does not match its books");
                Self::internal()
            }
        }
    }

    /// 409 with both prices.
    fn price_changed(detail: String, expected: Price, current: Price) -> Self {
        let problem = Self::new(ProblemCode::PriceChanged, detail);
        Self { expected_price: Some(expected.into()), current_price: Some(current.into()), ..problem }
    }

    /// 503 because a dependency failed. The cause is in the log.
    fn dependency_failed(
        code: ProblemCode,
        detail: &str,
        retry_after_seconds: u64,
        error: &dyn std::error::Error,
    ) -> Self {
        tracing::error!(%error, code = code.as_str(), "a dependency failed");
        Self::temporary(code, detail, retry_after_seconds)
    }

    fn from_mail(detail: String, error: &MailError) -> Self {
        const CODE: ProblemCode = ProblemCode::MailUnavailable;
        if *error == MailError::NoSender {
            return Self::temporary(CODE, detail, NO_SENDER_RETRY_SECONDS);
        }
        Self::dependency_failed(CODE, "The e-mail service is not available. Try again.", 5, error)
    }

    fn from_hasher(error: &HasherError) -> Self {
        const CODE: ProblemCode = ProblemCode::HasherUnavailable;
        match error {
            HasherError::Overloaded => {
                tracing::warn!(%error, code = CODE.as_str(), "refused");
                Self::temporary(CODE, UNCHECKED, 1)
            }
            HasherError::Failed(_) => Self::dependency_failed(CODE, UNCHECKED, 1, error),
        }
    }

    fn from_store(error: &StoreError) -> Self {
        if matches!(error, StoreError::ForeignCursor) {
            return Self::new(
                ProblemCode::InvalidCursor,
                "The cursor does not belong to this list. Start without a cursor.",
            );
        }
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let later = || {
            Self::temporary(
                ProblemCode::StoreUnavailable,
                "The store is not available. Try again, with the same Idempotency-Key if you sent one.",
                1,
            )
        };
        match error.remedy() {
            Remedy::StartOver => {
                tracing::info!(%error, "gave up: every try ran into a conflict or a busy store");
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

    pub(crate) fn with_request_id(self, request_id: &str) -> Self {
        Self { request_id: Some(request_id.to_owned()), ..self }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        // A struct of strings and numbers always serializes.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The errors of rows: the pointer `/rows/17/quantity` counts rows from 1, the detail states the line of the file.
fn row_errors(errors: Vec<RowError>) -> Vec<FieldError> {
    let pointer = |row, field| if field == "row" { format!("/rows/{row}") } else { format!("/rows/{row}/{field}") };
    let error = |RowError { row, line, field, detail }: RowError| {
        FieldError::new(pointer(row, field), format!("line {line}: {detail}"))
    };
    errors.into_iter().map(error).collect()
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
        if self.code.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        // The middleware adds the request id and writes the body again.
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
                let errors = vec![FieldError::in_rule(field, error.column, error.length, &error.message)];
                Self { errors, ..Self::new(ProblemCode::InvalidRule, detail) }
            }
            ServiceError::Field { field, detail } => Self::fields(vec![FieldError::new(format!("/{field}"), detail)]),
            ServiceError::Fields(mistakes) => Self::fields(mistakes.into_iter().map(FieldError::of_field).collect()),
            ServiceError::FxUnavailable { .. } => Self::new(ProblemCode::FxUnavailable, detail),
            ServiceError::IdempotencyKeyReused => Self::new(ProblemCode::IdempotencyKeyReused, detail),
            ServiceError::MalformedFile { .. } => Self::new(ProblemCode::MalformedFile, detail),
            ServiceError::InvalidRows { errors, .. } => {
                Self { errors: row_errors(errors), ..Self::new(ProblemCode::InvalidRows, detail) }
            }
            ServiceError::DuplicateRows { errors, .. } => {
                Self { errors: row_errors(errors), ..Self::new(ProblemCode::DuplicateRows, detail) }
            }
            ServiceError::LimitReached { .. } => Self::new(ProblemCode::LimitReached, detail),
            ServiceError::PriceUnavailable { .. } | ServiceError::PriceUnconfirmed { .. } => {
                Self::new(ProblemCode::PriceUnavailable, detail)
            }
            ServiceError::PriceTooSmall { .. } => Self::new(ProblemCode::PriceTooSmall, detail),
            ServiceError::PriceChanged { expected, current } => Self::price_changed(detail, expected, current),
            ServiceError::RecordedUnitsMissing { .. } => Self::new(ProblemCode::InsufficientUnits, detail),
            ServiceError::HistoryConflict { .. } => Self::new(ProblemCode::HistoryConflict, detail),
            ServiceError::NotCorrectable { .. } => Self::new(ProblemCode::NotCorrectable, detail),
            ServiceError::PortfolioClosed => Self::new(ProblemCode::PortfolioClosed, detail),
            ServiceError::PortfolioNotEmpty { .. } => Self::new(ProblemCode::PortfolioNotEmpty, detail),
            ServiceError::PortfolioHasTrades => Self::new(ProblemCode::PortfolioHasTrades, detail),
            ServiceError::InstrumentInUse { .. } => Self::new(ProblemCode::InstrumentInUse, detail),
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
                Self::temporary(ProblemCode::TooManyAttempts, detail, retry_after_seconds)
            }
            ServiceError::TooManyNewSymbols { retry_after_seconds }
            | ServiceError::RateLimited { retry_after_seconds }
            | ServiceError::TooManyRequests { retry_after_seconds, .. } => {
                Self::temporary(ProblemCode::RateLimited, detail, retry_after_seconds)
            }
            ServiceError::Refused(refusal) => Self::from_refusal(&refusal),
            ServiceError::RefusedBefore(refusal) => Self::from_refusal(&refusal).into_replayed(),
            ServiceError::Provider(error) => Self::from_provider(&error),
            ServiceError::Store(error) => Self::from_store(&error),
            ServiceError::Objects(error) => {
                let detail = "The storage of reports is not available. Try again.";
                Self::dependency_failed(ProblemCode::StorageUnavailable, detail, 1, &error)
            }
            ServiceError::Hasher(error) => Self::from_hasher(&error),
            ServiceError::Mail(error) => Self::from_mail(detail, &error),
            ServiceError::Fault(cause) => {
                tracing::error!(error = %cause, "internal error");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests;
