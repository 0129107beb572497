//! Every example is run: the steps of its system, with the variables that the system sets, against a
//! repository that is closed for now. The deployment ends with 10, and what runs last with 0.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
};

use serde::Deserialize;
use serde_yaml::Value;
use tempfile::TempDir;

use crate::{bare, root, text};

/// One step of an example.
#[derive(Debug, Default)]
struct Step {
    script: String,
    variables: BTreeMap<String, String>,
}

/// What an example comes to: the step that deploys, and the one that always runs last.
struct Example {
    name: &'static str,
    /// What the system sets by itself.
    system: &'static [(&'static str, &'static str)],
    deploys: Step,
    last: Step,
}

fn yaml(path: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(&text(path))
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        other => panic!("not one value: {other:?}"),
    }
}

/// A mapping of names to values.
fn mapping(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_mapping().into_iter().flatten();
    pairs
        .map(|(name, value)| (word(name), word(value)))
        .collect()
}

/// A list of `{name, value}`; what comes out of a secret is the tests' own.
fn list(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_sequence().into_iter().flatten();
    entries
        .filter(|entry| !entry["value"].is_null())
        .map(|entry| (word(&entry["name"]), word(&entry["value"])))
        .collect()
}

/// Puts values in the places of what a system replaces.
fn filled(mut step: Step, values: &[(&str, &str)]) -> Step {
    for (from, to) in values {
        step.script = step.script.replace(from, to);
        for value in step.variables.values_mut() {
            *value = value.replace(from, to);
        }
    }
    for text in step.variables.values().chain([&step.script]) {
        let left = [
            "$(params",
            "$(context",
            "$(results",
            "${{",
            "{{",
            "<<",
            "$(Agent",
        ];
        assert!(left.iter().all(|it| !text.contains(it)), "{text}");
    }
    step
}

fn azure() -> Example {
    let pipeline = yaml("examples/azure-pipelines/azure-pipelines.yml").remove(0);
    let steps = pipeline["steps"].as_sequence().unwrap();
    let mut steps = steps
        .iter()
        .filter(|step| !step["bash"].is_null())
        .map(|step| {
            let mut variables = mapping(&pipeline["variables"]);
            variables.extend(mapping(&step["env"]));
            let step = Step {
                script: word(&step["bash"]),
                variables,
            };
            let values = [
                ("${{ parameters.version }}", "1.1"),
                ("$(Agent.TempDirectory)/", ""),
                ("$(GITOPS_TOKEN)", "t0ken"),
                ("$(PROMETHEUS_TOKEN)", "t0ken"),
            ];
            filled(step, &values)
        });
    Example {
        name: "azure-pipelines",
        system: &[("TF_BUILD", "True")],
        deploys: steps.next().unwrap(),
        last: steps.next().unwrap(),
    }
}

fn circleci() -> Example {
    let config = yaml("examples/circleci/config.yml").remove(0);
    let job = &config["jobs"]["deploy"];
    let steps = job["steps"].as_sequence().unwrap();
    let mut steps = steps
        .iter()
        .filter(|step| !step["run"].is_null())
        .map(|step| {
            let run = &step["run"];
            let mut variables = mapping(&job["environment"]);
            variables.extend(mapping(&run["environment"]));
            let step = Step {
                script: word(&run["command"]),
                variables,
            };
            filled(step, &[("<< pipeline.parameters.version >>", "1.1")])
        });
    Example {
        name: "circleci",
        system: &[("CI", "true"), ("CIRCLECI", "true")],
        deploys: steps.next().unwrap(),
        last: steps.next().unwrap(),
    }
}

