//! Order, ranges and pages.

use super::bench::{Bench, Outcome, Reason, holds, json_body, refused, same};
use crate::error::StoreError;
use crate::item::Body;
use crate::query::{Cursor, Direction, Query, Range};
use crate::table::Table;
use crate::write::{DeleteExpect, Write};

/// Sort keys in the order of their UTF-8 bytes: upper case before lower case, ASCII before the rest, and U+FFFD before
/// U+10000, which UTF-16 would order the other way round.
const SORTED: [&str; 12] =
    ["\u{1}", " ", "#", "10", "9", "A", "a", "a\u{0}", "a#", "é", "\u{FFFD}", "\u{10000}\u{10FFFF}"];

impl<T: Table> Bench<T> {
    async fn fill(&self, sort_keys: &[&str]) -> Outcome {
        let create = |sort_key: &&str| Write::create(self.key(sort_key), json_body("1"));
        self.table.transact(sort_keys.iter().rev().map(create).collect()).await?;
        Ok(())
    }

    /// The sort keys of all pages.
    async fn walk(&self, mut query: Query) -> Result<Vec<String>, Reason> {
        let mut found = Vec::new();
        loop {
            let page = self.table.query(&query).await?;
            holds("a page stays within its limit", page.items.len() <= query.limit)?;
            holds("a page with a next page is not empty", page.next.is_none() || !page.items.is_empty())?;
            found.extend(page.items.into_iter().map(|item| item.key.sk));
            match page.next {
                Some(next) => query.cursor = Some(Cursor::new(next.as_str())),
                None => return Ok(found),
            }
        }
    }

    async fn range(&self, range: Range) -> Result<Vec<String>, Reason> {
        self.walk(Query::forward(&self.partition, range, 100)).await
    }
}

fn owned(sort_keys: &[&str]) -> Vec<String> {
    sort_keys.iter().map(|sort_key| (*sort_key).to_owned()).collect()
}

pub(super) async fn items_are_ordered_by_bytes<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.fill(&SORTED).await?;
    let mut expected = owned(&SORTED);
    same("the items", &bench.range(Range::All).await?, &expected)?;
    expected.reverse();
    same("the items backward", &bench.walk(Query::backward(&bench.partition, Range::All, 100)).await?, &expected)
}

pub(super) async fn pages_have_no_gap_or_repetition<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.fill(&SORTED).await?;
    for limit in [1, 2, 3, 4, SORTED.len() - 1, SORTED.len(), SORTED.len() + 1] {
        for direction in [Direction::Forward, Direction::Backward] {
            let query = Query { direction, ..Query::forward(&bench.partition, Range::All, limit) };
            let mut expected = owned(&SORTED);
            if direction == Direction::Backward {
                expected.reverse();
            }
            same(&format!("the pages of {limit} {direction:?}"), &bench.walk(query).await?, &expected)?;
        }
    }
    let whole = bench.table.query(&Query::forward(&bench.partition, Range::All, SORTED.len())).await?;
    same("the page after one that holds all", &whole.next, &None)?;
    for direction in [Direction::Forward, Direction::Backward] {
        let range = Range::Prefix("a".into());
        let query = Query { direction, ..Query::forward(&bench.partition, range, 1) };
        same("the pages of a prefix", &bench.walk(query).await?.len(), &3)?;
        let range = Range::Between("#".into(), "a".into());
        let query = Query { direction, ..Query::forward(&bench.partition, range, 2) };
        same("the pages of a range", &bench.walk(query).await?.len(), &5)?;
    }
    same("an empty partition", &bench.walk(Query::forward("empty partition", Range::All, 9)).await?, &Vec::new())
}

pub(super) async fn a_cursor_survives_the_deletion_of_its_item<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.fill(&["1", "2", "3", "4"]).await?;
    let mut query = Query::forward(&bench.partition, Range::All, 2);
    query.cursor = bench.table.query(&query).await?.next;
    let delete = Write::Delete { key: bench.key("2"), expect: DeleteExpect::Any };
    bench.table.transact(vec![delete, Write::create(bench.key("25"), json_body("1"))]).await?;
    same("the pages after it", &bench.walk(query).await?, &owned(&["25", "3", "4"]))
}

