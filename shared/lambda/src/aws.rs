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
use aws_sdk_dynamodb::config::{RuntimeComponents, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
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
        .http_client(http_client(TlsContext::default()))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS));
    sdk.set_endpoint_url(configuration.endpoint_url.clone());
    sdk.build()
}

/// The HTTP client of all AWS clients: the SDK's own, with *ring* in place of AWS-LC.
pub(crate) fn http_client(tls: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector =
            ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{Config, Credentials};
    use aws_sdk_dynamodb::operation::list_tables::ListTablesOutput;
    use aws_smithy_http_client::tls::TrustStore;
    use rustls::version::{TLS12, TLS13};

    use super::*;
    use crate::tls_server::serve;

    /// A call of a server on this machine: its answer, or everything that the SDK says about the error.
    async fn list_tables(tls: TlsContext, port: u16) -> Result<ListTablesOutput, String> {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(format!("https://localhost:{port}"))
            .http_client(http_client(tls))
            .build();
        Client::from_conf(config).list_tables().send().await.map_err(|error| format!("{error:?}"))
    }

    #[tokio::test]
    async fn a_client_speaks_tls_1_2_and_1_3_with_a_server_that_it_trusts() {
        for version in [&TLS12, &TLS13] {
            let (address, authority) = serve("localhost", version).await;
            let trusted = TrustStore::empty().with_pem_certificate(authority);
            let tls = TlsContext::builder().with_trust_store(trusted).build().unwrap();
            let answered = list_tables(tls, address.port()).await;
            assert!(answered.is_ok(), "{version:?}: {answered:?}");
            let refused = list_tables(TlsContext::default(), address.port()).await.unwrap_err();
            assert!(refused.contains("UnknownIssuer"), "{version:?}: {refused}");
        }
    }

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
