//! Earlier changes taken back, or made again, on files that have moved on: value by value, and only
//! where nobody else has set a third value meanwhile.

use super::{Change, ChangeSet, Manifests, Refusal, change_set::place_of, target::Target};

/// Why earlier changes cannot be taken back or made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreProblem {
    /// A value is neither what it was before the change nor what it was after it.
    Superseded {
        /// The earlier change.
        change: Box<Change>,
        /// The decoded value that is there now; none where it is gone.
        found: Option<String>,
        /// 1-based line of the value, where it is there.
        line: Option<usize>,
    },
    /// A value cannot be edited safely any more.
    Refused(Vec<Refusal>),
}

/// Takes written changes back. A value that is back already is left as it is.
///
/// # Errors
/// See [`RestoreProblem`]; then nothing is taken back.
pub fn restore(manifests: &Manifests, written: &[Change]) -> Result<ChangeSet, RestoreProblem> {
    replay(manifests, written, Direction::Back)
}

/// Makes wanted changes again, on a newer state. A value that is right already is left as it is.
///
/// # Errors
/// See [`RestoreProblem`]; then nothing is changed.
pub fn reapply(manifests: &Manifests, wanted: &[Change]) -> Result<ChangeSet, RestoreProblem> {
    replay(manifests, wanted, Direction::Forward)
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    Forward,
    Back,
}

/// One end of a change: the decoded value and its bytes in the file.
struct End<'a> {
    value: &'a str,
    text: &'a str,
}

fn replay(
    manifests: &Manifests,
    changes: &[Change],
    direction: Direction,
) -> Result<ChangeSet, RestoreProblem> {
    let mut found = Vec::new();
    let mut refusals = Vec::new();
    for change in changes.iter().filter(|change| change.old != change.new) {
        let old = End {
            value: &change.old,
            text: &change.old_text,
        };
        let new = End {
            value: &change.new,
            text: &change.text,
        };
        let (from, to) = match direction {
            Direction::Forward => (old, new),
            Direction::Back => (new, old),
        };
        match step(manifests, change, &from, &to) {
            Ok(step) => found.extend(step),
            Err(RestoreProblem::Refused(more)) => refusals.extend(more),
            Err(superseded) => return Err(superseded),
        }
    }
    if !refusals.is_empty() {
        return Err(RestoreProblem::Refused(refusals));
    }
    found.sort_by(|one, other| (&one.path, one.span.start).cmp(&(&other.path, other.span.start)));
    Ok(ChangeSet::of(found))
}

fn step(
    manifests: &Manifests,
    change: &Change,
    from: &End<'_>,
    to: &End<'_>,
) -> Result<Option<Change>, RestoreProblem> {
    let refused = |refusal| RestoreProblem::Refused(vec![refusal]);
    let superseded = |found: Option<&str>, line| RestoreProblem::Superseded {
        change: Box::new(change.clone()),
        found: found.map(str::to_owned),
        line,
    };
    let file = manifests.parsed_file(&change.path);
    let place = file
        .map(|file| place_of(file, change))
        .transpose()
        .map_err(refused)?
        .flatten();
    let Some(place) = place else {
        return Err(superseded(None, None));
    };
    let current = place.text();
    if current == Some(to.value) {
        return Ok(None);
    }
    if current != Some(from.value) {
        return Err(superseded(current, Some(place.line())));
    }
    let target = Target::at(&place).map_err(refused)?;
    // Where the bytes are still those of the change, its other end fits byte for byte; where someone
    // has changed the quotes since, the value is written in theirs.
    Ok(if target.written == from.text {
        Some(target.change_as(to.value, to.text.to_owned()))
    } else {
        target.change_to(to.value)
    })
}
