//! The integration tests of `accounts` on real stores.

mod identity;
