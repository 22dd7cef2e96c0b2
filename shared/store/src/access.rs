//! Which function may do what in which partitions: the only list of it.
//!
//! The roles in `template.yaml` are equal to it, which a test checks, and the table that a function gets refuses everything
//! else, so that a missing line fails on one machine too.
//!
//! A function that needs another partition gets one line in [`FUNCTIONS`]. Several functions share the lines of a
//! constant above it, such as [`PRICES`].

use std::collections::BTreeSet;

use Action::{Check, Delete, Get, Put, Read};

/// What a function does in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Reads one item by its key.
    Get,
    /// Reads one item or several by their keys, or lists items.
    Read,
    /// Asserts the state of an item in a transaction.
    Check,
    /// Writes an item.
    Put,
    /// Removes an item.
    Delete,
}

/// What a function may do in the partitions whose keys match a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The pattern; `*` stands for any text.
    pub partitions: &'static str,
    /// The actions.
    pub actions: &'static [Action],
}

/// What a function may not do, and the line that would allow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shared/store/src/access.rs lacks on(\"{partitions}\", &[{action:?}]) for the function {function}")]
pub struct AccessDenied {
    /// The function.
    pub function: String,
    /// What it would do.
    pub action: Action,
    /// The pattern of the partition.
    pub partitions: String,
}

const fn on(partitions: &'static str, actions: &'static [Action]) -> Grant {
    Grant { partitions, actions }
}

/// A function opens its connection by reading an absent item.
const EVERY_FUNCTION: &[Grant] = &[on("WARMUP#-", &[Get])];

/// Reading stored bars and quotes.
const STORED_PRICES: &[Grant] = &[on("BARS#*", &[Read]), on("INSTRUMENT#*", &[Read])];

/// Loading bars and quotes, from a provider if they are stale: leases, call limits and what is stored of the responses.
const PRICES: &[Grant] = &[
    on("BARS#*", &[Read, Put, Delete]),
    on("INSTRUMENT#*", &[Read, Put, Delete]),
    on("JOB#*", &[Get]),
    on("LIMIT#first-looks#*", &[Get, Put]),
    on("QUOTA#*", &[Get, Put]),
];

/// Storing the names of instruments.
const NAMES: &[Grant] = &[on("DIRECTORY#described#*", &[Get, Put])];

/// Registering a symbol for the refresh.
const REGISTRY: &[Grant] = &[on("DIRECTORY#symbols#*", &[Get, Put])];

/// Making forecasts.
const FORECASTS: &[Grant] = &[on("DIRECTORY#awaited#*", &[Get, Put, Delete]), on("FORECAST#*", &[Read, Put])];

/// Requests that are executed once.
const IDEMPOTENCY: &[Grant] = &[on("IDEMPOTENCY#*", &[Get, Put])];

/// Checking a password.
const PASSWORDS: &[Grant] = &[on("LIMIT#address#*", &[Get, Put]), on("LIMIT#login#*", &[Get, Put])];

/// Removing live connections.
const CONNECTIONS: &[Grant] = &[on("CONNECTION#*", &[Get, Delete]), on("LIVE#*", &[Delete])];

/// Changing an account. The profile may still be in the partition of the customer.
const ACCOUNTS: &[Grant] = &[
    on("AUDIT#*", &[Put]),
    on("CUSTOMER#*", &[Read, Check, Put, Delete]),
    on("DIRECTORY#administrators", &[Get, Put]),
    on("DIRECTORY#customers#*", &[Read]),
    on("EMAIL#*", &[Get]),
    on("PROFILE#*", &[Read, Check, Put]),
    on("WALLET#*", &[Read, Put]),
];

/// Sweeping what an erasure removes.
const ERASURE: &[Grant] = &[
    on("ALERTS#*", &[Delete]),
    on("BARS#*#MY:*", &[Read, Delete]),
    on("FOLLOWERS#*", &[Delete]),
    on("PORTFOLIO#*", &[Read, Delete]),
    on("REGISTRATION#*", &[Delete]),
    on("SESSION#*", &[Delete]),
];

