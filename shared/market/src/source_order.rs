//! The order in which live sources are called.

use crate::{alpha_vantage, json_provider, yahoo};

/// The setting: names of sources, separated by commas.
const SETTING: &str = "SEXTANT_SOURCE_ORDER";
/// All live sources, in the order without the setting: the source that a document describes is one that its operator
/// chose, and Yahoo's interface is unofficial.
const SOURCES: [&str; 3] = [json_provider::SOURCE, alpha_vantage::SOURCE, yahoo::SOURCE];

/// The order in which live sources are called. Those that the setting does not name come last, in their usual order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOrder(Vec<&'static str>);

/// An order that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{SETTING} must name sources once each, out of {}; {name:?} is not such a name or is repeated", SOURCES.join(", "))]
pub struct SourceOrderError {
    /// The entry.
    pub name: String,
}

impl Default for SourceOrder {
    fn default() -> Self {
        Self(SOURCES.to_vec())
    }
}

impl SourceOrder {
    /// Reads the order from the program's settings; `set` returns the value of a setting that is not empty.
    ///
    /// Errors: [`SourceOrderError`] for a name that is unknown or repeated.
    pub fn from_settings(set: impl Fn(&'static str) -> Option<String>) -> Result<Self, SourceOrderError> {
        let mut order: Vec<&'static str> = Vec::new();
        for name in set(SETTING).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let known = SOURCES.into_iter().find(|known| *known == name && !order.contains(known));
            order.push(known.ok_or_else(|| SourceOrderError { name: name.to_owned() })?);
        }
        let rest: Vec<_> = SOURCES.into_iter().filter(|known| !order.contains(known)).collect();
        Ok(Self(order.into_iter().chain(rest).collect()))
    }

    /// The sources in this order, each with its name.
    #[must_use]
    pub fn sorted<T>(&self, mut sources: Vec<(&'static str, T)>) -> Vec<T> {
        sources.sort_by_key(|(name, _)| self.0.iter().position(|known| known == name));
        sources.into_iter().map(|(_, source)| source).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(value: &str) -> Result<Vec<&'static str>, SourceOrderError> {
        let order = SourceOrder::from_settings(|_| Some(value.to_owned()))?;
        Ok(order.sorted(vec![("yahoo", "yahoo"), ("json", "json"), ("alpha_vantage", "alpha_vantage")]))
    }

    #[test]
    fn named_sources_come_first_and_the_others_in_their_usual_order() {
        assert_eq!(order(""), Ok(vec!["json", "alpha_vantage", "yahoo"]));
        assert_eq!(order("yahoo"), Ok(vec!["yahoo", "json", "alpha_vantage"]));
        assert_eq!(order("alpha_vantage, json"), Ok(vec!["alpha_vantage", "json", "yahoo"]));
        for wrong in ["tiingo", "yahoo,yahoo"] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
    }
}
