//! Makes the application out of AWS's services.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use market::{Provider, Sample};
use objects_s3::S3Objects;
use services::{App, Parts};
use store::{Clock, Key, Table};
use store_dynamodb::DynamoTable;

use crate::alpha_vantage_key::LateAlphaVantage;
use crate::configuration::Configuration;

/// A service of AWS that has not taken the connection by now is asked again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// One attempt at an operation; the SDK makes up to three.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that takes longer is left to the first event.
const WARM_UP_TIMEOUT: Duration = Duration::from_millis(500);

/// The application of this process.
pub async fn app(configuration: &Configuration) -> App {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
    let timeouts = timeouts.operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    // Lambda hands credentials over in the environment; the default chain would look elsewhere too.
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let aws = aws_config::defaults(BehaviorVersion::latest());
    let aws = aws.credentials_provider(credentials).timeout_config(timeouts).load().await;
    #[expect(clippy::disallowed_methods, reason = "this is where the wall clock enters")]
    let clock: Clock = Arc::new(chrono::Utc::now);
    let dynamo = aws_sdk_dynamodb::Client::new(&aws);
    let table: Arc<dyn Table> = Arc::new(DynamoTable::new(dynamo, &configuration.table_name, clock.clone()));
    let s3 = aws_sdk_s3::Client::new(&aws);
    let objects = Arc::new(S3Objects::new(s3, &configuration.bucket_name, clock.clone()));
    let provider: Arc<dyn Provider> = match &configuration.alpha_vantage_key_parameter {
        None => Arc::new(Sample::new()),
        Some(parameter) => Arc::new(LateAlphaVantage::new(
            aws_sdk_ssm::Client::new(&aws),
            parameter.clone(),
            configuration.alpha_vantage_url.clone(),
            table.clone(),
            clock.clone(),
        )),
    };
    App::new(Parts { table, objects, provider, clock })
}

/// Opens the connection to the table by reading an item that is not there, so that the first event
/// finds it open. The store may not answer: then the first event will say so.
pub async fn warm_up(app: &App) {
    let key = Key { pk: "WARMUP#-".to_owned(), sk: "-".to_owned() };
    let read = tokio::time::timeout(WARM_UP_TIMEOUT, app.table().get(&key)).await;
    if !matches!(read, Ok(Ok(_))) {
        tracing::debug!("the store did not answer while the function started");
    }
}
