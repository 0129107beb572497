//! Keeps the comments that stand for actions inside the block scalars that they are written in.
//!
//! `{{- if … }}` often stands left of the text around it. As a comment it would end a block scalar
//! there, so it moves to the right within its own bytes until it is a line of the text.

use std::ops::Range;

use super::line::COMMENT;

/// The block scalar that the lines seen last are in, if any.
#[derive(Debug, Default)]
pub(super) struct Block {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// Column of the key or dash: what is written further to the right belongs to the scalar.
    parent: usize,
    /// Column of its text; none before its first line.
    text: Option<usize>,
    /// Comments since its last line: where each line begins, where its `#` is, and its end.
    comments: Vec<(usize, Range<usize>)>,
}

impl Block {
    /// Takes the next line, without its break; `comment` is where a comment stands for the actions
    /// that the line is made of.
    pub(super) fn take(&mut self, line: &Range<usize>, comment: Option<usize>, bytes: &mut [u8]) {
        let content = bytes.get(line.clone()).unwrap_or_default();
        let Some(column) = content.iter().position(|byte| !is_blank(*byte)) else {
            return;
        };
        if let Some(open) = &mut self.open {
            if let Some(start) = comment {
                open.comments.push((line.start, start..line.end));
                return;
            }
            if column > open.parent {
                let text = *open.text.get_or_insert(column);
                for (line_start, comment) in open.comments.drain(..) {
                    indent(line_start + text, comment, bytes);
                }
                return;
            }
        }
        self.open = comment
            .is_none()
            .then(|| opened_by(content))
            .flatten()
            .map(|parent| Open {
                parent,
                text: None,
                comments: Vec::new(),
            });
    }
}

/// Moves a comment to the right, to `place`; a line too short for that becomes blank.
fn indent(place: usize, comment: Range<usize>, bytes: &mut [u8]) {
    let place = place.min(comment.end);
    if place > comment.start {
        if let Some(gap) = bytes.get_mut(comment.start..place) {
            gap.fill(b' ');
        }
        if place < comment.end
            && let Some(first) = bytes.get_mut(place)
        {
            *first = COMMENT;
        }
    }
}

/// Returns the column of the key or dash whose block scalar a line opens, as `- key: |- # note`
/// does. A line that only looks so does no harm: outside of texts a comment may stand anywhere.
fn opened_by(line: &[u8]) -> Option<usize> {
    let line = str::from_utf8(line).ok()?.split(" #").next()?;
    let node = line.trim_start_matches([' ', '\t', '-']);
    let column = line.len() - node.len();
    let mut words = node.split_ascii_whitespace().rev();
    let indicators = words.next()?.strip_prefix(['|', '>'])?;
    if !indicators.chars().all(|one| "+-123456789".contains(one)) {
        return None;
    }
    match words.next() {
        Some(word) if word.ends_with(':') || word.starts_with(['!', '&']) => Some(column),
        Some(_) => None,
        None => column.checked_sub(1),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
