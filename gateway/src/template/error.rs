//! Why a template cannot be used.

use thiserror::Error;

use crate::event_pattern::PatternError;
use crate::routes::RouteError;
use crate::schedule_expression::ScheduleError;

/// The folder of the functions' built code.
pub(super) const CODE_URI_PREFIX: &str = "target/lambda/";

/// Why a template cannot be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The template is not YAML, or lacks a required part.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// A function has invalid properties.
    #[error("{resource}: {reason}")]
    Properties {
        /// The resource's name in the template.
        resource: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The names of the resource, the folder and the built code do not match.
    #[error(
        "{resource} has the code {code_uri:?}; a function is named once: NAME-OF-IT in {CODE_URI_PREFIX}NAME-OF-IT/ and NameOfItFunction"
    )]
    Name {
        /// The resource's name in the template.
        resource: String,
        /// Its `CodeUri`.
        code_uri: String,
    },
    /// An event of a type that the local platform does not support.
    #[error("{resource}: the event {event} has the unsupported type {kind}")]
    EventType {
        /// The function's resource.
        resource: String,
        /// The event's name.
        event: String,
        /// Its `Type`.
        kind: String,
    },
    /// An invalid route.
    #[error("{resource}: {source}")]
    Route {
        /// The function's resource.
        resource: String,
        /// What is wrong with the route.
        source: RouteError,
    },
    /// An invalid schedule.
    #[error("{resource}: {source}")]
    Schedule {
        /// The function's resource.
        resource: String,
        /// What is wrong with the schedule.
        source: ScheduleError,
    },
    /// An invalid or unsupported rule.
    #[error("{resource}: {source}")]
    Pattern {
        /// The function's resource.
        resource: String,
        /// What is wrong with the rule's pattern.
        source: PatternError,
    },
    /// `Ref` does not name a parameter with a default.
    #[error("{resource}: Ref names {name}, which is not a parameter with a default")]
    Reference {
        /// The function's resource.
        resource: String,
        /// What `Ref` names.
        name: String,
    },
}
