//! Work before the first event, so that the event need not wait for it.

use std::time::Duration;

use app::App;
use store::Key;

/// If connecting takes longer, the first event connects.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Opens the connection to the table by reading an absent item, so that it is open for the first event. If the store
/// does not respond, the first event will report it.
pub async fn open_connection(app: &App) {
    let key = Key { pk: "WARMUP#-".to_owned(), sk: "-".to_owned() };
    let read = tokio::time::timeout(TIMEOUT, app.table().get(&key)).await;
    if !matches!(read, Ok(Ok(_))) {
        tracing::debug!("the store did not respond while the function started");
    }
}
