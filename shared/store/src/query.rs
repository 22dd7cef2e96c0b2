//! Queries: a page of one partition, its order, and the cursor of the next page.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::item::Item;
use crate::limits::{MAX_PAGE_BYTES, MAX_SORT_KEY_BYTES};

/// Length of the list's fingerprint at the start of a cursor.
const FINGERPRINT_BYTES: usize = 8;

/// A request for a page of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// The range of sort keys.
    pub range: Range,
    /// Most items on the page, 1 to [`crate::limits::MAX_PAGE_ITEMS`].
    pub limit: usize,
    /// The end of the previous page.
    pub cursor: Option<Cursor>,
    /// Ascending or descending.
    pub direction: Direction,
    /// Which of the items the reader keeps, as text; empty for all. An engine returns all of them: this only makes a cursor
    /// invalid for a list with another filter.
    pub filter: String,
}

/// A range of sort keys in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of them.
    All,
    /// Those that start with this text.
    Prefix(String),
    /// Those from the first to the second, both included.
    Between(String, String),
}

/// The order of items, by the UTF-8 bytes of their sort keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending.
    Forward,
    /// Descending: for ids that increase with time, the newest first.
    Backward,
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The items, in order. Fewer items than the limit do not mean the end; only an absent `next` does.
    pub items: Vec<Item>,
    /// The cursor of the next page, if more items follow.
    pub next: Option<Cursor>,
}

/// The end of a page, as an opaque text that is valid only for its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// The range of sort keys that a query still has to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lowest sort key.
    pub lower: Edge,
    /// Highest sort key.
    pub upper: Edge,
    /// The sort key of the cursor, which is also the edge at which the page starts.
    pub after: Option<String>,
}

/// One end of a range of sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Unbounded.
    Open,
    /// The range includes this key.
    Included(String),
    /// The range excludes this key.
    Excluded(String),
}

impl Query {
    /// The first page of a range, oldest (lowest) first.
    pub fn forward(partition: impl Into<String>, range: Range, limit: usize) -> Self {
        Self {
            partition: partition.into(),
            range,
            limit,
            cursor: None,
            direction: Direction::Forward,
            filter: String::new(),
        }
    }

    /// The first page of a range, newest (highest) first.
    pub fn backward(partition: impl Into<String>, range: Range, limit: usize) -> Self {
        Self { direction: Direction::Backward, ..Self::forward(partition, range, limit) }
    }

    /// The bounds of the sort keys still to read. Refuses a cursor of another list.
    pub(crate) fn bounds(&self) -> Result<Bounds, StoreError> {
        let (lower, upper) = self.range.edges();
        let Some(cursor) = &self.cursor else {
            return Ok(Bounds { lower, upper, after: None });
        };
        let after = cursor.sort_key(self).ok_or(StoreError::ForeignCursor)?;
        let inside = match (&lower, &upper) {
            (Edge::Included(from), _) if after < *from => false,
            (_, Edge::Included(to)) if after > *to => false,
            (_, Edge::Excluded(end)) if after >= *end => false,
            _ => true,
        };
        if !inside {
            return Err(StoreError::ForeignCursor);
        }
        let edge = Edge::Excluded(after.clone());
        Ok(match self.direction {
            Direction::Forward => Bounds { lower: edge, upper, after: Some(after) },
            Direction::Backward => Bounds { lower, upper: edge, after: Some(after) },
        })
    }

