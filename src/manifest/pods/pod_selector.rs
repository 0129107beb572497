//! What selects pods by their labels: Services, network policies and their peers, disruption budgets, pod
//! monitors, Istio's policies and the subsets of its destination rules.

use std::collections::HashMap;

use memchr::memmem;

use crate::manifest::{ObjectRef, cursor::Cursor, object::View, pod_spec::template_path};

/// Kinds that select pods.
pub(in crate::manifest) const KINDS: &[&str] = &[
    SERVICE,
    NETWORK_POLICY,
    CILIUM_POLICY,
    "PodDisruptionBudget",
    "PodMonitor",
    DESTINATION_RULE,
    "AuthorizationPolicy",
    "PeerAuthentication",
    "RequestAuthentication",
];

const SERVICE: &str = "Service";

const NETWORK_POLICY: &str = "NetworkPolicy";

const CILIUM_POLICY: &str = "CiliumNetworkPolicy";

const DESTINATION_RULE: &str = "DestinationRule";

/// May a file hold something that selects pods? Only a look at its bytes: what it cannot rule out, such
/// as a file with escapes, may.
pub fn may_select_pods(bytes: &[u8]) -> bool {
    let holds = |kind: &&str| memmem::find(bytes, kind.as_bytes()).is_some();
    KINDS.iter().any(holds) || memchr::memchr(b'\\', bytes).is_some()
}

/// What an object selects pods by.
#[derive(Debug)]
pub(in crate::manifest) struct PodSelector {
    /// The object.
    pub object: ObjectRef,
    /// Its namespace, where it is given.
    pub namespace: Option<String>,
    /// `path:line` of it.
    pub place: String,
    /// The labels, with their values. One that an expression uses has none.
    pub labels: HashMap<String, String>,
}

/// Returns the selectors of an object that use a label key.
pub(in crate::manifest) fn of(view: View<'_>, key: &str) -> Vec<PodSelector> {
    let kind = view.reference().kind.as_str();
    // A Service of Knative runs pods and selects none.
    if template_path(&Cursor::new(view)).is_some() {
        return Vec::new();
    }
    match kind {
        SERVICE => {
            let labels = at(view, &["spec", "selector"]).map(|place| place.texts());
            let labels = labels.filter(|labels| labels.contains_key(key));
            labels
                .map(|labels| selector(view, labels))
                .into_iter()
                .collect()
        }
        DESTINATION_RULE => subsets(view, key),
        NETWORK_POLICY => {
            let own = at(view, &["spec", "podSelector"]);
            let peers = peers(view);
            let mut found = by_labels(view, own, key);
            for (peer, is_here) in peers {
                let namespace = is_here.then(|| view.object.namespace.clone()).flatten();
                found.extend(by_labels(view, Some(peer), key).into_iter().map(|found| {
                    PodSelector {
                        namespace: namespace.clone(),
                        ..found
                    }
                }));
            }
            found
        }
        CILIUM_POLICY => by_labels(view, at(view, &["spec", "endpointSelector"]), key),
        _ => by_labels(view, at(view, &["spec", "selector"]), key),
    }
}

/// Returns the selectors of the pods that a network policy lets in or out, each with whether they are in
/// its own namespace.
fn peers(view: View<'_>) -> Vec<(Cursor<'_>, bool)> {
    let mut found = Vec::new();
    for (rules, side) in [("ingress", "from"), ("egress", "to")] {
        let rules = at(view, &["spec", rules]);
        for rule in rules.iter().flat_map(Cursor::items) {
            let list = rule.key(side).ok().flatten();
            for peer in list.iter().flat_map(Cursor::items) {
                let is_here = peer.key("namespaceSelector").ok().flatten().is_none();
                let pods = peer.key("podSelector").ok().flatten();
                found.extend(pods.map(|pods| (pods, is_here)));
            }
        }
    }
    found
}

fn by_labels(view: View<'_>, place: Option<Cursor<'_>>, key: &str) -> Vec<PodSelector> {
    let found = place.map(|place| by_label(&place, key));
    let found = found.filter(|labels| labels.contains_key(key));
    found
        .map(|labels| selector(view, labels))
        .into_iter()
        .collect()
}

fn subsets(view: View<'_>, key: &str) -> Vec<PodSelector> {
    let subsets = at(view, &["spec", "subsets"]);
    let subsets = subsets.iter().flat_map(Cursor::items);
    let labels = subsets.filter_map(|subset| subset.key("labels").ok().flatten());
    labels
        .map(|labels| labels.texts())
        .filter(|labels| labels.contains_key(key))
        .map(|labels| selector(view, labels))
        .collect()
}

/// Reads `matchLabels`, and whether an expression uses the key.
fn by_label<'a>(place: &Cursor<'a>, key: &'a str) -> HashMap<&'a str, &'a str> {
    let labels = place.key("matchLabels").ok().flatten();
    let mut labels = labels.map(|labels| labels.texts()).unwrap_or_default();
    let expressions = place.key("matchExpressions").ok().flatten();
    let uses = |expression: &Cursor<'_>| {
        let used = expression.key("key").ok().flatten();
        used.is_some_and(|used| used.text() == Some(key))
    };
    if expressions
        .iter()
        .flat_map(Cursor::items)
        .any(|it| uses(&it))
    {
        labels.entry(key).or_default();
    }
    labels
}

/// Goes down keys; of a key that is written twice the last counts, as Kubernetes reads it.
fn at<'a>(view: View<'a>, keys: &[&str]) -> Option<Cursor<'a>> {
    let object = Cursor::new(view);
    object.keys(keys).ok().flatten().or_else(|| {
        let mut node = view.object.root;
        for key in keys {
            node = view.document.get(node, key)?;
        }
        Some(Cursor { node, ..object })
    })
}

fn selector(view: View<'_>, labels: HashMap<&str, &str>) -> PodSelector {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    PodSelector {
        object: view.reference().clone(),
        namespace: view.object.namespace.clone(),
        place: view.place(),
        labels: labels.into_iter().map(owned).collect(),
    }
}
