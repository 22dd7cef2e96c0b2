//! The query parameter `include`: which heavy parts of a response the client wants.
//!
//! A route lists its parts in an enum, and names it in the type of its query, so that the API document has the names:
//!
//! ```
//! use api::Include;
//! use serde::Deserialize;
//! use utoipa::{IntoParams, ToSchema};
//!
//! /// A heavy part of a backtest.
//! #[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
//! #[serde(rename_all = "snake_case")]
//! enum ExamplePart {
//!     Equity,
//!     Trades,
//! }
//!
//! #[derive(Deserialize, IntoParams)]
//! #[serde(deny_unknown_fields)]
//! #[into_params(parameter_in = Query)]
//! struct BacktestQuery {
//!     /// The heavy parts wanted, separated by commas: all by default, none if it is empty.
//!     #[param(value_type = Option<Vec<ExamplePart>>, inline, style = Form, explode = false)]
//!     include: Option<String>,
//! }
//!
//! let include = Include::parse(Some("trades")).ok();
//! assert_eq!(include.map(|include| include.only(ExamplePart::Equity, || "a long curve")), Some(None));
//! ```
//!
//! A part that is not wanted is absent from the response: its field is an `Option` that is not serialized while it is
//! `None`.

use serde::de::DeserializeOwned;

use crate::fields::variant;

/// The parts of type `P` that a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include<P>(Option<Vec<P>>);

impl<P: Copy + DeserializeOwned + PartialEq> Include<P> {
    /// Every part.
    pub const ALL: Self = Self(None);

    /// Parses the parameter: names of parts, separated by commas. Absent, every part is wanted; empty, none is.
    ///
    /// Errors: a name that is not a part.
    pub fn parse(given: Option<&str>) -> Result<Self, String> {
        let part = |name: &str| variant(name).map_err(|error| error.to_string());
        match given {
            None => Ok(Self::ALL),
            Some("") => Ok(Self(Some(Vec::new()))),
            Some(names) => names.split(',').map(part).collect::<Result<_, _>>().map(|parts| Self(Some(parts))),
        }
    }

    /// Whether this part is wanted.
    #[must_use]
    pub fn has(&self, part: P) -> bool {
        self.0.as_ref().is_none_or(|parts| parts.contains(&part))
    }

    /// The value of this part if it is wanted. Otherwise it is not computed.
    #[must_use]
    pub fn only<T>(&self, part: P, value: impl FnOnce() -> T) -> Option<T> {
        self.has(part).then(value)
    }

    /// Whether the parameter is absent, so that the response is the whole one.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;
    use utoipa::{IntoParams, ToSchema};

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    enum TestPart {
        Equity,
        PriceLines,
    }

    #[derive(IntoParams)]
    #[into_params(parameter_in = Query)]
    #[expect(dead_code, reason = "only its documentation is tested")]
    struct TestQuery {
        /// The heavy parts wanted.
        #[param(value_type = Option<Vec<TestPart>>, inline, style = Form, explode = false)]
        include: Option<String>,
    }

    fn parse(given: Option<&str>) -> Result<[bool; 2], String> {
        Include::parse(given).map(|include| [TestPart::Equity, TestPart::PriceLines].map(|part| include.has(part)))
    }

    #[test]
    fn every_part_is_wanted_by_default_and_none_if_the_parameter_is_empty() {
        assert_eq!(parse(None), Ok([true, true]));
        assert_eq!(parse(Some("")), Ok([false, false]));
        assert_eq!(parse(Some("equity")), Ok([true, false]));
        assert_eq!(parse(Some("price_lines,equity")), Ok([true, true]));
    }

    #[test]
    fn a_name_that_is_not_a_part_is_refused_with_the_names_that_are() {
        for given in ["charts", "equity,charts", "Equity", "equity,", ",", " equity", "equity;price_lines"] {
            let error = parse(Some(given)).unwrap_err();
            assert!(error.contains("`equity`") && error.contains("`price_lines`"), "{given}: {error}");
        }
    }

    #[test]
    fn a_part_that_is_not_wanted_is_not_computed() {
        let include = Include::parse(Some("equity")).unwrap();
        assert_eq!(include.only(TestPart::Equity, || 1), Some(1));
        assert_eq!(include.only(TestPart::PriceLines, || unreachable!("computed")), None::<u8>);
    }

    #[test]
    fn the_parameter_is_documented_as_a_list_of_the_names_separated_by_commas() {
        let parameters = TestQuery::into_params(|| None);
        let documented = serde_json::to_value(&parameters[0]).unwrap();
        assert_eq!((&documented["style"], &documented["explode"]), (&json!("form"), &json!(false)));
        assert_eq!(documented["required"], false);
        let items = &documented["schema"]["items"];
        assert_eq!(items["enum"], json!(["equity", "price_lines"]), "{documented}");
    }
}
