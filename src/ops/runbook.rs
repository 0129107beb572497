//! The way back of every service on paper: what to look at and what to run, with the names of the configuration, by
//! shipgate and by hand.

use std::fmt::Write as _;

use crate::{
    config::{Config, Environment, Live, Service, Strategy, Workload},
    event::Ending,
    ops::command::{About, Flags, word},
};

/// What of a configuration a runbook is about.
#[derive(Debug, Clone)]
pub struct Chapters<'a> {
    /// Environments with their names.
    pub environments: Vec<(&'a str, &'a Environment)>,
    /// Services.
    pub services: Vec<&'a Service>,
    /// Address of the GitOps repository, for the commands; none = the pipeline's own.
    pub repository: Option<&'a str>,
    /// Path of the configuration in the repository.
    pub config_path: &'a str,
}

/// Ends after which somebody reads a runbook.
const ENDS: &[Ending] = &[
    Ending::RolledBack,
    Ending::RollbackFailed,
    Ending::Held,
    Ending::Superseded,
    Ending::PushUnknown,
    Ending::CancelledLeft,
];

/// Returns the runbook in Markdown.
pub fn markdown(config: &Config, chapters: &Chapters<'_>) -> String {
    let mut text = String::from("# Rolling back\n\n");
    text.push_str("Made by `shipgate runbook` from ");
    let _ = writeln!(
        text,
        "{}; make it again whenever that changes.\n`rollback --dry-run` shows what it would do and changes nothing.\n",
        code(chapters.config_path)
    );
    text.push_str("| The pipeline ended with | which says | next |\n|---|---|---|\n");
    for end in ENDS {
        let code = end.code();
        let (number, name) = (code.number, code.name);
        let _ = writeln!(
            text,
            "| {number} `{name}` | {} | {} |",
            code.meaning, code.next_step
        );
    }
    for (name, environment) in &chapters.environments {
        for service in &chapters.services {
            let service = service.in_environment(environment);
            text.push('\n');
            chapter(&mut text, config, chapters, name, environment, &service);
        }
    }
    text
}

fn chapter(
    text: &mut String,
    config: &Config,
    chapters: &Chapters<'_>,
    name: &str,
    environment: &Environment,
    service: &Service,
) {
    let _ = writeln!(text, "## {} in {}\n", code(&service.name), code(name));
    facts(text, environment, service);
    let flags = Flags {
        repository: chapters.repository.map(str::to_owned),
        branch: None,
        config: Some(chapters.config_path.to_owned()),
    };
    let about = About {
        flags: &flags,
        service: &service.name,
        environment: name,
    };
    let command = |what: &str| about.command(what);
    text.push_str("\n**By shipgate.** Finish or take back what an interrupted run left; see what ran; go back:\n\n");
    let mut lines = vec![command("recover"), command("history"), command("rollback")];
    if service.strategy.canary().is_some() {
        lines.push(command("rollback").switch("progressive"));
    }
    lines.push(command("rollback").flag("to", "VERSION"));
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    fenced(text, &lines);
    if environment.pull_request.is_some() {
        text.push_str(
            "\nThe branch takes no push: what they change goes through a pull request.\n",
        );
    }
    by_hand(text, environment, service);
    over(text, config, environment, service);
}

fn facts(text: &mut String, environment: &Environment, service: &Service) {
    let strategy = &service.strategy;
    let mut rows = vec![
        ("Image", code(&service.image)),
        (
            "Manifests",
            service
                .globs(environment)
                .iter()
                .map(|glob| code(glob))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "Branch",
            environment
                .branch
                .as_deref()
                .map_or("the default branch".to_owned(), code),
        ),
        ("Strategy", code(strategy.name())),
    ];
    for (role, workload) in strategy.workloads() {
        rows.push((title(role), code(&workload.object.to_string())));
    }
    if let Some(object) = strategy.canary().and_then(|canary| canary.traffic.object()) {
        rows.push(("Traffic", code(&object.to_string())));
    }
    if let Strategy::BlueGreen(pair) = strategy {
        rows.push(("Service that is switched", code(&pair.service.to_string())));
    }
    if !service.depends_on.is_empty() {
        let names: Vec<String> = service.depends_on.iter().map(|name| code(name)).collect();
        rows.push(("Depends on", names.join(", ")));
    }
    text.push_str("| | |\n|---|---|\n");
    for (what, value) in rows {
        // Also within a code span (GitHub Flavored Markdown, 4.10).
        let value = value.replace('|', "\\|");
        let _ = writeln!(text, "| {what} | {value} |");
    }
}

