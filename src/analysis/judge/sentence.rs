//! What a comparison says to people: the figures, how sure it is of what, and what it still needs.

use super::{
    Against, Counts, Dispersion, Evaluation, Forecast, Interval, Parameters, Poll, claims::Claims,
    figures, rate_interval,
};

/// The chance of being wrong that ranges are shown for: they are 95 % ranges.
pub const RANGE_ALPHA: f64 = 0.05;
/// From this φ on it is said that errors come in clusters.
const CLUSTERED: f64 = 2.0;

/// When the old version was counted that a canary is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stable {
    /// At the same time, beside it.
    Beside,
    /// Before the change; the two never ran together.
    Before,
}

impl Stable {
    /// Returns what figures call the new version and the old one.
    pub(in crate::analysis) fn arms(self) -> (&'static str, &'static str) {
        match self {
            Self::Beside => ("canary", "stable"),
            Self::Before => ("now", "before"),
        }
    }

    /// Says that there is nothing to compare with.
    pub(in crate::analysis) fn nothing(self) -> &'static str {
        match self {
            Self::Beside => "no requests of stable — nothing to compare with",
            Self::Before => "no requests of stable before the change — nothing to compare with",
        }
    }
}

/// Says how a comparison stands, a line each: first the name and the figures of both arms, then the
/// judgement, then what else there is to know.
///
/// `ratio` is the range of the ratio at [`RANGE_ALPHA`]. A forecast is not told where it lies behind
/// the deadline. A percentage of sureness stays honest however often one looks; it is not the chance
/// of a regression.
pub fn sentences(
    name: &str,
    parameters: &Parameters,
    stable: Stable,
    judge_sum: Poll,
    evaluation: &Evaluation,
    ratio: Interval,
    forecast: Option<&Forecast>,
) -> Vec<String> {
    let story = Story {
        parameters,
        stable,
        sum: judge_sum,
        evaluation,
        ratio,
        forecast,
    };
    let mut lines = vec![format!("{name}  {}", story.figures()), story.judgement()];
    lines.extend(story.remark());
    lines
}

struct Story<'a> {
    parameters: &'a Parameters,
    stable: Stable,
    sum: Poll,
    evaluation: &'a Evaluation,
    ratio: Interval,
    forecast: Option<&'a Forecast>,
}

