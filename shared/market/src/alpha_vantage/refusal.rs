//! What the provider means by a response without data.
//!
//! Failures come with status 200 and a sentence. The sentence can echo the API key, so it is classified here and never
//! passed on.

use std::borrow::Cow;

use serde::Deserialize;

use crate::call_limits::PAUSE_UNSAID;
use crate::error::ProviderError;
use crate::http::Refusal;

/// The members that carry a sentence instead of data.
#[derive(Deserialize)]
struct Sentences<'a> {
    #[serde(borrow, default, rename = "Error Message")]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "Note")]
    note: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "Information")]
    information: Option<Cow<'a, str>>,
}

/// Classifies a response that lacks the expected data.
pub(super) fn classify(body: &[u8]) -> Refusal {
    let Ok(sentences) = serde_json::from_slice::<Sentences>(body) else {
        return Refusal::malformed("is not JSON of the expected form");
    };
    if let Some(text) = sentences.error {
        return bad_request(&text.to_ascii_lowercase());
    }
    match sentences.note.or(sentences.information) {
        Some(text) => sentence(&text.to_ascii_lowercase()),
        None => Refusal::malformed("has no data"),
    }
}

fn bad_request(text: &str) -> Refusal {
    // The same member reports a missing key, which is not a fault of the symbol.
    if text.contains("apikey") || text.contains("api key") {
        Refusal::Failed(ProviderError::KeyRefused)
    } else {
        Refusal::Failed(ProviderError::UnknownSymbol)
    }
}

/// The sentence about one call a second also mentions the daily quota and the paid plans, and the one about the quota
/// also mentions the paid plans: hence this order.
fn sentence(text: &str) -> Refusal {
    if text.contains("spreading out") || text.contains("per second") {
        Refusal::TooFast
    } else if text.contains("per minute") {
        Refusal::Failed(ProviderError::RateLimited { retry_after: PAUSE_UNSAID })
    } else if text.contains("requests per day") || text.contains("calls per day") {
        Refusal::DayUsedUp
    } else if text.contains("premium") {
        Refusal::Premium
    } else if text.contains("demo") {
        Refusal::Failed(ProviderError::KeyRefused)
    } else {
        Refusal::malformed("holds a message instead of data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(member: &str, text: &str) -> Refusal {
        classify(serde_json::json!({ member: text }).to_string().as_bytes())
    }

    #[test]
    fn each_sentence_is_classified() {
        let minute = Refusal::Failed(ProviderError::RateLimited { retry_after: PAUSE_UNSAID });
        let unknown = Refusal::Failed(ProviderError::UnknownSymbol);
        let key = Refusal::Failed(ProviderError::KeyRefused);
        let other = Refusal::malformed("holds a message instead of data");
        let table = [
            ("Error Message", "Invalid API call. Please retry or visit the documentation", unknown),
            ("Error Message", "the parameter apikey is invalid or missing", key.clone()),
            (
                "Information",
                "Please consider spreading out your free API requests (1 request per second); premium plans lift the 25 requests per day",
                Refusal::TooFast,
            ),
            ("Note", "Burst: 1 request per second", Refusal::TooFast),
            (
                "Note",
                "Our standard API call frequency is 5 calls per minute and 500 calls per day. Premium plans exist",
                minute,
            ),
            ("Note", "Our standard API rate limit is 25 requests per day. See our premium plans", Refusal::DayUsedUp),
            (
                "Information",
                "We have detected your API key as K and our rate limit is 25 requests per day",
                Refusal::DayUsedUp,
            ),
            ("Information", "Thank you! This is a premium endpoint", Refusal::Premium),
            ("Information", "The **demo** API key is for demo purposes only", key),
            ("Information", "Something new", other),
        ];
        for (member, text, meaning) in table {
            assert_eq!(of(member, text), meaning, "{text}");
        }
    }

    #[test]
    fn a_response_without_a_sentence_is_malformed() {
        for body in ["", "{}", "[]", "null", "<html></html>", "{\"Note\": 1}", "{\"a\": 1", "25 requests per day"] {
            assert!(matches!(classify(body.as_bytes()), Refusal::Failed(ProviderError::Malformed { .. })), "{body}");
        }
    }
}
