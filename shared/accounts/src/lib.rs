//! What becomes of accounts: administration, signing out, erasure and export.
//!
//! [`own_account`] is what customers change themselves, [`administration`] role, advisor and disabling; [`sign_out`] ends sessions with the live connections that they
//! opened; [`password_reset`] sets a new password by an operator's token. [`erasure`] removes all personal data of a
//! customer and keeps the ledger, [`export`] hands it over; both go by one list of what belongs to a customer.
//! [`search`] finds customers for administrators and advisors.
//!
//! It is the one crate of use cases that reaches into all others, for an account ends everywhere at once. The last administrator stays
//! whoever asks. A change of an account ends its sessions in the same transaction, and its live connections right after.

pub mod administration;
mod administrators;
pub mod advice;
mod belongings;
pub mod customers;
pub mod erasure;
pub mod export;
pub mod own_account;
pub mod password_reset;
pub mod search;
pub mod sign_out;
