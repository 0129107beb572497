//! The verdicts of many services for people: one line each, and below them every reason once.

use anstyle::Style;

use super::{
    page::Page,
    style::{BOLD, DIM, Line},
    text,
};
use crate::{event::ServiceVerdict, policy::Reason};

/// More reasons than this are counted, not listed.
const REASONS: usize = 12;

/// Adds the services. There may be thousands, so that a line is put together without a table that
/// looks at all cells to fit them to the screen, and can be found with `grep`.
pub(super) fn lines(verdicts: &[ServiceVerdict], lines: &mut Page) {
    let Some(first) = verdicts.first() else {
        return;
    };
    lines.push(Line::default());
    lines.push(Line::styled(BOLD, "services"));
    let zone = &first.verdict.timezone;
    let opens = format!("opens ({zone})");
    let widest = |words: &mut dyn Iterator<Item = usize>| words.max().unwrap_or_default();
    let decision = widest(&mut verdicts.iter().map(|it| it.verdict.decision.word().len()));
    let decision = decision.max("decision".len());
    let name = widest(&mut verdicts.iter().map(|it| it.service.chars().count()));
    let name = name.max("service".len());
    let when = opens.chars().count().max("Mon 2026-11-23 09:00".len());
    let header = format!(
        "  {:decision$}  {:name$}  {opens:when$}  decided by",
        "decision", "service"
    );
    lines.push(Line::styled(DIM, &header));
    let mut reasons: Vec<&Reason> = Vec::new();
    for one in verdicts {
        let verdict = &one.verdict;
        let opens = verdict
            .opens_at
            .map(|at| at.format("%a %Y-%m-%d %H:%M").to_string());
        let opens = opens.unwrap_or_default();
        let deciding = verdict.deciding();
        let rule = deciding
            .map(|reason| reason.rule.as_str())
            .unwrap_or_default();
        let word = verdict.decision.word();
        lines.push(
            Line::plain("  ")
                .and(text::word_style(word), &format!("{word:decision$}"))
                .and(Style::new(), &format!("  {:name$}  ", one.service))
                .and(Style::new(), &format!("{opens:when$}  {rule}")),
        );
        if let Some(reason) = deciding
            && reasons.len() <= REASONS
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    }
    lines.push(Line::default());
    text::because(&reasons[..reasons.len().min(REASONS)], lines);
    if reasons.len() > REASONS {
        lines.push(Line::styled(
            DIM,
            "  and more; `--output json` has them all",
        ));
    }
}
