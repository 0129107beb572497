//! Reads the style that most manifests are written in, in one pass over their lines: block mappings
//! and lists, values on one line, texts in blocks. Whatever else there is, is left to the parser.
//!
//! It gives the very nodes that the parser gives, or none at all: at the first byte that could mean
//! something else, it stops. So it need not know what is an error, only what certainly is none.

mod block_text;
mod characters;
mod flow;
mod in_place;
mod lines;
mod scalars;
mod search;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, ops::Range};

use self::lines::Line;
use super::{
    document::Document,
    limits::Limits,
    node::{Node, Stored, gathered, narrow},
    parser::Part,
};

/// Reads a part of a file that is one document in the usual style, or comments alone; none for
/// anything else.
pub(super) fn documents(part: &Part, limits: &Limits) -> Option<Vec<Document>> {
    let text = part.text.get(part.range.clone())?;
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let may_have_tabs = matches!(text.as_bytes().get(mark), Some(b'{' | b'['));
    if !characters::are_usual(&text[mark..], may_have_tabs) {
        return None;
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        before: part.offset + part.range.start,
        lines_before: part.lines_before,
        most_levels: limits.depth / 2,
        other_blank: if may_have_tabs { b'\t' } else { b' ' },
        line: Line {
            next: mark,
            ..Line::default()
        },
        // No line begins there.
        ahead: Line {
            start: usize::MAX,
            ..Line::default()
        },
        levels: Vec::new(),
        expected: Expected::Root,
        // A line of a manifest has a key and a value, and is about 25 bytes long.
        nodes: Vec::with_capacity(text.len() / 12 + 8),
        decoded: Vec::new(),
        spare: String::new(),
        anchor: None,
        anchors: HashMap::new(),
    };
    reader.read()?;
    let Reader {
        mut nodes, decoded, ..
    } = reader;
    if nodes.is_empty() {
        return Some(Vec::new());
    }
    if nodes.len() > limits.nodes {
        return None;
    }
    let nodes = gathered(&mut nodes);
    let text = (part.text.clone(), part.offset);
    let mut document = Document::new(text, nodes, decoded, Vec::new());
    document.usual = true;
    Some(vec![document])
}

/// What the next line may bring for the node before it.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// The whole document.
    Root,
    /// The value of a key, or nothing: then it is null, where the colon is.
    Value(Place),
    /// An item of a list, or nothing: then it is null, behind the dash.
    Item(Place),
    /// Nothing.
    Sibling,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    line: usize,
}

/// A block collection that is not closed yet.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// In how many bytes from the start of the line its keys or dashes stand.
    indent: usize,
    node: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mapping,
    Sequence,
    /// A list whose dashes stand below the first letter of its key.
    Indentless,
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// What is in the file before the part, in bytes and in lines.
    before: usize,
    lines_before: usize,
    most_levels: usize,
    /// What is a blank like a space: a tab, where there are only brackets.
    other_blank: u8,
    line: Line,
    /// The line that was looked at last, and may not have been taken yet.
    ahead: Line,
    levels: Vec<Level>,
    expected: Expected,
    nodes: Vec<Node>,
    decoded: Vec<Box<str>>,
    /// The text that is being put together: its room serves one after the other.
    spare: String,
    /// The name of the next node, where an anchor gives it one.
    anchor: Option<&'a str>,
    anchors: HashMap<&'a str, usize>,
}

impl<'a> Reader<'a> {
    fn read(&mut self) -> Option<()> {
        let mut is_first = true;
        let mut has_markers = false;
        let mut end_of_document = self.bytes.len();
        while self.take_line()? {
            let Line { start, end, .. } = self.line;
            let line = &self.bytes[start..end];
            if line.starts_with(b"...") && self.is_over(start + 3, end) {
                end_of_document = start;
                has_markers = true;
                // Nothing may follow it but comments.
                if self.take_line()? {
                    return None;
                }
                break;
            }
            let is_marker = is_first && line.starts_with(b"---");
            is_first = false;
            has_markers |= is_marker;
            if !is_marker {
                self.take_content()?;
            } else if !self.is_over(start + 3, end) {
                return None;
            }
        }
        match self.expected {
            // A marker makes a document of nothing.
            Expected::Root if has_markers => return None,
            Expected::Root => {}
            Expected::Value(place) | Expected::Item(place) => self.add_null(place),
            Expected::Sibling => {}
        }
        while let Some(level) = self.levels.pop() {
            self.close(level.node, end_of_document);
        }
        Some(())
    }

    /// Takes the line where it belongs.
    fn take_content(&mut self) -> Option<()> {
        let Line {
            start,
            content,
            end,
            ..
        } = self.line;
        if matches!(self.expected, Expected::Root) && matches!(self.bytes[content], b'[' | b'{') {
            self.expected = Expected::Sibling;
            return self.take_value(content, end, Expected::Item);
        }
        let indent = content - start;
        let is_item = self.is_dash(content, end);
        let innermost = self.levels.last().copied();
        let opens = match (self.expected, innermost) {
            (Expected::Root, _) => Some(if is_item {
                Kind::Sequence
            } else {
                Kind::Mapping
            }),
            (Expected::Value(_) | Expected::Item(_), Some(level)) if indent > level.indent => {
                Some(if is_item {
                    Kind::Sequence
                } else {
                    Kind::Mapping
                })
            }
            (Expected::Value(_), Some(level)) if is_item && indent == level.indent => {
                Some(Kind::Indentless)
            }
            (Expected::Value(place) | Expected::Item(place), _) => {
                self.add_null(place);
                None
            }
            (Expected::Sibling, _) => None,
        };
        if opens.is_none() {
            self.go_back_to(indent, is_item)?;
        }
        self.take_nodes(content, end, opens)
    }

