//! Which module may use which. A new arrow between two modules is a design decision: it is made
//! here, in a reviewed diff, and nowhere else.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Modules in reading order, lowest first, each with the whole list of what it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("clock", &[]),
    ("secret", &[]),
    ("process", &[]),
    ("exit", &[]),
    ("yaml", &[]),
    ("policy", &["units", "yaml"]),
    ("manifest", &["units", "yaml"]),
    ("analysis", &["units"]),
    ("config", &["units", "yaml", "manifest", "analysis"]),
    ("rollout", &["units", "manifest", "analysis", "config"]),
    (
        "event",
        &["units", "exit", "policy", "manifest", "analysis", "rollout"],
    ),
    ("git", &["units", "clock", "secret", "process", "manifest"]),
    (
        "probe",
        &[
            "units", "clock", "secret", "process", "yaml", "analysis", "config",
        ],
    ),
    ("forge", &["units", "clock", "secret", "config", "probe"]),
    ("sign", &["units", "secret", "policy"]),
    (
        "notify",
        &[
            "units", "clock", "secret", "policy", "config", "event", "probe",
        ],
    ),
    ("audit", &["event"]),
    (
        "ops",
        &[
            "units", "clock", "secret", "yaml", "policy", "manifest", "analysis", "config",
            "rollout", "event", "git", "probe", "forge", "sign", "notify", "audit",
        ],
    ),
    (
        "report",
        &[
            "units", "policy", "manifest", "analysis", "rollout", "event",
        ],
    ),
    ("sim", &["units", "clock", "yaml", "manifest", "git"]),
    (
        "cli",
        &[
            "units", "clock", "secret", "exit", "yaml", "policy", "manifest", "analysis", "config",
            "rollout", "event", "git", "probe", "forge", "sign", "notify", "audit", "ops",
            "report", "sim",
        ],
    ),
];

/// Modules without `async`, input, output, clock or environment.
const PURE: &[&str] = &[
    "units", "yaml", "policy", "manifest", "analysis", "config", "rollout", "event",
];

#[test]
fn modules_only_use_the_layers_below_them() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (module, file) in module_files() {
        seen.insert(module.clone());
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!(
                "{}: module `{module}` is not in the table",
                file.display()
            ));
            continue;
        };
        for used in modules_used(&code(&file)) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!(
                    "{}: `{module}` may not use `{used}`",
                    file.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let listed: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(seen, listed, "the table and src/ name different modules");
}

#[test]
fn the_table_has_no_circle() {
    for (position, (module, allowed)) in ALLOWED.iter().enumerate() {
        for used in *allowed {
            let below = ALLOWED[..position].iter().any(|(name, _)| name == used);
            assert!(below, "`{module}` uses `{used}`, which is not below it");
        }
    }
}

#[test]
fn the_pure_modules_touch_nothing_outside() {
    let outside = [
        "async fn",
        ".await",
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "std::thread",
        "std::io",
        "tokio::",
        "reqwest::",
        "git2::",
        "Utc::now",
        "Instant::now",
    ];
    let mut wrong = Vec::new();
    for (module, file) in module_files() {
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        let code = code(&file);
        let code = code.split("#[cfg(test)]").next().unwrap();
        for word in outside {
            if code.contains(word) {
                wrong.push(format!("{}: `{word}` in a pure module", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_a_sentence() {
    for (_, file) in module_files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("//! "),
            "{} has no //! sentence",
            file.display()
        );
    }
}

/// Returns every source file with its top-level module.
fn module_files() -> Vec<(String, PathBuf)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&source).unwrap();
                let first = inside.iter().next().unwrap().to_string_lossy();
                let module = first.trim_end_matches(".rs").to_owned();
                if module != "main" && module != "lib" {
                    found.push((module, path));
                }
            }
        }
    }
    found
}

/// Returns a file's text without its comment lines.
fn code(file: &Path) -> String {
    fs::read_to_string(file)
        .unwrap()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns the first path segment after each `crate::`, and each first segment of a
/// `crate::{a, b::{c, d}}` group, however it is broken into lines.
fn modules_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        if code[..at].ends_with(|last: char| last.is_alphanumeric() || last == '_') {
            continue;
        }
        let rest = &code[at + found.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(first_word(rest));
            continue;
        };
        let mut depth = 0;
        let mut at_start = true;
        for (offset, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                _ if character.is_whitespace() => {}
                _ if at_start => {
                    used.insert(first_word(&group[offset..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    used
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}
