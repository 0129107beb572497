//! Which tags of one image references name: `repository:tag`, `repository:tag@sha256:…`.

use std::collections::BTreeSet;

use crate::probe::text::excerpt;

/// Returns the tags of an image that references name, each once. A mirror's name of it counts where the
/// image's own is not among them.
pub fn tags(references: &[&str], image: &str) -> BTreeSet<String> {
    let of = |shown: fn(&str) -> &str| -> BTreeSet<String> {
        let tags = references
            .iter()
            .filter_map(|reference| tag(shown(reference), shown(image)));
        tags.map(excerpt).collect()
    };
    let found = of(|reference| reference);
    if found.is_empty() {
        of(last_part)
    } else {
        found
    }
}

/// Returns what is behind the last `/` of a reference to an image.
fn last_part(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

fn tag<'r>(reference: &'r str, image: &str) -> Option<&'r str> {
    let tag = reference.strip_prefix(image)?.strip_prefix(':')?;
    let tag = tag.split('@').next()?;
    (!tag.is_empty() && !tag.contains('/')).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_of_the_very_image_is_its_version() {
        let image = "registry.example:5000/shop/web";
        let rows = [
            ("registry.example:5000/shop/web:1.1", Some("1.1")),
            ("registry.example:5000/shop/web:1.1@sha256:ab", Some("1.1")),
            ("registry.example:5000/shop/web@sha256:ab", None),
            ("registry.example:5000/shop/web", None),
            ("registry.example:5000/shop/web:", None),
            ("registry.example:5000/shop/web-canary:1.1", None),
            ("registry.example:5000/shop/web/extra:1.1", None),
            ("other.example/shop/web:1.1", None),
        ];
        for (reference, version) in rows {
            assert_eq!(tag(reference, image), version, "{reference}");
        }
        assert_eq!(tag("registry:5000/web:1", "registry"), None);
        assert_eq!(
            tag(last_part("mirror.example/shop/web:1.0"), last_part(image)),
            Some("1.0")
        );
    }
}
