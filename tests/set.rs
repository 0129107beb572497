//! `set`: folders of cases (`fixtures/edit/<case>/{case.yaml,in,out}`), the shop, and the command
//! line. Every case is also run twice, taken back, and read by an independent YAML reader.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use shipgate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    manifest::{Change, Edit, Manifests, SourceFile, reapply, restore},
    ops::set::{self, FileSet},
};
use tempfile::TempDir;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    edits: Vec<CaseEdit>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    refused: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
struct CaseEdit {
    version: Option<CaseVersion>,
    replicas: Option<CaseReplicas>,
    weight: Option<CaseWeight>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseVersion {
    workload: Option<String>,
    image: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseReplicas {
    workload: String,
    to: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseWeight {
    ingress: String,
    to: u64,
}

impl CaseEdit {
    fn edits(self) -> impl Iterator<Item = Edit> {
        let version = self.version.map(|edit| Edit::Version {
            workload: edit.workload.map(|name| name.parse().unwrap()),
            image: edit.image,
            version: edit.to.parse().unwrap(),
        });
        let replicas = self.replicas.map(|edit| Edit::Replicas {
            workload: edit.workload.parse().unwrap(),
            replicas: edit.to,
        });
        let weight = self.weight.map(|edit| Edit::IngressWeight {
            ingress: edit.ingress.parse().unwrap(),
            weight: shipgate::units::Weight::new(edit.to).unwrap(),
        });
        version.into_iter().chain(replicas).chain(weight)
    }
}

#[derive(Default)]
struct Heard {
    notes: Vec<String>,
}

impl Reporter for Heard {
    fn event(&mut self, event: &Event) {
        if let Event::Note(note) = event {
            self.notes.push(note.clone());
        }
    }

    fn finish(&mut self, _outcome: &Outcome) {}
}

type Tree = BTreeMap<String, Vec<u8>>;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Reads all files of a folder; an absent folder has none.
fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn written(files: &Tree) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn set(
    folder: &Path,
    globs: &[&str],
    edits: &[Edit],
    dry_run: bool,
) -> (Result<Outcome, Failure>, Vec<String>) {
    let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
    let mut heard = Heard::default();
    let outcome = FileSet::read(folder, &globs)
        .and_then(|files| set::run(&files, edits, dry_run, &mut heard));
    (outcome, heard.notes)
}

fn manifests(files: &Tree) -> Manifests {
    let files = files.iter().map(|(path, bytes)| SourceFile {
        path: path.clone(),
        bytes: bytes.clone(),
    });
    Manifests::parse(files.collect()).unwrap()
}

/// Makes every file old, so that a write shows in its time however coarse the clock is.
fn age(folder: &Path) -> SystemTime {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for path in tree(folder).keys() {
        let file = File::options().write(true).open(folder.join(path)).unwrap();
        file.set_modified(old).unwrap();
    }
    old
}

/// Runs edits that must succeed and checks all that is true of every success.
fn check_success(name: &str, before: &Tree, expected: &Tree, edits: &[Edit]) -> Outcome {
    let folder = written(before);
    let root = folder.path();
    let (dry, _) = set(root, &["**/*"], edits, true);
    let dry = dry.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(&tree(root), before, "{name}: a dry run wrote something");
    let (outcome, _) = set(root, &["**/*"], edits, false);
    let outcome = outcome.unwrap();
    assert_eq!(dry.changes, outcome.changes, "{name}");
    assert_eq!(dry.diff, outcome.diff, "{name}");
    let after = tree(root);
    for (path, bytes) in expected {
        let (found, wanted) = (
            String::from_utf8_lossy(&after[path]),
            String::from_utf8_lossy(bytes),
        );
        assert_eq!(found, wanted, "{name}: {path}");
    }
    assert_eq!(&after, expected, "{name}");
    let old = age(root);
    let (again, _) = set(root, &["**/*"], edits, false);
    assert_eq!(
        again.unwrap().ending,
        Ending::NoChange,
        "{name}: second run"
    );
    for path in expected.keys() {
        let modified = fs::metadata(root.join(path)).unwrap().modified().unwrap();
        assert_eq!(modified, old, "{name}: {path} was written without need");
    }
    check_with_another_reader(name, before, &after, &outcome.changes);
    let back = restore(&manifests(&after), &outcome.changes).unwrap();
    assert_eq!(&applied(&back, &after), before, "{name}: taken back");
    let forth = reapply(&manifests(before), &outcome.changes).unwrap();
    assert_eq!(&applied(&forth, before), expected, "{name}: made again");
    outcome
}

fn applied(set: &shipgate::manifest::ChangeSet, files: &Tree) -> Tree {
    let mut files = files.clone();
    for file in set.apply(&manifests(&files)).unwrap() {
        files.insert(file.path, file.bytes);
    }
    files
}

/// Compares every value of the changed files as serde_yaml reads them: only the targets differ, and
/// they are what was wanted.
fn check_with_another_reader(name: &str, before: &Tree, after: &Tree, changes: &[Change]) {
    let paths: BTreeSet<&String> = changes.iter().map(|change| &change.path).collect();
    for path in paths {
        let (old, new) = (leaves(&before[path]), leaves(&after[path]));
        assert!(old.keys().eq(new.keys()), "{name}: {path}: other keys");
        let mut found: Vec<&String> = new
            .iter()
            .filter(|(key, value)| old[*key] != **value)
            .map(|(_, (value, _))| value)
            .collect();
        let mut wanted: Vec<&String> = changes
            .iter()
            .filter(|change| change.path == *path)
            .map(|change| &change.new)
            .collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}: {path}");
        for (key, (_, is_text)) in &new {
            let number = key.ends_with("replicas") || key.ends_with("Replicas");
            assert!(
                *is_text || number || old[key] == new[key],
                "{name}: {path}: {key} is read as something else than a text"
            );
        }
    }
}

/// Path of each scalar -> its text and whether it was read as a text.
fn leaves(bytes: &[u8]) -> BTreeMap<String, (String, bool)> {
    let text = std::str::from_utf8(bytes)
        .unwrap()
        .trim_start_matches('\u{feff}');
    let mut found = BTreeMap::new();
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let value = serde_yaml::Value::deserialize(document).unwrap();
        add_leaves(&value, &index.to_string(), &mut found);
    }
    found
}

fn add_leaves(value: &serde_yaml::Value, path: &str, found: &mut BTreeMap<String, (String, bool)>) {
    use serde_yaml::Value;
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let key = serde_yaml::to_string(key).unwrap();
                add_leaves(value, &format!("{path}/{}", key.trim_end()), found);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                add_leaves(item, &format!("{path}/{index}"), found);
            }
        }
        Value::Tagged(tagged) => add_leaves(&tagged.value, path, found),
        Value::String(text) => {
            found.insert(path.to_owned(), (text.clone(), true));
        }
        other => {
            let text = serde_yaml::to_string(other).unwrap();
            found.insert(path.to_owned(), (text.trim_end().to_owned(), false));
        }
    }
}

