//! HTTP for every function: problems, the caller, strict bodies and queries, pages, idempotency keys.
//!
//! A function defines its routes and types, calls a use case, and closes its router with [`close`]; everything else
//! about HTTP is here. [`policy`] lists who may call which route. [`middleware`] enforces it before the handler runs,
//! and adds the headers of the response. [`Problem`] is every error as `application/problem+json` (RFC 9457).
//!
//! It uses `app` and `identity`, and no other crate of use cases: use cases decide what a customer may see or do beyond
//! the route.
//!
//! - Only `problem_code.rs` knows status codes, and only `problem.rs` which error has which code. Codes, fields and
//!   headers are public and stable.
//! - The caller comes only from the authorizer's context ([`Caller`]).
//! - A route without a policy is refused. An unknown, repeated or invalid field is refused with its pointer, and
//!   nothing is changed.
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
pub mod compression;
pub mod content_encoding;
pub mod etag;
pub mod exact;
pub mod fields;
pub mod idempotency_key;
mod include;
pub mod inputs;
mod keyed;
pub mod limits;
mod merge_patch;
pub mod middleware;
pub mod page;
pub mod path;
pub mod policy;
mod preview;
pub mod problem;
pub mod problem_code;
pub mod query;
mod raw_object;
mod replayed;
pub mod responses;
mod schemas;
pub mod source;

pub use body::Json;
pub use caller::Caller;
pub use command::{Command, DryRun, DryRunQuery};
pub use etag::{IfMatch, etag};
pub use exact::Exact;
pub use fields::{Fields, variant};
pub use idempotency_key::IdempotencyKey;
pub use include::Include;
pub use keyed::Keyed;
pub use merge_patch::{MergePatch, Patch};
pub use middleware::close;
pub use page::{ListQuery, Page, PageQuery};
pub use path::{IdPairPath, IdPath, SymbolPath};
pub use preview::Preview;
pub use problem::{FieldError, Problem};
pub use problem_code::ProblemCode;
pub use query::Query;
pub use raw_object::RawObject;
pub use replayed::Replayed;
pub use responses::document;
pub use source::{Source, with_rate_limit};
