//! The text printed at start-up: where the program listens, and commands to try.

use std::net::{IpAddr, SocketAddr};

use crate::host::Hosts;
use crate::platform::Platform;
use crate::server::local_url;

/// The address, the data folder, the price source, and commands to try.
#[must_use]
pub fn text(address: SocketAddr, platform: &Platform) -> String {
    let (version, home) = (env!("CARGO_PKG_VERSION"), platform.home().path().display());
    let (prices, symbol) = (&platform.prices, &platform.example);
    let (url, exposure) = (local_url(address), exposure(address.ip(), &platform.hosts));
    format!(
        "Sextant {version} listens on {url}\n\
         {exposure}Data is stored in {home}\n\
         Prices come from {prices}\n\
         Try this in another terminal:\n\n\
         {}\
         curl -f -H \"$AUTH\" -L -o {symbol}.pdf \"$URL/report/{symbol}?format=pdf\"\n\n\
         Press Ctrl-C to stop.\n",
        sign_in(&url)
    )
}

/// What the operator must know of an address that other machines can reach; nothing about a loopback address.
fn exposure(bound: IpAddr, hosts: &Hosts) -> String {
    if bound.is_loopback() {
        return String::new();
    }
    format!(
        "Other machines can reach it on {bound}, over plain HTTP: let a proxy terminate TLS in front of it\n\
         It accepts requests for {}; SEXTANT_HOSTS adds host names\n",
        hosts.listed()
    )
}

/// Shell commands that register a customer at this URL, sign in, and set `URL`, `JSON` and `AUTH`. README has the same
/// commands.
#[must_use]
pub fn sign_in(url: &str) -> String {
    format!(
        r#"URL={url} JSON='Content-Type: application/json'
curl -f $URL/customers -H "$JSON" \
  -d '{{"email": "ada@example.com", "password": "correct horse battery", "first_name": "Ada", "last_name": "Lovelace"}}'
TOKEN=$(curl -fsS $URL/sessions -H "$JSON" \
  -d '{{"email": "ada@example.com", "password": "correct horse battery"}}' | sed 's/.*"token":"\([^"]*\).*/\1/')
AUTH="Authorization: Bearer $TOKEN"
"#
    )
}
