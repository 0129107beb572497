//! Workloads: where each kind keeps its pod template, and the containers in it.

use crate::manifest::{Refusal, cursor::Cursor, image::ImageReference, manifests::listed};

/// A kind that runs pods.
struct Kind {
    kind: &'static str,
    group: Group,
    /// The path to its pod template. Of a `Pod` it is the object itself.
    template: &'static [&'static str],
}

/// Which API group a kind is of: `argoproj.io` in `apiVersion: argoproj.io/v1alpha1`.
enum Group {
    /// No other group has a kind of this name that keeps its pod template elsewhere.
    Any,
    /// This one, also where it is not written.
    Usually(&'static str),
    /// This one: elsewhere the name means something that runs no pods.
    Always(&'static str),
}

const TEMPLATE: &[&str] = &["spec", "template"];

const KINDS: &[Kind] = &[
    kind("Deployment", Group::Any, TEMPLATE),
    kind("StatefulSet", Group::Any, TEMPLATE),
    kind("DaemonSet", Group::Any, TEMPLATE),
    kind("ReplicaSet", Group::Any, TEMPLATE),
    kind("ReplicationController", Group::Any, TEMPLATE),
    kind("Job", Group::Any, TEMPLATE),
    kind(
        "CronJob",
        Group::Any,
        &["spec", "jobTemplate", "spec", "template"],
    ),
    kind("Pod", Group::Any, &[]),
    kind("Rollout", Group::Usually("argoproj.io"), TEMPLATE),
    kind("Service", Group::Always(KNATIVE), TEMPLATE),
    kind("Configuration", Group::Always(KNATIVE), TEMPLATE),
];

/// The API group of Knative Serving.
const KNATIVE: &str = "serving.knative.dev";

/// Where a pod spec keeps containers, in the order in which they start.
const LISTS: &[&str] = &["initContainers", MAIN_LIST, "ephemeralContainers"];

/// Key of the containers that run all the time.
const MAIN_LIST: &str = "containers";

const fn kind(kind: &'static str, group: Group, template: &'static [&'static str]) -> Kind {
    Kind {
        kind,
        group,
        template,
    }
}

/// Returns the path to the pod template of an object; none for one that runs no pods.
pub(in crate::manifest) fn template_path(object: &Cursor<'_>) -> Option<&'static [&'static str]> {
    let text = |key: &str| {
        let value = object.document.get(object.node, key)?;
        object.document.text(value)
    };
    let (name, api_version) = (text("kind")?, text("apiVersion"));
    // Kinds of Kubernetes' own first group have none: `apiVersion: v1`.
    let group = api_version.map(|version| version.split_once('/').map_or("", |(group, _)| group));
    let known = KINDS.iter().find(|known| known.kind == name)?;
    let is_it = match (&known.group, group) {
        (Group::Any, _) | (Group::Usually(_), None) => true,
        (Group::Usually(wanted) | Group::Always(wanted), Some(group)) => *wanted == group,
        (Group::Always(_), None) => false,
    };
    is_it.then_some(known.template)
}

/// An object that runs pods: one of the files, or one that is written as a text in a ConfigMap.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Workload<'a> {
    /// Its outermost mapping.
    pub object: Cursor<'a>,
    /// `kind`.
    pub kind: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// The path from it to its pod template.
    pub template_path: &'static [&'static str],
    /// Its pod template, where it has one.
    pub template: Option<Cursor<'a>>,
}

impl<'a> Workload<'a> {
    /// Takes an object; none where it runs no pods.
    ///
    /// # Errors
    /// A key on the way to its pod template is written twice.
    pub(in crate::manifest) fn of(object: Cursor<'a>) -> Result<Option<Self>, Refusal> {
        let Some(template_path) = template_path(&object) else {
            return Ok(None);
        };
        let template = object.keys(template_path)?;
        let view = object.view;
        let (kind, name) = if object.texts.is_empty() {
            let reference = view.reference();
            (reference.kind.as_str(), reference.name.as_str())
        } else {
            let document = object.document;
            let text = |path: &[&str]| {
                let mut node = object.node;
                for key in path {
                    node = document.get(node, key)?;
                }
                document.text(node)
            };
            (
                text(&["kind"]).unwrap_or_default(),
                text(&["metadata", "name"]).unwrap_or_default(),
            )
        };
        Ok(Some(Self {
            object,
            kind,
            name,
            template_path,
            template,
        }))
    }

    /// Takes an object that was named as a workload.
    ///
    /// # Errors
    /// It runs no pods, or has another workload's; or as [`Self::of`].
    pub(in crate::manifest) fn named(object: Cursor<'a>) -> Result<Self, Refusal> {
        let name = object.view.reference();
        let workload = Self::of(object.clone())?;
        let has_template = workload
            .as_ref()
            .is_some_and(|workload| workload.template.is_some());
        if !has_template && let Some(other) = object.keys(&["spec", "workloadRef"])? {
            let texts = other.texts();
            let part = |key: &str| texts.get(key).copied().unwrap_or("?");
            let reason = format!("{name} has no pod template, it refers to another workload");
            return Err(Refusal::new(reason)
                .at(object.view.path(), object.view.object.line)
                .hint(format!(
                    "name {}/{}, to which its `spec.workloadRef` refers",
                    part("kind"),
                    part("name")
                )));
        }
        workload.ok_or_else(|| {
            let kinds: Vec<String> = KINDS.iter().map(Kind::title).collect();
            let reason = format!("{name} runs no pods, expected one of {}", kinds.join(", "));
            Refusal::new(reason)
                .at(object.view.path(), object.view.object.line)
                .hint("name the workload that runs the pods")
        })
    }

    /// Is it written as a text in another object?
    pub(in crate::manifest) fn is_text(&self) -> bool {
        !self.object.texts.is_empty()
    }

    /// May it be in a namespace? Who applies a text, and where, is not known.
    pub(in crate::manifest) fn may_share_namespace(&self, other: Option<&str>) -> bool {
        self.is_text() || self.object.view.may_share_namespace(other)
    }

    /// Returns what it is called in messages: `Deployment/app`, and in which text it stands.
    pub(in crate::manifest) fn title(&self) -> String {
        let Self { kind, name, .. } = self;
        if !self.is_text() {
            return format!("{kind}/{name}");
        }
        let path = self.object.target();
        let path = path.trim_end_matches([' ', '|']);
        format!(
            "{kind}/{name} in {path} of {}",
            self.object.view.reference()
        )
    }

    /// Makes a refusal that names it.
    pub(in crate::manifest) fn refusal(&self, reason: impl Into<String>) -> Refusal {
        Refusal::new(reason).at(self.object.view.path(), self.object.line())
    }

    /// Returns its containers, init containers first.
    ///
    /// # Errors
    /// A key on the way is written twice.
    pub(in crate::manifest) fn containers(&self) -> Result<Vec<Container<'a>>, Refusal> {
        let mut found = Vec::new();
        let Some(spec) = self.template.as_ref().map(|template| template.key("spec")) else {
            return Ok(found);
        };
        let Some(spec) = spec? else {
            return Ok(found);
        };
        for key in LISTS {
            let list = spec.key(key)?;
            for (index, place) in list.iter().flat_map(Cursor::items).enumerate() {
                let name = place.key("name")?.and_then(|name| name.text());
                let is_main = *key == MAIN_LIST && index == 0;
                found.push(Container {
                    place,
                    name,
                    is_main,
                });
            }
        }
        Ok(found)
    }

    /// Returns the images of its containers, in the same order; those without a text as image are
    /// left out.
    ///
    /// # Errors
    /// As [`Self::containers`].
    pub(in crate::manifest) fn images(&self) -> Result<Vec<Image<'a>>, Refusal> {
        let mut found = Vec::new();
        for container in self.containers()? {
            let Some(place) = container.place.key("image")? else {
                continue;
            };
            if let Some(text) = place.text() {
                found.push(Image {
                    container,
                    place,
                    text,
                    reference: ImageReference::parse(text),
                });
            }
        }
        Ok(found)
    }
}

