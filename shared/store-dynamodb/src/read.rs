//! Reading items, strongly consistent.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use store::limits::MAX_PAGE_BYTES;
use store::retry::{Retry, retry};
use store::{Direction, Item, Key, Page, Query, Range, StoreError};

use crate::DynamoTable;
use crate::attributes::{self, Attributes, text};
use crate::errors::failure;

/// How long keys that a batch left out are asked for again.
const BATCH_DEADLINE: Duration = Duration::from_secs(3);

impl DynamoTable {
    pub(crate) async fn get_item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let call = self.client.get_item().table_name(&self.name).set_key(Some(attributes::key(key)));
        let answer = call.consistent_read(true).send().await.map_err(failure)?;
        answer.item.map_or(Ok(None), |found| self.live(found))
    }

    pub(crate) async fn batch_get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let places: HashMap<&Key, usize> = keys.iter().enumerate().map(|(place, key)| (key, place)).collect();
        let mut items = vec![None; keys.len()];
        let mut wanted: Vec<Attributes> = keys.iter().map(attributes::key).collect();
        while !wanted.is_empty() {
            let (found, left) = retry(Retry::within(BATCH_DEADLINE), || self.batch_get_some(wanted.clone())).await?;
            for item in found {
                if let Some(slot) = places.get(&item.key).and_then(|&place| items.get_mut(place)) {
                    *slot = Some(item);
                }
            }
            wanted = left;
        }
        Ok(items)
    }

    /// Some of the keys, and those that are left. A batch that brought nothing at all is a throttled one.
    async fn batch_get_some(&self, wanted: Vec<Attributes>) -> Result<(Vec<Item>, Vec<Attributes>), StoreError> {
        let asked = wanted.len();
        let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
        let request = request.map_err(StoreError::refused)?;
        let call = self.client.batch_get_item().request_items(&self.name, request);
        let answer = call.send().await.map_err(failure)?;
        let left = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name));
        let left = left.map_or_else(Vec::new, |left| left.keys);
        if left.len() >= asked {
            return Err(StoreError::Throttled);
        }
        let found = answer.responses.and_then(|mut tables| tables.remove(&self.name)).unwrap_or_default();
        let live: Vec<Option<Item>> = found.into_iter().map(|found| self.live(found)).collect::<Result<_, _>>()?;
        Ok((live.into_iter().flatten().collect(), left))
    }

    pub(crate) async fn query_page(&self, query: &Query, after: Option<String>) -> Result<Page, StoreError> {
        let mut start = after.map(|sort_key| attributes::key(&Key::new(&query.partition, sort_key)));
        let (mut found, mut bytes) = (Vec::new(), 0);
        loop {
            // One more than the page holds shows whether a next page is worth a cursor.
            let room = query.limit + 1 - found.len();
            let (items, last) = self.query_some(query, room, start).await?;
            for item in items {
                bytes += item.key.bytes() + item.body.len();
                found.push(item);
            }
            if last.is_none() || found.len() > query.limit || bytes >= MAX_PAGE_BYTES {
                return Ok(query.page(found, last.is_some()));
            }
            start = last;
        }
    }

    /// The live ones of at most `limit` items, and where the next ones start.
    async fn query_some(
        &self,
        query: &Query,
        limit: usize,
        start: Option<Attributes>,
    ) -> Result<(Vec<Item>, Option<Attributes>), StoreError> {
        let call = self.client.query().table_name(&self.name).consistent_read(true).limit(limit as i32);
        let call = call.set_exclusive_start_key(start).scan_index_forward(query.direction == Direction::Forward);
        let call = call.expression_attribute_values(":pk", text(&query.partition));
        let call = match &query.range {
            Range::All => call.key_condition_expression("pk = :pk"),
            Range::Prefix(prefix) => call
                .key_condition_expression("pk = :pk AND begins_with(sk, :from)")
                .expression_attribute_values(":from", text(prefix)),
            Range::Between(from, to) => call
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":to", text(to)),
        };
        let answer = call.send().await.map_err(failure)?;
        let found = answer.items.unwrap_or_default();
        let live: Vec<Option<Item>> = found.into_iter().map(|found| self.live(found)).collect::<Result<_, _>>()?;
        Ok((live.into_iter().flatten().collect(), answer.last_evaluated_key))
    }

    /// The item of these attributes unless it has expired.
    fn live(&self, found: Attributes) -> Result<Option<Item>, StoreError> {
        let item = attributes::read(found)?;
        self.versions.seen(item.version);
        Ok(Some(item).filter(|item| !item.is_expired((self.clock)())))
    }
}
