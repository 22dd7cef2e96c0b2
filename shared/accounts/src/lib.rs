//! The life of an account: administration, signing out, erasure and export.
//!
//! [`own_account`] has the changes that customers make themselves, [`administration`] those of administrators.
//! [`sign_out`] ends sessions and the live connections that they opened; [`email_verification`] proves that an e-mail
//! address is the customer's; [`password_reset`] sets a new password with a one-time token, from the operator or from an
//! e-mail to a verified address. [`erasure`] removes all personal data of a customer and keeps the ledger;
//! [`export`] exports the data; [`email_topics`] removes what earlier versions needed for e-mails. Both use the same list of what belongs to a customer. [`search`] finds customers for
//! administrators.
//!
//! It may use `identity`, `books`, `notifications` and the crates below them, because an account ends in all of them.
//! None of them uses it. It knows neither HTTP nor AWS.
//!
//! - At least one administrator always remains.
//! - A change of an account ends its sessions in the same transaction, and its live connections immediately after.
//! - An interrupted erasure is continued; an entry of a ledger is never removed.

pub mod administration;
mod administrators;
pub mod advice;
pub mod customers;
pub mod email_topics;
pub mod email_verification;
pub mod erasure;
pub mod export;
pub mod own_account;
pub mod password_reset;
mod personal_data;
pub mod search;
pub mod sign_out;
mod token_emails;