    /// Closes what ends before a key or dash that stands this deep.
    fn go_back_to(&mut self, indent: usize, is_item: bool) -> Option<()> {
        loop {
            let level = *self.levels.last()?;
            let is_over = level.indent > indent
                || (level.indent == indent && level.kind == Kind::Indentless && !is_item);
            if !is_over {
                let is_mapping = level.kind == Kind::Mapping;
                return (level.indent == indent && is_mapping != is_item).then_some(());
            }
            self.levels.pop();
            self.close(level.node, self.line.content);
        }
    }

    /// Takes dashes, a key and a value from a line.
    fn take_nodes(&mut self, mut at: usize, end: usize, mut opens: Option<Kind>) -> Option<()> {
        while self.is_dash(at, end) {
            let item = self.skip_spaces(at + 1, end);
            let is_empty = item == end;
            match opens {
                Some(Kind::Mapping) => return None,
                // The parser lets it begin at its first item.
                Some(Kind::Indentless) if is_empty => return None,
                Some(Kind::Indentless) => self.open(Kind::Indentless, at, item)?,
                Some(Kind::Sequence) => self.open(Kind::Sequence, at, at)?,
                None => {}
            }
            if is_empty {
                self.expected = Expected::Item(self.place(item));
                return Some(());
            }
            if self.bytes[item] == b'#' {
                return None;
            }
            at = item;
            opens = Some(if self.is_dash(at, end) {
                Kind::Sequence
            } else if self.key(at, end).is_some() {
                Kind::Mapping
            } else {
                self.expected = Expected::Sibling;
                return self.take_value(at, end, Expected::Item);
            });
        }
        let (style, colon) = self.key(at, end)?;
        match opens {
            Some(Kind::Mapping) => self.open(Kind::Mapping, at, at)?,
            Some(_) => return None,
            None => {}
        }
        self.add_scalar(style, at..colon)?;
        let value = self.skip_spaces(colon + 1, end);
        if value == end || self.bytes[value] == b'#' {
            self.expected = Expected::Value(self.place(colon));
            return Some(());
        }
        self.expected = Expected::Sibling;
        self.take_value(value, end, Expected::Value)
    }

    /// Takes a value that begins on this line and is the last thing on its last line. `missing` says
    /// what is expected where there is only an anchor.
    fn take_value(&mut self, at: usize, end: usize, missing: fn(Place) -> Expected) -> Option<()> {
        let after = match self.bytes[at] {
            b'&' if self.anchor.is_none() => {
                let after = self.name(at, end)?;
                self.anchor = self.text.get(at + 1..after);
                let value = self.skip_spaces(after, end);
                if value < end && self.bytes[value] != b'#' {
                    return self.take_value(value, end, missing);
                }
                self.expected = missing(self.place(after));
                return Some(());
            }
            b'*' if self.anchor.is_none() => {
                let after = self.name(at, end)?;
                let target = *self.anchors.get(self.text.get(at + 1..after)?)?;
                if self.levels.iter().any(|level| level.node == target) {
                    return None;
                }
                let id = self.add(Stored::Alias, at..after, self.place(at));
                self.nodes[id].extra = narrow(target);
                after
            }
            b'"' | b'\'' => {
                let (style, after) = self.quoted(at, end)?;
                self.add_scalar(style, at..after)?;
                after
            }
            b'[' | b'{' => self.take_flow(at, 0)?,
            b'|' | b'>' => return self.take_block_text(at, end),
            _ => return self.take_plain(at, end),
        };
        self.is_over(after, self.line.end).then_some(())
    }

    fn open(&mut self, kind: Kind, indent_at: usize, start: usize) -> Option<()> {
        if self.levels.len() >= self.most_levels {
            return None;
        }
        let stored = match kind {
            Kind::Mapping => Stored::BlockMapping,
            Kind::Sequence | Kind::Indentless => Stored::BlockSequence,
        };
        let node = self.add(stored, start..start, self.place(start));
        let indent = indent_at - self.line.start;
        self.levels.push(Level { indent, node, kind });
        Some(())
    }

    fn close(&mut self, node: usize, end: usize) {
        let after = narrow(self.nodes.len());
        let end = narrow(self.before + end);
        self.nodes[node].end = end;
        self.nodes[node].after = after;
    }

    fn add_null(&mut self, place: Place) {
        let id = self.add(Stored::Plain, place.at..place.at, place);
        self.decode(id, "~");
    }

    /// Keeps the value of a scalar that is not what stands there.
    fn decode(&mut self, id: usize, value: &str) {
        self.nodes[id].extra = narrow(self.decoded.len());
        self.decoded.push(value.into());
    }

    #[inline]
    fn add(&mut self, kind: Stored, span: Range<usize>, place: Place) -> usize {
        let id = self.nodes.len();
        let range = (self.before + span.start, self.before + span.end);
        let node = Node::new(kind, range, self.lines_before + place.line, id + 1);
        self.nodes.push(node.anchored(self.anchor.is_some()));
        if self.anchor.is_some() {
            self.keep_name(id);
        }
        id
    }

    #[cold]
    fn keep_name(&mut self, id: usize) {
        if let Some(name) = self.anchor.take() {
            self.anchors.insert(name, id);
        }
    }

    /// Returns where a byte of this line is.
    fn place(&self, at: usize) -> Place {
        let line = self.line.number;
        Place { at, line }
    }
}
