//! Changes to files: spliced in, proven afterwards, shown as a diff.

use super::{
    Allowances, Change, Manifests, Refusal, Segment, SourceFile,
    cursor::Cursor,
    insert::{self, Place, Splice, Tree},
    manifests::{count, unreadable},
    pieces::Pieces,
    proof::{self, Difference, Expected},
    source::ParsedFile,
    target::Target,
};

/// Values that change, in the order of files and positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// The values.
    pub changes: Vec<Change>,
    /// What a person should know about them: values that were left alone on purpose.
    pub notes: Vec<String>,
}

/// The files that changes make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The files that differ, in the order of their paths.
    pub files: Vec<SourceFile>,
    /// How they differ, as a unified diff.
    pub diff: String,
    /// What a person should know about the files.
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
        self.effective().next().is_none()
    }

    /// Returns the paths of the files that change, each once, in order.
    pub fn files(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self
            .effective()
            .map(|change| change.path.as_str())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Returns how much changes: `3 values in 2 files`.
    pub fn summary(&self) -> String {
        let values = self.effective().count();
        let files = self.files().len();
        format!("{} in {}", count(values, "value"), count(files, "file"))
    }

    /// Makes the changes and returns the files that they change.
    ///
    /// Each new text is proven to hold exactly the values that were wanted, and all others as they
    /// were.
    ///
    /// # Errors
    /// A value is not what the change says it is now, a value cannot be added or taken out safely, or
    /// the proof fails; then nothing may be written.
    pub fn apply(&self, manifests: &Manifests) -> Result<Applied, Refusal> {
        let mut files = Vec::new();
        let applied = self.apply_each(manifests, |file| files.push(file))?;
        Ok(Applied { files, ..applied })
    }

    /// Makes the changes file by file, in the order of their paths, and hands over each new file as soon
    /// as it is proven: nothing may be put in place before all of them are. What is returned has no
    /// files.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_each(
        &self,
        manifests: &Manifests,
        mut take: impl FnMut(SourceFile),
    ) -> Result<Applied, Refusal> {
        let mut applied = Applied::default();
        let mut changes: Vec<&Change> = self.effective().collect();
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        for of_file in changes.chunk_by(|one, other| one.path == other.path) {
            let Some(path) = of_file.first().map(|change| &change.path) else {
                continue;
            };
            let file = manifests
                .parsed_file(path)
                .ok_or_else(|| Refusal::new(format!("there is no file `{path}` any more")))?;
            let (text, diff) = apply_to_file(file, of_file)?;
            for part in ["--- a/", path, "\n+++ b/", path, "\n", &diff] {
                applied.diff.push_str(part);
            }
            applied
                .notes
                .extend(unreadable(file).map(|refusal| format!("{refusal}; left as it is")));
            take(SourceFile {
                path: path.clone(),
                bytes: text.into_bytes(),
            });
        }
        Ok(applied)
    }

    /// Returns the changes as a unified diff. Where they do not fit the manifests, the reason.
    pub fn diff(&self, manifests: &Manifests) -> String {
        match self.apply(manifests) {
            Ok(applied) => applied.diff,
            Err(refusal) => format!("# no diff: {refusal}\n"),
        }
    }

    fn effective(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| !change.is_void())
    }
}

/// Makes the changes of one file; returns its new text and how the two differ.
///
/// First all values are replaced at once. Values that appear or go follow one by one, each on the
/// text that the one before it has left.
fn apply_to_file(file: &ParsedFile, changes: &[&Change]) -> Result<(String, String), Refusal> {
    let (replaced, mut others): (Vec<&Change>, Vec<&Change>) = changes
        .iter()
        .partition(|change| change.old.is_some() && change.new.is_some());
    // What was made last, inside of what was made before it, goes first.
    others.sort_by_key(|change| {
        if change.new.is_none() {
            change.created
        } else {
            0
        }
    });
    let mut pieces = Pieces::of(file.text());
    let mut newest: Option<ParsedFile> = None;
    if !replaced.is_empty() {
        let steps = replaced.iter().map(|change| replacement(file, change));
        let (splices, expected) = steps
            .collect::<Result<Vec<_>, Refusal>>()?
            .into_iter()
            .unzip();
        newest = Some(step(file, &mut pieces, splices, expected)?);
    }
    for change in others {
        let current = newest.as_ref().unwrap_or(file);
        let (splices, expected) = if change.new.is_some() {
            addition(current, change)?
        } else {
            removal(current, change)?
        };
        newest = Some(step(current, &mut pieces, splices, vec![expected])?);
    }
    let text = newest.map_or_else(|| file.text().to_owned(), ParsedFile::into_text);
    Ok((text, pieces.unified_diff()))
}

