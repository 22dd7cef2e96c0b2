//! Identity: customers, their passwords and their sessions.
//!
//! [`registration`] creates a customer, [`sessions`] signs in, [`authorization`] finds the caller of every request by
//! its token, and [`audit`] records what was done to an account. [`profile`] is what the platform stores of a customer;
//! [`password`] decides which passwords are accepted, [`attempts`] how often a wrong one may be tried.
//!
//! It uses `app` and its table. It knows neither portfolios nor live connections: `accounts` ends those of an account.
//!
//! - A token is opaque and stored as its hash; a password is stored as its Argon2id hash.
//! - A session is active only while it has the same epoch as its customer, so that a new password, a new role or an
//!   erasure ends every session immediately.
//! - An unknown e-mail address takes as much time and as many reads as a wrong password.

pub mod attempts;
pub mod audit;
pub mod authorization;
pub mod password;
pub mod profile;
pub mod registration;
pub mod sessions;
pub mod tokens;

pub use profile::{Customer, Profile};
