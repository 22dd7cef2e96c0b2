//! The table of the expected status of every route for every role.

/// The statuses without a token, for a client, an advisor and an administrator.
pub type Statuses = [u16; 4];

/// The expected statuses of a route.
pub enum Expected {
    /// Its path names no object.
    Alone(Statuses),
    /// Its path names an object: the caller's own, another customer's, and a missing one.
    Object { own: Statuses, others: Statuses, missing: Statuses },
}

pub const fn all_roles(status: u16) -> Statuses {
    [status; 4]
}

pub const fn signed_in(status: u16) -> Statuses {
    [401, status, status, status]
}

pub const fn administrators(status: u16) -> Statuses {
    [401, 403, 403, status]
}

pub const fn object(own: Statuses, others: Statuses, missing: Statuses) -> Expected {
    Expected::Object { own, others, missing }
}

/// Objects that only their owner can see.
pub const fn own(status: u16) -> Expected {
    object(signed_in(status), signed_in(404), signed_in(404))
}

pub const fn alone(statuses: Statuses) -> Expected {
    Expected::Alone(statuses)
}

pub const EXPECTED: &[(&str, Expected)] = &[
    ("GET /", alone(all_roles(200))),
    ("GET /alerts", alone(signed_in(200))),
    ("POST /alerts", alone(signed_in(201))),
    ("GET /alerts/{id}", own(200)),
    ("DELETE /alerts/{id}", own(204)),
    ("GET /alerts/{id}/history", own(200)),
    ("GET /backtest", alone(signed_in(200))),
    ("POST /backtest", alone(signed_in(201))),
    ("POST /backtest/check", alone(signed_in(200))),
    ("GET /backtest/{id}", own(200)),
    ("PATCH /backtest/{id}", own(200)),
    ("DELETE /backtest/{id}", own(204)),
    ("GET /customers", alone(administrators(200))),
    ("POST /customers", alone(all_roles(201))),
    ("POST /customers/email-verification", alone(signed_in(202))),
    // An unknown token.
    ("POST /customers/email-verification/confirm", alone(all_roles(403))),
    ("GET /customers/me", alone(signed_in(200))),
    ("PATCH /customers/me", alone(signed_in(200))),
    ("POST /customers/me/erasure", alone(signed_in(204))),
    ("GET /customers/me/export", alone(signed_in(200))),
    ("GET /customers/me/overview", alone(signed_in(200))),
    ("PUT /customers/me/password", alone(signed_in(204))),
    // An unknown token.
    ("PUT /customers/password", alone(all_roles(403))),
    ("POST /customers/password-reset", alone(all_roles(202))),
    ("GET /customers/{id}", object(administrators(200), administrators(200), administrators(404))),
    ("PATCH /customers/{id}", object(administrators(200), administrators(200), administrators(404))),
    // Market prices are public, which is used for "own" here.
    ("GET /docs", alone(all_roles(200))),
    ("GET /docs/{file}", object(all_roles(200), all_roles(200), all_roles(200))),
    ("GET /fetch-data/{symbol}", own(200)),
    ("GET /health", alone(all_roles(200))),
    ("GET /openapi.json", alone(all_roles(200))),
    ("GET /instruments", alone(signed_in(200))),
    ("POST /instruments", alone(signed_in(201))),
    ("GET /instruments/{symbol}", own(200)),
    ("PATCH /instruments/{symbol}", own(200)),
    // It is on their watchlist.
    ("DELETE /instruments/{symbol}", own(409)),
    ("PUT /instruments/{symbol}/prices", own(200)),
    ("POST /live-tickets", alone(signed_in(201))),
    // Without a key.
    ("GET /operations", alone(signed_in(422))),
    ("GET /portfolios", alone(signed_in(200))),
    ("POST /portfolios", alone(signed_in(201))),
    ("GET /portfolios/{id}", own(200)),
    ("PATCH /portfolios/{id}", own(200)),
    ("DELETE /portfolios/{id}", own(204)),
    ("GET /portfolios/{id}/activities", own(200)),
    ("POST /portfolios/{id}/activities", own(201)),
    ("GET /portfolios/{id}/activities/export", own(200)),
    ("GET /portfolios/{id}/activities/{activity_id}", own(200)),
    ("PATCH /portfolios/{id}/activities/{activity_id}", own(200)),
    ("DELETE /portfolios/{id}/activities/{activity_id}", own(204)),
    ("GET /portfolios/{id}/activities/{activity_id}/versions", own(200)),
    ("GET /portfolios/{id}/cash", own(200)),
    ("GET /portfolios/{id}/gains", own(200)),
    ("GET /portfolios/{id}/holdings", own(200)),
    ("GET /portfolios/{id}/investments", own(200)),
    ("POST /portfolios/{id}/investments", own(201)),
    ("GET /portfolios/{id}/investments/export", own(200)),
    ("POST /portfolios/{id}/investments/import", own(200)),
    ("GET /portfolios/{id}/investments/{investment_id}", own(200)),
    ("PATCH /portfolios/{id}/investments/{investment_id}", own(200)),
    ("DELETE /portfolios/{id}/investments/{investment_id}", own(204)),
    ("GET /portfolios/{id}/performance", own(200)),
    ("GET /portfolios/{id}/trades", own(200)),
    ("POST /portfolios/{id}/trades", own(201)),
    ("GET /portfolios/{id}/trades/{trade_id}", own(200)),
    ("GET /predict/{symbol}", own(200)),
    ("GET /predict/{symbol}/history", own(200)),
    // Without a valid symbol.
    ("GET /quotes", alone(signed_in(422))),
    ("GET /report/{symbol}", own(200)),
    ("GET /report/{symbol}/chart.svg", own(200)),
    ("GET /sessions", alone(signed_in(200))),
    ("POST /sessions", alone(all_roles(201))),
    ("DELETE /sessions", alone(signed_in(204))),
    ("DELETE /sessions/current", alone(signed_in(204))),
    ("GET /sessions/{id}", own(200)),
    ("GET /wallet", alone(signed_in(200))),
    ("POST /wallet/deposits", alone(signed_in(201))),
    ("GET /wallet/entries", alone(signed_in(200))),
    ("GET /wallet/entries/{id}", own(200)),
    ("POST /wallet/entries/{id}/reversal", object(administrators(201), administrators(201), administrators(404))),
    ("POST /wallet/withdrawals", alone(signed_in(201))),
    ("GET /watchlist", alone(signed_in(200))),
    ("GET /watchlist/{symbol}", own(200)),
    ("PUT /watchlist/{symbol}", own(200)),
    ("DELETE /watchlist/{symbol}", own(204)),
];

/// The expectation for a route.
pub fn of(route: &str) -> &'static Expected {
    let found = EXPECTED.iter().find(|(known, _)| *known == route);
    let (_, expected) = found.unwrap_or_else(|| panic!("{}", unknown(route)));
    expected
}

fn unknown(route: &str) -> String {
    format!(
        "POLICIES has {route}, and the table EXPECTED in tests/it/policies/expected.rs has not. Add a line: what an anonymous caller, a client, \
         an advisor and an administrator are answered, and, where the path names an object, each of these for one's own, \
         for another's and for a missing one. A route that wants a body has it in `body`; an id of a new kind is one of \
         `Things`; what ends the caller's session is one of LAST_CALLS, what uses its object up one of USED_UP."
    )
}
