//! The integration tests of `app` on real stores.

mod kept_answers;
