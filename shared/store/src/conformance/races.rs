//! Concurrent changes.

use std::time::Duration;

use futures::future::{join_all, try_join_all};

use super::bench::{Bench, Outcome, Reason, holds, json_body, same};
use crate::documents;
use crate::error::StoreError;
use crate::item::{Key, Version};
use crate::retry::{Retry, retry};
use crate::table::Table;
use crate::write::Write;

/// Enough retries for the last of all competitors.
pub(super) fn patient() -> Retry {
    Retry { tries: 200, ..Retry::within(Duration::from_mins(1)) }
}

/// A number that must exist, and its version.
pub(super) async fn number(table: &dyn Table, key: &Key) -> Result<(i64, Version), StoreError> {
    documents::read(table, key).await?.ok_or_else(|| StoreError::corrupt(key, "the item is missing"))
}

pub(super) async fn no_concurrent_increment_is_lost<T: Table>(bench: &Bench<T>) -> Outcome {
    const RIVALS: i64 = 8;
    const EACH: i64 = 5;
    bench.create("count", "0").await?;
    let key = bench.key("count");
    let increment = async || {
        let (count, version) = number(&*bench.table, &key).await?;
        documents::put(&*bench.table, key.clone(), &(count + 1), Some(version)).await
    };
    let rival = async || {
        for _ in 0..EACH {
            retry(patient(), &increment).await?;
        }
        Ok::<_, Reason>(())
    };
    try_join_all((0..RIVALS).map(|_| rival())).await?;
    same("the count", &number(&*bench.table, &key).await?.0, &(RIVALS * EACH))
}

pub(super) async fn of_concurrent_creations_one_wins<T: Table>(bench: &Bench<T>) -> Outcome {
    let create = |json: String| async move {
        loop {
            let write = Write::create(bench.key("only"), json_body(&json));
            match bench.table.transact(vec![write]).await {
                Err(StoreError::Throttled) => {}
                other => return (json, other),
            }
        }
    };
    let outcomes = join_all((0..10).map(|number| create(number.to_string()))).await;
    let mut winners = Vec::new();
    for (json, outcome) in outcomes {
        match outcome {
            Ok(_) => winners.push(json),
            Err(StoreError::Conflict { write: 0 }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    same("the number of winners", &winners.len(), &1)?;
    same("the stored item", &bench.json("only").await?.as_ref(), &winners.first())
}

/// Eight tasks move single units between four accounts in transactions of two writes. The total never changes and no
/// account falls below zero.
pub(super) async fn transfers_keep_the_total<T: Table>(bench: &Bench<T>) -> Outcome {
    const ACCOUNTS: usize = 4;
    let keys: Vec<Key> = (0..ACCOUNTS).map(|account| bench.key(&format!("account {account}"))).collect();
    bench.table.transact(keys.iter().map(|key| Write::create(key.clone(), json_body("5"))).collect()).await?;
    let table: &dyn Table = &*bench.table;
    let transfer = |from: usize, to: usize| {
        let (from, to) = (keys[from % ACCOUNTS].clone(), keys[to % ACCOUNTS].clone());
        async move {
            let (have, from_version) = number(table, &from).await?;
            let (has, to_version) = number(table, &to).await?;
            if have == 0 {
                return Ok(());
            }
            let less = Write::update(from.clone(), documents::body(&from, &(have - 1))?, from_version);
            let more = Write::update(to.clone(), documents::body(&to, &(has + 1))?, to_version);
            table.transact(vec![less, more]).await.map(|_| ())
        }
    };
    let rival = |seed: usize| {
        let transfer = &transfer;
        async move {
            for step in 0..5 {
                retry(patient(), || transfer(seed + step, seed + step + 1 + seed % 3)).await?;
            }
            Ok::<_, Reason>(())
        }
    };
    try_join_all((0..8).map(rival)).await?;
    let mut total = 0;
    for key in &keys {
        let (units, _) = number(table, key).await?;
        holds("no account is below zero", units >= 0)?;
        total += units;
    }
    same("the total", &total, &20)
}
