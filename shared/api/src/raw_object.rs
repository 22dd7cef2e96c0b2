//! JSON objects of our own whose fields are copied or left out without being read: stored responses of hundreds of
//! kilobytes, whose numbers must stay as they are written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// The fields of a JSON object in their order. Their names must have no escapes.
#[derive(Debug)]
pub struct RawObject<'a>(Vec<(&'a str, Cow<'a, RawValue>)>);

impl<'a> RawObject<'a> {
    /// The object as JSON without the fields at these paths. A path that leads to no field removes nothing.
    ///
    /// Errors: the text is not such an object.
    pub fn without(json: &[u8], paths: &[&[&str]]) -> serde_json::Result<Vec<u8>> {
        let mut object: RawObject<'_> = serde_json::from_slice(json)?;
        object.remove(paths)?;
        object.to_json(json.len())
    }

    /// Removes the fields at these paths.
    pub fn remove(&mut self, paths: &[&[&str]]) -> serde_json::Result<()> {
        for path in paths {
            self.remove_path(path)?;
        }
        Ok(())
    }

    fn remove_path(&mut self, path: &[&str]) -> serde_json::Result<()> {
        let Some((name, rest)) = path.split_first() else { return Ok(()) };
        if rest.is_empty() {
            self.0.retain(|(field, _)| field != name);
        }
        for (_, value) in self.0.iter_mut().filter(|(field, value)| field == name && value.get().starts_with('{')) {
            let mut inner: RawObject<'_> = serde_json::from_str(value.get())?;
            inner.remove_path(rest)?;
            let changed = to_raw_value(&inner)?;
            *value = Cow::Owned(changed);
        }
        Ok(())
    }

    /// Inserts a field after so many others.
    pub fn insert(&mut self, after: usize, name: &'a str, value: &impl Serialize) -> serde_json::Result<()> {
        let value = Cow::Owned(to_raw_value(value)?);
        self.0.insert(after.min(self.0.len()), (name, value));
        Ok(())
    }

    /// The object as JSON, of about this many bytes.
    pub fn to_json(&self, bytes: usize) -> serde_json::Result<Vec<u8>> {
        let mut json = Vec::with_capacity(bytes);
        serde_json::to_writer(&mut json, self)?;
        Ok(json)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<&str, &RawValue>()? {
                    fields.push((name, Cow::Borrowed(value)));
                }
                Ok(RawObject(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl Serialize for RawObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"id":"7","inner":{"a":0.10,"b":[1,{"b":2}]},"list":[{"b":1e2}],"b":3.50,"none":null}"#;

    fn without(paths: &[&[&str]]) -> String {
        String::from_utf8(RawObject::without(JSON.as_bytes(), paths).unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_removed_stays_as_it_is_written() {
        assert_eq!(without(&[]), JSON);
        assert_eq!(without(&[&["x"], &["inner", "x"], &["none", "x"], &["list", "b"], &["id", "b"]]), JSON);
    }

    #[test]
    fn fields_are_removed_by_their_paths() {
        assert_eq!(without(&[&["list"], &["inner", "b"], &["none"]]), r#"{"id":"7","inner":{"a":0.10},"b":3.50}"#);
        assert_eq!(without(&[&["b"]]), JSON.replace(r#","b":3.50"#, ""));
    }

    #[test]
    fn a_field_is_inserted_at_its_place() {
        let mut object: RawObject<'_> = serde_json::from_str(r#"{"id":"7","b":1}"#).unwrap();
        object.insert(1, "name", &Some("A \"b\"")).unwrap();
        object.insert(9, "last", &None::<u8>).unwrap();
        assert_eq!(object.to_json(0).unwrap(), br#"{"id":"7","name":"A \"b\"","b":1,"last":null}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in ["[]", "7", "{", ""] {
            assert!(RawObject::without(json.as_bytes(), &[]).is_err(), "{json}");
        }
    }
}
