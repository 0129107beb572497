//! Names that git sorts in another way than people do: `a`, `a.b`, `a/`, `a0`.

use super::{Entry, at_path, bare, edit, git, import, push, tree};

const NAMES: &[&str] = &[
    "a", "a-b", "a.b", "a/x", "a0", "ab/x", "ab-/x", "ab.y", "ab0", "abc",
];

#[tokio::test]
async fn edits_beside_names_of_every_order_are_as_git_would_write_them() {
    // A name may be a file in one commit and a folder in the next, never both.
    let is_folder = |name: &str, other: &str| other.starts_with(&format!("{name}/"));
    let fits = |one: &str, other: &str| !is_folder(one, other) && !is_folder(other, one);
    let (_folder, path) = bare(&[Entry::file("a", "1")]);
    let repository = at_path(&path);
    for added in NAMES {
        let there: Vec<Entry> = NAMES
            .iter()
            .filter(|name| {
                let others = NAMES.iter().filter(|other| *other != added);
                *name != added && fits(name, added) && others.clone().all(|other| fits(name, other))
            })
            .map(|name| Entry::file(name, "1"))
            .collect();
        import(&path, "main", None, &there);
        let first = std::str::from_utf8(&there[0].path).unwrap().to_owned();
        let files = vec![edit(added, "2"), edit(&first, "3")];
        let (base, new) = push(&repository, files).await;
        let expected = [Entry::file(added, "2"), Entry::file(&first, "3")];
        let expected = import(&path, "expected", Some(base.as_str()), &expected);
        assert_eq!(tree(&path, new.as_str()), tree(&path, &expected), "{added}");
    }
    assert_eq!(git(&path, &["fsck", "--strict", "--no-dangling"]), "");
}