pub(super) async fn a_cursor_of_another_list_is_refused<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.fill(&["a1", "a2", "a3"]).await?;
    let query = Query::forward(&bench.partition, Range::Prefix("a".into()), 1);
    let cursor = bench.table.query(&query).await?.next;
    holds("there is a cursor", cursor.is_some())?;
    let strangers = [
        Query { partition: "another".into(), cursor: cursor.clone(), ..query.clone() },
        Query { range: Range::All, cursor: cursor.clone(), ..query.clone() },
        Query { direction: Direction::Backward, cursor, ..query.clone() },
        Query { cursor: Some(Cursor::new("YTE")), ..query.clone() },
        Query { cursor: Some(Cursor::new("\u{1F4C8}")), ..query },
    ];
    for stranger in strangers {
        let outcome = bench.table.query(&stranger).await;
        refused("a cursor from elsewhere", outcome, |error| matches!(error, StoreError::ForeignCursor))?;
    }
    Ok(())
}

pub(super) async fn a_range_includes_both_ends<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.fill(&SORTED).await?;
    let between = |from: &str, to: &str| bench.range(Range::Between(from.to_owned(), to.to_owned()));
    same("a range", &between("10", "A").await?, &owned(&["10", "9", "A"]))?;
    same("a range of one key", &between("a", "a").await?, &owned(&["a"]))?;
    same("a range between items", &between("B", "Z").await?, &Vec::new())?;
    same("a range that ends between", &between("0", "aa").await?, &owned(&["10", "9", "A", "a", "a\u{0}", "a#"]))?;
    same("a range to the end", &between("b", "\u{10FFFF}").await?, &owned(&SORTED[9..]))
}

pub(super) async fn a_prefix_is_exact_to_the_last_character<T: Table>(bench: &Bench<T>) -> Outcome {
    let keys = ["YEAR", "YEAR#1999", "YEAR#2012", "YEAR#\u{10FFFF}\u{10FFFF}", "YEAR$", "year#2012", "\u{10FFFF}x"];
    bench.fill(&keys).await?;
    let prefix = |prefix: &str| bench.range(Range::Prefix(prefix.to_owned()));
    same("the prefix", &prefix("YEAR#").await?, &owned(&["YEAR#1999", "YEAR#2012", keys[3]]))?;
    same("a whole key as prefix", &prefix("YEAR#2012").await?, &owned(&["YEAR#2012"]))?;
    same("a prefix without matches", &prefix("YEAR#3").await?, &Vec::new())?;
    same("a prefix with an SQL wildcard", &prefix("YEAR%").await?, &Vec::new())?;
    same("the highest prefix", &prefix("\u{10FFFF}").await?, &owned(&["\u{10FFFF}x"]))
}

pub(super) async fn a_partition_contains_no_items_of_others<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.fill(&["1", "2"]).await?;
    for neighbour in [format!("{}0", bench.partition), format!("{}#", bench.partition), "z".to_owned()] {
        let key = crate::item::Key::new(neighbour, "1");
        bench.table.transact(vec![Write::create(key, json_body("1"))]).await?;
    }
    same("the items", &bench.range(Range::All).await?, &owned(&["1", "2"]))
}

pub(super) async fn a_page_of_large_items_ends_early_and_continues<T: Table>(bench: &Bench<T>) -> Outcome {
    let names: Vec<String> = (0..8).map(|number| format!("{number}")).collect();
    for pair in names.chunks(4) {
        let create = |name: &String| Write::create(bench.key(name), Body::Bytes(vec![7; 300_000]));
        bench.table.transact(pair.iter().map(create).collect()).await?;
    }
    let page = bench.table.query(&Query::forward(&bench.partition, Range::All, 100)).await?;
    holds("a page of megabytes ends early", page.items.len() < names.len() && page.next.is_some())?;
    same("all pages", &bench.range(Range::All).await?, &names)
}
