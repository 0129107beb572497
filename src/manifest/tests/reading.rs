//! What an independent reader sees in a file: its documents, the objects in them, and every value by
//! its path.

use serde::Deserialize;
use serde_yaml::{
    Mapping, Value,
    value::{Tag, TaggedValue},
};

use super::object_file::DOCUMENT_KEY;
use crate::manifest::{ObjectRef, Segment};

/// Says that a value is a document that is written as a text.
const DOCUMENT: &str = "a-document";

/// The documents of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading(Vec<Value>);

/// A value of an object, or a place where one can be added.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub object: ObjectRef,
    pub path: Vec<Segment>,
    pub value: Value,
}

impl Reading {
    /// Reads a file; none where the reader knows better than the printer.
    pub(super) fn of(text: &str) -> Option<Self> {
        // It counts a byte-order mark as a column.
        let text = text.trim_start_matches('\u{feff}');
        let readers = serde_yaml::Deserializer::from_str(text);
        let documents: Result<Vec<Value>, _> = readers.map(Value::deserialize).collect();
        Some(Self(documents.ok()?.into_iter().map(entered).collect()))
    }

    /// Returns every place below `spec` and `data` of every object.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut found = Vec::new();
        for object in self.0.iter().flat_map(objects_of) {
            let Some(reference) = reference(object) else {
                continue;
            };
            for key in ["spec", "data"] {
                if let Some(value) = object.get(key) {
                    add_places(&reference, vec![Segment::from(key)], value, &mut found);
                }
            }
        }
        found
    }

    /// Sets a value, or adds it where the path ends in something that is not there.
    pub(super) fn set(&mut self, object: &ObjectRef, path: &[Segment], value: Value) {
        let mut objects = self.0.iter_mut().flat_map(objects_of_mut);
        let found = objects.find(|found| reference(found).as_ref() == Some(object));
        set(found.unwrap(), path, value);
    }
}

/// Reads the texts that are documents. A text may be one whether or not it has a line break: the
/// printer says where they stand.
fn entered(value: Value) -> Value {
    match value {
        Value::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let value = match value {
                    Value::String(text) if key == DOCUMENT_KEY => document(text),
                    other => entered(other),
                };
                (key, value)
            });
            Value::Mapping(entries.collect())
        }
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(entered).collect()),
        // The tags that are printed say what the value is anyway.
        Value::Tagged(tagged) => entered(tagged.value),
        other => other,
    }
}

/// Reads a text as a document; it stays a text where it is no mapping or list.
fn document(text: String) -> Value {
    match serde_yaml::from_str(&text) {
        Ok(inner @ (Value::Mapping(_) | Value::Sequence(_))) => {
            Value::Tagged(Box::new(TaggedValue {
                tag: Tag::new(DOCUMENT),
                value: entered(inner),
            }))
        }
        _ => Value::String(text),
    }
}

fn is_list(document: &Value) -> bool {
    document.get("kind") == Some(&Value::from("List"))
}

fn objects_of(document: &Value) -> Vec<&Value> {
    match document.get("items") {
        Some(Value::Sequence(items)) if is_list(document) => items.iter().collect(),
        _ => vec![document],
    }
}

fn objects_of_mut(document: &mut Value) -> Vec<&mut Value> {
    if !is_list(document) {
        return vec![document];
    }
    match document.get_mut("items") {
        Some(Value::Sequence(items)) => items.iter_mut().collect(),
        _ => Vec::new(),
    }
}

fn reference(object: &Value) -> Option<ObjectRef> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Some(ObjectRef {
        kind: text(object.get("kind"))?,
        name: text(object.get("metadata")?.get("name"))?,
    })
}

fn add_places(object: &ObjectRef, path: Vec<Segment>, value: &Value, found: &mut Vec<Place>) {
    let mut below = |segment: Segment, value: &Value| {
        let mut path = path.clone();
        path.push(segment);
        add_places(object, path, value, found);
    };
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                if let Some(key) = key.as_str() {
                    below(Segment::from(key), value);
                }
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                below(Segment::Index(index), item);
            }
        }
        Value::Tagged(document) => return below(Segment::Document, &document.value),
        _ => {}
    }
    found.push(Place {
        object: object.clone(),
        path,
        value: value.clone(),
    });
}

fn set(at: &mut Value, path: &[Segment], new: Value) {
    let Some((segment, rest)) = path.split_first() else {
        *at = new;
        return;
    };
    match segment {
        Segment::Key(key) => {
            if at.is_null() {
                *at = Value::Mapping(Mapping::new());
            }
            let entries = at.as_mapping_mut().unwrap();
            let value = entries
                .entry(Value::from(key.as_str()))
                .or_insert(Value::Null);
            set(value, rest, new);
        }
        Segment::Index(index) => set(&mut at.as_sequence_mut().unwrap()[*index], rest, new),
        Segment::Item { key, value } => {
            if at.is_null() {
                *at = Value::Sequence(Vec::new());
            }
            let name = (Value::from(key.as_str()), Value::from(value.as_str()));
            let mut item = Value::Mapping(Mapping::from_iter([name]));
            set(&mut item, rest, new);
            at.as_sequence_mut().unwrap().push(item);
        }
        Segment::Document => match at {
            Value::Tagged(document) => set(&mut document.value, rest, new),
            other => panic!("{other:?} is no document"),
        },
    }
}
