//! Limits by customer for requests that are expensive to answer: reports, exports, imports and backtests.

use crate::source_limits::{SettingError, count};

/// Reports per customer and hour, by default.
const REPORTS: usize = 60;
/// Exports per customer and hour, by default.
const EXPORTS: usize = 20;
/// Imports per customer and hour, by default.
const IMPORTS: usize = 60;
/// Backtests per customer and hour, by default.
const BACKTESTS: usize = 300;

/// The setting for reports per customer and hour; 0 is no limit.
const REPORT_SETTING: &str = "SEXTANT_REPORT_LIMIT";
/// The setting for exports per customer and hour; 0 is no limit.
const EXPORT_SETTING: &str = "SEXTANT_EXPORT_LIMIT";
/// The setting for imports per customer and hour; 0 is no limit.
const IMPORT_SETTING: &str = "SEXTANT_IMPORT_LIMIT";
/// The setting for backtests per customer and hour; 0 is no limit.
const BACKTEST_SETTING: &str = "SEXTANT_BACKTEST_LIMIT";

/// The requests that one customer may make in any hour; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerLimits {
    /// Reports.
    pub reports: usize,
    /// Exports of an account or a portfolio.
    pub exports: usize,
    /// Imports, with dry runs.
    pub imports: usize,
    /// Backtests.
    pub backtests: usize,
}

impl Default for CustomerLimits {
    fn default() -> Self {
        Self { reports: REPORTS, exports: EXPORTS, imports: IMPORTS, backtests: BACKTESTS }
    }
}

impl CustomerLimits {
    /// Reads the limits from the program's settings; `set` returns the value of a setting that is not empty.
    pub fn from_settings(set: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingError> {
        Ok(Self {
            reports: count(&set, REPORT_SETTING, REPORTS)?,
            exports: count(&set, EXPORT_SETTING, EXPORTS)?,
            imports: count(&set, IMPORT_SETTING, IMPORTS)?,
            backtests: count(&set, BACKTEST_SETTING, BACKTESTS)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_changes_its_own_limit() {
        let with =
            |changed: &str| CustomerLimits::from_settings(|name| (name == changed).then(|| "7".to_owned())).unwrap();
        assert_eq!(with(""), CustomerLimits::default());
        assert_eq!(with(REPORT_SETTING), CustomerLimits { reports: 7, ..CustomerLimits::default() });
        assert_eq!(with(EXPORT_SETTING), CustomerLimits { exports: 7, ..CustomerLimits::default() });
        assert_eq!(with(IMPORT_SETTING), CustomerLimits { imports: 7, ..CustomerLimits::default() });
        assert_eq!(with(BACKTEST_SETTING), CustomerLimits { backtests: 7, ..CustomerLimits::default() });
    }

    #[test]
    fn an_invalid_limit_is_named_in_the_error() {
        let refused = CustomerLimits::from_settings(|name| (name == IMPORT_SETTING).then(|| "1001".to_owned()));
        assert_eq!(refused, Err(SettingError::Count { name: IMPORT_SETTING, value: "1001".to_owned() }));
    }
}
