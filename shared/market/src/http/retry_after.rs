//! `Retry-After`: seconds, or an HTTP date.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::call_limits::PAUSE_UNSAID;

/// How long the response asks to wait, if it says so.
///
/// A date is measured from the response's own `Date`, so that our clock does not matter.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| DateTime::parse_from_rfc2822(text.trim()).ok();
    let until = date(text)?;
    match headers.get(DATE).and_then(|now| date(now.to_str().ok()?)) {
        Some(now) => Some((until - now).to_std().unwrap_or(Duration::ZERO)),
        None => Some(PAUSE_UNSAID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        wait(&headers)
    }

    #[test]
    fn both_forms_are_read() {
        let now = Some("Fri, 20 Nov 2026 12:00:00 GMT");
        assert_eq!(of("2", now), Some(Duration::from_secs(2)));
        assert_eq!(of("Fri, 20 Nov 2026 12:00:03 GMT", now), Some(Duration::from_secs(3)));
        assert_eq!(of("Fri, 20 Nov 2026 11:59:00 GMT", now), Some(Duration::ZERO), "the time has passed");
        assert_eq!(of("Fri, 20 Nov 2026 12:00:03 GMT", None), Some(PAUSE_UNSAID));
        for unreadable in ["soon", "-1", "", "1.5"] {
            assert_eq!(of(unreadable, now), None, "{unreadable}");
        }
        assert_eq!(wait(&HeaderMap::new()), None);
    }
}
