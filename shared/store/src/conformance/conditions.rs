//! Expectations of writes, and the fate of a transaction when one fails.

use super::bench::{Bench, Outcome, conflicts, holds, json_body, only_version, same};
use crate::item::{Body, Version};
use crate::table::Table;
use crate::write::{DeleteExpect, Expect, Write};

pub(super) async fn an_item_is_read_as_it_was_written<T: Table>(bench: &Bench<T>) -> Outcome {
    let key = bench.key("S#é \u{1F4C8} \" \\");
    let json = json_body("{\"amount\":\"1234.50\",\"name\":\"Žižek \\u0000 \u{1F4C8}\"}");
    let expires_at = Some(bench.hand.second() + 60);
    let put = Write::Put { key: key.clone(), body: json.clone(), expires_at, expect: Expect::Absent };
    let version = only_version(&bench.table.transact(vec![put]).await?)?;
    let Some(item) = bench.table.get(&key).await? else {
        return holds("the item is there", false);
    };
    same("the key", &item.key, &key)?;
    same("the body", &item.body, &json)?;
    same("the version", &item.version, &version)?;
    same("the expiry", &item.expires_at, &expires_at)?;
    same("an absent item", &bench.get("other").await?, &None)
}

pub(super) async fn every_byte_value_is_preserved<T: Table>(bench: &Bench<T>) -> Outcome {
    for (sort_key, bytes) in [("all", (0..=255).collect::<Vec<u8>>()), ("none", Vec::new())] {
        let body = Body::Bytes(bytes);
        bench.table.transact(vec![Write::create(bench.key(sort_key), body.clone())]).await?;
        same("the body", &bench.get(sort_key).await?.map(|item| item.body), &Some(body))?;
    }
    bench.create("empty", "").await?;
    same("an empty text", &bench.json("empty").await?.as_deref(), &Some(""))
}

pub(super) async fn an_item_is_created_once<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.create("A", "1").await?;
    let again = bench.table.transact(vec![Write::create(bench.key("A"), json_body("2"))]).await;
    conflicts("creating it again", again, 0)?;
    same("the body", &bench.json("A").await?.as_deref(), &Some("1"))
}

pub(super) async fn an_update_needs_the_current_version<T: Table>(bench: &Bench<T>) -> Outcome {
    let first = bench.create("A", "1").await?;
    let update = |version| vec![Write::update(bench.key("A"), json_body("2"), version)];
    let second = only_version(&bench.table.transact(update(first)).await?)?;
    holds("the version grows", second > first)?;
    for wrong in [first, Version(second.0 + 1), Version(0), Version(u64::MAX)] {
        conflicts("an update at another version", bench.table.transact(update(wrong)).await, 0)?;
    }
    let missing = Write::update(bench.key("B"), json_body("2"), second);
    conflicts("an update of nothing", bench.table.transact(vec![missing]).await, 0)?;
    same("the version", &bench.get("A").await?.map(|item| item.version), &Some(second))
}

pub(super) async fn a_delete_needs_the_current_version_or_accepts_any<T: Table>(bench: &Bench<T>) -> Outcome {
    let delete = |expect| vec![Write::Delete { key: bench.key("A"), expect }];
    let version = bench.create("A", "1").await?;
    let wrong = DeleteExpect::Version(Version(version.0 + 1));
    conflicts("a delete at another version", bench.table.transact(delete(wrong)).await, 0)?;
    holds("the item still exists", bench.get("A").await?.is_some())?;
    let deleted = bench.table.transact(delete(DeleteExpect::Version(version))).await?;
    same("the versions of a delete", &deleted, &vec![None])?;
    same("the deleted item", &bench.get("A").await?, &None)?;
    conflicts("deleting it again", bench.table.transact(delete(DeleteExpect::Version(version))).await, 0)?;
    bench.table.transact(delete(DeleteExpect::Any)).await?;
    bench.create("A", "2").await?;
    bench.table.transact(delete(DeleteExpect::Any)).await?;
    same("an item deleted at any version", &bench.get("A").await?, &None)
}

pub(super) async fn a_check_changes_nothing_and_can_fail_the_transaction<T: Table>(bench: &Bench<T>) -> Outcome {
    let version = bench.create("A", "1").await?;
    let check = |sort_key: &str, expect| Write::Check { key: bench.key(sort_key), expect };
    let alone = bench.table.transact(vec![check("A", Expect::Version(version))]).await?;
    same("the versions of a check", &alone, &vec![None])?;
    conflicts("a lone check", bench.table.transact(vec![check("A", Expect::Absent)]).await, 0)?;
    let put = || Write::create(bench.key("B"), json_body("1"));
    let stopped = bench.table.transact(vec![put(), check("A", Expect::Absent)]).await;
    conflicts("a check of absence", stopped, 1)?;
    same("the write that the check prevented", &bench.get("B").await?, &None)?;
    let passed = vec![put(), check("A", Expect::Version(version)), check("C", Expect::Absent)];
    bench.table.transact(passed).await?;
    same("the version of the checked item", &bench.get("A").await?.map(|item| item.version), &Some(version))?;
    same("the absence of the checked item", &bench.get("C").await?, &None)
}

