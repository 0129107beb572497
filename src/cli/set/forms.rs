//! How the values of `set`'s flags are written: `KEY=VALUE`, `PATH=VALUE`, images.

use crate::{
    manifest::{ImageReference, ObjectRef, Segment, parse_path},
    units::{Version, Weight},
};

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What stands before the first `=`.
    pub key: String,
    /// What stands behind it; may be empty.
    pub value: String,
}

/// A label of a subset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubsetLabel {
    /// Name of the subset.
    pub subset: String,
    /// Its label.
    pub label: Pair,
}

/// A weight of one of the steps of a Rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepWeight {
    /// Which of the `setWeight` steps, from 0.
    pub step: usize,
    /// Its weight.
    pub weight: Weight,
}

/// A path to a value and the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathValue {
    /// The path.
    pub path: Vec<Segment>,
    /// The value; may be empty.
    pub value: String,
}

/// A path to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePath(pub Vec<Segment>);

/// An image that containers are to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// A version: the containers that run the repository, with all that says their version.
    Version {
        /// Repository without tag.
        repository: String,
        /// The version.
        version: Version,
    },
    /// A reference with a digest, for the containers that run the repository.
    Running {
        /// Repository without tag.
        repository: String,
        /// The whole reference.
        reference: String,
    },
    /// A reference for the containers with a name.
    Named {
        /// Name of the containers.
        container: String,
        /// The whole reference.
        reference: String,
    },
}

/// Reads `KEY=VALUE`.
pub fn pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Pair {
            key: key.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err(format!("found {text:?}, expected KEY=VALUE")),
    }
}

/// Reads `NAME:KEY=VALUE`.
pub fn subset_label(text: &str) -> Result<SubsetLabel, String> {
    let wrong = || format!("found {text:?}, expected NAME:KEY=VALUE, such as canary:version=1.1");
    match text.split_once(':') {
        Some((subset, label)) if !subset.is_empty() => Ok(SubsetLabel {
            subset: subset.to_owned(),
            label: pair(label).map_err(|_| wrong())?,
        }),
        _ => Err(wrong()),
    }
}

/// Reads `NUMBER=PERCENT`.
pub fn step_weight(text: &str) -> Result<StepWeight, String> {
    let wrong = || format!("found {text:?}, expected NUMBER=PERCENT, such as 0=10");
    let (step, weight) = text.split_once('=').ok_or_else(wrong)?;
    Ok(StepWeight {
        step: step.parse().map_err(|_| wrong())?,
        weight: weight.parse().map_err(|error| format!("weight: {error}"))?,
    })
}

/// Reads a path.
pub fn value_path(text: &str) -> Result<ValuePath, String> {
    parse_path(text).map(ValuePath)
}

/// Reads `PATH=VALUE`. A `=` inside of brackets belongs to the path: `containers[name=app].image=…`.
pub fn path_value(text: &str) -> Result<PathValue, String> {
    let wrong = || format!("found {text:?}, expected PATH=VALUE, such as image.tag=1.1");
    let at = end_of_path(text).ok_or_else(wrong)?;
    let (path, value) = text.split_at(at);
    Ok(PathValue {
        path: parse_path(path)?,
        value: value.strip_prefix('=').unwrap_or(value).to_owned(),
    })
}

/// Returns where the first `=` outside of brackets stands.
fn end_of_path(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let found = at + rest.find(['=', '['])?;
        let rest = text.get(found..)?;
        if rest.starts_with('=') {
            return Some(found);
        }
        let end = if rest.starts_with("[\"") { "\"]" } else { "]" };
        at = found + rest.find(end)? + end.len();
    }
}

