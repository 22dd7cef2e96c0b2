//! Customers and their roles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of a customer, a UUID of version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct CustomerId(pub Uuid);

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a customer is allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CustomerRole)]
pub enum Role {
    /// Manages customers: roles, advisors, reversals.
    Administrator,
    /// Advises the clients that an administrator assigns.
    Advisor,
    /// Has a wallet and portfolios.
    Client,
}

/// The text does not name a [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be administrator, advisor or client")]
pub struct UnknownRole;

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Advisor, Self::Client];

    /// The role's name on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Advisor => "advisor",
            Self::Client => "client",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street and number.
    #[schema(value_type = crate::schema::ShortText)]
    pub street: String,
    /// City or town.
    #[schema(value_type = crate::schema::ShortText)]
    pub city: String,
    /// State or province, if the country has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::schema::ShortText>)]
    pub state: Option<String>,
    /// Postal code of the city.
    #[schema(value_type = crate::schema::ShortText)]
    pub zip_code: String,
    /// Country: its two-letter ISO 3166 code or its name.
    #[schema(value_type = crate::schema::ShortText)]
    pub country: String,
}

impl Address {
    /// The parts that are present.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let Self { street, city, state, zip_code, country } = self;
        [Some(street), Some(city), state.as_ref(), Some(zip_code), Some(country)]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}
