//! What a function does before its first event, so that the event need not wait for it.

use std::time::Duration;

use app::App;
use store::Key;

/// A connection that takes longer is left to the first event.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Opens the connection to the table by reading an item that is not there, so that the first event
/// finds it open. The store may not answer: then the first event will say so.
pub async fn open_connection(app: &App) {
    let key = Key { pk: "WARMUP#-".to_owned(), sk: "-".to_owned() };
    let read = tokio::time::timeout(TIMEOUT, app.table().get(&key)).await;
    if !matches!(read, Ok(Ok(_))) {
        tracing::debug!("the store did not answer while the function started");
    }
}
