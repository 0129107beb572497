//! A first pipeline file: the example that the repository has for a system, with the services and environments
//! that were found, and without what only the example has.

/// What stands beside the image of an example.
const IMAGE_GUESS: &str = "guess: where your image with shipgate is";
/// The image of the examples.
const IMAGE: &str = "registry.example/tools/shipgate:0.1.0";

/// A system that runs pipelines, with an example of how it calls shipgate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipeline {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Azure Pipelines.
    Azure,
    /// CircleCI.
    Circleci,
    /// Jenkins.
    Jenkins,
}

impl Pipeline {
    /// Returns the word of `--ci` for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Azure => "azure",
            Self::Circleci => "circleci",
            Self::Jenkins => "jenkins",
        }
    }
}

/// What can be deployed, and where to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub services: &'a [&'a str],
    pub environments: &'a [&'a str],
    /// Each environment with each service that can be deployed to it.
    pub pairs: &'a [(&'a str, &'a str)],
}

impl Names<'_> {
    /// Returns what may be chosen: each service, and where there are several all of them.
    fn choices(&self) -> Vec<String> {
        let mut choices: Vec<String> = self.services.iter().map(|&name| name.to_owned()).collect();
        if choices.len() > 1 {
            choices.push(self.services.join(","));
        }
        choices
    }

    /// Returns the list of what may be chosen in YAML; a comma would part it.
    fn services_in_yaml(&self) -> String {
        let choices = self.choices().into_iter();
        let choices = choices.map(|it| format!("\"{it}\""));
        choices.collect::<Vec<_>>().join(", ")
    }

    /// Returns the list of the environments in YAML.
    fn environments_in_yaml(&self) -> String {
        let all = self.environments.iter().map(|name| format!("\"{name}\""));
        all.collect::<Vec<_>>().join(", ")
    }

    /// Returns what stands in front until somebody chooses: a service, and an environment that it is in.
    fn first(&self) -> (&str, &str) {
        let (environment, service) = self.pairs.first().copied().unwrap_or_default();
        (service, environment)
    }
}

/// Returns paths and texts of the files of a system that deploy services to environments.
pub(super) fn files(system: Pipeline, names: &Names<'_>) -> Vec<(String, String)> {
    let (path, text) = match system {
        Pipeline::Github => (".github/workflows/shipgate.yml", github(names)),
        Pipeline::Gitlab => {
            let project = (".gitlab-ci.yml".to_owned(), gitlab(names));
            return vec![project, (COMPONENT.to_owned(), component())];
        }
        Pipeline::Azure => ("azure-pipelines.yml", azure(names)),
        Pipeline::Circleci => (".circleci/config.yml", circleci(names)),
        Pipeline::Jenkins => ("Jenkinsfile", jenkins(names)),
    };
    vec![(path.to_owned(), text)]
}

/// Replaces parts of an example, each of which is in it.
fn replaced(example: &str, parts: &[(&str, &str)]) -> String {
    let mut text = example.to_owned();
    for (old, new) in parts {
        debug_assert!(text.contains(old), "the example has no `{old}`:\n{text}");
        text = text.replace(old, new);
    }
    text
}

/// Returns an example without the comment that it begins with, whose lines begin with `sign`.
fn without_head<'a>(example: &'a str, sign: &str) -> &'a str {
    let mut text = example;
    while text.starts_with(sign) {
        text = text.split_once('\n').map_or("", |(_, rest)| rest);
    }
    text
}

