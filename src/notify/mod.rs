//! Tells people what happened: an event becomes a message, a message is sent and acknowledged, or
//! whoever depends on it learns that it was not.

pub mod slack;
