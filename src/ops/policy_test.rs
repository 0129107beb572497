//! `test`: judges the cases beside policies. Asks nobody, changes nothing.

use std::path::{Path, PathBuf};

use super::{
    beside::Beside,
    check::{self, read_file},
    failure,
};
use crate::{
    event::{CaseRecord, Ending, Failure, Outcome},
    policy::cases,
};

/// How the name of a file with cases ends.
const ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// A policy and its cases, as the user named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The policy.
    pub policy: PathBuf,
    /// Its cases.
    pub cases: PathBuf,
}

impl Tested {
    /// Finds the cases beside a policy: `production.yaml` has `production.test.yaml`.
    ///
    /// # Errors
    /// [`Ending::ConfigInvalid`]: there are none.
    pub fn beside(folder: &Path, policy: PathBuf) -> Result<Self, Failure> {
        let candidates = ENDINGS.map(|ending| policy.with_extension(&ending[1..]));
        match candidates.iter().find(|path| folder.join(path).is_file()) {
            Some(cases) => Ok(Self {
                cases: cases.clone(),
                policy,
            }),
            None => Err(Failure::new(
                Ending::ConfigInvalid,
                format!(
                    "{} has no cases: there is no {}",
                    policy.display(),
                    candidates[0].display()
                ),
            )
            .hint("write it, or name a file with cases: --cases FILE")),
        }
    }

    /// Finds the policies of a folder that have cases beside them, in the order of their names.
    ///
    /// # Errors
    /// [`Ending::ConfigInvalid`]: the folder cannot be read, or has none. A test that tests nothing
    /// must not pass.
    pub fn all(folder: &Path, policies: &Path) -> Result<Vec<Self>, Failure> {
        let refuse = |problem: String| {
            Failure::new(
                Ending::ConfigInvalid,
                format!("{}: {problem}", policies.display()),
            )
            .hint("name a policy with --policy FILE")
        };
        let entries = std::fs::read_dir(folder.join(policies))
            .map_err(|error| refuse(format!("cannot be read: {error}")))?;
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| refuse(format!("cannot be read: {error}")))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
            let Some(stem) = stem else {
                continue;
            };
            let candidates =
                ["yaml", "yml"].map(|ending| policies.join(format!("{stem}.{ending}")));
            let policy = candidates.iter().find(|path| folder.join(path).is_file());
            let cases = policies.join(&name);
            let Some(policy) = policy else {
                return Err(refuse(format!(
                    "{name} has no policy {stem}.yaml beside it"
                )));
            };
            found.push(Self {
                policy: policy.clone(),
                cases,
            });
        }
        if found.is_empty() {
            return Err(refuse(
                "has no policy with a .test.yaml beside it".to_owned(),
            ));
        }
        found.sort_by(|left, right| left.cases.cmp(&right.cases));
        Ok(found)
    }
}

/// Judges the cases of policies. Relative paths count from `folder`.
///
/// # Errors
/// [`Ending::ConfigInvalid`]: a file cannot be read, or a policy or a case is not valid.
pub async fn run(folder: &Path, tested: &[Tested]) -> Result<Outcome, Failure> {
    let mut records = Vec::new();
    for one in tested {
        let shown = one.policy.display().to_string();
        let path = folder.join(&one.policy);
        let (source, text) = read_file(&path, &shown)?;
        let beside = Beside::on_disk(&path, &source);
        let policy = check::load_beside(source, &text, &beside).await?;
        let path = one.cases.display().to_string();
        let (_, text) = read_file(&folder.join(&one.cases), &path)?;
        let cases =
            cases::parse(&text, &policy).map_err(|findings| failure::findings(&path, &findings))?;
        for case in cases {
            let (verdict, mismatches) = cases::judge(&policy, &case);
            records.push(CaseRecord {
                policy: shown.clone(),
                path: path.clone(),
                line: case.line,
                at: policy.zone().at(case.at),
                name: case.name,
                verdict,
                mismatches,
            });
        }
    }
    Ok(outcome(records))
}

fn outcome(records: Vec<CaseRecord>) -> Outcome {
    let all = records.len();
    let failed: Vec<&CaseRecord> = records.iter().filter(|record| !record.passed()).collect();
    let cases = |count: usize| if count == 1 { "case" } else { "cases" };
    let mut outcome = match failed.first() {
        None => Outcome::new(Ending::Shown, format!("{all} {} hold", cases(all))),
        Some(first) => Outcome::new(
            Ending::Findings,
            format!(
                "{} of {all} {} failed; first {}:{}: {}",
                failed.len(),
                cases(all),
                first.path,
                first.line,
                first.name
            ),
        )
        .with_hint("mend the policy or the case; `shipgate check --at TIME` shows every reason"),
    };
    outcome.cases = records;
    outcome
}
