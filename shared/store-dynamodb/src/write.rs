//! Writing items: conditions, single writes, transactions.

use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use chrono::{DateTime, Utc};
use store::item::has_expired;
use store::retry::{Retry, Retryable, retry};
use store::{DeleteExpect, Expect, Key, StoreError, Version, Write};

use crate::DynamoTable;
use crate::attributes::{self, Attributes};
use crate::conditions::Condition;
use crate::errors::{Meaning, failure, meaning};

/// How long a write waits for a table that is busy, or for another transaction on the same item.
const BUSY_DEADLINE: Duration = Duration::from_secs(2);

/// A write with the version that it will leave.
struct Planned<'a> {
    write: &'a Write,
    version: Option<Version>,
    condition: Option<Condition>,
}

impl Planned<'_> {
    /// The attributes that a put leaves; `mark` says that this very write left them.
    fn item(&self, mark: Option<&str>) -> Option<Attributes> {
        match (self.write, self.version) {
            (Write::Put { key, body, expires_at, .. }, Some(version)) => {
                Some(attributes::item(key, body, version, *expires_at, mark))
            }
            _ => None,
        }
    }
}

/// An error of one attempt: only a busy table is asked again here, with fresh versions. Lost races are the caller's.
struct Attempt(StoreError);

impl Retryable for Attempt {
    fn is_retryable(&self) -> bool {
        matches!(self.0, StoreError::Throttled)
    }
}

impl DynamoTable {
    pub(crate) async fn write_all(&self, writes: &[Write]) -> Result<Vec<Option<Version>>, StoreError> {
        retry(Retry::within(BUSY_DEADLINE), || async { self.attempt(writes).await.map_err(Attempt) })
            .await
            .map_err(|Attempt(error)| error)
    }

    async fn attempt(&self, writes: &[Write]) -> Result<Vec<Option<Version>>, StoreError> {
        let now = (self.clock)();
        let planned = self.plan(writes, now);
        match planned.as_slice() {
            [only @ Planned { write: Write::Put { .. }, .. }] => self.put(only, now).await?,
            [Planned { write: Write::Delete { key, .. }, condition, .. }] => {
                self.delete(key, condition.as_ref()).await?;
            }
            _ => self.write_together(&planned, now).await?,
        }
        Ok(planned.iter().map(|planned| planned.version).collect())
    }

