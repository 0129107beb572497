//! YAML bytes as documents, nodes, byte spans, values and positions: the one parser of shipgate.
//!
//! `parser` is the only file that knows the parser crate; what is written in the usual style needs
//! no parser (`usual`). [`value`] makes a `serde_json::Value` with positions of a document, and
//! [`typed`] a checked struct with messages that name line and column.

mod document;
mod limits;
mod node;
mod parser;
pub mod typed;
mod usual;
pub mod value;

pub use document::{Document, NodeId, NodeKind, ScalarStyle};
pub use limits::{Limits, YamlError};
pub use parser::{Part, documents, documents_of};
pub use typed::{Finding, read};
pub use value::{Located, Position, to_value};
