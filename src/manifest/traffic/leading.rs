//! Whose pods the backends of an object that splits traffic lead to.

use std::collections::HashMap;

use super::selector::{pod_labels, selects, shown};
use crate::manifest::{
    Manifests, ObjectRef, Refusal,
    backend::{BackendName, Rule},
    canary_backend::{self, Canary},
    cursor::Cursor,
    ingress_nginx, kustomization,
    manifests::listed,
    object::View,
    pod_spec::template_path,
    virtual_service, weight,
};

/// A backend of an object that splits traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leading {
    /// What it is called: a Service or a host, with its subset behind `/`.
    pub backend: String,
    /// Name of the Service that it means.
    pub service: String,
    /// Is it the canary?
    pub is_canary: bool,
    /// Path of the file of the object.
    pub path: String,
    /// 1-based line of the backend there.
    pub line: usize,
    /// Whose pods get its requests.
    pub to: LeadsTo,
}

/// Whose pods get the requests of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeadsTo {
    /// No file holds this, such as `Service/shop-canary`.
    Missing(String),
    /// The files do not tell; says why.
    NotKnown(String),
    /// Those that have some labels.
    Pods {
        /// What says so, such as `Service/shop-canary`.
        by: String,
        /// Path of its file.
        path: String,
        /// 1-based line on which it begins.
        line: usize,
        /// The labels, for people; none where it selects by none, and so nobody.
        selector: Option<String>,
        /// Are they the pods of stable?
        stable: bool,
        /// Are they the pods of the canary?
        canary: bool,
    },
}

/// A backend as the object names it.
struct Named<'a> {
    name: BackendName,
    /// The list item, or the name in it; of a backend that is still to be added, the list.
    place: Cursor<'a>,
    is_canary: bool,
    /// Is the place the backend's own?
    is_written: bool,
}

/// The labels of the pods of the two workloads; none where they are not all written out.
struct Pods<'a> {
    stable: Option<HashMap<&'a str, &'a str>>,
    canary: Option<HashMap<&'a str, &'a str>>,
    /// Where a kustomization says more labels, which pods and selectors may get.
    more: Option<String>,
    workloads: [&'a ObjectRef; 2],
}

/// Labels that are selected by, and what does that.
struct Selecting<'a> {
    by: String,
    view: View<'a>,
    labels: HashMap<&'a str, &'a str>,
}

/// Finds the backends that share requests between stable and canary, and whose pods each leads to.
/// `canary` names the one that is the canary; Services are also looked for in files that are only
/// looked at. A canary Ingress names its own backend alone.
///
/// # Errors
/// The object or a workload is not there exactly once, or it is not clear which backend is the canary.
pub fn leading(
    manifests: &Manifests,
    traffic: &ObjectRef,
    canary: Option<&str>,
    [stable_workload, canary_workload]: [&ObjectRef; 2],
) -> Result<Vec<Leading>, Refusal> {
    let pods = Pods {
        stable: all_labels(manifests.one(stable_workload)?)?,
        canary: all_labels(manifests.one(canary_workload)?)?,
        more: more_labels(manifests),
        workloads: [stable_workload, canary_workload],
    };
    let mut found: Vec<Leading> = Vec::new();
    for named in named(manifests, traffic, canary)? {
        let backend = named.name.to_string();
        let known = |it: &Leading| it.backend == backend && it.is_canary == named.is_canary;
        if found.iter().any(known) {
            continue;
        }
        found.push(Leading {
            to: leads_to(manifests, &named, &pods)?,
            service: named.name.label().to_owned(),
            is_canary: named.is_canary,
            path: named.place.view.path().to_owned(),
            line: named.place.line(),
            backend,
        });
    }
    Ok(found)
}

