//! The HTTP vocabulary of every door: problems, the caller, strict bodies and queries, pages,
//! idempotency keys, and the layers that each function's router is closed with.

pub mod admission;
pub mod body;
pub mod caller;
pub mod command;
pub mod door;
pub mod etag;
pub mod exact;
pub mod fields;
pub mod idempotency_key;
pub mod keyed;
pub mod merge_patch;
pub mod page;
pub mod path;
pub mod policy;
pub mod preview;
pub mod problem;
pub mod query;
pub mod replayed;
pub mod responses;
pub mod source;

pub use body::Json;
pub use caller::Caller;
pub use command::{Command, DryRun, DryRunQuery};
pub use door::close;
pub use etag::{IfMatch, etag};
pub use exact::Exact;
pub use fields::Fields;
pub use idempotency_key::IdempotencyKey;
pub use keyed::Keyed;
pub use merge_patch::{MergePatch, Patch};
pub use page::{Page, PageQuery};
pub use path::{IdPairPath, IdPath, SymbolPath};
pub use preview::Preview;
pub use problem::{FieldError, Problem};
pub use query::Query;
pub use responses::document;
pub use source::{Source, with_rate_limit};
