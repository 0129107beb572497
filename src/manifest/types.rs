//! The words of the editor: files, objects, edits, changes and refusals.

use std::{fmt, ops::Range, str::FromStr};

use super::{
    list_item::ListItem,
    pointer::{Segment, path_of},
};
use crate::units::{Version, Weight};

/// A file as it is in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A Kubernetes object by kind and name: `Deployment/advertisements`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// `kind`, such as `Deployment`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectRef {
    /// The kind of a document that is no Kubernetes object: Helm values, a kustomization without a
    /// kind. Its name is the path of its file.
    pub const FILE: &str = "File";

    /// Refers to the document of a file.
    pub fn file(path: &str) -> Self {
        Self {
            kind: Self::FILE.to_owned(),
            name: path.to_owned(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Self::FILE {
            return formatter.write_str(&self.name);
        }
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for ObjectRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                })
            }
            _ => Err(format!(
                "found {text:?}, expected Kind/name, such as Deployment/advertisements"
            )),
        }
    }
}

/// What is wanted. One edit may change several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Every carrier of the version: the tag of the containers that run `image`, the version
    /// labels of the object and its pod template (never identity labels), `DD_VERSION`.
    Version {
        /// Only this workload; none = every workload that runs the image.
        workload: Option<ObjectRef>,
        /// Image repository without tag, such as `registry.example/shop/advertisements`.
        image: String,
        /// The new version.
        version: Version,
    },
    /// `spec.replicas` of a workload.
    Replicas {
        /// The workload.
        workload: ObjectRef,
        /// The new number.
        replicas: u32,
    },
    /// The share of the requests that goes to the canary.
    Weight {
        /// The object that splits the traffic, such as `Ingress/advertisements-canary`; none = the
        /// only one of the files.
        traffic: Option<ObjectRef>,
        /// The new weight.
        weight: Weight,
        /// The one of its backends that is the canary, where the object splits between several:
        /// the name of a Service, host or subset.
        canary: Option<String>,
    },
    /// The image of containers.
    Image {
        /// Only in this workload; none = in every workload.
        workload: Option<ObjectRef>,
        /// Which containers.
        containers: Containers,
        /// The whole new reference: `repository:tag`, `repository@sha256:…` or both.
        reference: String,
    },
    /// A label of an object, and of its pod template where it has one.
    Label {
        /// The object; none = every object that has the label already, else the only workload.
        object: Option<ObjectRef>,
        /// Key.
        key: String,
        /// New value.
        value: String,
    },
    /// An annotation of an object.
    Annotation {
        /// The object; none = every object that has the annotation already.
        object: Option<ObjectRef>,
        /// Key.
        key: String,
        /// New value.
        value: String,
    },
    /// An environment variable of containers.
    Env {
        /// Only in this workload; none = in every workload whose containers have it already, else in
        /// the only workload.
        workload: Option<ObjectRef>,
        /// Only this container; none = those that have the variable already, else the only one.
        container: Option<String>,
        /// Name of the variable.
        name: String,
        /// New value.
        value: String,
    },
    /// A label that a Service selects pods by: the colour of a blue/green pair.
    Selector {
        /// The Service.
        service: ObjectRef,
        /// Key of the label, which the selector must have already.
        key: String,
        /// New value.
        value: String,
    },
    /// A label of a subset of an Istio DestinationRule.
    Subset {
        /// The DestinationRule.
        rule: ObjectRef,
        /// Name of the subset.
        subset: String,
        /// Key of the label.
        key: String,
        /// New value.
        value: String,
    },
    /// The weight of one of the canary steps of an Argo Rollout.
    RolloutStep {
        /// The Rollout.
        rollout: ObjectRef,
        /// Which of its `setWeight` steps, from 0.
        step: usize,
        /// The new weight.
        weight: Weight,
    },
    /// A value of a Helm chart.
    HelmValue {
        /// Where the values are.
        values: ValuesIn,
        /// Path to the value, such as `image.tag`.
        path: Vec<Segment>,
        /// New value.
        value: String,
        /// What readers must take it for; none = what the value that is there is, else a text.
        scalar_type: Option<ScalarType>,
    },
    /// A value of a chart that a configuration names: only one that is there is changed.
    ChartValue {
        /// Where the values are.
        values: ValuesIn,
        /// Path to the value, such as `image.tag`.
        path: Vec<Segment>,
        /// New value.
        value: String,
        /// What readers must take it for.
        scalar_type: ScalarType,
    },
    /// Any value by its path.
    Path {
        /// The object that it is in; none = the one object that has the path.
        object: Option<ObjectRef>,
        /// Path to the value inside the object.
        path: Vec<Segment>,
        /// New value.
        value: String,
        /// What readers must take it for; none = what the value that is there is, else a text.
        scalar_type: Option<ScalarType>,
    },
}