fn named<'a>(
    manifests: &'a Manifests,
    traffic: &ObjectRef,
    canary: Option<&str>,
) -> Result<Vec<Named<'a>>, Refusal> {
    let Some(splitter) = weight::splitter(traffic) else {
        let services = ingress_nginx::backends(manifests, traffic, canary)?;
        let named = services.into_iter().map(|place| Named {
            name: BackendName {
                host: place.text().unwrap_or_default().to_owned(),
                subset: None,
            },
            place,
            is_canary: true,
            is_written: false,
        });
        return Ok(named.collect());
    };
    let view = manifests.one(traffic)?;
    let rules = (splitter.rules)(view)?;
    let mut found = Vec::new();
    match canary_backend::find(view, &rules, canary)? {
        Canary::Shares(shares) => {
            for (rule, index) in shares {
                found.extend(backends(rule, Some(index)));
            }
        }
        Canary::Missing(missing) => {
            for rule in missing {
                found.extend(backends(rule, None));
                let text = canary.unwrap_or_default();
                let second = (splitter.second)(manifests, rule, text)?;
                let first = rule.backends.first().map(|first| first.name.host.clone());
                let subset = second.host.is_none().then(|| {
                    let (_, subset) = text.split_once('/').unwrap_or(("", text));
                    subset.to_owned()
                });
                found.push(Named {
                    name: BackendName {
                        host: second.host.or(first).unwrap_or_default(),
                        subset,
                    },
                    place: rule.list.clone(),
                    is_canary: true,
                    is_written: false,
                });
            }
        }
    }
    Ok(found)
}

fn backends<'a>(rule: &Rule<'a>, canary: Option<usize>) -> Vec<Named<'a>> {
    let all = (0..).zip(&rule.backends);
    all.map(|(index, backend)| Named {
        name: backend.name.clone(),
        place: backend.item.clone(),
        is_canary: Some(index) == canary,
        is_written: true,
    })
    .collect()
}

/// Returns the labels of a workload's pods; none where the file does not say all of them: it is a
/// patch of the workload, or a template.
fn all_labels(view: View<'_>) -> Result<Option<HashMap<&str, &str>>, Refusal> {
    let is_whole = Cursor::new(view).keys(&["spec", "selector"])?.is_some();
    let labels = pod_labels(view)?;
    Ok((is_whole && !is_template(view) && !labels.is_empty()).then_some(labels))
}

/// Finds a kustomization that gives what it builds more labels.
fn more_labels(manifests: &Manifests) -> Option<String> {
    ["commonLabels", "labels"].into_iter().find_map(|key| {
        let needles = [key];
        let mut views = manifests.all_views_with(&needles);
        let gives = |view: &View<'_>| {
            let written = Cursor::new(*view).key(key).ok().flatten();
            kustomization::is_kustomization(view.path()) && written.is_some()
        };
        views.find(gives).map(|view| view.place())
    })
}

fn is_template(view: View<'_>) -> bool {
    view.file.content(view.part).problem.is_some()
}

fn leads_to(manifests: &Manifests, named: &Named<'_>, pods: &Pods<'_>) -> Result<LeadsTo, Refusal> {
    if named.is_written {
        let kind = named.place.key("kind")?.and_then(|kind| kind.text());
        if let Some(kind) = kind.filter(|kind| *kind != "Service") {
            return Ok(LeadsTo::NotKnown(format!("it is a {kind}")));
        }
    }
    let services = services(manifests, named)?;
    let rules = match &named.name.subset {
        Some(subset) => subsets(manifests, &named.name, subset)?,
        None => Vec::new(),
    };
    let label = named.name.label();
    let found = match (&named.name.subset, services.is_empty(), rules.is_empty()) {
        (None, true, _) => return Ok(LeadsTo::Missing(format!("Service/{label}"))),
        (Some(subset), _, true) => {
            let missing = format!("subset `{subset}` in a DestinationRule of `{label}`");
            return Ok(LeadsTo::Missing(missing));
        }
        (None, false, _) => services,
        (Some(_), _, false) => with_labels_of(rules, services.first()),
    };
    let mut answers = found.iter().map(|it| pods.answer(it));
    let first = answers.next();
    let same = answers.all(|answer| Some(answer) == first);
    let (Some(Answer { stable, canary }), Some(selecting)) = (first, found.first()) else {
        return Ok(LeadsTo::NotKnown("nothing says".to_owned()));
    };
    if !same {
        let places = listed(found.iter().map(|it| it.view.place()));
        return Ok(LeadsTo::NotKnown(format!(
            "{} is written several times: {places}",
            selecting.by
        )));
    }
    if is_template(selecting.view) {
        return Ok(LeadsTo::NotKnown(format!(
            "{} ({}) is a Helm template",
            selecting.by,
            selecting.view.place()
        )));
    }
    let (Some(stable), Some(canary)) = (stable, canary) else {
        let [stable_workload, canary_workload] = pods.workloads;
        let whose = if stable.is_none() {
            stable_workload
        } else {
            canary_workload
        };
        return Ok(LeadsTo::NotKnown(format!(
            "the labels of the pods of {whose} are not written out where its version is"
        )));
    };
    if let (false, false, Some(place)) = (stable, canary, &pods.more) {
        return Ok(LeadsTo::NotKnown(format!(
            "{} ({}) selects {}, and a kustomization ({place}) gives pods more labels",
            selecting.by,
            selecting.view.place(),
            shown(&selecting.labels)
        )));
    }
    Ok(LeadsTo::Pods {
        by: selecting.by.clone(),
        path: selecting.view.path().to_owned(),
        line: selecting.view.object.line,
        selector: (!selecting.labels.is_empty()).then(|| shown(&selecting.labels)),
        stable,
        canary,
    })
}

