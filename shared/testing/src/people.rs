//! Customers, their sessions, and the portfolios that they open.

use app::App;
use books::portfolios::{self, NewPortfolio};
use domain::portfolio::{CashTreatment, LotMethod, PortfolioName, PortfolioType};
use domain::{Currency, CustomerId, Email, LongTerm, PortfolioId};
use identity::authorization::authorize;
use identity::password::Password;
use identity::profile::{self, Person, Profile};
use identity::registration;
use identity::sessions::{self, SessionKind};

/// The password of every customer of a test.
pub const PASSWORD: &str = "correct horse battery";

#[must_use]
pub fn password() -> Password {
    Password::typed(PASSWORD.to_owned())
}

/// A person of this first name, with an e-mail address of the same name.
#[must_use]
pub fn person(name: &str) -> Person {
    Person {
        email: format!("{name}@example.com").to_lowercase().parse().unwrap(),
        first_name: name.to_owned(),
        last_name: "Lovelace".to_owned(),
        phone: None,
        address: None,
    }
}

/// A session as its owner knows it.
#[derive(Clone)]
pub struct SignedIn {
    pub id: CustomerId,
    /// Hash of the token.
    pub session: String,
    pub token: String,
}

pub async fn register(app: &App, person: Person) -> CustomerId {
    registration::register(app, person, password()).await.unwrap().profile.id
}

/// Verifies the customer's e-mail address, without an e-mail.
pub async fn verify_email(app: &App, customer: CustomerId) {
    let stored = profile::find(app, customer).await.unwrap();
    let verified = Profile { email_verified_at: Some(app.now()), ..stored.profile.clone() };
    app.table().transact(stored.replaced_by(&verified).unwrap()).await.unwrap();
}

/// A new session of a customer.
pub async fn sign_in(app: &App, email: &Email, kind: SessionKind) -> SignedIn {
    let token = sessions::sign_in(app, email, password(), kind).await.unwrap().token;
    let customer = authorize(app, &token).await.unwrap().unwrap();
    SignedIn { id: customer.customer_id, session: customer.session, token }
}

/// A portfolio to open: first in, first out, in US dollars.
#[must_use]
pub fn opening(kind: PortfolioType) -> NewPortfolio {
    NewPortfolio {
        name: PortfolioName::parse("A").unwrap(),
        kind,
        base_currency: Currency::USD,
        lot_method: LotMethod::Fifo,
        cash: CashTreatment::Ignored,
        long_term: LongTerm::default(),
        aims: None,
    }
}

pub async fn open_portfolio(app: &App, customer: CustomerId, opening: NewPortfolio) -> PortfolioId {
    portfolios::open(app, customer, &opening, None).await.unwrap().value.id
}
