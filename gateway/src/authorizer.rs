//! Calls the authorizer before a route that is not public, as API Gateway does: with a token or without one. A failure of
//! the function gives 500, and nothing is cached.

pub use api::caller::context;

use std::collections::HashMap;

use market_data::MarketData;
use serde::Deserialize;
use serde_json::Value;

use crate::event::authorizer_event;
use crate::event_function::EventFunction;
use crate::invoke::Failure;

/// The function that identifies the caller.
#[derive(Clone)]
pub struct Authorizer {
    /// The platform on which it runs.
    pub market: MarketData,
    /// The function.
    pub function: EventFunction,
}

/// A simple response of payload format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerResponse {
    is_authorized: bool,
    #[serde(default)]
    context: HashMap<String, Value>,
}

impl Authorizer {
    /// The context of `request`, an event without a body: its caller, or why there is none.
    ///
    /// Errors: [`Failure::Function`] if the function fails or does not allow the request. Ours allows every request, and
    /// states in the context which ones the function behind the route refuses.
    pub async fn ask(&self, request: &Value, request_id: &str) -> Result<HashMap<String, Value>, Failure> {
        let answer = self.function.run_within_request(&self.market, authorizer_event(request)).await.answer();
        match answer.and_then(|answer| Ok(serde_json::from_value::<AuthorizerResponse>(answer)?)) {
            Ok(verdict) if verdict.is_authorized => Ok(verdict.context),
            Ok(_) => {
                tracing::error!(request_id, "the authorizer did not allow the request");
                Err(Failure::Function)
            }
            Err(error) => {
                tracing::error!(request_id, %error, "the authorizer failed");
                Err(Failure::Function)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event_function::tests_support::function;
    use crate::platform::tests_support::market;
    use crate::registry::EventAnswer;

    type Handle = fn(MarketData, Value) -> EventAnswer;

    async fn asked(handle: Handle) -> Result<HashMap<String, Value>, Failure> {
        let (market, _folder) = market();
        let authorizer = Authorizer { market, function: function(handle) };
        authorizer.ask(&json!({ "headers": {}, "rawPath": "/a" }), "r-1").await
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_verdict_that_says_so_lets_pass() {
        let said: [(Handle, Result<usize, Failure>); 5] = [
            (|_, _| Box::pin(async { Ok(json!({ "isAuthorized": true, "context": { "a": "b" } })) }), Ok(1)),
            (|_, _| Box::pin(async { Ok(json!({ "isAuthorized": false })) }), Err(Failure::Function)),
            (|_, _| Box::pin(async { Ok(json!({ "isAuthorized": "yes" })) }), Err(Failure::Function)),
            (|_, _| Box::pin(async { Err(anyhow::anyhow!("broken")) }), Err(Failure::Function)),
            (|_, _| Box::pin(std::future::pending()), Err(Failure::Function)),
        ];
        for (handle, expected) in said {
            assert_eq!(asked(handle).await.map(|context| context.len()), expected);
        }
    }
}
