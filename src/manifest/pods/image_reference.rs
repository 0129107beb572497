//! Image references: repository, tag and digest.

use std::fmt;

use crate::manifest::Refusal;

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

/// The registry that an image without one is pulled from, and how its own images are called in full
/// (github.com/distribution/reference, `ParseDockerRef`).
const DEFAULT_REGISTRY: &str = "docker.io";

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

    /// Takes a reference apart that is to be written: `repository:tag`, `repository@digest` or both.
    ///
    /// # Errors
    /// A part does not have the form that registries and container runtimes take, or there is
    /// neither tag nor digest: that would mean `latest`.
    pub(in crate::manifest) fn parse_new(text: &'a str) -> Result<Self, Refusal> {
        let image = Self::parse(text);
        let refuse = |what: String, expected: &str| {
            Err(Refusal::new(format!("{what}, expected {expected}"))
                .hint("give the image as repository:tag, repository@sha256:… or both"))
        };
        if !is_repository(image.repository) {
            return refuse(
                format!("`{text}` is no image reference"),
                "a repository in lower case, such as registry.example/team/app",
            );
        }
        if let Some(tag) = image.tag.filter(|tag| !is_tag(tag)) {
            return refuse(
                format!("`{tag}` is no image tag"),
                "1 to 128 characters of A-Z a-z 0-9 . _ -, not with . or - in front",
            );
        }
        if let Some(digest) = image.digest.filter(|digest| !is_digest(digest)) {
            return refuse(
                format!("`{digest}` is no image digest"),
                "sha256: and 64 of 0-9 a-f, or sha512: and 128 of them",
            );
        }
        if image.tag.is_none() && image.digest.is_none() {
            return refuse(
                format!("the image `{text}` has no tag"),
                "a tag or a digest; without one it would be `latest`",
            );
        }
        Ok(image)
    }

    /// Returns the repository by its full name: `docker.io/library/nginx` for `nginx`.
    pub fn full_repository(&self) -> String {
        let repository = self.repository;
        let (registry, path) = match repository.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => (DEFAULT_REGISTRY, repository),
        };
        match registry {
            "docker.io" | "index.docker.io" if path.contains('/') => {
                format!("{DEFAULT_REGISTRY}/{path}")
            }
            "docker.io" | "index.docker.io" => format!("{DEFAULT_REGISTRY}/library/{path}"),
            _ => format!("{registry}/{path}"),
        }
    }
}

/// Is the first segment of a name a registry, and not the beginning of a path?
fn is_registry(segment: &str) -> bool {
    segment.contains(['.', ':']) || segment == "localhost"
}

/// Does a text have the form of a repository (github.com/distribution/reference, `Grammar`)?
fn is_repository(text: &str) -> bool {
    let (registry, path) = match text.split_once('/') {
        Some((first, path)) if is_registry(first) => (Some(first), path),
        _ => (None, text),
    };
    registry.is_none_or(is_host) && !path.is_empty() && path.split('/').all(is_path_segment)
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Letters and digits in lower case, with `.`, `_`, `__` or dashes between them.
fn is_path_segment(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_well = bytes.first().is_some_and(is_word) && bytes.last().is_some_and(is_word);
    let mut separators =
        text.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit());
    ends_well
        && separators.all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (1..=128).contains(&bytes.len())
        && bytes.first().is_some_and(is_word)
        && bytes
            .iter()
            .all(|byte| is_word(byte) || b".-".contains(byte))
}

/// The algorithms that OCI registers (opencontainers/image-spec, `descriptor.md`, "Digests").
fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    let hex = text.split_once(':').map_or("", |(_, hex)| hex);
    hex.len() == length
        && hex
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
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

    #[test]
    fn only_what_a_registry_takes_is_written() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let long = format!("sha512:{}", "0f".repeat(64));
        let good = [
            "app:1.0",
            "team/app:1.0",
            "reg:5000/a/app:v2",
            "Registry.Example/team/my_app--x.y:_1",
            "localhost/app:1",
        ];
        for text in good {
            assert!(ImageReference::parse_new(text).is_ok(), "{text}");
        }
        for digest in [&digest, &long] {
            for text in [format!("r.example/app@{digest}"), format!("app:1@{digest}")] {
                assert!(ImageReference::parse_new(&text).is_ok(), "{text}");
            }
        }
        let too_long = format!("app:{}", "a".repeat(129));
        let bad = [
            "",
            "app",
            "r.example/app",
            "reg:5000/app",
            "app:",
            "app:1 0",
            "app:-1",
            "App:1",
            "team//app:1",
            "/app:1",
            "app/:1",
            "a___b:1",
            "a..b:1",
            "-r.example/app:1",
            "r.example:x/app:1",
            "app:1@",
            "app@sha256:0f",
            "app@sha512:0f",
            "app@md5:0f",
            "app:${TAG}",
            "{{ .Values.image }}:1",
            "äpp:1",
            too_long.as_str(),
            &format!("app@{}", digest.to_uppercase()),
            &format!("app@{digest}0"),
            &format!("app@{digest}@{digest}"),
        ];
        for text in bad {
            let refusal = ImageReference::parse_new(text).unwrap_err();
            assert!(refusal.reason.contains("expected"), "{text}: {refusal}");
        }
    }

    #[test]
    fn short_names_are_those_of_docker_hub() {
        let rows = [
            ("nginx", "docker.io/library/nginx"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx", "docker.io/library/nginx"),
            ("team/app", "docker.io/team/app"),
            ("localhost/app", "localhost/app"),
            ("reg:5000/app", "reg:5000/app"),
            ("r.example/nginx", "r.example/nginx"),
        ];
        for (short, full) in rows {
            assert_eq!(ImageReference::parse(short).full_repository(), full);
        }
    }
}
