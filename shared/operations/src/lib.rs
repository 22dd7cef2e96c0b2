//! What an operator looks at: whether the platform is well, and whether the books add up.
//!
//! [`health`] answers for the public route; [`verification`] replays the books of every customer and compares them with
//! what is stored, freezes a wallet whose books are in doubt, and finishes what a change of an account has left to be
//! done.
//!
//! It may use the other crates of use cases, and none of them knows it. It reads the table only, never a provider, and
//! knows no HTTP: over HTTP there is only whether the platform is well.
//!
//! - Verification repairs no books: it names what differs, and frees a wallet whose books add up again.
//! - A wallet that is frozen takes no command.
//! - The books of one customer are evaluated by themselves: a fault in them keeps no other from being verified.
//! - A wallet that is in use meanwhile is verified again, and is not called wrong.

pub mod health;
pub mod verification;
