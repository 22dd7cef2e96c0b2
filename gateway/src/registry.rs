//! The registry of functions and state machines: one line for each, with its name and handler.
//!
//! The template says which routes and schedules lead to a name, this list what is there. The two are
//! held together when the platform starts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use app::App;
use axum::Router;
use market_data::MarketData;
use serde_json::{Value, json};
use thiserror::Error;
use utoipa::openapi::OpenApi;

use HttpRouter::{OfApp, OfMarketData};

use crate::template::{Function, StateMachine, Template};

/// What a function that is not called by HTTP gives back.
pub type EventAnswer = Pin<Box<dyn Future<Output = anyhow::Result<Value>> + Send>>;

/// One function of the project.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Its name: that of its folder.
    pub name: &'static str,
    /// What runs.
    pub handler: Handler,
}

/// What makes a function's routes, of the smallest platform that its use cases need.
#[derive(Clone, Copy, Debug)]
pub enum HttpRouter {
    /// Of the application alone: the function asks for no price.
    OfApp(fn(App) -> Router),
    /// Of the application and what is known of markets.
    OfMarketData(fn(MarketData) -> Router),
}

impl HttpRouter {
    /// The routes, on this platform.
    pub fn on(self, market: MarketData) -> Router {
        match self {
            Self::OfApp(router) => router(market.app),
            Self::OfMarketData(router) => router(market),
        }
    }
}

/// What runs behind a name.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// Answers HTTP requests.
    Http {
        /// Its routes.
        router: HttpRouter,
        /// Its part of the API document.
        openapi: fn() -> OpenApi,
    },
    /// Takes other events.
    Event {
        /// Takes one event.
        handle: fn(MarketData, Value) -> EventAnswer,
    },
    /// Takes the events of live connections.
    Live {
        /// Takes one event; pages of these origins may connect.
        handle: fn(MarketData, Arc<[String]>, Value) -> EventAnswer,
    },
}

const fn http(name: &'static str, router: HttpRouter, openapi: fn() -> OpenApi) -> Registered {
    Registered { name, handler: Handler::Http { router, openapi } }
}

const fn event(name: &'static str, handle: fn(MarketData, Value) -> EventAnswer) -> Registered {
    Registered { name, handler: Handler::Event { handle } }
}

/// Every function of the project.
pub const FUNCTIONS: &[Registered] = &[
    http("activities", OfMarketData(activities::router), activities::openapi),
    event("authorizer", |market, event| Box::pin(async move { Ok(authorizer::handle(&market.app, event).await?) })),
    http("backtest", OfMarketData(backtest::router), backtest::openapi),
    http("customers", OfApp(customers::router), customers::openapi),
    http("fetch-data", OfMarketData(fetch_data::router), fetch_data::openapi),
    http("health", OfMarketData(health::router), health::openapi),
    http("instruments", OfMarketData(instruments::router), instruments::openapi),
    Registered {
        name: "live",
        handler: Handler::Live {
            handle: |market, origins, event| Box::pin(async move { Ok(live::handle(&market, &origins, event).await?) }),
        },
    },
    event("operator", |market, event| Box::pin(async move { Ok(operator::handle(&market, event).await?) })),
    http("portfolios", OfMarketData(portfolios::router), portfolios::openapi),
    http("predict", OfMarketData(predict::router), predict::openapi),
    event("publish-rates", |market, event| Box::pin(async move { Ok(publish_rates::handle(&market, event).await?) })),
    event("refresh-prices", |market, event| Box::pin(async move { Ok(refresh_prices::handle(&market, event).await?) })),
    http("report", OfMarketData(report::router), report::openapi),
    http("sessions", OfApp(sessions::router), sessions::openapi),
    http("trades", OfMarketData(trades::router), trades::openapi),
    http("wallet", OfMarketData(wallet::router), wallet::openapi),
    http("watch", OfMarketData(watch::router), watch::openapi),
];

/// A state machine of the template, and what does its work on one machine.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredStateMachine {
    /// Its name: that of its resource, without `StateMachine`.
    pub name: &'static str,
    /// Does the work of one run.
    pub handle: fn(MarketData, Value) -> EventAnswer,
}

/// Every state machine of the template.
pub const STATE_MACHINES: &[RegisteredStateMachine] = &[RegisteredStateMachine {
    name: "verification",
    handle: |market, _input| {
        Box::pin(async move {
            let market = market.restricted_to("operator");
            Ok(operator::handle_without_limit(&market, json!({ "command": "verify" })).await?)
        })
    },
}];

/// Why template and registry do not make one platform.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RegistryError {
    /// The template names a function that nothing here runs.
    #[error("the template names the function {0}, which is missing in gateway/src/registry.rs")]
    NoHandler(String),
    /// The registry has a function that nothing calls.
    #[error("gateway/src/registry.rs has the function {0}, which the template does not name")]
    NotInTemplate(String),
    /// The template has a state machine whose work nothing here does.
    #[error("the template has the state machine {0}, which is missing in gateway/src/registry.rs")]
    NoWork(String),
    /// The registry has a state machine that the template does not have.
    #[error("gateway/src/registry.rs has the state machine {0}, which the template does not have")]
    NoStateMachine(String),
    /// Routes lead to a function that answers no HTTP, a schedule or a rule to one that answers nothing else, or live
    /// connections to one that takes none.
    #[error("the template triggers the function {0} in a way that its handler does not support")]
    WrongKind(String),
}

