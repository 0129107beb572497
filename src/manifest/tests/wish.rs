//! Random edits: a value that is there becomes another one, or something is added.

use proptest::prelude::*;
use serde_yaml::Value;

use super::reading::{Place, Reading};
use crate::manifest::{
    Change, ChangeSet, Edit, Manifests, RestoreProblem, ScalarType, Segment, cursor::Cursor,
    findings::Findings, locate, reapply, template,
};

/// Values that readers mistake for something else, or that cannot be written just so.
const NASTY: [&str; 58] = [
    "1.10",
    "no",
    "0x1F",
    "12:30",
    "it's",
    "say \"so\"",
    "ü✓ 日本",
    "a: b",
    "a #b",
    " before",
    "behind ",
    "",
    "- x",
    "-",
    "*a",
    "&a x",
    "!x",
    "%x",
    "@x",
    "`x`",
    "---",
    "...",
    "null",
    "~",
    "=",
    "<<",
    "true",
    "1_000",
    "1e3",
    "0o17",
    ".inf",
    "2024-01-01",
    "a\\b",
    "\\",
    "#",
    "a,b",
    "[x]",
    "{x}",
    "?",
    "? x",
    ":",
    ": x",
    "x:",
    "|",
    ">-",
    "a\u{a0}b",
    "😀",
    "'",
    "\"",
    "''",
    "5",
    "-1",
    "web",
    "1.2.3",
    "kind: Widget",
    "{\"a\": 1}",
    "a  b",
    "a long text that no reader folds, because it stands on one line, however long this one gets \
     in the end: it is longer than any width that a tool is known to fold at",
];

/// What is wanted of one place of a file.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// Which of the places, counted on from the first again behind the last.
    pub which: usize,
    /// The new text.
    pub value: String,
    /// The new number.
    pub number: u32,
    /// Whether the type is told, and how what is added looks.
    pub form: u8,
}

pub(super) fn any_wish() -> impl Strategy<Value = Wish> {
    let value = prop_oneof![
        6 => prop::sample::select(&NASTY[..]).prop_map(str::to_owned),
        1 => "[ -~]{0,20}",
        1 => "[0-9.eExob_:+-]{1,8}",
        1 => "\\PC{0,8}",
    ];
    (any::<usize>(), value, 0..200_u32, any::<u8>()).prop_map(|(which, value, number, form)| Wish {
        which,
        value,
        number,
        form,
    })
}

/// A wish for a place that is there.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub place: Place,
    /// Path to the value that is set or added.
    pub path: Vec<Segment>,
    value: String,
    scalar_type: ScalarType,
    /// How many segments at the end of the path are new.
    created: usize,
    told: bool,
}

impl Wanted {
    /// Decides what a wish means for a file; `turn` makes what it adds its own.
    pub(super) fn of(wish: &Wish, reading: &Reading, turn: usize) -> Option<Self> {
        let mut places = reading.places();
        // Texts of several lines are refused: mostly others are asked for.
        places.retain(|place| wish.form.is_multiple_of(16) || !has_lines(&place.value));
        if places.is_empty() {
            return None;
        }
        let place = places.swap_remove(wish.which % places.len());
        let mut path = place.path.clone();
        let (value, scalar_type) = match (&place.value, wish.form % 3) {
            (Value::Number(_), 0) | (_, 1) => (wish.number.to_string(), ScalarType::Integer),
            (Value::Bool(_), 0) => (
                wish.number.is_multiple_of(2).to_string(),
                ScalarType::Boolean,
            ),
            _ => (wish.value.clone(), ScalarType::Text),
        };
        let key = Segment::Key(format!("new/{turn}"));
        let item = Segment::named(&format!("new{turn}"));
        let added = match (&place.value, wish.form % 4) {
            (Value::Mapping(_) | Value::Null, 0) => vec![key, Segment::from("inner key")],
            (Value::Mapping(_), 1) => vec![key, item, Segment::from("value")],
            (Value::Mapping(_) | Value::Null, _) => vec![key],
            (Value::Sequence(_), 0) => vec![item, key, Segment::from("value")],
            (Value::Sequence(_), _) => vec![item, Segment::from("value")],
            _ => Vec::new(),
        };
        let created = added.len();
        path.extend(added);
        Some(Self {
            place,
            path,
            value,
            scalar_type,
            created,
            told: !wish.form.is_multiple_of(3) || created > 0,
        })
    }

    /// Finds the changes that it takes. What the edit of any path does not make is made by what the
    /// edits that add list items are made of.
    pub(super) fn locate(&self, manifests: &Manifests) -> Result<ChangeSet, String> {
        if let Some(edit) = self.edit() {
            let located = locate(manifests, &[edit]);
            return located.map_err(|refusals| refusals[0].reason.clone());
        }
        let mut findings = Findings::default();
        let view =
            template::check_new(&self.value).and_then(|()| manifests.one(&self.place.object));
        if let Some(view) = findings.take(view) {
            let (path, value) = (&self.path, &self.value);
            findings.put(&Cursor::new(view), path, value, self.scalar_type);
        }
        match findings.refusals.first() {
            Some(refusal) => Err(refusal.reason.clone()),
            None => Ok(ChangeSet::of(findings.changes)),
        }
    }

    /// Returns it as an edit, where there is one that does just this.
    pub(super) fn edit(&self) -> Option<Edit> {
        (self.created <= 1).then(|| Edit::Path {
            object: Some(self.place.object.clone()),
            path: self.path.clone(),
            value: self.value.clone(),
            scalar_type: self.told.then_some(self.scalar_type),
        })
    }

    /// Returns what a reader must find once a change is made.
    pub(super) fn expected(&self, change: &Change) -> Value {
        let in_quotes = change.old_text.ends_with(['"', '\'']);
        match change.scalar_type {
            ScalarType::Integer if !in_quotes => Value::from(self.value.parse::<i64>().unwrap()),
            ScalarType::Boolean if !in_quotes => Value::from(self.value == "true"),
            _ => Value::from(self.value.as_str()),
        }
    }

    /// Is a value replaced, not added?
    pub(super) fn replaces(&self) -> bool {
        self.created == 0
    }

    /// Is one of two places inside of what the other one is about, or found by its text?
    pub(super) fn touches(&self, other: &Self) -> bool {
        let (one, two) = (&self.place.path, &other.place.path);
        let shared = one
            .iter()
            .zip(two)
            .take_while(|(one, two)| one == two)
            .count();
        let is_name = |path: &[Segment]| {
            matches!(path.get(shared - 1), Some(Segment::Index(_)))
                && path.get(shared) == Some(&Segment::from("name"))
        };
        let both_add = !self.replaces() && !other.replaces();
        let inside = shared == one.len().min(two.len()) && !both_add;
        self.place.object == other.place.object
            && shared > 0
            && (inside || is_name(one) || is_name(two))
    }
}

fn has_lines(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('\n'))
}

/// Makes changes again, as after a newer state was fetched.
pub(super) fn again(manifests: &Manifests, changes: &[Change]) -> Result<ChangeSet, String> {
    reapply(manifests, changes).map_err(|problem| match problem {
        RestoreProblem::Refused(refusals) => refusals[0].reason.clone(),
        RestoreProblem::Superseded { found, .. } => format!("superseded: {found:?}"),
    })
}
