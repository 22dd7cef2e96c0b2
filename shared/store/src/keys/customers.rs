//! Keys of customers: accounts, sessions, exports, backtests, reports, stored responses.

use domain::{CustomerId, Email};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Kind, List, ONLY, hex, sha256_hex};
use crate::item::Key;
use crate::query::Range;

/// A customer's profile, password, role, and the epoch of their sessions. It has a partition of its own, so that what
/// writes a customer's other items need not have access to it.
#[must_use]
pub fn profile(customer: CustomerId) -> Key {
    Kind::Profile.only(customer.0)
}

/// The same where earlier versions stored it. It moves to [`profile`] when it is next written.
#[must_use]
pub fn legacy_profile(customer: CustomerId) -> Key {
    Kind::LegacyProfile.only(customer.0)
}

/// All items in the partition of a customer's profile: at present, only the profile.
#[must_use]
pub fn profile_items(customer: CustomerId) -> List {
    Kind::Profile.partition_list(customer.0)
}

/// All items in the partition of a customer, which does not have the profile.
#[must_use]
pub fn customer_items(customer: CustomerId) -> List {
    Kind::LegacyProfile.partition_list(customer.0)
}

/// The customer who has an e-mail address.
#[must_use]
pub fn email(email: &Email) -> Key {
    Key::new(format!("EMAIL#{}", sha256_hex(email.as_str())), ONLY)
}

/// The result of a registration with this address and this `Idempotency-Key`.
#[must_use]
pub fn registration_request(email: &Email, key: &str) -> Key {
    // Neither an address nor a key contains a space, so that no other pair gives the same text.
    Key::new(format!("REGISTRATION#{}", sha256_hex(&format!("{email} {key}"))), ONLY)
}

/// The response to the registration of a customer, if it had an `Idempotency-Key`.
#[must_use]
pub fn registration(customer: CustomerId) -> Key {
    Kind::Registration.only(customer.0)
}

/// The failed sign-ins with an address that no customer has; expires.
#[must_use]
pub fn login_attempts(email: &Email) -> Key {
    Key::new(format!("LIMIT#login#{}", sha256_hex(email.as_str())), ONLY)
}

/// A session, by the hash of its token; expires.
#[must_use]
pub fn session(token_sha256: &str) -> Key {
    Key::new(format!("SESSION#{token_sha256}"), ONLY)
}

/// The index item of a session in its customer's partition; expires.
#[must_use]
pub fn session_of(customer: CustomerId, token_sha256: &str) -> Key {
    Kind::Session.key(customer.0, token_sha256)
}

/// All sessions of a customer.
#[must_use]
pub fn sessions(customer: CustomerId) -> List {
    Kind::Session.list(customer.0)
}

/// A one-time token that sets a new password, by its hash; expires.
#[must_use]
pub fn password_token(token_sha256: &str) -> Key {
    Key::new(format!("PASSWORD#{token_sha256}"), ONLY)
}

/// A one-time token that verifies an e-mail address, by its hash; expires.
#[must_use]
pub fn verification_token(token_sha256: &str) -> Key {
    Key::new(format!("VERIFICATION#{token_sha256}"), ONLY)
}

/// The e-mails with a token for one purpose, such as `verification`, that were requested for an address; expires.
#[must_use]
pub fn token_emails(email: &Email, purpose: &str) -> Key {
    // No address has a space, so that no other pair gives the same text.
    Key::new(format!("LIMIT#mail#{}", sha256_hex(&format!("{email} {purpose}"))), ONLY)
}

/// The advisor of a client, in the client's partition.
#[must_use]
pub fn advisor_of(client: CustomerId) -> Key {
    Kind::Advisor.only(client.0)
}

/// A client of an advisor, in the advisor's partition.
#[must_use]
pub fn client_of(advisor: CustomerId, client: CustomerId) -> Key {
    Kind::Client.key(advisor.0, client)
}

/// All clients of an advisor.
#[must_use]
pub fn clients_of(advisor: CustomerId) -> List {
    Kind::Client.list(advisor.0)
}

/// An export of a customer's data.
#[must_use]
pub fn export(customer: CustomerId, id: Uuid) -> Key {
    Kind::Export.key(customer.0, id)
}

/// All exports of a customer, by id; ids increase with time.
#[must_use]
pub fn exports(customer: CustomerId) -> List {
    Kind::Export.list(customer.0)
}