impl Story<'_> {
    /// `canary 0.90 % (45 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 2.2× (95 % range 1.2–3.8×)`
    fn figures(&self) -> String {
        let Poll { canary, stable } = self.sum;
        let (new, old) = self.stable.arms();
        match self.parameters.against {
            Against::Stable => {
                let (canary, stable) = (self.arm(canary), self.arm(stable));
                format!("{new} {canary}  {old} {stable}  {}", self.ratio())
            }
            Against::Rate(most) => {
                let most = figures::stated_rate(most);
                let range = figures::rate_range(rate_interval(canary, RANGE_ALPHA));
                let canary = self.arm(canary);
                format!("{new} {canary}  95 % range {range}  limit {most}")
            }
        }
    }

    fn arm(&self, counts: Counts) -> String {
        let Some(rate) = counts.rate() else {
            return "no requests".to_owned();
        };
        let limits = match self.parameters.against {
            Against::Stable => vec![self.parameters.negligible_rate],
            Against::Rate(most) => vec![most],
        };
        let rate = figures::rate(rate, &limits);
        let bad = figures::count(counts.bad());
        format!("{rate} ({bad} of {})", figures::count(counts.total()))
    }

    fn ratio(&self) -> String {
        let Parameters {
            tolerated_ratio,
            unacceptable_ratio,
            ..
        } = *self.parameters;
        let limits = [tolerated_ratio, 1.0, unacceptable_ratio];
        let range = figures::ratio_range(self.ratio, &limits);
        match self.sum.ratio() {
            Some(ratio) => {
                let ratio = figures::ratio(ratio, &limits);
                format!("ratio {ratio} (95 % range {range})")
            }
            None if self.ratio.low > 0.0 || self.ratio.high.is_finite() => {
                format!("ratio unknown (95 % range {range})")
            }
            None => "ratio unknown".to_owned(),
        }
    }

    fn judgement(&self) -> String {
        let claims = self.claims();
        claims.decided().unwrap_or_else(|| self.undecided(&claims))
    }

    fn claims(&self) -> Claims<'_> {
        let canary = self.sum.canary;
        Claims {
            parameters: self.parameters,
            evaluation: self.evaluation,
            worse: self.worse_claim(),
            good: self.good_claim(),
            too_little_for_worse: format!(
                "the canary has {} bad only ({} needed)",
                figures::count(canary.bad()),
                figures::count(Parameters::MIN_BAD)
            ),
            too_little_for_good: format!(
                "the canary has {} requests only ({} needed)",
                figures::count(canary.total()),
                figures::count(Parameters::MIN_REQUESTS)
            ),
        }
    }

    fn undecided(&self, claims: &Claims<'_>) -> String {
        let Poll { canary, stable } = self.sum;
        if canary.total() <= 0.0 {
            return "no requests of the canary — no verdict".to_owned();
        }
        if self.parameters.against == Against::Stable && stable.total() <= 0.0 {
            return self.stable.nothing().to_owned();
        }
        let lean = claims.lean();
        if self.parameters.one_poll_decides {
            return format!("{lean} — undecided{}", self.still_to_come());
        }
        if self.evaluation.polls < self.parameters.max_polls {
            return format!("{lean} — keep polling{}", self.still_to_come());
        }
        let excluded = match (self.parameters.against, figures::at_most(self.ratio)) {
            (Against::Rate(_), _) => String::new(),
            (Against::Stable, Some(most)) => format!("; could only exclude more than {most}"),
            (Against::Stable, None) => "; could not exclude anything".to_owned(),
        };
        format!("undecided at the deadline: {lean}{excluded}")
    }

    fn worse_claim(&self) -> String {
        let Parameters {
            tolerated_ratio,
            tolerated_margin,
            negligible_rate,
            ..
        } = *self.parameters;
        if let Against::Rate(most) = self.parameters.against {
            return format!("above the limit of {}", figures::stated_rate(most));
        }
        let mut claim = format!(
            "worse than the tolerated {}",
            figures::stated_ratio(tolerated_ratio)
        );
        if tolerated_margin > 0.0 {
            let margin = figures::stated_points(tolerated_margin);
            claim.push_str(&format!(" and {margin} more"));
        }
        if self.is_negligible(tolerated_ratio) {
            let rate = figures::stated_rate(negligible_rate);
            claim.push_str(&format!(" and than the negligible {rate}"));
        }
        claim
    }

    fn good_claim(&self) -> String {
        let Parameters {
            unacceptable_ratio,
            tolerated_margin,
            negligible_rate,
            ..
        } = *self.parameters;
        if let Against::Rate(most) = self.parameters.against {
            return format!("below the limit of {}", figures::stated_rate(most));
        }
        let times = figures::stated_ratio(unacceptable_ratio);
        let mut claim = format!("less than {times} worse");
        if tolerated_margin > 0.0 {
            let margin = figures::stated_points(tolerated_margin);
            claim.push_str(&format!(" and {margin} more"));
        }
        if self.is_negligible(unacceptable_ratio) {
            let rate = figures::stated_rate(negligible_rate);
            claim.push_str(&format!(" or below the negligible {rate}"));
        }
        claim
    }

    /// Is the negligible rate the limit that counts, since stable's rate times the ratio is below it?
    fn is_negligible(&self, ratio: f64) -> bool {
        let negligible = self.parameters.negligible_rate;
        let stable = self.sum.stable.rate().unwrap_or(0.0);
        negligible > 0.0 && ratio * stable + self.parameters.tolerated_margin < negligible
    }

    /// The forecast, where it lies before the deadline: in requests, and in polls where there are some.
    fn still_to_come(&self) -> String {
        let Some(forecast) = self.forecast else {
            return String::new();
        };
        let requests = figures::about(forecast.requests);
        let requests = format!("; about {requests} more requests");
        if self.parameters.one_poll_decides {
            return format!("{requests} expected to decide");
        }
        let polls = f64::from(self.evaluation.polls);
        let all = self.sum.canary.total() + self.sum.stable.total();
        let more = (forecast.requests * polls / all).ceil();
        let left = f64::from(self.parameters.max_polls) - polls;
        if more.is_nan() || more > left {
            return String::new();
        }
        let unit = if more > 1.0 { "polls" } else { "poll" };
        let more = figures::about(more);
        format!("{requests} (≈ {more} {unit}) expected to decide")
    }

    fn remark(&self) -> Option<String> {
        let phi = self.evaluation.phi;
        if self.parameters.one_poll_decides && self.parameters.dispersion == Dispersion::Auto {
            return Some(format!(
                "one interval tells nothing of bursts: the dispersion is taken to be {phi:.1}"
            ));
        }
        (phi >= CLUSTERED).then(|| {
            format!("errors come in clusters: the evidence is divided by a dispersion of {phi:.1}")
        })
    }
}

#[cfg(test)]
mod tests;
