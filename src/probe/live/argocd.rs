//! Argo CD: which commit an application is synced to, and whether what it made is healthy
//! (<https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/>).

use std::time::Duration;

use chrono::DateTime;
use reqwest::Url;
use serde_json::Value;

use super::{
    Standing, Trouble,
    ask::{Question, get},
    object::{Object, said},
    overrides::Overrides,
    source::Source,
};
use crate::{
    clock::Clock,
    probe::{Client, json_api::below, text::excerpt},
    secret::Secret,
};

/// Where an Argo CD is.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address; `/api/v1/applications/…` is added to its path.
    pub url: Url,
    /// Bearer token, if it asks for one.
    pub token: Option<Secret>,
}

/// Which application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its name: a DNS subdomain.
    pub application: String,
    /// Its project, if it is known.
    pub project: Option<String>,
    /// Its namespace, where that is not Argo CD's own.
    pub namespace: Option<String>,
}

/// What an application says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Where it takes from what it applies, each with what it was compared with last: a commit, or the
    /// version of a chart. At least one.
    pub sources: Vec<Source>,
    /// How it stands, as of those.
    pub standing: Standing,
    /// The images that its objects name; none where none is told.
    pub images: Vec<String>,
    /// What its sources put in the place of what is in git.
    pub overrides: Overrides,
}

/// Asks for an application.
///
/// # Errors
/// It is not there; no answer, or none that can be used.
pub async fn application(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    name: &Name,
    timeout: Duration,
) -> Result<Application, Trouble> {
    ask(client, clock, endpoint, name, None, timeout).await
}

/// Asks Argo CD to compare an application with git now rather than at its next turn.
///
/// # Errors
/// No answer, or none that can be used: the reason as a clause.
pub async fn refresh(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    name: &Name,
    timeout: Duration,
) -> Result<(), String> {
    match ask(client, clock, endpoint, name, Some("normal"), timeout).await {
        Ok(_) => Ok(()),
        Err(Trouble::Missing(reason) | Trouble::Unanswered(reason)) => Err(reason),
    }
}

async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    name: &Name,
    refresh: Option<&str>,
    timeout: Duration,
) -> Result<Application, Trouble> {
    let Name {
        application,
        project,
        namespace,
    } = name;
    let what = format!("Application {application}");
    let mut url = below(&endpoint.url, "/api/v1/applications");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(application);
    }
    let parameters = [
        ("refresh", refresh),
        ("project", project.as_deref()),
        ("appNamespace", namespace.as_deref()),
    ];
    for (key, value) in parameters {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(key, value);
        }
    }
    // It answers with 403 about a missing application as well, unless it is told the project.
    let denied = match project {
        Some(project) => format!("the token may not get {what} of the project {project}"),
        None => format!(
            "{what} is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given"
        ),
    };
    let question = Question {
        url,
        token: endpoint.token.as_ref(),
        timeout,
        what: &what,
        denied: &denied,
        is_missing: &|_| true,
    };
    let answer = get(client, clock, question).await?;
    // The API leaves out what objects in a cluster say of their kind.
    let mut answer = answer;
    if let Some(map) = answer.as_object_mut() {
        map.entry("kind").or_insert_with(|| "Application".into());
    }
    let place = (namespace.as_deref(), application.as_str());
    let object = Object::new(&answer, "Application", place, &what)?;
    if let Some(project) = project
        && object.text("/spec/project")? != Some(project)
    {
        return Err(Trouble::Unanswered(format!(
            "{what} is not of the project {project}"
        )));
    }
    Ok(Application {
        sources: sources(object, &what)?,
        standing: standing(object)?,
        images: images(object)?,
        overrides: overrides(object)?,
    })
}

fn overrides(object: Object<'_>) -> Result<Overrides, Trouble> {
    let mut overrides = Overrides::default();
    for at in places_of_sources(object)? {
        overrides.add_source(object, &at)?;
    }
    Ok(overrides)
}