/// Whether labels are those of the pods of each workload; none where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    stable: Option<bool>,
    canary: Option<bool>,
}

impl Pods<'_> {
    fn answer(&self, selecting: &Selecting<'_>) -> Answer {
        let are_those = |pods: &HashMap<&str, &str>| selects(&selecting.labels, pods);
        Answer {
            stable: self.stable.as_ref().map(are_those),
            canary: self.canary.as_ref().map(are_those),
        }
    }
}

/// Finds the Services that a backend means: those of the files that are edited, else others.
fn services<'a>(
    manifests: &'a Manifests,
    named: &Named<'_>,
) -> Result<Vec<Selecting<'a>>, Refusal> {
    let label = named.name.label();
    let own_namespace = named.place.view.object.namespace.as_deref();
    let written = if named.is_written {
        named.place.key("namespace")?.and_then(|it| it.text())
    } else {
        None
    };
    // A host is `name.namespace.svc…` where it has a domain.
    let of_host = named.name.host.split('.').nth(1);
    let namespace = written.or(of_host).or(own_namespace);
    let is_it = |view: &View<'_>| {
        let object = view.reference();
        object.kind == "Service"
            && object.name == label
            && view.may_share_namespace(namespace)
            // A Service of Knative runs pods and selects none.
            && template_path(&Cursor::new(*view)).is_none()
    };
    let needles = ["Service", label];
    let mut views: Vec<View<'a>> = manifests.views_with(&needles).filter(is_it).collect();
    if views.is_empty() {
        views = manifests.all_views_with(&needles).filter(is_it).collect();
    }
    manifests.kustomizations().drop_patches(&mut views);
    let mut found = Vec::new();
    for view in views {
        let selector = Cursor::new(view).keys(&["spec", "selector"])?;
        found.push(Selecting {
            by: view.reference().to_string(),
            view,
            labels: selector.map(|it| it.texts()).unwrap_or_default(),
        });
    }
    Ok(found)
}

/// Finds the labels by which a DestinationRule knows a subset of a host.
fn subsets<'a>(
    manifests: &'a Manifests,
    name: &BackendName,
    subset: &str,
) -> Result<Vec<Selecting<'a>>, Refusal> {
    let needles = ["DestinationRule", subset];
    let views = manifests.all_views_with(&needles);
    let places = virtual_service::subsets(views, name, subset)?;
    let selecting = |place: Cursor<'a>| {
        let labels = place.key("labels")?;
        Ok(Selecting {
            by: format!("subset `{subset}` of {}", place.view.reference()),
            view: place.view,
            labels: labels.map(|it| it.texts()).unwrap_or_default(),
        })
    };
    places.into_iter().map(selecting).collect()
}

/// A subset has those of its Service's pods that have its labels too.
fn with_labels_of<'a>(
    rules: Vec<Selecting<'a>>,
    service: Option<&Selecting<'a>>,
) -> Vec<Selecting<'a>> {
    let with = |mut rule: Selecting<'a>| {
        for (key, value) in service.iter().flat_map(|service| &service.labels) {
            rule.labels.entry(*key).or_insert(*value);
        }
        rule
    };
    rules.into_iter().map(with).collect()
}
