//! Lines for people in the making, and how wide they may be.

use super::style::{self, Line};

/// Columns that a line may fill where nobody knows better, and on every wider terminal.
const WIDTH: usize = 100;
/// Columns that a text gets beside what stands before it, however narrow the terminal is.
const LEAST: usize = 10;

/// Lines, and the columns that they may fill.
#[derive(Debug)]
pub(super) struct Page {
    lines: Vec<Line>,
    width: usize,
}

impl Page {
    /// Begins a page for a terminal of so many columns; none = no terminal.
    pub(super) fn new(columns: Option<usize>) -> Self {
        Self {
            lines: Vec::new(),
            width: columns.map_or(WIDTH, |columns| columns.min(WIDTH)),
        }
    }

    /// Returns the columns that a line may fill.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Breaks a text that stands behind `indent` columns.
    pub(super) fn wrap(&self, text: &str, indent: usize) -> Vec<String> {
        style::wrap(text, self.width.saturating_sub(indent).max(LEAST))
    }

    /// As [`Self::wrap`], with each command in one line.
    pub(super) fn wrap_beside_commands(&self, text: &str, indent: usize) -> Vec<String> {
        style::wrap_beside_commands(text, self.width.saturating_sub(indent).max(LEAST))
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Adds lines.
    pub(super) fn extend(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.lines.extend(lines);
    }

    /// Puts a line before another one.
    pub(super) fn insert(&mut self, index: usize, line: Line) {
        self.lines.insert(index, line);
    }

    /// Returns how many lines there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns the lines without the empty ones that it begins with.
    pub(super) fn finish(self) -> Vec<Line> {
        let is_empty = |line: &Line| line.render(false).is_empty();
        self.lines.into_iter().skip_while(is_empty).collect()
    }
}
