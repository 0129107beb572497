//! When it closes for a deployment that is under way, and what the policy wants then.

use chrono::{DateTime, FixedOffset, Utc};

use crate::policy::{Overrun, Verdict};

/// It closes, and that matters to what is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// Is it taken back then? Else it is held at the end of its step.
    pub(super) aborts: bool,
    sentence: String,
}

impl Closing {
    /// Reads from the verdict that let it through when it closes; none where it goes on to its end
    /// all the same, or does not close. What comes up meanwhile, such as a `FREEZE`, is not known.
    pub(super) fn of(verdict: &Verdict) -> Option<Self> {
        let aborts = match verdict.overrun {
            Overrun::Finish => return None,
            Overrun::FinishStep => false,
            Overrun::Abort => true,
        };
        let closes = verdict.closes_at?;
        let because = verdict.closes_because.as_ref();
        let because = because.map_or_else(String::new, |why| format!(": {why}"));
        let shown = |at: DateTime<FixedOffset>| {
            format!("{} {}", at.format("%a %Y-%m-%d %H:%M"), verdict.timezone)
        };
        let reopens = match verdict.reopens_at {
            Some(at) => format!("opens next {}", shown(at)),
            None => "when it opens next is not known".to_owned(),
        };
        let word = if aborts { "abort" } else { "finish_step" };
        Some(Self {
            at: closes.to_utc(),
            aborts,
            sentence: format!(
                "it closed at {}{because} (`overrun: {word}` of the policy); {reopens}",
                shown(closes)
            ),
        })
    }

    /// Is it closed? Says since when, why, and when it opens next.
    pub(super) fn closed(&self, now: DateTime<Utc>) -> Option<String> {
        (now >= self.at).then(|| self.sentence.clone())
    }
}
