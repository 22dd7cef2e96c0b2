//! Reading whole lists.

use store::keys::List;
use store::{Direction, Item, Query, StoreError};

use crate::App;

/// Reads all items of a list, in the order of their sort keys.
pub async fn read_all(app: &App, list: List) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let query = Query {
            partition: list.partition.clone(),
            range: list.range.clone(),
            limit: store::limits::MAX_PAGE_ITEMS,
            cursor,
            direction: Direction::Forward,
        };
        let page = app.table().query(&query).await?;
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(items);
        }
    }
}
