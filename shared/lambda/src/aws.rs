//! The shared configuration of AWS clients.
//!
//! It is built directly: the SDK's loader would link profiles, metadata services and STS to find what Lambda already
//! puts into the environment.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use store::Clock;

use crate::configuration::Configuration;

/// The connect timeout of an AWS service.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// One attempt at an operation.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Attempts at an operation, the first included.
const MAX_ATTEMPTS: u32 = 3;

/// A function's configuration with what its engines are made from.
pub struct Aws {
    pub(crate) configuration: Configuration,
    pub(crate) sdk: SdkConfig,
    pub(crate) clock: Clock,
}

impl Aws {
    pub(crate) fn new(configuration: Configuration) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is where the wall clock enters")]
        let clock: Clock = Arc::new(chrono::Utc::now);
        Self { sdk: sdk_config(&configuration), configuration, clock }
    }
}

fn sdk_config(configuration: &Configuration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
    let timeouts = timeouts.operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(configuration.region.clone()))
        .credentials_provider(credentials)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS));
    sdk.set_endpoint_url(configuration.endpoint_url.clone());
    sdk.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_go_where_the_environment_says() {
        let configuration = Configuration {
            endpoint_url: Some("http://127.0.0.1:4566".to_owned()),
            region: "eu-central-1".to_owned(),
            ..Configuration::sample()
        };
        let sdk = sdk_config(&configuration);
        assert_eq!(sdk.region().map(ToString::to_string).as_deref(), Some("eu-central-1"));
        assert_eq!(sdk.endpoint_url(), Some("http://127.0.0.1:4566"));
        assert_eq!(sdk_config(&Configuration::sample()).endpoint_url(), None);
    }
}