#[test]
fn every_case_folder_does_what_it_says() {
    let mut names: Vec<_> = fs::read_dir(fixtures().join("edit"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() > 70, "the case folders are not there");
    for folder in names {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(folder.join("case.yaml")).unwrap();
        let case: Case =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let edits: Vec<Edit> = case.edits.into_iter().flat_map(CaseEdit::edits).collect();
        let before = tree(&folder.join("in"));
        let mut expected = before.clone();
        expected.extend(tree(&folder.join("out")));
        let copy = written(&before);
        let (outcome, notes) = set(copy.path(), &["**/*"], &edits, true);
        assert_eq!(notes, case.notes, "{name}: notes");
        if case.refused.is_empty() {
            if expected == before {
                assert_eq!(outcome.unwrap().ending, Ending::NoChange, "{name}");
            } else {
                check_success(&name, &before, &expected, &edits);
            }
            continue;
        }
        let (failure, _) = set(copy.path(), &["**/*"], &edits, false);
        let failure = failure
            .err()
            .unwrap_or_else(|| panic!("{name}: was not refused"));
        let refusals: Vec<String> = failure.0.refusals.iter().map(ToString::to_string).collect();
        assert_eq!(refusals, case.refused, "{name}");
        assert_eq!(failure.0.ending, Ending::EditRefused, "{name}");
        for refusal in &failure.0.refusals {
            assert!(refusal.hint.is_some(), "{name}: {refusal}: no hint");
        }
        assert_eq!(tree(copy.path()), before, "{name}: something was written");
    }
}

const ADVERTISEMENTS: &str = "registry.example/shop/advertisements";

fn version(workload: Option<&str>, image: &str, version: &str) -> Edit {
    Edit::Version {
        workload: workload.map(|workload| workload.parse().unwrap()),
        image: image.to_owned(),
        version: version.parse().unwrap(),
    }
}

fn shop() -> Tree {
    tree(&fixtures().join("shop"))
}

/// Replaces a text that must be there exactly once.
fn replace_once(files: &mut Tree, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{path}: {from}");
    files.insert(path.to_owned(), text.replace(from, to).into_bytes());
}

#[test]
fn a_canary_of_the_shop_changes_its_own_values_only() {
    let before = shop();
    let mut expected = before.clone();
    let canary = "clusters/prod/advertisements-canary.yaml";
    let text = String::from_utf8(expected[canary].clone()).unwrap();
    let text = text
        .replace("version: \"1.0\"", "version: \"1.10\"")
        .replace("value: \"1.0\"", "value: \"1.10\"")
        .replace("advertisements:1.0", "advertisements:1.10")
        .replace("replicas: 0 ", "replicas: 1 ");
    expected.insert(canary.to_owned(), text.into_bytes());
    let ingress = "clusters/prod/advertisements-ingress.yaml";
    replace_once(&mut expected, ingress, "\"0\"   #", "\"5\"   #");
    let edits = [
        version(
            Some("Deployment/advertisements-canary"),
            ADVERTISEMENTS,
            "1.10",
        ),
        Edit::Replicas {
            workload: "Deployment/advertisements-canary".parse().unwrap(),
            replicas: 1,
        },
        Edit::IngressWeight {
            ingress: "Ingress/advertisements-canary".parse().unwrap(),
            weight: "5".parse().unwrap(),
        },
    ];
    let outcome = check_success("canary", &before, &expected, &edits);
    assert_eq!(outcome.reason, "changed 8 values in 2 files");
    assert_eq!(outcome.files_changed, [canary, ingress]);
}

#[test]
fn other_services_of_the_shop_keep_their_ways_of_writing() {
    let before = shop();
    let mut expected = before.clone();
    let storefront = "clusters/prod/storefront.yaml";
    let text = String::from_utf8(expected[storefront].clone()).unwrap();
    let text = text
        .replace("version: 2.7.1", "version: \"2.8\"")
        .replace("value: 2.7.1", "value: \"2.8\"")
        .replace("storefront:2.7.1", "storefront:2.8");
    expected.insert(storefront.to_owned(), text.into_bytes());
    let discounts = "clusters/prod/discounts/deployment.yaml";
    let text = String::from_utf8(expected[discounts].clone()).unwrap();
    let text = text
        .replace("version: \"1.9\"", "version: \"2.0-rc.1\"")
        .replace("discounts:1.9\"", "discounts:2.0-rc.1\"");
    expected.insert(discounts.to_owned(), text.into_bytes());
    let edits = [
        version(None, "registry.example/shop/storefront", "2.8"),
        version(None, "registry.example/shop/discounts", "2.0-rc.1"),
    ];
    let outcome = check_success("services", &before, &expected, &edits);
    assert_eq!(outcome.reason, "changed 12 values in 2 files");
}

#[test]
fn versions_side_by_side_keep_their_identity() {
    let before = shop();
    let mut expected = before.clone();
    let lab = "clusters/lab/advertisements.yaml";
    replace_once(
        &mut expected,
        lab,
        "advertisements:1.1\n",
        "advertisements:1.2\n",
    );
    replace_once(
        &mut expected,
        lab,
        "version: \"1.1\"\n    spec",
        "version: \"1.2\"\n    spec",
    );
    replace_once(&mut expected, lab, "value: \"1.1\"", "value: \"1.2\"");
    let edits = [version(
        Some("Deployment/advertisements-v1-1"),
        ADVERTISEMENTS,
        "1.2",
    )];
    let outcome = check_success("identity", &before, &expected, &edits);
    assert_eq!(outcome.changes.len(), 3);
}

#[test]
fn the_diff_shows_the_one_line_that_changes() {
    let weight = Edit::IngressWeight {
        ingress: "Ingress/advertisements-canary".parse().unwrap(),
        weight: "25".parse().unwrap(),
    };
    let folder = written(&shop());
    let (outcome, _) = set(folder.path(), &["clusters/prod/**"], &[weight], true);
    let outcome = outcome.unwrap();
    assert_eq!(
        outcome.reason,
        "would change 1 value in 1 file; dry run: nothing was written"
    );
    insta::assert_snapshot!(outcome.diff, @r#"
    --- a/clusters/prod/advertisements-ingress.yaml
    +++ b/clusters/prod/advertisements-ingress.yaml
    @@ -24,7 +24,7 @@
       annotations:
         nginx.ingress.kubernetes.io/canary: "true"
         nginx.ingress.kubernetes.io/canary-by-header: x-shop-preview
    -    nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
    +    nginx.ingress.kubernetes.io/canary-weight: "25"   # percent of the requests
     spec:
       ingressClassName: nginx
       rules:
    "#);
}
