//! Flags that say what a comparison tolerates; their names are those of the configuration.

use clap::Args;

use crate::{
    analysis::judge::{Against, Dispersion, ParameterProblem, Parameters},
    event::{Ending, Failure},
};

/// What is tolerated, how sure the judge must be, how long it may take. What is not given is the
/// configuration's, or the default.
#[derive(Debug, Clone, Default, Args)]
pub struct JudgeArguments {
    /// The canary's rate must stay below this share, such as 0.001, whatever stable does
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = JUDGE)]
    pub max_rate: Option<f64>,
    /// The canary may be this many times as bad as stable [default: 1.25]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, help_heading = JUDGE)]
    tolerated_ratio: Option<f64>,
    /// The canary must not be this many times as bad as stable [default: 2]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, help_heading = JUDGE)]
    unacceptable_ratio: Option<f64>,
    /// A rate that nobody minds; 0 where every bad request counts [default: 0.001]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = JUDGE)]
    negligible_rate: Option<f64>,
    /// Share by which the canary may be worse on top of the ratio [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = JUDGE)]
    tolerated_margin: Option<f64>,
    /// Chance of ever calling a canary worse that is within what is tolerated [default: 0.01]
    #[arg(long, value_name = "CHANCE", allow_negative_numbers = true, help_heading = JUDGE)]
    alpha_worse: Option<f64>,
    /// Chance of ever calling a canary good that is unacceptable [default: 0.05]
    #[arg(long, value_name = "CHANCE", allow_negative_numbers = true, help_heading = JUDGE)]
    alpha_good: Option<f64>,
    /// Metrics that are compared together: each must be surer to be called worse [default: those
    /// compared here]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, help_heading = JUDGE)]
    metrics: Option<u32>,
    /// How many bad requests one cause makes at once: `auto`, from the polls, or a number of at least
    /// 1 [default: auto]
    #[arg(long, value_name = "auto|NUMBER", value_parser = dispersion, allow_negative_numbers = true, help_heading = JUDGE)]
    dispersion: Option<Dispersion>,
    /// Polls between two beginnings of the evidence, for faults that come late; 0 for one beginning
    /// [default: 10]
    #[arg(long, value_name = "POLLS", allow_negative_numbers = true, help_heading = JUDGE)]
    restart_polls: Option<u32>,
    /// Polls until the deadline [default: 60, or all there are where those are more]
    #[arg(long, value_name = "POLLS", allow_negative_numbers = true, help_heading = JUDGE)]
    max_polls: Option<u32>,
    /// Polls before good may be said [default: 10]
    #[arg(long, value_name = "POLLS", allow_negative_numbers = true, help_heading = JUDGE)]
    soak_polls: Option<u32>,
}

const JUDGE: &str = "The judge";

impl JudgeArguments {
    /// Returns the parameters, with `usual` where no flag is given. `polls` is how many there are at
    /// most; `metrics` how many are compared.
    ///
    /// # Errors
    /// [`Ending::Usage`] with every flag that makes no sense.
    pub fn parameters(
        &self,
        usual: Parameters,
        polls: usize,
        metrics: usize,
    ) -> Result<Parameters, Failure> {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let parameters = Parameters {
            against: self.max_rate.map_or(usual.against, Against::Rate),
            tolerated_ratio: self.tolerated_ratio.unwrap_or(usual.tolerated_ratio),
            unacceptable_ratio: self.unacceptable_ratio.unwrap_or(usual.unacceptable_ratio),
            negligible_rate: self.negligible_rate.unwrap_or(usual.negligible_rate),
            tolerated_margin: self.tolerated_margin.unwrap_or(usual.tolerated_margin),
            alpha_worse: self.alpha_worse.unwrap_or(usual.alpha_worse),
            alpha_good: self.alpha_good.unwrap_or(usual.alpha_good),
            metrics: self.metrics.unwrap_or(count(metrics)),
            dispersion: self.dispersion.unwrap_or(usual.dispersion),
            restart_polls: self.restart_polls.unwrap_or(usual.restart_polls),
            max_polls: self.max_polls.unwrap_or(usual.max_polls.max(count(polls))),
            soak_polls: self.soak_polls.unwrap_or(usual.soak_polls),
            ..usual
        };
        let problems = parameters.problems();
        if problems.is_empty() {
            return Ok(parameters);
        }
        let refused: Vec<String> = problems
            .iter()
            .map(|problem| refused(problem, &parameters))
            .collect();
        Err(Failure::new(Ending::Usage, refused.join("; "))
            .hint("`shipgate compare --help` says what each is for"))
    }

    /// Returns the flags that only polls have a use for, as far as they are given.
    pub fn of_polls(&self) -> Vec<&'static str> {
        let rows = [
            ("--restart-polls", self.restart_polls.is_some()),
            ("--max-polls", self.max_polls.is_some()),
            ("--soak-polls", self.soak_polls.is_some()),
        ];
        let given = rows.into_iter().filter(|(_, given)| *given);
        given.map(|(flag, _)| flag).collect()
    }
}

/// `--alpha-worse: found 2, expected a chance above 0 and below 1, such as 0.01`
fn refused(problem: &ParameterProblem, parameters: &Parameters) -> String {
    let found = match problem.name {
        "tolerated_ratio" => parameters.tolerated_ratio,
        "unacceptable_ratio" => parameters.unacceptable_ratio,
        "negligible_rate" => parameters.negligible_rate,
        "tolerated_margin" => parameters.tolerated_margin,
        "alpha_worse" => parameters.alpha_worse,
        "alpha_good" => parameters.alpha_good,
        "metrics" => f64::from(parameters.metrics),
        "max_polls" => f64::from(parameters.max_polls),
        "dispersion" => match parameters.dispersion {
            Dispersion::Fixed(phi) => phi,
            Dispersion::Auto => f64::NAN,
        },
        _ => match parameters.against {
            Against::Rate(rate) => rate,
            Against::Stable => f64::NAN,
        },
    };
    let flag = |name: &str| format!("--{}", name.replace('_', "-"));
    let expected = problem
        .expected
        .replace("`tolerated_ratio`", &flag("tolerated_ratio"));
    format!("{}: found {found}, {expected}", flag(problem.name))
}

fn dispersion(text: &str) -> Result<Dispersion, String> {
    if text == "auto" {
        return Ok(Dispersion::Auto);
    }
    let number = text.parse().map(Dispersion::Fixed);
    number.map_err(|_| "expected `auto` or a number of at least 1".to_owned())
}
