//! Why a service could not do what it was asked to.

use domain::{Day, Price, Symbol};
use ledger::Refusal;
use market::ProviderError;
use objects::ObjectError;
use quant::rules::RuleError;
use store::StoreError;
use store::retry::Retryable;

use crate::hasher::HasherError;
use crate::mail::MailError;

/// Most mistakes of a file that a refusal lists, and most rows that a report does.
pub const MAX_LISTED: usize = 1_000;
/// Longest account of one mistake.
const MAX_DETAIL_CHARS: usize = 500;

/// Every way a service can refuse or fail. The HTTP layer maps each to one status and code.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The provider knows no such symbol.
    #[error("no instrument has the symbol {symbol}")]
    UnknownSymbol {
        /// What was asked for.
        symbol: Symbol,
    },
    /// The instrument is known, but has no bar in the span.
    #[error("{symbol} has no bars from {from} to {to}; its history runs from {first} to {last}")]
    NoBars {
        /// The instrument.
        symbol: Symbol,
        /// First day asked for.
        from: Day,
        /// Last day asked for.
        to: Day,
        /// First day there is.
        first: Day,
        /// Last day there is.
        last: Day,
    },
    /// The span ends before it starts.
    #[error("from ({from}) is after to ({to})")]
    FromAfterTo {
        /// First day asked for.
        from: Day,
        /// Last day asked for.
        to: Day,
    },
    /// Too short a history for what was asked.
    #[error("{needed} bars are needed, there are {have}")]
    NotEnoughBars {
        /// Bars needed.
        needed: usize,
        /// Bars there are.
        have: usize,
    },
    /// A rule that does not parse or has the wrong type.
    #[error("{field}: column {}: {}", error.column, error.message)]
    Rule {
        /// Field of the request that holds the rule.
        field: &'static str,
        /// What is wrong, and where.
        error: RuleError,
    },
    /// A field that is well-formed but cannot be used.
    #[error("{field}: {detail}")]
    Field {
        /// Field of the request.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// No such object, or not the caller's.
    #[error("no such {what}")]
    NotFound {
        /// What was asked for: `backtest`, `report` …
        what: &'static str,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// A change that does not say which version it is meant for.
    #[error("If-Match must name the version that the change is meant for, as ETag gave it")]
    PreconditionRequired,
    /// A change that was meant for another version than the object has now.
    #[error("the object has moved on to version {current}; read it again")]
    PreconditionFailed {
        /// The version it has.
        current: u64,
    },
    /// The e-mail address belongs to a customer.
    #[error("a customer has this e-mail address")]
    EmailTaken,
    /// No customer has this e-mail address and password.
    #[error("e-mail address and password do not belong together")]
    InvalidCredentials,
    /// The password that a signed-in customer gave again is not theirs.
    #[error("the password is not right")]
    WrongPassword,
    /// An administrator has closed the account to its owner.
    #[error("the account has been disabled")]
    AccountDisabled,
    /// An administrator would take their own rights away.
    #[error("administrators can neither disable themselves nor change their own role")]
    OwnAccount,
    /// Nobody would be left to look after customers.
    #[error("this is the last administrator: make another one first")]
    LastAdministrator,
    /// A one-time token that is unknown, expired or used.
    #[error("the token is unknown, expired or used")]
    InvalidToken,
    /// Too many failed checks of one account's password.
    #[error("too many attempts; try again in {retry_after_seconds} seconds")]
    TooManyAttempts {
        /// When the next attempt is taken.
        retry_after_seconds: u64,
    },
    /// Too much from one source address.
    #[error("too much from this address; try again in {retry_after_seconds} seconds")]
    RateLimited {
        /// When the next attempt is allowed.
        retry_after_seconds: u64,
    },
    /// A password could be neither checked nor kept; that counts as no attempt.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The customer has looked at too many symbols that nobody had looked at before: each takes a call that all share.
    #[error("too many symbols that are new here; the next one can be looked at in {retry_after_seconds} seconds")]
    TooManyNewSymbols {
        /// When the next look is taken.
        retry_after_seconds: u64,
    },
    /// The ledger refuses; the books are as they were.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger refused the same request before, under the same key.
    #[error(transparent)]
    RefusedBefore(Refusal),
    /// A file that cannot be read at all.
    #[error("the file cannot be read: {cause}")]
    MalformedFile {
        /// Why.
        cause: String,
    },
    /// Rows that cannot be used; nothing was imported.
    #[error("{count} rows cannot be used, and nothing was imported{}", cut(errors))]
    InvalidRows {
        /// How many.
        count: usize,
        /// What is wrong, the first thousand.
        errors: Vec<RowError>,
    },
    /// Rows that stored investments answer for, of which the caller has not said what becomes of them; nothing was
    /// imported.
    #[error(
        "{count} rows say what is stored already, and nothing was imported: send duplicates=import or duplicates=skip{}",
        cut(errors)
    )]
    DuplicateRows {
        /// How many.
        count: usize,
        /// Which, the first thousand.
        errors: Vec<RowError>,
    },
    /// As many as a customer or a portfolio may have.
    #[error("there are at most {limit} {what}")]
    LimitReached {
        /// What there are: `portfolios`, `investments` …
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The customer has an item of this symbol already.
    #[error("there is an item {symbol} already")]
    SymbolTaken {
        /// Its symbol.
        symbol: Symbol,
    },
    /// The last price of an instrument is too old to trade at.
    #[error("the last price of {symbol} is of {last}, and a price to trade at is at most seven days old")]
    PriceUnavailable {
        /// The instrument.
        symbol: Symbol,
        /// The day of its last price.
        last: Day,
    },
    /// The last price of an instrument is below the smallest of the books.
    #[error(
        "the price of {symbol} on {last} is below {}, the smallest that is traded at",
        domain::decimal::SMALLEST_PRICE
    )]
    PriceTooSmall {
        /// The instrument.
        symbol: Symbol,
        /// The day of its last price.
        last: Day,
    },
    /// The price of an instrument is worse for the customer than the one that their order expects.
    #[error("the price is {current} and {expected} was expected")]
    PriceChanged {
        /// The price of one unit that the order names.
        expected: Price,
        /// The price of one unit now.
        current: Price,
    },
    /// The last quote of an instrument does not go with its bars: there may be a split that is not known yet.
    #[error("the quote of {symbol} of {day} does not go with its prices up to {last}: it waits for the next ones")]
    PriceUnconfirmed {
        /// The instrument.
        symbol: Symbol,
        /// The day of the quote.
        day: Day,
        /// The day of the last price that is confirmed.
        last: Day,
    },
    /// The portfolio is closed and takes nothing.
    #[error("the portfolio is closed")]
    PortfolioClosed,
    /// The portfolio holds something, so it cannot be closed.
    #[error("the portfolio still holds {holding}")]
    PortfolioNotEmpty {
        /// What it holds.
        holding: String,
    },
    /// The portfolio has trades, so it cannot be removed.
    #[error("a portfolio that traded is kept: close it")]
    PortfolioHasTrades,
    /// The provider could not answer and nothing is stored.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Objects failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// E-mails cannot be sent, or an address not subscribed, for now.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// A stored record that cannot be read back, or a fault of ours; the cause is for the log.
    #[error("{0}")]
    Fault(String),
}

/// What is wrong with a row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Its number, counted from 1 after the header.
    pub row: usize,
    /// The line of the file on which it begins, from 1, as an editor counts.
    pub line: usize,
    /// The column; `row` for the whole of it.
    pub field: &'static str,
    /// What is wrong.
    pub detail: String,
}

/// What a refusal says where it does not list everything.
fn cut(errors: &[RowError]) -> String {
    if errors.len() < MAX_LISTED { String::new() } else { format!("; the first {MAX_LISTED} mistakes are listed") }
}

/// The text, cut where it is longer than an answer needs, such as one that repeats what a client sent.
#[must_use]
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_DETAIL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl ServiceError {
    /// Whether nothing was written because others were faster, or the store was busy, each time that it was tried: the
    /// same call may succeed later, and nothing is wrong.
    #[must_use]
    pub fn is_lost_race(&self) -> bool {
        self.is_retryable()
    }

    /// A fault of ours with its cause.
    pub fn fault(what: &str, cause: impl std::fmt::Display) -> Self {
        Self::Fault(format!("{what}: {cause}"))
    }
}

impl Retryable for ServiceError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}