fn github(names: &Names<'_>) -> String {
    let example = include_str!("../../../examples/github-actions/deploy.yml");
    let inputs = format!(
        "required: true}}
      service: {{description: Service to deploy, type: choice, required: true, options: [{}]}}
      environment: {{description: Where to, type: choice, required: true, options: [{}]}}
",
        names.services_in_yaml(),
        names.environments_in_yaml()
    );
    let text = replaced(
        without_head(example, "#"),
        &[
            ("name: deploy\n", "name: shipgate\n"),
            ("required: true}\n", &inputs),
            (
                "group: deploy-production",
                "group: \"deploy-${{ inputs.environment }}\"",
            ),
            (
                "name: deploy to production",
                "name: deploy to ${{ inputs.environment }}",
            ),
            (
                "environment: production #",
                "environment: ${{ inputs.environment }} #",
            ),
            (
                "environment: production\n",
                "environment: ${{ inputs.environment }}\n",
            ),
            (
                "permissions: {contents: read}\n",
                "permissions:\n      contents: write # shipgate pushes to this repository\n",
            ),
            (
                "FULL_COMMIT_SHA\n",
                "FULL_COMMIT_SHA # guess: whose copy of shipgate, and the commit of it that you trust\n",
            ),
            ("service: advertisements", "service: ${{ inputs.service }}"),
            (
                "          repository: https://github.com/OWNER/gitops.git
          token: ${{ secrets.GITOPS_TOKEN }}
",
                "",
            ),
            (
                "        env:
          PROMETHEUS_TOKEN: ${{ secrets.PROMETHEUS_TOKEN }}
",
                "",
            ),
        ],
    );
    format!(
        "# Deploys the service that somebody chooses to the environment that they choose. Written by `shipgate init`.
# `build: true` builds shipgate with cargo, as long as there is no release. What shipgate.yaml names as `token_env`
# goes into an `env` of the first step.
{text}"
    )
}

/// Where the copy of shipgate's component goes: `include: local` takes it from there.
const COMPONENT: &str = "templates/shipgate.yml";