/// Returns where the sources are told: `spec.source`, or each of `spec.sources`, which goes before it
/// (<https://argo-cd.readthedocs.io/en/stable/user-guide/multiple_sources/>).
fn places_of_sources(object: Object<'_>) -> Result<Vec<String>, Trouble> {
    let count = object.list("/spec/sources")?.len();
    Ok(match count {
        0 => vec!["/spec/source".to_owned()],
        _ => (0..count)
            .map(|index| format!("/spec/sources/{index}"))
            .collect(),
    })
}

fn images(object: Object<'_>) -> Result<Vec<String>, Trouble> {
    let images = object.list("/status/summary/images")?;
    let images = images.iter().filter_map(Value::as_str);
    Ok(images.map(str::to_owned).collect())
}

/// Reads the sources.
fn sources(object: Object<'_>, what: &str) -> Result<Vec<Source>, Trouble> {
    if object.at("/spec/sourceHydrator").is_some() {
        return Err(Trouble::Unanswered(format!(
            "{what} is hydrated into another branch, whose commits are not those that are deployed; use `live: {{kubernetes: …}}`"
        )));
    }
    let many = object.list("/spec/sources")?;
    let count = many.len();
    if count == 0 {
        if object.text("/spec/source/repoURL")?.is_none() {
            return Err(Trouble::Unanswered(format!("{what} names no source")));
        }
        let revision = object.text("/status/sync/revision")?;
        return Ok(vec![source(object, "/spec/source", &[], revision)?]);
    }
    let revisions = object.list("/status/sync/revisions")?;
    // Value files of one source may be files of another one: `$values/prod/values.yaml`.
    let places = places_of_sources(object)?;
    let mut shared = Vec::new();
    for at in &places {
        shared.extend(value_files(object, at)?);
    }
    places
        .iter()
        .enumerate()
        .map(|(index, at)| {
            let revision = revisions
                .get(index)
                .filter(|_| revisions.len() == count)
                .and_then(Value::as_str);
            source(object, at, &shared, revision)
        })
        .collect()
}

fn value_files<'a>(object: Object<'a>, at: &str) -> Result<Vec<&'a str>, Trouble> {
    let files = object.list(&format!("{at}/helm/valueFiles"))?;
    Ok(files.iter().filter_map(Value::as_str).collect())
}

fn source(
    object: Object<'_>,
    at: &str,
    shared: &[&str],
    revision: Option<&str>,
) -> Result<Source, Trouble> {
    let text = |key: &str| object.text(&format!("{at}/{key}"));
    let path = text("path")?.map(str::to_owned);
    let own = value_files(object, at)?.into_iter();
    // A value file's path is from the source's, and from the repository where it begins with `/`.
    let own = own.filter(|file| !file.starts_with('$')).map(|file| {
        let from = path.as_deref().filter(|_| !file.starts_with('/'));
        format!("{}/{file}", from.unwrap_or_default())
    });
    let mut paths: Vec<String> = own.collect();
    if let Some(name) = text("ref")? {
        let named = shared
            .iter()
            .filter_map(|file| file.strip_prefix('$')?.strip_prefix(name));
        paths.extend(
            named
                .filter(|file| file.starts_with('/'))
                .map(str::to_owned),
        );
    }
    paths.extend(path);
    Ok(Source {
        repository: text("repoURL")?.map(str::to_owned),
        paths,
        follows: Some(text("targetRevision")?.unwrap_or_default().to_owned()),
        is_chart: text("chart")?.is_some_and(|chart| !chart.is_empty()),
        revision: revision
            .filter(|revision| !revision.is_empty())
            .map(str::to_owned),
    })
}

