//! The Kubernetes objects in a document: the document itself, or the items of a `List`.

use super::{ObjectRef, source::ParsedFile};
use crate::yaml::{Document, NodeId};

/// One object and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// Kind and name. For an object that is named by the cluster, its `generateName`.
    pub reference: ObjectRef,
    /// `metadata.namespace`, where it is given.
    pub namespace: Option<String>,
    /// Index of its document in its file.
    pub document: usize,
    /// Its outermost node.
    pub root: NodeId,
    /// 1-based line on which it begins.
    pub line: usize,
}

/// Adds the objects of a document to `objects`.
pub(super) fn find(document: &Document, index: usize, objects: &mut Vec<Object>) {
    let root = document.root();
    let is_list = document
        .get(root, "kind")
        .and_then(|kind| document.text(kind))
        .is_some_and(|kind| kind.ends_with("List"));
    let items = document
        .get(root, "items")
        .map(|items| document.items(items).collect::<Vec<_>>());
    match items {
        Some(items) if is_list => {
            objects.extend(items.iter().filter_map(|item| read(document, index, *item)));
        }
        _ => objects.extend(read(document, index, root)),
    }
}

fn read(document: &Document, index: usize, root: NodeId) -> Option<Object> {
    let text = |of: NodeId, key: &str| {
        let value = document.get(of, key)?;
        document.text(value).map(str::to_owned)
    };
    let kind = text(root, "kind")?;
    let metadata = document.get(root, "metadata");
    let of_metadata = |key: &str| metadata.and_then(|metadata| text(metadata, key));
    let name = of_metadata("name").or_else(|| of_metadata("generateName"));
    Some(Object {
        reference: ObjectRef {
            kind,
            name: name.unwrap_or_default(),
        },
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
    /// Its document.
    pub document: &'a Document,
    /// The object.
    pub object: &'a Object,
}

impl<'a> View<'a> {
    /// Returns the path of the file.
    pub(super) fn path(&self) -> &'a str {
        &self.file.source.path
    }

    /// Returns kind and name.
    pub(super) fn reference(&self) -> &'a ObjectRef {
        &self.object.reference
    }

    /// Returns `path:line` of the object.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path(), self.object.line)
    }

    /// May the two objects be in one namespace? One that is not given is whatever the other's is.
    pub(super) fn may_share_namespace(&self, other: &View<'_>) -> bool {
        match (&self.object.namespace, &other.object.namespace) {
            (Some(this), Some(that)) => this == that,
            _ => true,
        }
    }
}
