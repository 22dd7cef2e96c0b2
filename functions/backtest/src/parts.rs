//! A backtest as a request wants it: its stored JSON with its name, without the parts that are not wanted.

use api::{Include, Problem, RawObject};
use app::ServiceError;
use research::backtest_records::BacktestPart;

/// The stored JSON of a backtest with this name, which follows its id, and with the wanted parts only.
pub(crate) fn shape(json: &[u8], name: Option<&str>, include: &Include<BacktestPart>) -> Result<Vec<u8>, Problem> {
    let mut unwanted: Vec<&[&str]> = Vec::new();
    if !include.has(BacktestPart::Trades) {
        unwanted.push(&["trades"]);
    }
    if !include.has(BacktestPart::Equity) {
        unwanted.extend([&["equity"] as &[&str], &["benchmark", "equity"]]);
    }
    let shaped = || {
        let mut run: RawObject<'_> = serde_json::from_slice(json)?;
        run.insert(1, "name", &name)?;
        run.remove(&unwanted)?;
        run.to_json(json.len())
    };
    shaped().map_err(|error: serde_json::Error| ServiceError::fault("stored backtest", error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &str = r#"{"id":"7","benchmark":{"metrics":{"cagr":0.10},"equity":[1,2]},"trades":[{"pnl":1e2}],"equity":[3.50],"warnings":[]}"#;

    fn shaped(name: Option<&str>, include: Option<&str>) -> String {
        let include = Include::parse(include).unwrap();
        String::from_utf8(shape(STORED.as_bytes(), name, &include).unwrap()).unwrap()
    }

    #[test]
    fn by_default_a_backtest_is_as_it_is_stored_with_its_name() {
        assert_eq!(shaped(None, None), STORED.replacen(',', r#","name":null,"#, 1));
        assert_eq!(shaped(Some("A \"b\""), None), STORED.replacen(',', r#","name":"A \"b\"","#, 1));
    }

    #[test]
    fn a_part_that_is_not_wanted_is_absent_and_the_rest_is_unchanged() {
        let named = r#"{"id":"7","name":null,"#;
        for (include, rest) in [
            ("", r#""benchmark":{"metrics":{"cagr":0.10}},"warnings":[]}"#),
            ("trades", r#""benchmark":{"metrics":{"cagr":0.10}},"trades":[{"pnl":1e2}],"warnings":[]}"#),
            ("equity", r#""benchmark":{"metrics":{"cagr":0.10},"equity":[1,2]},"equity":[3.50],"warnings":[]}"#),
        ] {
            assert_eq!(shaped(None, Some(include)), format!("{named}{rest}"), "{include}");
        }
        assert_eq!(shaped(None, Some("trades,equity")), shaped(None, None));
    }
}
