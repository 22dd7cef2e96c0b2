//! The HTTP vocabulary of every function: problems, the caller, strict bodies and queries, pages, idempotency keys.
//!
//! A function names its routes and types, calls a use case, and closes its router with [`close`]; all else that HTTP
//! asks for is here. [`policy`] lists who may call which route, [`middleware`] holds a request to it before the
//! handler runs and gives the response its headers, [`Problem`] is every refusal as `application/problem+json` (RFC
//! 9457).
//!
//! It uses `app` and `identity`, and no other crate of use cases: what a customer may see or do beyond the route, a use
//! case decides.
//!
//! - Only `problem_code.rs` knows status codes, and only `problem.rs` which error has which code. Codes, fields and headers are a contract, and stay.
//! - The caller is who the authorizer says, read from its context and from nowhere else ([`Caller`]).
//! - A route that the policy lacks is refused to all. A field that is unknown, repeated or of the wrong kind is refused
//!   by its pointer, and nothing is done.
//!
//! ```
//! use api::Problem;
//! use api::body::parse;
//! use app::ServiceError;
//! use serde::Deserialize;
//!
//! #[derive(Debug, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Rename {
//!     name: String,
//! }
//!
//! assert_eq!(parse::<Rename>(br#"{"name": "Savings"}"#).map(|body| body.name).ok().as_deref(), Some("Savings"));
//!
//! let problem = parse::<Rename>(br#"{"name": 7}"#).unwrap_err();
//! assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/name"));
//!
//! let problem = Problem::from(ServiceError::NotFound { what: "portfolio" });
//! assert_eq!((problem.status, problem.code.as_str()), (404, "not_found"));
//! ```

pub mod admission;
pub mod body;
pub mod caller;
pub mod command;
pub mod etag;
pub mod exact;
pub mod fields;
pub mod idempotency_key;
mod keyed;
mod merge_patch;
pub mod middleware;
pub mod page;
pub mod path;
pub mod policy;
mod preview;
pub mod problem;
pub mod problem_code;
pub mod query;
mod replayed;
pub mod responses;
pub mod source;

pub use body::Json;
pub use caller::Caller;
pub use command::{Command, DryRun, DryRunQuery};
pub use etag::{IfMatch, etag};
pub use exact::Exact;
pub use fields::Fields;
pub use idempotency_key::IdempotencyKey;
pub use keyed::Keyed;
pub use merge_patch::{MergePatch, Patch};
pub use middleware::close;
pub use page::{Page, PageQuery};
pub use path::{IdPairPath, IdPath, SymbolPath};
pub use preview::Preview;
pub use problem::{FieldError, Problem};
pub use problem_code::ProblemCode;
pub use query::Query;
pub use replayed::Replayed;
pub use responses::document;
pub use source::{Source, with_rate_limit};
