//! S3 against the emulator, whose address comes from the environment, and what needs no server.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::{Client, Config};
use aws_smithy_http_client::Builder;
use chrono::{DateTime, TimeDelta, Utc};
use objects::conformance::{self, Answer, Server};
use objects::{LinkOptions, ObjectError, ObjectKey, Objects};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::S3Objects;

const ENDPOINT: &str = "SEXTANT_TEST_S3_ENDPOINT";
const BUCKET: &str = "SEXTANT_TEST_S3_BUCKET";

struct EmulatedBucket {
    objects: S3Objects,
    behind_seconds: Arc<AtomicI64>,
    browser: reqwest::Client,
}

fn key() -> ObjectKey {
    "reports/00000000-0000-0000-0000-000000000000/000102030405060708090a0b0c0d0e0f.pdf".parse().unwrap()
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

#[expect(clippy::disallowed_methods, reason = "the environment gives the address of the emulator")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the emulator compares links with the wall clock")]
fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}

#[async_trait]
impl Server for EmulatedBucket {
    fn objects(&self) -> &dyn Objects {
        &self.objects
    }

    fn set_clock_back(&self, by: Duration) {
        self.behind_seconds.store(by.as_secs() as i64, Ordering::SeqCst);
    }

    async fn fetch(&self, url: &str) -> Answer {
        let response = self.browser.get(url).send().await.unwrap();
        let status = response.status().as_u16();
        let header = |name| match response.headers().get(name) {
            Some(value) if status == 200 => value.to_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let (content_type, content_disposition) = (header(CONTENT_TYPE), header(CONTENT_DISPOSITION));
        Answer { status, content_type, content_disposition, body: response.bytes().await.unwrap().to_vec() }
    }

    fn link_parameters(&self) -> [&'static str; 3] {
        ["X-Amz-Expires", "response-content-disposition", "X-Amz-Signature"]
    }
}

#[tokio::test]
async fn the_bucket_passes_the_suite_of_all_engines() {
    let (Some(endpoint), Some(bucket)) = (setting(ENDPOINT), setting(BUCKET)) else {
        // Written past the test's captured output: `make test` must see it.
        let _ = std::io::stderr().write_all(b"SKIPPED the suite of objects on S3: no emulator is running\n");
        return;
    };
    let behind_seconds = Arc::new(AtomicI64::new(0));
    let behind = behind_seconds.clone();
    let clock = Arc::new(move || wall_clock() - TimeDelta::seconds(behind.load(Ordering::SeqCst)));
    let objects = S3Objects::new(client(&endpoint), bucket, clock);
    let browser = https::client_builder().no_proxy().build().unwrap();
    let server = EmulatedBucket { objects, behind_seconds, browser };
    conformance::run(&server, rand::random(), Duration::from_mins(1)).await.unwrap();
}

#[tokio::test]
async fn a_link_needs_no_header_that_a_browser_would_not_send() {
    let now = DateTime::from_timestamp_millis(1_700_000_000_900).unwrap();
    let objects = S3Objects::new(client("http://127.0.0.1:9"), "bucket", Arc::new(move || now));
    let options = LinkOptions { lifetime: Duration::from_mins(5), filename: "AAPL.pdf".to_owned() };
    let link = objects.link(&key(), options).await.unwrap();
    assert!(link.url.starts_with(&format!("http://127.0.0.1:9/bucket/{}?", key())), "{}", link.url);
    for part in ["X-Amz-SignedHeaders=host&", "X-Amz-Expires=300&", "X-Amz-Date=20231114T221320Z&"] {
        assert!(link.url.contains(part), "{part} in {}", link.url);
    }
    assert_eq!(link.expires_at.timestamp_millis(), 1_700_000_300_000);
}

#[tokio::test]
async fn a_bucket_out_of_reach_is_worth_another_attempt() {
    let objects = S3Objects::new(client("http://127.0.0.1:9"), "bucket", Arc::new(wall_clock));
    let failed = objects.get(&key()).await;
    assert!(matches!(&failed, Err(error @ ObjectError::Unavailable(_)) if error.is_retryable()), "{failed:?}");
}
