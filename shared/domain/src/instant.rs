//! The only written form of an instant: RFC 3339 in UTC with milliseconds, `2026-11-30T02:10:10.123Z`.
//!
//! Every instant in a type that is written as JSON, in a response or in the store, has `#[serde(with =
//! "domain::instant")]`; an `Option` also has `default`. Any RFC 3339 text is read, so that items stored with another
//! fraction stay readable.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Digits of the fraction of a second.
const DIGITS: u16 = 3;

/// The written form.
#[must_use]
pub fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The instant truncated to the millisecond, as it is written.
#[must_use]
pub fn to_the_millisecond(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(DIGITS)
}

/// Writes an instant, an optional one or a list of them.
///
/// Errors: the serializer's.
pub fn serialize<T: Instants, S: Serializer>(instants: &T, serializer: S) -> Result<S::Ok, S::Error> {
    instants.written().serialize(serializer)
}

/// Reads an instant, an optional one or a list of them.
///
/// Errors: the deserializer's, if a text is not RFC 3339.
pub fn deserialize<'de, T: Deserialize<'de> + Instants, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}

/// A type that [`serialize`] can write.
pub trait Instants {
    /// Texts in the same shape as the instants.
    type Written: Serialize;

    /// The written form.
    fn written(&self) -> Self::Written;
}

impl Instants for DateTime<Utc> {
    type Written = String;

    fn written(&self) -> String {
        text(*self)
    }
}

impl<T: Instants> Instants for Option<T> {
    type Written = Option<T::Written>;

    fn written(&self) -> Self::Written {
        self.as_ref().map(Instants::written)
    }
}

impl<T: Instants> Instants for Vec<T> {
    type Written = Vec<T::Written>;

    fn written(&self) -> Self::Written {
        self.iter().map(Instants::written).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept {
        #[serde(with = "crate::instant")]
        at: DateTime<Utc>,
        #[serde(default, with = "crate::instant")]
        until: Option<DateTime<Utc>>,
        #[serde(with = "crate::instant")]
        times: Vec<DateTime<Utc>>,
    }

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn an_instant_is_always_written_with_three_digits() {
        let kept = Kept {
            at: instant("2026-11-30T02:10:10.123456789Z"),
            until: Some(instant("2026-11-30T02:10:10Z")),
            times: vec![instant("2026-11-30T02:10:10.1Z"), instant("2026-11-30T03:10:10+01:00")],
        };
        let expected = r#"{"at":"2026-11-30T02:10:10.123Z","until":"2026-11-30T02:10:10.000Z","times":["2026-11-30T02:10:10.100Z","2026-11-30T02:10:10.000Z"]}"#;
        assert_eq!(serde_json::to_string(&kept).unwrap(), expected);
    }

    #[test]
    fn instants_with_another_fraction_and_missing_ones_are_read() {
        let old = r#"{"at":"2026-11-30T02:10:10.123456789Z","times":["2026-11-30T02:10:10+00:00"]}"#;
        let kept: Kept = serde_json::from_str(old).unwrap();
        let (at, second) = (instant("2026-11-30T02:10:10.123456789Z"), instant("2026-11-30T02:10:10Z"));
        assert_eq!(kept, Kept { at, until: None, times: vec![second] });
        assert_eq!(text(to_the_millisecond(at)), text(at));
    }
}
