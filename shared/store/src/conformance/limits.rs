//! The limits of the interface, each exactly met and exceeded by one.

use super::bench::{Bench, Outcome, holds, json_body, refused, same};
use crate::error::StoreError;
use crate::item::{Body, Key};
use crate::limits::{
    ITEM_OVERHEAD_BYTES, MAX_ITEM_BYTES, MAX_KEYS, MAX_PAGE_ITEMS, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES,
    MAX_TRANSACTION_BYTES, MAX_WRITES,
};
use crate::query::{Query, Range};
use crate::table::Table;
use crate::write::{DeleteExpect, Expect, Write};

pub(super) async fn keys_have_a_length_limit<T: Table>(bench: &Bench<T>) -> Outcome {
    // Lengths are in bytes: é has two.
    let longest = Key::new(
        format!("{}{}", bench.partition, "é".repeat((MAX_PARTITION_KEY_BYTES - bench.partition.len()) / 2)),
        "é".repeat(MAX_SORT_KEY_BYTES / 2),
    );
    bench.table.transact(vec![Write::create(longest.clone(), json_body("1"))]).await?;
    holds("the longest key is found", bench.table.get(&longest).await?.is_some())?;
    let page = bench.table.query(&Query::forward(&longest.pk, Range::Prefix(longest.sk.clone()), 1)).await?;
    same("the items of the longest prefix", &page.items.len(), &1)?;
    let bad = [
        Key::new("", "1"),
        Key::new(&bench.partition, ""),
        Key::new(format!("{}éé", longest.pk), "1"),
        Key::new(&bench.partition, format!("{}é", longest.sk)),
    ];
    let is_expected = |error: &StoreError| {
        matches!(
            error,
            StoreError::EmptyKey | StoreError::PartitionKeyTooLong { .. } | StoreError::SortKeyTooLong { .. }
        )
    };
    for key in bad {
        refused("a get", bench.table.get(&key).await, is_expected)?;
        refused("a get of many", bench.table.get_many(std::slice::from_ref(&key)).await, is_expected)?;
        let writes = [
            Write::create(key.clone(), json_body("1")),
            Write::Delete { key: key.clone(), expect: DeleteExpect::Any },
            Write::Check { key, expect: Expect::Absent },
        ];
        for write in writes {
            refused("a write", bench.table.transact(vec![write]).await, is_expected)?;
        }
    }
    Ok(())
}

pub(super) async fn a_transaction_has_a_size_limit<T: Table>(bench: &Bench<T>) -> Outcome {
    refused("no write", bench.table.transact(Vec::new()).await, |error| matches!(error, StoreError::NoWrites))?;
    let create = |number: usize| Write::create(bench.key(&format!("{number:03}")), json_body("1"));
    let too_many = bench.table.transact((0..=MAX_WRITES).map(create).collect()).await;
    refused("one write too many", too_many, |error| matches!(error, StoreError::TooManyWrites { writes: 101 }))?;
    same("what it wrote", &bench.get("000").await?, &None)?;
    let versions = bench.table.transact((0..MAX_WRITES).map(create).collect()).await?;
    same("the versions of the most writes", &versions.len(), &MAX_WRITES)?;
    holds("each has a version", versions.iter().all(Option::is_some))?;

    // Texts, and slightly below the limit for the passing case, since emulators measure the request and not its items.
    let large = |number: usize, bytes: usize| {
        let key = bench.key(&format!("large {number:02}"));
        let body = Body::Json("1".repeat(bytes - key.bytes() - ITEM_OVERHEAD_BYTES));
        Write::create(key, body)
    };
    let part = MAX_TRANSACTION_BYTES / 16;
    let over = (0..16).map(|number| large(number, part + usize::from(number == 15))).collect();
    let is_expected = |error: &StoreError| matches!(error, StoreError::TransactionTooLarge { .. });
    refused("one byte too many", bench.table.transact(over).await, is_expected)?;
    same("what it wrote", &bench.get("large 00").await?, &None)?;
    bench.table.transact((0..16).map(|number| large(number, part - 4_096)).collect()).await?;
    holds("a transaction of almost four megabytes was written", bench.get("large 15").await?.is_some())
}

