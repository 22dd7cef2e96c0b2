//! The one suite of every engine: an engine is right when all of it passes.
//!
//! An engine's tests implement [`Server`] and call [`run`]. Expiry is tested without waiting: the
//! engine's clock is set back while it makes a link, whose time is then over for the server.

use std::time::Duration;

use async_trait::async_trait;
use domain::CustomerId;
use url::Url;
use uuid::Uuid;

use crate::{Link, LinkOptions, ObjectError, ObjectKey, Objects};

/// The answer to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, empty unless the status is 200.
    pub content_type: String,
    /// `Content-Disposition`, empty unless the status is 200.
    pub content_disposition: String,
    /// The body.
    pub body: Vec<u8>,
}

/// An engine under test, with what answers its links.
#[async_trait]
pub trait Server: Send + Sync {
    /// The engine.
    fn objects(&self) -> &dyn Objects;

    /// Sets the engine's clock back by this much against that of the server that answers links.
    fn set_clock_back(&self, by: Duration);

    /// Follows a link.
    async fn fetch(&self, url: &str) -> Answer;

    /// The names of the query's parameters that carry expiry, file name and signature.
    fn link_parameters(&self) -> [&'static str; 3];
}

/// Runs the suite. `run` must differ between runs against a store that keeps its objects; links
/// that are to work live for `lifetime`.
///
/// # Panics
/// When the engine breaks its contract.
pub async fn run(server: &impl Server, run: u64, lifetime: Duration) -> Result<(), ObjectError> {
    bytes_come_back_as_they_were_put(server, &Keys::of(run, 1)).await?;
    unfit_objects_and_lifetimes_are_refused(server, &Keys::of(run, 2)).await?;
    a_link_downloads_the_object_as_an_attachment(server, &Keys::of(run, 3), lifetime).await?;
    a_link_stops_at_its_hour(server, &Keys::of(run, 4), lifetime).await?;
    an_altered_link_is_refused(server, &Keys::of(run, 5), lifetime).await?;
    a_link_to_an_erased_object_finds_nothing(server, &Keys::of(run, 6), lifetime).await
}

/// Keys that no other test and no other run uses.
struct Keys {
    run: u64,
    test: u64,
}

impl Keys {
    fn of(run: u64, test: u64) -> Self {
        Self { run, test }
    }

