//! Who a caller is: customers, their passwords, and the sessions that speak for them.
//!
//! [`registration`] makes a customer, [`sessions`] signs in, [`authorization`] turns a token into a caller on every
//! request, and [`audit`] records what was done to an account. [`profile`] is what the platform knows of a customer;
//! [`password`] says which passwords are taken, [`attempts`] how often a wrong one may be tried.
//!
//! It uses `app` and its table. It knows neither portfolios nor live connections: what an account has elsewhere is for
//! `accounts` to end.
//!
//! - A token is opaque and stored as its hash; a password is stored as its Argon2id hash.
//! - A session speaks for its customer only as long as both are of the same epoch, so that a new password, a new role
//!   or an erasure ends every session at once.
//! - An unknown address costs a caller what a wrong password costs.

pub mod attempts;
pub mod audit;
pub mod authorization;
pub mod password;
pub mod profile;
pub mod registration;
pub mod sessions;
pub mod tokens;

pub use profile::{Customer, Profile};