/// The failed password checks of a customer; expires.
#[must_use]
pub fn login_attempts_of(customer: CustomerId) -> Key {
    Key::new(format!("LIMIT#login#{customer}"), ONLY)
}

/// The requests of one kind, such as `report`, that count against a rate limit of a customer; expires.
#[must_use]
pub fn request_count(customer: CustomerId, kind: &str) -> Key {
    Kind::RequestCount.key(customer.0, kind)
}

/// The attempts from one source address, under a name such as `sign-in 192.0.2.7`; expires.
#[must_use]
pub fn source_address(counted: &str) -> Key {
    Key::new(format!("LIMIT#address#{}", sha256_hex(counted)), ONLY)
}

/// The list of administrators whose accounts are not disabled.
#[must_use]
pub fn administrator_index() -> Key {
    Key::new("DIRECTORY#administrators", ONLY)
}

/// A customer's entry in the list of all customers.
#[must_use]
pub fn customer_index_item(customer: CustomerId) -> Key {
    let shard = Sha256::digest(customer.0.as_bytes())[0] >> 4;
    Key::new(format!("DIRECTORY#customers#{shard:x}"), customer.to_string())
}

/// The number of shards of the list of all customers.
pub const CUSTOMER_SHARDS: usize = 16;

/// The shards of the list of all customers.
#[must_use]
pub fn customer_index() -> [List; CUSTOMER_SHARDS] {
    std::array::from_fn(customer_index_shard)
}

/// One of the [`CUSTOMER_SHARDS`] shards of the list of all customers, counted from 0.
#[must_use]
pub fn customer_index_shard(shard: usize) -> List {
    List { partition: format!("DIRECTORY#customers#{shard:x}"), range: Range::All }
}

/// The shards of the list of customers from one id to another, both included; ids increase with time.
#[must_use]
pub fn customer_index_between(first: CustomerId, last: CustomerId) -> [List; CUSTOMER_SHARDS] {
    let range = Range::Between(first.to_string(), last.to_string());
    customer_index().map(|shard| List { range: range.clone(), ..shard })
}

/// The audit events of a customer's account in a month (`202611`), by id; ids increase with time.
#[must_use]
pub fn audits(customer: CustomerId, month: &str) -> List {
    List { partition: format!("AUDIT#{customer}#{month}"), range: Range::All }
}

/// An audit event of a customer's account, in the partition of its month (`202611`).
#[must_use]
pub fn audit(customer: CustomerId, month: &str, id: Uuid) -> Key {
    Key::new(format!("AUDIT#{customer}#{month}"), id.to_string())
}

/// A stored response: of a backtest, in addition to the item that lists it, or of another request with an
/// `Idempotency-Key`.
#[must_use]
pub fn stored_response(customer: CustomerId, id: Uuid) -> Key {
    Kind::Response.key(customer.0, id)
}

/// A backtest that a customer ran.
#[must_use]
pub fn backtest(customer: CustomerId, id: Uuid) -> Key {
    Kind::Backtest.key(customer.0, id)
}

/// All backtests of a customer, by id; ids increase with time.
#[must_use]
pub fn backtests(customer: CustomerId) -> List {
    Kind::Backtest.list(customer.0)
}

/// The backtests of a customer from one id to another, both included.
#[must_use]
pub fn backtests_between(customer: CustomerId, first: Uuid, last: Uuid) -> List {
    let [from, to] = [first, last].map(|id| backtest(customer, id));
    List { partition: from.pk, range: Range::Between(from.sk, to.sk) }
}

/// A report of a customer, by the hash of its JSON.
#[must_use]
pub fn report(customer: CustomerId, sha256: &str) -> Key {
    Kind::Report.key(customer.0, sha256)
}

/// All reports of a customer, by hash.
#[must_use]
pub fn reports(customer: CustomerId) -> List {
    Kind::Report.list(customer.0)
}

/// The outcome of a customer's request with this `Idempotency-Key`.
#[must_use]
pub fn idempotency(customer: CustomerId, key: &str) -> Key {
    // The id has a fixed length, so that no other pair of customer and key gives the same bytes.
    let mut hash = Sha256::new();
    hash.update(customer.0.as_bytes());
    hash.update(key.as_bytes());
    Key::new(format!("IDEMPOTENCY#{}", hex(&hash.finalize())), ONLY)
}
