//! THE list of problem codes: each with its HTTP status, what it means, and what a client does about it.
//!
//! A [`Problem`](crate::Problem) is made from a code and from nothing else, so that a code that is not listed here cannot
//! be sent. `docs/errors.md` is generated from the list by `make openapi`.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};

/// Defines the codes: the status, the code as it is sent, its meaning, and what the client does.
macro_rules! codes {
    ($($name:ident: $status:ident, $code:literal, $meaning:literal, $remedy:literal;)+) => {
        /// The kind of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemCode {
            $(#[doc = $meaning] $name,)+
        }

        impl ProblemCode {
            /// Every code, ordered by status.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as it is sent, in `snake_case`. It is stable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// The HTTP status of every response with this code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }

            /// What the code means, in one or two sentences.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }

            /// What a client does about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$name => $remedy,)+
                }
            }
        }
    };
}

codes! {
    IdempotencyKeyRequired: BAD_REQUEST, "idempotency_key_required",
        "The request moves money and has no `Idempotency-Key`.",
        "Send one, so that the request can be sent again safely.";
    InvalidCursor: BAD_REQUEST, "invalid_cursor",
        "The cursor was not issued for this list and this caller.",
        "Start from the first page, without a cursor.";
    InvalidIdempotencyKey: BAD_REQUEST, "invalid_idempotency_key",
        "The `Idempotency-Key` is empty, too long, sent twice, or has a character that is not allowed.",
        "Send one key of 1 to 255 visible ASCII characters without a comma.";
    InvalidIfMatch: BAD_REQUEST, "invalid_if_match",
        "The `If-Match` header cannot be read.",
        "Send the `ETag` of the object, with its quotes, or `*`.";
    MalformedFile: BAD_REQUEST, "malformed_file",
        "The file to import cannot be read at all.",
        "Send UTF-8 CSV with a header row, or JSON, as `detail` describes.";
    MalformedJson: BAD_REQUEST, "malformed_json",
        "The body is not JSON.",
        "Correct the syntax at the position that `detail` names.";

    InvalidCredentials: UNAUTHORIZED, "invalid_credentials",
        "No customer has this e-mail address and password.",
        "Ask the user for them again. After ten failures in fifteen minutes the response is 429 `too_many_attempts`.";
    SessionEnded: UNAUTHORIZED, "session_ended",
        "The session of the token has ended: it expired, you signed out, or the password, the role or the account changed.",
        "Sign in again.";
    Unauthenticated: UNAUTHORIZED, "unauthenticated",
        "The route requires a session, and the request has no token or an unknown one.",
        "Sign in, and send the token as `Authorization: Bearer TOKEN`.";

    AccountDisabled: FORBIDDEN, "account_disabled",
        "An administrator has disabled the account.",
        "Tell the user to contact the operator.";
    Forbidden: FORBIDDEN, "forbidden",
        "The caller's role does not permit this route.",
        "Do not retry. Another role is needed.";
    InvalidToken: FORBIDDEN, "invalid_token",
        "The one-time token is unknown, expired or used.",
        "Tell the user to request a new one.";
    WrongPassword: FORBIDDEN, "wrong_password",
        "The password that was sent to confirm the request is wrong.",
        "Ask the user for it again. It counts as a failed check.";

    NotFound: NOT_FOUND, "not_found",
        "No object has this id, or it belongs to another customer.",
        "Check the id. The two cases cannot be distinguished.";
    RouteNotFound: NOT_FOUND, "route_not_found",
        "No route has this path.",
        "Compare the path with `GET /openapi.json`.";
    UnknownSymbol: NOT_FOUND, "unknown_symbol",
        "No price provider knows the symbol, and it is not a custom instrument of the caller.",
        "Search with `GET /instruments?query=`. The providers are not asked about the symbol again for a day.";

    MethodNotAllowed: METHOD_NOT_ALLOWED, "method_not_allowed",
        "The route exists, but not with this method.",
        "Use a method that the `Allow` header lists.";

    AlreadyReversed: CONFLICT, "already_reversed",
        "The entry has already been reversed.",
        "Nothing. `detail` names the reversal.";
    DuplicateRows: CONFLICT, "duplicate_rows",
        "Rows of the file match investments that are stored. Nothing was imported.",
        "Send the file again with `duplicates=skip` or `duplicates=import`.";
    EmailTaken: CONFLICT, "email_taken",
        "A customer with this e-mail address already exists.",
        "Sign in, or use another address.";
    HistoryConflict: CONFLICT, "history_conflict",
        "After the change, a later activity would take more units than are held. `detail` names it.",
        "Correct or remove that activity first.";
    InstrumentInUse: CONFLICT, "instrument_in_use",
        "The custom instrument is held or watched, so it cannot be removed; or it is held or has valuations, so its currency cannot change.",
        "Remove what `detail` names first, or keep the instrument.";
    InsufficientFunds: CONFLICT, "insufficient_funds",
        "The wallet has less cash in the currency than the request needs.",
        "Deposit first, then send the request with a new `Idempotency-Key`: this key returns this error for seven days.";
    InsufficientUnits: CONFLICT, "insufficient_units",
        "The position, or a chosen lot, has fewer units than the order sells, or than the activity takes on its day.",
        "Read the holdings, then send an order with a new `Idempotency-Key`: this key returns this error for seven days. Record what brought the units before the activity that takes them.";
    LastAdministrator: CONFLICT, "last_administrator",
        "The change would leave the platform without an administrator.",
        "Make another administrator first.";
    LimitReached: CONFLICT, "limit_reached",
        "The customer or the portfolio has the maximum number of these objects, or has made the maximum number of these requests in 24 hours.",
        "Remove some, or wait if `detail` names a daily limit.";
    NotCorrectable: CONFLICT, "not_correctable",
        "The investment came from an activity that has fields which an investment lacks: a transfer, an adjustment, or a purchase with a tax.",
        "Correct the activity with the same id.";
    NotReversible: CONFLICT, "not_reversible",
        "Only deposits and withdrawals can be reversed.",
        "Correct a trade with an offsetting trade.";
    OwnAccount: CONFLICT, "own_account",
        "Administrators can neither disable themselves nor change their own role.",
        "Another administrator has to do it.";
    PortfolioClosed: CONFLICT, "portfolio_closed",
        "The portfolio is closed and cannot be changed.",
        "Reopen it with PATCH, or use another portfolio.";
    PortfolioHasTrades: CONFLICT, "portfolio_has_trades",
        "A portfolio with trades cannot be deleted.",
        "Close it instead.";
    PortfolioNotEmpty: CONFLICT, "portfolio_not_empty",
        "The portfolio still holds units and cannot be closed.",
        "Sell them first.";
    PriceChanged: CONFLICT, "price_changed",
        "The price is worse for the customer than the `expected_price` of the order. The problem has both prices.",
        "Show the customer `current_price`, and send a new order if they agree.";
    PriceTooSmall: CONFLICT, "price_too_small",
        "The price is below 0.000000001, the minimum for trades and valuations.",
        "Do not retry. The instrument cannot be traded.";
    PriceUnavailable: CONFLICT, "price_unavailable",
        "There is no price to trade at: the last one is too old, unconfirmed, or earlier than the last trade of the position.",
        "Try again when a newer price is stored. `detail` states the reason.";
    SymbolTaken: CONFLICT, "symbol_taken",
        "The customer already has a custom instrument with this symbol.",
        "Choose another symbol, or add valuations to the existing one.";
    TooManyLots: CONFLICT, "too_many_lots",
        "The position has the maximum number of lots, or the sale takes from more lots than one trade may.",
        "Sell some lots first, or divide the sale into smaller ones.";

    PreconditionFailed: PRECONDITION_FAILED, "precondition_failed",
        "The object has changed since the version in `If-Match`.",
        "Read the object again, and reapply the change to its current version.";

    BodyTooLarge: PAYLOAD_TOO_LARGE, "body_too_large",
        "The body is larger than the route accepts.",
        "Send at most 1 MiB, or 4 MiB for an import.";

    UnsupportedContentEncoding: UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding",
        "The route does not accept this `Content-Encoding`.",
        "Send the body without one. `Accept-Encoding` of the response lists what the route accepts.";
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type",
        "The route does not accept this `Content-Type`.",
        "Send one that `detail` lists, usually `application/json`.";

    AnswerTooLarge: UNPROCESSABLE_ENTITY, "answer_too_large",
        "The response would be too large to send.",
        "Request a shorter span or a smaller page.";
    FxUnavailable: UNPROCESSABLE_ENTITY, "fx_unavailable",
        "No exchange rate of that day, or of the seven days before, is known for a currency of the activity.",
        "Send the rate: `fx_rate` for the amounts, or the fee converted into `currency`.";
    IdempotencyKeyReused: UNPROCESSABLE_ENTITY, "idempotency_key_reused",
        "The `Idempotency-Key` was used for a different request.",
        "Use a new key for a new request, or resend the original request unchanged.";
    InvalidFields: UNPROCESSABLE_ENTITY, "invalid_fields",
        "Fields or parameters are invalid. `errors` lists each with its pointer.",
        "Correct every field in `errors`.";
    InvalidRows: UNPROCESSABLE_ENTITY, "invalid_rows",
        "Rows of the file are invalid. Nothing was imported. `errors` lists up to 1,000 errors.",
        "Correct the rows. `dry_run=true` checks a file without importing it.";
    InvalidRule: UNPROCESSABLE_ENTITY, "invalid_rule",
        "A trading rule has a syntax error, or a part of the wrong type, such as a number in place of a condition.",
        "Correct it at the `column` in `errors`.";
    NoBarsInSpan: UNPROCESSABLE_ENTITY, "no_bars_in_span",
        "The instrument has no bar between `from` and `to`.",
        "Choose a span within the history that `detail` states.";
    NotEnoughBars: UNPROCESSABLE_ENTITY, "not_enough_bars",
        "The history is too short for the request.",
        "Choose a longer span, or a smaller window or horizon.";
    TooLarge: UNPROCESSABLE_ENTITY, "too_large",
        "A number, or a total that includes it, is larger than the ledger can store.",
        "Send a smaller amount or quantity.";

    WalletFrozen: LOCKED, "wallet_frozen",
        "The wallet is frozen: its books failed verification, or its customer is disabled or erased.",
        "Do not retry. Tell the user to contact the operator.";

    PreconditionRequired: PRECONDITION_REQUIRED, "precondition_required",
        "The request has no `If-Match`, and a change of the object requires it.",
        "Read the object, and send its `ETag` as `If-Match`.";

    RateLimited: TOO_MANY_REQUESTS, "rate_limited",
        "Too many requests of this kind by the customer or from the source IP address, or too many new symbols requested by the customer.",
        "Wait for `Retry-After` seconds.";
    TooManyAttempts: TOO_MANY_REQUESTS, "too_many_attempts",
        "Too many failed checks of the account's password.",
        "Wait for `Retry-After` seconds. Until then even the correct password is rejected.";

    Internal: INTERNAL_SERVER_ERROR, "internal",
        "An internal error. Its cause is in the log.",
        "Report it with the `request_id`.";

    HasherUnavailable: SERVICE_UNAVAILABLE, "hasher_unavailable",
        "Passwords cannot be checked or stored at the moment. It does not count as a failed attempt.",
        "Send the request again after `Retry-After` seconds.";
    MailUnavailable: SERVICE_UNAVAILABLE, "mail_unavailable",
        "The e-mail service did not respond, or the platform sends no e-mail: then `Retry-After` is an hour.",
        "Send the request again after `Retry-After` seconds.";
    ProviderQuotaExhausted: SERVICE_UNAVAILABLE, "provider_quota_exhausted",
        "The call quota of the price provider is used up, and no price of the symbol is stored.",
        "Send the request again after `Retry-After` seconds, or use a symbol whose prices are stored.";
    ProviderUnavailable: SERVICE_UNAVAILABLE, "provider_unavailable",
        "The price provider did not respond in time, and no price of the symbol is stored.",
        "Send the request again after `Retry-After` seconds.";
    ProviderUnusable: SERVICE_UNAVAILABLE, "provider_unusable",
        "The provider rejects the API key, or its response or a price file cannot be read.",
        "Report it to the operator. `detail` states the cause.";
    StorageUnavailable: SERVICE_UNAVAILABLE, "storage_unavailable",
        "The storage of reports and large results did not respond.",
        "Send the request again after `Retry-After` seconds.";
    StoreUnavailable: SERVICE_UNAVAILABLE, "store_unavailable",
        "The store did not respond, or too many concurrent requests changed the same objects. The request took effect completely or not at all.",
        "Send the request again after `Retry-After` seconds, with the same `Idempotency-Key`.";
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_in_snake_case_and_ordered_by_status_and_name() {
        let listed: Vec<_> = ProblemCode::ALL.iter().map(|code| (code.status().as_u16(), code.as_str())).collect();
        assert!(listed.is_sorted() && listed.windows(2).all(|pair| pair[0].1 != pair[1].1), "{listed:?}");
        let is_snake_case = |code: &str| code.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_');
        assert!(listed.iter().all(|(status, code)| is_snake_case(code) && (400..600).contains(status)));
    }

    #[test]
    fn a_code_is_written_as_it_is_sent() {
        assert_eq!(serde_json::to_string(&ProblemCode::UnknownSymbol).unwrap(), r#""unknown_symbol""#);
    }

    #[test]
    fn every_code_has_a_meaning_and_a_remedy_that_are_sentences() {
        for code in ProblemCode::ALL {
            for text in [code.meaning(), code.remedy()] {
                assert!(text.ends_with('.') && !text.contains(['|', '\n']), "{}: {text}", code.as_str());
            }
        }
    }
}
