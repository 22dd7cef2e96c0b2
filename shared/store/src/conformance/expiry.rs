//! An expired item is absent, whether or not it has been removed.

use super::bench::{Bench, Outcome, Reason, conflicts, holds, json_body, only_version, same};
use crate::item::Version;
use crate::query::{Query, Range};
use crate::table::Table;
use crate::write::{DeleteExpect, Expect, Write};

impl<T: Table> Bench<T> {
    /// Creates an item that expires after `seconds`.
    async fn create_for(&self, sort_key: &str, seconds: i64) -> Result<Version, Reason> {
        let expires_at = Some(self.hand.second() + seconds);
        let body = json_body("1");
        let put = Write::Put { key: self.key(sort_key), body, expires_at, expect: Expect::Absent };
        only_version(&self.table.transact(vec![put]).await?)
    }
}

pub(super) async fn an_expired_item_is_absent_to_every_read<T: Table>(bench: &Bench<T>) -> Outcome {
    for (sort_key, seconds) in [("A", 10), ("B", 20), ("C", 10), ("D", 30)] {
        bench.create_for(sort_key, seconds).await?;
    }
    bench.create("E", "1").await?;
    let listed = async || -> Result<Vec<String>, Reason> {
        let mut query = Query::forward(&bench.partition, Range::All, 2);
        let mut found = Vec::new();
        loop {
            let page = bench.table.query(&query).await?;
            found.extend(page.items.into_iter().map(|item| item.key.sk));
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(found),
            }
        }
    };
    bench.hand.move_by(9_999);
    holds("an item lives until its second", bench.get("A").await?.is_some())?;
    same("the list before", &listed().await?.join(" ").as_str(), &"A B C D E")?;
    bench.hand.move_by(1);
    same("the item at its second", &bench.get("A").await?, &None)?;
    let many = bench.table.get_many(&["A", "B", "C"].map(|sort_key| bench.key(sort_key))).await?;
    let there: Vec<bool> = many.iter().map(Option::is_some).collect();
    same("which of many exist", &there, &vec![false, true, false])?;
    same("the list after", &listed().await?.join(" ").as_str(), &"B D E")?;
    let first = bench.table.query(&Query::forward(&bench.partition, Range::All, 1)).await?;
    same("the first page", &first.items.first().map(|item| item.key.sk.as_str()), &Some("B"))?;
    let last = bench.table.query(&Query::backward(&bench.partition, Range::Between("A".into(), "C".into()), 5)).await?;
    same("the items of a range", &last.items.len(), &1)?;
    same("the page after the last", &last.next, &None)
}

pub(super) async fn an_expired_item_is_absent_to_every_expectation<T: Table>(bench: &Bench<T>) -> Outcome {
    let version = bench.create_for("A", 10).await?;
    bench.hand.move_by(10_000);
    let key = || bench.key("A");
    let update = Write::update(key(), json_body("2"), version);
    conflicts("an update of it", bench.table.transact(vec![update.clone()]).await, 0)?;
    let other = Write::create(bench.key("B"), json_body("2"));
    conflicts("an update of it among others", bench.table.transact(vec![other.clone(), update]).await, 1)?;
    let check = Write::Check { key: key(), expect: Expect::Version(version) };
    conflicts("a check of its version", bench.table.transact(vec![check]).await, 0)?;
    let delete = Write::Delete { key: key(), expect: DeleteExpect::Version(version) };
    conflicts("a delete of its version", bench.table.transact(vec![delete]).await, 0)?;
    bench.table.transact(vec![Write::Check { key: key(), expect: Expect::Absent }]).await?;
    bench.table.transact(vec![other, Write::create(key(), json_body("3"))]).await?;
    same("the item that replaced it", &bench.json("A").await?.as_deref(), &Some("3"))?;
    same("its expiry", &bench.get("A").await?.and_then(|item| item.expires_at), &None)
}

pub(super) async fn a_recreated_expired_item_never_repeats_a_version<T: Table>(bench: &Bench<T>) -> Outcome {
    let mut last = Version(0);
    let long_ago = Some(bench.hand.second() - 1_000);
    for step in [0, 0, 100_000, -50_000] {
        bench.hand.move_by(step);
        // Already expired when written, so that the clock need not pass the version.
        let body = json_body("1");
        let put = Write::Put { key: bench.key("A"), body, expires_at: long_ago, expect: Expect::Absent };
        let version = only_version(&bench.table.transact(vec![put]).await?)?;
        holds("the version grows over an expired one", version > last)?;
        same("an item written expired", &bench.get("A").await?, &None)?;
        last = version;
    }
    Ok(())
}

pub(super) async fn an_update_can_move_and_remove_the_expiry<T: Table>(bench: &Bench<T>) -> Outcome {
    let first = bench.create_for("A", 10).await?;
    let later = Some(bench.hand.second() + 1_000);
    let put = |expires_at, version| {
        vec![Write::Put { key: bench.key("A"), body: json_body("2"), expires_at, expect: Expect::Version(version) }]
    };
    let second = only_version(&bench.table.transact(put(later, first)).await?)?;
    bench.hand.move_by(500_000);
    same("the moved expiry", &bench.get("A").await?.and_then(|item| item.expires_at), &later)?;
    bench.table.transact(put(None, second)).await?;
    bench.hand.move_by(100_000_000);
    holds("the item does not expire", bench.get("A").await?.is_some())
}
