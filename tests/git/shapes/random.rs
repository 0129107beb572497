//! Random edits of random trees: what comes out is what the git program would have written.

use std::{collections::BTreeMap, path::Path};

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestCaseError, TestRunner},
};

use shipgate::git::Repository;

use super::{Entry, at_path, bare, difference, edit, git, import, push_all, tree};

/// Parts of paths that lie beside each other in other orders than letters do.
const PARTS: &[&str] = &[
    "a",
    "a.",
    "a.b",
    "a-",
    "a0",
    "A",
    "b",
    "b b",
    "\u{e9}",
    "e\u{301}",
    "z",
    "zz",
    "\u{1f6a2}",
];

#[derive(Debug)]
struct Case {
    entries: Vec<Entry>,
    /// Each edits files that are there, and adds some.
    edits: Vec<Vec<(String, Vec<u8>)>>,
}

fn path() -> impl Strategy<Value = String> {
    vec(select(PARTS), 1..5).prop_map(|parts| parts.join("/"))
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        (0_usize..3000).prop_map(|length| vec![b'y'; length]),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let mode = select(&["100644", "100644", "100755", "120000", "160000"][..]);
    let tree = btree_map(path(), (mode, content()), 1..60);
    let edit = vec((any::<Index>(), content()), 0..12);
    let added = vec((path(), content()), 0..4);
    (tree, vec((edit, added), 1..4)).prop_map(|(tree, edits)| {
        let is_below = |one: &str, other: &str| one.starts_with(&format!("{other}/"));
        let mut entries: Vec<Entry> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (name, (mode, content)) in tree {
            if names
                .iter()
                .any(|other| is_below(&name, other) || is_below(other, &name))
            {
                continue;
            }
            let content = match mode {
                "160000" => b"1234567890123456789012345678901234567890".to_vec(),
                // A link leads to a name without NUL.
                "120000" => b"somewhere".to_vec(),
                _ => content,
            };
            entries.push(Entry::new(mode, &name, content));
            names.push(name);
        }
        let files: Vec<String> = entries
            .iter()
            .filter(|entry| entry.mode.starts_with("100"))
            .map(|entry| String::from_utf8(entry.path.clone()).unwrap())
            .collect();
        let mut all_edits = Vec::new();
        for (changed, added) in edits {
            let mut edits = BTreeMap::new();
            for (index, content) in changed {
                if !files.is_empty() {
                    edits.insert(index.get(&files).clone(), content);
                }
            }
            for (name, content) in added {
                let free = |other: &String| {
                    *other != name && !is_below(&name, other) && !is_below(other, &name)
                };
                if names.iter().all(free) {
                    names.push(name.clone());
                    edits.insert(name, content);
                }
            }
            all_edits.push(edits.into_iter().collect());
        }
        Case {
            entries,
            edits: all_edits,
        }
    })
}

/// Makes every edit with shipgate and with git, and compares.
async fn compare(path: &Path, repository: &Repository, case: &Case) -> Result<(), TestCaseError> {
    let mut expected = import(path, "main", None, &case.entries);
    let mode_of = |name: &str| {
        let named = |entry: &&Entry| entry.path == name.as_bytes();
        let found = case.entries.iter().find(named);
        found.map_or("100644", |entry| entry.mode)
    };
    let name_of = |entry: &Entry| String::from_utf8(entry.path.clone()).unwrap();
    let mut now: BTreeMap<String, Vec<u8>> = case
        .entries
        .iter()
        .map(|entry| (name_of(entry), entry.content.clone()))
        .collect();
    let source = |edits: &Vec<(String, Vec<u8>)>| {
        let files = edits.iter().map(|(name, bytes)| edit(name, bytes));
        files.collect()
    };
    let commits = push_all(repository, case.edits.iter().map(source).collect()).await;
    for (pair, edits) in commits.windows(2).zip(&case.edits) {
        let entries: Vec<Entry> = edits
            .iter()
            .map(|(name, bytes)| Entry::new(mode_of(name), name, bytes))
            .collect();
        expected = import(path, "expected", Some(&expected), &entries);
        prop_assert_eq!(tree(path, pair[1].as_str()), tree(path, &expected));
        let mut changed = Vec::new();
        for (name, bytes) in edits {
            match now.insert(name.clone(), bytes.clone()) {
                Some(old) if old == *bytes => {}
                Some(_) => changed.push(format!("M {name} {}", mode_of(name))),
                None => changed.push(format!("A {name} 100644")),
            }
        }
        let mut found = difference(path, pair[0].as_str(), pair[1].as_str());
        found.sort();
        changed.sort();
        prop_assert_eq!(found, changed);
    }
    Ok(())
}

#[test]
fn random_edits_of_random_trees_are_as_git_would_write_them() {
    let at_length = std::env::var_os("SHIPGATE_PROVE").is_some_and(|value| value == "1");
    let cases = if at_length { 1000 } else { 12 };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let (_folder, path) = bare(&[Entry::file("a", "a")]);
    let repository = at_path(&path);
    let tried = TestRunner::new(config).run(&case(), |case| {
        runtime.block_on(compare(&path, &repository, &case))
    });
    tried.unwrap();
    assert_eq!(git(&path, &["fsck", "--strict", "--no-dangling"]), "");
    println!("trees tried: {cases}");
}
