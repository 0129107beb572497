//! Which labels are part of who a pod is: those that the selector of its workload, or of something
//! else, uses.

use std::{collections::HashMap, sync::Arc};

use crate::manifest::{
    Manifests, Refusal,
    manifests::Unknown,
    pod_selector::{self, PodSelector},
    pod_spec::Workload,
    template,
};

/// Knows which selectors use a label key. What it has looked up once for a key it keeps: an edit may
/// be for thousands of workloads.
#[derive(Debug)]
pub(in crate::manifest) struct Identity<'a> {
    manifests: &'a Manifests,
    keys: HashMap<String, Users<'a>>,
}

/// What selects pods by a label key.
#[derive(Debug)]
struct Users<'a> {
    selectors: Arc<[PodSelector]>,
    /// Those that select by another label too, by its key and value: their positions.
    by_other: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Those that select by this key alone.
    by_this: Vec<usize>,
    /// A Helm template, or what cannot be read, that may be one of them.
    unknown: Option<Unknown<'a>>,
}

impl<'a> Identity<'a> {
    /// Starts with nothing looked up.
    pub(in crate::manifest) fn new(manifests: &'a Manifests) -> Self {
        Self {
            manifests,
            keys: HashMap::new(),
        }
    }

    /// Returns the selector that uses a label key of a workload's pods, if any does.
    ///
    /// # Errors
    /// What cannot be read may use it, or a key on the way is written twice.
    pub(in crate::manifest) fn selector_using(
        &mut self,
        workload: &Workload<'_>,
        key: &str,
    ) -> Result<Option<String>, Refusal> {
        if own_selector_uses(workload, key)? {
            return Ok(Some("its own selector".to_owned()));
        }
        let labels = match &workload.template {
            Some(template) => template.keys(&["metadata", "labels"])?,
            None => None,
        };
        let labels = labels.map(|labels| labels.texts()).unwrap_or_default();
        let users = self
            .keys
            .entry(key.to_owned())
            .or_insert_with(|| Users::of(self.manifests, key));
        if let Some(service) = users.first_for(key, &labels, workload) {
            return Ok(Some(format!(
                "the selector of {} ({})",
                service.object, service.place
            )));
        }
        match &users.unknown {
            None => Ok(None),
            Some(unknown) => Err(unknown.refusal(format!(
                "the {} here may select pods by the label `{key}` of {}",
                unknown.what(),
                workload.title()
            ))),
        }
    }
}

impl<'a> Users<'a> {
    fn of(manifests: &'a Manifests, key: &str) -> Self {
        let selectors = manifests.selectors(key);
        let mut by_other: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
        let mut by_this = Vec::new();
        for (position, service) in selectors.iter().enumerate() {
            let others = service.labels.iter().filter(|(name, _)| *name != key);
            match others.min() {
                None => by_this.push(position),
                Some((name, value)) => {
                    let values = by_other.entry(name.clone()).or_default();
                    values.entry(value.clone()).or_default().push(position);
                }
            }
        }
        let unknown = pod_selector::KINDS.iter().find_map(|kind| {
            let named = [key, *kind];
            let mut unknown = manifests.unknown_with(&named);
            unknown.find(|unknown| template::may_be(unknown.text, kind) && unknown.hides(key))
        });
        Self {
            selectors,
            by_other,
            by_this,
            unknown,
        }
    }

    /// Returns the first selector of pods with some labels, whatever the value of this key
    /// is: that may select another value today, it is identity all the same.
    fn first_for(
        &self,
        key: &str,
        labels: &HashMap<&str, &str>,
        workload: &Workload<'_>,
    ) -> Option<&PodSelector> {
        let by_other = labels
            .iter()
            .filter_map(|(name, value)| self.by_other.get(*name)?.get(*value));
        let positions = by_other.flatten().chain(&self.by_this).copied();
        let selects = |service: &PodSelector| {
            let same_labels = service.labels.iter().all(|(name, value)| {
                name == key || labels.get(name.as_str()) == Some(&value.as_str())
            });
            same_labels && workload.may_share_namespace(service.namespace.as_deref())
        };
        let first = positions
            .filter(|position| self.selectors.get(*position).is_some_and(selects))
            .min();
        self.selectors.get(first?)
    }
}

/// Does the selector beside the pod template use the key? Those of a ReplicationController are labels,
/// those of all others `matchLabels` and `matchExpressions`.
fn own_selector_uses(workload: &Workload<'_>, key: &str) -> Result<bool, Refusal> {
    let Some((_, beside)) = workload.template_path.split_last() else {
        return Ok(false);
    };
    let Some(owner) = workload.object.keys(beside)? else {
        return Ok(false);
    };
    let Some(selector) = owner.key("selector")? else {
        return Ok(false);
    };
    let labels = if workload.kind == "ReplicationController" {
        Some(selector.clone())
    } else {
        selector.key("matchLabels")?
    };
    if let Some(labels) = labels
        && labels.key(key)?.is_some()
    {
        return Ok(true);
    }
    let Some(expressions) = selector.key("matchExpressions")? else {
        return Ok(false);
    };
    for expression in expressions.items() {
        if expression.key("key")?.and_then(|used| used.text()) == Some(key) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Edit, LookedAt, Manifests, SourceFile, locate};

    const WORKLOAD: &str = "kind: Deployment\nmetadata: {name: app, labels: {version: \"1.0\"}}\nspec:\n  template:\n    metadata: {labels: {app: app, version: \"1.0\"}}\n    spec: {containers: [{name: app, image: \"r.example/app:1.0\"}]}\n";
    const SERVICE: &str =
        "kind: Service\nmetadata: {name: app}\nspec: {selector: {app: app, version: \"1.0\"}}\n";

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_service_in_a_file_that_is_only_looked_at_makes_a_label_identity() {
        let edit = Edit::Version {
            workload: Some("Deployment/app".parse().unwrap()),
            image: "r.example/app".to_owned(),
            version: "1.1".parse().unwrap(),
        };
        let alone = Manifests::parse(vec![file("app.yaml", WORKLOAD)]).unwrap();
        let found = locate(&alone, std::slice::from_ref(&edit)).unwrap();
        assert_eq!(found.changes.len(), 3, "{:?}", found.changes);
        let with_service = alone.beside(
            [
                file("service.yaml", SERVICE),
                file("broken.yaml", "kind: Service\n  selector: ["),
            ]
            .into_iter()
            .filter_map(LookedAt::new),
        );
        let found = locate(&with_service, &[edit]).unwrap();
        assert_eq!(found.changes.len(), 1, "{:?}", found.changes);
        assert!(
            found.notes[0].contains("the selector of Service/app"),
            "{:?}",
            found.notes
        );
    }
}
