//! A function of the template and its triggers.

use std::time::Duration;

use serde_json::Value;

use crate::event_pattern::EventPattern;
use crate::routes::RouteKey;
use crate::schedule_expression::ScheduleExpression;

/// A function: its triggers and limits.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its folder under functions/, such as `fetch-data`.
    pub name: String,
    /// Its timeout.
    pub timeout: Duration,
    /// Its memory on AWS, in MB; handlers see it in their context.
    pub memory_mb: u32,
    /// The routes that lead to it.
    pub routes: Vec<RouteKey>,
    /// Those of its routes that need no token.
    pub public_routes: Vec<RouteKey>,
    /// The schedules that start it.
    pub schedules: Vec<Schedule>,
    /// The patterns of the rules that send it events.
    pub rules: Vec<EventPattern>,
    /// How often a failed asynchronous run is retried.
    pub retries: u32,
}

/// The keyword in a schedule's input that EventBridge Scheduler replaces by the time at which the run is due, its slot.
pub const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// One schedule of a function.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name in the template.
    pub name: String,
    /// When it runs.
    pub expression: ScheduleExpression,
    /// The input of the function, in which [`SCHEDULED_TIME`] stands for the slot; `None` for EventBridge Scheduler's
    /// default event.
    pub input: Option<Value>,
}
