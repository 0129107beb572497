//! What controllers and clusters say of what runs, and what it means; whatever is broken is never
//! live.

mod argocd;
mod cluster;
mod kubeconfig;

use std::{fs, path::PathBuf};

use serde_json::Value;
use shipgate::probe::live::{Standing, Trouble};
use tempfile::TempDir;

use crate::faults::TOKEN;

/// Takes the values at some JSON pointers of a document for others; `null` takes one out.
fn changed(document: &Value, changes: &[(&str, Value)]) -> Value {
    let mut document = document.clone();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        match document.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(map) if value.is_null() => {
                map.remove(&key).unwrap();
            }
            Value::Object(map) => {
                map.insert(key, value.clone());
            }
            other => unreachable!("{pointer} leads into {other}"),
        }
    }
    document
}

/// Prints how something stands.
fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Settled => "settled".to_owned(),
        Standing::Moving(text) => format!("moving: {text}"),
        Standing::Failing(text) => format!("failing: {text}"),
    }
}

/// Prints trouble, after a look for what must not be in it.
fn trouble(trouble: &Trouble, url: &str) -> String {
    let text = match trouble {
        Trouble::Missing(reason) => format!("missing: {reason}"),
        Trouble::Unanswered(reason) => format!("unanswered: {reason}"),
    };
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

/// Writes a file into a folder of its own.
fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}
