//! Pages of lists: how many items, and where the next page starts.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::fields::Fields;
use crate::problem::Problem;

/// Items of a page where the request does not say.
const DEFAULT_LIMIT: usize = 50;
/// Most items of a page.
const MAX_LIMIT: usize = 200;

/// One page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// Which page of a list is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items of a page, 1 to 200; 50 where not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// How many items, and after what; or what is wrong with the limit.
    pub fn parse(self) -> Result<(usize, Option<String>), Problem> {
        let mut fields = Fields::default();
        let limit = fields.take("limit", limit(self.limit.as_deref()));
        Ok((fields.finish(limit)?, self.cursor))
    }
}

/// The page size that a query asks for, 1 to 200, 50 where it does not say.
pub fn limit(text: Option<&str>) -> Result<usize, String> {
    let Some(text) = text else {
        return Ok(DEFAULT_LIMIT);
    };
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(format!("a limit is a whole number from 1 to {MAX_LIMIT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lies_between_one_and_two_hundred() {
        assert_eq!(limit(None), Ok(50));
        assert_eq!(limit(Some("200")), Ok(200));
        for text in ["0", "201", "-1", "ten", "1.5", ""] {
            assert!(limit(Some(text)).is_err(), "{text}");
        }
    }
}
