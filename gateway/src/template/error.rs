//! Why a template cannot be used.

use thiserror::Error;

use crate::event_pattern::PatternError;
use crate::routes::RouteError;
use crate::schedule_expression::ScheduleError;

/// What a function's built code lies under.
pub(super) const CODE_URI_PREFIX: &str = "target/lambda/";

/// Why a template cannot be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// It is no YAML, or lacks a part that every SAM template has.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// A function's properties are not what SAM knows.
    #[error("{resource}: {reason}")]
    Properties {
        /// The resource's name in the template.
        resource: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The resource, the folder and the built code do not go by one name.
    #[error(
        "{resource} has the code {code_uri:?}; a function is named once: NAME-OF-IT in {CODE_URI_PREFIX}NAME-OF-IT/ and NameOfItFunction"
    )]
    Name {
        /// The resource's name in the template.
        resource: String,
        /// Its `CodeUri`.
        code_uri: String,
    },
    /// A kind of event that the local platform cannot send.
    #[error("{resource}: the event {event} is of the unknown type {kind}")]
    EventType {
        /// The function's resource.
        resource: String,
        /// The event's name.
        event: String,
        /// Its `Type`.
        kind: String,
    },
    /// A route that API Gateway would not take.
    #[error("{resource}: {source}")]
    Route {
        /// The function's resource.
        resource: String,
        /// What is wrong with the route.
        source: RouteError,
    },
    /// A schedule that EventBridge would not take.
    #[error("{resource}: {source}")]
    Schedule {
        /// The function's resource.
        resource: String,
        /// What is wrong with the schedule.
        source: ScheduleError,
    },
    /// A rule that EventBridge would not take, or that is not understood here.
    #[error("{resource}: {source}")]
    Pattern {
        /// The function's resource.
        resource: String,
        /// What is wrong with the rule's pattern.
        source: PatternError,
    },
    /// `Ref` names no parameter with a default.
    #[error("{resource}: Ref names {name}, which is no parameter with a default")]
    Reference {
        /// The function's resource.
        resource: String,
        /// What `Ref` names.
        name: String,
    },
}
