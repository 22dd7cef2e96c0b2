//! Reading lists: all of one, or a page of the items that a filter keeps.

use domain::Day;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::keys::List;
use store::{Cursor, Direction, Item, Query, StoreError, documents};
use utoipa::ToSchema;

use crate::App;
use crate::error::ServiceError;

/// The items that one query of a filtered list reads.
const ITEMS_PER_QUERY: usize = 200;
/// The most queries for one page of a filtered list.
const QUERIES_PER_PAGE: usize = 5;
/// The most items that are read for one page of a filtered list. If too few of them pass the filter, the page is short.
pub const MAX_ITEMS_READ: usize = ITEMS_PER_QUERY * QUERIES_PER_PAGE;

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListOrder {
    /// The oldest item first.
    Asc,
    /// The newest item first.
    #[default]
    Desc,
}

/// Which page of a list a client requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items of the page, 1 to 200.
    pub limit: usize,
    /// The order of the list.
    pub order: ListOrder,
    /// The cursor at the end of the page before; `None` for the first page.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The items, in the order of the list. There may be fewer than the limit, even none: only an absent `next` is the
    /// end.
    pub items: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// A condition on the items of a list. The default keeps every item that clients may see.
///
/// It is serialized into the fingerprint of a cursor, which is therefore valid only for the same filter.
pub trait Filter<T>: Default + PartialEq + Serialize + Sync {
    /// Whether the list contains this item.
    fn keeps(&self, item: &T) -> bool;
}

/// A filter that keeps every item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unfiltered;

impl<T> Filter<T> for Unfiltered {
    fn keeps(&self, _item: &T) -> bool {
        true
    }
}

/// A span of days, both included; without an end it is open there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayRange {
    /// The first day.
    pub from: Option<Day>,
    /// The last day.
    pub to: Option<Day>,
}

impl DayRange {
    /// Whether the day is in the span.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// The first and the last day, for keys that begin with a day.
    #[must_use]
    pub fn ends(self) -> (Day, Day) {
        (self.from.unwrap_or(Day::FIRST), self.to.unwrap_or(Day::LAST))
    }
}

impl PageRequest {
    /// The first page, newest first.
    #[must_use]
    pub fn newest(limit: usize) -> Self {
        Self { limit, order: ListOrder::Desc, cursor: None }
    }

    /// The page that follows this cursor.
    #[must_use]
    pub fn after(self, cursor: Option<String>) -> Self {
        Self { cursor, ..self }
    }
}

impl<T> ListPage<T> {
    /// The page with each item turned into another.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> ListPage<U> {
        ListPage { items: self.items.into_iter().map(turn).collect(), next: self.next }
    }
}

impl From<ListOrder> for Direction {
    fn from(order: ListOrder) -> Self {
        match order {
            ListOrder::Asc => Self::Forward,
            ListOrder::Desc => Self::Backward,
        }
    }
}

/// Reads a page of the items that the filter keeps, by their sort keys: if these increase with time, the newest first
/// unless the request says otherwise.
///
/// Without a filter it is one query. With one, at most [`MAX_ITEMS_READ`] items are read, and the page is short, with the
/// cursor of the next one, if these are not enough.
///
/// Errors: [`StoreError::ForeignCursor`] for the cursor of another list, another filter or the other order.
pub async fn read_page<T: DeserializeOwned, F: Filter<T>>(
    app: &App,
    list: List,
    filter: &F,
    page: &PageRequest,
) -> Result<ListPage<T>, ServiceError> {
    let is_filtered = *filter != F::default();
    let (limit, queries) = if is_filtered { (ITEMS_PER_QUERY, QUERIES_PER_PAGE) } else { (page.limit, 1) };
    let mut query = Query {
        partition: list.partition,
        range: list.range,
        limit,
        cursor: page.cursor.clone().map(Cursor::new),
        direction: page.order.into(),
        filter: if is_filtered { fingerprint(filter)? } else { String::new() },
    };
    let mut items = Vec::new();
    for _ in 0..queries {
        let read = app.table().query(&query).await?;
        for (index, item) in read.items.iter().enumerate() {
            let value = documents::parse(item)?;
            if !filter.keeps(&value) {
                continue;
            }
            items.push(value);
            if items.len() == page.limit {
                let is_last_read = index + 1 == read.items.len();
                let next = if is_last_read { read.next } else { Some(query.cursor_after(&item.key.sk)) };
                return Ok(ListPage { items, next: next.map(|cursor| cursor.to_string()) });
            }
        }
        query.cursor = read.next;
        if query.cursor.is_none() {
            break;
        }
    }
    Ok(ListPage { items, next: query.cursor.map(|cursor| cursor.to_string()) })
}

/// A page of values that are in memory already, each with its place in the list: text in the order of the list.
/// `list` and `fingerprint` tell the list and its filter from others.
///
/// Errors: [`StoreError::ForeignCursor`] for the cursor of another list, another filter or the other order.
pub fn page_of<T>(
    list: List,
    fingerprint: String,
    page: &PageRequest,
    values: Vec<(String, T)>,
) -> Result<ListPage<T>, ServiceError> {
    let query = Query {
        partition: list.partition,
        range: list.range,
        limit: page.limit,
        cursor: page.cursor.clone().map(Cursor::new),
        direction: page.order.into(),
        filter: fingerprint,
    };
    let after = query.position()?;
    let is_behind = |place: &String| match (&after, page.order) {
        (None, _) => true,
        (Some(after), ListOrder::Asc) => place > after,
        (Some(after), ListOrder::Desc) => place < after,
    };
    let mut values = values;
    values.retain(|(place, _)| is_behind(place));
    values.sort_by(|(left, _), (right, _)| left.cmp(right));
    if page.order == ListOrder::Desc {
        values.reverse();
    }
    let has_more = values.len() > page.limit;
    values.truncate(page.limit);
    let next = values.last().filter(|_| has_more).map(|(place, _)| query.cursor_after(place).to_string());
    Ok(ListPage { items: values.into_iter().map(|(_, value)| value).collect(), next })
}

/// A filter as text, equal for equal filters.
pub fn fingerprint(filter: &impl Serialize) -> Result<String, ServiceError> {
    serde_json::to_string(filter).map_err(|error| ServiceError::fault("serializing a filter failed", error))
}

/// Reads all items of a list, in the order of their sort keys.
pub async fn read_all(app: &App, list: List) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut query = Query::forward(list.partition, list.range, store::limits::MAX_PAGE_ITEMS);
    loop {
        let page = app.table().query(&query).await?;
        items.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(items);
        }
    }
}
