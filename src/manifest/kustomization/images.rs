//! The entries of `images`: which of them decides what a container runs, and a new image written there.

use regex::Regex;

use crate::manifest::{
    Change, Refusal, ScalarType, Segment, cursor::Cursor, findings::Findings,
    image::ImageReference, manifests::listed, target::Target,
};

/// An entry of `images`.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// The item of the list.
    pub item: Cursor<'a>,
    /// The repository that it is for, as it is called where the entry takes effect.
    pub name: &'a str,
    /// The repository that takes its place.
    pub new_name: Option<&'a str>,
    /// The tag that takes the place of tag and digest.
    pub new_tag: Option<Cursor<'a>>,
    /// The digest that takes the place of tag and digest.
    pub digest: Option<Cursor<'a>>,
}

impl<'a> Entry<'a> {
    /// Returns the image that comes out where one goes in (`imagetag.Updater` of kustomize).
    pub(super) fn applied_to(&self, image: ImageReference<'a>) -> ImageReference<'a> {
        let decides = self.decides();
        let text = |place: &Option<Cursor<'a>>| place.as_ref().and_then(Cursor::text);
        ImageReference {
            repository: self.new_name.unwrap_or(image.repository),
            tag: if decides {
                text(&self.new_tag)
            } else {
                image.tag
            },
            digest: if decides {
                text(&self.digest)
            } else {
                image.digest
            },
        }
    }

    /// Does it decide over the tag?
    pub(super) fn decides(&self) -> bool {
        self.new_tag.is_some() || self.digest.is_some()
    }

    /// Returns what decides.
    pub(super) fn place(&self) -> &Cursor<'a> {
        self.new_tag
            .as_ref()
            .or(self.digest.as_ref())
            .unwrap_or(&self.item)
    }
}

/// Returns the entries of a kustomization.
///
/// # Errors
/// A key is written twice, or a `tagSuffix` counts, which makes a tag out of another one.
pub(super) fn entries<'a>(kustomization: &Cursor<'a>) -> Result<Vec<Entry<'a>>, Refusal> {
    let Some(list) = kustomization.key("images")? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for item in list.items() {
        let Some(name) = item.key("name")?.and_then(|name| name.text()) else {
            continue;
        };
        // What is empty counts as absent.
        let filled = |key: &str| -> Result<Option<Cursor<'a>>, Refusal> {
            let place = item.key(key)?;
            Ok(place.filter(|place| {
                let null = place.document.written(place.node) == "null";
                place.text() != Some("") && !null
            }))
        };
        let entry = Entry {
            name,
            new_name: filled("newName")?.and_then(|place| place.text()),
            new_tag: filled("newTag")?,
            digest: filled("digest")?,
            item: item.clone(),
        };
        if let Some(suffix) = filled("tagSuffix")?.filter(|_| !entry.decides()) {
            return Err(suffix
                .refusal("`tagSuffix` puts something behind the tag here, expected `newTag`")
                .hint("write the whole tag as `newTag`"));
        }
        found.push(entry);
    }
    Ok(found)
}

/// Returns the entries that are for a repository, in the order in which they take effect.
///
/// # Errors
/// As [`entries`]; or two are for the same name; or the name of one is a pattern that fits this and other
/// images.
pub(super) fn entries_for<'a>(
    kustomization: &Cursor<'a>,
    repository: &'a str,
) -> Result<Vec<Entry<'a>>, Refusal> {
    let mut name = repository;
    let mut found: Vec<Entry<'a>> = Vec::new();
    let mut by_pattern: Option<Entry<'a>> = None;
    for entry in entries(kustomization)? {
        if entry.name != name {
            by_pattern = Some(entry)
                .filter(|entry| fits(entry.name, name))
                .or(by_pattern);
            continue;
        }
        // What comes later wins over what a pattern has set.
        by_pattern = by_pattern.filter(|_| !entry.decides());
        let twin = found.iter().find(|earlier| earlier.name == entry.name);
        if let Some(twin) = twin {
            let lines = [twin.item.line(), entry.item.line()].map(|line| line.to_string());
            return Err(entry
                .item
                .refusal(format!(
                    "`images` has two entries for `{name}`, on lines {}, expected one",
                    lines.join(" and ")
                ))
                .hint("remove one of the two"));
        }
        name = entry.new_name.unwrap_or(name);
        found.push(entry);
    }
    match by_pattern {
        Some(entry) => Err(entry
            .item
            .refusal(format!(
                "the name `{}` is a pattern that fits the image `{name}`, expected the image itself",
                entry.name
            ))
            .hint(format!(
                "give `{name}` an entry of its own behind this one: what comes later wins"
            ))),
        None => Ok(found),
    }
}

