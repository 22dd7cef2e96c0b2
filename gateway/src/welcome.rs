//! What the program prints when it starts: where it listens, and commands to try.

use std::net::SocketAddr;

use crate::platform::Platform;

/// Where the platform listens, where it keeps data, where prices come from, and what to try.
#[must_use]
pub fn text(address: SocketAddr, platform: &Platform) -> String {
    let (version, home) = (env!("CARGO_PKG_VERSION"), platform.home().path().display());
    let (prices, symbol) = (&platform.prices, &platform.example);
    format!(
        "Sextant {version} listens on http://{address}\n\
         Data is kept in {home}\n\
         Prices come from {prices}\n\
         Try, in another terminal:\n\n\
         {}\
         curl -f -H \"$AUTH\" -L -o {symbol}.pdf \"$URL/report/{symbol}?format=pdf\"\n\n\
         Ctrl-C stops it.\n",
        sign_in(&format!("http://{address}"))
    )
}

/// The commands of a shell that register a customer at this address, sign in, and set `URL`, `JSON` and `AUTH`. README
/// shows the same ones.
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
