//! The scalar at a place, once it is sure that changing its bytes changes that one value and no other.

use std::ops::Range;

use super::{
    Change, Refusal,
    cursor::{Cursor, Detour},
    manifests::{TEMPLATE_HINT, listed},
    plain,
    scalar::{Quote, ScalarType, Surroundings, render},
    source::ParsedFile,
    template,
};
use crate::yaml::{Document, NodeId, NodeKind, ScalarStyle};

/// A scalar that may be replaced.
#[derive(Debug)]
pub(super) struct Target<'a> {
    place: &'a Cursor<'a>,
    style: ScalarStyle,
    /// The decoded value that is there now.
    pub value: &'a str,
    /// The bytes that are there now.
    pub written: &'a str,
}

impl<'a> Target<'a> {
    /// Takes the scalar at a place.
    ///
    /// # Errors
    /// It is reached through an alias or a merge key, used elsewhere through its anchor, no scalar,
    /// a block scalar, tagged, empty, templated; or its object is in the file twice.
    pub(super) fn at(place: &'a Cursor<'a>) -> Result<Self, Refusal> {
        let view = place.view;
        let target = format!("{} of {}", place.target(), view.reference());
        check_written_here(place, &target)?;
        let document = view.document;
        let (NodeKind::Scalar { style }, Some(value)) =
            (document.kind(place.node), document.value(place.node))
        else {
            return Err(place
                .refusal(format!("{target} is a mapping or a list, expected a text"))
                .hint("write the value as a text"));
        };
        if style.is_block() {
            return Err(place
                .refusal(format!(
                    "{target} is a block scalar (`|` or `>`), expected a text on one line"
                ))
                .hint("write the value in quotes behind its key"));
        }
        if let Some(tag) = document.tag(place.node).filter(|tag| *tag != "!!str") {
            return Err(place
                .refusal(format!("{target} has the tag `{tag}`, expected none"))
                .hint("remove the tag and put quotes around the value"));
        }
        let written = document.written(place.node);
        if written.is_empty() {
            return Err(place
                .refusal(format!("{target} has no value, expected a text"))
                .hint("write a first value behind the key"));
        }
        if value.contains(template::VARIABLE) {
            return Err(place
                .refusal(format!(
                    "{target} holds a variable `${{…}}` that another tool fills in, expected a value"
                ))
                .hint("set the variable where that tool takes it from"));
        }
        if value.contains(template::ACTION) {
            return Err(place
                .refusal(format!("{target} is a Helm template, expected a value"))
                .hint(TEMPLATE_HINT));
        }
        check_alone_in_file(place)?;
        Ok(Self {
            place,
            style,
            value,
            written,
        })
    }

    /// Returns the change to a new value; none where the value is there already.
    pub(super) fn change_to(&self, new: &str) -> Option<Change> {
        (self.value != new).then(|| {
            let surroundings = Surroundings {
                style: self.style,
                in_flow: self.place.in_flow,
                quote: usual_quote(self.place.view.file, self.place.view.document),
            };
            let kind = ScalarType::of(&self.place.pointer);
            self.change_as(new, render(new, kind, surroundings))
        })
    }

    /// Returns what is wrong with how the value is written, for a value that stays as it is:
    /// Kubernetes refuses a number where it wants a text, and the other way round.
    pub(super) fn warning(&self) -> Option<String> {
        let place = self.place;
        let found = match ScalarType::of(&place.pointer) {
            ScalarType::Text
                if self.style == ScalarStyle::Plain
                    && place.view.document.tag(place.node).is_none()
                    && !plain::is_text(self.value, place.in_flow) =>
            {
                "stands without quotes and may be read as another type"
            }
            ScalarType::Integer if self.style != ScalarStyle::Plain => {
                "stands in quotes, Kubernetes expects a number"
            }
            _ => return None,
        };
        let path = place.view.path();
        Some(format!(
            "{path}:{}: {} {found}",
            place.line(),
            place.target()
        ))
    }

