//! Pages of lists, with a limit and a cursor.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::fields::Fields;
use crate::problem::Problem;

/// Default items per page.
const DEFAULT_LIMIT: usize = 50;
/// The most items per page.
const MAX_LIMIT: usize = 200;

/// One page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
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
    use super::*;

    #[test]
    fn a_limit_is_between_1_and_200() {
        assert_eq!(limit(None), Ok(50));
        assert_eq!(limit(Some("200")), Ok(200));
        for text in ["0", "201", "-1", "ten", "1.5", ""] {
            assert!(limit(Some(text)).is_err(), "{text}");
        }
    }
}
