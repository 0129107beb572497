//! Paths to values inside objects, as people write them: `spec.containers[name=app].image`.

/// One step of the path to a value inside an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A key of a mapping.
    Key(String),
    /// The one list item that has this text under this key: stable when items are added or moved.
    Item {
        /// The key, mostly `name`.
        key: String,
        /// The text there.
        value: String,
    },
    /// A list item by position, where items have no name.
    Index(usize),
    /// The YAML document that is written as a text (`|`) here.
    Document,
}

impl Segment {
    /// The list item that has this `name`.
    pub fn named(name: &str) -> Self {
        Self::Item {
            key: "name".to_owned(),
            value: name.to_owned(),
        }
    }

    /// A path of keys.
    pub fn keys(keys: &[&str]) -> Vec<Self> {
        keys.iter().map(|key| Self::from(*key)).collect()
    }
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// Returns a path to a value as people write it.
pub fn path_of(pointer: &[Segment]) -> String {
    let mut text = String::new();
    for segment in pointer {
        match segment {
            Segment::Key(key) if key.is_empty() || key.contains(['.', '/', '[', ']', ' ', '|']) => {
                text.push_str(&format!("[{key:?}]"));
            }
            Segment::Key(key) if text.is_empty() || text.ends_with(' ') => text.push_str(key),
            Segment::Key(key) => text.extend([".", key]),
            Segment::Item { key, value } => text.extend(["[", key, "=", value, "]"]),
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
            Segment::Document => text.push_str(" | "),
        }
    }
    text
}

/// Reads a path as people write it: keys with dots between them, `["a key with.dots"]`,
/// `[name=app]` for the list item that has this text under this key, `[0]` for one by its position,
/// and ` | ` where a text is itself a document.
///
/// # Errors
/// It is empty, or a bracket or a quote is not closed, or a key is missing; with what was found.
pub fn parse_path(text: &str) -> Result<Vec<Segment>, String> {
    let refuse = |found: &str| {
        Err(format!(
            "found {found:?}, expected a path such as spec.template.spec.containers[name=app].image"
        ))
    };
    if text.trim().starts_with('/') {
        return refuse(text);
    }
    let mut segments = Vec::new();
    let mut rest = text.trim();
    let mut after_dot = true;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((segment, behind)) = bracket(inside) else {
                return refuse(rest);
            };
            segments.push(segment);
            (rest, after_dot) = (behind, false);
        } else if let Some(behind) = rest.trim_start().strip_prefix('|') {
            segments.push(Segment::Document);
            (rest, after_dot) = (behind.trim_start(), true);
            continue;
        } else if after_dot {
            let end = rest.find(['.', '[', '|', ' ']).unwrap_or(rest.len());
            let (key, behind) = rest.split_at(end);
            if key.is_empty() || key.contains([']', '"']) {
                return refuse(rest);
            }
            if key.contains('\\') {
                return Err(format!(
                    "found {rest:?}: a key with a dot in it is written in brackets, as in podAnnotations[\"prometheus.io/scrape\"]"
                ));
            }
            segments.push(Segment::from(key));
            (rest, after_dot) = (behind, false);
        } else {
            return refuse(rest);
        }
        if let Some(behind) = rest.strip_prefix('.') {
            (rest, after_dot) = (behind, true);
            if rest.is_empty() {
                return refuse(text);
            }
        }
    }
    if segments.is_empty() {
        return refuse(text);
    }
    Ok(segments)
}

/// Reads what stands behind `[`; returns it and what stands behind `]`.
fn bracket(inside: &str) -> Option<(Segment, &str)> {
    if inside.starts_with('"') {
        let end = inside.find("\"]")?;
        let key: String = serde_json::from_str(&inside[..=end]).ok()?;
        return Some((Segment::Key(key), &inside[end + 2..]));
    }
    let (content, behind) = inside.split_once(']')?;
    let segment = match content.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Segment::Item {
            key: key.to_owned(),
            value: value.to_owned(),
        },
        Some(_) => return None,
        None => Segment::Index(content.parse().ok()?),
    };
    Some((segment, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_they_are_written() {
        for path in [
            "image",
            "image.tag",
            "spec.template.spec.containers[name=app].image",
            "metadata.labels[\"app.kubernetes.io/version\"]",
            "[\"a b\"].c[0][1].d",
            "spec.source.helm.values | image.tag",
            "http[0].route[destination=web]",
        ] {
            let segments = parse_path(path).unwrap();
            assert_eq!(path_of(&segments), path);
        }
    }

    #[test]
    fn other_texts_are_no_paths() {
        for path in [
            "",
            " ",
            ".a",
            "a.",
            "a..b",
            "a[",
            "a[x",
            "a[=b]",
            "a[b=]",
            "a[\"b]",
            "a]b",
            "a b",
            "a[-1]",
            "/spec/replicas",
        ] {
            let problem = parse_path(path).unwrap_err();
            assert!(
                problem.contains("expected a path such as"),
                "{path}: {problem}"
            );
        }
    }
}
