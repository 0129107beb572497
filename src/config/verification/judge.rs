//! What comparisons tolerate and how sure they must be, as it is written and as it counts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::check::Check;
use crate::{
    analysis::judge::{Dispersion, Parameters},
    config::schema::without_null,
};

/// The parameters of comparisons as they are written: in `verification.judge` for all of them, in a
/// metric for one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawJudge {
    /// The new version may be this many times as bad as the old one; 1.25 unless given.
    pub tolerated_ratio: Option<f64>,
    /// It must not be this many times as bad; 2 unless given.
    pub unacceptable_ratio: Option<f64>,
    /// A share of bad requests that nobody minds; 0.001 unless given, 0 for slow requests.
    pub negligible_rate: Option<f64>,
    /// Points by which the share of bad requests may be higher on top of the ratio; 0 unless given.
    pub tolerated_margin: Option<f64>,
    /// Chance of taking a good version back, over all looks of a step; 0.01 unless given.
    pub alpha_worse: Option<f64>,
    /// Chance of letting an unacceptable version through, for a step and a metric; 0.05 unless given.
    pub alpha_good: Option<f64>,
    /// How many bad requests one cause makes: `auto` measures it, 1 means each comes by itself.
    #[schemars(extend("type" = ["string", "number"]))]
    pub dispersion: Option<Value>,
    /// Polls after which evidence begins anew beside the old, so that a late fault is not hidden; 10
    /// unless given, 0 for never.
    pub restart_polls: Option<u32>,
    /// Polls before it may be called good; 10 unless given.
    pub soak_polls: Option<u32>,
    /// Length of the time before a change that stands for the old version where that no longer runs;
    /// twice the length of the watch and at least 10m unless given.
    pub before: Option<String>,
}

/// The checked parameters of `verification.judge`.
pub(super) struct Defaults {
    raw: RawJudge,
    /// The names that are wrong there, which are told once.
    wrong: Vec<&'static str>,
}

/// The parameters of one comparison, and the history it wants.
pub(super) type Settled = (Parameters, Option<Duration>);

impl RawJudge {
    /// Returns the keys that are given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let rows = [
            ("tolerated_ratio", self.tolerated_ratio.is_some()),
            ("unacceptable_ratio", self.unacceptable_ratio.is_some()),
            ("negligible_rate", self.negligible_rate.is_some()),
            ("tolerated_margin", self.tolerated_margin.is_some()),
            ("alpha_worse", self.alpha_worse.is_some()),
            ("alpha_good", self.alpha_good.is_some()),
            ("dispersion", self.dispersion.is_some()),
            ("restart_polls", self.restart_polls.is_some()),
            ("soak_polls", self.soak_polls.is_some()),
            ("before", self.before.is_some()),
        ];
        let given = rows.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name).collect()
    }

    fn or(self, other: &Self) -> Self {
        let Self {
            tolerated_ratio,
            unacceptable_ratio,
            negligible_rate,
            tolerated_margin,
            alpha_worse,
            alpha_good,
            dispersion,
            restart_polls,
            soak_polls,
            before,
        } = self;
        Self {
            tolerated_ratio: tolerated_ratio.or(other.tolerated_ratio),
            unacceptable_ratio: unacceptable_ratio.or(other.unacceptable_ratio),
            negligible_rate: negligible_rate.or(other.negligible_rate),
            tolerated_margin: tolerated_margin.or(other.tolerated_margin),
            alpha_worse: alpha_worse.or(other.alpha_worse),
            alpha_good: alpha_good.or(other.alpha_good),
            dispersion: dispersion.or_else(|| other.dispersion.clone()),
            restart_polls: restart_polls.or(other.restart_polls),
            soak_polls: soak_polls.or(other.soak_polls),
            before: before.or_else(|| other.before.clone()),
        }
    }

    fn over(&self, base: Parameters, dispersion: Dispersion) -> Parameters {
        Parameters {
            tolerated_ratio: self.tolerated_ratio.unwrap_or(base.tolerated_ratio),
            unacceptable_ratio: self.unacceptable_ratio.unwrap_or(base.unacceptable_ratio),
            negligible_rate: self.negligible_rate.unwrap_or(base.negligible_rate),
            tolerated_margin: self.tolerated_margin.unwrap_or(base.tolerated_margin),
            alpha_worse: self.alpha_worse.unwrap_or(base.alpha_worse),
            alpha_good: self.alpha_good.unwrap_or(base.alpha_good),
            dispersion,
            restart_polls: self.restart_polls.unwrap_or(base.restart_polls),
            soak_polls: self.soak_polls.unwrap_or(base.soak_polls),
            ..base
        }
    }
}

