//! The state after a fault, with an engine behind the wrapper that injects faults.

use super::bench::{Bench, Outcome, Reason, holds, json_body, refused, same};
use super::races::{number, patient};
use crate::documents;
use crate::error::{Remedy, StoreError};
use crate::fault::{Fault, Faulty, Plan};
use crate::item::Key;
use crate::retry::{Retryable, retry};
use crate::table::Table;
use crate::write::Write;

impl<T: Table> Bench<T> {
    fn faulty(&self, plan: Plan) -> Faulty<&dyn Table> {
        Faulty::new(&*self.table, plan)
    }
}

pub(super) async fn a_fault_before_the_commit_writes_nothing<T: Table>(bench: &Bench<T>) -> Outcome {
    let faults = [Fault::Conflict, Fault::Throttle, Fault::ErrorBefore];
    let table = bench.faulty(Plan::scripted(faults.map(Some)));
    let put = || vec![Write::create(bench.key("A"), json_body("1")), Write::create(bench.key("B"), json_body("1"))];
    for fault in faults {
        let outcome = table.transact(put()).await;
        match fault {
            Fault::Conflict => refused("the fault", outcome, |error| matches!(error, StoreError::Conflict { .. }))?,
            Fault::Throttle => refused("the fault", outcome, |error| matches!(error, StoreError::Throttled))?,
            _ => refused("the fault", outcome, |error| error.remedy() == Remedy::AskLater)?,
        }
        same("what it wrote", &(bench.get("A").await?, bench.get("B").await?), &(None, None))?;
    }
    table.transact(put()).await?;
    holds("calls succeed after the last fault", bench.get("B").await?.is_some())
}

pub(super) async fn a_lost_response_keeps_the_writes<T: Table>(bench: &Bench<T>) -> Outcome {
    let table = bench.faulty(Plan::scripted([Some(Fault::ErrorAfter)]));
    let put = || vec![Write::create(bench.key("A"), json_body("1"))];
    refused("the fault", table.transact(put()).await, |error| error.remedy() == Remedy::AskLater)?;
    same("what it wrote", &bench.json("A").await?.as_deref(), &Some("1"))?;
    refused("writing it again", table.transact(put()).await, |error| matches!(error, StoreError::Conflict { write: 0 }))
}

/// An error of a change with a receipt. The change may be retried after any fault, since it looks for the receipt
/// first.
struct WithReceipt(StoreError);

impl Retryable for WithReceipt {
    fn is_retryable(&self) -> bool {
        self.0.remedy() != Remedy::None
    }
}

impl From<StoreError> for WithReceipt {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

/// Adds one and writes a receipt in the same transaction; does nothing if the receipt already exists.
async fn add_once(table: &dyn Table, count: &Key, receipt: &Key) -> Result<(), WithReceipt> {
    if table.get(receipt).await?.is_some() {
        return Ok(());
    }
    let (value, version) = number(table, count).await?;
    let add = Write::update(count.clone(), documents::body(count, &(value + 1))?, version);
    table.transact(vec![Write::create(receipt.clone(), json_body("{}")), add]).await?;
    Ok(())
}

pub(super) async fn a_change_with_a_receipt_happens_once_whatever_fails<T: Table>(bench: &Bench<T>) -> Outcome {
    const CHANGES: i64 = 40;
    bench.create("count", "0").await?;
    let count = bench.key("count");
    let table = bench.faulty(Plan::seeded(20_121_116, 0.5)).with_reads(Plan::seeded(7, 0.1));
    for change in 0..CHANGES {
        let receipt = bench.key(&format!("receipt {change}"));
        retry(patient(), || add_once(&table, &count, &receipt))
            .await
            .map_err(|WithReceipt(error)| Reason::from(error))?;
    }
    same("the count", &number(&*bench.table, &count).await?.0, &CHANGES)
}