    fn plan<'a>(&self, writes: &'a [Write], now: DateTime<Utc>) -> Vec<Planned<'a>> {
        let creates = |write: &Write| matches!(write, Write::Put { expect: Expect::Absent, .. });
        // One version dates all that a transaction creates.
        let created = writes.iter().any(creates).then(|| self.versions.creation(now));
        let plan = |write: &'a Write| match write {
            Write::Put { expect: Expect::Absent, .. } => {
                let condition = created.map(|version| Condition::replaceable(version, now));
                Planned { write, version: created, condition }
            }
            Write::Put { expect: Expect::Version(replaced), .. } => {
                let version = self.versions.update(now, *replaced);
                Planned { write, version: Some(version), condition: Some(Condition::at_version(*replaced, now)) }
            }
            Write::Check { expect: Expect::Absent, .. } => {
                Planned { write, version: None, condition: Some(Condition::absent(now)) }
            }
            Write::Check { expect: Expect::Version(version), .. }
            | Write::Delete { expect: DeleteExpect::Version(version), .. } => {
                self.versions.seen(*version);
                Planned { write, version: None, condition: Some(Condition::at_version(*version, now)) }
            }
            Write::Delete { expect: DeleteExpect::Any, .. } => Planned { write, version: None, condition: None },
        };
        writes.iter().map(plan).collect()
    }

    /// A conditional put. The client sends it again if a response is lost; the mark then shows that the existing item
    /// was written by the first attempt, which is not a conflict.
    async fn put(&self, planned: &Planned<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mark = format!("{:016x}", rand::random::<u64>());
        let item = planned.item(Some(&mark));
        let mut call = self.client.put_item().table_name(&self.name).set_item(item);
        call = call.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(condition) = &planned.condition {
            call = call
                .condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names()))
                .set_expression_attribute_values(Some(condition.values()));
        }
        match call.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                let found = match error.err() {
                    PutItemError::ConditionalCheckFailedException(failed) => failed.item(),
                    _ => None,
                };
                match found {
                    Some(found) if attributes::is_marked(found, &mark) => Ok(()),
                    found => Err(self.unmet(0, planned, found, now)),
                }
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// A conditional delete. Sent again after a lost answer it finds nothing and is a conflict: the caller reads again.
    async fn delete(&self, key: &Key, condition: Option<&Condition>) -> Result<(), StoreError> {
        let mut call = self.client.delete_item().table_name(&self.name).set_key(Some(attributes::key(key)));
        if let Some(condition) = condition {
            call = call
                .condition_expression(condition.expression)
                .set_expression_attribute_names(Some(condition.names()))
                .set_expression_attribute_values(Some(condition.values()));
        }
        match call.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), DeleteItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(StoreError::Conflict { write: 0 })
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// A transaction. The client gives it a token, so that sending it again after a lost answer writes nothing twice.
    async fn write_together(&self, planned: &[Planned<'_>], now: DateTime<Utc>) -> Result<(), StoreError> {
        let items = planned.iter().map(|planned| self.transact_item(planned)).collect::<Result<Vec<_>, _>>();
        let items = items.map_err(StoreError::refused)?;
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) => match error.err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    Err(self.cancelled(planned, cancelled.cancellation_reasons(), now).unwrap_or_else(|| {
                        StoreError::refused(cancelled.message().unwrap_or("cancelled for no reason given").to_owned())
                    }))
                }
                _ => Err(failure(SdkError::ServiceError(error))),
            },
            Err(error) => Err(failure(error)),
        }
    }

    /// Why a transaction was cancelled: an expectation before all else, then a busy table.
    fn cancelled(
        &self,
        planned: &[Planned<'_>],
        reasons: &[CancellationReason],
        now: DateTime<Utc>,
    ) -> Option<StoreError> {
        let coded = || reasons.iter().map(|reason| reason.code().unwrap_or_default());
        let unmet = coded().position(|code| code == "ConditionalCheckFailed");
        if let Some((index, planned)) = unmet.and_then(|index| Some((index, planned.get(index)?))) {
            return Some(self.unmet(index, planned, reasons[index].item(), now));
        }
        coded().any(|code| meaning(code) == Meaning::Busy).then_some(StoreError::Throttled)
    }

    /// An expectation that did not hold, unless all that was in the way is an expired item of a version not below ours:
    /// then the next attempt, dated after it, replaces it.
    fn unmet(&self, write: usize, planned: &Planned<'_>, found: Option<&Attributes>, now: DateTime<Utc>) -> StoreError {
        let creates = matches!(planned.write, Write::Put { expect: Expect::Absent, .. });
        if let Some(found) = found.filter(|_| creates) {
            if let Some(version) = attributes::version(found) {
                self.versions.seen(version);
            }
            if has_expired(attributes::expires_at(found), now) {
                return StoreError::Throttled;
            }
        }
        StoreError::Conflict { write }
    }

    fn transact_item(&self, planned: &Planned<'_>) -> Result<TransactWriteItem, BuildError> {
        let condition = planned.condition.as_ref();
        let expression = condition.map(|condition| condition.expression.to_owned());
        let names = condition.map(Condition::names);
        let values = condition.map(Condition::values);
        let reveal = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        Ok(match planned.write {
            Write::Put { .. } => {
                let put = Put::builder()
                    .table_name(&self.name)
                    .set_item(planned.item(None))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(reveal);
                item.put(put.build()?).build()
            }
            Write::Delete { key, .. } => {
                let delete = Delete::builder()
                    .table_name(&self.name)
                    .set_key(Some(attributes::key(key)))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.delete(delete.build()?).build()
            }
            Write::Check { key, .. } => {
                let check = ConditionCheck::builder()
                    .table_name(&self.name)
                    .set_key(Some(attributes::key(key)))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.condition_check(check.build()?).build()
            }
        })
    }
}