/// What each function may do, in addition to [`EVERY_FUNCTION`].
pub const FUNCTIONS: &[(&str, &[&[Grant]])] = &[
    (
        "activities",
        &[
            PRICES,
            NAMES,
            REGISTRY,
            IDEMPOTENCY,
            &[
                // The stored files of a customer: a new one removes the oldest.
                on("CUSTOMER#*", &[Read, Check, Put, Delete]),
                on("FOLLOWERS#*", &[Get, Put]),
                on("PORTFOLIO#*", &[Read, Put, Delete]),
            ],
        ],
    ),
    (
        "authorizer",
        // The profile may still be in the partition of the customer. `last_seen` is written.
        &[&[on("CUSTOMER#*", &[Get]), on("PROFILE#*", &[Get]), on("SESSION#*", &[Get, Put])]],
    ),
    ("backtest", &[PRICES, IDEMPOTENCY, &[on("CUSTOMER#*", &[Read, Check, Put, Delete])]]),
    (
        "customers",
        &[
            ACCOUNTS,
            ERASURE,
            CONNECTIONS,
            PASSWORDS,
            // Registration, the beginning of an erasure, one-time tokens, and the export.
            &[
                on("AUDIT#*", &[Read]),
                on("DIRECTORY#customers#*", &[Put]),
                on("EMAIL#*", &[Put, Delete]),
                on("LIMIT#login#*", &[Delete]),
                on("LIMIT#mail#*", &[Get, Put]),
                on("PASSWORD#*", &[Get, Delete]),
                on("REGISTRATION#*", &[Get, Put]),
                on("VERIFICATION#*", &[Get, Put, Delete]),
            ],
        ],
    ),
    ("fetch-data", &[PRICES]),
    ("health", &[&[on("JOB#*", &[Get])]]),
    (
        "instruments",
        &[
            PRICES,
            NAMES,
            IDEMPOTENCY,
            &[
                on("CUSTOMER#*", &[Read, Check, Put, Delete]),
                on("DIRECTORY#described#*", &[Read]),
                on("DIRECTORY#symbols#*", &[Read]),
                on("PORTFOLIO#*", &[Read]),
                on("SEARCH#*", &[Get, Put]),
            ],
        ],
    ),
    (
        "live",
        &[
            STORED_PRICES,
            &[
                on("CONNECTION#*", &[Get, Check, Put, Delete]),
                on("CUSTOMER#*", &[Read, Check, Put, Delete]),
                on("DIRECTORY#symbols#*", &[Read, Put]),
                on("LIMIT#follow#*", &[Get, Put]),
                on("LIVE#*", &[Read, Put, Delete]),
                on("PROFILE#*", &[Get, Check]),
                on("SESSION#*", &[Get, Check, Put]),
                on("TICKET#*", &[Get, Delete]),
            ],
        ],
    ),
    (
        "operator",
        // Verification replays positions, for which it needs the splits among the prices.
        &[
            PRICES,
            ACCOUNTS,
            ERASURE,
            CONNECTIONS,
            // The beginning of an erasure, the progress of the verification, and the one-time token.
            &[
                on("EMAIL#*", &[Delete]),
                on("JOB#verification", &[Read, Put]),
                on("LIMIT#login#*", &[Delete]),
                on("PASSWORD#*", &[Put]),
                on("PORTFOLIO#*", &[Put]),
            ],
        ],
    ),
    (
        "portfolios",
        &[
            PRICES,
            NAMES,
            REGISTRY,
            IDEMPOTENCY,
            &[
                on("CUSTOMER#*", &[Read, Check, Put, Delete]),
                on("FOLLOWERS#*", &[Get, Put]),
                on("PORTFOLIO#*", &[Read, Check, Put, Delete]),
                on("WALLET#*", &[Read, Check]),
            ],
        ],
    ),
    ("predict", &[PRICES, FORECASTS, &[on("GRADES#*", &[Read])]]),
    (
        "publish-rates",
        &[
            CONNECTIONS,
            &[
                on("ALERTS#*", &[Read, Put, Delete]),
                // On one machine, alerts may be the first to notice a changed file of prices.
                on("BARS#*", &[Read, Put, Delete]),
                on("CUSTOMER#*", &[Read, Check, Put, Delete]),
                on("INSTRUMENT#*", &[Read]),
                on("LIVE#*", &[Read]),
                on("PROFILE#*", &[Read]),
                on("SESSION#*", &[Read]),
            ],
        ],
    ),
    (
        "refresh-prices",
        &[
            PRICES,
            &[
                on("ALERTS#*", &[Read]),
                on("DIRECTORY#awaited#*", &[Read, Put, Delete]),
                on("DIRECTORY#symbols#*", &[Read, Delete]),
                on("FOLLOWERS#*", &[Read, Delete]),
                on("FORECAST#*", &[Read]),
                on("GRADES#*", &[Read, Put]),
                on("JOB#*", &[Read, Put, Delete]),
                on("LIVE#*", &[Read]),
                on("PORTFOLIO#*", &[Read]),
            ],
        ],
    ),
    ("report", &[PRICES, NAMES, FORECASTS, &[on("CUSTOMER#*", &[Read, Put])]]),
    (
        "sessions",
        &[
            CONNECTIONS,
            PASSWORDS,
            &[
                on("AUDIT#*", &[Put]),
                on("CUSTOMER#*", &[Read, Put, Delete]),
                on("EMAIL#*", &[Get]),
                on("PROFILE#*", &[Read, Put]),
                on("SESSION#*", &[Read, Put]),
                on("TICKET#*", &[Put]),
            ],
        ],
    ),
    (
        "trades",
        &[
            PRICES,
            REGISTRY,
            IDEMPOTENCY,
            &[
                on("CUSTOMER#*", &[Get, Check]),
                on("FOLLOWERS#*", &[Get, Put]),
                on("PORTFOLIO#*", &[Read, Put, Delete]),
                on("WALLET#*", &[Get, Put]),
            ],
        ],
    ),
    (
        "wallet",
        &[
            IDEMPOTENCY,
            &[
                on("CUSTOMER#*", &[Get]),
                on("ENTRY#*", &[Get, Put]),
                on("PORTFOLIO#*", &[Get]),
                on("WALLET#*", &[Read, Put]),
            ],
        ],
    ),
    (
        "watch",
        &[
            PRICES,
            NAMES,
            REGISTRY,
            IDEMPOTENCY,
            &[
                on("ALERTS#*", &[Put, Delete]),
                on("CUSTOMER#*", &[Read, Check, Put, Delete]),
                on("FOLLOWERS#*", &[Put, Delete]),
                // Whether the e-mail address is verified.
                on("PROFILE#*", &[Get]),
            ],
        ],
    ),
];

