//! A plan that was made before, from the report of `plan --output json`: what a deployment must still
//! come to. It is never applied; what would be done now is held against it.

use std::fmt;

use serde::Deserialize;

use super::commits;
use crate::{
    event::{Ending, Failure, PlannedCommit},
    manifest::{Change, Manifests},
    ops::{deploy::Ready, load::Target},
    units::Version,
};

/// The form of reports that is read.
const SCHEMA_VERSION: u64 = 1;
/// The reason code of a plan that is not what would be done any more.
const OUTDATED: &str = "plan-outdated";
/// What a value that is not there is called.
const NOTHING: &str = "nothing";

/// The plan of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBefore {
    /// The file, as the user wrote it.
    file: String,
    /// The version.
    pub version: Version,
    plan: Plan,
}

/// What is read of a report; keys that are not named here say nothing that decides.
#[derive(Deserialize)]
struct Report {
    command: String,
    plan: Option<Plan>,
    reason: String,
    exit_code: u8,
    result: String,
    #[serde(default)]
    services: Vec<End>,
}

#[derive(Deserialize)]
struct End {
    service: String,
    plan: Option<Plan>,
    reason: String,
    exit_code: u8,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Plan {
    repository: String,
    environment: String,
    service: String,
    version: String,
    strategy: String,
    branch: String,
    drill: bool,
    commits: Vec<Commit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Commit {
    step: usize,
    subject: String,
    changes: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Value {
    path: String,
    line: usize,
    object: String,
    target: String,
    old: Option<String>,
    new: Option<String>,
}

impl Value {
    fn is_at(&self, change: &Change) -> bool {
        self.path == change.path
            && self.object == change.object.to_string()
            && self.target == change.target()
    }
}

impl PlannedBefore {
    /// Reads the plans of a report. A service that had nothing to do has none.
    ///
    /// # Errors
    /// [`Ending::Usage`]: no report, one that ends too early, of another form or command, or one whose
    /// plan could not be made.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Self>, Failure> {
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
            let what = if error.is_eof() {
                "it ends too early"
            } else {
                "it is no JSON"
            };
            let place = format!("{file}:{}:{}", error.line(), error.column());
            unusable(format!(
                "{place}: {what}, expected a whole report of `plan`"
            ))
        })?;
        let form = &value["schema_version"];
        if form.as_u64() != Some(SCHEMA_VERSION) {
            return Err(unusable(format!(
                "{file}: `schema_version` is {form}, expected {SCHEMA_VERSION}"
            )));
        }
        let report: Report = serde_json::from_value(value).map_err(|error| {
            unusable(format!(
                "{file}: {error}; a plan of this version of shipgate was expected"
            ))
        })?;
        if !["plan", "deploy"].contains(&report.command.as_str()) {
            let found = &report.command;
            return Err(unusable(format!(
                "{file}: is the report of {found:?}, expected one of `plan`"
            )));
        }
        let ends = if report.services.is_empty() {
            vec![(
                None,
                report.plan,
                report.result,
                report.exit_code,
                report.reason,
            )]
        } else {
            let ends = report.services.into_iter();
            ends.map(|end| {
                let service = Some(end.service);
                (service, end.plan, end.result, end.exit_code, end.reason)
            })
            .collect()
        };
        let mut plans = Vec::new();
        for (service, plan, result, code, reason) in ends {
            match plan {
                Some(plan) => plans.push(Self::new(file, plan)?),
                None if result == "no-change" => {}
                None => {
                    let of = service.map(|it| format!(" of `{it}`")).unwrap_or_default();
                    return Err(unusable(format!(
                        "{file}: there is no plan{of}: it ended with {code}, {reason:?}"
                    )));
                }
            }
        }
        Ok(plans)
    }

    fn new(file: &str, plan: Plan) -> Result<Self, Failure> {
        let version = plan.version.parse::<Version>();
        let version =
            version.map_err(|error| unusable(format!("{file}: `version` of a plan: {error}")))?;
        Ok(Self {
            file: file.to_owned(),
            version,
            plan,
        })
    }

    /// Returns the service that it is for.
    pub fn service(&self) -> &str {
        &self.plan.service
    }

    /// Returns the environment that it is for.
    pub fn environment(&self) -> &str {
        &self.plan.environment
    }

