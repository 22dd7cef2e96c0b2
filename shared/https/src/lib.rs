//! HTTP clients whose TLS uses *ring*.
//!
//! reqwest is built without a cryptography provider of its own, so that the programs contain only one. It then takes the
//! provider of the process, and panics if there is none. Therefore every client is made here.

use reqwest::{Client, ClientBuilder};
use rustls::crypto::{CryptoProvider, ring};

/// A builder of HTTP clients. TLS 1.2 and 1.3, and the certificates that the operating system trusts.
#[expect(clippy::disallowed_methods, reason = "the process has a provider here")]
pub fn client_builder() -> ClientBuilder {
    install_provider();
    Client::builder()
}

/// An HTTP client without settings of its own.
///
/// Errors: the certificates that the operating system trusts cannot be read.
pub fn client() -> reqwest::Result<Client> {
    client_builder().build()
}

fn install_provider() {
    if CryptoProvider::get_default().is_none() {
        // If another thread was first, the provider is the same.
        let _ = ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests;
