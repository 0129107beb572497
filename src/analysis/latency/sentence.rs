//! What the comparisons of percentiles and of gauges say to people: the figures, then the judgement.

use super::{Percentile, Quantile, Sign};
use crate::analysis::judge::{Claims, Evaluation, Parameters, Stable, figures};

/// Says how the comparison of a percentile stands, a line each: the name and the figures of both arms,
/// then the judgement.
pub fn quantile_sentences(
    name: &str,
    quantile: &Quantile,
    stable_ran: Stable,
    evaluation: &Evaluation,
) -> [String; 2] {
    let parameters = quantile.parameters();
    let word = word(quantile.quantile());
    let [canary, stable] = quantile.percentiles();
    let (new, old) = stable_ran.arms();
    let figures = format!(
        "{name}  {new} {word} {}  {old} {word} {}",
        place(canary),
        place(stable)
    );
    if canary.requests <= 0.0 {
        return [figures, "no requests of the canary — no verdict".to_owned()];
    }
    if stable.requests <= 0.0 {
        return [figures, stable_ran.nothing().to_owned()];
    }
    let tolerated = figures::stated_ratio(parameters.tolerated_ratio);
    let unacceptable = figures::stated_ratio(parameters.unacceptable_ratio);
    let claims = Claims {
        parameters,
        evaluation,
        worse: format!("above {tolerated} stable's"),
        good: format!("at most {unacceptable} stable's"),
        too_little_for_worse: "it takes more polls".to_owned(),
        too_little_for_good: format!(
            "the canary has {} requests only ({} needed)",
            figures::count(canary.requests),
            figures::count(Parameters::MIN_REQUESTS)
        ),
    };
    [figures, judgement(&claims)]
}

/// Says how the comparison of a gauge stands, as [`quantile_sentences`] does.
pub fn sign_sentences(name: &str, sign: &Sign, evaluation: &Evaluation) -> [String; 2] {
    let parameters = sign.parameters();
    let tolerated = figures::stated_ratio(parameters.tolerated_ratio);
    let (above, others) = sign.polls();
    let averages = sign.averages().map(|[canary, stable]| {
        format!(
            "canary {}  stable {} (averages)  ",
            figures::number(canary),
            figures::number(stable)
        )
    });
    let figures = format!(
        "{name}  {}above {tolerated} stable in {above} of {} polls",
        averages.unwrap_or_default(),
        above.saturating_add(others)
    );
    let least = figures::count(Parameters::MIN_BAD);
    let claims = Claims {
        parameters,
        evaluation,
        worse: format!("mostly above {tolerated} stable"),
        good: format!("mostly not above {tolerated} stable"),
        too_little_for_worse: format!("it was above in {above} polls only ({least} needed)"),
        too_little_for_good: format!("it was not above in {others} polls only ({least} needed)"),
    };
    [figures, judgement(&claims)]
}

fn judgement(claims: &Claims<'_>) -> String {
    claims.decided().unwrap_or_else(|| {
        let lean = claims.lean();
        if claims.evaluation.polls < claims.parameters.max_polls {
            format!("{lean} — keep polling")
        } else {
            format!("undecided at the deadline: {lean}")
        }
    })
}

/// Returns what people call a quantile: `p99`, `p99.9`.
fn word(quantile: f64) -> String {
    let percent = (100_000.0 * quantile).round() / 1_000.0;
    format!("p{percent}")
}

