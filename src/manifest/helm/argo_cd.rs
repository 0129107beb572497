//! Values in an Argo CD Application, or in the template of an ApplicationSet.
//!
//! Of the three places `parameters` win over `valuesObject`, and beside `valuesObject` the text
//! `values` counts for nothing (Argo CD documentation, "Helm: values and parameters precedence").

use super::Wanted;
use crate::manifest::{
    Refusal, ScalarType, Segment, cursor::Cursor, findings::Findings, manifests::listed,
    object::View,
};

/// The places of a source that values can be in.
struct Places<'a> {
    /// The Helm settings.
    helm: Cursor<'a>,
    /// What the value is called as a parameter, where it can be one.
    name: Option<String>,
    /// The list of parameters.
    parameters: Option<Cursor<'a>>,
    /// The one of this value.
    parameter: Option<Cursor<'a>>,
    /// `valuesObject`.
    object: Option<Cursor<'a>>,
    /// `values`, a text.
    text: Option<Cursor<'a>>,
}

impl<'a> Places<'a> {
    fn of(view: View<'a>, spec: &[&str], path: &[Segment]) -> Result<Self, Refusal> {
        let helm = helm_of(view, spec)?;
        let name = parameter_name(path);
        let parameters = helm.key("parameters")?;
        let parameter = match (&parameters, &name) {
            (Some(list), Some(name)) => list.item_with("name", name)?,
            _ => None,
        };
        Ok(Self {
            object: helm.key("valuesObject")?,
            text: helm.key("values")?,
            helm,
            name,
            parameters,
            parameter,
        })
    }
}

/// Returns the place of a value in the source that holds Helm settings: the one that counts.
pub(super) fn place<'a>(
    view: View<'a>,
    spec: &[&str],
    path: &[Segment],
) -> Result<Option<Cursor<'a>>, Refusal> {
    let places = Places::of(view, spec, path)?;
    if let Some(parameter) = places.parameter {
        return parameter.key("value");
    }
    match (&places.object, &places.text) {
        (Some(object), _) => object.follow(path),
        (None, Some(text)) => match text.enter() {
            Some(values) => values.follow(path),
            None => no_mapping(text).map_or(Ok(None), Err),
        },
        (None, None) => Ok(None),
    }
}

/// Refuses a text that is to hold values and holds something else.
fn no_mapping(text: &Cursor<'_>) -> Option<Refusal> {
    text.text().filter(|text| !text.trim().is_empty())?;
    let reason = format!(
        "`values` of {} is not a mapping in a literal block, expected one",
        text.view.reference()
    );
    let refusal = text.refusal(reason);
    Some(refusal.hint("write it as `values: |`, or as `valuesObject`"))
}

/// Finds a value in the source that holds Helm settings.
pub(super) fn locate(
    view: View<'_>,
    spec: &[&str],
    wanted: Wanted<'_>,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    let Places {
        helm,
        name,
        parameters,
        parameter,
        object,
        text,
    } = Places::of(view, spec, wanted.path)?;
    let note = |what: &str, at: &Cursor<'_>| {
        format!(
            "{}:{}: `{what}` of {} has the value too, but it does not count; left as it is",
            at.view.path(),
            at.line(),
            at.view.reference()
        )
    };
    if let Some(parameter) = parameter {
        if let Some(object) = &object {
            if wanted.is_in(object)? {
                findings.notes.push(note("valuesObject", object));
            }
        } else if let Some(inside) = text.as_ref().and_then(Cursor::enter)
            && wanted.is_in(&inside)?
        {
            findings.notes.push(note("values", &inside));
        }
        let value = [Segment::from("value")];
        findings.put(&parameter, &value, wanted.value, ScalarType::Text);
        return Ok(());
    }
    if let Some(object) = &object {
        if let Some(inside) = text.as_ref().and_then(Cursor::enter)
            && wanted.is_in(&inside)?
        {
            findings.notes.push(note("values", &inside));
        }
        return wanted.put(object, &[], findings);
    }
    let inside = text.as_ref().and_then(Cursor::enter);
    if let Some(refusal) = text
        .as_ref()
        .filter(|_| inside.is_none())
        .and_then(no_mapping)
    {
        return Err(refusal);
    }
    match (inside, &parameters, name) {
        (Some(inside), ..) if wanted.is_in(&inside)? => wanted.put(&inside, &[], findings),
        (_, Some(_), Some(name)) => {
            let path = [
                Segment::from("parameters"),
                Segment::named(&name),
                Segment::from("value"),
            ];
            findings.put(&helm, &path, wanted.value, ScalarType::Text);
            Ok(())
        }
        (Some(inside), ..) => wanted.put(&inside, &[], findings),
        _ => Err(helm
            .refusal(format!(
                "{} sets no values of its chart here, expected `valuesObject`, `parameters` or `values`",
                view.reference()
            ))
            .hint("write `valuesObject` with a first value there, or name the values file")),
    }
}

/// Returns the `helm` of the one source that has it.
fn helm_of<'a>(view: View<'a>, spec: &[&str]) -> Result<Cursor<'a>, Refusal> {
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    let spec = Cursor::new(view).keys(spec)?;
    let spec = spec.as_ref();
    // Where there are `sources`, Argo CD ignores `source`.
    let sources = spec.map(|spec| spec.key("sources")).transpose()?.flatten();
    let sources = match sources {
        Some(list) => list.items(),
        None => {
            let source = spec.map(|spec| spec.key("source")).transpose()?.flatten();
            source.into_iter().collect()
        }
    };
    let mut found = Vec::new();
    for source in &sources {
        found.extend(source.key("helm")?);
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(refuse(format!(
            "no source of {} has `helm`, expected one",
            view.reference()
        ))
        .hint("write `helm` with `valuesObject` into the source, or name the values file")),
        several => {
            let lines = listed(several.iter().map(|helm| format!("line {}", helm.line())));
            Err(refuse(format!(
                "{} sources of {} have `helm`, expected one: {lines}",
                several.len(),
                view.reference()
            ))
            .hint("name the values file, or change the value by its whole path"))
        }
    }
}

/// Returns the name of a parameter as `helm --set` writes it; none for a path that it cannot write.
fn parameter_name(path: &[Segment]) -> Option<String> {
    let mut name = String::new();
    for segment in path {
        match segment {
            Segment::Key(key) => {
                if !name.is_empty() {
                    name.push('.');
                }
                for character in key.chars() {
                    if ".,={}[]\\".contains(character) {
                        name.push('\\');
                    }
                    name.push(character);
                }
            }
            Segment::Index(index) => name.push_str(&format!("[{index}]")),
            Segment::Item { .. } | Segment::Document => return None,
        }
    }
    Some(name)
}
