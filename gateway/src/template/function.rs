//! A function of the template, and what calls it.

use std::time::Duration;

use serde_json::Value;

use crate::event_pattern::EventPattern;
use crate::routes::RouteKey;
use crate::schedule_expression::ScheduleExpression;

/// One function: what calls it, and how long it may take.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its folder under functions/, such as `fetch-data`.
    pub name: String,
    /// After this it is stopped and the caller told so.
    pub timeout: Duration,
    /// The memory it has on AWS, in MB; its handlers see it in their context.
    pub memory_mb: u32,
    /// The routes that lead to it.
    pub routes: Vec<RouteKey>,
    /// Those of its routes that need no token.
    pub public_routes: Vec<RouteKey>,
    /// The schedules that start it.
    pub schedules: Vec<Schedule>,
    /// The rules that send it events, by what they take.
    pub rules: Vec<EventPattern>,
    /// How often a failed run is repeated that no caller waits for.
    pub retries: u32,
}

/// One schedule of a function.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name in the template.
    pub name: String,
    /// When it fires.
    pub expression: ScheduleExpression,
    /// What the function is sent; `None` for the event that EventBridge Scheduler makes up.
    pub input: Option<Value>,
}