fn place(percentile: Percentile) -> String {
    let Percentile {
        requests,
        above,
        at_most,
    } = percentile;
    if requests <= 0.0 {
        return "unknown (no requests)".to_owned();
    }
    let number = figures::number;
    let place = match (above, at_most) {
        (Some(above), Some(at_most)) => format!("{} to {}", number(above), number(at_most)),
        (None, Some(at_most)) => format!("at most {}", number(at_most)),
        (Some(above), None) => format!("above {}, the largest bucket", number(above)),
        (None, None) => "unknown".to_owned(),
    };
    format!("{place} ({} requests)", figures::count(requests))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::latency::Buckets;

    fn of_gauge(polls: u32, canary: f64, max_polls: u32) -> String {
        let parameters = Parameters {
            tolerated_ratio: 1.2,
            max_polls,
            ..Parameters::default()
        };
        let mut sign = Sign::new(parameters).unwrap();
        for _ in 0..polls {
            sign.push(canary, 0.5).unwrap();
        }
        sign_sentences("p99", &sign, &sign.evaluate()).join("\n")
    }

    /// Of each arm: requests a poll, and the shares of them within 0.5 and within 0.75.
    fn of_buckets(arms: [(f64, f64, f64); 2], polls: u32) -> String {
        let parameters = Parameters {
            tolerated_ratio: 1.2,
            ..Parameters::default()
        };
        let mut quantile = Quantile::new(parameters, 0.99).unwrap();
        let [canary, stable] = arms.map(|(total, half, more)| {
            let rows = [(0.5, half * total), (0.75, more * total)];
            Buckets::new(rows.into_iter().chain([(f64::INFINITY, total)])).unwrap()
        });
        for _ in 0..polls {
            quantile.push(&canary, &stable).unwrap();
        }
        quantile_sentences("latency", &quantile, Stable::Beside, &quantile.evaluate()).join("\n")
    }

    #[test]
    fn said() {
        let usual = (9_000.0, 0.97, 0.999);
        let fast = (9_000.0, 0.999, 1.0);
        let rows = [
            of_gauge(0, 0.0, 60),
            of_gauge(5, 0.61, 60),
            of_gauge(5, 0.61, 5),
            of_gauge(9, 0.61, 60),
            of_gauge(6, 0.49, 60),
            of_gauge(10, 0.49, 60),
            of_buckets([(0.0, 0.0, 0.0), usual], 1),
            of_buckets([usual, (0.0, 0.0, 0.0)], 1),
            of_buckets([fast, fast], 2),
            of_buckets([usual, usual], 12),
            of_buckets([(1_000.0, 0.5, 0.8), fast], 3),
        ];
        insta::assert_snapshot!(rows.join("\n\n"), @r"
        p99  above 1.2× stable in 0 of 0 polls
        nothing speaks for worse or for good yet — keep polling

        p99  canary 0.61  stable 0.50 (averages)  above 1.2× stable in 5 of 5 polls
        93.4 % sure it is mostly above 1.2× stable (99 % needed) — keep polling

        p99  canary 0.61  stable 0.50 (averages)  above 1.2× stable in 5 of 5 polls
        undecided at the deadline and leaning towards worse: 93.4 % sure it is mostly above 1.2× stable (99 % needed) — a person should look

        p99  canary 0.61  stable 0.50 (averages)  above 1.2× stable in 9 of 9 polls
        99.4 % sure it is mostly above 1.2× stable (99 % needed) — worse

        p99  canary 0.49  stable 0.50 (averages)  above 1.2× stable in 0 of 6 polls
        96.3 % sure it is mostly not above 1.2× stable (95 % needed), but good is said from poll 10 on (this is 6) — keep polling

        p99  canary 0.49  stable 0.50 (averages)  above 1.2× stable in 0 of 10 polls
        99.7 % sure it is mostly not above 1.2× stable — good enough

        latency  canary p99 unknown (no requests)  stable p99 0.50 to 0.75 (9,000 requests)
        no requests of the canary — no verdict

        latency  canary p99 0.50 to 0.75 (9,000 requests)  stable p99 unknown (no requests)
        no requests of stable — nothing to compare with

        latency  canary p99 at most 0.50 (18,000 requests)  stable p99 at most 0.50 (18,000 requests)
        nothing speaks for worse or for good yet — keep polling

        latency  canary p99 0.50 to 0.75 (108,000 requests)  stable p99 0.50 to 0.75 (108,000 requests)
        over 99.99 % sure it is at most 2× stable's — good enough

        latency  canary p99 above 0.75, the largest bucket (3,000 requests)  stable p99 at most 0.50 (27,000 requests)
        99.9 % sure it is above 1.2× stable's (99 % needed) — worse
        ");
    }
}
