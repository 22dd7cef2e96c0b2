//! The messages of one connection, from the ticket that opens it to its end.

use std::collections::{BTreeMap, BTreeSet};

use app::App;
use app::error::ServiceError;
use domain::Symbol;
use identity::authorization;
use market_data::{MarketData, tracked_symbols};
use store::retry::{Retry, retry};
use store::{StoreError, keys};

use super::connections::{self, Connection};
use super::delivery::send;
use super::messages::{LiveError, Message, Request, too_many_symbols};
use super::outgoing::{QuoteTexts, Quotes};
use super::subscriptions::{self, AddResult};
use super::tickets::{self, Grant};
use super::{MAX_SYMBOLS, closing, snapshot};

/// The largest message that is read, in bytes. API Gateway accepts no larger frame either.
pub const MAX_FRAME_BYTES: usize = 32 << 10;
/// The code of an unknown symbol. Custom instruments have no quotes and are unknown here.
const UNKNOWN_SYMBOL: &str = "unknown_symbol";

/// Opens a connection with its ticket; `false` if the ticket is not valid or its session has ended.
///
/// Nothing can be sent to the connection before this returns. Beyond [`super::MAX_CONNECTIONS`] the oldest connection
/// of the customer is closed, so that connections which a client has lost do not keep it out for two hours.
pub async fn connect(market: &MarketData, id: &str, ticket: &str) -> Result<bool, ServiceError> {
    let Some(grant) = tickets::take(&market.app, ticket).await? else { return Ok(false) };
    let opened = open(market, id, &grant).await;
    if opened.is_err() {
        // The write may have succeeded although its answer was lost. What cannot be deleted now expires.
        if let Err(error) = connections::delete(&market.app, id).await {
            tracing::warn!(connection = id, %error, "failed to delete the items of a connection that was refused");
        }
    }
    opened
}

/// Stores the connection, and checks at the end that it is still stored. API Gateway cannot close a connection that it
/// is still opening, so a session that ended meanwhile has not closed it.
async fn open(market: &MarketData, id: &str, grant: &Grant) -> Result<bool, ServiceError> {
    if !connections::open(&market.app, id, grant).await? {
        return Ok(false);
    }
    closing::make_room(&market.app, grant.customer_id, id).await?;
    Ok(connections::find(&market.app, id).await?.is_some())
}

/// Deletes the items of a connection that has ended.
pub async fn disconnect(app: &App, id: &str) -> Result<(), ServiceError> {
    connections::delete(app, id).await
}

/// Handles a message of a connection and replies to it.
///
/// Errors: the store's. The client is asked to send the message again, and the connection stays open.
pub async fn receive(market: &MarketData, id: &str, text: &str) -> Result<(), ServiceError> {
    let handled = handle(market, id, text).await;
    if handled.is_err() {
        let error = LiveError::new("unavailable", "the message could not be handled; send it again in a moment");
        send(&market.app, id, &error.text()?.into()).await;
    }
    match handled {
        // Concurrent messages of one connection that keep losing races against each other.
        Err(ServiceError::Store(StoreError::Conflict { .. })) => Ok(()),
        handled => handled,
    }
}

async fn handle(market: &MarketData, id: &str, text: &str) -> Result<(), ServiceError> {
    let connection = match admit(&market.app, id, text).await? {
        Ok(connection) => connection,
        Err(error) => return closing::end(&market.app, id, &error).await,
    };
    if authorization::authorize_session(&market.app, &connection.session).await?.is_err() {
        return closing::end(&market.app, id, &closing::session_ended()).await;
    }
    match Request::parse(text) {
        Ok(Request::Subscribe { symbols, batch }) => subscribe(market, id, connection, symbols, batch).await?,
        Ok(Request::Unsubscribe(symbols)) => {
            subscriptions::unlist(&market.app, id, &symbols).await?;
            send(&market.app, id, &Message::Unsubscribed { symbols: &symbols }.text()?.into()).await;
        }
        Ok(Request::Ping) => drop(send(&market.app, id, &Message::Pong.text()?.into()).await),
        Err(error) => drop(send(&market.app, id, &error.text()?.into()).await),
    }
    Ok(())
}

