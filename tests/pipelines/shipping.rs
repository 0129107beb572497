//! What is shipped: the release workflow, the table of digests, the images and the package agree.

use serde_json::Value;

use crate::text;

/// The systems of a release, and what the action calls them.
const SYSTEMS: [(&str, &str); 5] = [
    ("x86_64-unknown-linux-musl", "linux-x64"),
    ("aarch64-unknown-linux-musl", "linux-arm64"),
    ("x86_64-apple-darwin", "darwin-x64"),
    ("aarch64-apple-darwin", "darwin-arm64"),
    ("x86_64-pc-windows-msvc", "win32-x64"),
];

/// How the name of a program ends there.
fn ending(target: &str) -> &'static str {
    if target.contains("windows") {
        ".exe"
    } else {
        ""
    }
}

#[test]
fn a_release_has_every_system_and_is_checked_like_ours() {
    let workflow = text(".github/workflows/release.yml");
    let deny = text("deny.toml");
    for (target, place) in SYSTEMS {
        let row = workflow
            .lines()
            .find(|line| line.contains(&format!("{{target: {target}, ")));
        let names_ending = row.unwrap().contains("ending: .exe");
        assert_eq!(names_ending, ending(target) == ".exe", "{target}");
        assert!(
            deny.contains(&format!("\"{target}\"")),
            "deny.toml does not look at {target}"
        );
        assert!(
            text("CONTRIBUTING.md").contains(&format!("`{place}`")),
            "{place}"
        );
    }
    assert_eq!(workflow.matches("{target: ").count(), SYSTEMS.len());
    // The name that is uploaded is the one that `cargo binstall` asks for.
    assert!(workflow.contains("BINARY: shipgate-${{ matrix.target }}${{ matrix.ending }}\n"));
    assert!(workflow.contains("\"dist/$BINARY\""));
    assert!(text("Cargo.toml").contains("/shipgate-{ target }{ binary-ext }\""));
    // Manual pages and completions come along, for every shell that there are some for.
    let shells = text("src/cli/completions.rs");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            workflow.contains(&format!(" {shell} ")) || workflow.contains(&format!(" {shell};")),
            "{shell}"
        );
    }
    assert!(
        shells.contains("clap_complete::Shell"),
        "the list of shells is clap's"
    );
    assert!(workflow.contains("man --dir manuals/man1"));
    assert!(workflow.contains("dist/shipgate-manuals.tar.gz"));
}

#[test]
fn the_table_of_digests_is_empty_or_whole() {
    let table: Value = serde_json::from_str(&text("action/binaries.json")).unwrap();
    let binaries = table["binaries"].as_object().unwrap();
    let version = table["version"].as_str().unwrap();
    if version.is_empty() {
        assert!(binaries.is_empty() && table["note"].as_str().unwrap().contains("Empty until"));
        return;
    }
    for (target, place) in SYSTEMS {
        let entry = &binaries[place];
        let file = format!("shipgate-{target}{}", ending(target));
        assert_eq!(entry["file"], file, "{place}");
        let digest = entry["sha256"].as_str().unwrap();
        let is_digest = digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit());
        assert!(is_digest, "{place}: {digest}");
    }
    assert_eq!(binaries.len(), SYSTEMS.len());
}

#[test]
fn no_image_runs_as_root_and_the_build_has_what_it_needs() {
    let file = text("Dockerfile");
    let stages: Vec<&str> = file.split("\nFROM ").skip(1).collect();
    assert_eq!(stages.len(), 3);
    for stage in &stages[1..] {
        assert!(stage.contains("USER 65532:65532"), "{stage}");
    }
    assert!(stages[1].starts_with("scratch AS binary"));
    assert!(stages[0].contains("--locked --profile dist"));
    let version = text("Cargo.toml");
    let version = version.split("rust-version = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    assert!(
        stages[0].starts_with(&format!("rust:{version}-alpine")),
        "{version}"
    );
}
