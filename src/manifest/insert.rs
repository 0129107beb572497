//! Temporary.
use super::{ScalarType, cursor::Cursor};
use crate::yaml::{Document, NodeId};
use std::ops::Range;
/// What is put in.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Scalar { value: String, kind: ScalarType },
    Mapping(Vec<(String, Tree)>),
    Sequence(Vec<Tree>),
}
#[derive(Debug, Clone)]
pub(super) struct Splice {
    pub span: Range<usize>,
    pub text: String,
}
pub(super) struct Place<'a> {
    pub text: &'a str,
    pub document: &'a Document,
    pub node: NodeId,
    pub key: Option<NodeId>,
}
impl<'a> Place<'a> {
    pub(super) fn of(c: &Cursor<'a>) -> Self {
        Self {
            text: c.view.file.text(),
            document: c.document,
            node: c.node,
            key: c.key_node,
        }
    }
}
pub(super) fn add_entry(_: &Place<'_>, _: &str, _: &Tree) -> Result<Vec<Splice>, String> {
    Err("x".into())
}
pub(super) fn add_item(_: &Place<'_>, _: &Tree) -> Result<Vec<Splice>, String> {
    Err("x".into())
}
pub(super) fn remove(_: &Place<'_>, _: NodeId) -> Result<Vec<Splice>, String> {
    Err("x".into())
}
