//! The errors of use cases.

use domain::{Currency, Day, Price, Quantity, Symbol};
use ledger::{ActivityMistake, ActivityType, Refusal};
use market::ProviderError;
use objects::ObjectError;
use quant::rules::RuleError;
use store::StoreError;
use store::retry::Retryable;
use uuid::Uuid;

use crate::hasher::HasherError;
use crate::mail::MailError;

/// The most errors of a file that a refusal lists, and the most rows that a report lists.
pub const MAX_LISTED: usize = 1_000;
/// The longest description of one error.
const MAX_DETAIL_CHARS: usize = 500;

/// Every way in which a use case refuses or fails. The HTTP layer maps each to one problem code and its status. The
/// messages are sent to clients.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The provider does not know the symbol.
    #[error("No instrument has the symbol {symbol}.")]
    UnknownSymbol {
        /// The requested symbol.
        symbol: Symbol,
    },
    /// The instrument is known, but has no bar in the period.
    #[error("{symbol} has no bars from {from} to {to}. Its history runs from {first} to {last}.")]
    NoBars {
        /// The instrument.
        symbol: Symbol,
        /// First requested day.
        from: Day,
        /// Last requested day.
        to: Day,
        /// First day of the history.
        first: Day,
        /// Last day of the history.
        last: Day,
    },
    /// The period ends before it starts.
    #[error("from ({from}) must not be after to ({to})")]
    FromAfterTo {
        /// First requested day.
        from: Day,
        /// Last requested day.
        to: Day,
    },
    /// The history is too short for the request.
    #[error("The request needs {needed} bars, but the history has {have}.")]
    NotEnoughBars {
        /// Bars needed.
        needed: usize,
        /// Available bars.
        have: usize,
    },
    /// A trading rule that does not parse or has the wrong type.
    #[error("{field}: column {}: {}", error.column, error.message)]
    Rule {
        /// Field of the request that holds the rule.
        field: &'static str,
        /// The error and its position.
        error: RuleError,
    },
    /// A field that is well-formed but invalid.
    #[error("{field}: {detail}")]
    Field {
        /// Field of the request.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// Fields that are well-formed but invalid, each with what is wrong with it.
    #[error("{}", joined(.0))]
    Fields(Vec<FieldMistake>),
    /// The object does not exist, or belongs to another customer.
    #[error("The {what} does not exist.")]
    NotFound {
        /// What does not exist: `backtest`, `report` …
        what: &'static str,
    },
    /// The idempotency key was used for a different request.
    #[error("The key was already used for a different request. Use a new Idempotency-Key.")]
    IdempotencyKeyReused,
    /// A change without the version that it applies to.
    #[error("The If-Match header is missing. Send the ETag of the object that you read.")]
    PreconditionRequired,
    /// A change that applies to another version than the current one.
    #[error("The object has changed and now has version {current}. Read it again.")]
    PreconditionFailed {
        /// The current version.
        current: u64,
    },
    /// A customer already uses the e-mail address.
    #[error("Another customer already uses this e-mail address.")]
    EmailTaken,
    /// No customer has this e-mail address and password.
    #[error("Incorrect e-mail address or password.")]
    InvalidCredentials,
    /// A signed-in customer confirmed a request with a wrong password.
    #[error("Incorrect password.")]
    WrongPassword,
    /// An administrator has disabled the account.
    #[error("The account is disabled. Contact the operator.")]
    AccountDisabled,
    /// An administrator tried to remove their own rights.
    #[error("Administrators cannot disable themselves or change their own role. Ask another administrator.")]
    OwnAccount,
    /// The change would leave no administrator.
    #[error("This is the last administrator. Appoint another one first.")]
    LastAdministrator,
    /// A one-time token that is unknown, expired or used.
    #[error("The token is unknown, expired or already used. Request a new one.")]
    InvalidToken,
    /// Too many failed checks of one account's password.
    #[error("Too many failed attempts. Try again in {retry_after_seconds} seconds.")]
    TooManyAttempts {
        /// Seconds until the next attempt is allowed.
        retry_after_seconds: u64,
    },
    /// Too many requests from one source address.
    #[error("Too many requests from this IP address. Try again in {retry_after_seconds} seconds.")]
    RateLimited {
        /// Seconds until the next attempt is allowed.
        retry_after_seconds: u64,
    },
    /// The customer made too many requests of one kind.
    #[error("Too many {what} within an hour. Try again in {retry_after_seconds} seconds.")]
    TooManyRequests {
        /// What was requested: `reports`, `imports` …
        what: &'static str,
        /// Seconds until the next request is allowed.
        retry_after_seconds: u64,
    },
    /// A password could be neither checked nor hashed. It does not count as an attempt.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The customer requested too many symbols that are new to the platform. Each costs a call of the shared call
    /// budget.
    #[error("Too many new symbols. Request the next one in {retry_after_seconds} seconds.")]
    TooManyNewSymbols {
        /// Seconds until the next new symbol is allowed.
        retry_after_seconds: u64,
    },
    /// The ledger refuses. The books are unchanged.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger refused the same request with the same key before.
    #[error(transparent)]
    RefusedBefore(Refusal),
    /// An amount of a day without an exchange rate.
    #[error("No exchange rate of {from} into {into} is known for {day}, or for the seven days before it.")]
    FxUnavailable {
        /// The currency of the amount.
        from: Currency,
        /// The currency that it has to be converted into.
        into: Currency,
        /// The day.
        day: Day,
    },
    /// A file that cannot be parsed.
    #[error("The file cannot be read: {cause}")]
    MalformedFile {
        /// Why.
        cause: String,
    },
    /// Invalid rows; nothing was imported.
    #[error("{count} rows are invalid. Nothing was imported.{}", listing_note(errors))]
    InvalidRows {
        /// How many.
        count: usize,
        /// The errors, the first thousand.
        errors: Vec<RowError>,
    },
    /// Rows that match stored investments, without a choice of what to do with them; nothing was imported.
    #[error(
        "{count} rows match stored investments. Nothing was imported. Send duplicates=import or duplicates=skip.{}",
        listing_note(errors)
    )]
    DuplicateRows {
        /// How many.
        count: usize,
        /// Which, the first thousand.
        errors: Vec<RowError>,
    },
    /// The customer or portfolio has the maximum number of objects.
    #[error("The limit of {limit} {what} is reached.")]
    LimitReached {
        /// The objects: `portfolios`, `investments` …
        what: &'static str,
        /// The maximum.
        limit: usize,
    },
    /// The customer already has a custom instrument with this symbol.
    #[error("You already have a custom instrument with the symbol {symbol}.")]
    SymbolTaken {
        /// Its symbol.
        symbol: Symbol,
    },
    /// A custom instrument is in use, so it cannot be removed, or its currency cannot change.
    #[error("{symbol} is in use: {by}.")]
    InstrumentInUse {
        /// Its symbol.
        symbol: Symbol,
        /// What uses it.
        by: String,
    },
    /// The last price of an instrument is too old to trade at.
    #[error("The last price of {symbol} is from {last}. A price must be at most seven days old to trade at it.")]
    PriceUnavailable {
        /// The instrument.
        symbol: Symbol,
        /// The day of its last price.
        last: Day,
    },
    /// The last price of an instrument is below the smallest price of the books.
    #[error(
        "The price of {symbol} on {last} is below {}, the smallest price to trade at.",
        domain::decimal::SMALLEST_PRICE
    )]
    PriceTooSmall {
        /// The instrument.
        symbol: Symbol,
        /// The day of its last price.
        last: Day,
    },
    /// The price is worse for the customer than the expected price of their order.
    #[error("The price has changed from {expected} to {current}.")]
    PriceChanged {
        /// The price of one unit that the order expects.
        expected: Price,
        /// The current price of one unit.
        current: Price,
    },
    /// The last quote of an instrument is inconsistent with its bars: there may be a split that is not known yet.
    #[error(
        "The quote of {symbol} on {day} is inconsistent with its prices up to {last}. Try again after the next prices."
    )]
    PriceUnconfirmed {
        /// The instrument.
        symbol: Symbol,
        /// The day of the quote.
        day: Day,
        /// The day of the last price that is confirmed.
        last: Day,
    },
    /// A recorded sale, transfer or adjustment takes more units than the activities leave on its day.
    #[error("{needed} units of {symbol} cannot leave on {day}: only {held} are held.")]
    RecordedUnitsMissing {
        /// The instrument.
        symbol: Symbol,
        /// The day of the activity.
        day: Day,
        /// Units held on that day.
        held: Quantity,
        /// Units that it takes.
        needed: Quantity,
    },
    /// A change of the activities would leave a later one without units.
    #[error("The activity {activity_id} on {day} needs {needed} units of {symbol}, but only {held} would be held.")]
    HistoryConflict {
        /// The instrument.
        symbol: Symbol,
        /// The activity that would lack units.
        activity_id: Uuid,
        /// Its day.
        day: Day,
        /// Units that would be held on that day.
        held: Quantity,
        /// Units that it takes.
        needed: Quantity,
    },
    /// An investment came from an activity with fields that an investment does not have.
    #[error("The activity {activity_id} ({activity_type}) has fields that an investment lacks. Correct that activity.")]
    NotCorrectable {
        /// The activity that brought the units.
        activity_id: Uuid,
        /// Its type.
        activity_type: ActivityType,
    },
    /// The portfolio is closed and accepts no changes.
    #[error("The portfolio is closed. Open it again first.")]
    PortfolioClosed,
    /// The portfolio has holdings, so it cannot be closed.
    #[error("The portfolio still holds {holding}. Sell it first.")]
    PortfolioNotEmpty {
        /// One of its holdings.
        holding: String,
    },
    /// The portfolio has trades, so it cannot be deleted.
    #[error("A portfolio with trades cannot be deleted. Close it instead.")]
    PortfolioHasTrades,
    /// The provider failed and no stored data is available.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object storage failed.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// An e-mail cannot be sent: the e-mail service failed, or the platform sends none.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// An internal error, such as a stored record that cannot be read back. The cause is for the log.
    #[error("{0}")]
    Fault(String),
}