/// Each function of the template with its handler.
///
/// Errors: a function without a handler, a handler without a function, or one of the other kind.
pub fn pair<'a>(
    template: &'a Template,
    registry: &[Registered],
) -> Result<Vec<(&'a Function, Handler)>, RegistryError> {
    for registered in registry {
        if !template.functions.iter().any(|function| function.name == registered.name) {
            return Err(RegistryError::NotInTemplate(registered.name.to_owned()));
        }
    }
    let with_handler = |function: &'a Function| {
        let registered = registry.iter().find(|registered| registered.name == function.name);
        let handler = registered.ok_or_else(|| RegistryError::NoHandler(function.name.clone()))?.handler;
        let is_live = template.live_api.as_ref().is_some_and(|api| api.function == function.name);
        let answers = match handler {
            Handler::Http { .. } => function.schedules.is_empty() && function.rules.is_empty() && !is_live,
            Handler::Event { .. } => function.routes.is_empty() && !is_live,
            Handler::Live { .. } => is_live,
        };
        if answers { Ok((function, handler)) } else { Err(RegistryError::WrongKind(function.name.clone())) }
    };
    template.functions.iter().map(with_handler).collect()
}

/// Each state machine of the template with what does its work.
///
/// Errors: a state machine in only one of the two.
pub fn pair_state_machines<'a>(
    template: &'a Template,
    registry: &[RegisteredStateMachine],
) -> Result<Vec<(&'a StateMachine, RegisteredStateMachine)>, RegistryError> {
    let machines = &template.state_machines;
    let absent = registry.iter().find(|one| machines.iter().all(|machine| machine.name != one.name));
    if let Some(absent) = absent {
        return Err(RegistryError::NoStateMachine(absent.name.to_owned()));
    }
    let with_handler = |machine: &'a StateMachine| {
        let registered = registry.iter().find(|registered| registered.name == machine.name);
        let registered = registered.ok_or_else(|| RegistryError::NoWork(machine.name.clone()))?;
        Ok((machine, *registered))
    };
    machines.iter().map(with_handler).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::PROJECT_TEMPLATE;

    #[test]
    fn template_and_registry_have_the_same_state_machines() {
        let mut template = Template::parse(PROJECT_TEMPLATE).unwrap();
        assert_eq!(pair_state_machines(&template, STATE_MACHINES).unwrap().len(), STATE_MACHINES.len());
        let missing = pair_state_machines(&template, &[]).unwrap_err();
        assert_eq!(missing, RegistryError::NoWork("verification".to_owned()));
        template.state_machines.clear();
        let unknown = pair_state_machines(&template, STATE_MACHINES).unwrap_err();
        assert_eq!(unknown, RegistryError::NoStateMachine("verification".to_owned()));
    }

    #[test]
    fn template_and_registry_name_the_same_functions() {
        let template = Template::parse(PROJECT_TEMPLATE).unwrap();
        assert_eq!(pair(&template, FUNCTIONS).unwrap().len(), FUNCTIONS.len());
    }

    #[test]
    fn a_function_of_the_template_without_a_handler_is_refused() {
        let template = Template::parse(PROJECT_TEMPLATE).unwrap();
        let without: Vec<_> = FUNCTIONS.iter().filter(|one| one.name != "predict").copied().collect();
        assert_eq!(pair(&template, &without).unwrap_err(), RegistryError::NoHandler("predict".to_owned()));
    }

    #[test]
    fn a_handler_without_a_function_in_the_template_is_refused() {
        let mut template = Template::parse(PROJECT_TEMPLATE).unwrap();
        template.functions.retain(|function| function.name != "report");
        assert_eq!(pair(&template, FUNCTIONS).unwrap_err(), RegistryError::NotInTemplate("report".to_owned()));
    }

    #[test]
    fn live_connections_to_a_function_that_takes_none_are_refused() {
        let mut template = Template::parse(PROJECT_TEMPLATE).unwrap();
        template.live_api.as_mut().unwrap().function = "operator".to_owned();
        assert_eq!(pair(&template, FUNCTIONS).unwrap_err(), RegistryError::WrongKind("live".to_owned()));
    }

    #[test]
    fn a_route_to_a_function_that_answers_no_http_is_refused() {
        let mut template = Template::parse(PROJECT_TEMPLATE).unwrap();
        let backtest = template.functions.iter().find(|function| function.name == "backtest").unwrap();
        let routes = backtest.routes.clone();
        let refresh = template.functions.iter_mut().find(|function| function.name == "refresh-prices").unwrap();
        refresh.routes = routes;
        assert_eq!(pair(&template, FUNCTIONS).unwrap_err(), RegistryError::WrongKind("refresh-prices".to_owned()));
    }
}