/// Makes splices and proves that they did what they should.
fn step(
    file: &ParsedFile,
    pieces: &mut Pieces<'_>,
    splices: Vec<Splice>,
    expected: Vec<Expected>,
) -> Result<ParsedFile, Refusal> {
    *pieces = pieces
        .with(&splices)
        .ok_or_else(|| proof::safety_stop(&file.path, "two changes overlap"))?;
    let new = ParsedFile::of(file.path.clone(), pieces.text());
    proof::check(file, &new, &splices, &expected)?;
    Ok(new)
}

fn replacement(file: &ParsedFile, change: &Change) -> Result<(Splice, Expected), Refusal> {
    let place = place_of(file, change)?.ok_or_else(|| gone(change))?;
    // What may be replaced was decided when the change was found.
    let allowed = Allowances {
        through_anchors: true,
        inline_blocks: true,
        ..Allowances::default()
    };
    let target = Target::at(&place, allowed)?;
    let old = change.old.as_deref().unwrap_or_default();
    if target.value != old {
        return Err(place
            .refusal(format!(
                "{} of {} is `{}` now, expected `{old}`",
                change.target(),
                change.object,
                target.value,
            ))
            .hint("run the command again on the newest state"));
    }
    let splice = Splice {
        span: target.span(),
        text: change.text.clone(),
    };
    let new = change.new.clone().unwrap_or_default();
    let expected = Expected::at(&place, Difference::Value(new));
    Ok((splice, expected))
}

fn addition(file: &ParsedFile, change: &Change) -> Result<(Vec<Splice>, Expected), Refusal> {
    let object = object_of(file, change).ok_or_else(|| gone(change))?;
    let mut parent = object;
    let mut rest = change.pointer.as_slice();
    while let Some((segment, after)) = rest.split_first() {
        let Some(next) = parent.follow(std::slice::from_ref(segment))? else {
            break;
        };
        if next.detour.is_some() {
            break;
        }
        (parent, rest) = (next, after);
    }
    let Some((segment, suffix)) = rest.split_first() else {
        return Err(parent
            .refusal(format!(
                "{} of {} is there meanwhile, expected none",
                change.target(),
                change.object
            ))
            .hint("run the command again on the newest state"));
    };
    if rest.len() > change.created {
        // What it was to go into is gone or has another name: that is not for an edit to make.
        return Err(gone(change).hint("run the command again on the newest state"));
    }
    let value = Tree::Scalar {
        value: change.new.clone().unwrap_or_default(),
        kind: change.scalar_type,
    };
    let at = Place::of(&parent);
    let (splices, difference) = match segment {
        Segment::Key(key) => {
            let tree = tree_of(suffix, value);
            (
                insert::add_entry(&at, key, &tree),
                Difference::Entry(key.clone(), tree),
            )
        }
        Segment::Item { .. } | Segment::Index(_) => {
            let tree = item_of(segment, suffix, value);
            (insert::add_item(&at, &tree), Difference::Item(tree))
        }
        Segment::Document => (
            Err("this text is no YAML document, expected one".to_owned()),
            Difference::Value(String::new()),
        ),
    };
    let splices = splices.map_err(|why| {
        parent
            .refusal(format!(
                "`{}` of {} cannot be added safely: {why}",
                change.target(),
                change.object
            ))
            .hint("add it by hand once; from then on it is edited")
    })?;
    let expected = Expected::at(&parent, difference);
    Ok((splices, expected))
}

