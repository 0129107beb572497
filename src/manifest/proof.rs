//! The proof that an edited file differs in exactly the values that were wanted.

use super::{Refusal, SourceFile, source::ParsedFile};
use crate::yaml::{Document, NodeId};

/// One value that must have changed, and to what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// Index of its document in the file.
    pub document: usize,
    /// Its node.
    pub node: NodeId,
    /// The decoded value that a reader must find.
    pub value: &'a str,
}

/// Parses the new text and compares it, node by node, with the old one.
///
/// # Errors
/// Anything else changed, or a value did not become what was wanted.
pub(super) fn check(
    old: &ParsedFile,
    new: &SourceFile,
    expected: &[Expected<'_>],
) -> Result<(), Refusal> {
    let stop = |what: &str| safety_stop(&new.path, what);
    let new =
        ParsedFile::parse(new.clone()).map_err(|_| stop("the result would not be readable"))?;
    if old.documents.len() != new.documents.len() {
        return Err(stop("the number of documents would change"));
    }
    let same_templates = old.templates.len() == new.templates.len()
        && old
            .templates
            .iter()
            .zip(&new.templates)
            .all(|(one, other)| old.text()[one.range.clone()] == new.text()[other.range.clone()]);
    if !same_templates {
        return Err(stop("a Helm template would change"));
    }
    for (index, (one, other)) in old.documents.iter().zip(&new.documents).enumerate() {
        let wanted: Vec<_> = expected
            .iter()
            .filter(|expected| expected.document == index)
            .collect();
        if one.len() != other.len() || one.root() != other.root() {
            return Err(stop("the number of values would change"));
        }
        for id in 0..one.len() {
            let value = wanted
                .iter()
                .find(|expected| expected.node == id)
                .map(|expected| expected.value);
            let fits = match value {
                Some(value) => other.value(id) == Some(value) && is_dressed_alike(one, other, id),
                None => is_same(one, other, id),
            };
            if !fits {
                return Err(stop(&describe(one, id)));
            }
        }
    }
    Ok(())
}

/// The refusal that keeps a defect of the editor from reaching a file.
pub(super) fn safety_stop(path: &str, what: &str) -> Refusal {
    Refusal {
        path: Some(path.to_owned()),
        line: None,
        reason: format!("internal safety stop: {what}"),
        hint: Some("nothing was written; make this edit by hand and report the file".to_owned()),
    }
}

fn describe(document: &Document, id: NodeId) -> String {
    format!(
        "the value on line {} would not be what it should",
        document.line(id)
    )
}

fn is_same(one: &Document, other: &Document, id: NodeId) -> bool {
    one.kind(id) == other.kind(id)
        && one.value(id) == other.value(id)
        && one.last_inside(id) == other.last_inside(id)
        && is_dressed_alike(one, other, id)
}

fn is_dressed_alike(one: &Document, other: &Document, id: NodeId) -> bool {
    one.tag(id) == other.tag(id) && one.is_anchored(id) == other.is_anchored(id)
}

#[cfg(test)]
mod tests {
    use crate::manifest::{ChangeSet, Edit, Manifests, SourceFile, locate};

    const FILE: &str = "\
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2
  paused: false
---
{{ if .Values.on }}
kind: Note
---
kind: Note
";

    #[test]
    fn a_text_that_does_more_than_it_should_is_stopped() {
        let manifests = Manifests::parse(vec![SourceFile {
            path: "f.yaml".to_owned(),
            bytes: FILE.into(),
        }])
        .unwrap();
        let edit = Edit::Replicas {
            workload: "Deployment/app".parse().unwrap(),
            replicas: 3,
        };
        let set = locate(&manifests, &[edit]).unwrap();
        assert!(set.apply(&manifests).is_ok());
        let rows = [
            ("4", "the value on line 4 would not be what it should"),
            ("3\n  evil: 1", "the number of values would change"),
            (
                "3\n---\nspec:\n  replicas: 3",
                "the number of documents would change",
            ),
            ("[3, 3]", "the number of values would change"),
            ("&a 3", "the value on line 4 would not be what it should"),
            ("!!str 3", "the value on line 4 would not be what it should"),
            ("\"3", "the result would not be readable"),
            ("{{ 3 }}", "the number of documents would change"),
            ("", "the value on line 4 would not be what it should"),
        ];
        for (text, expected) in rows {
            let mut changes = set.changes.clone();
            text.clone_into(&mut changes[0].text);
            let refusal = ChangeSet::of(changes).apply(&manifests).unwrap_err();
            assert_eq!(
                refusal.to_string(),
                format!("f.yaml: internal safety stop: {expected}"),
                "{text}"
            );
        }
    }
}