/// Reads an image: `REPOSITORY:TAG`, with a digest, or `NAME=REFERENCE` for containers by name.
pub fn image(text: &str) -> Result<Image, String> {
    let wrong = || {
        format!(
            "found {text:?}, expected repository:tag, such as registry.example/shop/advertisements:1.1, \
             repository@sha256:… with 64 hexadecimal digits, or one of them behind NAME="
        )
    };
    let (container, written) = match text.split_once('=') {
        Some((container, written)) => (Some(container), written),
        None => (None, text),
    };
    let reference = ImageReference::parse(written);
    let repository = reference.repository.to_owned();
    if let (None, Some(tag), None) = (container, reference.tag, reference.digest) {
        let version = tag.parse().map_err(|error| format!("version: {error}"))?;
        return if is_repository(&repository) {
            Ok(Image::Version {
                repository,
                version,
            })
        } else {
            Err(wrong())
        };
    }
    let has_either = reference.tag.is_some() || reference.digest.is_some();
    if !has_either
        || !is_repository(&repository)
        || !reference.tag.is_none_or(is_tag)
        || !reference.digest.is_none_or(is_digest)
    {
        return Err(wrong());
    }
    let reference = written.to_owned();
    match container {
        None => Ok(Image::Running {
            repository,
            reference,
        }),
        Some(container) if is_name(container) => Ok(Image::Named {
            container: container.to_owned(),
            reference,
        }),
        Some(_) => Err(wrong()),
    }
}

fn is_repository(text: &str) -> bool {
    let parts = text.split('/');
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    parts
        .clone()
        .all(|part| !part.is_empty() && part.bytes().all(legal))
}

/// The grammar of a tag (OCI distribution specification 1.1, "Pulling manifests").
fn is_tag(tag: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=128).contains(&tag.len()) && tag.bytes().all(legal) && !tag.starts_with(['.', '-'])
}

/// The digests that the OCI image specification registers, in full length.
fn is_digest(digest: &str) -> bool {
    let digits = |hexadecimal: &str, length: usize| {
        hexadecimal.len() == length
            && hexadecimal
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    match digest.split_once(':') {
        Some(("sha256", hexadecimal)) => digits(hexadecimal, 64),
        Some(("sha512", hexadecimal)) => digits(hexadecimal, 128),
        _ => false,
    }
}

/// A DNS label, as the names of containers are.
fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(legal)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Reads the name of an Ingress, with or without its kind.
pub fn ingress(text: &str) -> Result<ObjectRef, String> {
    if text.contains('/') {
        text.parse()
    } else {
        format!("Ingress/{text}").parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equals_sign_in_brackets_belongs_to_the_path() {
        let rows = [
            ("image.tag=1.1", "image.tag", "1.1"),
            ("a=", "a", ""),
            ("a=b=c", "a", "b=c"),
            ("env[name=A].value=x[y=z]", "env[name=A].value", "x[y=z]"),
            ("a[\"b=]c\"].d=1", "a[\"b=]c\"].d", "1"),
        ];
        for (text, path, value) in rows {
            let found = path_value(text).unwrap();
            assert_eq!(found.path, parse_path(path).unwrap(), "{text}");
            assert_eq!(found.value, value, "{text}");
        }
        for text in ["", "a", "=1", "a[b=c]", "a[b=c", "a[\"b=c"] {
            assert!(path_value(text).is_err(), "{text}");
        }
    }

    #[test]
    fn images_are_read_in_three_forms() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let version = Image::Version {
            repository: "r:5000/shop/ads".to_owned(),
            version: "1.1".parse().unwrap(),
        };
        assert_eq!(image("r:5000/shop/ads:1.1"), Ok(version));
        for reference in [format!("r/ads@{digest}"), format!("r/ads:1.1@{digest}")] {
            let running = Image::Running {
                repository: "r/ads".to_owned(),
                reference: reference.clone(),
            };
            assert_eq!(image(&reference), Ok(running));
            let named = Image::Named {
                container: "app".to_owned(),
                reference: reference.clone(),
            };
            assert_eq!(image(&format!("app={reference}")), Ok(named));
        }
        let too_short = format!("r/ads@{}", &digest[..digest.len() - 1]);
        for text in [
            "",
            "ads",
            ":1",
            "app=ads",
            "App=ads:1",
            "=ads:1",
            "r//ads:1",
            "a b:1",
            "app=ads:-1",
            "ads@md5:00",
            &too_short,
            "ads:1@",
            "{{x}}:1",
        ] {
            assert!(image(text).is_err(), "{text}");
        }
    }
}
