//! What holdings are worth.
