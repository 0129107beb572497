//! YAML bytes as documents, nodes, byte spans, values and positions: the one parser of shipgate.
//!
//! [`arena`] is the only file that knows the parser crate. [`value`] makes a `serde_json::Value`
//! with positions of it, and [`typed`] a checked struct with messages that name line and column.

pub mod arena;
pub mod typed;
pub mod value;

pub use arena::{
    Document, Limits, NodeId, NodeKind, Part, ScalarStyle, YamlError, documents, documents_of,
};
pub use typed::{Finding, read};
pub use value::{Located, Position, to_value};