    fn nth(&self, number: u8) -> ObjectKey {
        let customer = CustomerId(Uuid::from_u64_pair(self.run, self.test));
        let key = ObjectKey::new("reports", customer, [number; 16], "pdf");
        key.unwrap_or_else(|error| unreachable!("a literal key: {error}"))
    }
}

fn options(lifetime: Duration, filename: &str) -> LinkOptions {
    LinkOptions { lifetime, filename: filename.to_owned() }
}

async fn bytes_come_back_as_they_were_put(server: &impl Server, keys: &Keys) -> Result<(), ObjectError> {
    let (objects, key, neighbour) = (server.objects(), keys.nth(1), keys.nth(2));
    assert_eq!(objects.get(&key).await?, None, "nothing is there at first");
    let every_byte: Vec<u8> = (0..=u8::MAX).cycle().take(300_000).collect();
    objects.put(&key, every_byte.clone(), "application/pdf").await?;
    assert_eq!(objects.get(&key).await?, Some(every_byte), "the bytes are unchanged");
    assert_eq!(objects.get(&neighbour).await?, None, "a neighbour is another object");

    objects.put(&key, b"second".to_vec(), "text/plain").await?;
    assert_eq!(objects.get(&key).await?, Some(b"second".to_vec()), "a second put replaces the first");
    objects.put(&neighbour, Vec::new(), "text/plain").await?;
    assert_eq!(objects.get(&neighbour).await?, Some(Vec::new()), "an empty object is an object");

    objects.delete(&key).await?;
    assert_eq!(objects.get(&key).await?, None, "an erased object is gone");
    assert_eq!(objects.get(&neighbour).await?, Some(Vec::new()), "and only that one");
    objects.delete(&key).await?;
    objects.delete(&neighbour).await
}

async fn unfit_objects_and_lifetimes_are_refused(server: &impl Server, keys: &Keys) -> Result<(), ObjectError> {
    let (objects, key) = (server.objects(), keys.nth(1));
    let refused = objects.put(&key, b"x".to_vec(), "text/plain\r\nX-Evil: 1").await;
    assert!(matches!(refused, Err(ObjectError::ContentType)), "{refused:?}");
    assert_eq!(objects.get(&key).await?, None, "what is refused is not stored");
    for lifetime in [Duration::ZERO, Duration::from_hours(8 * 24)] {
        let refused = objects.link(&key, options(lifetime, "a.pdf")).await;
        assert!(matches!(refused, Err(ObjectError::Lifetime { .. })), "{refused:?}");
    }
    Ok(())
}

async fn a_link_downloads_the_object_as_an_attachment(
    server: &impl Server,
    keys: &Keys,
    lifetime: Duration,
) -> Result<(), ObjectError> {
    let (objects, key) = (server.objects(), keys.nth(1));
    objects.put(&key, b"%PDF-1.7".to_vec(), "application/pdf").await?;
    for filename in ["AAPL 2012 & more.pdf", "Börse.pdf", "a\"\r\nb.pdf"] {
        let link = objects.link(&key, options(lifetime, filename)).await?;
        let answer = server.fetch(&link.url).await;
        let expected = Answer {
            status: 200,
            content_type: "application/pdf".to_owned(),
            content_disposition: crate::attachment(filename),
            body: b"%PDF-1.7".to_vec(),
        };
        assert_eq!(answer, expected, "{filename:?}");
    }
    Ok(())
}

async fn a_link_stops_at_its_hour(server: &impl Server, keys: &Keys, lifetime: Duration) -> Result<(), ObjectError> {
    let (objects, key) = (server.objects(), keys.nth(1));
    objects.put(&key, b"x".to_vec(), "text/plain").await?;
    let fresh = objects.link(&key, options(lifetime, "a.txt")).await?;
    let past = lifetime + Duration::from_secs(2);
    server.set_clock_back(past);
    let stale = objects.link(&key, options(lifetime, "a.txt")).await;
    server.set_clock_back(Duration::ZERO);
    let stale = stale?;
    let apart = (fresh.expires_at - stale.expires_at).num_seconds();
    assert!(apart.abs_diff(past.as_secs() as i64) <= 1, "expires_at follows the clock: {apart}");
    assert_eq!(server.fetch(&fresh.url).await.status, 200, "before its hour");
    assert_eq!(server.fetch(&stale.url).await.status, 403, "after its hour");
    Ok(())
}

async fn an_altered_link_is_refused(server: &impl Server, keys: &Keys, lifetime: Duration) -> Result<(), ObjectError> {
    let (objects, key, other) = (server.objects(), keys.nth(1), keys.nth(2));
    objects.put(&key, b"mine".to_vec(), "text/plain").await?;
    objects.put(&other, b"not mine".to_vec(), "text/plain").await?;
    let Link { url, .. } = objects.link(&key, options(lifetime, "a.txt")).await?;
    assert_eq!(server.fetch(&url).await.status, 200, "as it was made");

    let elsewhere = url.replace(key.as_str(), other.as_str());
    assert_ne!(elsewhere, url, "the key stands in the link");
    assert_eq!(server.fetch(&elsewhere).await.status, 403, "another object");
    for parameter in server.link_parameters() {
        let altered = with_altered(&url, parameter);
        assert_eq!(server.fetch(&altered).await.status, 403, "altered {parameter}: {altered}");
    }
    Ok(())
}

async fn a_link_to_an_erased_object_finds_nothing(
    server: &impl Server,
    keys: &Keys,
    lifetime: Duration,
) -> Result<(), ObjectError> {
    let (objects, key) = (server.objects(), keys.nth(1));
    let early = objects.link(&key, options(lifetime, "a.txt")).await?;
    assert_eq!(server.fetch(&early.url).await.status, 404, "before the object exists");
    objects.put(&key, b"x".to_vec(), "text/plain").await?;
    assert_eq!(server.fetch(&early.url).await.status, 200, "while it exists");
    objects.delete(&key).await?;
    assert_eq!(server.fetch(&early.url).await.status, 404, "after it was erased");
    Ok(())
}

/// The link with one character of this parameter's value changed.
fn with_altered(url: &str, parameter: &str) -> String {
    let mut altered = Url::parse(url).unwrap_or_else(|error| unreachable!("an engine's link: {error}"));
    let pairs: Vec<(String, String)> = altered.query_pairs().into_owned().collect();
    assert!(pairs.iter().any(|(name, _)| name == parameter), "{parameter} stands in {url}");
    altered.query_pairs_mut().clear().extend_pairs(pairs.into_iter().map(|(name, value)| {
        let value = if name == parameter { with_another_character(&value) } else { value };
        (name, value)
    }));
    altered.into()
}

fn with_another_character(value: &str) -> String {
    let position = value.rfind(|c: char| c.is_ascii_alphanumeric()).unwrap_or(0);
    let (before, after) = value.split_at(position);
    let mut rest = after.chars();
    let another = if rest.next() == Some('2') { '3' } else { '2' };
    format!("{before}{another}{}", rest.as_str())
}
