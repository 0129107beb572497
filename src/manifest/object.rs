//! The Kubernetes objects in a document: the document itself, or the items of a `List`.

use super::{ObjectRef, content::ParsedDocument, source::ParsedFile};
use crate::yaml::{NodeId, NodeKind};

/// One object and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// Kind and name. For an object that is named by the cluster, its `generateName`.
    pub reference: ObjectRef,
    /// `metadata.namespace`, where it is given.
    pub namespace: Option<String>,
    /// Index of its document in its part of the file.
    pub document: usize,
    /// Its outermost node.
    pub root: NodeId,
    /// 1-based line on which it begins.
    pub line: usize,
}

/// Adds the objects of a document of a file (its text and path) to `objects`.
pub(super) fn find(
    document: &ParsedDocument,
    index: usize,
    file: (&str, &str),
    objects: &mut Vec<Object>,
) {
    below(document, index, document.root(), file, objects);
}

/// Adds the object at a node, or the items of the list there. A list in a list is one too: what could
/// not be seen in it would be neither changed nor respected. One that is an alias is not entered: it may
/// lead to what it is in, or to the same again and again.
fn below(
    document: &ParsedDocument,
    index: usize,
    node: NodeId,
    file: (&str, &str),
    objects: &mut Vec<Object>,
) {
    let is_list = document
        .get(node, "kind")
        .and_then(|kind| document.text(kind))
        .is_some_and(|kind| kind.ends_with("List"));
    let is_outermost = node == document.root();
    let is_written_here = |node: NodeId| document.resolve(node) == node;
    match document.get(node, "items") {
        Some(items) if is_list && (is_outermost || is_written_here(items)) => {
            objects.reserve(document.items(items).count());
            for item in document.items(items) {
                if is_written_here(item) {
                    below(document, index, item, file, objects);
                } else {
                    objects.extend(read(document, index, item, file));
                }
            }
        }
        _ => objects.extend(read(document, index, node, file)),
    }
}

fn read(
    document: &ParsedDocument,
    index: usize,
    root: NodeId,
    (file, path): (&str, &str),
) -> Option<Object> {
    let text = |of: NodeId, key: &str| {
        let value = document.get(of, key)?;
        document.unrendered(file, value).map(str::to_owned)
    };
    if !matches!(
        document.kind(document.resolve(root)),
        NodeKind::Mapping { .. }
    ) {
        return None;
    }
    let kind = text(root, "kind");
    let metadata = document.get(root, "metadata");
    let of_metadata = |key: &str| metadata.and_then(|metadata| text(metadata, key));
    let name = of_metadata("name").or_else(|| of_metadata("generateName"));
    let reference = match kind {
        None => ObjectRef::file(path),
        // A kustomization needs no name; it is known by its file.
        Some(kind) if name.is_none() && ["Kustomization", "Component"].contains(&kind.as_str()) => {
            ObjectRef::file(path)
        }
        Some(kind) => ObjectRef {
            kind,
            name: name.unwrap_or_default(),
        },
    };
    Some(Object {
        reference,
        namespace: of_metadata("namespace"),
        document: index,
        root,
        line: document.line(root),
    })
}

/// One object of the parsed files, with the document that it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// Its file.
    pub file: &'a ParsedFile,
    /// Index of the part of the file.
    pub part: usize,
    /// Its document.
    pub document: &'a ParsedDocument,
    /// The object.
    pub object: &'a Object,
}

impl<'a> View<'a> {
    /// Returns the path of the file.
    pub(super) fn path(&self) -> &'a str {
        &self.file.path
    }

    /// Returns kind and name.
    pub(super) fn reference(&self) -> &'a ObjectRef {
        &self.object.reference
    }

    /// Returns `path:line` of the object.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path(), self.object.line)
    }

    /// May the object be in a namespace? One that is not given is whatever the other's is.
    pub(super) fn may_share_namespace(&self, other: Option<&str>) -> bool {
        match (self.object.namespace.as_deref(), other) {
            (Some(this), Some(that)) => this == that,
            _ => true,
        }
    }
}
