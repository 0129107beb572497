//! The pages of `docs/` that are made from the program itself: they say what it says, or this fails.
//!
//! `SHIPGATE_WRITE_DOCS=1 cargo test --test repository reference` writes them anew.

mod codes;
mod commands;
mod keys;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;

/// When it is set, the pages are written instead of compared.
const WRITE: &str = "SHIPGATE_WRITE_DOCS";

/// What stands at the top of every page, so that nobody mends one by hand.
const MADE: &str =
    "<!-- Made from the program by tests/repository/reference; CONTRIBUTING.md says how. -->\n\n";

/// Most columns of a line.
const WIDTH: usize = 140;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Runs the program, which must end well, and returns what it prints.
fn shipgate(arguments: &[&str]) -> String {
    let mut command = Command::cargo_bin("shipgate").unwrap();
    let ran = command.env_clear().args(arguments).output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

/// Every page by its path in `docs/`.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut pages = commands::pages();
    pages.insert("exit-codes.md".into(), codes::page());
    pages.insert("policy-keys.md".into(), keys::policy());
    pages.insert("policy-test-keys.md".into(), keys::cases());
    pages.insert("configuration-keys.md".into(), keys::configuration());
    pages
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how this test is run is said by the environment"
)]
fn the_pages_say_what_the_program_says() {
    let mut wrong = Vec::new();
    let pages = pages();
    for (path, text) in &pages {
        let text = format!("{MADE}{text}");
        let at = docs().join(path);
        if env::var_os(WRITE).is_some() {
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, text).unwrap();
        } else if fs::read_to_string(at).ok() != Some(text) {
            wrong.push(path.clone());
        }
    }
    let there = fs::read_dir(docs().join("commands")).unwrap();
    let there: BTreeSet<_> = there
        .map(|entry| Path::new("commands").join(entry.unwrap().file_name()))
        .collect();
    wrong.extend(there.into_iter().filter(|path| !pages.contains_key(path)));
    assert!(
        wrong.is_empty(),
        "not as the program says: {wrong:?}; delete what belongs to no command, and write them anew with \
         {WRITE}=1 cargo test --test repository reference"
    );
}

/// Lets a text of the program stand in Markdown as it is: what is no code shows no tag and no stars.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| {
        if index % 2 == 1 {
            return part.to_owned();
        }
        part.replace('<', "\\<").replace('*', "\\*")
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Ends a sentence that has no end.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '?', '!', ':']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// Breaks a text into lines; all but the first are indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        let breaks = !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH;
        // A line that begins so would be a heading or an item of a list.
        if breaks && !["-", "+", "*", "#"].contains(&word) {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else {
            line.push_str(if line.trim().is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}
