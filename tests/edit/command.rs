//! The `set` command as it is called: flags, exit codes, and files that are not what they seem.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{Arc, Barrier, Mutex},
    thread,
};

use chrono::TimeDelta;
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock, SystemClock},
    event::{Ending, Event, Outcome, Reporter},
    manifest::{Allowances, Edit},
    ops::{set::FileSet, stop::StopReason},
};
use tempfile::TempDir;

use super::set_in;

const DEPLOYMENT: &str = "\
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2 # two
  template: {spec: {containers: [{name: app, image: \"registry.example/app:1.0\"}]}}
";

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the program in a folder; returns its exit code and all that it printed.
fn shipgate(folder: &Path, arguments: &[&str]) -> (u8, String) {
    let printed = Shared::default();
    let context = Context {
        environment: BTreeMap::new(),
        clock: Arc::new(ManualClock::at(chrono::DateTime::UNIX_EPOCH)),
        stdout: Box::new(printed.clone()),
        stderr: Box::new(printed.clone()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: folder.to_owned(),
    };
    let arguments = ["shipgate", "set"].iter().chain(arguments);
    let code = cli::run(arguments.map(Into::into), context);
    let bytes = printed.0.lock().unwrap().clone();
    (code, String::from_utf8(bytes).unwrap())
}

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("deploy/app.yaml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, DEPLOYMENT).unwrap();
    (folder, file)
}

#[test]
fn flags_become_edits() {
    let (folder, file) = folder();
    let arguments = [
        "--files",
        "deploy/*.yaml",
        "--image",
        "registry.example/app:1.10",
        "--workload",
        "Deployment/app",
        "--replicas",
        "3",
    ];
    let (code, _) = shipgate(folder.path(), &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0, "{printed}");
    let expected = DEPLOYMENT.replace(":1.0", ":1.10").replace("2 #", "3 #");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0);
    assert!(printed.contains("NO CHANGE"), "{printed}");
}

#[test]
fn every_wrong_call_has_its_exit_code_and_names_the_cause() {
    let (folder, file) = folder();
    let image = ["--image", "registry.example/app:1.1"];
    let rows: &[(&[&str], u8, &str)] = &[
        (&["--files", "deploy/*.yaml"], 2, "nothing to set"),
        (&[], 2, "nothing to set"),
        (
            &[
                "--files",
                "deploy/*.yaml",
                "--image",
                "registry.example/app",
            ],
            2,
            "repository:tag",
        ),
        (
            &["--files", "deploy/*.yaml", "--image", "app@sha256:ab"],
            2,
            "repository:tag",
        ),
        (
            &["--files", "deploy/*.yaml", "--image", "app:-1"],
            2,
            "Kubernetes label",
        ),
        (
            &["--files", "deploy/*.yaml", "--image", "app:1.0\nevil"],
            2,
            "Kubernetes label",
        ),
        (
            &[
                "--files",
                "deploy/*.yaml",
                "--weight",
                "101",
                "--ingress",
                "a",
            ],
            2,
            "0 to 100",
        ),
        (
            &["--files", "deploy/*.yaml", "--weight", "10"],
            30,
            "no object of the files splits traffic",
        ),
        (
            &["--files", "deploy/*.yaml", "--replicas", "1"],
            2,
            "--workload",
        ),
        (
            &[
                "--files",
                "deploy/*.yaml",
                "--workload",
                "app",
                "--replicas",
                "1",
            ],
            2,
            "Kind/name",
        ),
        (
            &["--root", "nowhere", "--files", "*", image[0], image[1]],
            2,
            "nowhere",
        ),
        (
            &["--files", "../*.yaml", image[0], image[1]],
            2,
            "../*.yaml",
        ),
        (
            &["--files", "/etc/*.yaml", image[0], image[1]],
            2,
            "/etc/*.yaml",
        ),
        (&["--files", "a[", image[0], image[1]], 2, "a["),
        (
            &["--files", "*.yaml", image[0], image[1]],
            30,
            "no file matches `*.yaml`",
        ),
        (
            &["--files", "deploy/*.yaml", "other/**", image[0], image[1]],
            30,
            "no file matches `other/**`",
        ),
        (
            &["--files", "**/*.yaml", "--image", "other:1"],
            30,
            "registry.example/app:1.0",
        ),
        (
            &["--image", "app:1.1"],
            2,
            "for example: --files '**/*.yaml'",
        ),
        (
            &["--files", "**/*.yaml", "--weight", "5", "--ingress", "app"],
            30,
            "there is no Ingress/app in 1 file",
        ),
    ];
    for (arguments, expected, word) in rows {
        let (code, printed) = shipgate(folder.path(), arguments);
        assert_eq!(code, *expected, "{arguments:?}: {printed}");
        assert!(printed.contains(word), "{arguments:?}: {printed}");
        assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
    }
}

/// Each is called with `--files` in front.
const WRONG_VALUES: &[(&[&str], &str)] = &[
    (&["--image", "app=registry.example/app"], "repository:tag"),
    (&["--image", "App=registry.example/app:1"], "repository:tag"),
    (&["--image", "a b:1"], "repository:tag"),
    (&["--env", "A"], "expected KEY=VALUE"),
    (&["--label", "=v"], "expected KEY=VALUE"),
    (&["--annotation", "k"], "expected KEY=VALUE"),
    (&["--selector", "k=v"], "--object <KIND/NAME>"),
    (
        &["--subset", "k=v", "--object", "A/b"],
        "expected NAME:KEY=VALUE",
    ),
    (&["--subset", "v1:k=v"], "--object <KIND/NAME>"),
    (
        &["--step", "first=5", "--object", "A/b"],
        "expected NUMBER=PERCENT",
    ),
    (&["--step", "0=101", "--object", "A/b"], "0 to 100"),
    (&["--step", "0=5"], "--object <KIND/NAME>"),
    (
        &["--helm-value", "image.tag", "--values", "a"],
        "expected PATH=VALUE",
    ),
    (
        &["--helm-value", "image..tag=1", "--values", "a"],
        "expected a path",
    ),
    (
        &["--helm-value", "image.tag=1"],
        "--helm-value needs --values FILE or --object",
    ),
    (&["--values", "values.yaml"], "--helm-value"),
    (&["--path", "spec.", "--value", "1"], "expected a path"),
    (&["--path", "spec.paused"], "--value <VALUE>"),
    (&["--value", "1"], "--path <PATH>"),
    (
        &["--path", "a", "--path", "b", "--value", "1"],
        "found 2 --path and 1 --value",
    ),
    (
        &["--path", "a", "--value", "1", "--type", "number"],
        "[possible values: text, integer, boolean]",
    ),
    (
        &["--type", "text", "--label", "k=v"],
        "--type is for --path and --helm-value",
    ),
    (&["--object", "app", "--label", "k=v"], "expected Kind/name"),
    (
        &["--object", "A/b", "--env", "k=v"],
        "--object is for --label",
    ),
    (
        &["--workload", "A/b", "--label", "k=v"],
        "--workload is for --image",
    ),
    (
        &["--container", "app", "--label", "k=v"],
        "--env <NAME=VALUE>",
    ),
    (
        &["--traffic", "A/b", "--label", "k=v"],
        "--weight <PERCENT>",
    ),
    (&["--canary", "app", "--label", "k=v"], "--weight <PERCENT>"),
    (
        &["--weight", "5", "--traffic", "A/b", "--ingress", "b"],
        "cannot be used with",
    ),
];

#[test]
fn every_wrong_value_is_a_wrong_call() {
    let (folder, file) = folder();
    for (arguments, word) in WRONG_VALUES {
        let arguments = [&["--files", "deploy/*.yaml"], *arguments].concat();
        let (code, printed) = shipgate(folder.path(), &arguments);
        assert_eq!(code, 2, "{arguments:?}: {printed}");
        assert!(printed.contains(word), "{arguments:?}: {printed}");
        assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
    }
}

#[test]
fn any_value_is_set_by_its_path() {
    let (folder, file) = folder();
    let arguments = [
        "--files",
        "**/*.yaml",
        "--path",
        "spec.replicas",
        "--value",
        "5",
        "--path",
        "spec.template.spec.containers[name=app].image",
        "--value",
        "registry.example/app:2",
        "--object",
        "Deployment/app",
    ];
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0, "{printed}");
    let expected = DEPLOYMENT.replace(":1.0", ":2").replace("2 #", "5 #");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn what_is_added_is_told_to_machines() {
    let (folder, file) = folder();
    let arguments = [
        "--files",
        "**/*.yaml",
        "--path",
        "spec.revisionHistoryLimit",
        "--value",
        "5",
        "--type",
        "integer",
        "--object",
        "Deployment/app",
        "--replicas",
        "3",
        "--workload",
        "Deployment/app",
        "--output",
        "json",
    ];
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0, "{printed}");
    let object = printed.find('{').unwrap_or_default();
    let report: serde_json::Value = serde_json::from_str(&printed[object..]).unwrap();
    let told = [
        "result",
        "reason",
        "changes",
        "files_changed",
        "refusals",
        "notes",
        "diff",
    ];
    let told = told.map(|key| (key, &report[key]));
    insta::assert_json_snapshot!(BTreeMap::from(told), @r#"
    {
      "changes": [
        {
          "path": "deploy/app.yaml",
          "line": 4,
          "column": 13,
          "object": "Deployment/app",
          "target": "spec.replicas",
          "old": "2",
          "new": "3"
        },
        {
          "path": "deploy/app.yaml",
          "line": 4,
          "column": 3,
          "object": "Deployment/app",
          "target": "spec.revisionHistoryLimit",
          "old": null,
          "new": "5"
        }
      ],
      "diff": "--- a/deploy/app.yaml\n+++ b/deploy/app.yaml\n@@ -1,5 +1,6 @@\n kind: Deployment\n metadata: {name: app}\n spec:\n-  replicas: 2 # two\n+  replicas: 3 # two\n   template: {spec: {containers: [{name: app, image: \"registry.example/app:1.0\"}]}}\n+  revisionHistoryLimit: 5\n",
      "files_changed": [
        "deploy/app.yaml"
      ],
      "notes": [
        "deploy/app.yaml:4: spec.revisionHistoryLimit of Deployment/app was not there; added"
      ],
      "reason": "changed 2 values in 1 file",
      "refusals": [],
      "result": "ok"
    }
    "#);
    let expected = format!("{DEPLOYMENT}  revisionHistoryLimit: 5\n").replace("2 #", "3 #");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn every_refusal_is_told_with_its_place_and_what_to_do() {
    let (folder, file) = folder();
    let arguments = [
        "--files",
        "**/*.yaml",
        "--path",
        "spec.replicas",
        "--value",
        "many",
        "--path",
        "spec.selector.matchLabels.app",
        "--value",
        "other",
        "--object",
        "Deployment/app",
    ];
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 30);
    assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
    insta::assert_snapshot!(printed, @r"
    EDIT REFUSED  deploy/app.yaml:4: spec.replicas of Deployment/app: found `many`, expected a whole
                  number such as 5

      refused     deploy/app.yaml:4: spec.replicas of Deployment/app: found `many`, expected a whole
                  number such as 5
                  hint: say --type text if a text is meant
      refused     deploy/app.yaml:1: `spec.selector.matchLabels.app` of Deployment/app says which pods
                  belong to the workload, which Kubernetes lets nobody change
                  hint: make a new workload beside the old one
      exit code   30 edit-refused

    next: say --type text if a text is meant
    next: make a new workload beside the old one
    ");
}

#[test]
fn the_diff_is_coloured_on_demand_and_harmless() {
    let (folder, file) = folder();
    let hostile = DEPLOYMENT.replace(
        "spec:\n",
        "# ##[group]x \u{202e}y\nspec:\n  ::error::x: \"##[y]\"\n",
    );
    fs::write(&file, &hostile).unwrap();
    let arguments = ["--files", "**/*.yaml", "--replicas", "5"];
    let arguments = [
        &arguments[..],
        &["--workload", "Deployment/app", "--dry-run"],
    ]
    .concat();
    let diff = |more: &[&str]| {
        let (code, printed) = shipgate(folder.path(), &[&arguments[..], more].concat());
        assert_eq!(code, 0, "{printed}");
        printed
            .split("\n\u{1b}[1mdiff\u{1b}[0m\n")
            .last()
            .unwrap()
            .to_owned()
    };
    insta::assert_snapshot!(diff(&["--color", "always"]).escape_debug().to_string().replace("\\n", "\n"), @r##"
    \u{1b}[1m--- a/deploy/app.yaml\u{1b}[0m
    \u{1b}[1m+++ b/deploy/app.yaml\u{1b}[0m
    \u{1b}[36m@@ -3,5 +3,5 @@\u{1b}[0m
     # # #[group]x y
     spec:
       : :error::x: \"# #[y]\"
    \u{1b}[31m-  replicas: 2 # two\u{1b}[0m
    \u{1b}[32m+  replicas: 5 # two\u{1b}[0m
       template: {spec: {containers: [{name: app, image: \"registry.example/app:1.0\"}]}}
    "##);
    assert!(!diff(&[]).contains('\u{1b}'));
    let json = diff(&["--output", "json"]);
    assert!(json.is_ascii() && !json.contains("##["), "{json}");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(
        report["diff"]
            .as_str()
            .unwrap()
            .contains("##[group]x \u{202e}y")
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), hostile);
}

#[test]
fn a_document_that_cannot_be_read_stops_only_the_strict() {
    let (folder, file) = folder();
    fs::write(file.with_file_name("broken.yaml"), "kind: [\n").unwrap();
    let arguments = [
        "--files",
        "**/*.yaml",
        "--image",
        "registry.example/app:1.1",
    ];
    let (code, printed) = shipgate(folder.path(), &[&arguments[..], &["--strict"]].concat());
    assert_eq!(code, 30, "{printed}");
    assert!(
        printed.contains("deploy/broken.yaml:1: is not readable as YAML"),
        "{printed}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn what_only_a_wildcard_meets_is_left_out_where_it_is_no_manifest() {
    let (folder, file) = folder();
    let git = folder.path().join("deploy/module/.git");
    fs::create_dir_all(&git).unwrap();
    fs::write(git.join("copy.yaml"), DEPLOYMENT).unwrap();
    fs::write(file.with_file_name("logo.png"), [0x89, b'P', 0, 1]).unwrap();
    fs::write(file.with_file_name("latin.txt"), [b'a', 0xe4]).unwrap();
    fs::write(file.with_file_name("notes.txt"), "kind: none\n").unwrap();
    fs::write(file.with_file_name(".shipgate-0"), DEPLOYMENT).unwrap();
    let large = fs::File::create(file.with_file_name("dump")).unwrap();
    large.set_len((16 << 20) + 1).unwrap();
    let image = ["--image", "registry.example/app:1.1"];
    let (code, printed) = shipgate(folder.path(), &["--files", "**", image[0], image[1]]);
    assert_eq!(code, 0, "{printed}");
    let note = "left out 4 files that are no manifests: deploy/.shipgate-0, deploy/dump, \
                deploy/latin.txt and 1 more";
    assert!(printed.contains(note), "{printed}");
    let rows: &[(&str, &str, &[u8], &str)] = &[
        ("logo.png", "deploy/logo.png", b"\0", "holds a NUL byte"),
        ("latin.yaml", "**", &[b'a', 0xe4], "holds the byte 0xE4"),
        ("wide.YML", "**", &[0xff, 0xfe, 0, 0], "is UTF-16"),
    ];
    for (name, glob, bytes, word) in rows {
        let path = file.with_file_name(name);
        fs::write(&path, bytes).unwrap();
        let (code, printed) = shipgate(folder.path(), &["--files", glob, image[0], image[1]]);
        assert_eq!(code, 30, "{name}: {printed}");
        assert!(
            printed.contains(&format!("deploy/{name}:1: {word}")),
            "{printed}"
        );
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_file_that_changes_meanwhile_stops_all() {
    let (folder, file) = folder();
    let other = file.with_file_name("other.yaml");
    let beside = folder.path().join("beside");
    let other_text = DEPLOYMENT.replace("{name: app}\n", "{name: other}\n");
    let same_length = other_text.replace("{name: other}\n", "{name: OTHER}\n");
    let longer = || fs::write(&other, format!("{other_text}# new\n")).unwrap();
    let as_long = || fs::write(&other, &same_length).unwrap();
    let another_file = || {
        fs::write(&beside, &same_length).unwrap();
        fs::rename(&beside, &other).unwrap();
    };
    let link = || {
        fs::rename(&other, &beside).unwrap();
        symlink(&beside, &other).unwrap();
    };
    // Read as files that were written just now, and as such that have been there for long.
    let (just_now, later) = (TimeDelta::zero(), TimeDelta::hours(1));
    let rows: [(TimeDelta, &dyn Fn()); 7] = [
        (just_now, &longer),
        (just_now, &as_long),
        (just_now, &another_file),
        (just_now, &link),
        (later, &longer),
        (later, &another_file),
        (later, &link),
    ];
    for (age, change) in rows {
        fs::remove_file(&other).ok();
        fs::write(&other, &other_text).unwrap();
        let globs = ["**/*.yaml".to_owned()];
        let files = FileSet::read(folder.path(), &globs, SystemClock.now() + age).unwrap();
        change();
        let edit = Edit::Version {
            workload: None,
            image: "registry.example/app".to_owned(),
            version: "1.1".parse().unwrap(),
        };
        let how = (Allowances::default(), false);
        let failure = set_in(&files, &[edit], how, None, &mut Silent);
        let failure = failure.unwrap_err();
        assert_eq!(failure.0.ending, Ending::EditRefused);
        assert_eq!(
            failure.0.reason,
            "deploy/other.yaml: was changed by someone else meanwhile"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 2);
    }
}

#[test]
fn a_signal_before_the_files_are_in_place_leaves_all_as_it_was() {
    let (folder, file) = folder();
    let globs = ["**/*.yaml".to_owned()];
    let files = FileSet::read(folder.path(), &globs, SystemClock.now()).unwrap();
    let edit = Edit::Version {
        workload: None,
        image: "registry.example/app".to_owned(),
        version: "1.1".parse().unwrap(),
    };
    let rows = [
        (StopReason::Interrupt, Ending::Interrupted),
        (StopReason::Terminate, Ending::Terminated),
    ];
    for (reason, ending) in rows {
        let how = (Allowances::default(), false);
        let ended = set_in(
            &files,
            std::slice::from_ref(&edit),
            how,
            Some(reason),
            &mut Silent,
        );
        assert_eq!(ended.unwrap_err().0.ending, ending);
        assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }
}

#[test]
fn of_two_runs_at_once_nothing_is_lost() {
    let (folder, file) = folder();
    let at_once = Barrier::new(2);
    let run = |name: &str| {
        let globs = ["**/*.yaml".to_owned()];
        let now = SystemClock.now() + TimeDelta::hours(1);
        let files = FileSet::read(folder.path(), &globs, now).unwrap();
        at_once.wait();
        let edit = Edit::Env {
            workload: None,
            container: None,
            name: name.to_owned(),
            value: "1".to_owned(),
        };
        set_in(
            &files,
            &[edit],
            (Allowances::default(), false),
            None,
            &mut Silent,
        )
        .is_ok()
    };
    for _ in 0..100 {
        fs::write(
            &file,
            DEPLOYMENT.replace(
                "app:1.0\"",
                "app:1.0\", env: [{name: A, value: '0'}, {name: B, value: '0'}]",
            ),
        )
        .unwrap();
        let done = thread::scope(|scope| {
            let other = scope.spawn(|| run("A"));
            let this = run("B");
            [other.join().unwrap(), this]
        });
        let text = fs::read_to_string(&file).unwrap();
        assert!(done.contains(&true));
        for (name, is_done) in ["A", "B"].into_iter().zip(done) {
            let is_there = text.contains(&format!("name: {name}, value: '1'"));
            assert_eq!(is_there, is_done, "{name} in {text}");
        }
    }
}

struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _event: &Event) {}

    fn finish(&mut self, _outcome: &Outcome) {}
}

#[test]
fn a_folder_elsewhere_is_found_by_root() {
    let (folder, file) = folder();
    let root = folder.path().join("deploy");
    let arguments = ["--root", root.to_str().unwrap(), "--files", "./app.yaml"];
    let image = ["--image", "registry.example/app:1.1"];
    let (code, printed) = shipgate(Path::new("/"), &[&arguments[..], &image].concat());
    assert_eq!(code, 0, "{printed}");
    assert!(fs::read_to_string(file).unwrap().contains("app:1.1"));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    const IMAGE: [&str; 2] = ["--image", "registry.example/app:1.1"];

    #[test]
    fn symbolic_links_are_refused_and_not_followed() {
        let (folder, file) = folder();
        let outside = TempDir::new().unwrap();
        let secret = outside.path().join("secret.yaml");
        fs::write(&secret, DEPLOYMENT).unwrap();
        symlink(&secret, folder.path().join("deploy/link.yaml")).unwrap();
        symlink(outside.path(), folder.path().join("linked")).unwrap();
        for glob in [
            "deploy/*.yaml",
            "deploy/link.yaml",
            "linked/*.yaml",
            "linked/secret.yaml",
        ] {
            let (code, printed) = shipgate(folder.path(), &["--files", glob, IMAGE[0], IMAGE[1]]);
            assert_eq!(code, 30, "{glob}: {printed}");
            assert!(printed.contains("is a symbolic link"), "{glob}: {printed}");
        }
        fs::remove_file(folder.path().join("deploy/link.yaml")).unwrap();
        let (code, printed) =
            shipgate(folder.path(), &["--files", "**/*.yaml", IMAGE[0], IMAGE[1]]);
        assert_eq!(code, 0, "{printed}");
        assert!(fs::read_to_string(file).unwrap().contains("app:1.1"));
        assert_eq!(fs::read_to_string(secret).unwrap(), DEPLOYMENT);
    }

    #[test]
    fn mode_bits_stay_and_nothing_is_left_behind() {
        let (folder, file) = folder();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let arguments = ["--files", "deploy/*.yaml", IMAGE[0], IMAGE[1]];
        assert_eq!(shipgate(folder.path(), &arguments).0, 0);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn owner_and_group_stay() {
        let (folder, file) = folder();
        // Only root may give a file away; for anybody else it is their own before and after.
        let _ = chown(&file, Some(1), Some(1));
        let owner = |file: &Path| {
            let found = fs::metadata(file).unwrap();
            (found.uid(), found.gid())
        };
        let before = owner(&file);
        let arguments = ["--files", "deploy/*.yaml", IMAGE[0], IMAGE[1]];
        assert_eq!(shipgate(folder.path(), &arguments).0, 0);
        assert!(fs::read_to_string(&file).unwrap().contains("app:1.1"));
        assert_eq!(owner(&file), before);
    }

    #[test]
    fn one_file_that_may_not_be_written_stops_all() {
        let (folder, file) = folder();
        let second = file.with_file_name("second.yaml");
        fs::write(
            &second,
            DEPLOYMENT.replace("name: app}\n", "name: second}\n"),
        )
        .unwrap();
        fs::set_permissions(&second, fs::Permissions::from_mode(0o444)).unwrap();
        let arguments = ["--files", "deploy/*.yaml", IMAGE[0], IMAGE[1]];
        let (code, printed) = shipgate(folder.path(), &arguments);
        assert_eq!(code, 30, "{printed}");
        assert!(
            printed.contains("deploy/second.yaml: is read-only"),
            "{printed}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 2);
    }
}

#[test]
fn a_file_over_the_limit_is_not_even_read() {
    let (folder, file) = folder();
    fs::File::create(file.with_file_name("dump.yaml"))
        .unwrap()
        .set_len((16 << 20) + 1)
        .unwrap();
    let arguments = ["--files", "deploy/*", "--image", "registry.example/app:1.1"];
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 30);
    assert!(
        printed.contains("deploy/dump.yaml: is 16777217 bytes long"),
        "{printed}"
    );
}

const CONFIGURATION: &str = r#"version: 1
environments:
  production: {root: deploy}
services:
  app:
    manifests: ["{root}/app.yaml"]
    image: registry.example/app
    workloads: {stable: Deployment/app}
    live: {stable: {http: "https://app.example/version"}}
    strategy: {rolling: {bake_time: 1m}}
    verification: {health: [{http: "https://app.example/health"}]}
"#;

#[test]
fn a_service_is_found_in_its_configuration() {
    let (folder, file) = folder();
    let missing = shipgate(folder.path(), &["--service", "app", "--version", "1.1"]);
    assert_eq!(missing.0, 3, "{}", missing.1);
    fs::write(folder.path().join("shipgate.yaml"), CONFIGURATION).unwrap();
    let arguments = ["--service", "app", "--version", "1.1", "--replicas", "3"];
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0, "{printed}");
    let expected = DEPLOYMENT.replace(":1.0", ":1.1").replace("2 #", "3 #");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    let rows: &[(&[&str], u8, &str)] = &[
        (&["--service", "app", "--weight", "10"], 2, "has no canary"),
        (
            &["--service", "app", "--version", "1.2", "--arm", "canary"],
            2,
            "has no canary",
        ),
        (
            &["--service", "ap", "--version", "1.2"],
            3,
            "did you mean `app`?",
        ),
        (
            &["--service", "app", "--version", "1.0\nevil"],
            2,
            "expected 1 to 63 characters",
        ),
        (
            &[
                "--service",
                "app",
                "--environment",
                "lab",
                "--version",
                "1.2",
            ],
            3,
            "unknown environment `lab`",
        ),
        (&["--service", "app"], 2, "nothing to set"),
        (
            &[
                "--service",
                "app",
                "--replicas",
                "1",
                "--workload",
                "Deployment/app",
            ],
            2,
            "cannot be used with",
        ),
        (
            &["--service", "app", "--replicas", "1", "--files", "**"],
            2,
            "cannot be used with",
        ),
        (
            &["--service", "app", "--image", "registry.example/app:1.2"],
            2,
            "cannot be used with",
        ),
    ];
    for (arguments, code, sentence) in rows {
        let (found, printed) = shipgate(folder.path(), arguments);
        let said = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(found, *code, "{arguments:?}: {printed}");
        assert!(said.contains(sentence), "{arguments:?}: {printed}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

const CANARY: &str = "\
kind: Ingress
metadata:
  name: app-canary
  annotations:
    nginx.ingress.kubernetes.io/canary: \"true\"
    nginx.ingress.kubernetes.io/canary-weight: \"0\"
---
kind: Deployment
metadata: {name: app-canary, labels: {version: \"1.0\"}}
spec:
  replicas: 0
  selector: {matchLabels: {app: app, track: canary}}
  template:
    metadata: {labels: {app: app, track: canary, version: \"1.0\"}}
    spec: {containers: [{name: app, image: \"registry.example/app:1.0\"}]}
";

#[test]
fn the_usual_targets_of_a_service_are_found() {
    let (folder, file) = folder();
    let configuration = CONFIGURATION
        .replace("/app.yaml", "/*.yaml")
        .replace(
            "{stable: Deployment/app}",
            "{stable: Deployment/app, canary: Deployment/app-canary}\n    traffic: {ingress_nginx: Ingress/app-canary}",
        )
        .replace(
            "/version\"}}",
            "/version\"}, canary: {http: \"https://canary.example/version\"}}",
        )
        .replace(
            "{rolling: {bake_time: 1m}}",
            "{canary: {steps: [{set_weight: 10}, {pause: {duration: 1m}}]}}",
        );
    fs::write(folder.path().join("shipgate.yaml"), configuration).unwrap();
    let canary = file.with_file_name("canary.yaml");
    fs::write(&canary, CANARY).unwrap();
    let arguments = [
        "--service",
        "app",
        "--version",
        "1.1",
        "--arm",
        "canary",
        "--replicas",
        "1",
        "--weight",
        "5",
    ];
    let (code, printed) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(fs::read_to_string(&file).unwrap(), DEPLOYMENT);
    let expected = CANARY
        .replace("app:1.0", "app:1.1")
        .replace("version: \"1.0\"", "version: \"1.1\"")
        .replace("replicas: 0", "replicas: 1")
        .replace("weight: \"0\"", "weight: \"5\"");
    assert_eq!(fs::read_to_string(&canary).unwrap(), expected);
    insta::assert_snapshot!(printed, @r#"
    OK  changed 5 values in 1 file

    changes
      deploy/canary.yaml  Ingress/app-canary
        6:48    metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"]  0 -> 5
      deploy/canary.yaml  Deployment/app-canary
        9:48    metadata.labels.version  1.0 -> 1.1
        11:13   spec.replicas  0 -> 1
        14:59   spec.template.metadata.labels.version  1.0 -> 1.1
        15:44   spec.template.spec.containers[name=app].image
                  registry.example/app:1.0 -> registry.example/app:1.1

    diff
      --- a/deploy/canary.yaml
      +++ b/deploy/canary.yaml
      @@ -3,13 +3,13 @@
         name: app-canary
         annotations:
           nginx.ingress.kubernetes.io/canary: "true"
      -    nginx.ingress.kubernetes.io/canary-weight: "0"
      +    nginx.ingress.kubernetes.io/canary-weight: "5"
       ---
       kind: Deployment
      -metadata: {name: app-canary, labels: {version: "1.0"}}
      +metadata: {name: app-canary, labels: {version: "1.1"}}
       spec:
      -  replicas: 0
      +  replicas: 1
         selector: {matchLabels: {app: app, track: canary}}
         template:
      -    metadata: {labels: {app: app, track: canary, version: "1.0"}}
      +    metadata: {labels: {app: app, track: canary, version: "1.1"}}
      -    spec: {containers: [{name: app, image: "registry.example/app:1.0"}]}
      +    spec: {containers: [{name: app, image: "registry.example/app:1.1"}]}

    OK  changed 5 values in 1 file
    "#);
}

#[test]
fn a_service_of_a_chart_has_its_version_in_the_values_file() {
    let (folder, file) = folder();
    let values = folder.path().join("deploy/values.yaml");
    let chart = "    helm: {file: \"{root}/values.yaml\", image_tag: image.tag, version_keys: [podVersion]}\n";
    let configuration = format!("{CONFIGURATION}{chart}");
    fs::write(folder.path().join("shipgate.yaml"), &configuration).unwrap();
    // What runs is a template: only rendering says what its image is.
    let template = DEPLOYMENT.replace("registry.example/app:1.0", "{{ .Values.image.tag }}");
    fs::write(&file, &template).unwrap();
    let before = "image: {tag: 1.0}   # of production\npodVersion: '1.0'\n";
    fs::write(&values, before).unwrap();
    let (code, printed) = shipgate(folder.path(), &["--service", "app", "--version", "1.10"]);
    assert_eq!(code, 0, "{printed}");
    let after = "image: {tag: '1.10'}   # of production\npodVersion: '1.10'\n";
    assert_eq!(fs::read_to_string(&values).unwrap(), after);
    assert_eq!(fs::read_to_string(&file).unwrap(), template);
    fs::write(&values, "image: {tags: 1.0}\npodVersion: '1.0'\n").unwrap();
    let (code, printed) = shipgate(folder.path(), &["--service", "app", "--version", "1.10"]);
    assert_eq!(code, 30, "{printed}");
    let missing = "deploy/values.yaml:1: there is no `image.tag` here";
    assert!(printed.contains(missing), "{printed}");
}

#[test]
fn a_service_may_carry_its_version_in_more_values() {
    let (folder, file) = folder();
    let carries = "    version_in: [{path: 'metadata.annotations[\"example.com/version\"]'}]\n";
    fs::write(
        folder.path().join("shipgate.yaml"),
        format!("{CONFIGURATION}{carries}"),
    )
    .unwrap();
    let before = DEPLOYMENT.replace(
        "{name: app}\n",
        "{name: app, annotations: {example.com/version: v1}}\n",
    );
    fs::write(&file, &before).unwrap();
    let (code, printed) = shipgate(folder.path(), &["--service", "app", "--version", "1.1"]);
    assert_eq!(code, 0, "{printed}");
    let expected = before
        .replace("app:1.0", "app:1.1")
        .replace("version: v1", "version: \"1.1\"");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}
