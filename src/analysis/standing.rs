//! How a criterion stands after what was measured so far.

/// The answer of one criterion, or of several together, so far.
///
/// Ordered from the worst to the best: the worst of several criteria decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StandingVerdict {
    /// More failures than tolerated.
    Fail,
    /// More errors in a row than tolerated.
    Error,
    /// More answers without a usable number than tolerated.
    Inconclusive,
    /// Not decided: nothing good was measured yet, too little was measured, or the last answer was
    /// not usable.
    NotYet,
    /// Measured, good, and within every limit.
    Pass,
}

impl StandingVerdict {
    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
            Self::NotYet => "not-yet",
            Self::Pass => "pass",
        }
    }
}

/// How one criterion stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The criterion's name.
    pub name: String,
    /// The answer.
    pub verdict: StandingVerdict,
    /// Usable measurements: those that passed and those that failed.
    pub measured: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// Answers without a usable number.
    pub inconclusive: u32,
    /// Errors since the last answer.
    pub errors_in_a_row: u32,
    /// The last usable value.
    pub value: Option<f64>,
    /// What is wanted: `at most 0.02`.
    pub wanted: String,
    /// What was found last, as a clause: `is 0.071`, `did not answer within 5s`.
    pub detail: String,
    /// Was the last answer unusable, though within the limits?
    pub unsettled: bool,
    /// Its own sentence, where it is not a number held against a range.
    pub own_words: Option<String>,
}

impl Standing {
    /// Returns one line for people: the name, what was found, what was wanted and how often.
    pub fn sentence(&self) -> String {
        let Self {
            name,
            detail,
            wanted,
            measured,
            failed,
            inconclusive,
            ..
        } = self;
        if let Some(sentence) = &self.own_words {
            return sentence.clone();
        }
        match self.verdict {
            StandingVerdict::Pass if *failed == 0 => format!("{name} {detail}, wanted {wanted}"),
            StandingVerdict::Pass => format!(
                "{name} {detail}, wanted {wanted} ({failed} of {} failed, which its limit tolerates)",
                measurements(*measured)
            ),
            StandingVerdict::Fail => format!(
                "{name} {detail}, wanted {wanted} ({failed} of {})",
                measurements(*measured)
            ),
            StandingVerdict::Error => format!(
                "{name} {detail} ({} in a row)",
                counted(self.errors_in_a_row, "error")
            ),
            StandingVerdict::Inconclusive => format!(
                "{name} {detail} ({} without a usable number)",
                counted(*inconclusive, "answer")
            ),
            StandingVerdict::NotYet if *measured == 0 && detail.is_empty() => {
                format!("{name} was not measured yet, wanted {wanted}")
            }
            StandingVerdict::NotYet if self.unsettled => format!("{name} {detail}"),
            StandingVerdict::NotYet => format!(
                "{name} {detail}, wanted {wanted} ({} of {} passed, too little to decide)",
                measured - failed,
                measurements(*measured)
            ),
        }
    }
}

/// Returns the worst of several standings, the first of equals; nothing when there is none, and
/// nothing measured is never a pass.
pub fn worst(standings: &[Standing]) -> Option<&Standing> {
    standings.iter().min_by_key(|standing| standing.verdict)
}

fn measurements(number: u32) -> String {
    counted(number, "measurement")
}

fn counted(number: u32, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
