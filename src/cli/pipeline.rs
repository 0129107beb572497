//! Which CI system runs this process, and what it says of the run: who started it, where it is seen,
//! what it was started for.

use super::Context;
use crate::units::without_userinfo;

/// A CI system, as the variables that it sets tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Azure Pipelines.
    Azure,
    /// CircleCI.
    CircleCi,
    /// Jenkins.
    Jenkins,
    /// Argo Workflows.
    ArgoWorkflows,
    /// One that only says that it is one (`CI`), or that is told to: Tekton sets nothing.
    Other,
}

/// The variable by which each is known, the surest first. Where these are documented: "Variables
/// reference" (GitHub Docs), "Predefined CI/CD variables" (GitLab), "Use predefined variables" (Azure
/// Pipelines), "Built-in environment variables" (CircleCI), "Using environment variables" (Jenkins),
/// `workflow/common/common.go` (Argo Workflows).
const MARKS: [(&str, System); 7] = [
    ("GITHUB_ACTIONS", System::GitHub),
    ("GITLAB_CI", System::GitLab),
    ("TF_BUILD", System::Azure),
    ("CIRCLECI", System::CircleCi),
    ("JENKINS_URL", System::Jenkins),
    ("ARGO_CONTAINER_NAME", System::ArgoWorkflows),
    ("CI", System::Other),
];

impl System {
    /// Returns the system that runs this process; none on somebody's own machine.
    pub fn of(context: &Context) -> Option<Self> {
        let is_set = |name| context.variable(name).is_some_and(|value| value != "false");
        let found = MARKS.iter().find(|(name, _)| is_set(name));
        found.map(|(_, system)| *system)
    }
}

/// Finds out who started the run, for trailers. Nobody vouches for it.
pub fn actor(context: &Context) -> Option<String> {
    let own = match System::of(context) {
        Some(System::Azure) => "BUILD_REQUESTEDFOR",
        Some(System::CircleCi) => "CIRCLE_USERNAME",
        // Set by the plugin "build user vars" alone.
        Some(System::Jenkins) => "BUILD_USER_ID",
        _ => "GITHUB_ACTOR",
    };
    [
        "SHIPGATE_ACTOR",
        own,
        "GITHUB_ACTOR",
        "GITLAB_USER_LOGIN",
        "USER",
    ]
    .iter()
    .find_map(|name| context.variable(name).map(str::to_owned))
}

