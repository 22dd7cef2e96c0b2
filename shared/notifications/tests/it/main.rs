//! The integration tests of `notifications` on real stores.

mod alerts;
mod live;
