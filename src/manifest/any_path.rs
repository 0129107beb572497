//! Any value of an object by its path: found in the one object that has it, never in what says who
//! an object is, what the cluster writes itself, or what is secret.

use super::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment,
    annotation::LAST_APPLIED,
    cursor::Cursor,
    findings::Findings,
    manifests::{count, listed},
    object::View,
    plain,
    pod_spec::template_path,
    pointer::path_of,
    template,
};
use crate::yaml::{NodeKind, ScalarStyle};

/// Finds the value at a path. A last key that is missing is added where the mapping around it is
/// there; nothing else is made.
pub(super) fn locate(
    manifests: &Manifests,
    object: Option<&ObjectRef>,
    path: &[Segment],
    (value, scalar_type): (&str, Option<ScalarType>),
    findings: &mut Findings,
) {
    let view = template::check_new(value).and_then(|()| match object {
        Some(object) => manifests.one(object),
        None => only_one_with(manifests, path),
    });
    let Some(view) = findings.take(view) else {
        return;
    };
    if let Err(refusal) = check_allowed(view, path) {
        findings.refusals.push(refusal);
        return;
    }
    let Some(place) = findings.take(Cursor::new(view).follow(path)) else {
        return;
    };
    let found = match &place {
        Some(place) => type_there(place, scalar_type),
        None => check_parent(view, path).map(|()| scalar_type.unwrap_or(ScalarType::Text)),
    };
    let target = format!("{} of {}", path_of(path), view.reference());
    let checked = found.and_then(|kind| {
        check_value(value, kind)
            .map(|()| kind)
            .map_err(|(reason, hint)| {
                let line = place.as_ref().map_or(view.object.line, Cursor::line);
                Refusal::new(format!("{target}: {reason}"))
                    .at(view.path(), line)
                    .hint(hint)
            })
    });
    let Some(kind) = findings.take(checked) else {
        return;
    };
    let known = findings.changes.len();
    findings.put(&Cursor::new(view), path, value, kind);
    let added = findings.changes.get(known..).unwrap_or_default();
    if let Some(change) = added.iter().find(|change| change.old.is_none()) {
        let at = format!("{}:{}", change.path, change.line);
        findings
            .notes
            .push(format!("{at}: {target} was not there; added"));
    }
}

/// Finds the one object that has a path.
fn only_one_with<'a>(manifests: &'a Manifests, path: &[Segment]) -> Result<View<'a>, Refusal> {
    let wanted = path_of(path);
    // A key that is written twice on the way is told once the object is known.
    let having = |path: &[Segment]| {
        let has = |view: &View<'_>| !matches!(Cursor::new(*view).follow(path), Ok(None));
        let needles = needles(path);
        let found = manifests.views_with(&needles).filter(has);
        found.collect::<Vec<View<'a>>>()
    };
    let places = |views: &[View<'_>]| {
        let place = |view: &View<'_>| format!("{} ({})", view.reference(), view.place());
        listed(views.iter().map(place))
    };
    let found = having(path);
    if let [one] = found.as_slice() {
        return Ok(*one);
    }
    if let Some(first) = found.first() {
        return Err(Refusal::new(format!(
            "{} have `{wanted}`, expected one: {}",
            count(found.len(), "object"),
            places(&found)
        ))
        .at(first.path(), first.object.line)
        .hint("say which object is meant with --object KIND/NAME"));
    }
    let text = needles(path);
    if let Some(unknown) = manifests.unknown_with(&text).next() {
        return Err(unknown.refusal(format!(
            "no object has `{wanted}`, but the {} here may",
            unknown.what()
        )));
    }
    let files = count(manifests.paths().count(), "file");
    let reason = format!("no object in {files} has `{wanted}`");
    let (_, parent) = path.split_last().unwrap_or((&Segment::Document, &[]));
    let near = if parent.is_empty() {
        Vec::new()
    } else {
        having(parent)
    };
    if near.is_empty() {
        return Err(Refusal::new(reason)
            .hint("check the path, and that the files to edit include the one that holds it"));
    }
    let reason = format!("{reason}; found `{}` in {}", path_of(parent), places(&near));
    Err(Refusal::new(reason)
        .hint("check the path, or name the object to add it to with --object KIND/NAME"))
}

