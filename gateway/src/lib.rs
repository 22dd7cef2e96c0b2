//! The local composition root: the whole platform in one process, as the program `sextant`.
//!
//! A request takes the same path as in AWS. [`server`] reads it, and [`routes`] from the [`template`] determine its
//! function. [`authorizer`] identifies the caller, [`event`] builds the event that API Gateway would send, and [`invoke`]
//! calls the function's router with it. Messages on a WebSocket also become the events of API Gateway ([`live`]). Events on
//! the bus go to the functions whose patterns match ([`local_bus`]), and schedules of the template invoke their functions
//! ([`schedules`]). [`listen`] is a client for live quotes.
//!
//! As a composition root it may use every crate. SQLite replaces DynamoDB, and a folder replaces S3 ([`home`]); [`backup`] writes
//! and restores all of it. It contains no rules that belong to a function.
//!
//! - It reads `template.yaml`, and refuses to start if the template and its own list of functions differ.
//! - No client holds up others, and no body is read before its caller is known.

pub mod answer;
pub mod authorizer;
pub mod backup;
pub mod cors;
pub mod error_line;
pub mod errors;
pub mod event;
pub mod event_function;
pub mod event_pattern;
pub mod expirations;
pub mod health_check;
pub mod home;
pub mod host;
pub mod invoke;
pub mod listen;
pub mod live;
pub mod local_bus;
pub mod logs;
pub mod open_files;
pub mod openapi;
pub mod operations;
pub mod outbox;
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
pub mod signals;
pub mod template;
pub mod welcome;

pub use api::policy;
pub use platform::{Platform, Settings};
pub use prices::{AlphaVantageAccess, JsonAccess, LiveSources, Prices, YahooAccess};
pub use replay::Pace;
pub use server::Server;
