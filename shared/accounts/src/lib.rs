//! What becomes of accounts: administration, signing out, erasure and export.
//!
//! [`own_account`] is what customers change themselves, [`administration`] role, advisor and disabling; [`sign_out`]
//! ends sessions with the live connections that they opened; [`password_reset`] sets a new password by an operator's
//! token. [`erasure`] removes all personal data of a customer and keeps the ledger, [`export`] hands it over; both go
//! by one list of what belongs to a customer. [`search`] finds customers for administrators and advisors.
//!
//! It may use `identity`, `books`, `notifications` and what is under them, for an account ends everywhere at once, and
//! none of them knows it. It knows no HTTP and no AWS.
//!
//! - The last administrator stays, whatever is asked.
//! - A change of an account ends its sessions in the same transaction, and its live connections right after.
//! - An erasure that is cut short is taken up again; an entry of a ledger is never removed.

pub mod administration;
mod administrators;
pub mod advice;
pub mod customers;
pub mod erasure;
pub mod export;
pub mod own_account;
pub mod password_reset;
mod personal_data;
pub mod search;
pub mod sign_out;
