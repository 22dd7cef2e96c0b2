//! How the targets differ, and a client that differs from the others.

use reqwest::redirect::Policy;

use super::{Place, Target};

impl Target {
    /// The platform as this caller, whose client neither asks for compressed bodies nor decompresses them.
    pub fn undecoded(&self) -> Self {
        let client = https::client_builder().redirect(Policy::none()).no_gzip().build().unwrap();
        Self { client, ..self.clone() }
    }

    /// Whether the target is the local gateway, and not an emulated AWS.
    pub fn is_local(&self) -> bool {
        matches!(self.place, Place::Local { .. })
    }
}