/// Returns the texts that an object with a path must have in its bytes.
fn needles(path: &[Segment]) -> Vec<&str> {
    let mut texts = Vec::new();
    for segment in path {
        match segment {
            Segment::Key(key) => texts.push(key.as_str()),
            Segment::Item { key, value } => texts.extend([key.as_str(), value.as_str()]),
            Segment::Index(_) | Segment::Document => {}
        }
    }
    texts
}

/// Refuses what is not to be edited by path.
fn check_allowed(view: View<'_>, path: &[Segment]) -> Result<(), Refusal> {
    let object = view.reference();
    let keys: Vec<&str> = path.iter().map_while(key_of).collect();
    if object.kind == ObjectRef::FILE && keys.first() != Some(&"secretGenerator") {
        return Ok(());
    }
    let refuse = |reason: String, hint: &str| {
        let reason = format!("`{}` of {object} {reason}", path_of(path));
        Err(Refusal::new(reason)
            .at(view.path(), view.object.line)
            .hint(hint))
    };
    match keys.as_slice() {
        ["data" | "stringData", ..] | ["spec", "encryptedData", ..]
            if ["Secret", "SealedSecret"].contains(&object.kind.as_str()) =>
        {
            refuse(
                "is a secret, which is never read or shown".to_owned(),
                "change it with the tool that made the Secret",
            )
        }
        [
            "metadata",
            "uid" | "resourceVersion" | "generation" | "creationTimestamp" | "managedFields"
            | "selfLink",
            ..,
        ]
        | ["status", ..] => refuse(
            "is written by the cluster, expected a value that people write".to_owned(),
            "change what is below `spec`",
        ),
        ["kind" | "apiVersion", ..] | ["metadata", "name" | "generateName" | "namespace", ..] => {
            refuse(
                "says which object it is; another value is another object".to_owned(),
                "make a new object, and remove the old one when nothing needs it any more",
            )
        }
        ["metadata", "annotations", LAST_APPLIED, ..] => refuse(
            "is what `kubectl apply` remembers of the object".to_owned(),
            "change the value itself; `kubectl apply` writes the annotation",
        ),
        ["spec", "selector", ..] if runs_pods(view) => refuse(
            "says which pods belong to the workload, which Kubernetes lets nobody change"
                .to_owned(),
            "make a new workload beside the old one",
        ),
        ["secretGenerator", ..] => refuse(
            "is a secret, which is never read or shown".to_owned(),
            "change it by hand, or with the tool that keeps the secret",
        ),
        _ if is_label_of_pods(view, &keys) => refuse(
            "is a label of pods, which selectors may find them by".to_owned(),
            "set it with --label, which leaves alone what a selector uses",
        ),
        _ => Ok(()),
    }
}

/// Do keys lead to the labels of the pods that a workload makes, or of a pod?
fn is_label_of_pods(view: View<'_>, keys: &[&str]) -> bool {
    let template = template_path(&Cursor::new(view)).unwrap_or(&["spec", "template"]);
    keys.strip_prefix(template)
        .is_some_and(|below| below.starts_with(&["metadata", "labels"]))
}

fn key_of(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Key(key) => Some(key),
        _ => None,
    }
}

/// Is an object a workload, of a kind that is known or of one that looks like it?
fn runs_pods(view: View<'_>) -> bool {
    template_path(&Cursor::new(view)).is_some()
        || !matches!(Cursor::new(view).keys(&["spec", "template"]), Ok(None))
}

