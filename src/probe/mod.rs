//! One outside answer a call: what a provider or a service says, or why it says nothing.
//!
//! Everything here is fail-closed: no answer, an empty one, an odd one or an old one is never a
//! number and never healthy.

mod address;
pub mod alertmanager;
mod auth;
mod check;
mod client;
pub mod cloudwatch;
pub mod datadog;
pub mod github;
pub mod http;
mod json_api;
pub mod live;
pub mod newrelic;
mod number;
pub mod program;
pub mod prometheus;
mod rate_limit;
pub mod registry;
pub mod rest;
mod text;
pub mod web;
pub mod webhook;
mod window;

pub use check::CheckReading;
pub use client::{Client, ClientOptions};
pub use json_api::may_pass;
pub use number::NumberSource;
pub use text::{excerpt, is_harmless, line};
pub use window::{SumSource, WindowReading};