/// Finds the address at which a person sees the run: for trailers, and to know the own runs by.
pub fn run_url(context: &Context) -> Option<String> {
    if let Some(given) = context.variable("SHIPGATE_PIPELINE") {
        return Some(without_userinfo(given));
    }
    let one = |name| context.variable(name).map(str::to_owned);
    let github = || {
        let server = context.variable("GITHUB_SERVER_URL")?;
        let repository = context.variable("GITHUB_REPOSITORY")?;
        let run = context.variable("GITHUB_RUN_ID")?;
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    match System::of(context) {
        Some(System::Azure) => {
            let collection = context.variable("SYSTEM_COLLECTIONURI")?;
            let project = context.variable("SYSTEM_TEAMPROJECT")?.replace(' ', "%20");
            let build = context.variable("BUILD_BUILDID")?;
            let collection = collection.trim_end_matches('/');
            Some(format!(
                "{collection}/{project}/_build/results?buildId={build}"
            ))
        }
        Some(System::CircleCi) => one("CIRCLE_BUILD_URL"),
        Some(System::Jenkins) => one("BUILD_URL"),
        _ => github().or_else(|| one("CI_JOB_URL")),
    }
}

/// Returns the address of the repository that the pipeline runs for. Only of systems whose variable is
/// a plain address: what Jenkins and CircleCI say depends on how it was cloned, and may hold a password.
pub fn repository(context: &Context) -> Option<String> {
    if let (Some(server), Some(repository)) = (
        context.variable("GITHUB_SERVER_URL"),
        context.variable("GITHUB_REPOSITORY"),
    ) {
        return Some(format!("{server}/{repository}.git"));
    }
    context
        .variable("CI_PROJECT_URL")
        .map(|url| format!("{url}.git"))
}

/// Returns the repository and the commit that the pipeline runs for, `shop/ads@1a2b3c4`.
pub fn source(context: &Context) -> Option<String> {
    let of = |repository, commit| {
        let repository = context.variable(repository)?;
        Some(format!("{repository}@{}", context.variable(commit)?))
    };
    match System::of(context) {
        Some(System::Azure) => of("BUILD_REPOSITORY_NAME", "BUILD_SOURCEVERSION"),
        Some(System::CircleCi) => {
            let owner = context.variable("CIRCLE_PROJECT_USERNAME")?;
            let rest = of("CIRCLE_PROJECT_REPONAME", "CIRCLE_SHA1")?;
            Some(format!("{owner}/{rest}"))
        }
        _ => {
            of("GITHUB_REPOSITORY", "GITHUB_SHA").or_else(|| of("CI_PROJECT_PATH", "CI_COMMIT_SHA"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_known_by_its_variables() {
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str);
        let rows: &[Row<'_>] = &[
            (
                &[("USER", "ann"), ("GITHUB_ACTOR", "")],
                "nobody's: ann, -, -",
            ),
            (
                &[("CI", "false"), ("GITLAB_CI", "false")],
                "nobody's: -, -, -",
            ),
            (
                &[
                    ("CI", "true"),
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_ACTOR", "ann"),
                    ("GITHUB_SERVER_URL", "https://github.example"),
                    ("GITHUB_REPOSITORY", "shop/ads"),
                    ("GITHUB_RUN_ID", "4711"),
                    ("GITHUB_SHA", "1a2b3c4"),
                ],
                "GitHub: ann, https://github.example/shop/ads/actions/runs/4711, shop/ads@1a2b3c4",
            ),
            (
                &[
                    ("CI", "true"),
                    ("GITLAB_CI", "true"),
                    ("GITLAB_USER_LOGIN", "ann"),
                    ("CI_JOB_URL", "https://gitlab.example/shop/ads/-/jobs/7"),
                    ("CI_PROJECT_PATH", "shop/ads"),
                    ("CI_COMMIT_SHA", "1a2b3c4"),
                ],
                "GitLab: ann, https://gitlab.example/shop/ads/-/jobs/7, shop/ads@1a2b3c4",
            ),
            (
                &[
                    ("TF_BUILD", "True"),
                    ("BUILD_REQUESTEDFOR", "Ann Example"),
                    ("SYSTEM_COLLECTIONURI", "https://dev.azure.example/shop/"),
                    ("SYSTEM_TEAMPROJECT", "our ads"),
                    ("BUILD_BUILDID", "7"),
                    ("BUILD_REPOSITORY_NAME", "ads"),
                    ("BUILD_SOURCEVERSION", "1a2b3c4"),
                    // Azure's own agent is full of other systems' names.
                    ("BUILD_URL", "https://elsewhere.example"),
                ],
                "Azure: Ann Example, https://dev.azure.example/shop/our%20ads/_build/results?buildId=7, ads@1a2b3c4",
            ),
            (
                &[
                    ("CI", "true"),
                    ("CIRCLECI", "true"),
                    ("CIRCLE_USERNAME", "ann"),
                    ("CIRCLE_BUILD_URL", "https://circleci.example/7"),
                    ("CIRCLE_PROJECT_USERNAME", "shop"),
                    ("CIRCLE_PROJECT_REPONAME", "ads"),
                    ("CIRCLE_SHA1", "1a2b3c4"),
                ],
                "CircleCi: ann, https://circleci.example/7, shop/ads@1a2b3c4",
            ),
            (
                &[
                    ("JENKINS_URL", "https://jenkins.example/"),
                    ("BUILD_URL", "https://jenkins.example/job/ads/7/"),
                    ("BUILD_USER_ID", "ann"),
                    ("USER", "jenkins"),
                ],
                "Jenkins: ann, https://jenkins.example/job/ads/7/, -",
            ),
            (
                &[
                    ("ARGO_CONTAINER_NAME", "main"),
                    ("SHIPGATE_ACTOR", "ann"),
                    (
                        "SHIPGATE_PIPELINE",
                        "https://argo.example/workflows/shop/ads-x2x7k",
                    ),
                ],
                "ArgoWorkflows: ann, https://argo.example/workflows/shop/ads-x2x7k, -",
            ),
            (&[("CI", "1")], "Other: -, -, -"),
        ];
        for (variables, wanted) in rows {
            let context = Context::with_variables(variables);
            let system = System::of(&context).map(|system| format!("{system:?}"));
            let shown = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let found = format!(
                "{}: {}, {}, {}",
                system.unwrap_or_else(|| "nobody's".to_owned()),
                shown(actor(&context)),
                shown(run_url(&context)),
                shown(source(&context)),
            );
            assert_eq!(found, *wanted);
            assert_eq!(context.in_pipeline(), !found.starts_with("nobody's"));
        }
    }
}
