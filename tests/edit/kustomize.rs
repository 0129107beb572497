//! What kustomize builds of edited files: where a kustomization decides over a value, the edit must
//! show in what comes out, and nothing else may.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

/// Case folders of `fixtures/edit` that an edit succeeds in, and the kustomization in each.
const CASES: &[(&str, &str)] = &[
    ("kustomization-inside-and-outside", "prod"),
    ("kustomization-component", "prod"),
    ("kustomization-renames-the-image", "."),
    ("kustomization-renames-the-image-alone", "."),
    ("kustomization-replicas-of-a-new-name", "prod"),
    ("patch-and-images", "."),
    ("patch-brings-the-version", "."),
    ("patch-file", "prod"),
    ("patch-inline", "."),
    ("patch-operations", "."),
];

/// Runs `kubectl kustomize`; none where there is no kubectl.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
#[expect(
    clippy::disallowed_methods,
    reason = "a pipeline may insist on kubectl"
)]
fn build(folder: &Path) -> Option<String> {
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(folder)
        .env("HOME", folder)
        .output();
    let Ok(Output {
        status,
        stdout,
        stderr,
    }) = output
    else {
        assert!(
            std::env::var_os("SHIPGATE_REQUIRE_KUBECTL").is_none(),
            "`kubectl` is not installed"
        );
        eprintln!("skipped: `kubectl` is not installed");
        return None;
    };
    let error = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{}: {error}", folder.display());
    Some(String::from_utf8(stdout).unwrap())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn what_kustomize_builds_has_the_new_values_and_no_other_change() {
    let mut changed = String::new();
    for (case, kustomization) in CASES {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/edit")
            .join(case);
        let folder = TempDir::new().unwrap();
        copy(&fixture.join("in"), folder.path());
        let Some(before) = build(&folder.path().join(kustomization)) else {
            return;
        };
        copy(&fixture.join("out"), folder.path());
        let after = build(&folder.path().join(kustomization)).unwrap();
        assert_eq!(before.lines().count(), after.lines().count(), "{case}");
        changed.push_str(&format!("{case} {kustomization}\n"));
        for (old, new) in before.lines().zip(after.lines()) {
            if old != new {
                changed.push_str(&format!("  {} -> {}\n", old.trim(), new.trim()));
            }
        }
    }
    insta::assert_snapshot!(changed, @r#"
    kustomization-inside-and-outside prod
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    kustomization-component prod
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    kustomization-renames-the-image .
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    kustomization-renames-the-image-alone .
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    kustomization-replicas-of-a-new-name prod
      replicas: 3 -> replicas: 5
    patch-and-images .
      - image: registry.example/team/app:1.0 -> - image: registry.example/team/app:1.1
    patch-brings-the-version .
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    patch-file prod
      replicas: 3 -> replicas: 5
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    patch-inline .
      replicas: 3 -> replicas: 5
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    patch-operations .
      replicas: 3 -> replicas: 5
      version: "1.0" -> version: "1.1"
      value: "1.0" -> value: "1.1"
      image: registry.example/team/app:1.0 -> image: registry.example/team/app:1.1
    "#);
}
