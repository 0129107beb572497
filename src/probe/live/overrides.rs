//! What a controller puts in the place of what is in git: images, Helm parameters, patches.

use super::{Trouble, object::Object};

/// What is put in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Names of images, each with the tag or digest that it gets.
    pub images: Vec<(String, String)>,
    /// Helm parameters, each with its value.
    pub parameters: Vec<(String, String)>,
    /// Patches that name an image.
    pub patches: Vec<Patch>,
}

/// A patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Name of the object that it is for; none = of those that a selector picks, or of the one that it holds.
    pub target: Option<String>,
    /// Is it a list of operations (RFC 6902), which says nothing of the objects that it is for?
    pub is_of_selected: bool,
    /// The patch itself, as it is written.
    pub text: String,
}

impl Overrides {
    /// Reads `images` and `patches` of a Flux Kustomization
    /// (<https://github.com/fluxcd/kustomize-controller/blob/main/docs/spec/v1/kustomizations.md#images>).
    pub(super) fn of_flux(object: Object<'_>) -> Result<Self, Trouble> {
        let mut found = Self::default();
        for index in 0..object.list("/spec/images")?.len() {
            let text = |key: &str| object.text(&format!("/spec/images/{index}/{key}"));
            // As kustomize does it: a digest goes before a tag.
            if let (Some(name), Some(to)) = (text("name")?, text("digest")?.or(text("newTag")?)) {
                found.images.push((name.to_owned(), to.to_owned()));
            }
        }
        found.add_patches(object, "/spec/patches")?;
        Ok(found)
    }

    /// Adds what one source of an Argo CD application says
    /// (<https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/>,
    /// <https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-parameters>).
    pub(super) fn add_source(&mut self, object: Object<'_>, at: &str) -> Result<(), Trouble> {
        for index in 0..object.list(&format!("{at}/kustomize/images"))?.len() {
            let image = object.text(&format!("{at}/kustomize/images/{index}"))?;
            self.images.extend(image.and_then(image_override));
        }
        for index in 0..object.list(&format!("{at}/helm/parameters"))?.len() {
            let text = |key: &str| object.text(&format!("{at}/helm/parameters/{index}/{key}"));
            if let (Some(name), Some(value)) = (text("name")?, text("value")?) {
                self.parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        self.add_patches(object, &format!("{at}/kustomize/patches"))
    }

    fn add_patches(&mut self, object: Object<'_>, at: &str) -> Result<(), Trouble> {
        for index in 0..object.list(at)?.len() {
            let text = |key: &str| object.text(&format!("{at}/{index}/{key}"));
            let Some(patch) = text("patch")?.filter(|patch| names_image(patch)) else {
                continue;
            };
            self.patches.push(Patch {
                target: text("target/name")?.map(str::to_owned),
                is_of_selected: patch.contains("op:") || patch.contains("\"op\""),
                text: patch.to_owned(),
            });
        }
        Ok(())
    }
}

/// Takes an entry of Argo CD's `kustomize.images` apart: `name=new:tag`, `name:tag`, `name@sha256:…`. None
/// where it changes the name alone.
fn image_override(entry: &str) -> Option<(String, String)> {
    let (name, image) = entry.split_once('=').unwrap_or((entry, entry));
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest)),
        None => (image, None),
    };
    // What stands before the last `/` may have a port.
    let path = image.rfind('/').map_or(0, |slash| slash + 1);
    let (host, rest) = image.split_at(path);
    let (image, tag) = match rest.split_once(':') {
        Some((rest, tag)) => (format!("{host}{rest}"), Some(tag)),
        None => (image.to_owned(), None),
    };
    let name = if entry.contains('=') {
        name.to_owned()
    } else {
        image
    };
    Some((name, digest.or(tag)?.to_owned()))
}

/// Does a patch name an image: as a key of YAML or JSON, or at the end of a JSON pointer?
fn names_image(patch: &str) -> bool {
    ["image:", "image\"", "image'", "/image"]
        .iter()
        .any(|key| patch.contains(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_argo_cd_names_an_image_and_what_it_gets() {
        let rows = [
            ("shop=mirror.example/shop:1.0", Some(("shop", "1.0"))),
            (
                "registry.example:5000/shop:1.0",
                Some(("registry.example:5000/shop", "1.0")),
            ),
            ("registry.example:5000/shop", None),
            ("shop@sha256:ab", Some(("shop", "sha256:ab"))),
            (
                "shop=mirror.example/shop:1.0@sha256:ab",
                Some(("shop", "sha256:ab")),
            ),
            ("shop=mirror.example/shop", None),
        ];
        for (entry, expected) in rows {
            let expected = expected.map(|(name, to)| (name.to_owned(), to.to_owned()));
            assert_eq!(image_override(entry), expected, "{entry}");
        }
    }
}
