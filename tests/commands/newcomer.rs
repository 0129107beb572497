//! The first steps as the pages tell them: their own commands, run as they stand there.

use std::{fs, path::Path};

use crate::pages::{bash, play, section};

#[test]
fn the_first_ten_minutes_go_as_the_readme_tells_them() {
    let section = section("README.md", "The first ten minutes");
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, more) = block.split_once("```").unwrap();
    assert!(!more.contains("```sh"), "the section has a second block");
    let folder = tempfile::tempdir().unwrap();
    let ran = bash(folder.path(), &format!("set -e\n{block}"));
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

#[test]
#[expect(clippy::disallowed_methods, reason = "CI is the runner's word")]
#[expect(clippy::print_stderr, reason = "what was not tested is said")]
fn the_tutorial_goes_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    if !bash(folder.path(), "command -v python3").status.success() {
        assert!(
            std::env::var_os("CI").is_none(),
            "`python3` is not installed"
        );
        eprintln!("skipped: `python3` is not installed");
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.md");
    assert_eq!(play(&fs::read_to_string(path).unwrap()), 15);
}

#[test]
fn whoever_comes_from_elsewhere_gets_what_the_page_promises() {
    for (title, commands) in [
        ("Argo CD sync windows", 3),
        ("Flagger", 1),
        ("datadog-ci", 1),
        ("A shell script", 3),
    ] {
        let section = section("docs/coming-from.md", title);
        assert_eq!(play(&section), commands, "{title}");
    }
}