/// Refuses an action of a function on a partition. Errors: [`AccessDenied`], unless a grant allows it.
pub fn require(function: &str, action: Action, partition: &str) -> Result<(), AccessDenied> {
    let of_partition = |grant: &&Grant| matches(grant.partitions, partition);
    if grants(function).filter(of_partition).any(|grant| grant.allows(action)) {
        return Ok(());
    }
    let known = FUNCTIONS.iter().flat_map(|(_, grants)| grants.iter().copied().flatten()).find(of_partition);
    let partitions = known.map_or_else(|| pattern_of(partition), |grant| grant.partitions.to_owned());
    Err(AccessDenied { function: function.to_owned(), action, partitions })
}

/// The patterns of the partitions in which a function may do exactly this.
#[must_use]
pub fn partitions(function: &str, action: Action) -> BTreeSet<&'static str> {
    grants(function).filter(|grant| grant.actions.contains(&action)).map(|grant| grant.partitions).collect()
}

fn grants(function: &str) -> impl Iterator<Item = &'static Grant> {
    let own = FUNCTIONS.iter().filter(move |(name, _)| *name == function);
    EVERY_FUNCTION.iter().chain(own.flat_map(|(_, grants)| grants.iter().copied().flatten()))
}

impl Grant {
    fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action) || (action == Get && self.actions.contains(&Read))
    }
}

/// Whether a partition key matches a pattern.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((start, "")) => key.starts_with(start),
        Some((start, rest)) => {
            key.strip_prefix(start).is_some_and(|key| key.char_indices().any(|(at, _)| matches(rest, &key[at..])))
        }
    }
}

/// The pattern of a partition that no grant names.
fn pattern_of(key: &str) -> String {
    key.split_once('#').map_or_else(|| key.to_owned(), |(first, _)| format!("{first}#*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, key, expected) in [
            ("BARS#*", "BARS#AAPL", true),
            ("BARS#*", "BARS", false),
            ("BARS#*", "OLDBARS#AAPL", false),
            ("BARS#*#MY:*", "BARS#7#MY:HOUSE", true),
            ("BARS#*#MY:*", "BARS#AAPL", false),
            ("WARMUP#-", "WARMUP#-", true),
            ("WARMUP#-", "WARMUP#-1", false),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_refusal_names_the_line_that_is_missing() {
        let refused = |function, action, key| require(function, action, key).unwrap_err().to_string();
        assert_eq!(
            refused("health", Action::Put, "DIRECTORY#symbols#a"),
            "shared/store/src/access.rs lacks on(\"DIRECTORY#symbols#*\", &[Put]) for the function health"
        );
        assert_eq!(
            refused("novel", Action::Read, "NOVEL#1"),
            "shared/store/src/access.rs lacks on(\"NOVEL#*\", &[Read]) for the function novel"
        );
    }

    #[test]
    fn to_read_includes_to_get_and_nothing_else() {
        let read = on("A#*", &[Read]);
        assert_eq!(
            [Get, Read, Check, Put, Delete].map(|action| read.allows(action)),
            [true, true, false, false, false]
        );
        assert!(!on("A#*", &[Get]).allows(Read));
    }
}