fn gitlab(names: &Names<'_>) -> String {
    let mut text = "# A job for each service and environment, which somebody starts by hand in a pipeline that has the variable
# VERSION. Written by `shipgate init`. The jobs need the masked variable SHIPGATE_TOKEN, which may push to this
# repository, and what shipgate.yaml names as `token_env`.
stages: [deploy]
variables:
  VERSION: {value: \"\", description: Version to deploy}
include:
"
        .to_owned();
    let mut jobs = String::new();
    for (environment, service) in names.pairs {
        text.push_str(&format!(
            "  - local: {COMPONENT}
    inputs:
      job-name: deploy-{service}-{environment}
      image: {IMAGE}   # {IMAGE_GUESS}
      environment: {environment}
      service: {service}
      version: $VERSION
"
        ));
        jobs.push_str(&format!(
            "deploy-{service}-{environment}:
  rules: [{{if: '$VERSION != \"\"', when: manual}}]
"
        ));
    }
    text + &jobs
}

fn component() -> String {
    let template = include_str!("../../../templates/shipgate.yml");
    let (before, after) = (
        format!("default: {IMAGE}\n"),
        format!("default: {IMAGE}   # {IMAGE_GUESS}\n"),
    );
    let text = replaced(without_head(template, "#"), &[(&before, &after)]);
    format!(
        "# A copy of shipgate's component, written by `shipgate init`: one job that runs `shipgate ci` with these inputs.
{text}"
    )
}

fn azure(names: &Names<'_>) -> String {
    let example = include_str!("../../../examples/azure-pipelines/azure-pipelines.yml");
    let (service, environment) = names.first();
    let parameters = format!(
        "  - {{name: version, type: string}}
  - {{name: service, type: string, default: \"{service}\", values: [{}]}}
  - {{name: environment, type: string, default: \"{environment}\", values: [{}]}}
",
        names.services_in_yaml(),
        names.environments_in_yaml()
    );
    let image = format!("container: {IMAGE}   # {IMAGE_GUESS}\n");
    let text = replaced(
        without_head(example, "#"),
        &[
            ("  - {name: version, type: string}\n", &parameters),
            (&format!("container: {IMAGE}\n"), &image),
            (
                "SHIPGATE_ENVIRONMENT: production",
                "SHIPGATE_ENVIRONMENT: ${{ parameters.environment }}",
            ),
            (
                "SHIPGATE_SERVICE: advertisements",
                "SHIPGATE_SERVICE: ${{ parameters.service }}",
            ),
            (
                "https://dev.azure.example/shop/ads/_git/gitops",
                "https://dev.azure.example/ORGANIZATION/PROJECT/_git/REPOSITORY   # guess: the address of this repository",
            ),
            ("      PROMETHEUS_TOKEN: $(PROMETHEUS_TOKEN)\n", ""),
        ],
    );
    format!(
        "# Deploys the service that somebody chooses to the environment that they choose. Written by `shipgate init`.
# GITOPS_TOKEN is a secret variable of the pipeline, which may push to the repository; what shipgate.yaml names as
# `token_env` goes beside it.
{text}"
    )
}

fn circleci(names: &Names<'_>) -> String {
    let example = include_str!("../../../examples/circleci/config.yml");
    let (service, environment) = names.first();
    let parameters = format!(
        "  version: {{type: string, default: \"\"}}
  service: {{type: enum, default: \"{service}\", enum: [{}]}}
  environment: {{type: enum, default: \"{environment}\", enum: [{}]}}
",
        names.services_in_yaml(),
        names.environments_in_yaml()
    );
    let image = format!("    docker: [{{image: \"{IMAGE}\"}}]   # {IMAGE_GUESS}\n");
    let text = replaced(
        without_head(example, "#"),
        &[
            ("  version: {type: string, default: \"\"}\n", &parameters),
            (&format!("    docker: [{{image: \"{IMAGE}\"}}]\n"), &image),
            (
                "SHIPGATE_ENVIRONMENT: production",
                "SHIPGATE_ENVIRONMENT: << pipeline.parameters.environment >>",
            ),
            (
                "SHIPGATE_SERVICE: advertisements",
                "SHIPGATE_SERVICE: << pipeline.parameters.service >>",
            ),
            (
                "https://git.example/shop/gitops.git",
                "https://git.example/OWNER/REPOSITORY.git   # guess: the address of this repository",
            ),
            (
                "context: production, serial-group: deploy-production",
                "context: << pipeline.parameters.environment >>, serial-group: deploy-<< pipeline.parameters.environment >>",
            ),
            (
                "  deploy:\n    # One after",
                "  deploy:\n    # Only where somebody has said which version.\n    when: << pipeline.parameters.version >>\n    # One after",
            ),
        ],
    );
    format!(
        "# Deploys the service that somebody chooses to the environment that they choose. Written by `shipgate init`.
# Each environment has a context of its name with the variable SHIPGATE_TOKEN, which may push to the repository, and
# what shipgate.yaml names as `token_env`.
{text}"
    )
}

fn jenkins(names: &Names<'_>) -> String {
    let example = include_str!("../../../examples/jenkins/Jenkinsfile");
    let list = |names: Vec<String>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        quoted.join(", ")
    };
    let environments = names.environments.iter().map(|&name| name.to_owned());
    let parameters = format!(
        "  parameters {{
    string(name: 'VERSION', description: 'Version to deploy')
    choice(name: 'SERVICE', choices: [{}], description: 'Service to deploy')
    choice(name: 'ENVIRONMENT', choices: [{}], description: 'Where to')
  }}
",
        list(names.choices()),
        list(environments.collect())
    );
    let image = format!("{{ image '{IMAGE}' }} }} // {IMAGE_GUESS}\n");
    let text = replaced(
        without_head(example, "//"),
        &[
            (
                "  parameters { string(name: 'VERSION', description: 'Version to deploy') }\n",
                &parameters,
            ),
            (&format!("{{ image '{IMAGE}' }} }}\n"), &image),
            (
                "credentials('gitops-token')\n",
                "credentials('gitops-token') // guess: the credentials, of kind \"secret text\", that may push to the repository\n",
            ),
            (
                "    PROMETHEUS_TOKEN = credentials('prometheus-token') // named in shipgate.yaml\n",
                "",
            ),
            (
                "SHIPGATE_ENVIRONMENT = 'production'",
                "SHIPGATE_ENVIRONMENT = \"${params.ENVIRONMENT}\"",
            ),
            (
                "SHIPGATE_SERVICE = 'advertisements'",
                "SHIPGATE_SERVICE = \"${params.SERVICE}\"",
            ),
            (
                "'https://git.example/shop/gitops.git'",
                "'https://git.example/OWNER/REPOSITORY.git' // guess: the address of this repository",
            ),
        ],
    );
    format!(
        "// Deploys the service that somebody chooses to the environment that they choose. Written by `shipgate init`.
// What shipgate.yaml names as `token_env` goes beside SHIPGATE_TOKEN.
{text}"
    )
}
