mod server;

use std::error::Error as _;
use std::net::SocketAddr;

use reqwest::tls::Certificate;
use rustls::version::{TLS12, TLS13};

use super::*;
use server::serve;

const NAME: &str = "prices.example";

/// The status that a server at this address answers, or everything that the error says.
async fn status(builder: ClientBuilder, name: &str, address: SocketAddr) -> Result<u16, String> {
    let client = builder.no_proxy().resolve(name, address).build().unwrap();
    let url = format!("https://{name}:{}/", address.port());
    let error = match client.get(url).send().await {
        Ok(response) => return Ok(response.status().as_u16()),
        Err(error) => error,
    };
    let (mut said, mut source) = (error.to_string(), error.source());
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    Err(said)
}

#[tokio::test]
async fn a_client_speaks_tls_1_2_and_tls_1_3() {
    for version in [&TLS12, &TLS13] {
        let (address, authority) = serve(NAME, version).await;
        let trusted = Certificate::from_pem(authority.as_bytes()).unwrap();
        let builder = client_builder().tls_certs_merge([trusted]);
        assert_eq!(status(builder, NAME, address).await, Ok(204), "{version:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_or_for_another_name_is_refused() {
    let (address, authority) = serve(NAME, &TLS13).await;
    let refused = status(client_builder(), NAME, address).await.unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let builder = client_builder().tls_certs_merge([Certificate::from_pem(authority.as_bytes()).unwrap()]);
    let refused = status(builder, "other.example", address).await.unwrap_err();
    assert!(refused.contains("not valid for name"), "{refused}");
}