impl Check {
    /// Checks `verification.judge`.
    pub(super) fn defaults(&mut self, raw: RawJudge) -> Defaults {
        let mut defaults = Defaults {
            raw: RawJudge::default(),
            wrong: Vec::new(),
        };
        self.settle("/judge", raw.clone(), &defaults, Parameters::default());
        defaults.wrong = wrong(&raw.over(
            Parameters::default(),
            dispersion(raw.dispersion.as_ref()).unwrap_or(Dispersion::Auto),
        ));
        defaults.raw = RawJudge {
            dispersion: raw.dispersion.filter(|it| dispersion(Some(it)).is_some()),
            before: raw.before.filter(|text| length(text).is_ok()),
            ..raw
        };
        defaults
    }

    /// Settles the parameters of the comparison at `at`: its own, else those for all, else `base`.
    pub(super) fn settle(
        &mut self,
        at: &str,
        own: RawJudge,
        defaults: &Defaults,
        base: Parameters,
    ) -> Settled {
        let given = own.given();
        let raw = own.or(&defaults.raw);
        let dispersion = dispersion(raw.dispersion.as_ref()).unwrap_or_else(|| {
            self.problem(
                format!("{at}/dispersion"),
                "expected `auto` or a number of at least 1",
            );
            Dispersion::Auto
        });
        let before = raw.before.as_deref().and_then(|text| {
            length(text)
                .map_err(|message| self.problem(format!("{at}/before"), message))
                .ok()
        });
        let parameters = raw.over(base, dispersion);
        for problem in parameters.problems() {
            let name = problem.name;
            if defaults.wrong.contains(&name) && !given.contains(&name) {
                continue;
            }
            let pointer = if given.contains(&name) {
                format!("{at}/{name}")
            } else {
                at.to_owned()
            };
            let value = value(&parameters, name);
            self.problem(
                pointer,
                format!("`{name}` is {value}, {}", problem.expected),
            );
        }
        (parameters, before)
    }
}

fn wrong(parameters: &Parameters) -> Vec<&'static str> {
    let problems = parameters.problems();
    problems.into_iter().map(|problem| problem.name).collect()
}

fn dispersion(written: Option<&Value>) -> Option<Dispersion> {
    match written {
        None => Some(Dispersion::Auto),
        Some(Value::String(word)) if word == "auto" => Some(Dispersion::Auto),
        Some(Value::Number(number)) => number.as_f64().map(Dispersion::Fixed),
        Some(_) => None,
    }
}

fn length(text: &str) -> Result<Duration, String> {
    match crate::units::parse_duration(text) {
        Ok(length) if length.is_zero() => {
            Err("found 0s, expected some time before the change, such as 30m".to_owned())
        }
        Ok(length) => Ok(length),
        Err(nonsense) => Err(nonsense.to_string()),
    }
}

fn value(parameters: &Parameters, name: &str) -> String {
    let number = match name {
        "tolerated_ratio" => parameters.tolerated_ratio,
        "unacceptable_ratio" => parameters.unacceptable_ratio,
        "negligible_rate" => parameters.negligible_rate,
        "tolerated_margin" => parameters.tolerated_margin,
        "alpha_worse" => parameters.alpha_worse,
        "alpha_good" => parameters.alpha_good,
        "dispersion" => match parameters.dispersion {
            Dispersion::Fixed(phi) => phi,
            Dispersion::Auto => return "auto".to_owned(),
        },
        "max_rate" => match parameters.against {
            crate::analysis::judge::Against::Rate(rate) => rate,
            crate::analysis::judge::Against::Stable => return "not given".to_owned(),
        },
        _ => return "not usable".to_owned(),
    };
    number.to_string()
}
