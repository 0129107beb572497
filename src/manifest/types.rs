//! The words of the editor: files, objects, edits, changes and refusals.

use std::{fmt, ops::Range, str::FromStr};

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

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    /// The `nginx.ingress.kubernetes.io/canary-weight` annotation of an Ingress.
    IngressWeight {
        /// The canary Ingress.
        ingress: ObjectRef,
        /// The new weight.
        weight: Weight,
    },
}

/// One step of the path to a value inside an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A key of a mapping.
    Key(String),
    /// The list item whose `name` is this: stable when items are added or moved.
    Named(String),
    /// A list item by position, where items have no name.
    Index(usize),
}

/// One value that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// File.
    pub path: String,
    /// 1-based line of the value.
    pub line: usize,
    /// 1-based column of the value, in characters.
    pub column: usize,
    /// The object that it is in.
    pub object: ObjectRef,
    /// Path to the value inside the object.
    pub pointer: Vec<Segment>,
    /// The value that is there now, decoded.
    pub old: String,
    /// The value that is wanted, decoded.
    pub new: String,
    /// Byte range of the scalar in the file.
    pub span: Range<usize>,
    /// The bytes that take the place of the range, quoted as needed.
    pub text: String,
    /// The bytes of the range as they are now: taking the change back restores exactly these.
    pub old_text: String,
}

impl Change {
    /// Returns the path of the value as people write it:
    /// `spec.template.spec.containers[name=app].image`.
    pub fn target(&self) -> String {
        path_of(&self.pointer)
    }

    /// Is this the same value of the same object in the same file, whatever its texts are?
    pub fn same_place(&self, other: &Self) -> bool {
        self.path == other.path && self.object == other.object && self.pointer == other.pointer
    }
}

/// Returns a path to a value as people write it.
pub(super) fn path_of(pointer: &[Segment]) -> String {
    let mut text = String::new();
    for segment in pointer {
        match segment {
            Segment::Key(key) if key.contains(['.', '/']) => {
                text.push_str(&format!("[{key:?}]"));
            }
            Segment::Key(key) if text.is_empty() => text.push_str(key),
            Segment::Key(key) => text.push_str(&format!(".{key}")),
            Segment::Named(name) => text.push_str(&format!("[name={name}]")),
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
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
