//! The names of the fields of a stored activity.

use serde::de::value::Error;
use serde::de::{Deserialize as _, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::stored::Activity;

/// The names of all fields that a stored activity can have, in the order in which they are written. A new field of the
/// stored form is among them by itself.
#[must_use]
pub fn field_names() -> &'static [&'static str] {
    let mut names = &[][..];
    // A type asks what it is read from for its fields. There is nothing to read, so that it fails then.
    let read = Activity::deserialize(Names(&mut names));
    debug_assert!(read.is_err(), "nothing cannot be read as an activity");
    names
}

/// A source without a value that remembers the fields that it was asked for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no value"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_stored_form_in_its_order() {
        let names = field_names();
        assert_eq!(names[..5], ["id", "portfolio_id", "type", "date", "time"]);
        for name in ["symbol", "quantity", "unit_price", "amount", "fee", "tax", "currency", "lots", "note", "version"]
        {
            assert!(names.contains(&name), "{name}");
        }
    }
}