    /// Returns the change to a new value whose bytes are known already.
    pub(super) fn change_as(&self, new: &str, text: String) -> Change {
        Change {
            path: self.place.view.path().to_owned(),
            line: self.place.line(),
            column: self.place.view.document.column(self.place.node),
            object: self.place.view.reference().clone(),
            pointer: self.place.pointer.clone(),
            old: self.value.to_owned(),
            new: new.to_owned(),
            span: self.span(),
            text,
            old_text: self.written.to_owned(),
        }
    }

    /// Returns the bytes that the scalar takes in its file.
    pub(super) fn span(&self) -> Range<usize> {
        self.place.view.document.span(self.place.node)
    }

    /// Returns the node's index in its document.
    pub(super) fn node_id(&self) -> NodeId {
        self.place.node
    }
}

/// Refuses a place whose bytes are elsewhere, or count elsewhere too.
fn check_written_here(place: &Cursor<'_>, target: &str) -> Result<(), Refusal> {
    let document = place.view.document;
    let value_line = document.line(place.resolved());
    let refuse = |reason: String| place.refusal(reason).hint("write the value itself here");
    if matches!(document.kind(place.node), NodeKind::Alias { .. }) {
        return Err(refuse(format!(
            "{target} is an alias of the value that is anchored on line {value_line}"
        )));
    }
    match place.detour {
        Some(Detour::Alias { line }) => {
            return Err(refuse(format!(
                "{target} comes through the alias on line {line} from line {value_line}"
            )));
        }
        Some(Detour::Merge { line }) => {
            return Err(refuse(format!(
                "{target} comes through the merge key `<<` on line {line} from line {value_line}"
            )));
        }
        None => {}
    }
    let users = users(document, place.node);
    if users.is_empty() {
        return Ok(());
    }
    let lines = listed(users.iter().map(|line| format!("line {line}")));
    Err(place
        .refusal(format!(
            "{target} is anchored and also used by the alias on {lines}"
        ))
        .hint("write the value itself in each place, without the anchor"))
}

/// Returns the lines of the aliases that bring a node, or something it is inside of, elsewhere.
fn users(document: &Document, id: NodeId) -> Vec<usize> {
    (0..document.len())
        .filter_map(|alias| match document.kind(alias) {
            NodeKind::Alias { target } if target <= id && id <= document.last_inside(target) => {
                Some(document.line(alias))
            }
            _ => None,
        })
        .collect()
}

/// Refuses where kind and name do not tell the object from another one of its file.
fn check_alone_in_file(place: &Cursor<'_>) -> Result<(), Refusal> {
    let view = place.view;
    let twin = view.file.objects.iter().find(|object| {
        object.reference == *view.reference()
            && (object.document, object.root) != (view.object.document, view.object.root)
    });
    match twin {
        None => Ok(()),
        Some(twin) => Err(Refusal::new(format!(
            "{} is written twice in this file, on lines {} and {}, expected once",
            view.reference(),
            view.object.line.min(twin.line),
            view.object.line.max(twin.line)
        ))
        .at(view.path(), view.object.line)
        .hint("put the two into files of their own")),
    }
}

/// Returns what a file quotes with most; JSON knows only double quotes.
fn usual_quote(file: &ParsedFile, document: &Document) -> Quote {
    let in_json = matches!(
        document.kind(document.root()),
        NodeKind::Mapping { flow: true }
    );
    if in_json {
        return Quote::Double;
    }
    let uses = |wanted: ScalarStyle| {
        let nodes = file
            .documents
            .iter()
            .flat_map(|document| (0..document.len()).map(|id| document.kind(id)));
        nodes
            .filter(|kind| matches!(kind, NodeKind::Scalar { style } if *style == wanted))
            .count()
    };
    if uses(ScalarStyle::SingleQuoted) > uses(ScalarStyle::DoubleQuoted) {
        Quote::Single
    } else {
        Quote::Double
    }
}