/// Does the name of an entry fit a repository as a pattern? Kustomize takes every name for a regular
/// expression; one that is written without its signs is meant as it stands.
fn fits(pattern: &str, repository: &str) -> bool {
    pattern.contains(|character| "*+?[](){}|^$\\".contains(character))
        && Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(repository))
}

/// Wants an image in an entry. `known` are the names that the repository has in the workload and
/// behind the entry: of these none is written.
pub(super) fn want(
    entry: &Entry<'_>,
    known: &[&str],
    new: ImageReference<'_>,
    findings: &mut Findings,
) {
    let item = &entry.item;
    match (new.tag, new.digest, &entry.new_tag, &entry.digest) {
        (None, None, ..) => {
            findings.refusals.push(
                item.refusal("the new image has neither a tag nor a digest, expected one")
                    .hint("give the image as `repository:tag`"),
            );
            return;
        }
        (_, None, _, Some(digest)) if findings.allowed.drop_digests => {
            drop_digest(digest, findings);
        }
        (_, None, _, Some(digest)) => {
            let text = digest.text().unwrap_or_default();
            findings.refusals.push(
                digest
                    .refusal(format!(
                        "the image `{}` is fixed by its digest `{text}`, which wins over a tag",
                        entry.name
                    ))
                    .hint(
                        "write `newTag` in place of `digest` by hand once, from then on it is edited, or allow \
                         it with --drop-digest",
                    ),
            );
            return;
        }
        (None, Some(_), Some(tag), _) => {
            findings.refusals.push(
                tag.refusal("the entry sets a tag, the new image has a digest alone")
                    .hint("give the image as `repository:tag@digest`, or remove `newTag` by hand"),
            );
            return;
        }
        _ => {}
    }
    if !known.contains(&new.repository) && new.repository != entry.name {
        put(item, "newName", new.repository, findings);
    }
    if let Some(tag) = new.tag {
        put(item, "newTag", tag, findings);
    }
    if let Some(digest) = new.digest {
        put(item, "digest", digest, findings);
    }
}

/// Takes out the digest of an entry that gets a tag.
fn drop_digest(digest: &Cursor<'_>, findings: &mut Findings) {
    let target = Target::at(digest, findings.allowed);
    let Some(target) = findings.take(target) else {
        return;
    };
    findings.notes.push(format!(
        "{}:{}: the digest `{}` goes: from now on the tag decides",
        digest.view.path(),
        digest.line(),
        target.value
    ));
    findings.changes.push(Change {
        new: None,
        created: 1,
        old_text: String::new(),
        ..target.change_as("", String::new(), ScalarType::Text)
    });
}

/// Wants an image in a new entry of a kustomization.
pub(super) fn insert(
    kustomization: &Cursor<'_>,
    name: &str,
    new: ImageReference<'_>,
    findings: &mut Findings,
) {
    let mut wanted = Vec::new();
    if new.repository != name {
        wanted.push(("newName", new.repository));
    }
    wanted.extend(new.tag.map(|tag| ("newTag", tag)));
    wanted.extend(new.digest.map(|digest| ("digest", digest)));
    let known = findings.changes.len();
    for (key, value) in wanted {
        let path = [
            Segment::from("images"),
            Segment::named(name),
            Segment::from(key),
        ];
        findings.put(kustomization, &path, value, ScalarType::Text);
    }
    // The first value makes the entry, the others get into it.
    for change in findings.changes.iter_mut().skip(known + 1) {
        change.created = 1;
    }
}

fn put(item: &Cursor<'_>, key: &str, value: &str, findings: &mut Findings) {
    findings.put(item, &[Segment::from(key)], value, ScalarType::Text);
}

/// Returns where entries are, for a message.
pub(super) fn places(entries: &[Entry<'_>]) -> String {
    listed(entries.iter().map(|entry| {
        let place = entry.place();
        format!("{}:{}", place.view.path(), place.line())
    }))
}