/// What is wrong with a field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMistake {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub detail: String,
}

impl From<&ActivityMistake> for FieldMistake {
    fn from(mistake: &ActivityMistake) -> Self {
        Self { field: mistake.field(), detail: mistake.to_string() }
    }
}

/// Several mistakes in one line.
fn joined(mistakes: &[FieldMistake]) -> String {
    let each = mistakes.iter().map(|FieldMistake { field, detail }| format!("{field}: {detail}"));
    each.collect::<Vec<_>>().join("; ")
}

/// An error in a row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The number of the row, counted from 1 after the header.
    pub row: usize,
    /// The line of the file on which the row begins, counted from 1.
    pub line: usize,
    /// The column; `row` for the whole row.
    pub field: &'static str,
    /// What is wrong.
    pub detail: String,
}

/// The note of a refusal that does not list every error.
fn listing_note(errors: &[RowError]) -> String {
    if errors.len() < MAX_LISTED { String::new() } else { format!(" The first {MAX_LISTED} errors are listed.") }
}

/// The text, truncated to the length of a readable message. It may repeat what a client sent.
#[must_use]
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_DETAIL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl ServiceError {
    /// Whether nothing was written because every try ran into a conflict or a busy store. The same call may succeed
    /// later.
    #[must_use]
    pub fn is_lost_race(&self) -> bool {
        self.is_retryable()
    }

    /// An internal error with its cause.
    pub fn fault(what: &str, cause: impl std::fmt::Display) -> Self {
        Self::Fault(format!("{what}: {cause}"))
    }
}

impl Retryable for ServiceError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}
