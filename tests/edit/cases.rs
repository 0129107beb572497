//! `set`: folders of cases (`fixtures/edit/<case>/{case.yaml,in,out}`), the shop, and the command
//! line. Every case is also run twice, taken back, and read by an independent YAML reader.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use shipgate::{
    clock::{Clock, SystemClock},
    event::{Ending, Event, Failure, Outcome, Reporter},
    manifest::{
        Allowances, Change, Containers, Edit, Manifests, ObjectRef, ScalarType, Segment,
        SourceFile, ValuesIn, parse_path, reapply, restore,
    },
    ops::set::FileSet,
};
use tempfile::TempDir;

use super::set_in;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    edits: Vec<CaseEdit>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    refused: Vec<String>,
}

impl Case {
    fn allowed(&self) -> Allowances {
        let allows = |name: &str| self.allow.iter().any(|allowed| allowed == name);
        Allowances {
            through_anchors: allows("through_anchors"),
            inline_blocks: allows("inline_blocks"),
            drop_digests: allows("drop_digests"),
            embedded: allows("embedded"),
        }
    }
}

/// One edit: its kind, and a mapping of what it is for.
#[derive(Deserialize)]
#[serde(transparent)]
struct CaseEdit(BTreeMap<String, BTreeMap<String, serde_yaml::Value>>);

impl CaseEdit {
    fn edit(self) -> Edit {
        let (kind, fields) = self.0.into_iter().next().unwrap();
        let text = |value| match value {
            serde_yaml::Value::String(text) => text,
            other => serde_yaml::to_string(&other).unwrap().trim_end().to_owned(),
        };
        let mut fields: BTreeMap<String, String> = fields
            .into_iter()
            .map(|(key, value)| (key, text(value)))
            .collect();
        let to = fields
            .remove("to")
            .unwrap_or_else(|| panic!("{kind}: the key `to` is missing"));
        let weight = || to.trim_end_matches('%').parse().unwrap();
        let made = |fields: &mut BTreeMap<String, String>| {
            let object = |key: &str, fields: &mut BTreeMap<String, String>| {
                fields
                    .remove(key)
                    .map(|name| name.parse::<ObjectRef>().unwrap())
            };
            let text = |key: &str, fields: &mut BTreeMap<String, String>| {
                fields
                    .remove(key)
                    .unwrap_or_else(|| panic!("{kind}: the key {key} is missing"))
            };
            let scalar_type = |fields: &mut BTreeMap<String, String>| {
                fields.remove("type").map(|name| match name.as_str() {
                    "text" => ScalarType::Text,
                    "integer" => ScalarType::Integer,
                    "boolean" => ScalarType::Boolean,
                    _ => panic!("{name}: no such type"),
                })
            };
            match kind.as_str() {
                "version" => Edit::Version {
                    workload: object("workload", fields),
                    image: text("image", fields),
                    version: to.parse().unwrap(),
                },
                "replicas" => Edit::Replicas {
                    workload: object("workload", fields).unwrap(),
                    replicas: to.parse().unwrap(),
                },
                "weight" => Edit::Weight {
                    traffic: object("traffic", fields),
                    weight: weight(),
                    canary: fields.remove("canary"),
                },
                "image" => Edit::Image {
                    workload: object("workload", fields),
                    containers: match fields.remove("container") {
                        Some(name) => Containers::Named(name),
                        None => Containers::Running(text("repository", fields)),
                    },
                    reference: to.clone(),
                },
                "label" => Edit::Label {
                    object: object("object", fields),
                    key: text("key", fields),
                    value: to.clone(),
                },
                "annotation" => Edit::Annotation {
                    object: object("object", fields),
                    key: text("key", fields),
                    value: to.clone(),
                },
                "env" => Edit::Env {
                    workload: object("workload", fields),
                    container: fields.remove("container"),
                    name: text("name", fields),
                    value: to.clone(),
                },
                "selector" => Edit::Selector {
                    service: object("service", fields).unwrap(),
                    key: text("key", fields),
                    value: to.clone(),
                },
                "subset" => Edit::Subset {
                    rule: object("rule", fields).unwrap(),
                    subset: text("subset", fields),
                    key: text("key", fields),
                    value: to.clone(),
                },
                "step" => Edit::RolloutStep {
                    rollout: object("rollout", fields).unwrap(),
                    step: text("step", fields).parse().unwrap(),
                    weight: weight(),
                },
                "helm" => Edit::HelmValue {
                    values: match object("object", fields) {
                        Some(object) => ValuesIn::Object(object),
                        None => ValuesIn::File(text("file", fields)),
                    },
                    path: parse_path(&text("path", fields)).unwrap(),
                    value: to.clone(),
                    scalar_type: scalar_type(fields),
                },
                "path" => Edit::Path {
                    object: object("object", fields),
                    path: parse_path(&text("path", fields)).unwrap(),
                    value: to.clone(),
                    scalar_type: scalar_type(fields),
                },
                other => panic!("{other}: no such edit"),
            }
        };
        let edit = made(&mut fields);
        assert!(fields.is_empty(), "{kind}: unknown keys {fields:?}");
        edit
    }
}