    /// Returns the file that it was read from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Sees that it is for what is deployed to, whether anything is left to do there or not.
    ///
    /// # Errors
    /// [`Ending::Usage`]: it is for another repository, environment or service.
    pub fn check_place(&self, target: &Target, repository: &str) -> Result<(), Failure> {
        let (file, plan) = (&self.file, &self.plan);
        let (service, environment) = target.place();
        let made_for = [
            ("repository", bare(&plan.repository), bare(repository)),
            ("environment", plan.environment.as_str(), environment),
            ("service", plan.service.as_str(), service),
        ];
        match made_for.iter().find(|(_, one, other)| one != other) {
            None => Ok(()),
            Some((what, planned, now)) => Err(unusable(format!(
                "{file}: is a plan for {what} `{planned}`, and this is `{now}`"
            ))),
        }
    }

    /// Sees that a deployment which is ready to go comes to what was planned. Where the branch has
    /// moved elsewhere that is no matter.
    ///
    /// # Errors
    /// [`Ending::Usage`]: it is for another repository or environment. [`Ending::EditRefused`]: a value
    /// is another one by now, or other commits would be made.
    pub fn check(
        &self,
        ready: &Ready,
        manifests: &Manifests,
        target: &Target,
        repository: &str,
    ) -> Result<(), Failure> {
        self.check_place(target, repository)?;
        let (file, plan) = (&self.file, &self.plan);
        let identity = &ready.identity;
        if plan.drill != identity.drill {
            let (planned, now) = if plan.drill {
                ("a drill", "a deployment")
            } else {
                ("a deployment", "a drill")
            };
            return Err(unusable(format!(
                "{file}: is the plan of {planned}, and this is {now}"
            )));
        }
        for (what, planned, now) in [
            ("branch", &plan.branch, &target.branch),
            ("strategy", &plan.strategy, &identity.strategy),
        ] {
            if planned != now {
                return Err(self.outdated(
                    &format!("{what} of `{}` is `{now}` now", plan.service),
                    &format!("`{planned}`"),
                ));
            }
        }
        let commits = commits::commits(ready, identity, manifests)?;
        for commit in &commits {
            let planned = plan.commits.iter().find(|it| it.step == commit.step);
            match planned {
                Some(planned) => self.compare(planned, commit)?,
                None => {
                    return Err(self.outdated(
                        &format!("`{}` would be pushed now", commit.subject),
                        "no such commit",
                    ));
                }
            }
        }
        let is_made = |planned: &&Commit| {
            let has_landed = ready
                .landed
                .is_some_and(|landed| planned.step <= landed + 1);
            has_landed || commits.iter().any(|it| it.step == planned.step)
        };
        match plan.commits.iter().find(|it| !is_made(it)) {
            None => Ok(()),
            Some(planned) => {
                let found = format!("`{}` would not be pushed now", planned.subject);
                Err(self.outdated(&found, "that"))
            }
        }
    }

    fn compare(&self, planned: &Commit, commit: &PlannedCommit) -> Result<(), Failure> {
        for change in &commit.changes {
            let place = format!(
                "{}:{}: {} of {}",
                change.path,
                change.line,
                change.target(),
                change.object
            );
            let value = planned.changes.iter().find(|it| it.is_at(change));
            let Some(value) = value else {
                return Err(self.outdated(
                    &format!("{place} would become {} now", Shown(&change.new)),
                    "that it stays as it is",
                ));
            };
            if value.old != change.old {
                return Err(self.outdated(
                    &format!("{place} is {} now", Shown(&change.old)),
                    &Shown(&value.old).to_string(),
                ));
            }
            if value.new != change.new {
                return Err(self.outdated(
                    &format!("{place} would become {} now", Shown(&change.new)),
                    &Shown(&value.new).to_string(),
                ));
            }
        }
        let is_made = |value: &&Value| commit.changes.iter().any(|it| value.is_at(it));
        match planned.changes.iter().find(|it| !is_made(it)) {
            None => Ok(()),
            Some(value) => Err(self.outdated(
                &format!(
                    "{}:{}: {} of {} would stay as it is",
                    value.path, value.line, value.target, value.object
                ),
                &Shown(&value.new).to_string(),
            )),
        }
    }

    fn outdated(&self, found: &str, expected: &str) -> Failure {
        let text = format!("{found}, and the plan {} expects {expected}", self.file);
        let mut failure = Failure::new(Ending::EditRefused, text)
            .hint("make the plan again, look at it, and deploy that one");
        OUTDATED.clone_into(&mut failure.0.reason_code);
        failure
    }
}

/// A value as people read it.
struct Shown<'a>(&'a Option<String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(formatter, "`{value}`"),
            None => formatter.write_str(NOTHING),
        }
    }
}

/// The address of a repository without what may be left out of it.
fn bare(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address)
}

fn unusable(reason: String) -> Failure {
    Failure::new(Ending::Usage, reason)
        .hint("make it with `shipgate plan … --output json`, and hand it on as it is")
}
