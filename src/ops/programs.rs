//! Which programs the checks of a service may run, and what they are given: only what a policy allows
//! that nobody can change with the configuration.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    beside::Beside,
    check,
    deploy::Outside,
    gate::Question,
    load::Target,
    trusted::{self, SiteRef},
};
use crate::{
    config::verification::{Check, CheckKind, Job, Verification},
    event::{Ending, Failure},
    git::Repository,
    probe::program::{Program, surroundings},
    secret::Secret,
    units::ProgramName,
};

/// The programs of a service's checks, by the check's name, without their arguments.
pub type Programs = BTreeMap<String, Program>;

/// Where a policy is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct PolicyAt<'a> {
    /// Its path; none = what the environment names where policies are read.
    pub path: Option<&'a str>,
    /// The branch; none = the repository's default branch.
    pub branch: Option<&'a str>,
}

fn jobs(verification: &Verification) -> impl Iterator<Item = (&Check, &Job)> {
    verification
        .checks
        .iter()
        .filter_map(|check| match &check.kind {
            CheckKind::Job(job) => Some((check, job)),
            _ => None,
        })
}

/// Reads which programs the policy of an environment allows, by commit id from a branch that a pull
/// request cannot change. Nothing is read where no check runs a program.
///
/// # Errors
/// There is no such policy, it is invalid, or the git server does not answer.
pub async fn allowed(
    verification: &Verification,
    repository: &Repository,
    policy: PolicyAt<'_>,
    place: SiteRef<'_>,
) -> Result<Vec<ProgramName>, Failure> {
    if jobs(verification).next().is_none() {
        return Ok(Vec::new());
    }
    let trusted = trusted::policy_of(repository, policy.branch, policy.path, place).await?;
    let beside = Beside::at_source(repository, &trusted.source)?;
    let policy = check::load_beside(trusted.source, &trusted.text, &beside).await?;
    Ok(policy.programs().to_vec())
}

/// Notes at a target which programs the policy that a question names allows its checks.
///
/// # Errors
/// As [`allowed`].
pub async fn allow(
    question: &Question<'_>,
    outside: &Outside<'_>,
    target: &mut Target,
) -> Result<(), Failure> {
    let policy = PolicyAt {
        path: question.policy,
        branch: question.policy_ref,
    };
    let verification = &target.service.verification;
    let found = allowed(verification, outside.repository, policy, (&*target).into()).await?;
    target.programs = found;
    Ok(())
}

/// Finds the programs that the checks of a service run, and their variables.
///
/// # Errors
/// One that is not allowed ([`Ending::ConfigInvalid`]); one that is not on this machine, or a variable
/// that is not set ([`Ending::Usage`]).
pub fn find(
    verification: &Verification,
    allowed: &[ProgramName],
    variable: impl Fn(&str) -> Option<Secret>,
) -> Result<Programs, Failure> {
    let surroundings = surroundings(|name| variable(name).map(|it| it.expose().to_owned()));
    let search = surroundings.get("PATH").map(String::as_str);
    let mut programs = Programs::new();
    for (check, job) in jobs(verification) {
        let (name, wanted) = (&check.name, &job.program);
        if !allowed.contains(wanted) {
            let reason =
                format!("`{name}` runs the program `{wanted}`, which the policy does not allow");
            return Err(Failure::new(Ending::ConfigInvalid, reason).hint(format!(
                "whoever owns the policy allows it there, on the branch that policies are read from: `programs: [{wanted}]`"
            )));
        }
        let path = locate(wanted.as_str(), search).ok_or_else(|| {
            let reason =
                format!("`{name}` runs the program `{wanted}`, which is not on this machine");
            Failure::new(Ending::Usage, reason)
                .hint("install it in the pipeline's image; names are looked for in PATH")
        })?;
        let mut variables = BTreeMap::new();
        for key in &job.variables {
            let value = variable(key).ok_or_else(|| {
                let reason =
                    format!("the variable {key} is not set, which `{name}` gives to `{wanted}`");
                Failure::new(Ending::Usage, reason).hint(format!(
                    "set {key} in the pipeline, or take it out of `env`"
                ))
            })?;
            variables.insert(key.clone(), value);
        }
        let program = Program {
            name: wanted.to_string(),
            path,
            arguments: Vec::new(),
            surroundings: surroundings.clone(),
            variables,
        };
        programs.insert(name.clone(), program);
    }
    Ok(programs)
}

/// Finds the file of a program: an absolute path itself, a name in the absolute folders of `PATH`. A
/// relative folder there would be whatever was checked out. On Windows it is an `.exe`: scripts would be run
/// by a shell.
fn locate(name: &str, search: Option<&str>) -> Option<PathBuf> {
    let is_program = |path: &Path| fs::metadata(path).is_ok_and(|found| is_executable(&found));
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_absolute() && is_program(path));
    }
    let ending = env::consts::EXE_SUFFIX;
    let is_whole = name.to_ascii_lowercase().ends_with(ending);
    let file = format!("{name}{}", if is_whole { "" } else { ending });
    env::split_paths(search?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|path| is_program(path))
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    found.is_file() && found.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(found: &fs::Metadata) -> bool {
    found.is_file()
}
