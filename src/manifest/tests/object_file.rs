//! Random files that hold Kubernetes objects: several documents or a list, in any style.

use proptest::prelude::*;

use crate::manifest::insert::tests::generator::{Model, any_model, any_styles, print_file};

/// The key whose value is a document that is written as a text, and no other.
pub(super) const DOCUMENT_KEY: &str = "app.yaml";

const NAMES: [&str; 3] = ["one", "two", "three"];

/// Returns a strategy for the text of a file.
pub(super) fn any_file() -> impl Strategy<Value = String> {
    let objects = proptest::collection::vec(any_object(), 1..=NAMES.len());
    (objects, any::<bool>(), any_styles()).prop_map(|(bodies, as_list, styles)| {
        let objects = bodies.into_iter().zip(NAMES);
        let objects: Vec<Model> = objects.map(|(body, name)| object(body, name)).collect();
        let documents = if as_list && objects.len() > 1 {
            let list = ("items", Model::List(objects));
            vec![Model::Mapping(vec![("kind", Model::Text("List")), list])]
        } else {
            objects
        };
        print_file(&documents, &styles)
    })
}

/// What an object holds beside its name.
#[derive(Debug, Clone)]
struct Body {
    spec: Model,
    /// A document in a text.
    inner: Option<Model>,
    name_first: bool,
}

fn any_object() -> impl Strategy<Value = Body> {
    let inner = prop::option::weighted(0.4, any_model());
    (any_model(), inner, any::<bool>()).prop_map(|(spec, inner, name_first)| Body {
        spec,
        inner,
        name_first,
    })
}

fn object(body: Body, name: &'static str) -> Model {
    let metadata = Model::Mapping(vec![("name", Model::Text(name))]);
    let mut entries = vec![
        ("kind", Model::Text("Widget")),
        ("metadata", metadata),
        ("spec", body.spec),
    ];
    if !body.name_first {
        entries.rotate_right(1);
    }
    if let Some(inner) = body.inner {
        let text = Model::Document(Box::new(inner));
        let data = vec![(DOCUMENT_KEY, text), ("other", Model::Scalar(0))];
        entries.push(("data", Model::Mapping(data)));
    }
    Model::Mapping(entries)
}
