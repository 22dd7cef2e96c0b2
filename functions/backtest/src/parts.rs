//! A backtest as a request wants it: its stored JSON with its name, without the parts that are not wanted.

use std::borrow::Cow;
use std::fmt;

use api::Include;
use research::backtest_records::BacktestPart;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// The fields of a JSON object in their order. Their values are copied as they are written, and not read.
struct RawFields<'a>(Vec<(&'a str, Cow<'a, RawValue>)>);

impl RawFields<'_> {
    fn remove(&mut self, name: &str) {
        self.0.retain(|(field, _)| *field != name);
    }
}

/// The stored JSON of a backtest with this name, which follows its id, and with the wanted parts only.
pub(crate) fn shaped(
    json: &[u8],
    name: Option<&str>,
    include: &Include<BacktestPart>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut run: RawFields<'_> = serde_json::from_slice(json)?;
    run.0.insert(1.min(run.0.len()), ("name", Cow::Owned(to_raw_value(&name)?)));
    if !include.has(BacktestPart::Trades) {
        run.remove("trades");
    }
    if !include.has(BacktestPart::Equity) {
        run.remove("equity");
        for (_, benchmark) in run.0.iter_mut().filter(|(field, _)| *field == "benchmark") {
            let mut fields: RawFields<'_> = serde_json::from_str(benchmark.get())?;
            fields.remove("equity");
            let without = to_raw_value(&fields)?;
            *benchmark = Cow::Owned(without);
        }
    }
    let mut shaped = Vec::with_capacity(json.len());
    serde_json::to_writer(&mut shaped, &run)?;
    Ok(shaped)
}

impl<'de: 'a, 'a> Deserialize<'de> for RawFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<&str, &RawValue>()? {
                    fields.push((name, Cow::Borrowed(value)));
                }
                Ok(RawFields(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl Serialize for RawFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &str = r#"{"id":"7","benchmark":{"metrics":{"cagr":0.10},"equity":[1,2]},"trades":[{"pnl":1e2}],"equity":[3.50],"warnings":[]}"#;

    fn shape(name: Option<&str>, include: Option<&str>) -> String {
        let include = Include::parse(include).unwrap();
        String::from_utf8(shaped(STORED.as_bytes(), name, &include).unwrap()).unwrap()
    }

    #[test]
    fn by_default_a_backtest_is_as_it_is_stored_with_its_name() {
        assert_eq!(shape(None, None), STORED.replacen(',', r#","name":null,"#, 1));
        assert_eq!(shape(Some("A \"b\""), None), STORED.replacen(',', r#","name":"A \"b\"","#, 1));
    }

    #[test]
    fn a_part_that_is_not_wanted_is_absent_and_the_rest_is_unchanged() {
        let named = r#"{"id":"7","name":null,"#;
        for (include, rest) in [
            ("", r#""benchmark":{"metrics":{"cagr":0.10}},"warnings":[]}"#),
            ("trades", r#""benchmark":{"metrics":{"cagr":0.10}},"trades":[{"pnl":1e2}],"warnings":[]}"#),
            ("equity", r#""benchmark":{"metrics":{"cagr":0.10},"equity":[1,2]},"equity":[3.50],"warnings":[]}"#),
        ] {
            assert_eq!(shape(None, Some(include)), format!("{named}{rest}"), "{include}");
        }
        assert_eq!(shape(None, Some("trades,equity")), shape(None, None));
    }
}
