//! Where a block scalar (`|`, `>`) really ends: its blank lines belong to it or not, as its header says.

use super::{Place, lines};
use crate::yaml::NodeId;

/// What happens to the line breaks at the end of a block scalar (YAML 1.2.2, 8.1.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chomping {
    /// `-`: none counts.
    Strip,
    /// No mark: one counts.
    Clip,
    /// `+`: all count.
    Keep,
}

/// A block scalar as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockScalar {
    /// Where its `|` or `>` stands.
    pub header: usize,
    pub chomping: Chomping,
    /// Blanks in front of each line of its content.
    pub indent: usize,
    /// A place on its last line; of a kept one that is the last blank line.
    pub last_line: usize,
    /// Do blank lines at its end count?
    pub keeps_blank_lines: bool,
}

impl BlockScalar {
    /// Reads the block scalar `node`, which is the value of `key` or the item of a list.
    pub(super) fn read(
        place: &Place<'_>,
        node: NodeId,
        key: Option<NodeId>,
    ) -> Result<Self, String> {
        let text = place.text;
        let span = place.document.span(node);
        let value = place.document.value(node).unwrap_or_default();
        let is_empty = value.trim_matches('\n').is_empty();
        let header_line = match key {
            Some(key) if is_empty => lines::start(text, place.document.span(key).start),
            None if is_empty => {
                return Err("its last block scalar is empty, expected a line in it".to_owned());
            }
            _ => line_above(text, span.start)
                .ok_or("its last block scalar has no first line, expected `|` or `>`")?,
        };
        let header = header_on(place, header_line, key)
            .ok_or("the `|` or `>` of its last block scalar is not behind its key or dash")?;
        let marks: String = text[header + 1..]
            .chars()
            .take_while(|mark| matches!(mark, '0'..='9' | '+' | '-'))
            .collect();
        let chomping = match () {
            () if marks.contains('+') => Chomping::Keep,
            () if marks.contains('-') => Chomping::Strip,
            () => Chomping::Clip,
        };
        let mut scalar = Self {
            header,
            chomping,
            indent: 0,
            last_line: header,
            keeps_blank_lines: false,
        };
        if !is_empty {
            let line = lines::start(text, span.start);
            scalar.indent = span.start - line;
            scalar.last_line = last_content_line(text, line, scalar.indent);
        }
        if chomping == Chomping::Keep {
            let mut blank = lines::next(text, scalar.last_line);
            while let Some(line) = blank
                && line < text.len()
                && text[line..lines::end(text, line)]
                    .bytes()
                    .all(|byte| byte == b' ')
            {
                scalar.last_line = line;
                scalar.keeps_blank_lines = true;
                blank = lines::next(text, line);
            }
        }
        Ok(scalar)
    }

    /// Refuses an end that the value hangs on, where it is also the end of an embedded text: how that
    /// ends says the block scalar that it is the content of.
    pub(super) fn check_stands_alone(&self, place: &Place<'_>) -> Result<(), String> {
        let is_cut_off = self.chomping != Chomping::Strip && is_stripped_around(place);
        if self.keeps_blank_lines || is_cut_off {
            return Err(
                "the embedded text ends with line breaks that count, which the text around it may \
                 leave out, expected a line below them"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Does its value hang on what stands below it? Without a line break at the end of the file
    /// readers disagree on the value, and a line below would settle it.
    pub(super) fn is_cut_off(&self, text: &str) -> bool {
        self.chomping != Chomping::Strip && lines::next(text, self.last_line).is_none()
    }
}

/// Does the block scalar around an embedded text leave out its last line break (`|-`)? Its header is
/// the first line above that is less deep than the text, but for comments and a marker in that text.
fn is_stripped_around(place: &Place<'_>) -> bool {
    let (document, text) = (place.document, place.text);
    let root = document.root();
    let mut at = document.span(root).start;
    while let Some(line) = line_above(text, at) {
        let content = &text[line..lines::end(text, line)];
        let blanks = content.len() - content.trim_start_matches(' ').len();
        let is_inside =
            content[blanks..].starts_with(['#', '%']) || content[blanks..].starts_with("---");
        if blanks + 1 < document.column(root) && !is_inside {
            let mut behind_bars = content.split('|').skip(1);
            return behind_bars.any(|marks| {
                let marks = marks.trim_start_matches(|mark: char| mark.is_ascii_digit());
                marks.starts_with('-')
            });
        }
        at = line;
    }
    false
}

/// Returns the start of the nearest line above a place that is not blank.
fn line_above(text: &str, at: usize) -> Option<usize> {
    let mut line = lines::start(text, at);
    loop {
        let above = lines::previous_break(text, line)?;
        line = lines::start(text, above);
        if !lines::is_blank(&text[line..above]) {
            return Some(line);
        }
    }
}

/// Finds `|` or `>` on its line, behind the key and its colon or behind dashes, then anchor and tag.
fn header_on(place: &Place<'_>, line: usize, key: Option<NodeId>) -> Option<usize> {
    let text = place.text;
    let end = lines::end(text, line);
    let after_key = key.map(|key| place.document.span(key).end);
    let mut at = after_key.filter(|after| *after >= line).unwrap_or(line);
    loop {
        let rest = &text[at..end];
        let content = rest.trim_start_matches([' ', '\t']);
        at += rest.len() - content.len();
        match content.as_bytes() {
            [b'|' | b'>', ..] => return Some(at),
            [b':', ..] if after_key.is_some() => at += 1,
            [b'-', b' ' | b'\t', ..] if after_key.is_none() => at += 1,
            [b'&' | b'!', ..] => at += content.find([' ', '\t'])?,
            _ => return None,
        }
    }
}

/// A line of blanks that is longer than the indentation is content.
fn last_content_line(text: &str, first: usize, indent: usize) -> usize {
    let mut last = first;
    let mut next = lines::next(text, first);
    while let Some(line) = next
        && line < text.len()
    {
        let content = &text[line..lines::end(text, line)];
        let blanks = content.len() - content.trim_start_matches(' ').len();
        if blanks == content.len() {
            if blanks > indent {
                last = line;
            }
        } else if blanks >= indent {
            last = line;
        } else {
            break;
        }
        next = lines::next(text, line);
    }
    last
}