#[derive(Default)]
struct Heard {
    notes: Vec<String>,
    warnings: Vec<String>,
}

impl Reporter for Heard {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Note(note) => self.notes.push(note.clone()),
            Event::Warning(warning) => self.warnings.push(warning.clone()),
            _ => {}
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
) -> (Result<Outcome, Failure>, Heard) {
    set_allowing(folder, globs, edits, Allowances::default(), dry_run)
}

fn set_allowing(
    folder: &Path,
    globs: &[&str],
    edits: &[Edit],
    allowed: Allowances,
    dry_run: bool,
) -> (Result<Outcome, Failure>, Heard) {
    let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
    let mut heard = Heard::default();
    let outcome = FileSet::read(folder, &globs, SystemClock.now())
        .and_then(|files| set_in(&files, edits, (allowed, dry_run), None, &mut heard));
    (outcome, heard)
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
fn check_success(
    name: &str,
    before: &Tree,
    expected: &Tree,
    edits: &[Edit],
    allowed: Allowances,
) -> Outcome {
    let folder = written(before);
    let root = folder.path();
    let (dry, _) = set_allowing(root, &["**/*"], edits, allowed, true);
    let dry = dry.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(&tree(root), before, "{name}: a dry run wrote something");
    let (outcome, _) = set_allowing(root, &["**/*"], edits, allowed, false);
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
    let (again, _) = set_allowing(root, &["**/*"], edits, allowed, false);
    assert_eq!(
        again.unwrap().ending,
        Ending::NoChange,
        "{name}: second run"
    );
    for path in expected.keys() {
        let modified = fs::metadata(root.join(path)).unwrap().modified().unwrap();
        assert_eq!(modified, old, "{name}: {path} was written without need");
    }
    check_with_another_reader(name, before, &after, &outcome.changes, allowed);
    let back = restore(&manifests(&after), &outcome.changes).unwrap();
    assert_eq!(&applied(&back, &after), before, "{name}: taken back");
    let forth = reapply(&manifests(before), &outcome.changes).unwrap();
    assert_eq!(&applied(&forth, before), expected, "{name}: made again");
    outcome
}

fn applied(set: &shipgate::manifest::ChangeSet, files: &Tree) -> Tree {
    let mut files = files.clone();
    for file in set.apply(&manifests(&files)).unwrap().files {
        files.insert(file.path, file.bytes);
    }
    files
}

/// Compares every value of the changed files as serde_yaml reads them: only the targets differ, and
/// they are what was wanted.
fn check_with_another_reader(
    name: &str,
    before: &Tree,
    after: &Tree,
    changes: &[Change],
    allowed: Allowances,
) {
    let paths: BTreeSet<&String> = changes.iter().map(|change| &change.path).collect();
    for path in paths {
        let (old, new) = (leaves(&before[path]), leaves(&after[path]));
        let here = || changes.iter().filter(|change| change.path == *path);
        let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
        for (key, (value, _)) in gone {
            let empty = ["null", "{}", "[]", "~", ""].contains(&value.as_str());
            let mut taken_out = here().filter(|change| change.new.is_none());
            let wanted = taken_out.any(|change| change.old.as_ref() == Some(value));
            assert!(empty || wanted, "{name}: {path}: {key} is gone");
        }
        let mut found: Vec<&str> = new
            .iter()
            .filter(|(key, value)| old.get(*key) != Some(*value))
            .map(|(_, (value, _))| value.as_str())
            .collect();
        let made = here().filter(|change| change.new.is_some());
        let mut wanted: Vec<&str> = made.map(|change| change.after()).collect();
        // An item that several values are made in is made once.
        let mut items = BTreeSet::new();
        for change in here().filter(|change| change.old.is_none()) {
            let kept = change.pointer.len() - change.created;
            for index in kept..change.pointer.len() {
                if let Segment::Item { value, .. } = &change.pointer[index]
                    && items.insert((&change.object, &change.pointer[..=index]))
                {
                    wanted.push(value.as_str());
                }
            }
        }
        found.sort();
        wanted.sort();
        if allowed.through_anchors {
            // A reader that follows aliases sees one change in several places.
            found.dedup();
            wanted.dedup();
        }
        assert_eq!(found, wanted, "{name}: {path}");
        let numbers: BTreeSet<&str> = here()
            .filter(|change| change.scalar_type != ScalarType::Text)
            .map(|change| change.after())
            .collect();
        for (key, (value, is_text)) in &new {
            assert!(
                *is_text || numbers.contains(value.as_str()) || old.get(key) == new.get(key),
                "{name}: {path}: {key} is read as something else than a text"
            );
        }
    }
}

/// Path of each scalar -> its text and whether it was read as a text. Of a document that cannot be read,
/// as a Helm template, each line is one.
fn leaves(bytes: &[u8]) -> BTreeMap<String, (String, bool)> {
    let text = std::str::from_utf8(bytes)
        .unwrap()
        .trim_start_matches('\u{feff}');
    let mut found = BTreeMap::new();
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        }
        documents.last_mut().unwrap().push_str(line);
    }
    for (index, document) in documents.iter().enumerate() {
        match serde_yaml::from_str(document) {
            Ok(value) => add_leaves(&value, &index.to_string(), &mut found),
            Err(_) => {
                for (number, line) in document.lines().enumerate() {
                    let value = line.rsplit_once(": ").map_or(line, |(_, value)| value);
                    let value = value.trim_matches(['"', '\'']).to_owned();
                    found.insert(format!("{index}/{number:04}"), (value, true));
                }
            }
        }
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
            let inside = text.contains('\n').then(|| serde_yaml::from_str(text));
            match inside {
                Some(Ok(value @ (Value::Mapping(_) | Value::Sequence(_)))) => {
                    add_leaves(&value, &format!("{path} |"), found);
                }
                _ => {
                    found.insert(path.to_owned(), (text.clone(), true));
                }
            }
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
    let broken: Vec<_> = names
        .iter()
        .filter(|folder| std::panic::catch_unwind(|| check_case(folder)).is_err())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn check_case(folder: &Path) {
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(folder.join("case.yaml")).unwrap();
    let case: Case = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let allowed = case.allowed();
    let edits: Vec<Edit> = case.edits.into_iter().map(CaseEdit::edit).collect();
    let before = tree(&folder.join("in"));
    let mut expected = before.clone();
    expected.extend(tree(&folder.join("out")));
    let copy = written(&before);
    let (outcome, heard) = set_allowing(copy.path(), &["**/*"], &edits, allowed, true);
    assert_eq!(heard.notes, case.notes, "{name}: notes");
    assert_eq!(heard.warnings, case.warnings, "{name}: warnings");
    if case.refused.is_empty() {
        if expected == before {
            assert_eq!(outcome.unwrap().ending, Ending::NoChange, "{name}");
        } else {
            check_success(&name, &before, &expected, &edits, allowed);
        }
        return;
    }
    let (failure, _) = set_allowing(copy.path(), &["**/*"], &edits, allowed, false);
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
        Edit::Weight {
            traffic: Some("Ingress/advertisements-canary".parse().unwrap()),
            weight: "5".parse().unwrap(),
            canary: None,
        },
    ];
    let outcome = check_success("canary", &before, &expected, &edits, Allowances::default());
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
    let outcome = check_success(
        "services",
        &before,
        &expected,
        &edits,
        Allowances::default(),
    );
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
    let outcome = check_success(
        "identity",
        &before,
        &expected,
        &edits,
        Allowances::default(),
    );
    assert_eq!(outcome.changes.len(), 3);
}

#[test]
fn the_diff_shows_the_one_line_that_changes() {
    let weight = Edit::Weight {
        traffic: Some("Ingress/advertisements-canary".parse().unwrap()),
        weight: "25".parse().unwrap(),
        canary: None,
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
