//! Changes to files: spliced in once, proven afterwards, shown as a diff.

use similar::TextDiff;

use super::{
    Change, Manifests, Refusal, SourceFile,
    cursor::Cursor,
    manifests::{count, views_of},
    proof::{self, Expected},
    source::ParsedFile,
    target::Target,
};

/// Lines of context around each change of a diff.
const CONTEXT_LINES: usize = 3;

/// Values that change, in the order of files and positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// The values.
    pub changes: Vec<Change>,
    /// What a person should know about them: values that were left alone on purpose.
    pub notes: Vec<String>,
}

impl ChangeSet {
    /// Makes a set of changes that were found earlier. Their spans may be of an older or newer state
    /// of the files: applying them looks each value up again by its path.
    pub fn of(changes: Vec<Change>) -> Self {
        Self {
            changes,
            notes: Vec::new(),
        }
    }

    /// Is there nothing to change?
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.old == change.new)
    }

    /// Returns the paths of the files that change, each once, in order.
    pub fn files(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self
            .changes
            .iter()
            .filter(|change| change.old != change.new)
            .map(|change| change.path.as_str())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Returns how much changes: `3 values in 2 files`.
    pub fn summary(&self) -> String {
        let values = self
            .changes
            .iter()
            .filter(|change| change.old != change.new)
            .count();
        let files = self.files().len();
        format!("{} in {}", count(values, "value"), count(files, "file"))
    }

    /// Makes the changes and returns the files that they change.
    ///
    /// The new text is parsed again and must hold exactly the values that were wanted, and all
    /// others as they were.
    ///
    /// # Errors
    /// A value is not what the change says it is now, or the proof fails; then nothing may be
    /// written.
    pub fn apply(&self, manifests: &Manifests) -> Result<Vec<SourceFile>, Refusal> {
        self.files()
            .into_iter()
            .map(|path| {
                let file = manifests
                    .parsed_file(path)
                    .ok_or_else(|| Refusal::new(format!("there is no file `{path}` any more")))?;
                let changes = self
                    .changes
                    .iter()
                    .filter(|change| change.path == path && change.old != change.new);
                apply_to_file(file, changes)
            })
            .collect()
    }

    /// Returns the changes as a unified diff. Where they do not fit the manifests, the reason.
    pub fn diff(&self, manifests: &Manifests) -> String {
        let changed = match self.apply(manifests) {
            Ok(changed) => changed,
            Err(refusal) => return format!("# no diff: {refusal}\n"),
        };
        let mut text = String::new();
        for file in changed {
            let old = manifests
                .file(&file.path)
                .map(|old| String::from_utf8_lossy(&old.bytes))
                .unwrap_or_default();
            let new = String::from_utf8_lossy(&file.bytes);
            let diff = TextDiff::from_lines(old.as_ref(), new.as_ref())
                .unified_diff()
                .context_radius(CONTEXT_LINES)
                .header(&format!("a/{}", file.path), &format!("b/{}", file.path))
                .to_string();
            text.push_str(&diff);
        }
        text
    }
}

fn apply_to_file<'c>(
    file: &ParsedFile,
    changes: impl Iterator<Item = &'c Change>,
) -> Result<SourceFile, Refusal> {
    let mut splices = Vec::new();
    let mut expected = Vec::new();
    for change in changes {
        let place = place_of(file, change)?.ok_or_else(|| {
            let target = format!("{} of {}", change.target(), change.object);
            Refusal::new(format!("{target} is not there any more")).at(&change.path, change.line)
        })?;
        let target = Target::at(&place)?;
        if target.value != change.old {
            return Err(place
                .refusal(format!(
                    "{} of {} is `{}` now, expected `{}`",
                    change.target(),
                    change.object,
                    target.value,
                    change.old
                ))
                .hint("run the command again on the newest state"));
        }
        splices.push((target.span(), change.text.as_str()));
        expected.push(Expected {
            document: place.view.object.document,
            node: target.node_id(),
            value: &change.new,
        });
    }
    splices.sort_by_key(|(span, _)| span.start);
    let mut bytes = Vec::with_capacity(file.source.bytes.len() + 64);
    let mut done = 0;
    for (span, text) in splices {
        let untouched = file.source.bytes.get(done..span.start);
        let Some(untouched) = untouched else {
            return Err(proof::safety_stop(&file.source.path, "two changes overlap"));
        };
        bytes.extend_from_slice(untouched);
        bytes.extend_from_slice(text.as_bytes());
        done = span.end;
    }
    bytes.extend_from_slice(&file.source.bytes[done..]);
    let new = SourceFile {
        path: file.source.path.clone(),
        bytes,
    };
    proof::check(file, &new, &expected)?;
    Ok(new)
}

/// Finds the place of an earlier change in a file as it is now; none where it is gone.
///
/// # Errors
/// A key on the way is written twice.
pub(super) fn place_of<'a>(
    file: &'a ParsedFile,
    change: &Change,
) -> Result<Option<Cursor<'a>>, Refusal> {
    match views_of(file).find(|view| *view.reference() == change.object) {
        Some(view) => Cursor::new(view).follow(&change.pointer),
        None => Ok(None),
    }
}