    /// The cursor of a page of this query that ends with this sort key.
    #[must_use]
    pub fn cursor_after(&self, sort_key: &str) -> Cursor {
        let mut bytes = self.fingerprint().to_vec();
        bytes.extend_from_slice(sort_key.as_bytes());
        Cursor(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The sort key after which the page begins, if it is not the first one: for lists that are not read item by item.
    ///
    /// Errors: [`StoreError::ForeignCursor`] for the cursor of another list.
    pub fn position(&self) -> Result<Option<String>, StoreError> {
        Ok(self.bounds()?.after)
    }

    /// Makes a page from the items that an engine found: in order, without expired items, and one more than the limit
    /// if there is one. `more` means that the engine stopped before the end of the range.
    #[must_use]
    pub fn page(&self, found: Vec<Item>, more: bool) -> Page {
        let mut items = Vec::with_capacity(found.len().min(self.limit));
        let mut bytes = 0;
        let total = found.len();
        for item in found {
            if items.len() == self.limit || bytes >= MAX_PAGE_BYTES {
                break;
            }
            bytes += item.key.bytes() + item.body.len();
            items.push(item);
        }
        let cut = items.len() < total;
        let next = items.last().filter(|_| cut || more).map(|item| self.cursor_after(&item.key.sk));
        Page { items, next }
    }

    /// Identifies the list: partition, range, direction and filter, but not the page size.
    fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        let (kind, from, to) = match &self.range {
            Range::All => (b'a', "", ""),
            Range::Prefix(prefix) => (b'p', prefix.as_str(), ""),
            Range::Between(from, to) => (b'b', from.as_str(), to.as_str()),
        };
        let direction = match self.direction {
            Direction::Forward => b'f',
            Direction::Backward => b'b',
        };
        let mut hash = Sha256::new();
        hash.update([kind, direction]);
        for part in [self.partition.as_str(), from, to] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        // Without a filter as before there were any, so that earlier cursors stay valid.
        hash.update(&self.filter);
        let digest = hash.finalize();
        std::array::from_fn(|index| digest[index])
    }
}

impl Range {
    /// The lowest and the highest sort key of the range.
    fn edges(&self) -> (Edge, Edge) {
        match self {
            Self::All => (Edge::Open, Edge::Open),
            Self::Prefix(prefix) => {
                let upper = after_all_with_prefix(prefix).map_or(Edge::Open, Edge::Excluded);
                (Edge::Included(prefix.clone()), upper)
            }
            Self::Between(from, to) => (Edge::Included(from.clone()), Edge::Included(to.clone())),
        }
    }
}

/// The lowest text above all texts that start with `prefix`; `None` if the prefix consists only of the highest
/// character. Characters and UTF-8 bytes have the same order, so the next character gives the next text.
fn after_all_with_prefix(prefix: &str) -> Option<String> {
    let mut rest: Vec<char> = prefix.chars().collect();
    while let Some(last) = rest.pop() {
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            rest.push(next);
            return Some(rest.into_iter().collect());
        }
    }
    None
}

impl Cursor {
    /// A cursor as sent by a client. The query checks whether it is valid.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The cursor as text: letters, digits, `-` and `_`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sort key at which the page ended, if the cursor belongs to this query.
    fn sort_key(&self, query: &Query) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        let (fingerprint, sort_key) = bytes.split_at_checked(FINGERPRINT_BYTES)?;
        let length = 1..=MAX_SORT_KEY_BYTES;
        if fingerprint != query.fingerprint() || !length.contains(&sort_key.len()) {
            return None;
        }
        String::from_utf8(sort_key.to_vec()).ok()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_after_a_prefix_is_the_next_higher_one() {
        assert_eq!(after_all_with_prefix("YEAR#").as_deref(), Some("YEAR$"));
        assert_eq!(after_all_with_prefix("ä").as_deref(), Some("å"));
        assert_eq!(after_all_with_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_all_with_prefix("\u{10FFFF}"), None);
        assert_eq!(after_all_with_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
    }

    #[test]
    fn a_cursor_is_refused_by_every_other_list() {
        let query = Query::forward("A", Range::Prefix("x".into()), 10);
        let cursor = query.cursor_after("x7");
        let resumed = Query { cursor: Some(cursor.clone()), limit: 3, ..query.clone() };
        assert_eq!(resumed.bounds().unwrap().after.as_deref(), Some("x7"));
        let foreigns = [
            Query { partition: "B".into(), ..resumed.clone() },
            Query { range: Range::All, ..resumed.clone() },
            Query { direction: Direction::Backward, ..resumed.clone() },
            Query { filter: "new".into(), ..resumed.clone() },
            Query { cursor: Some(Cursor::new("")), ..resumed.clone() },
            Query { cursor: Some(Cursor::new("not base64!")), ..resumed.clone() },
            Query { cursor: Some(query.cursor_after("y")), ..resumed.clone() },
            Query { cursor: Some(query.cursor_after("")), ..resumed },
        ];
        for foreign in foreigns {
            assert!(matches!(foreign.bounds(), Err(StoreError::ForeignCursor)), "{foreign:?}");
        }
    }
}
