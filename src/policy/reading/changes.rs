//! Reads which changes always need a person.

use globset::GlobBuilder;

use super::{LONGEST_DESCRIPTION, Reader, in_words};
use crate::policy::{document::ApprovalWhenDocument, rules::ChangeRule, wording::shown};

impl Reader<'_> {
    pub(super) fn approval_when(&mut self, documents: &[ApprovalWhenDocument]) -> Vec<ChangeRule> {
        let mut rules = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            let pointer = format!("/approval_when/{index}");
            let mut paths = Vec::new();
            for (index, text) in document.paths.iter().enumerate() {
                let place = format!("{pointer}/paths/{index}");
                let leads_out = text.split('/').any(|part| matches!(part, "" | "." | ".."));
                if leads_out || text.contains('\\') || text.trim() != text {
                    let message = format!(
                        "found {}, expected a glob from the repository's root with /, such as \
                         `migrations/**`",
                        shown(text)
                    );
                    self.wrong(&place, &message);
                    continue;
                }
                self.label(Some(text), &place, LONGEST_DESCRIPTION);
                let glob = GlobBuilder::new(text).literal_separator(true).build();
                let glob =
                    glob.map_err(|error| format!("{} is no glob: {}", shown(text), error.kind()));
                if let Some(glob) = self.take(glob, &place) {
                    paths.push((text.clone(), glob.compile_matcher()));
                }
            }
            let place = format!("{pointer}/reason");
            rules.push(ChangeRule {
                rule: in_words(&pointer),
                line: self.written((), &pointer).position.line,
                paths,
                reason: self.label(document.reason.as_ref(), &place, LONGEST_DESCRIPTION),
            });
        }
        rules
    }
}