/// Where shipgate itself cannot be run: the same order of steps as its own way back has.
fn by_hand(text: &mut String, environment: &Environment, service: &Service) {
    text.push_str(
        "\n**By hand**, in a clone of the repository, each step in a commit of its own:\n\n",
    );
    let object = |workload: &Workload| code(&workload.object.to_string());
    let globs = service.globs(environment);
    let mut steps = Vec::new();
    match &service.strategy {
        Strategy::Canary(canary) => {
            let none = match canary.traffic.object() {
                Some(traffic) => {
                    format!("the canary's weight in {} to 0", code(&traffic.to_string()))
                }
                None => format!("the replicas of {} to 0", object(&canary.canary)),
            };
            let stable = object(&canary.stable);
            steps.push(format!(
                "Has {stable} the old version still? Set {none}, and push that first."
            ));
            steps.push(format!(
                "Has {stable} the bad version already? Put the old one back there first, push, wait until it runs, and only then set {none}: before that, everyone would get the bad one."
            ));
            steps.push(format!(
                "Put the old version and replicas back into {}.",
                object(&canary.canary)
            ));
        }
        Strategy::BlueGreen(pair) => {
            steps.push(format!(
                "Has the old colour of {} and {} pods that run? If not, give it replicas, push, and wait until they run.",
                object(&pair.blue),
                object(&pair.green)
            ));
            steps.push(format!(
                "Put the old colour back into the selector of {}, and push.",
                code(&pair.service.to_string())
            ));
        }
        Strategy::Rolling(rolling) => steps.push(format!(
            "Put the old version back into {}, and push.",
            object(&rolling.stable)
        )),
        Strategy::ArgoRollouts(argo) => {
            steps.push(format!(
                "Abort what is under way: {}.",
                code(&format!(
                    "{} argo rollouts abort {}",
                    kubectl(&argo.stable.live, environment),
                    argo.stable.object.name
                ))
            ));
            steps.push(format!(
                "Put the old version back into {}, and push.",
                object(&argo.stable)
            ));
        }
    }
    steps.push(
        "Once shipgate can be run again: `recover` as above ends what is still open.".to_owned(),
    );
    for (index, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "{}. {step}", index + 1);
    }
    text.push_str("\nWhat the last deployments changed, newest first, with the values that were there before:\n\n");
    let paths: Vec<String> = globs
        .iter()
        .map(|glob| word(&format!(":(glob){glob}")))
        .collect();
    fenced(
        text,
        &[format!(
            "git log -p --grep={} -- {}",
            word(&format!("^Shipgate-Service: {}$", service.name)),
            paths.join(" ")
        )],
    );
}

/// How somebody sees that it is over.
fn over(text: &mut String, config: &Config, environment: &Environment, service: &Service) {
    text.push_str("\n**It is over when** the old version is live and well:\n\n");
    let workloads = service.strategy.workloads();
    // A canary has no pods any more by then.
    for (role, workload) in workloads.iter().filter(|(role, _)| *role != "canary") {
        let _ = writeln!(
            text,
            "- {role} runs it: {}",
            live(&workload.live, environment)
        );
    }
    for health in &service.verification.health {
        let _ = writeln!(
            text,
            "- {} is well: {}",
            code(&health.name),
            code(&health.http.to_string())
        );
    }
    for check in &service.verification.checks {
        let _ = writeln!(text, "- the check {} passes", code(&check.name));
    }
    for metric in &service.verification.metrics {
        let _ = writeln!(text, "- the metric {} is good again", code(&metric.name));
    }
    let prometheus = config.providers.prometheus.as_ref();
    if let Some(prometheus) = prometheus.filter(|_| !service.verification.metrics.is_empty()) {
        let _ = writeln!(text, "\nMetrics are at {}.", code(prometheus.url.as_str()));
    }
}

fn live(live: &Live, environment: &Environment) -> String {
    match live {
        Live::Http { url, pointer, .. } => match pointer {
            Some(pointer) => format!("{}, at {} of the answer", code(url.as_str()), code(pointer)),
            None => code(url.as_str()),
        },
        Live::ArgoCd(application) => format!(
            "the Argo CD application {}",
            code(&application.application.to_string())
        ),
        Live::Flux(objects) => format!(
            "the Flux Kustomization {}",
            code(&objects.kustomization.to_string())
        ),
        Live::Kubernetes(workload) => {
            let object = workload.workload.to_string().to_lowercase();
            let kubectl = kubectl(live, environment);
            code(&format!("{kubectl} rollout status {object}"))
        }
        Live::Metric(metric) => format!(
            "the label {} of {}",
            code(&metric.label),
            code(&metric.query.to_string())
        ),
    }
}

/// How kubectl begins where it is to ask for a workload: with its namespace, else the environment's.
fn kubectl(live: &Live, environment: &Environment) -> String {
    let own = match live {
        Live::Kubernetes(workload) => workload.place.namespace.as_ref().map(ToString::to_string),
        _ => None,
    };
    let namespace = own.or(environment.namespace.clone());
    let namespace = namespace.map(|name| format!(" --namespace {name}"));
    format!("kubectl{}", namespace.unwrap_or_default())
}

fn title(role: &str) -> &'static str {
    match role {
        "canary" => "Canary",
        "blue" => "Blue",
        "green" => "Green",
        _ => "Workload",
    }
}

fn fenced(text: &mut String, lines: &[String]) {
    text.push_str("```sh\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("```\n");
}

/// A text as it is, in one line of Markdown.
fn code(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let longest = line.split(|character| character != '`').map(str::len).max();
    match longest.unwrap_or(0) {
        0 => format!("`{line}`"),
        ticks => {
            let fence = "`".repeat(ticks + 1);
            format!("{fence} {line} {fence}")
        }
    }
}
