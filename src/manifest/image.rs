//! Image references: repository, tag and digest.

use std::fmt;

use super::{
    Containers, Manifests, ObjectRef,
    findings::Findings,
    kustomization::{self, Absent},
};

/// An image reference taken apart: `registry:5000/team/app:1.0@sha256:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// Registry and path: `registry:5000/team/app`.
    pub repository: &'a str,
    /// What stands behind the last `:` of the last path segment.
    pub tag: Option<&'a str>,
    /// What stands behind `@`.
    pub digest: Option<&'a str>,
}

impl fmt::Display for ImageReference<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.repository)?;
        if let Some(tag) = self.tag {
            write!(formatter, ":{tag}")?;
        }
        match self.digest {
            Some(digest) => write!(formatter, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl<'a> ImageReference<'a> {
    /// Takes a reference apart. The `:` of a registry's port is not that of a tag.
    pub fn parse(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let last_segment = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[last_segment..].rfind(':') {
            Some(colon) => {
                let colon = last_segment + colon;
                (&name[..colon], Some(&name[colon + 1..]))
            }
            None => (name, None),
        };
        Self {
            repository,
            tag,
            digest,
        }
    }
}

/// Finds the image of containers.
pub(super) fn locate(
    manifests: &Manifests,
    workload: Option<&ObjectRef>,
    containers: &Containers,
    reference: &str,
    findings: &mut Findings,
) {
    if let (None, Containers::Running(repository)) = (workload, containers)
        && kustomization::locate_alone(manifests, repository, reference, Absent::Insert, findings)
    {
        return;
    }
    let _ = (manifests, workload, containers, reference);
    findings.refusals.push(super::Refusal::new("not there yet"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_not_tags_and_digests_are_kept_apart() {
        let rows = [
            ("app", "app", None, None),
            ("app:1.0", "app", Some("1.0"), None),
            ("reg:5000/app", "reg:5000/app", None, None),
            ("reg:5000/a/app:v2", "reg:5000/a/app", Some("v2"), None),
            ("reg/app@sha256:ab", "reg/app", None, Some("sha256:ab")),
            ("app:1@sha256:ab", "app", Some("1"), Some("sha256:ab")),
            ("", "", None, None),
        ];
        for (text, repository, tag, digest) in rows {
            let expected = ImageReference {
                repository,
                tag,
                digest,
            };
            assert_eq!(ImageReference::parse(text), expected);
        }
    }
}