pub(super) async fn an_item_has_a_size_limit<T: Table>(bench: &Bench<T>) -> Outcome {
    let room = MAX_ITEM_BYTES - bench.key("A").bytes() - ITEM_OVERHEAD_BYTES;
    let is_expected = |error: &StoreError| matches!(error, StoreError::ItemTooLarge { .. });
    let expires_at = Some(bench.hand.second() + 60);
    // é has two bytes: counting characters would accept twice as much.
    let bodies = [Body::Bytes(vec![1; room]), Body::Json("é".repeat(room / 2))];
    for (body, sort_key) in bodies.into_iter().zip(["A", "B"]) {
        let put = Write::Put { key: bench.key(sort_key), body: body.clone(), expires_at, expect: Expect::Absent };
        bench.table.transact(vec![put]).await?;
        same("the largest item", &bench.get(sort_key).await?.map(|item| item.body), &Some(body))?;
    }
    let over = Write::create(bench.key("C"), Body::Bytes(vec![1; room + 1]));
    refused("one byte too many", bench.table.transact(vec![over]).await, is_expected)?;
    let over = Write::create(bench.key("C"), Body::Json("é".repeat(room / 2 + 1)));
    refused("one character too many", bench.table.transact(vec![over]).await, is_expected)
}

pub(super) async fn no_item_is_named_twice<T: Table>(bench: &Bench<T>) -> Outcome {
    let is_expected = |error: &StoreError| matches!(error, StoreError::SameItemTwice { .. });
    let twice = vec![
        Write::create(bench.key("A"), json_body("1")),
        Write::create(bench.key("B"), json_body("1")),
        Write::Check { key: bench.key("A"), expect: Expect::Absent },
    ];
    refused("a put and a check of one item", bench.table.transact(twice).await, is_expected)?;
    same("what it wrote", &bench.get("B").await?, &None)?;
    let keys = [bench.key("A"), bench.key("A")];
    refused("one key twice", bench.table.get_many(&keys).await, is_expected)
}

pub(super) async fn reads_have_limits<T: Table>(bench: &Bench<T>) -> Outcome {
    let keys: Vec<Key> = (0..=MAX_KEYS).map(|number| bench.key(&number.to_string())).collect();
    let too_many = bench.table.get_many(&keys).await;
    refused("one key too many", too_many, |error| matches!(error, StoreError::TooManyKeys { keys: 101 }))?;
    for limit in [0, MAX_PAGE_ITEMS + 1] {
        let outcome = bench.table.query(&Query::forward(&bench.partition, Range::All, limit)).await;
        refused("a page of that size", outcome, |error| matches!(error, StoreError::PageLimit { .. }))?;
    }
    bench.table.query(&Query::forward(&bench.partition, Range::All, MAX_PAGE_ITEMS)).await?;
    let query = |range| Query::forward(&bench.partition, range, 1);
    let empty = [
        Range::Prefix(String::new()),
        Range::Between(String::new(), "a".into()),
        Range::Between("a".into(), String::new()),
    ];
    for range in empty {
        let outcome = bench.table.query(&query(range)).await;
        refused("an empty end of a range", outcome, |error| matches!(error, StoreError::EmptyKey))?;
    }
    let reversed = bench.table.query(&query(Range::Between("b".into(), "a".into()))).await;
    refused("a reversed range", reversed, |error| matches!(error, StoreError::RangeReversed))?;
    let long = bench.table.query(&query(Range::Prefix("a".repeat(MAX_SORT_KEY_BYTES + 1)))).await;
    refused("a prefix too long", long, |error| matches!(error, StoreError::SortKeyTooLong { .. }))?;
    let nowhere = bench.table.query(&Query::forward("", Range::All, 1)).await;
    refused("an empty partition", nowhere, |error| matches!(error, StoreError::EmptyKey))
}