/// Refuses a path that is missing in more than its last key.
fn check_parent(view: View<'_>, path: &[Segment]) -> Result<(), Refusal> {
    let mut place = Cursor::new(view);
    for (index, segment) in path.iter().enumerate() {
        if let Some(next) = place.follow(std::slice::from_ref(segment))? {
            place = next;
            continue;
        }
        let is_last_key = index + 1 == path.len() && matches!(segment, Segment::Key(_));
        if is_last_key {
            return Ok(());
        }
        let missing = path_of(path.get(..=index).unwrap_or(path));
        let reason = format!(
            "{} has no `{missing}`; found {}",
            view.reference(),
            inside(&place)
        );
        let hint = "check the path; only its last key is added, into a mapping that is there";
        return Err(place.refusal(reason).hint(hint));
    }
    Ok(())
}

/// Says what there is at a place, for somebody whose path leads on from there.
fn inside(place: &Cursor<'_>) -> String {
    let document = place.document;
    let node = place.resolved();
    let here = if place.pointer().is_empty() {
        String::new()
    } else {
        format!(" in `{}`", place.target())
    };
    match document.kind(node) {
        NodeKind::Mapping { .. } => {
            let keys = document
                .entries(node)
                .filter_map(|(key, _)| document.text(key));
            let keys = listed(keys.map(|key| format!("`{key}`")));
            match keys.as_str() {
                "" => format!("no key{here}"),
                _ => format!("{keys}{here}"),
            }
        }
        NodeKind::Sequence { .. } => {
            let items = place.items();
            let names = items.iter().filter_map(|item| match item.pointer().pop() {
                Some(segment @ Segment::Item { .. }) => Some(format!("`{}`", path_of(&[segment]))),
                _ => None,
            });
            let names = listed(names);
            let items = count(items.len(), "item");
            match names.as_str() {
                "" => format!("{items}{here}"),
                _ => format!("{names}{here}"),
            }
        }
        NodeKind::Scalar { .. } | NodeKind::Alias { .. } => format!("a text{here}"),
    }
}

/// Returns what readers are to take a new value for: what was asked for, else what they take the old
/// one for.
fn type_there(place: &Cursor<'_>, wanted: Option<ScalarType>) -> Result<ScalarType, Refusal> {
    let document = place.document;
    let style = document.kind(place.node);
    let is_plain = style
        == NodeKind::Scalar {
            style: ScalarStyle::Plain,
        };
    if let Some(wanted) = wanted {
        return Ok(wanted);
    }
    if !is_plain || document.tag(place.node).is_some() {
        return Ok(ScalarType::Text);
    }
    let written = document.written(place.node);
    if is_integer(written) {
        return Ok(ScalarType::Integer);
    }
    if matches!(written, "true" | "false") {
        return Ok(ScalarType::Boolean);
    }
    let starts_as_number = written
        .trim_start_matches(['+', '-', '.'])
        .starts_with(|first: char| first.is_ascii_digit());
    if starts_as_number && !plain::is_text(written, place.in_flow) {
        return Err(place
            .refusal(format!(
                "`{}` of {} is `{written}` without quotes, which may be a number or a text",
                place.target(),
                place.view.reference()
            ))
            .hint("say --type text to write a text in quotes"));
    }
    Ok(ScalarType::Text)
}

/// Is it a whole number that every reader reads alike: no leading zero, no `+`?
fn is_integer(text: &str) -> bool {
    text.parse::<i64>()
        .is_ok_and(|number| number.to_string() == text)
}

/// Returns why a value cannot be written, and what to do.
fn check_value(value: &str, scalar_type: ScalarType) -> Result<(), (String, &'static str)> {
    let is_break =
        |character: char| matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if value.contains(is_break) {
        let reason = "the value has a line break, expected one line".to_owned();
        return Err((reason, "write a text of several lines by hand"));
    }
    if value.contains(char::is_control) {
        let reason = "the value has a control character, expected a text".to_owned();
        return Err((reason, "give the value without it"));
    }
    match scalar_type {
        ScalarType::Integer if !is_integer(value) => Err((
            format!("found `{value}`, expected a whole number such as 5"),
            "say --type text if a text is meant",
        )),
        ScalarType::Boolean if !matches!(value, "true" | "false") => Err((
            format!("found `{value}`, expected true or false"),
            "say --type text if a text is meant",
        )),
        _ => Ok(()),
    }
}
