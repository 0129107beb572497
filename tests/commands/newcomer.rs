//! The first ten minutes as the README tells them: its own commands, run as they stand there.

use std::{fs, path::Path, process::Command};

/// The commands of a section of the README.
fn commands(section: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, more) = block.split_once("```").unwrap();
    assert!(!more.contains("```sh"), "the section has a second block");
    block.to_owned()
}

#[test]
fn the_first_ten_minutes_go_as_the_readme_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let binary = assert_cmd::cargo::cargo_bin("shipgate");
    let programs = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let path = [binary.parent().unwrap()].into_iter().chain(programs);
    let ran = Command::new("bash")
        .args(["-e", "-u", "-c", &commands("The first ten minutes")])
        .current_dir(&folder)
        .env_clear()
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("HOME", folder.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Alex")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "alex@example.com")))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, errors) = (text(&ran.stdout), text(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{errors}");
    let mut rest = &out[..];
    for part in [
        "wrote shipgate.yaml, policies/production.yaml for shop",
        "next: shipgate validate",
        "2 files are valid",
        "BLOCKED  ",
        "opens",
        "exit code 10",
        "registry.example/shop:1.0 -> registry.example/shop:1.1",
        "DEPLOYED  ",
        "ROLLED BACK  ",
        "exit code 40",
    ] {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("{part:?} is not there, or too early:\n{out}\n{errors}");
        };
        rest = after;
    }
}