/// The Jenkinsfile's `NAME = 'value'` lines, and what it gives to `sh`.
fn jenkins() -> Example {
    let file = text("examples/jenkins/Jenkinsfile");
    let (of_stage, at_the_end) = file.split_once("  post {").unwrap();
    let quoted = |text: &str| {
        let text = text.trim();
        let quote = text.chars().next().filter(|it| matches!(it, '\'' | '"'))?;
        Some(text[1..].split_once(quote)?.0.to_owned())
    };
    let variables: BTreeMap<String, String> = of_stage
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once(" = ")?;
            let name = name.trim();
            let is_variable = name.starts_with("SHIPGATE_");
            Some((name.to_owned(), quoted(value)?)).filter(|_| is_variable)
        })
        .collect();
    let shared = ["ENVIRONMENT", "SERVICE", "REPOSITORY", "TIMEOUT"];
    let of_all = |(name, _): &(&String, &String)| shared.iter().any(|it| name.ends_with(it));
    let for_last = variables.iter().filter(of_all);
    let last = Step {
        script: quoted(at_the_end.split_once("sh ").unwrap().1).unwrap(),
        variables: for_last
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    };
    let deploys = Step {
        script: quoted(of_stage.split_once("sh(script: ").unwrap().1).unwrap(),
        variables,
    };
    Example {
        name: "jenkins",
        system: &[
            ("JENKINS_URL", "https://jenkins.example/"),
            ("BUILD_URL", "https://jenkins.example/job/ads/7/"),
        ],
        deploys: filled(deploys, &[("${params.VERSION}", "1.1")]),
        last,
    }
}

fn tekton() -> Example {
    let documents = yaml("examples/tekton/task.yaml");
    let [task, pipeline] = &documents[..] else {
        panic!("a Task and a Pipeline");
    };
    let step = &task["spec"]["steps"][0];
    let run = |of: &Value| {
        let mut values: BTreeMap<String, String> = task["spec"]["params"]
            .as_sequence()
            .unwrap()
            .iter()
            .filter(|param| !param["default"].is_null())
            .map(|param| (word(&param["name"]), word(&param["default"])))
            .collect();
        values.extend(list(&of["params"]));
        let values: Vec<(String, String)> = values
            .into_iter()
            .map(|(name, value)| (format!("$(params.{name})"), value))
            .collect();
        let mut pairs: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        pairs.extend([
            ("$(params.service)", "advertisements"),
            ("$(params.version)", "1.1"),
            ("$(context.pipelineRun.namespace)", "shop"),
            ("$(context.pipelineRun.name)", "deploy-x2x7k"),
            ("$(results.exit-code.path)", "exit-code"),
        ]);
        let step = Step {
            script: word(&step["script"]),
            variables: list(&step["env"]),
        };
        filled(step, &pairs)
    };
    Example {
        name: "tekton",
        system: &[],
        deploys: run(&pipeline["spec"]["tasks"][0]),
        last: run(&pipeline["spec"]["finally"][0]),
    }
}

fn argo_workflows() -> Example {
    let template = yaml("examples/argo-workflows/workflow-template.yaml").remove(0);
    let spec = &template["spec"];
    let run = |name: &Value| {
        let templates = spec["templates"].as_sequence().unwrap();
        let found = templates.iter().find(|it| it["name"] == *name).unwrap();
        let mut container = found["container"].clone();
        container.apply_merge().unwrap();
        let words = [&container["command"], &container["args"]];
        let words = words.iter().flat_map(|it| it.as_sequence().unwrap());
        let step = Step {
            script: words.map(word).collect::<Vec<_>>().join(" "),
            variables: list(&container["env"]),
        };
        let values = [
            ("{{workflow.namespace}}", "shop"),
            ("{{workflow.name}}", "deploy-x2x7k"),
            ("{{workflow.parameters.service}}", "advertisements"),
            ("{{workflow.parameters.version}}", "1.1"),
        ];
        filled(step, &values)
    };
    Example {
        name: "argo-workflows",
        system: &[("ARGO_CONTAINER_NAME", "main")],
        deploys: run(&spec["entrypoint"]),
        last: run(&spec["onExit"]),
    }
}

