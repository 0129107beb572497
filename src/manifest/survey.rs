//! What is in files that nobody has described yet: every object with its values, and what kustomizations
//! build.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::{
    LookedAt, Manifests, ObjectRef, SourceFile, content::ParsedDocument, kustomization,
    object::View,
};
use crate::yaml::{NodeId, NodeKind};

/// How deep an object is looked into; those of Kubernetes are some twenty levels deep.
const DEPTH: usize = 60;
/// How many values of one object are looked at: aliases could make endlessly many of few.
const VALUES: usize = 50_000;

/// An object as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Surveyed {
    /// Kind and name.
    pub object: ObjectRef,
    /// `metadata.namespace`, where it is given.
    pub namespace: Option<String>,
    /// Path of its file.
    pub path: String,
    /// 1-based line on which it begins.
    pub line: usize,
    /// Its values; every scalar is a text.
    pub content: Value,
}

impl Surveyed {
    /// Returns the text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.content.pointer(pointer)?.as_str()
    }

    /// Returns the items of the list at a JSON pointer; none where there is no list.
    pub fn items(&self, pointer: &str) -> &[Value] {
        let list = self.content.pointer(pointer).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }
}

/// Returns every object of the files, in their order; patches of kustomizations are none. What cannot be
/// read is left out.
pub fn survey(manifests: &Manifests) -> Vec<Surveyed> {
    let mut views: Vec<View<'_>> = manifests.views().collect();
    manifests.kustomizations().drop_patches(&mut views);
    views.into_iter().map(surveyed).collect()
}

/// Returns every patch of a kustomization that is written as the object that it changes, in files of their own.
pub fn patches(manifests: &Manifests) -> Vec<Surveyed> {
    let mut views: Vec<View<'_>> = manifests.views().collect();
    manifests.kustomizations().keep_patches(&mut views);
    views.into_iter().map(surveyed).collect()
}

/// Returns the outermost kustomizations by their paths, each with the files and the kustomizations that
/// it builds from.
pub fn built(manifests: &Manifests) -> BTreeMap<String, BTreeSet<String>> {
    manifests.kustomizations().outermost()
}

/// Does a file have a name that kustomize looks for?
pub fn is_kustomization(path: &str) -> bool {
    kustomization::is_kustomization(path)
}

/// Returns those of some kustomizations that may build one of some files, also through another of them.
pub fn reaching(kustomizations: &[LookedAt], files: &BTreeSet<&str>) -> Vec<SourceFile> {
    let texts: Vec<(&str, &str)> = kustomizations
        .iter()
        .map(|LookedAt(file)| (file.path.as_str(), file.text()))
        .collect();
    let files = files.iter().map(|path| (*path).to_owned());
    let reaching: HashSet<&str> = kustomization::reaching(&texts, files).into_iter().collect();
    let texts = texts
        .into_iter()
        .filter(|(path, _)| reaching.contains(path));
    texts
        .map(|(path, text)| SourceFile {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        })
        .collect()
}

fn surveyed(view: View<'_>) -> Surveyed {
    let mut left = VALUES;
    Surveyed {
        object: view.reference().clone(),
        namespace: view.object.namespace.clone(),
        path: view.path().to_owned(),
        line: view.object.line,
        content: value(
            (view.document, view.file.text()),
            view.object.root,
            DEPTH,
            &mut left,
        ),
    }
}

fn value(
    (document, file): (&ParsedDocument, &str),
    node: NodeId,
    depth: usize,
    left: &mut usize,
) -> Value {
    if depth == 0 || *left == 0 {
        return Value::Null;
    }
    *left -= 1;
    let node = document.resolve(node);
    match document.kind(node) {
        NodeKind::Mapping { .. } => {
            let mut map = Map::new();
            for (key, of_key) in document.entries(node) {
                if let Some(key) = document.text(key) {
                    let of_key = value((document, file), of_key, depth - 1, left);
                    map.entry(key).or_insert(of_key);
                }
            }
            Value::Object(map)
        }
        NodeKind::Sequence { .. } => document
            .items(node)
            .map(|item| value((document, file), item, depth - 1, left))
            .collect(),
        NodeKind::Scalar { .. } | NodeKind::Alias { .. } => {
            let text = document.unrendered(file, node);
            text.map_or(Value::Null, |text| Value::String(text.to_owned()))
        }
    }
}