/// Makes what stands at the end of a path that is not there.
fn tree_of(path: &[Segment], value: Tree) -> Tree {
    match path.split_first() {
        None => value,
        Some((Segment::Key(key), rest)) => Tree::Mapping(vec![(key.clone(), tree_of(rest, value))]),
        Some((segment, rest)) => Tree::Sequence(vec![item_of(segment, rest, value)]),
    }
}

/// Makes the list item that a path names, with what the path leads to in it.
fn item_of(segment: &Segment, path: &[Segment], value: Tree) -> Tree {
    let Segment::Item { key, value: name } = segment else {
        return tree_of(path, value);
    };
    let name = Tree::Scalar {
        value: name.clone(),
        kind: super::ScalarType::Text,
    };
    let mut entries = vec![(key.clone(), name)];
    if let Tree::Mapping(more) = tree_of(path, value) {
        entries.extend(more);
    }
    Tree::Mapping(entries)
}

fn removal(file: &ParsedFile, change: &Change) -> Result<(Vec<Splice>, Expected), Refusal> {
    let object = object_of(file, change).ok_or_else(|| gone(change))?;
    let least = change.pointer.len() - change.created.clamp(1, change.pointer.len());
    // The outermost thing that was made with the value and that still holds nothing else goes.
    for kept in least..change.pointer.len() {
        let (outer, inner) = change.pointer.split_at(kept);
        let Some(parent) = object.follow(outer)? else {
            return Err(gone(change));
        };
        let Some(segment) = inner.first() else { break };
        let Some(child) = parent.follow(std::slice::from_ref(segment))? else {
            return Err(gone(change));
        };
        if !holds_only(&child, segment, inner.get(1..).unwrap_or_default())? {
            continue;
        }
        let node = child.key_node.unwrap_or(child.node);
        // What others have put beside it since stands where the null was.
        let null = if kept == least { &change.old_text } else { "" };
        let splices = insert::remove_to_null(&Place::of(&parent), node, null).map_err(|why| {
            child.refusal(format!(
                "`{}` of {} cannot be taken out safely: {why}",
                change.target(),
                change.object
            ))
        })?;
        let expected = Expected::at(&parent, Difference::Without(node));
        return Ok((splices, expected));
    }
    Err(object
        .refusal(format!(
            "`{}` of {} was added with an item that others have written into since",
            change.target(),
            change.object
        ))
        .hint("take it out by hand"))
}

/// Is there nothing in a thing but what a path leads to, and the text by which the path names it?
fn holds_only(thing: &Cursor<'_>, named: &Segment, path: &[Segment]) -> Result<bool, Refusal> {
    let document = thing.document;
    let own = usize::from(matches!(named, Segment::Item { .. }));
    let Some((segment, rest)) = path.split_first() else {
        return Ok(document.value(thing.node).is_some());
    };
    let children = document.entries(thing.node).count() + document.items(thing.node).count();
    if children != own + 1 {
        return Ok(false);
    }
    match thing.follow(std::slice::from_ref(segment))? {
        Some(next) => holds_only(&next, segment, rest),
        None => Ok(false),
    }
}

fn gone(change: &Change) -> Refusal {
    let target = format!("{} of {}", change.target(), change.object);
    Refusal::new(format!("{target} is not there any more")).at(&change.path, change.line)
}

pub(super) fn object_of<'a>(file: &'a ParsedFile, change: &Change) -> Option<Cursor<'a>> {
    file.find(&change.object).next().map(Cursor::new)
}

/// Finds the place of an earlier change in a file as it is now; none where it is gone.
///
/// # Errors
/// A key on the way is written twice.
pub(super) fn place_of<'a>(
    file: &'a ParsedFile,
    change: &Change,
) -> Result<Option<Cursor<'a>>, Refusal> {
    match object_of(file, change) {
        Some(object) => object.follow(&change.pointer),
        None => Ok(None),
    }
}