/// Takes a token of the rate limiter for a message. The inner error closes the connection.
async fn admit(app: &App, id: &str, text: &str) -> Result<Result<Connection, LiveError>, ServiceError> {
    if text.len() > MAX_FRAME_BYTES {
        return Ok(Err(LiveError::new(
            "message_too_large",
            format!("a message can have at most {MAX_FRAME_BYTES} bytes"),
        )));
    }
    let too_fast =
        || LiveError::new("too_many_messages", "messages are sent faster than the limit; slow down and connect again");
    let admitted = retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some((connection, version)) = connections::find(app, id).await? else {
            return Ok(Err(LiveError::new("not_connected", "the server does not know this connection; connect again")));
        };
        let Some(bucket) = connection.bucket.take(app.now()) else { return Ok(Err(too_fast())) };
        let connection = Connection { bucket, ..connection };
        app.table().transact(vec![connections::replaced_by(id, &connection, version)?]).await?;
        Ok::<_, ServiceError>(Ok(connection))
    });
    admitted.await
}

/// Subscribes: sends the snapshot, lists the connection under the symbols, then sends the quotes that came in between.
/// Each quote is therefore in the snapshot, found by the second read, or pushed because it was published after the
/// listing.
async fn subscribe(
    market: &MarketData,
    id: &str,
    connection: Connection,
    requested: BTreeSet<Symbol>,
    batch: bool,
) -> Result<(), ServiceError> {
    let (wanted, unknown) = find_known(&market.app, requested).await?;
    if connection.symbols.union(&wanted).count() > MAX_SYMBOLS {
        send(&market.app, id, &too_many_symbols().text()?.into()).await;
        return Ok(());
    }
    match tracked_symbols::track_unverified(market, connection.customer_id, &wanted).await {
        Err(error @ ServiceError::LimitReached { .. }) => {
            send(&market.app, id, &LiveError::new("limit_reached", error.to_string()).text()?.into()).await;
            return Ok(());
        }
        tracked => tracked?,
    }
    match subscriptions::add_symbols(&market.app, id, &wanted).await? {
        AddResult::Added => {}
        AddResult::TooMany => {
            send(&market.app, id, &too_many_symbols().text()?.into()).await;
            return Ok(());
        }
        AddResult::Gone => return Ok(()),
    }
    let mut snapshot = snapshot::take(market, &wanted).await?;
    snapshot.unavailable.extend(unknown);
    let quotes = snapshot.quotes.values().collect();
    if !send(&market.app, id, &Message::Snapshot { quotes, unavailable: &snapshot.unavailable }.text()?.into()).await {
        // Without a snapshot the client would not have the prices that do not change. It has to subscribe again.
        return Ok(());
    }
    if !subscriptions::list(&market.app, id, &wanted, batch).await? {
        return Ok(());
    }
    let wanted: Vec<_> = wanted.into_iter().collect();
    let mut newer = Quotes::default();
    for (symbol, quote) in snapshot::read_quotes(market, &wanted).await? {
        if snapshot.quotes.get(&symbol).is_none_or(|seen| quote.seq > seen.seq) {
            newer.push(&QuoteTexts::of(&quote)?, batch);
        }
    }
    for text in newer.into_texts() {
        if !send(&market.app, id, &text).await {
            break;
        }
    }
    Ok(())
}

/// The symbols that can have quotes, and the code of each that cannot: custom instruments, and symbols that a provider
/// has reported as unknown within the last day.
async fn find_known(
    app: &App,
    requested: BTreeSet<Symbol>,
) -> Result<(BTreeSet<Symbol>, BTreeMap<Symbol, &'static str>), ServiceError> {
    let (custom, listed): (BTreeSet<_>, BTreeSet<_>) = requested.into_iter().partition(Symbol::is_custom);
    let unknown_keys: Vec<_> = listed.iter().map(keys::unknown_symbol).collect();
    let marks = app.table().get_many(&unknown_keys).await?;
    let mut unknown: BTreeMap<_, _> = custom.into_iter().map(|symbol| (symbol, UNKNOWN_SYMBOL)).collect();
    let mut wanted = BTreeSet::new();
    for (symbol, mark) in listed.into_iter().zip(marks) {
        match mark {
            Some(_) => drop(unknown.insert(symbol, UNKNOWN_SYMBOL)),
            None => drop(wanted.insert(symbol)),
        }
    }
    Ok((wanted, unknown))
}
