//! The `set` command as it is called: flags, exit codes, and files that are not what they seem.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use shipgate::{
    cli::{self, Context},
    clock::ManualClock,
};
use tempfile::TempDir;

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
        (&[], 2, "--files"),
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
            2,
            "--ingress",
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
    use std::os::unix::fs::{PermissionsExt, symlink};

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
