//! Pages of lists: a limit, a cursor, and where the list has them, an order and filters.
//!
//! A route takes [`ListQuery`] and its own filters as two [`Query`](crate::Query) arguments. Neither type may have
//! `deny_unknown_fields`, because each reads its part of the same query; the middleware refuses what no part has.

use std::borrow::Cow;

use app::listing::{DayRange, ListOrder, ListPage, PageRequest};
use domain::Day;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::fields::{Fields, variant};
use crate::problem::Problem;

/// Default items per page.
const DEFAULT_LIMIT: usize = 50;
/// The most items per page.
const MAX_LIMIT: usize = 200;

/// One page of a list. In the API document its schema is named after that of its items, and refers to it.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> From<ListPage<T>> for Page<T> {
    fn from(page: ListPage<T>) -> Self {
        Self { items: page.items, next_cursor: page.next }
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .description(Some("The items of this page, in the order of the list."));
        let next_cursor =
            ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).description(Some(
                "The `cursor` of the next page. A page may have fewer items than its limit: only null is the end.",
            ));
        let page = ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("items", items)
            .property("next_cursor", next_cursor)
            .required("items")
            .required("next_cursor");
        page.into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("Page_{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// The requested page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items per page, 1 to 200; default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

impl PageQuery {
    /// The limit and the cursor. Errors: an invalid limit.
    pub fn parse(self) -> Result<(usize, Option<String>), Problem> {
        let mut fields = Fields::default();
        let limit = fields.take("limit", limit(self.limit.as_deref()));
        Ok((fields.finish(limit)?, self.cursor))
    }
}

/// The requested page of a list, and the order of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Items per page, 1 to 200; default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the previous page. It is valid only with the same filters and order.
    cursor: Option<String>,
    /// `desc` (default): the newest first. `asc`: the oldest first.
    #[param(inline, value_type = Option<ListOrder>)]
    order: Option<String>,
}

impl ListQuery {
    /// The requested page; `None` after recording invalid fields.
    pub fn parse(self, fields: &mut Fields) -> Option<PageRequest> {
        let limit = fields.take("limit", limit(self.limit.as_deref()));
        let order = fields.take_optional("order", self.order.as_deref().map(variant));
        let cursor = self.cursor;
        limit.zip(order).map(|(limit, order)| PageRequest { limit, order: order.unwrap_or_default(), cursor })
    }
}

/// Parses the filters `from` and `to`: two days, both inclusive. `None` after recording invalid fields.
pub fn day_range(fields: &mut Fields, from: Option<&str>, to: Option<&str>) -> Option<DayRange> {
    let from = fields.take_optional("from", from.map(str::parse::<Day>));
    let to = fields.take_optional("to", to.map(str::parse::<Day>));
    match from.zip(to)? {
        (Some(from), Some(to)) if from > to => {
            fields.refuse("from", format!("must not be after to ({to})"));
            None
        }
        (from, to) => Some(DayRange { from, to }),
    }
}

/// Parses the limit of a page: 1 to 200, default 50.
pub fn limit(text: Option<&str>) -> Result<usize, String> {
    let Some(text) = text else {
        return Ok(DEFAULT_LIMIT);
    };
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(format!("must be a whole number from 1 to {MAX_LIMIT}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_is_between_1_and_200() {
        assert_eq!(limit(None), Ok(50));
        assert_eq!(limit(Some("200")), Ok(200));
        for text in ["0", "201", "-1", "ten", "1.5", ""] {
            assert!(limit(Some(text)).is_err(), "{text}");
        }
    }

    fn query(limit: Option<&str>, order: Option<&str>) -> ListQuery {
        ListQuery { limit: limit.map(str::to_owned), cursor: None, order: order.map(str::to_owned) }
    }

    #[test]
    fn a_list_is_newest_first_unless_asked_otherwise() {
        for (order, parsed) in [(None, ListOrder::Desc), (Some("desc"), ListOrder::Desc), (Some("asc"), ListOrder::Asc)]
        {
            let page = query(None, order).parse(&mut Fields::default()).unwrap();
            assert_eq!((page.order, page.limit), (parsed, 50));
        }
    }

    #[test]
    fn every_invalid_field_of_a_list_is_reported() {
        let mut fields = Fields::default();
        assert!(query(Some("0"), Some("up")).parse(&mut fields).is_none());
        assert!(day_range(&mut fields, Some("2013-03-02"), Some("2013-03-01")).is_none());
        let errors = fields.into_problem().errors;
        assert_eq!(
            errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(),
            ["/limit", "/order", "/from"]
        );
        assert_eq!(errors[1].detail, "unknown variant `up`, expected `asc` or `desc`");
        assert_eq!(errors[2].detail, "must not be after to (2013-03-01)");
    }

    #[test]
    fn the_schema_of_a_page_refers_to_that_of_its_items() {
        #[derive(Serialize, ToSchema)]
        #[schema(as = Entry)]
        struct StoredEntry {
            part: EntryPart,
        }
        #[derive(Serialize, ToSchema)]
        struct EntryPart {
            size: u8,
        }

        let page = Page { items: vec![StoredEntry { part: EntryPart { size: 1 } }], next_cursor: None };
        let json = serde_json::to_value(&page).unwrap();
        assert_eq!(json, json!({ "items": [{ "part": { "size": 1 } }], "next_cursor": null }));
        assert_eq!(Page::<StoredEntry>::name(), "Page_Entry");
        let schema = serde_json::to_value(Page::<StoredEntry>::schema()).unwrap();
        assert_eq!(schema["properties"]["items"]["items"], json!({ "$ref": "#/components/schemas/Entry" }));
        assert_eq!(schema["properties"]["next_cursor"]["type"], json!(["string", "null"]));
        let mut schemas = Vec::new();
        Page::<StoredEntry>::schemas(&mut schemas);
        let names: Vec<_> = schemas.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Entry", "EntryPart"]);
    }
}
