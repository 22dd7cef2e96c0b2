//! The integration tests of `market_data` on real stores.

mod fetching;
mod files;
mod following;
mod histories;
mod looking;
mod paid_facts;
mod quota;
mod quotes;
mod waiting;
mod warnings;