/// The rule of Argo CD's own `app wait`
/// (<https://github.com/argoproj/argo-cd/blob/master/cmd/argocd/commands/app.go>, `waitOnApplicationStatus`):
/// no operation is asked for or under way, the application was looked at since the last one ended,
/// and then Synced and Healthy. A last operation that failed at the very revision is no success,
/// whatever the rest says.
fn standing(object: Object<'_>) -> Result<Standing, Trouble> {
    let moving = |text: String| Ok(Standing::Moving(text));
    if object.at("/metadata/deletionTimestamp").is_some() {
        return moving("it is being deleted".to_owned());
    }
    if object.at("/operation").is_some() {
        return moving("a sync is asked for".to_owned());
    }
    let phase = object.text("/status/operationState/phase")?;
    let message = object
        .text("/status/operationState/message")?
        .unwrap_or_default();
    let finished = object.text("/status/operationState/finishedAt")?;
    if object.at("/status/operationState").is_some() {
        let (Some(finished), Some("Succeeded" | "Failed" | "Error")) = (finished, phase) else {
            return moving(said("its sync is under way", message));
        };
        let reconciled = object.text("/status/reconciledAt")?.unwrap_or_default();
        let instants = (
            DateTime::parse_from_rfc3339(reconciled),
            DateTime::parse_from_rfc3339(finished),
        );
        if !matches!(instants, (Ok(reconciled), Ok(finished)) if reconciled >= finished) {
            return moving("it was not looked at since its last sync".to_owned());
        }
    }
    let sync = object.text("/status/sync/status")?.unwrap_or("Unknown");
    if matches!(phase, Some("Failed" | "Error")) && is_about_present(object)? {
        return Ok(Standing::Failing(said("its sync failed", message)));
    }
    if sync != "Synced" {
        let errors = complaints(object)?;
        return moving(said(&format!("it is {}", excerpt(sync)), &errors));
    }
    if is_of_another_source(object)? {
        return moving("it was not compared since its source was changed".to_owned());
    }
    let errors = complaints(object)?;
    if !errors.is_empty() {
        return moving(said("it is Synced with an error", &errors));
    }
    let health = object.text("/status/health/status")?.unwrap_or("Unknown");
    let message = object.text("/status/health/message")?.unwrap_or_default();
    match health {
        "Healthy" => Ok(Standing::Settled),
        "Degraded" => Ok(Standing::Failing(said("it is Degraded", message))),
        _ => moving(said(&format!("it is {}", excerpt(health)), message)),
    }
}

/// Is what it was compared with another source than the present one?
fn is_of_another_source(object: Object<'_>) -> Result<bool, Trouble> {
    let differs = |present: &str, compared: &str| -> Result<bool, Trouble> {
        for key in ["repoURL", "path", "targetRevision", "chart"] {
            let text = |of: &str| Ok(object.text(&format!("{of}/{key}"))?.unwrap_or_default());
            if text(present)? != text(compared)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let of = "/status/sync/comparedTo";
    let count = object.list("/spec/sources")?.len();
    if count == 0 {
        let compared = format!("{of}/source");
        return Ok(object.at(&compared).is_some() && differs("/spec/source", &compared)?);
    }
    let compared = format!("{of}/sources");
    if object.at(&compared).is_none() {
        return Ok(false);
    }
    if object.list(&compared)?.len() != count {
        return Ok(true);
    }
    for index in 0..count {
        if differs(
            &format!("/spec/sources/{index}"),
            &format!("{compared}/{index}"),
        )? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Was the last operation about the revision that the application is compared with? One of which
/// that is not known counts.
fn is_about_present(object: Object<'_>) -> Result<bool, Trouble> {
    let of = "/status/operationState";
    let single = object.text(&format!("{of}/syncResult/revision"))?;
    let many = object.list(&format!("{of}/syncResult/revisions"))?;
    if !many.is_empty() {
        return Ok(many == object.list("/status/sync/revisions")?);
    }
    Ok(match single.filter(|revision| !revision.is_empty()) {
        Some(revision) => Some(revision) == object.text("/status/sync/revision")?,
        None => true,
    })
}

/// Returns the conditions that are errors.
fn complaints(object: Object<'_>) -> Result<String, Trouble> {
    let text = |condition: &Value, key: &str| {
        let found = condition.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    Ok(object
        .list("/status/conditions")?
        .iter()
        .map(|condition| (text(condition, "type"), text(condition, "message")))
        .filter(|(kind, _)| kind.ends_with("Error"))
        .map(|(kind, message)| said(&kind, &message))
        .collect::<Vec<_>>()
        .join("; "))
}