/// A repository with the shop in it, closed for a long time.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("shop.git");
    bare::seed(&repository);
    let shop = root().join("fixtures/shop");
    let mut files: Vec<(String, String)> = crate::files("fixtures/shop")
        .iter()
        .map(|path| {
            let name = root().join(path).strip_prefix(&shop).unwrap().to_owned();
            (
                name.display().to_string(),
                fs::read_to_string(root().join(path)).unwrap(),
            )
        })
        .filter(|(name, _)| !name.starts_with("policies/"))
        .collect();
    let policy = "version: 1\ntimezone: UTC\nblocked_dates:\n  - {from: 2020-01-01, to: 2098-12-31, name: the long freeze}\n";
    files.push(("policies/production.yaml".to_owned(), policy.to_owned()));
    bare::others_commit_all(&repository, "main", &files);
    folder
}

/// Runs a step in a folder, as the system does.
fn run(step: &Step, example: &Example, repository: &Path, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_shipgate")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    Command::new("bash")
        .args(["-e", "-c", &step.script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        // The system's own secrets.
        .env("SHIPGATE_TOKEN", "t0ken")
        .env("PROMETHEUS_TOKEN", "t0ken")
        .envs(example.system.iter().copied())
        .envs(&step.variables)
        .env("SHIPGATE_REPOSITORY", repository)
        .output()
        .unwrap()
}

#[test]
fn every_example_is_told_no_and_leaves_nothing_unfinished() {
    let repository = repository();
    let repository = repository.path().join("shop.git");
    for example in [azure(), circleci(), jenkins(), tekton(), argo_workflows()] {
        let folder = tempfile::tempdir().unwrap();
        let name = example.name;
        let ran = run(&example.deploys, &example, &repository, folder.path());
        let said = format!(
            "{name}: {}\n{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        assert_eq!(
            (ran.status.code(), ran.status.signal()),
            (Some(10), None),
            "{said}"
        );
        assert!(
            said.contains("BLOCKED") && said.contains("the long freeze"),
            "{said}"
        );
        // Every variable that the example sets is one that is known and used.
        assert!(
            !said.contains("unknown variable") && !said.contains("is not used"),
            "{said}"
        );
        for variable in ["SHIPGATE_REPORT", "SHIPGATE_JUNIT"] {
            if let Some(file) = example.deploys.variables.get(variable) {
                assert!(folder.path().join(file).exists(), "{name}: {file}");
            }
        }
        let last = run(&example.last, &example, &repository, folder.path());
        let said = format!(
            "{name}: {}\n{}",
            String::from_utf8_lossy(&last.stdout),
            String::from_utf8_lossy(&last.stderr)
        );
        assert_eq!(last.status.code(), Some(0), "{said}");
        assert!(said.contains("nothing is unfinished"), "{said}");
        assert!(!said.contains("unknown variable"), "{said}");
    }
}

#[test]
fn the_example_for_gitlab_gives_what_the_component_takes() {
    let spec = yaml("templates/shipgate.yml").remove(0);
    let inputs = spec["spec"]["inputs"].as_mapping().unwrap();
    let project = yaml("examples/gitlab-ci/.gitlab-ci.yml").remove(0);
    let given = mapping(&project["include"][0]["inputs"]);
    for name in given.keys() {
        assert!(inputs.contains_key(name.as_str()), "{name}");
    }
    for (name, input) in inputs {
        let name = word(name);
        assert!(
            input["default"] != Value::Null || given.contains_key(&name),
            "{name}"
        );
        assert!(!input["description"].is_null(), "{name}");
    }
    let job = text("templates/shipgate.yml");
    let known = inputs
        .keys()
        .map(word)
        .map(|name| format!("$[[ inputs.{name} ]]"));
    for input in known {
        assert!(job.contains(&input), "{input} is not used");
    }
}

#[test]
fn the_component_takes_the_services_that_the_flag_takes_and_nothing_else() {
    let spec = yaml("templates/shipgate.yml").remove(0);
    let form = word(&spec["spec"]["inputs"]["service"]["regex"]);
    let form = regex::Regex::new(&form).unwrap();
    let long = "a".repeat(63);
    for good in [
        "",
        "a",
        "ads",
        "a,b",
        "shop-api,cart,web-2",
        "a=1.1,b=2.0",
        "a=v1_2-rc.1,b",
        &long,
    ] {
        assert!(form.is_match(good), "{good}");
    }
    let longer = "a".repeat(64);
    for bad in [
        ",",
        "a,",
        ",a",
        "a,,b",
        "a b",
        "a, b",
        "A",
        "-a",
        "a-",
        "a=",
        "a==1",
        "a=-1",
        "=1",
        "a;b",
        "$CI_TOKEN",
        "a\nb",
        "a\n",
        "\"a\"",
        "a: b",
        "a,b]",
        "a=1 2",
        "--all",
        &longer,
    ] {
        assert!(!form.is_match(bad), "{bad:?}");
    }
}

#[test]
fn kargo_gives_the_analysis_what_it_takes() {
    let stage = yaml("examples/kargo/stage.yaml").remove(0);
    let verification = &stage["spec"]["verification"];
    let template = yaml("examples/argo-rollouts/analysis-template.yaml").remove(0);
    assert_eq!(
        verification["analysisTemplates"][0]["name"],
        template["metadata"]["name"]
    );
    let names = |value: &Value| {
        let entries = value.as_sequence().unwrap().iter();
        let mut names: Vec<String> = entries.map(|entry| word(&entry["name"])).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(&verification["args"]),
        names(&template["spec"]["args"])
    );
}

#[test]
fn the_hooks_of_pre_commit_run_what_they_say() {
    let hooks = yaml(".pre-commit-hooks.yaml").remove(0);
    let hooks = hooks.as_sequence().unwrap();
    let used = yaml("examples/pre-commit/.pre-commit-config.yaml").remove(0);
    let used = used["repos"][0]["hooks"].as_sequence().unwrap();
    for hook in used {
        assert!(hooks.iter().any(|it| it["id"] == hook["id"]), "{hook:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let good = "version: 1\ntimezone: UTC\nallowed_windows:\n  - {days: [Mon, Tue], hours: \"09:00-17:00\"}\n";
    let cases = "version: 1\ncases:\n  - {name: on Monday, at: 2026-11-23T10:00:00Z, expect: {decision: allowed}}\n";
    fs::write(policies.join("production.test.yaml"), cases).unwrap();
    let run = |hook: &Value| {
        let entry = word(&hook["entry"]);
        let mut words: Vec<&str> = entry.split(' ').skip(1).collect();
        if hook["pass_filenames"] == Value::Bool(true) {
            words.push("policies/production.yaml");
        }
        let ran = Command::new(env!("CARGO_BIN_EXE_shipgate"))
            .args(words)
            .current_dir(folder.path())
            .env_clear()
            .output();
        ran.unwrap().status.code()
    };
    for (policy, codes) in [
        (good.to_owned(), [Some(0), Some(0)]),
        (good.replace("Mon", "Wed"), [Some(0), Some(4)]),
        (good.replace("Mon", "Moonday"), [Some(3), Some(3)]),
    ] {
        fs::write(policies.join("production.yaml"), &policy).unwrap();
        let found: Vec<_> = hooks.iter().map(run).collect();
        assert_eq!(found, codes, "{policy}");
    }
    // Which files they look at.
    let pattern = |id: &str| {
        let hook = hooks.iter().find(|hook| hook["id"] == *id).unwrap();
        word(&hook["files"])
    };
    assert!(pattern("shipgate-validate").contains("shipgate"));
    assert!(pattern("shipgate-test").starts_with("^policies/"));
}
