//! The HTTP vocabulary of every door: problems, the caller, strict bodies and queries, pages,
//! idempotency keys, and the layers that each function's router is closed with.

pub mod body;
pub mod caller;
pub mod door;
pub mod exact;
pub mod fields;
pub mod idempotency_key;
pub mod page;
pub mod path;
pub mod problem;
pub mod query;

pub use body::Json;
pub use caller::Caller;
pub use door::close;
pub use exact::Exact;
pub use fields::Fields;
pub use idempotency_key::IdempotencyKey;
pub use page::Page;
pub use path::{IdPath, SymbolPath};
pub use problem::{FieldError, Problem};
pub use query::Query;
