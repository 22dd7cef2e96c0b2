//! The local composition root: the whole platform in one process, and the program `sextant`.
//!
//! A request takes the way it takes on AWS. The server reads it whole ([`server`]), the template's routes say which
//! function it is for ([`routes`], [`template`]), it becomes the event that API Gateway would send ([`event`]), the
//! authorizer says who calls ([`authorizer`]), and the function's own router answers ([`invoke`]). A WebSocket becomes
//! the events that API Gateway would send ([`live`]), an event of ours reaches those whose rules take it
//! ([`local_bus`]), and what calls functions on a timer there does so here ([`schedules`]). [`listen`] is a client of
//! live quotes.
//!
//! It may use every crate, for it puts them together: SQLite stands for the table and a folder for the bucket
//! ([`home`]). It decides nothing that a function decides.
//!
//! - It reads `template.yaml`, and does not start where that names a function that it lacks, or the other way round.
//! - No client holds the others up, and no body is read before its caller is known.

pub mod answer;
pub mod authorizer;
pub mod errors;
pub mod event;
pub mod event_function;
pub mod event_pattern;
pub mod expirations;
pub mod home;
pub mod host;
pub mod invoke;
pub mod listen;
pub mod live;
pub mod local_bus;
pub mod open_files;
pub mod openapi;
pub mod operations;
pub mod platform;
pub mod prices;
pub mod registry;
pub mod replay;
pub mod request_body;
pub mod request_line;
pub mod routes;
pub mod schedule_expression;
pub mod schedules;
pub mod server;
pub mod template;
pub mod welcome;

pub use api::policy;
pub use platform::{Platform, Settings};
pub use prices::{AlphaVantageAccess, Prices, YahooAccess};
pub use replay::Pace;
pub use server::Server;
