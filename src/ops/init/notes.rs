//! What there is to say about a repository: what was found, guessed, and left out.

use std::collections::BTreeSet;

use crate::manifest::{ObjectRef, Surveyed};

/// Lines for people, and the objects that they are about.
#[derive(Debug, Default)]
pub(super) struct Notes {
    lines: Vec<String>,
    named: BTreeSet<(String, ObjectRef)>,
}

impl Notes {
    /// Adds a line, once.
    pub(super) fn add(&mut self, line: impl Into<String>) {
        let line = line.into().replace(char::is_control, " ");
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// Adds a line that says of some objects why they are left out.
    pub(super) fn about<'a>(
        &mut self,
        objects: impl IntoIterator<Item = &'a Surveyed>,
        line: impl Into<String>,
    ) {
        let objects = objects.into_iter();
        let all = objects.map(|it| (it.path.clone(), it.object.clone()));
        self.named.extend(all);
        self.add(line);
    }

    /// Does a line say of an object why it is left out?
    pub(super) fn name(&self, object: &Surveyed) -> bool {
        let of = (object.path.clone(), object.object.clone());
        self.named.contains(&of)
    }

    /// Returns the lines.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }
}