pub(super) async fn a_failed_transaction_writes_nothing<T: Table>(bench: &Bench<T>) -> Outcome {
    let kept = bench.create("kept", "1").await?;
    let changed = bench.create("changed", "1").await?;
    let writes = vec![
        Write::create(bench.key("new"), json_body("2")),
        Write::update(bench.key("changed"), json_body("2"), changed),
        Write::Delete { key: bench.key("kept"), expect: DeleteExpect::Version(kept) },
        Write::create(bench.key("changed too"), json_body("2")),
        Write::update(bench.key("missing"), json_body("2"), kept),
    ];
    conflicts("the transaction", bench.table.transact(writes).await, 4)?;
    same("the item to create", &bench.get("new").await?, &None)?;
    same("the item to change", &bench.json("changed").await?.as_deref(), &Some("1"))?;
    same("its version", &bench.get("changed").await?.map(|item| item.version), &Some(changed))?;
    same("the item to delete", &bench.json("kept").await?.as_deref(), &Some("1"))
}

pub(super) async fn a_conflict_names_the_first_write_that_failed<T: Table>(bench: &Bench<T>) -> Outcome {
    bench.create("A", "1").await?;
    bench.create("B", "1").await?;
    let create = |sort_key: &str| Write::create(bench.key(sort_key), json_body("2"));
    conflicts("the first of two", bench.table.transact(vec![create("A"), create("X")]).await, 0)?;
    conflicts("the second of two", bench.table.transact(vec![create("X"), create("A")]).await, 1)?;
    let both = vec![create("X"), create("A"), create("Y"), create("B")];
    conflicts("two of four", bench.table.transact(both).await, 1)?;
    same("the other item", &bench.get("X").await?, &None)
}

pub(super) async fn versions_follow_the_clock_and_never_decrease<T: Table>(bench: &Bench<T>) -> Outcome {
    let mut version = bench.create("A", "0").await?;
    for step in [0, 0, 1, 60_000, -3_600_000, 0, 7_200_000] {
        bench.hand.move_by(step);
        let now = Version::at((bench.hand.clock())());
        let update = Write::update(bench.key("A"), json_body("1"), version);
        let next = only_version(&bench.table.transact(vec![update]).await?)?;
        same("the version after a step of the clock", &next, &now.max(version.successor()))?;
        version = next;
    }
    same("the version read", &bench.get("A").await?.map(|item| item.version), &Some(version))
}

pub(super) async fn a_recreated_item_never_repeats_a_version<T: Table>(bench: &Bench<T>) -> Outcome {
    let mut last = Version(0);
    // The clock stands still, then goes back: neither may repeat a version.
    for step in [0, 0, 0, -60_000, 0] {
        bench.hand.move_by(step);
        let version = bench.create("A", "1").await?;
        holds("a recreated item has a later version", version > last)?;
        let update = Write::update(bench.key("A"), json_body("2"), version);
        last = only_version(&bench.table.transact(vec![update]).await?)?;
        let delete = Write::Delete { key: bench.key("A"), expect: DeleteExpect::Any };
        bench.table.transact(vec![delete]).await?;
        let stale = Write::update(bench.key("A"), json_body("3"), last);
        conflicts("an update of a deleted item", bench.table.transact(vec![stale]).await, 0)?;
    }
    Ok(())
}

pub(super) async fn items_are_returned_in_the_order_of_their_keys<T: Table>(bench: &Bench<T>) -> Outcome {
    for sort_key in ["1", "2", "3"] {
        bench.create(sort_key, sort_key).await?;
    }
    let keys = ["3", "missing", "1", "2", "missing too"].map(|sort_key| bench.key(sort_key));
    let found = bench.table.get_many(&keys).await?;
    let bodies: Vec<Option<Body>> = found.into_iter().map(|item| item.map(|item| item.body)).collect();
    let expected = [Some("3"), None, Some("1"), Some("2"), None].map(|json| json.map(json_body));
    same("the items", &bodies, &expected.to_vec())?;
    same("the items of no key", &bench.table.get_many(&[]).await?, &Vec::new())?;
    let hundred: Vec<_> = (0..100).map(|number| bench.key(&format!("n{number}"))).collect();
    same("a hundred absent items", &bench.table.get_many(&hundred).await?, &vec![None; 100])
}
