//! A page of one partition: what is asked for, in which order, and where the next page starts.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::item::Item;
use crate::limits::{MAX_PAGE_BYTES, MAX_SORT_KEY_BYTES};

/// Bytes of the list's fingerprint at the head of a cursor.
const FINGERPRINT_BYTES: usize = 8;

/// What a page is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// Which of its sort keys.
    pub range: Range,
    /// Items on the page, 1 to [`crate::limits::MAX_PAGE_ITEMS`].
    pub limit: usize,
    /// Where the page before this one ended.
    pub cursor: Option<Cursor>,
    /// Ascending or descending.
    pub direction: Direction,
}

/// Which sort keys of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of them.
    All,
    /// Those that start with this text.
    Prefix(String),
    /// Those from the first to the second, both included.
    Between(String, String),
}

/// In which order of the sort keys' UTF-8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending.
    Forward,
    /// Descending: of ids that grow with time, the newest first.
    Backward,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The items, in order. Fewer than the limit do not mean the end; an absent `next` does.
    pub items: Vec<Item>,
    /// Where the next page starts, if more items follow.
    pub next: Option<Cursor>,
}

/// Where a page ended: a text that means something only to the list that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// The sort keys that a query still has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lowest sort key.
    pub lower: Edge,
    /// Highest sort key.
    pub upper: Edge,
    /// The sort key of the cursor, which is also the nearer edge.
    pub after: Option<String>,
}

/// One end of a run of sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// No end on this side.
    Open,
    /// This key is the last one inside.
    Included(String),
    /// This key is the first one outside.
    Excluded(String),
}

impl Query {
    /// The first page of a range, oldest (lowest) first.
    pub fn forward(partition: impl Into<String>, range: Range, limit: usize) -> Self {
        Self { partition: partition.into(), range, limit, cursor: None, direction: Direction::Forward }
    }

    /// The first page of a range, newest (highest) first.
    pub fn backward(partition: impl Into<String>, range: Range, limit: usize) -> Self {
        Self { direction: Direction::Backward, ..Self::forward(partition, range, limit) }
    }

    /// The sort keys that are left to look at, or the refusal of a cursor from another list.
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
    fn cursor_after(&self, sort_key: &str) -> Cursor {
        let mut bytes = self.fingerprint().to_vec();
        bytes.extend_from_slice(sort_key.as_bytes());
        Cursor(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Cuts what an engine found down to a page. The engine gives the items in order, expired ones left out, and one
    /// more than the limit if it has one; `more` says that it stopped before the end of the range.
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

    /// What tells this list from all others: partition, range and direction, but not the size of a page.
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

/// The least text above all that start with `prefix`; none if the prefix is made of the highest character alone.
/// Characters and UTF-8 bytes sort alike, so that the next character is the next text.
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
    /// A cursor as a caller sends it back; whether it fits is found out by the query.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The cursor as it is handed out: letters, digits, `-` and `_`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sort key where the page of this query ended, if the cursor is of this query.
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
    fn the_text_after_a_prefix_is_above_all_that_start_with_it_and_below_the_next() {
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
        let strangers = [
            Query { partition: "B".into(), ..resumed.clone() },
            Query { range: Range::All, ..resumed.clone() },
            Query { direction: Direction::Backward, ..resumed.clone() },
            Query { cursor: Some(Cursor::new("")), ..resumed.clone() },
            Query { cursor: Some(Cursor::new("not base64!")), ..resumed.clone() },
            Query { cursor: Some(query.cursor_after("y")), ..resumed.clone() },
            Query { cursor: Some(query.cursor_after("")), ..resumed },
        ];
        for stranger in strangers {
            assert!(matches!(stranger.bounds(), Err(StoreError::ForeignCursor)), "{stranger:?}");
        }
    }
}
