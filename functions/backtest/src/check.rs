//! `POST /backtest/check`: whether a backtest's request is valid; it is neither run nor stored.

use api::{Caller, FieldError, IdempotencyKey, Json, Problem, responses};
use research::backtest_records::FilledRequest;
use research::backtests::Rule;
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::BacktestBody;

/// Whether `POST /backtest` accepts a request. The symbol and the days are not looked up.
#[derive(Serialize, ToSchema)]
pub(crate) struct BacktestCheck {
    /// Whether the whole request is valid.
    valid: bool,
    /// The buy rule; the default one if the request has none.
    buy: RuleCheck,
    /// The sell rule; the default one if the request has none.
    sell: RuleCheck,
    /// Every invalid field, as in the problem with which `POST /backtest` would refuse the request.
    errors: Vec<FieldError>,
    /// The request with defaults filled in; null if it is invalid.
    #[schema(required)]
    request: Option<FilledRequest>,
}

/// Whether a trading rule is valid.
#[derive(Serialize, ToSchema)]
struct RuleCheck {
    /// Whether the rule is valid.
    valid: bool,
    /// Its first mistake; null if it is valid.
    #[schema(required)]
    error: Option<RuleMistake>,
}

/// A mistake in a trading rule, and where it is.
#[derive(Serialize, ToSchema)]
struct RuleMistake {
    /// Position of the first wrong character, counted in characters (Unicode code points) from 1.
    #[schema(minimum = 1, example = 9)]
    column: usize,
    /// Number of wrong characters, such as those of a word; 0 if something is missing at the end of the rule.
    #[schema(example = 4)]
    length: usize,
    /// What is wrong and, where possible, what would be right.
    #[schema(example = "unknown name `smaa`: did you mean `sma`?")]
    detail: String,
}

impl RuleCheck {
    fn of(rule: &str) -> Self {
        let error = Rule::parse(rule).err();
        let error =
            error.map(|error| RuleMistake { column: error.column, length: error.length, detail: error.message });
        Self { valid: error.is_none(), error }
    }
}

impl BacktestCheck {
    fn of(request: BacktestBody) -> Self {
        let (buy, sell) = (RuleCheck::of(request.buy()), RuleCheck::of(request.sell()));
        let parsed = request.parse().and_then(|new| new.request.check().map(|()| new).map_err(Problem::from));
        match parsed {
            Ok(new) => Self { valid: true, buy, sell, errors: Vec::new(), request: Some(new.request.filled()) },
            Err(problem) => Self { valid: false, buy, sell, errors: problem.errors, request: None },
        }
    }
}

/// Checks the request of a backtest with its rules. Nothing is run or stored.
///
/// An invalid request is answered with 200 and `valid: false`; only a body that is not such a request is refused.
#[utoipa::path(
    post,
    path = "/backtest/check",
    operation_id = "check_backtest",
    tag = "backtest",
    params(("Idempotency-Key" = Option<String>, Header, description = "Accepted as on every POST; a check needs none and uses none")),
    request_body = BacktestBody,
    responses(
        (status = 200, description = "Whether the request is valid, with the position of each mistake in a rule", body = BacktestCheck),
        responses::IdempotentPost, responses::BodyLimit,
        (status = 422, description = "An unknown or repeated field, or one of the wrong type"),
    )
)]
pub(crate) async fn check(
    _caller: Caller,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<BacktestBody>,
) -> Result<axum::Json<BacktestCheck>, Problem> {
    key?;
    Ok(axum::Json(BacktestCheck::of(request)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(body: &Value) -> Value {
        let request = serde_json::from_value(body.clone()).unwrap();
        serde_json::to_value(BacktestCheck::of(request)).unwrap()
    }

    #[test]
    fn a_mistake_in_a_rule_has_its_word() {
        let check = checked(&json!({"symbol": "AAPL", "buy": "close < smaa(50)"}));
        assert_eq!((&check["valid"], &check["request"]), (&json!(false), &Value::Null));
        let mistake = json!({"column": 9, "length": 4, "detail": "unknown name `smaa`: did you mean `sma`?"});
        assert_eq!(check["buy"], json!({"valid": false, "error": mistake}));
        assert_eq!(check["sell"], json!({"valid": true, "error": null}));
        let detail = "column 9: unknown name `smaa`: did you mean `sma`?";
        assert_eq!(check["errors"], json!([{"pointer": "/buy", "detail": detail, "column": 9, "length": 4}]));
    }

    #[test]
    fn a_valid_request_is_returned_with_its_defaults() {
        let check = checked(&json!({"symbol": "aapl", "sell": "close > 1"}));
        assert_eq!((&check["valid"], &check["errors"]), (&json!(true), &json!([])));
        let request = &check["request"];
        assert_eq!((&request["symbol"], &request["buy"]), (&json!("AAPL"), &json!("close < sma(50)")));
        assert_eq!((&request["sell"], &request["fill"]), (&json!("close > 1"), &json!("next_open")));
    }

    #[test]
    fn every_mistake_is_found_at_once_and_a_setting_out_of_its_range_too() {
        let check = checked(&json!({"symbol": "no symbol", "buy": "", "sell": "close", "slippage_percent": 100}));
        let pointers: Vec<_> = check["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, ["/symbol", "/slippage_percent", "/buy", "/sell"]);
        let check = checked(&json!({"symbol": "AAPL", "initial_investment": "2000000000000"}));
        assert_eq!((&check["valid"], &check["errors"][0]["pointer"]), (&json!(false), &json!("/initial_investment")));
    }
}