impl Kind {
    fn title(&self) -> String {
        match self.group {
            Group::Always(group) => format!("{} of {group}", self.kind),
            Group::Any | Group::Usually(_) => self.kind.to_owned(),
        }
    }
}

/// A container of a workload.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Container<'a> {
    /// The item of `containers` or of another such list.
    pub place: Cursor<'a>,
    /// Its `name`.
    pub name: Option<&'a str>,
    /// Is it the first of `containers`, which kubectl takes for the main one where nothing else is said?
    pub is_main: bool,
}

impl Container<'_> {
    /// Returns what it is called in messages.
    pub(in crate::manifest) fn title(&self) -> String {
        match self.name {
            Some(name) => format!("`{name}`"),
            None => self.place.target(),
        }
    }
}

/// Joins the names of containers for a message.
pub(in crate::manifest) fn container_names<'c, 'a: 'c>(
    containers: impl IntoIterator<Item = &'c Container<'a>>,
) -> String {
    let names = listed(containers.into_iter().map(Container::title));
    if names.is_empty() {
        "no container".to_owned()
    } else {
        names
    }
}

/// The image of a container.
#[derive(Debug, Clone)]
pub(in crate::manifest) struct Image<'a> {
    /// The container.
    pub container: Container<'a>,
    /// Its `image`.
    pub place: Cursor<'a>,
    /// The decoded text there.
    pub text: &'a str,
    /// The text taken apart.
    pub reference: ImageReference<'a>,
}

/// Joins the texts of images for a message.
pub(in crate::manifest) fn image_texts<'a>(images: impl IntoIterator<Item = &'a str>) -> String {
    let texts = listed(images.into_iter().map(|text| format!("`{text}`")));
    if texts.is_empty() {
        "no image".to_owned()
    } else {
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Manifests, SourceFile};

    #[test]
    fn kinds_that_share_a_name_are_told_apart_by_their_group() {
        let rows = [
            ("apps/v1", "Deployment", true),
            ("", "Deployment", true),
            ("v1", "ReplicationController", true),
            ("v1", "Service", false),
            ("", "Service", false),
            ("serving.knative.dev/v1", "Service", true),
            ("serving.knative.dev/v1", "Configuration", true),
            ("pkg.crossplane.io/v1", "Configuration", false),
            ("argoproj.io/v1alpha1", "Rollout", true),
            ("", "Rollout", true),
            ("rollouts.kruise.io/v1beta1", "Rollout", false),
            ("v1", "ConfigMap", false),
        ];
        for (version, kind, expected) in rows {
            let version = match version {
                "" => String::new(),
                version => format!("apiVersion: {version}\n"),
            };
            let text = format!("{version}kind: {kind}\nmetadata: {{name: app}}\n");
            let manifests = Manifests::parse(vec![SourceFile {
                path: "f.yaml".to_owned(),
                bytes: text.clone().into_bytes(),
            }])
            .unwrap();
            let view = manifests.views().next().unwrap();
            let found = template_path(&Cursor::new(view)).is_some();
            assert_eq!(found, expected, "{text}");
        }
    }
}