/// Which containers an edit is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containers {
    /// Those whose image is of this repository.
    Running(String),
    /// Those with this name.
    Named(String),
}

/// Where the values of a Helm chart are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuesIn {
    /// A file, by its path from the repository's root.
    File(String),
    /// An Argo CD Application or a Flux HelmRelease that holds them inline.
    Object(ObjectRef),
}

/// What readers must take a value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// Stands where there is no value.
const NO_VALUE: &str = "(none)";

/// One value that changes, appears or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// File.
    pub path: String,
    /// 1-based line of the value; of one that is not there yet, of the place that it gets into.
    pub line: usize,
    /// 1-based column of the same, in characters.
    pub column: usize,
    /// The object that it is in.
    pub object: ObjectRef,
    /// Path to the value inside the object.
    pub pointer: Vec<Segment>,
    /// The value that is there now, decoded; none where there is none yet.
    pub old: Option<String>,
    /// The value that is wanted, decoded; none where it is to go again.
    pub new: Option<String>,
    /// The item of a list that it is in, where only its place in the list tells which one.
    pub item: Option<ListItem>,
    /// What readers must take the value for.
    pub scalar_type: ScalarType,
    /// How many of the last segments of the pointer are made with the value, where it is not there
    /// yet: 2 for a label in a `labels` that is not there either.
    pub created: usize,
    /// Byte range of the scalar in the file; empty where there is none.
    pub span: Range<usize>,
    /// The bytes that take the place of the range, quoted as needed; empty for a value that is not
    /// there yet, whose bytes depend on what surrounds it then.
    pub text: String,
    /// The bytes of the range as they are now: taking the change back restores exactly these. Of a
    /// value that is not there yet, the `~` or `null` that what is made takes the place of.
    pub old_text: String,
}

impl Change {
    /// Returns the path of the value as people write it:
    /// `spec.template.spec.containers[name=app].image`.
    pub fn target(&self) -> String {
        path_of(&self.pointer)
    }

    /// Returns the path by which the value was found first.
    fn first(&self) -> &[Segment] {
        let item = self.item.as_ref();
        item.map_or(&self.pointer, |item| &item.pointer)
    }

    /// Returns the value that is there now, for a person to read.
    pub fn before(&self) -> &str {
        self.old.as_deref().unwrap_or(NO_VALUE)
    }

    /// Returns the value that is wanted, for a person to read.
    pub fn after(&self) -> &str {
        self.new.as_deref().unwrap_or(NO_VALUE)
    }

    /// Does it change nothing? A value that is only put in quotes is read as another one.
    pub fn is_void(&self) -> bool {
        self.old == self.new && (self.old.is_none() || self.old_text == self.text)
    }

    /// Is this the same value of the same object in the same file, whatever its texts are?
    pub fn same_place(&self, other: &Self) -> bool {
        self.path == other.path && self.object == other.object && self.first() == other.first()
    }
}

/// Why nothing was edited: the place, the reason and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// File, where one is known.
    pub path: Option<String>,
    /// 1-based line, where one is known.
    pub line: Option<usize>,
    /// What was found and what was expected, as a lower-case fragment.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refusal {
    /// Makes a refusal that names no place.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            path: None,
            line: None,
            reason: reason.into(),
            hint: None,
        }
    }

    /// Adds the place; `line` is 1-based.
    #[must_use]
    pub fn at(mut self, path: &str, line: usize) -> Self {
        self.path = Some(path.to_owned());
        self.line = Some(line);
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(formatter, "{path}:{line}: {}", self.reason),
            (Some(path), None) => write!(formatter, "{path}: {}", self.reason),
            _ => formatter.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Refusal {}
